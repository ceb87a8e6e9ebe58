//! From bytes to an answer: what every filter does between unpacking and rendering.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::failure::{Failure, FailurePolicy};
use crate::engine::Judgement;
use crate::message::Channel;
use crate::service::{Outcome, Service};

/// What a door says of a message.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It was judged.
    Judged {
        /// The judgement.
        judgement: Arc<Judgement>,
        /// How much of the message was judged.
        extent: Extent,
    },
    /// It was not, and is never shown as `no-signs`.
    Unchecked(Failure),
}

/// How much of a message was judged, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The beginning that was judged.
    pub judged: usize,
    /// The whole message; `None` when it is longer than what was judged, and how long is not known.
    pub total: Option<usize>,
}

impl Extent {
    /// All of it.
    pub fn whole(total: usize) -> Self {
        Self { judged: total, total: Some(total) }
    }

    /// Whether some of it was not judged.
    pub fn is_part(self) -> bool {
        self.total.is_none_or(|total| self.judged < total)
    }
}

/// Bounds of a door; every door has these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct DoorLimits {
    /// Bytes of a message that are judged; of a larger one the beginning is judged, and the header says so.
    pub judged_bytes: usize,
    /// Largest message taken, in bytes; a larger one fails as `oversize`.
    pub message_bytes: usize,
    /// Connections open at the same time; more are turned away.
    pub connections: usize,
    /// Longest silence of a peer, and longest wait for it to take an answer, in seconds.
    pub idle_seconds: u64,
    /// Longest time that one message may take to come in, in seconds.
    pub message_seconds: u64,
}

impl Default for DoorLimits {
    fn default() -> Self {
        Self {
            judged_bytes: 4 << 20,
            message_bytes: 64 << 20,
            connections: 500,
            idle_seconds: 30,
            message_seconds: 300,
        }
    }
}

impl DoorLimits {
    /// Longest silence.
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    /// Longest time for a message to come in.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.message_seconds)
    }

    /// Checks that the figures make sense.
    ///
    /// # Errors
    /// Names the field and what was expected.
    pub fn check(&self) -> Result<(), String> {
        let least = [
            ("judged-bytes", self.judged_bytes as u64),
            ("message-bytes", self.message_bytes as u64),
            ("connections", self.connections as u64),
            ("idle-seconds", self.idle_seconds),
            ("message-seconds", self.message_seconds),
        ];
        match least.iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(format!("limits.{name} is 0; expected at least 1")),
            None => Ok(()),
        }
    }
}

/// A door at work: the service, its name in the journal, its bounds and what it does with failures.
#[derive(Clone, Debug)]
pub struct Door {
    /// Judges.
    pub service: Arc<Service>,
    /// The door's name in journal and log: `milter`, `spamd`, `http`.
    pub name: &'static str,
    /// Bounds.
    pub limits: DoorLimits,
    /// What becomes of what cannot be checked.
    pub failures: FailurePolicy,
}

impl Door {
    /// Judges a mail that was read completely, and hands it to the journal if it is flagged.
    pub async fn check(&self, mail: &Arc<[u8]>) -> Answer {
        self.check_part(mail, mail.len()).await
    }

    /// As [`Door::check`], of a mail of `total` bytes of which only the beginning was kept.
    pub async fn check_part(&self, mail: &Arc<[u8]>, total: usize) -> Answer {
        let judged = mail.len().min(self.limits.judged_bytes);
        match self.service.judge_part(Arc::clone(mail), judged, Some(Channel::Email)).await {
            Outcome::Judged(judgement) => {
                self.service.record(self.name, mail, &judgement);
                Answer::Judged { judgement, extent: Extent { judged, total: Some(total) } }
            }
            Outcome::Unchecked(why) => Answer::Unchecked(why.into()),
        }
    }
}
