//! The three labels and what leads to one.

/// What bypost says of a message. There is no "safe".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// No signs of a scam were found; that does not make the message safe.
    NoSigns,
    /// Some signs; a person should check before acting.
    Suspicious,
    /// Strong signs of a scam.
    Scam,
}

impl Label {
    /// The label as written in JSON, headers and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSigns => "no-signs",
            Self::Suspicious => "suspicious",
            Self::Scam => "scam",
        }
    }
}
