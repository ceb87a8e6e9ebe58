//! What is read from the journal.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Journal, JournalError, State};

/// A message in the journal, without its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Journal id.
    pub id: String,
    /// When it was taken, in milliseconds since 1970 UTC.
    pub received_at: i64,
    /// The door.
    pub door: String,
    /// The client's address.
    pub client: Option<String>,
    /// What the client called itself.
    pub helo: String,
    /// Envelope sender.
    pub sender: String,
    /// The inbox's address.
    pub recipient: String,
    /// It is a text rather than a mail.
    pub text: bool,
    /// Bytes of the message.
    pub size: u64,
    /// What has become of it.
    pub state: String,
    /// Why, where there is a reason.
    pub reason: Option<String>,
    /// What the answer is.
    pub kind: Option<String>,
    /// Label.
    pub label: Option<String>,
    /// Times it was tried in this state.
    pub attempts: i64,
    /// When its state last changed.
    pub changed_at: i64,
    /// The answer's Message-ID.
    pub message_id: Option<String>,
}

/// How many messages are in a state, for a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The state.
    pub state: String,
    /// The reason, empty without one.
    pub reason: String,
    /// How many.
    pub count: u64,
}

const COLUMNS: &str =
    "id, received_at, door, client, helo, sender, recipient, channel, size, state, reason, kind, label,
  attempts, changed_at, message_id";

fn row(row: &AnyRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        id: row.try_get("id")?,
        received_at: row.try_get("received_at")?,
        door: row.try_get("door")?,
        client: row.try_get("client")?,
        helo: row.try_get::<Option<String>, _>("helo")?.unwrap_or_default(),
        sender: row.try_get("sender")?,
        recipient: row.try_get("recipient")?,
        text: row.try_get::<String, _>("channel")? == "text",
        size: row.try_get::<i64, _>("size")?.unsigned_abs(),
        state: row.try_get("state")?,
        reason: row.try_get("reason")?,
        kind: row.try_get("kind")?,
        label: row.try_get("label")?,
        attempts: row.try_get("attempts")?,
        changed_at: row.try_get("changed_at")?,
        message_id: row.try_get("message_id")?,
    })
}

type Read<T> = Result<T, JournalError>;

impl Journal {
    async fn rows(&self, rest: &str, words: &[&str], numbers: &[i64]) -> Read<Vec<Row>> {
        let sql = format!("SELECT {COLUMNS} FROM messages {rest}");
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for word in words {
            query = query.bind(*word);
        }
        for number in numbers {
            query = query.bind(*number);
        }
        let rows = query.fetch_all(&self.pool).await.map_err(|e| JournalError::of(&e))?;
        rows.iter().map(row).collect::<Result<_, _>>().map_err(|e| JournalError::of(&e))
    }

    /// Messages in `state` that are due, those that wait longest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn due(&self, state: State, most: i64) -> Read<Vec<Row>> {
        let rest = "WHERE state = $1 AND next_at <= $2 ORDER BY next_at, id LIMIT $3";
        self.rows(rest, &[state.as_str()], &[self.now(), most]).await
    }

    /// When the next message of `state` is due.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn next_due(&self, state: State) -> Read<Option<i64>> {
        let row = sqlx::query("SELECT next_at FROM messages WHERE state = $1 ORDER BY next_at LIMIT 1")
            .bind(state.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| JournalError::of(&e))?;
        row.map(|r| r.try_get(0)).transpose().map_err(|e| JournalError::of(&e))
    }

    /// The latest messages, at most `most`, of one state or of all.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn latest(&self, state: Option<State>, most: i64) -> Read<Vec<Row>> {
        match state {
            Some(state) => {
                self.rows("WHERE state = $1 ORDER BY id DESC LIMIT $2", &[state.as_str()], &[most]).await
            }
            None => self.rows("ORDER BY id DESC LIMIT $1", &[], &[most]).await,
        }
    }

    /// One message.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn find(&self, id: &str) -> Read<Option<Row>> {
        Ok(self.rows("WHERE id = $1", &[id], &[]).await?.pop())
    }

    /// The bytes of a message as they were received; `None` once they are erased.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn original(&self, id: &str) -> Read<Option<Vec<u8>>> {
        self.bytes("SELECT bytes FROM originals WHERE id = $1", id).await
    }

    /// The bytes of an answer.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn answer(&self, id: &str) -> Read<Option<Vec<u8>>> {
        self.bytes("SELECT bytes FROM answers WHERE id = $1", id).await
    }

    async fn bytes(&self, sql: &'static str, id: &str) -> Read<Option<Vec<u8>>> {
        let row = sqlx::query(sql).bind(id).fetch_optional(&self.pool).await;
        let row = row.map_err(|e| JournalError::of(&e))?;
        row.map(|r| r.try_get(0)).transpose().map_err(|e| JournalError::of(&e))
    }

    /// The account of a message's verdict as JSON, with personal numbers masked.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn report(&self, id: &str) -> Read<Option<String>> {
        let row = sqlx::query("SELECT report FROM messages WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await;
        let row = row.map_err(|e| JournalError::of(&e))?;
        let report: Option<Option<String>> =
            row.map(|r| r.try_get(0)).transpose().map_err(|e| JournalError::of(&e))?;
        Ok(report.flatten())
    }

    /// How many messages are in which state, for which reason.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn counts(&self) -> Read<Vec<Counted>> {
        let sql = "SELECT state, COALESCE(reason, ''), COUNT(*) FROM messages GROUP BY 1, 2 ORDER BY 1, 2";
        let rows = sqlx::query(sql).fetch_all(&self.pool).await.map_err(|e| JournalError::of(&e))?;
        let one = |r: &AnyRow| {
            let count: i64 = r.try_get(2)?;
            Ok(Counted { state: r.try_get(0)?, reason: r.try_get(1)?, count: count.unsigned_abs() })
        };
        rows.iter().map(one).collect::<Result<_, sqlx::Error>>().map_err(|e| JournalError::of(&e))
    }

    /// How many messages are in `state`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn count(&self, state: State) -> Read<u64> {
        let row = sqlx::query("SELECT COUNT(*) FROM messages WHERE state = $1").bind(state.as_str());
        let row = row.fetch_one(&self.pool).await.map_err(|e| JournalError::of(&e))?;
        let count: i64 = row.try_get(0).map_err(|e| JournalError::of(&e))?;
        Ok(count.unsigned_abs())
    }
}
