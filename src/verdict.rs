//! The three labels and what leads to one.

use crate::model::Thresholds;
use crate::rules::RuleHit;

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

/// The verdict: the label that the score reaches, or a higher one that a rule forces.
pub fn verdict(score: f64, thresholds: Thresholds, rules: &[RuleHit]) -> Label {
    let by_score = if score >= thresholds.scam {
        Label::Scam
    } else if score >= thresholds.suspicious {
        Label::Suspicious
    } else {
        Label::NoSigns
    };
    rules.iter().map(|r| r.floor).fold(by_score, Label::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_only_raise() {
        let thresholds = Thresholds { suspicious: 0.4, scam: 0.9 };
        let hit = |floor| RuleHit { id: String::new(), title: String::new(), floor, cites: vec![] };
        assert_eq!(verdict(0.1, thresholds, &[]), Label::NoSigns);
        assert_eq!(verdict(0.4, thresholds, &[]), Label::Suspicious);
        assert_eq!(verdict(0.9, thresholds, &[hit(Label::Suspicious)]), Label::Scam);
        assert_eq!(verdict(0.1, thresholds, &[hit(Label::Suspicious), hit(Label::Scam)]), Label::Scam);
    }
}
