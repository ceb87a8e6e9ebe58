//! The score in the scale of other filters: points, of which 5.0 means `scam`.

use crate::engine::Judgement;
use crate::verdict::Label;

/// Points from which a message is a scam: the threshold that administrators of SpamAssassin know.
pub const THRESHOLD: f64 = 5.0;

/// Points of a certain scam.
const MOST: f64 = 10.0;

/// Points from which a message is suspicious.
const SUSPICIOUS: f64 = THRESHOLD / 2.0;

/// The judgement in points, in whole tenths: at least 5.0 exactly when the label is `scam`, at least 2.5 exactly when it is
/// `suspicious` or more, and rising with the score between.
pub fn points(judgement: &Judgement) -> f64 {
    let thresholds = judgement.thresholds;
    let by_score = match judgement.score {
        p if p >= thresholds.scam => between(p, thresholds.scam, 1.0, THRESHOLD, MOST),
        p if p >= thresholds.suspicious => {
            between(p, thresholds.suspicious, thresholds.scam, SUSPICIOUS, THRESHOLD)
        }
        p => between(p, 0.0, thresholds.suspicious, 0.0, SUSPICIOUS),
    };
    // Rounded down, so that nothing is rounded over a threshold; what rules force counts from the threshold on.
    let tenths = (by_score * 10.0).floor() / 10.0;
    match judgement.label {
        Label::Scam => tenths.max(THRESHOLD),
        Label::Suspicious => tenths.clamp(SUSPICIOUS, THRESHOLD - 0.1),
        Label::NoSigns => tenths.clamp(0.0, SUSPICIOUS - 0.1),
    }
}

fn between(value: f64, from: f64, to: f64, low: f64, high: f64) -> f64 {
    if to <= from {
        return low;
    }
    low + (high - low) * ((value - from) / (to - from)).clamp(0.0, 1.0)
}

/// A marker or rule id as other filters write symbols: `payment.gift-card` is `BYPOST_PAYMENT_GIFT_CARD`.
pub fn symbol(id: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("BYPOST_{}", id.chars().map(upper).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::message::RawMessage;
    use crate::sources::Sources;

    #[test]
    fn points_agree_with_the_label() {
        let engine = Engine::new(&Sources::embedded()).expect("engine");
        let mut judgement = engine.judge(&RawMessage::new(&b"hello"[..]));
        let mut last = [-1.0_f64; 3];
        for step in 0..=1_000 {
            judgement.score = f64::from(step) / 1_000.0;
            for label in [Label::NoSigns, Label::Suspicious, Label::Scam] {
                judgement.label = label;
                let points = points(&judgement);
                assert_eq!(points >= THRESHOLD, label == Label::Scam, "{points}");
                assert_eq!(points >= SUSPICIOUS, label >= Label::Suspicious, "{points}");
                assert!((0.0..=MOST).contains(&points) && points >= last[label as usize]);
                last[label as usize] = points;
            }
        }
        assert_eq!(last, [2.4, 4.9, 10.0]);
    }

    #[test]
    fn symbols_are_plain() {
        assert_eq!(symbol("payment.gift-card"), "BYPOST_PAYMENT_GIFT_CARD");
        assert_eq!(symbol("a\r\nb"), "BYPOST_A__B");
    }
}
