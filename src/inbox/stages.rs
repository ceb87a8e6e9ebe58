//! The stages: what is due in a state is taken on, a bounded number at a time, until the shutdown; then what is in hand is
//! finished.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Desk;
use crate::config::OutboxConfig;
use crate::guards::Kind;
use crate::journal::{Change, JournalError, Row, State};
use crate::outbox::{Outgoing, Trouble};

/// Messages examined at once: more than are judged at once, since some wait for name servers.
const EXAMINED: usize = 32;

/// Longest pause between two looks at what is due.
const LOOK: Duration = Duration::from_secs(30);

/// Shortest pause after the journal could not be read, and before a repeat is looked for.
const BREATH: Duration = Duration::from_millis(50);

/// How often old messages are erased.
const HOUSEKEEPING: Duration = Duration::from_secs(3_600);

/// Longest time between two tries of an answer, in milliseconds.
const LONGEST_PAUSE: u64 = 3_600_000;

impl Desk {
    /// Runs all stages until `shutdown`; returns when what was in hand is done.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let connections = self.settings().config.outbox.connections;
        // Nobody announces work in this state: it is what a crash left.
        let left_over = Notify::new();
        let erasing = tokio::spawn(Arc::clone(&self).keep_house(shutdown.clone()));
        tokio::join!(
            self.stage(State::Received, EXAMINED, &self.received, &shutdown),
            self.stage(State::Judged, EXAMINED, &left_over, &shutdown),
            self.stage(State::Answering, connections, &self.answering, &shutdown),
        );
        // The task ends at the shutdown; that it panicked is in the log already.
        let _ = erasing.await;
    }

    async fn stage(self: &Arc<Self>, state: State, most: usize, wake: &Notify, shutdown: &CancellationToken) {
        let mut tasks = JoinSet::new();
        let mut in_hand: HashSet<String> = HashSet::new();
        loop {
            let stopping = shutdown.is_cancelled();
            if stopping && in_hand.is_empty() {
                return;
            }
            if !stopping && in_hand.len() <= most / 2 {
                self.take_on(state, most, &mut in_hand, &mut tasks).await;
            }
            let pause = self.pause(state, in_hand.is_empty()).await;
            tokio::select! {
                Some(done) = tasks.join_next() => forget(done, &mut in_hand, &mut tasks),
                () = wake.notified(), if !stopping && in_hand.len() <= most / 2 => {}
                () = tokio::time::sleep(pause), if !stopping => {}
                () = shutdown.cancelled(), if !stopping => {}
            }
        }
    }

    async fn take_on(
        self: &Arc<Self>,
        state: State,
        most: usize,
        in_hand: &mut HashSet<String>,
        tasks: &mut JoinSet<String>,
    ) {
        let due = self.parts.journal.due(state, (most + in_hand.len()) as i64).await;
        let rows = due.unwrap_or_else(|error| {
            tracing::error!(%error, "the journal cannot be read");
            Vec::new()
        });
        for row in rows {
            if in_hand.len() < most && !self.is_reserved(&row.id) && in_hand.insert(row.id.clone()) {
                let desk = Arc::clone(self);
                tasks.spawn(async move { desk.step(state, row).await });
            }
        }
    }

    /// How long nothing is due.
    async fn pause(&self, state: State, idle: bool) -> Duration {
        if !idle {
            return LOOK;
        }
        match self.parts.journal.next_due(state).await {
            Ok(Some(at)) => {
                let left = u64::try_from(at - self.parts.journal.now()).unwrap_or(0);
                Duration::from_millis(left).clamp(BREATH, LOOK)
            }
            Ok(None) => LOOK,
            Err(_) => Duration::from_secs(1),
        }
    }

    /// One step of one message; gives its id back.
    async fn step(self: Arc<Self>, state: State, row: Row) -> String {
        let result = match state {
            State::Received => self.examine(&row).await.map(drop),
            State::Judged => self.decide(&row).await,
            _ => self.send(&row).await,
        };
        if let Err(error) = result {
            tracing::error!(id = row.id, state = state.as_str(), %error, "a step was not made");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        row.id
    }

    /// What a crash left between verdict and decision. A fresh message is decided by the step that judged it.
    async fn decide(&self, row: &Row) -> Result<(), JournalError> {
        self.commit(Change::Decide(row.id.clone())).await?;
        self.answering.notify_one();
        Ok(())
    }

    async fn send(&self, row: &Row) -> Result<(), JournalError> {
        if row.text {
            let reason = "the caller was gone before the answer was ready";
            return self.commit(Change::Fail(row.id.clone(), reason.into())).await.map(drop);
        }
        if row.kind.as_deref() == Some(Kind::Erase.as_str()) {
            self.commit(Change::EraseSender(row.sender.clone())).await?;
        }
        let Some(bytes) = self.parts.journal.answer(&row.id).await?.filter(|b| !b.is_empty()) else {
            return self.commit(Change::Fail(row.id.clone(), "there is no answer".into())).await.map(drop);
        };
        let outgoing = Outgoing { id: row.id.clone(), to: row.sender.clone(), bytes };
        match self.parts.carrier.carry(outgoing).await {
            Ok(()) => {
                self.commit(Change::Answered(row.id.clone())).await?;
                tracing::info!(id = row.id, "answered");
                self.after_answer(row).await
            }
            Err(trouble) => self.trouble(row, trouble).await,
        }
    }

    async fn trouble(&self, row: &Row, trouble: Trouble) -> Result<(), JournalError> {
        metrics::counter!("bypost_answer_trouble_total").increment(1);
        let settings = self.settings();
        let now = self.parts.journal.now();
        let change = match trouble {
            Trouble::Never(why) => Change::Fail(row.id.clone(), why),
            Trouble::Later(why) if is_expired(row, &settings.config.outbox, now) => {
                Change::Fail(row.id.clone(), format!("expired: {why}"))
            }
            Trouble::Later(why) => {
                tracing::warn!(id = row.id, why, "an answer did not go out; it is tried again");
                Change::Again(row.id.clone(), now + pause_after(row.attempts, &settings.config.outbox))
            }
        };
        self.commit(change).await.map(drop)
    }

    /// Erases what is older than the retention, now and then.
    async fn keep_house(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            let days = self.settings().config.journal.retention_days;
            if days > 0
                && let Err(error) = self.erase_older_than(days).await
            {
                tracing::error!(%error, "old messages could not be erased");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(HOUSEKEEPING) => {}
            }
        }
    }

    async fn erase_older_than(&self, days: u64) -> Result<(), JournalError> {
        let before =
            self.parts.journal.now() - i64::try_from(days).unwrap_or(i64::MAX / 86_400_000) * 86_400_000;
        crate::journal::erase_before(&self.parts.journal, before).await.map(drop)
    }
}

