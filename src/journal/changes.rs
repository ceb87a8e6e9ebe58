//! Every change that can be made to the journal. Each move names the state it starts from, so that it can be made once only.

use std::sync::Arc;

use sqlx::any::AnyQueryResult;
use sqlx::{AnyConnection, Row as _};

use super::{Incoming, State};
use crate::guards::{self, Decision, Facts, History, Kind, Letter, Policy, Refusal};

const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

/// Messages erased in one change, so that others need not wait for long.
const ERASE_AT_ONCE: i64 = 200;

/// What judging found out.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What the guards look at.
    pub letter: Letter,
    /// Label, if there is a verdict; the highest of several.
    pub label: Option<&'static str>,
    /// Score that belongs to it.
    pub score: Option<f64>,
    /// The account, with personal numbers masked.
    pub report: String,
    /// The answer should it be sent, as it will be sent.
    pub answer: Vec<u8>,
    /// The answer's Message-ID.
    pub message_id: String,
}

/// A change.
#[derive(Clone, Debug)]
pub enum Change {
    /// A message was taken.
    Accept(Arc<Incoming>),
    /// received → judged.
    Judge(String, Arc<Judged>),
    /// judged → answering, held or not-to-be-answered, as the guards say.
    Decide(String),
    /// answering → answered.
    Answered(String),
    /// It stays where it is and is tried again at this time.
    Again(String, i64),
    /// received, judged or answering → failed, for this reason.
    Fail(String, String),
    /// Message and text of one sender are erased; what was on the way to them stops.
    EraseSender(String),
    /// Message and text of settled messages received before this time are erased, some at a time.
    EraseBefore(i64),
}

/// What a change came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It was made.
    Done,
    /// The message was not in the state that the change starts from.
    Nothing,
    /// What the guards decided.
    Decided(Decision),
    /// How many messages it concerned.
    Count(u64),
}

/// What changes depend on besides the database.
pub(super) struct Context {
    pub(super) now: i64,
    pub(super) policy: Arc<Policy>,
}

type Made<T> = Result<T, sqlx::Error>;

impl Change {
    /// Bytes of messages in it.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Accept(incoming) => incoming.bytes.len(),
            Self::Judge(_, judged) => judged.answer.len() + judged.report.len(),
            _ => 0,
        }
    }

    /// Its name in logs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Accept(_) => "accept",
            Self::Judge(..) => "judge",
            Self::Decide(_) => "decide",
            Self::Answered(_) => "answered",
            Self::Again(..) => "again",
            Self::Fail(..) => "fail",
            Self::EraseSender(_) => "erase-sender",
            Self::EraseBefore(_) => "erase-before",
        }
    }

    /// Makes the change within a transaction.
    pub(super) async fn apply(&self, db: &mut AnyConnection, context: &Context) -> Made<Effect> {
        match self {
            Self::Accept(incoming) => accept(db, incoming, context.now).await,
            Self::Judge(id, judged) => judge(db, id, judged, context.now).await,
            Self::Decide(id) => decide(db, id, context).await,
            Self::Answered(id) => answered(db, id, context.now).await,
            Self::Again(id, at) => again(db, id, *at).await,
            Self::Fail(id, reason) => fail(db, id, reason, context.now).await,
            Self::EraseSender(sender) => erase_sender(db, sender, context.now).await,
            Self::EraseBefore(time) => erase_before(db, *time).await,
        }
    }
}

fn made(result: &AnyQueryResult) -> Effect {
    if result.rows_affected() == 0 { Effect::Nothing } else { Effect::Done }
}

async fn accept(db: &mut AnyConnection, message: &Incoming, now: i64) -> Made<Effect> {
    let client = message.client.map(|ip| ip.to_string());
    sqlx::query(
        "INSERT INTO messages (id, received_at, door, client, helo, sender, recipient, channel, fingerprint, size,
           state, attempts, next_at, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $2, $2)",
    )
    .bind(&message.id)
    .bind(now)
    .bind(message.door)
    .bind(client)
    .bind(&message.helo)
    .bind(&message.sender)
    .bind(&message.recipient)
    .bind(if message.text { "text" } else { "mail" })
    .bind(message.fingerprint())
    .bind(message.bytes.len() as i64)
    .bind(State::Received.as_str())
    .execute(&mut *db)
    .await?;
    sqlx::query("INSERT INTO originals (id, bytes) VALUES ($1, $2)")
        .bind(&message.id)
        .bind(&message.bytes[..])
        .execute(db)
        .await?;
    Ok(Effect::Done)
}

