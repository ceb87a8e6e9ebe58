//! What the operator chooses for the milter.

use serde::{Deserialize, Serialize};

use crate::front::door::DoorLimits;
use crate::front::failure::FailurePolicy;
use crate::verdict::Label;

/// What is done with a message of a label, besides adding the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing.
    #[default]
    Header,
    /// It is held in the server's queue for somebody to look at.
    Quarantine,
    /// It is refused, with a text for the sender.
    Reject,
    /// It is accepted and thrown away. Nobody is told; think twice.
    Discard,
}

/// What is done with messages of one label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct LabelAction {
    /// What is done.
    pub action: Action,
    /// What is put before the subject; empty for nothing.
    pub subject_tag: String,
    /// The text of a refusal; empty for the usual one. Sent as `550 5.7.1 TEXT`.
    pub text: String,
}

/// Whose mail is not judged. Forged fields are removed from it all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skip {
    /// Clients that logged in (macro `{auth_authen}`).
    Authenticated,
    /// Clients on this machine, and mail handed in by `sendmail`.
    Local,
}

/// How the milter is to work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct MilterConfig {
    /// Bounds. A server may be silent for as long as its own client is, so the time-outs are long.
    pub limits: DoorLimits,
    /// What becomes of what cannot be checked.
    pub failure: FailurePolicy,
    /// What is done with scams.
    pub scam: LabelAction,
    /// What is done with suspicious messages.
    pub suspicious: LabelAction,
    /// Whose mail is not judged.
    pub skip: Vec<Skip>,
    /// The server's name in trace fields; empty for the name that the mail server gives (macro `j`).
    pub host: String,
}

impl Default for MilterConfig {
    fn default() -> Self {
        Self {
            limits: DoorLimits { idle_seconds: 1_800, message_seconds: 3_600, ..DoorLimits::default() },
            failure: FailurePolicy::default(),
            scam: LabelAction::default(),
            suspicious: LabelAction::default(),
            skip: Vec::new(),
            host: String::new(),
        }
    }
}

impl MilterConfig {
    /// Checks that what is configured can be sent.
    ///
    /// # Errors
    /// Names the field and what was expected.
    pub fn check(&self) -> Result<(), String> {
        self.limits.check()?;
        for (name, chosen) in [("scam", &self.scam), ("suspicious", &self.suspicious)] {
            let plain = |text: &str, most: usize| {
                text.len() <= most && text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'%')
            };
            if !plain(&chosen.subject_tag, 60) {
                return Err(format!(
                    "{name}.subject-tag: expected at most 60 printable ASCII characters, no `%`"
                ));
            }
            // Sendmail reads `%` in a reply as the start of a directive.
            if !plain(&chosen.text, 400) {
                return Err(format!("{name}.text: expected at most 400 printable ASCII characters, no `%`"));
            }
        }
        Ok(())
    }

    /// What is done with messages of a label.
    pub(super) fn of(&self, label: Label) -> Option<&LabelAction> {
        match label {
            Label::Scam => Some(&self.scam),
            Label::Suspicious => Some(&self.suspicious),
            Label::NoSigns => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_cannot_be_sent_are_refused() {
        let config = |text: &str| toml::from_str::<MilterConfig>(text).expect("TOML").check();
        assert_eq!(config("[scam]\naction = \"reject\"\ntext = \"This is a scam.\""), Ok(()));
        assert!(config("[scam]\ntext = \"50 %\"").is_err_and(|e| e.contains("scam.text")));
        assert!(config("[suspicious]\nsubject-tag = \"a\\r\\nb\"").is_err_and(|e| e.contains("subject-tag")));
        assert!(config("[limits]\nconnections = 0").is_err_and(|e| e.contains("connections")));
        assert!(toml::from_str::<MilterConfig>("[scam]\nacton = \"reject\"").is_err());
    }
}
