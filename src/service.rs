//! What every front end is given: the engine with reload, limits and counters. The edge's one way to a verdict.
//!
//! Front ends hand bytes in and render a [`Judgement`] out; none judges by itself. What could not be judged is
//! [`Outcome::Unchecked`] with its reason, which is never shown as `no-signs`: the operator decides what becomes of it.

mod corrections;
mod room;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, mpsc};

pub use corrections::{Corrected, Correction, Truth};
pub use room::Held;

use crate::engine::{Engine, Judgement};
use crate::message::{Channel, RawMessage};
use crate::verdict::Label;

/// Bounds on what is judged at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Largest message that is judged, in bytes; a larger one is [`Unchecked::TooLarge`].
    pub message_bytes: usize,
    /// Messages judged at the same time, each by a thread of its own; more wait.
    pub concurrent: usize,
    /// Messages that may wait; more are [`Unchecked::Overloaded`] at once, so that load is shed before collapse.
    pub waiting: usize,
    /// Longest wait and judging together.
    pub patience: Duration,
    /// Bytes of large messages held at the same time, in all front ends together; see [`Held`].
    pub held_bytes: usize,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            message_bytes: 25 << 20,
            concurrent: cores,
            waiting: 256,
            patience: Duration::from_secs(10),
            held_bytes: 256 << 20,
        }
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
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::TooLarge, Self::Overloaded, Self::TimedOut, Self::Internal];

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
    /// Connections turned away because too many were open.
    pub turned_away: AtomicU64,
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

    /// Counts a message that a front end could not even hand in.
    pub fn note(&self, why: Unchecked) {
        self.unchecked[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// All counters in Prometheus' text format.
    pub fn exposition(&self) -> String {
        let mut out = String::from("# TYPE bypost_messages_total counter\n");
        for label in [Label::NoSigns, Label::Suspicious, Label::Scam] {
            let count = self.judged(label);
            out.push_str(&format!("bypost_messages_total{{label=\"{}\"}} {count}\n", label.as_str()));
        }
        out.push_str("# TYPE bypost_unchecked_total counter\n");
        for why in Unchecked::ALL {
            let count = self.unchecked(why);
            out.push_str(&format!("bypost_unchecked_total{{why=\"{}\"}} {count}\n", why.as_str()));
        }
        for (name, counter) in
            [("unrecorded", &self.unrecorded), ("connections_turned_away", &self.turned_away)]
        {
            let count = counter.load(Ordering::Relaxed);
            out.push_str(&format!("# TYPE bypost_{name}_total counter\nbypost_{name}_total {count}\n"));
        }
        out
    }
}

/// The engine and its limits, shared by all front ends.
#[derive(Debug)]
pub struct Service {
    engine: ArcSwap<Engine>,
    limits: ServiceLimits,
    workers: workers::Workers,
    admitted: Arc<Semaphore>,
    room: Arc<Semaphore>,
    flagged: Option<mpsc::Sender<Flagged>>,
    one_in: u64,
    corrections: Option<mpsc::Sender<Correction>>,
    counts: Counts,
}

impl Service {
    /// A service over `engine`.
    pub fn new(engine: Engine, limits: ServiceLimits) -> Self {
        Self {
            engine: ArcSwap::from_pointee(engine),
            workers: workers::Workers::new(limits.concurrent),
            admitted: Arc::new(Semaphore::new(limits.concurrent + limits.waiting)),
            room: room::room(limits.held_bytes),
            limits,
            flagged: None,
            one_in: 1,
            corrections: None,
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

    /// Records only every `one_in`th flagged message, chosen by its id, so that copies of one are kept or left together.
    #[must_use]
    pub fn sampling(mut self, one_in: u32) -> Self {
        self.one_in = u64::from(one_in.max(1));
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
        let size = raw.bytes.len();
        self.outcome(self.timed(size, move |engine| (engine.judge(&raw), ())).await)
    }

    /// Judges the first `upto` bytes of a message that the front end keeps.
    pub async fn judge_part(&self, bytes: Arc<[u8]>, upto: usize, channel: Option<Channel>) -> Outcome {
        self.outcome(self.judge_then(bytes, upto, channel, |_, _| ()).await)
    }

    /// As [`Service::judge_part`], and makes something of the judgement with the very engine that gave it.
    ///
    /// # Errors
    /// Why the message was not judged.
    pub async fn judge_then<T: Send + 'static>(
        &self,
        bytes: Arc<[u8]>,
        upto: usize,
        channel: Option<Channel>,
        then: impl FnOnce(&Engine, &Judgement) -> T + Send + 'static,
    ) -> Result<(Arc<Judgement>, T), Unchecked> {
        let upto = upto.min(bytes.len());
        let work = move |engine: &Engine| {
            let judgement = engine.judge(&RawMessage { bytes: (&bytes[..upto]).into(), channel });
            let made = then(engine, &judgement);
            (judgement, made)
        };
        self.timed(upto, work).await
    }

    fn outcome(&self, result: Result<(Arc<Judgement>, ()), Unchecked>) -> Outcome {
        match result {
            Ok((judgement, ())) => Outcome::Judged(judgement),
            Err(why) => Outcome::Unchecked(why),
        }
    }

    /// Admits, runs and counts.
    async fn timed<T: Send + 'static>(
        &self,
        size: usize,
        work: impl FnOnce(&Engine) -> (Judgement, T) + Send + 'static,
    ) -> Result<(Arc<Judgement>, T), Unchecked> {
        let admitted = tokio::time::timeout(self.limits.patience, self.admit(size, work)).await;
        let result = admitted.unwrap_or(Err(Unchecked::TimedOut));
        match &result {
            Ok((j, _)) => {
                self.counts.judged[j.label as usize].fetch_add(1, Ordering::Relaxed);
            }
            Err(why) => self.counts.note(*why),
        }
        result
    }

    async fn admit<T: Send + 'static>(
        &self,
        size: usize,
        work: impl FnOnce(&Engine) -> (Judgement, T) + Send + 'static,
    ) -> Result<(Arc<Judgement>, T), Unchecked> {
        if size > self.limits.message_bytes {
            return Err(Unchecked::TooLarge);
        }
        let place = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| Unchecked::Overloaded)?;
        let engine = self.engine();
        let judging = self.workers.run(move || {
            // Held until judging ends, also when nobody waits for it any more.
            let _place = place;
            work(&engine)
        });
        let (judgement, made) = judging.await.ok_or_else(|| {
            tracing::error!("a message could not be judged");
            Unchecked::Internal
        })?;
        Ok((Arc::new(judgement), made))
    }

    /// Hands a filter's verdict to the journal if it is at least `suspicious` and there is a journal.
    pub fn record(&self, front: &'static str, bytes: &[u8], judgement: &Arc<Judgement>) {
        let Some(journal) = self.flagged.as_ref().filter(|_| judgement.label > Label::NoSigns) else {
            return;
        };
        if !self.sampled(&judgement.id) {
            return;
        }
        let flagged = Flagged { bytes: bytes.into(), judgement: Arc::clone(judgement), front };
        if journal.try_send(flagged).is_err() {
            self.counts.unrecorded.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn sampled(&self, id: &str) -> bool {
        self.one_in == 1 || u64::from_str_radix(id, 16).unwrap_or(0).is_multiple_of(self.one_in)
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
        assert!(full.counts().exposition().contains("bypost_unchecked_total{why=\"overloaded\"} 1\n"));
    }

    #[tokio::test]
    async fn part_of_a_message_is_judged_and_rendered_by_the_same_engine() {
        let service = service(ServiceLimits::default());
        let bytes: Arc<[u8]> = SCAM.into();
        let model = |engine: &Engine, _: &Judgement| engine.model().map(|m| m.digest().to_owned());
        let (judgement, model) =
            service.judge_then(Arc::clone(&bytes), 4, None, model).await.expect("is judged");
        assert_eq!((judgement.message.text.as_str(), model), ("IRS:", Some(judgement.model.clone())));
    }

    #[tokio::test]
    async fn a_sample_is_chosen_by_the_id() {
        let (sender, mut journal) = mpsc::channel(100);
        let service = service(ServiceLimits::default()).recording(sender).sampling(4);
        let Outcome::Judged(judgement) = service.judge(RawMessage::new(SCAM)).await else {
            panic!("not judged")
        };
        let with = |id: u64| Arc::new(Judgement { id: format!("{id:016x}"), ..Judgement::clone(&judgement) });
        (0..40).for_each(|id| service.record("milter", SCAM, &with(id)));
        let kept = std::iter::from_fn(|| journal.try_recv().ok()).count();
        assert_eq!((kept, service.counts().unrecorded.load(Ordering::Relaxed)), (10, 0));
    }
}
