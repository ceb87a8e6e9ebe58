//! Who is answered: one table, looked through from the top; the first guard that holds decides.
//!
//! RFC 3834 both ways: nothing automatic is answered, and our answers say that they are automatic. An answer goes to the
//! envelope sender alone, and only if that sender is known to have sent the message.

mod table;

use serde::{Deserialize, Serialize};

pub use table::GUARDS;

use crate::config::{Answers, Inbox};
use crate::message::outer::Signs;

/// How it is known that the envelope sender sent the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The client is in a trusted network.
    Network,
    /// The address is on the operator's list.
    Listed,
    /// A trusted server's Authentication-Results say so.
    Header,
    /// A DKIM signature of the sender's own domain verifies.
    Dkim,
    /// SPF passes for the sender's domain.
    Spf,
    /// The request is signed by the texting provider.
    Signed,
    /// It is not known; the words say what was tried.
    Not(String),
}

impl Proof {
    /// Whether the sender is known to have sent the message.
    pub fn holds(&self) -> bool {
        !matches!(self, Self::Not(_))
    }
}

/// What an answer would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The verdict on one message.
    Verdict,
    /// The verdicts on several.
    Several,
    /// There was nothing to judge: how to forward.
    Help,
    /// The sender's messages are to be erased.
    Erase,
    /// It could not be checked.
    Unchecked,
}

impl Kind {
    /// The word in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Several => "several",
            Self::Help => "help",
            Self::Erase => "erase",
            Self::Unchecked => "unchecked",
        }
    }
}

/// What guards look at in one message; kept in the journal until the message is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Envelope sender, empty for the null sender.
    pub sender: String,
    /// What the header says about automatic mail.
    pub signs: Signs,
    /// How the sender is known.
    pub proof: Proof,
    /// What an answer would be.
    pub kind: Kind,
    /// It is no forward but a reply to one of our answers.
    pub thanks: bool,
    /// It was sent by ourselves.
    pub ours: bool,
}

/// What happened before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The same message of the same sender has been answered, or its answer is on the way.
    pub answered: bool,
    /// Answers to this sender in the last hour.
    pub sender_hour: u64,
    /// Answers to everybody in the last hour.
    pub all_hour: u64,
    /// The sender was told how to forward in the last day.
    pub helped: bool,
}

/// What the guards know.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The message.
    pub letter: &'a Letter,
    /// What happened before.
    pub history: History,
    /// The operator's settings.
    pub policy: &'a Policy,
}

/// The operator's settings that guards heed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who we are.
    pub inbox: Inbox,
    /// How much is answered.
    pub answers: Answers,
}

/// What becomes of a message when its guard holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is never answered.
    Never,
    /// It is kept for a person to look at.
    Hold,
}

/// One guard.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    /// Stable id: the reason in the journal.
    pub id: &'static str,
    /// What it guards against.
    pub says: &'static str,
    /// What becomes of the message.
    pub refusal: Refusal,
    /// Whether it holds.
    pub holds: fn(&Facts<'_>) -> bool,
}

/// What is done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is answered.
    Answer,
    /// It is not, for the reason with this id.
    Refuse(Refusal, &'static str),
}

/// The first guard that holds decides; without one the message is answered.
pub fn decide(facts: &Facts<'_>) -> Decision {
    let guard = GUARDS.iter().find(|g| (g.holds)(facts));
    guard.map_or(Decision::Answer, |g| Decision::Refuse(g.refusal, g.id))
}

#[cfg(test)]
mod tests;
