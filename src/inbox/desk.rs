//! What the doors hand messages to, and what answers them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, Semaphore};

use super::sender::Resolver;
use crate::config::Config;
use crate::guards::{Decision, Policy};
use crate::journal::{Change, Effect, Incoming, Journal, JournalError, Row, State};
use crate::outbox::{Carrier, Signer};
use crate::service::Service;

/// What a reload changes.
#[derive(Debug)]
pub struct Settings {
    /// The configuration.
    pub config: Config,
    /// Asks the DNS about senders; `None` when nobody is to be asked.
    pub resolver: Option<Resolver>,
}

/// What a desk is made of.
pub struct DeskParts {
    /// Judges.
    pub service: Arc<Service>,
    /// Remembers.
    pub journal: Journal,
    /// What a reload changes.
    pub settings: Arc<ArcSwap<Settings>>,
    /// What the guards heed; the journal has the same.
    pub policy: Arc<ArcSwap<Policy>>,
    /// Takes answers out.
    pub carrier: Arc<dyn Carrier>,
    /// Signs answers.
    pub signer: Option<Signer>,
}

/// Kibibytes of messages in hand at once while they are judged.
const WEIGHT: usize = 128 * 1_024;

/// The desk: shared by all doors.
pub struct Desk {
    pub(super) parts: DeskParts,
    pub(super) weight: Semaphore,
    /// Messages that a door answers itself, so the stages leave them alone.
    pub(super) reserved: Mutex<HashSet<String>>,
    waiting: AtomicU64,
    pub(super) received: Notify,
    pub(super) answering: Notify,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Desk")
    }
}

/// Why a message has no answer right now.
#[derive(Debug)]
pub enum Refused {
    /// It could not be taken.
    Journal(JournalError),
    /// It was taken, and a guard says that it gets no answer.
    Guard(&'static str),
    /// It was taken, and will be looked at later.
    Later,
}

impl Desk {
    /// A desk over its parts.
    pub fn new(parts: DeskParts) -> Self {
        Self {
            parts,
            weight: Semaphore::new(WEIGHT),
            reserved: Mutex::default(),
            waiting: AtomicU64::new(0),
            received: Notify::new(),
            answering: Notify::new(),
        }
    }

    /// The settings of the moment.
    pub fn settings(&self) -> Arc<Settings> {
        self.parts.settings.load_full()
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.parts.journal
    }

    /// The service.
    pub fn service(&self) -> &Arc<Service> {
        &self.parts.service
    }

    /// Takes a message: on disk when this returns.
    ///
    /// # Errors
    /// It was not taken, and must not be acknowledged.
    pub async fn accept(&self, incoming: Incoming) -> Result<(), JournalError> {
        let door = incoming.door;
        self.parts.journal.accept(incoming).await?;
        metrics::counter!("bypost_received_total", "door" => door).increment(1);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.received.notify_one();
        Ok(())
    }

    /// Takes a text and answers it at once: what the answer says.
    ///
    /// # Errors
    /// It was not taken, or gets no answer now.
    pub async fn converse(&self, incoming: Incoming) -> Result<String, Refused> {
        let id = incoming.id.clone();
        self.reserve(&id, true);
        let answer = self.converse_reserved(incoming, &id).await;
        self.reserve(&id, false);
        answer
    }

    async fn converse_reserved(&self, incoming: Incoming, id: &str) -> Result<String, Refused> {
        self.accept(incoming).await.map_err(Refused::Journal)?;
        let row = self.row(id).await?;
        match self.examine(&row).await.map_err(Refused::Journal)? {
            Some(Decision::Answer) => {}
            Some(Decision::Refuse(_, guard)) => return Err(Refused::Guard(guard)),
            None => return Err(Refused::Later),
        }
        let answer = self.parts.journal.answer(id).await.map_err(Refused::Journal)?.unwrap_or_default();
        self.commit(Change::Answered(id.to_owned())).await.map_err(Refused::Journal)?;
        self.after_answer(&self.row(id).await?).await.map_err(Refused::Journal)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn row(&self, id: &str) -> Result<Row, Refused> {
        self.parts.journal.find(id).await.map_err(Refused::Journal)?.ok_or(Refused::Later)
    }

    fn reserve(&self, id: &str, on: bool) {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        if on {
            reserved.insert(id.to_owned())
        } else {
            reserved.remove(id)
        };
    }

    pub(super) fn is_reserved(&self, id: &str) -> bool {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// A change that must be made: tried until the journal takes it or is closed.
    pub(super) async fn commit(&self, change: Change) -> Result<Effect, JournalError> {
        let mut pause = Duration::from_millis(100);
        loop {
            match self.parts.journal.commit(change.clone()).await {
                Err(JournalError::Full(why)) => {
                    tracing::error!(%why, "the journal is full; trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(30));
                }
                other => return other,
            }
        }
    }

    /// What an answer that went out entails: whoever asked for erasure has nothing left here.
    pub(super) async fn after_answer(&self, row: &Row) -> Result<(), JournalError> {
        metrics::counter!("bypost_answered_total", "door" => row.door.clone()).increment(1);
        if row.kind.as_deref() == Some(crate::guards::Kind::Erase.as_str()) {
            self.commit(Change::EraseSender(row.sender.clone())).await?;
        }
        Ok(())
    }

    /// Messages received and not yet judged; the mail doors stop when there are too many.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Counts what is waiting in the journal, once, before the doors open.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn count_waiting(&self) -> Result<(), JournalError> {
        self.waiting.store(self.parts.journal.count(State::Received).await?, Ordering::Relaxed);
        Ok(())
    }

    /// A message left the state `received`.
    pub(super) fn one_less(&self) {
        let less = |n: u64| Some(n.saturating_sub(1));
        // The closure always gives a value.
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}