fn forget(
    done: Result<String, tokio::task::JoinError>,
    in_hand: &mut HashSet<String>,
    tasks: &mut JoinSet<String>,
) {
    match done {
        Ok(id) => {
            in_hand.remove(&id);
        }
        Err(error) => tracing::error!(%error, "a step panicked"),
    }
    if tasks.is_empty() {
        // A task that panicked did not give its id back.
        in_hand.clear();
    }
}

fn is_expired(row: &Row, outbox: &OutboxConfig, now: i64) -> bool {
    now - row.changed_at >= i64::try_from(outbox.expire.as_millis()).unwrap_or(i64::MAX)
}

/// The pause after this many tries, in milliseconds.
fn pause_after(tries: i64, outbox: &OutboxConfig) -> i64 {
    let first = u64::try_from(outbox.retry.as_millis()).unwrap_or(LONGEST_PAUSE);
    let factor = 1_u64 << tries.clamp(0, 16);
    i64::try_from(first.saturating_mul(factor).min(LONGEST_PAUSE)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let config = crate::config::Config::parse("t", "", &crate::config::Flags::default(), &|_| None);
        let outbox = config.expect("valid").outbox;
        let pauses: Vec<i64> = [0, 1, 2, 5, 6, 60].iter().map(|n| pause_after(*n, &outbox) / 1_000).collect();
        assert_eq!(pauses, [60, 120, 240, 1_920, 3_600, 3_600]);
    }
}
