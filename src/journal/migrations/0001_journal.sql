-- SQLite. Another database needs its own copy only for the type of bytes (BLOB).
-- Times are milliseconds since 1970 UTC. Message and answer stand apart: a change of state must not rewrite them.
CREATE TABLE messages (
  id TEXT NOT NULL PRIMARY KEY,
  received_at BIGINT NOT NULL,
  door TEXT NOT NULL,
  client TEXT,
  helo TEXT,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  channel TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  size BIGINT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  decided_at BIGINT,
  kind TEXT,
  label TEXT,
  score DOUBLE PRECISION,
  letter TEXT,
  report TEXT,
  message_id TEXT,
  erased BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX messages_work ON messages (state, next_at, id);
CREATE INDEX messages_same ON messages (fingerprint);
CREATE INDEX messages_sender ON messages (sender, kind, decided_at);
CREATE INDEX messages_age ON messages (erased, received_at);

CREATE TABLE originals (id TEXT NOT NULL PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE answers (id TEXT NOT NULL PRIMARY KEY, bytes BLOB NOT NULL);

-- Answers a minute, to everybody (key '') and to one sender (key: digest of the address).
CREATE TABLE pace (key TEXT NOT NULL, minute BIGINT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (key, minute));
