//! What becomes of a message that cannot be checked: one table for all doors, set by the operator.

use serde::{Deserialize, Serialize};

use crate::service::Unchecked;

/// Why a message could not be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// More connections or messages at once than are served.
    Connect,
    /// The peer, or judging, took too long.
    TimeOut,
    /// The peer does not speak the protocol.
    Parse,
    /// The message is larger than is taken.
    Oversize,
    /// A defect of ours.
    Internal,
}

impl Failure {
    /// The reason as written in headers and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "overloaded",
            Self::TimeOut => "timed-out",
            Self::Parse => "not-understood",
            Self::Oversize => "too-large",
            Self::Internal => "internal",
        }
    }

    /// The text for a person whose mail is refused or put off.
    pub fn text(self) -> &'static str {
        match self {
            Self::Connect => "The mail filter is busy; please try again later",
            Self::TimeOut => "The mail filter took too long; please try again later",
            Self::Parse => "The mail filter could not read the message",
            Self::Oversize => "The message is larger than the mail filter takes",
            Self::Internal => "The mail filter failed; please try again later",
        }
    }
}

impl From<Unchecked> for Failure {
    fn from(why: Unchecked) -> Self {
        match why {
            Unchecked::TooLarge => Self::Oversize,
            Unchecked::Overloaded => Self::Connect,
            Unchecked::TimedOut => Self::TimeOut,
            Unchecked::Internal => Self::Internal,
        }
    }
}

/// What is done with an unchecked message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// It passes, and its header says `unchecked`.
    #[default]
    AcceptUnchecked,
    /// The sending server is asked to try again later.
    Tempfail,
    /// It is refused.
    Refuse,
}

/// The table: one action for each failure. Everything passes unchecked unless the operator says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct FailurePolicy {
    /// See [`Failure::Connect`].
    pub connect: OnFailure,
    /// See [`Failure::TimeOut`].
    pub time_out: OnFailure,
    /// See [`Failure::Parse`].
    pub parse: OnFailure,
    /// See [`Failure::Oversize`].
    pub oversize: OnFailure,
    /// See [`Failure::Internal`].
    pub internal: OnFailure,
}

impl FailurePolicy {
    /// The same action for every failure.
    pub fn all(action: OnFailure) -> Self {
        Self { connect: action, time_out: action, parse: action, oversize: action, internal: action }
    }

    /// What is done with a message that fails so.
    pub fn action(&self, failure: Failure) -> OnFailure {
        match failure {
            Failure::Connect => self.connect,
            Failure::TimeOut => self.time_out,
            Failure::Parse => self.parse,
            Failure::Oversize => self.oversize,
            Failure::Internal => self.internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_its_own_action() {
        let text = "connect = \"tempfail\"\ntime-out = \"refuse\"\noversize = \"refuse\"\n";
        let policy: FailurePolicy = toml::from_str(text).expect("policy");
        assert_eq!(policy.action(Unchecked::Overloaded.into()), OnFailure::Tempfail);
        assert_eq!(policy.action(Unchecked::TimedOut.into()), OnFailure::Refuse);
        assert_eq!(policy.action(Unchecked::TooLarge.into()), OnFailure::Refuse);
        assert_eq!(policy.action(Unchecked::Internal.into()), OnFailure::AcceptUnchecked);
        assert_eq!(policy.action(Failure::Parse), OnFailure::AcceptUnchecked);
        assert!(toml::from_str::<FailurePolicy>("connekt = \"refuse\"").is_err());
    }
}