async fn judge(db: &mut AnyConnection, id: &str, judged: &Judged, now: i64) -> Made<Effect> {
    let letter = serde_json::to_string(&judged.letter).unwrap_or_default();
    let result = sqlx::query(
        "UPDATE messages SET state = $2, kind = $3, label = $4, score = $5, letter = $6, report = $7, message_id = $8,
           attempts = 0, next_at = $9, changed_at = $9
         WHERE id = $1 AND state = $10",
    )
    .bind(id)
    .bind(State::Judged.as_str())
    .bind(judged.letter.kind.as_str())
    .bind(judged.label)
    .bind(judged.score)
    .bind(letter)
    .bind(&judged.report)
    .bind(&judged.message_id)
    .bind(now)
    .bind(State::Received.as_str())
    .execute(&mut *db)
    .await?;
    if result.rows_affected() == 1 && !judged.answer.is_empty() {
        sqlx::query("INSERT INTO answers (id, bytes) VALUES ($1, $2)")
            .bind(id)
            .bind(&judged.answer[..])
            .execute(db)
            .await?;
    }
    Ok(made(&result))
}

async fn decide(db: &mut AnyConnection, id: &str, context: &Context) -> Made<Effect> {
    let row = sqlx::query("SELECT letter, fingerprint FROM messages WHERE id = $1 AND state = $2")
        .bind(id)
        .bind(State::Judged.as_str())
        .fetch_optional(&mut *db)
        .await?;
    let Some(row) = row else { return Ok(Effect::Nothing) };
    let (letter, fingerprint): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    let letter: Letter = serde_json::from_str(&letter).map_err(|e| sqlx::Error::Decode(e.into()))?;
    let history = history(db, id, &letter, &fingerprint, context.now).await?;
    let decision = guards::decide(&Facts { letter: &letter, history, policy: &context.policy });
    settle(db, id, decision, context.now).await?;
    match decision {
        Decision::Answer => count(db, &letter.sender, context.now).await?,
        Decision::Refuse(..) => drop_answer(db, id).await?,
    }
    Ok(Effect::Decided(decision))
}

