//! What every front end is given: the engine with reload, limits and counters. The edge's one way to a verdict.
//!
//! Front ends hand bytes in and render a [`Judgement`] out; none judges by itself. What could not be judged is
//! [`Outcome::Unchecked`] with its reason, which is never shown as `no-signs`: the operator decides what becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, mpsc};

use crate::engine::{Engine, Judgement};
use crate::message::RawMessage;
use crate::verdict::Label;

/// Bounds on what is judged at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Largest message that is judged, in bytes; a larger one is [`Unchecked::TooLarge`].
    pub message_bytes: usize,
    /// Messages judged at the same time; more wait.
    pub concurrent: usize,
    /// Messages that may wait; more are [`Unchecked::Overloaded`] at once, so that load is shed before collapse.
    pub waiting: usize,
    /// Longest wait and judging together.
    pub patience: Duration,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { message_bytes: 25 << 20, concurrent: cores, waiting: 256, patience: Duration::from_secs(10) }
    }
}

/// What became of a message.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was judged.
    Judged(Arc<Judgement>),
    /// It was not.
    Unchecked(Unchecked),
}

/// Why a message was not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unchecked {
    /// Larger than [`ServiceLimits::message_bytes`].
    TooLarge,
    /// Too many messages are waiting.
    Overloaded,
    /// Waiting and judging took longer than [`ServiceLimits::patience`].
    TimedOut,
    /// A defect of ours; the log has it.
    Internal,
}

impl Unchecked {
    /// The reason as written in headers, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::Overloaded => "overloaded",
            Self::TimedOut => "timed-out",
            Self::Internal => "internal",
        }
    }
}

/// A flagged message on its way to the journal.
#[derive(Clone, Debug)]
pub struct Flagged {
    /// The bytes as received.
    pub bytes: Arc<[u8]>,
    /// The verdict.
    pub judgement: Arc<Judgement>,
    /// The front end it came through (`milter`, `spamd`, `http`, …).
    pub front: &'static str,
}

/// How many messages came to what.
#[derive(Debug, Default)]
pub struct Counts {
    judged: [AtomicU64; 3],
    unchecked: [AtomicU64; 4],
    /// Flagged messages that the journal was too busy to take.
    pub unrecorded: AtomicU64,
}

impl Counts {
    /// Messages judged with `label`.
    pub fn judged(&self, label: Label) -> u64 {
        self.judged[label as usize].load(Ordering::Relaxed)
    }

    /// Messages not judged because of `why`.
    pub fn unchecked(&self, why: Unchecked) -> u64 {
        self.unchecked[why as usize].load(Ordering::Relaxed)
    }
}

/// The engine and its limits, shared by all front ends.
#[derive(Debug)]
pub struct Service {
    engine: ArcSwap<Engine>,
    limits: ServiceLimits,
    running: Semaphore,
    admitted: Semaphore,
    flagged: Option<mpsc::Sender<Flagged>>,
    counts: Counts,
}

impl Service {
    /// A service over `engine`.
    pub fn new(engine: Engine, limits: ServiceLimits) -> Self {
        Self {
            engine: ArcSwap::from_pointee(engine),
            running: Semaphore::new(limits.concurrent),
            admitted: Semaphore::new(limits.concurrent + limits.waiting),
            limits,
            flagged: None,
            counts: Counts::default(),
        }
    }

    /// Hands every verdict of a filter at or above `suspicious` to `journal`, off the hot path: when it is full, the
    /// message is counted as unrecorded and not waited for.
    #[must_use]
    pub fn recording(mut self, journal: mpsc::Sender<Flagged>) -> Self {
        self.flagged = Some(journal);
        self
    }

    /// The engine of the moment.
    pub fn engine(&self) -> Arc<Engine> {
        self.engine.load_full()
    }

    /// Judges with `engine` from now on; messages being judged keep the old one.
    pub fn reload(&self, engine: Engine) {
        self.engine.store(Arc::new(engine));
    }

    /// The limits.
    pub fn limits(&self) -> ServiceLimits {
        self.limits
    }

    /// What came to what since the start.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Judges a message off the runtime's own threads.
    pub async fn judge(&self, raw: RawMessage<'static>) -> Outcome {
        let outcome = match tokio::time::timeout(self.limits.patience, self.admit(raw)).await {
            Ok(Ok(judgement)) => Outcome::Judged(judgement),
            Ok(Err(why)) => Outcome::Unchecked(why),
            Err(_) => Outcome::Unchecked(Unchecked::TimedOut),
        };
        match &outcome {
            Outcome::Judged(j) => self.counts.judged[j.label as usize].fetch_add(1, Ordering::Relaxed),
            Outcome::Unchecked(why) => self.counts.unchecked[*why as usize].fetch_add(1, Ordering::Relaxed),
        };
        outcome
    }

    async fn admit(&self, raw: RawMessage<'static>) -> Result<Arc<Judgement>, Unchecked> {
        if raw.bytes.len() > self.limits.message_bytes {
            return Err(Unchecked::TooLarge);
        }
        let _place = self.admitted.try_acquire().map_err(|_| Unchecked::Overloaded)?;
        let _turn = self.running.acquire().await.map_err(|_| Unchecked::Internal)?;
        let engine = self.engine();
        let judging = tokio::task::spawn_blocking(move || engine.judge(&raw));
        judging.await.map(Arc::new).map_err(|error| {
            tracing::error!(%error, "a message could not be judged");
            Unchecked::Internal
        })
    }

    /// Hands a filter's verdict to the journal if it is at least `suspicious` and there is a journal.
    pub fn record(&self, front: &'static str, bytes: &[u8], judgement: &Arc<Judgement>) {
        let Some(journal) = self.flagged.as_ref().filter(|_| judgement.label > Label::NoSigns) else {
            return;
        };
        let flagged = Flagged { bytes: bytes.into(), judgement: Arc::clone(judgement), front };
        if journal.try_send(flagged).is_err() {
            self.counts.unrecorded.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Sources;

    fn service(limits: ServiceLimits) -> Service {
        Service::new(Engine::new(&Sources::embedded()).expect("engine"), limits)
    }

    const SCAM: &[u8] = b"IRS: pay with gift cards today or be arrested. Call 202-555-0123";

    #[tokio::test]
    async fn a_message_is_judged_counted_and_recorded() {
        let (sender, mut journal) = mpsc::channel(1);
        let service = service(ServiceLimits::default()).recording(sender);
        let Outcome::Judged(judgement) = service.judge(RawMessage::new(SCAM)).await else {
            panic!("not judged")
        };
        assert_eq!((judgement.label, service.counts().judged(Label::Scam)), (Label::Scam, 1));
        service.record("http", SCAM, &judgement);
        service.record("http", SCAM, &judgement);
        assert_eq!(journal.recv().await.expect("recorded").front, "http");
        assert_eq!(service.counts().unrecorded.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_is_too_large_or_too_much_is_unchecked() {
        let small = service(ServiceLimits { message_bytes: 4, ..ServiceLimits::default() });
        let outcome = small.judge(RawMessage::new(SCAM)).await;
        assert!(matches!(outcome, Outcome::Unchecked(Unchecked::TooLarge)));
        let full = service(ServiceLimits { concurrent: 0, waiting: 0, ..ServiceLimits::default() });
        let outcome = full.judge(RawMessage::new(SCAM)).await;
        assert!(matches!(outcome, Outcome::Unchecked(Unchecked::Overloaded)));
        assert_eq!(full.counts().unchecked(Unchecked::Overloaded), 1);
    }
}
