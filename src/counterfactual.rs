//! What would change the verdict: the same message without the sign that matters most.

use crate::engine::{Engine, Judgement};
use crate::evidence::{Findings, MarkerIx};
use crate::verdict::{self, Label};

/// The score and label that a message would have without one of its signs.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Counterfactual {
    /// Id of the marker left out.
    pub without: String,
    /// What the marker means, in words.
    pub title: String,
    /// Score without it, 0 to 1.
    pub score: f64,
    /// Label without it, by score and rules.
    pub label: Label,
}

impl Counterfactual {
    /// In words, for people who know the titles of markers.
    pub fn words(&self) -> String {
        format!("without \"{}\" this would score {:.2} ({})", self.title, self.score, self.label.as_str())
    }
}

/// Signs that are tried; more than this are never close to deciding.
const MAX_TRIED: usize = 24;

impl Engine {
    /// The sign without which the message would get the lowest label and score. Everything built on the sign (families,
    /// pairs, rules) is left out with it; the words stay. Nothing is given for a message without a scam sign.
    pub fn counterfactual(&self, judgement: &Judgement) -> Option<Counterfactual> {
        if judgement.label == Label::NoSigns {
            return None;
        }
        let catalogue = &self.gatherer().catalogue;
        let signs = judgement.findings.asserted().filter(|ix| {
            !matches!(catalogue.marker(*ix).family(), "genuine" | "claims")
                && (catalogue.marker(*ix).family() != "context")
        });
        let tried = signs.take(MAX_TRIED).map(|ix| self.without(judgement, ix));
        let lower = |a: &Counterfactual, b: &Counterfactual| {
            a.label.cmp(&b.label).then(a.score.total_cmp(&b.score)).then_with(|| a.without.cmp(&b.without))
        };
        tried.min_by(lower).filter(|least| least.label < judgement.label || least.score < judgement.score)
    }

    fn without(&self, judgement: &Judgement, marker: MarkerIx) -> Counterfactual {
        let findings = Findings {
            evidence: judgement.findings.evidence.iter().filter(|e| e.marker != marker).cloned().collect(),
            ..judgement.findings.clone()
        };
        let (score, rules) = self.weigh(&judgement.message, &findings);
        let sign = self.gatherer().catalogue.marker(marker);
        Counterfactual {
            without: sign.id.clone(),
            title: sign.title.clone(),
            score: score.probability,
            label: verdict::verdict(score.probability, judgement.thresholds, &rules),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::RawMessage;
    use crate::sources::Sources;

    #[test]
    fn the_demand_decides() {
        let engine = Engine::new(&Sources::embedded()).expect("engine");
        let text = "IRS: you owe $2,430. Pay with Apple gift cards today.";
        let judgement = engine.judge(&RawMessage::new(text.as_bytes()));
        let changed = engine.counterfactual(&judgement).expect("a sign");
        assert!(changed.score < judgement.score, "{changed:?}");
        assert!(changed.words().contains("would score"), "{}", changed.words());
        let calm = engine.judge(&RawMessage::new(&b"See you at dinner on Sunday, love, Mum"[..]));
        assert_eq!(engine.counterfactual(&calm), None);
    }
}