async fn settle(db: &mut AnyConnection, id: &str, decision: Decision, now: i64) -> Made<()> {
    let (state, reason) = match decision {
        Decision::Answer => (State::Answering, None),
        Decision::Refuse(Refusal::Hold, id) => (State::Held, Some(id)),
        Decision::Refuse(Refusal::Never, id) => (State::NotToBeAnswered, Some(id)),
    };
    sqlx::query(
        "UPDATE messages SET state = $2, reason = $3, decided_at = $4, changed_at = $4, next_at = $4 WHERE id = $1",
    )
    .bind(id)
    .bind(state.as_str())
    .bind(reason)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

async fn drop_answer(db: &mut AnyConnection, id: &str) -> Made<()> {
    sqlx::query("DELETE FROM answers WHERE id = $1").bind(id).execute(db).await?;
    Ok(())
}

async fn history(
    db: &mut AnyConnection,
    id: &str,
    letter: &Letter,
    fingerprint: &str,
    now: i64,
) -> Made<History> {
    let answered = sqlx::query(
        "SELECT 1 FROM messages WHERE fingerprint = $1 AND id <> $2 AND state IN ('answering', 'answered', 'failed') LIMIT 1",
    )
    .bind(fingerprint)
    .bind(id)
    .fetch_optional(&mut *db)
    .await?
    .is_some();
    let helped = letter.kind == Kind::Help && helped(db, &letter.sender, now).await?;
    let sender_hour = in_hour(db, &key_of(&letter.sender), now).await?;
    Ok(History { answered, helped, sender_hour, all_hour: in_hour(db, "", now).await? })
}

async fn helped(db: &mut AnyConnection, sender: &str, now: i64) -> Made<bool> {
    let row = sqlx::query(
        "SELECT 1 FROM messages WHERE sender = $1 AND kind = 'help' AND decided_at > $2
           AND state IN ('answering', 'answered', 'failed') LIMIT 1",
    )
    .bind(sender)
    .bind(now - 24 * HOUR)
    .fetch_optional(db)
    .await?;
    Ok(row.is_some())
}

/// A sender in the table of answers a minute: a digest, so that nobody's address stays there.
fn key_of(sender: &str) -> String {
    blake3::hash(sender.to_lowercase().as_bytes()).to_hex()[..32].to_string()
}

async fn in_hour(db: &mut AnyConnection, key: &str, now: i64) -> Made<u64> {
    let row =
        sqlx::query("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM pace WHERE key = $1 AND minute > $2")
            .bind(key)
            .bind((now - HOUR) / MINUTE)
            .fetch_one(db)
            .await?;
    Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
}

async fn count(db: &mut AnyConnection, sender: &str, now: i64) -> Made<()> {
    for key in [String::new(), key_of(sender)] {
        sqlx::query(
            "INSERT INTO pace (key, minute, n) VALUES ($1, $2, 1) ON CONFLICT (key, minute) DO UPDATE SET n = pace.n + 1",
        )
        .bind(key)
        .bind(now / MINUTE)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

async fn answered(db: &mut AnyConnection, id: &str, now: i64) -> Made<Effect> {
    let result = sqlx::query("UPDATE messages SET state = $2, changed_at = $3 WHERE id = $1 AND state = $4")
        .bind(id)
        .bind(State::Answered.as_str())
        .bind(now)
        .bind(State::Answering.as_str())
        .execute(db)
        .await?;
    Ok(made(&result))
}

async fn again(db: &mut AnyConnection, id: &str, at: i64) -> Made<Effect> {
    let result = sqlx::query("UPDATE messages SET attempts = attempts + 1, next_at = $2 WHERE id = $1")
        .bind(id)
        .bind(at)
        .execute(db)
        .await?;
    Ok(made(&result))
}

async fn fail(db: &mut AnyConnection, id: &str, reason: &str, now: i64) -> Made<Effect> {
    let result = sqlx::query(
        "UPDATE messages SET state = $2, reason = $3, changed_at = $4
         WHERE id = $1 AND state IN ('received', 'judged', 'answering')",
    )
    .bind(id)
    .bind(State::Failed.as_str())
    .bind(crate::mask::mask(reason))
    .bind(now)
    .execute(db)
    .await?;
    Ok(made(&result))
}

/// Messages on the way are stopped, but for the one that asks for the erasure: its answer says that it was done.
async fn erase_sender(db: &mut AnyConnection, sender: &str, now: i64) -> Made<Effect> {
    let who = "LOWER(sender) = LOWER($1) AND erased = 0";
    let stopped = format!(
        "UPDATE messages SET state = 'not-to-be-answered', reason = 'erased', changed_at = $2
         WHERE {who} AND state IN ('received', 'judged', 'answering') AND COALESCE(kind, '') <> 'erase'"
    );
    sqlx::query(sqlx::AssertSqlSafe(stopped)).bind(sender).bind(now).execute(&mut *db).await?;
    let settled = format!("{who} AND state NOT IN ('received', 'judged', 'answering')");
    let mut total = 0;
    for table in ["originals", "answers"] {
        let delete = format!("DELETE FROM {table} WHERE id IN (SELECT id FROM messages WHERE {settled})");
        sqlx::query(sqlx::AssertSqlSafe(delete)).bind(sender).execute(&mut *db).await?;
    }
    let blank = format!("UPDATE messages SET {BLANK} WHERE {settled}");
    total += sqlx::query(sqlx::AssertSqlSafe(blank)).bind(sender).execute(db).await?.rows_affected();
    Ok(Effect::Count(total))
}

/// What is erased of a row; door, time, size, state, label and score stay as counts.
const BLANK: &str = "erased = 1, sender = '', recipient = '', client = NULL, helo = NULL, fingerprint = '',
   letter = NULL, report = NULL, message_id = NULL";

async fn erase_before(db: &mut AnyConnection, time: i64) -> Made<Effect> {
    let rows = sqlx::query(
        "SELECT id FROM messages WHERE erased = 0 AND received_at < $1
           AND state NOT IN ('received', 'judged', 'answering') LIMIT $2",
    )
    .bind(time)
    .bind(ERASE_AT_ONCE)
    .fetch_all(&mut *db)
    .await?;
    for row in &rows {
        let id: String = row.try_get(0)?;
        for table in ["originals", "answers"] {
            let delete = format!("DELETE FROM {table} WHERE id = $1");
            sqlx::query(sqlx::AssertSqlSafe(delete)).bind(&id).execute(&mut *db).await?;
        }
        let blank = format!("UPDATE messages SET {BLANK} WHERE id = $1");
        sqlx::query(sqlx::AssertSqlSafe(blank)).bind(&id).execute(&mut *db).await?;
    }
    sqlx::query("DELETE FROM pace WHERE minute < $1").bind(time / MINUTE).execute(db).await?;
    Ok(Effect::Count(rows.len() as u64))
}
