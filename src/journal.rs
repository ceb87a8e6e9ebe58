//! The journal: every message that was taken, and what became of it.
//!
//! A message is on disk before it is acknowledged. All changes go through one writer that commits what waits together in
//! one transaction (group commit), so that one `fsync` serves many. States and their moves are in `ARCHITECTURE.md`.

mod changes;
mod reads;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::{ExposeSecret, SecretString};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, Executor};
use tokio::sync::{mpsc, oneshot};

pub use changes::{Change, Effect, Judged};
pub use reads::{Counted, Row};

use crate::guards::Policy;

/// Milliseconds since 1970 UTC, from the clock that the journal was opened with.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The machine's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// What has become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It is on disk.
    Received,
    /// It has a verdict; whether it is answered is open.
    Judged,
    /// Its answer is on the way.
    Answering,
    /// Its answer was handed over.
    Answered,
    /// It is kept for a person to look at.
    Held,
    /// It is never answered.
    NotToBeAnswered,
    /// It could not be answered.
    Failed,
}

impl State {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Received,
        Self::Judged,
        Self::Answering,
        Self::Answered,
        Self::Held,
        Self::NotToBeAnswered,
        Self::Failed,
    ];

    /// The word in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Judged => "judged",
            Self::Answering => "answering",
            Self::Answered => "answered",
            Self::Held => "held",
            Self::NotToBeAnswered => "not-to-be-answered",
            Self::Failed => "failed",
        }
    }

    /// The state with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

/// A message as a door took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Journal id; the answer's Message-ID is made from it.
    pub id: String,
    /// The door: `smtp`, `lmtp`, `imap`, `maildir`, `webhook`.
    pub door: &'static str,
    /// The client's address, if the door has one.
    pub client: Option<std::net::IpAddr>,
    /// What the client called itself.
    pub helo: String,
    /// Envelope sender; empty for the null sender.
    pub sender: String,
    /// The inbox's address that it was sent to.
    pub recipient: String,
    /// It is a text rather than a mail.
    pub text: bool,
    /// What tells two equal texts apart, if the door knows it: the provider's number for the text.
    pub mark: String,
    /// The message.
    pub bytes: Arc<[u8]>,
}

impl Incoming {
    /// A new journal id: a version 7 UUID, so that ids are in the order of arrival.
    pub fn new_id() -> String {
        uuid::Uuid::now_v7().to_string()
    }

    /// What makes two deliveries the same message of the same sender: the bytes but for fields that servers add on the way.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.sender.to_lowercase().as_bytes()).update(&[0]);
        hasher.update(self.mark.as_bytes()).update(&[0]);
        hasher.update(without_trace(&self.bytes));
        hasher.finalize().to_hex()[..32].to_string()
    }
}

/// The message without the trace fields at its top (RFC 5321 section 4.4), which differ between two deliveries of it.
fn without_trace(bytes: &[u8]) -> &[u8] {
    const TRACE: [&[u8]; 5] =
        [b"received:", b"return-path:", b"delivered-to:", b"x-original-to:", b"envelope-to:"];
    let mut rest = bytes;
    loop {
        let is_trace = TRACE.iter().any(|t| rest.get(..t.len()).is_some_and(|n| n.eq_ignore_ascii_case(t)));
        let Some(end) = is_trace.then(|| field_end(rest)).flatten() else { return rest };
        rest = &rest[end..];
    }
}

/// One past the end of the header field at the beginning, folded lines and all.
fn field_end(bytes: &[u8]) -> Option<usize> {
    let ends = memchr::memchr_iter(b'\n', bytes);
    ends.map(|at| at + 1).find(|end| !matches!(bytes.get(*end), Some(b' ' | b'\t')))
}

/// Why the journal did not take a change.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk or the database is full; later may work.
    #[error("the journal is full: {0}")]
    Full(String),
    /// The database said no.
    #[error("the journal failed: {0}")]
    Database(String),
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
}

impl JournalError {
    fn of(error: &sqlx::Error) -> Self {
        let text = error.to_string();
        if text.contains("full") { Self::Full(text) } else { Self::Database(text) }
    }
}

/// A change on its way to the writer, and who waits for it.
type Order = (Change, oneshot::Sender<Result<Effect, JournalError>>);

/// The journal.
#[derive(Clone)]
pub struct Journal {
    orders: mpsc::Sender<Order>,
    pool: AnyPool,
    clock: Clock,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Journal")
    }
}

/// Changes that may wait for the writer.
const WAITING: usize = 1_024;

/// How long a process waits for another that writes (an erase command beside the service).
const BUSY: Duration = Duration::from_secs(10);

impl Journal {
    /// Opens the database at `url`, making it and its tables as needed. `policy` is asked for each decision.
    ///
    /// # Errors
    /// The database cannot be opened, is of a later version, or cannot be written.
    pub async fn open(
        url: &SecretString,
        clock: Clock,
        policy: Arc<arc_swap::ArcSwap<Policy>>,
    ) -> Result<Self, JournalError> {
        let wrong = |e: sqlx::Error| JournalError::of(&e);
        sqlx::any::install_default_drivers();
        let options: AnyConnectOptions = url.expose_secret().parse().map_err(wrong)?;
        let pool = AnyPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(BUSY)
            .after_connect(|connection, _| Box::pin(tune(connection)))
            .connect_with(options)
            .await
            .map_err(wrong)?;
        sqlx::migrate!("src/journal/migrations")
            .run(&pool)
            .await
            .map_err(|e| JournalError::Database(e.to_string()))?;
        let (orders, queue) = mpsc::channel(WAITING);
        let connection = pool.acquire().await.map_err(wrong)?.detach();
        tokio::spawn(writer::run(connection, queue, Arc::clone(&clock), policy));
        Ok(Self { orders, pool, clock })
    }

    /// Makes a change durable: when this returns, it is on disk.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn commit(&self, change: Change) -> Result<Effect, JournalError> {
        let (done, result) = oneshot::channel();
        self.orders.send((change, done)).await.map_err(|_| JournalError::Closed)?;
        result.await.unwrap_or(Err(JournalError::Closed))
    }

    /// Takes a message: on disk when this returns.
    ///
    /// # Errors
    /// It was not taken, and must not be acknowledged.
    pub async fn accept(&self, incoming: Incoming) -> Result<(), JournalError> {
        self.commit(Change::Accept(Arc::new(incoming))).await.map(drop)
    }

    /// Now, by the journal's clock.
    pub fn now(&self) -> i64 {
        (self.clock)()
    }

    /// The path of the database file that belongs in `data_dir`.
    pub fn file_in(data_dir: &Path) -> std::path::PathBuf {
        data_dir.join("journal.sqlite")
    }
}

/// Erases message and text of settled messages received before `time`; returns how many.
///
/// # Errors
/// The journal did not take the change.
pub async fn erase_before(journal: &Journal, time: i64) -> Result<u64, JournalError> {
    let mut total = 0;
    loop {
        match journal.commit(Change::EraseBefore(time)).await? {
            Effect::Count(n) if n > 0 => total += n,
            _ => return Ok(total),
        }
    }
}

/// Settings of a SQLite connection: readers beside the writer, every commit on disk, erased text overwritten.
async fn tune(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    if connection.backend_name() == "SQLite" {
        connection.execute("PRAGMA journal_mode = WAL").await?;
        connection.execute("PRAGMA synchronous = FULL").await?;
        connection.execute("PRAGMA secure_delete = ON").await?;
        connection.execute("PRAGMA busy_timeout = 10000").await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
