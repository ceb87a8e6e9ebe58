//! The new model against the one that it would replace, on messages that trained neither.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::held_out::loss;
use super::measure::Scored;
use super::prepare::Prepared;
use crate::engine::Engine;
use crate::model::{Model, ModelFile};
use crate::verdict::{Label, verdict};

/// Rise of the loss that is more than chance.
const LOSS: f64 = 0.02;

/// Rise of the share of false alarms, or fall of the share found, that is more than chance on a few hundred messages.
const SHARE: f64 = 0.03;

/// Messages whose label changes that are listed.
const LISTED: usize = 20;

/// What changed.
pub(super) struct Comparison {
    /// In words.
    pub(super) report: String,
    /// The new model is worse.
    pub(super) worse: bool,
}

/// How one model does on the held-back messages.
struct Figures {
    loss: f64,
    /// Share of genuine messages that are at least suspicious by score.
    alarms: f64,
    /// Share of scams that are.
    found: f64,
    labels: Vec<Label>,
}

/// Compares with the model at `path`; without one that this version can read there is nothing to compare with.
pub(super) fn with_old(
    path: &Path,
    new: &ModelFile,
    text: &str,
    held_back: &[Prepared],
    engine: &Engine,
) -> Result<Comparison> {
    let catalogue = &engine.gatherer().catalogue;
    let new_model = Model::load(&path.display().to_string(), text, catalogue)?;
    let ours = figures(&new_model, held_back);
    let mut report = format!("held back ({} messages): {}", held_back.len(), ours.words());
    let old = std::fs::read_to_string(path).ok();
    let old = old.and_then(|old| Model::load(&path.display().to_string(), &old, catalogue).ok());
    let Some(old) = old else {
        report.push_str("\nno model of this version to compare with");
        return Ok(Comparison { report, worse: false });
    };
    let theirs = figures(&old, held_back);
    let _ = write!(report, "\nmodel before:              {}", theirs.words());
    let flips: Vec<String> = held_back
        .iter()
        .zip(ours.labels.iter().zip(&theirs.labels))
        .filter(|(_, (new, old))| new != old)
        .map(|(p, (new, old))| {
            format!("  {} ({:?}): {} → {}", p.row.id, p.row.truth, old.as_str(), new.as_str())
        })
        .collect();
    let _ = write!(report, "\n{} labels change", flips.len());
    flips.iter().take(LISTED).for_each(|flip| {
        let _ = write!(report, "\n{flip}");
    });
    let _ = write!(report, "\n{}", weights_changed(new, old.file()));
    let worse = ours.loss > theirs.loss + LOSS
        || ours.alarms > theirs.alarms + SHARE
        || ours.found < theirs.found - SHARE;
    Ok(Comparison { report, worse })
}

fn figures(model: &Model, held_back: &[Prepared]) -> Figures {
    let scores: Vec<f64> =
        held_back.iter().map(|p| model.score(&p.features, &p.folded.0, &p.folded.1).probability).collect();
    let logits: Vec<Scored> =
        held_back.iter().zip(&scores).map(|(p, s)| ((s / (1.0 - s)).ln(), p.row.scam())).collect();
    let labels: Vec<Label> = held_back
        .iter()
        .zip(&scores)
        .map(|(p, s)| verdict(*s, model.thresholds(), &[]).max(p.floor))
        .collect();
    let share = |scam: bool| {
        let of: Vec<&Label> =
            held_back.iter().zip(&labels).filter(|(p, _)| p.row.scam() == scam).map(|(_, l)| l).collect();
        of.iter().filter(|l| ***l > Label::NoSigns).count() as f64 / of.len().max(1) as f64
    };
    Figures { loss: loss(&logits), alarms: share(false), found: share(true), labels }
}

impl Figures {
    fn words(&self) -> String {
        format!(
            "loss {:.4}, false alarms {:.1} %, scams found {:.1} %",
            self.loss,
            self.alarms * 100.0,
            self.found * 100.0
        )
    }
}

/// The weights that moved most.
fn weights_changed(new: &ModelFile, old: &ModelFile) -> String {
    let of = |file: &ModelFile, name: &str| {
        file.weights.iter().find(|w| w.feature == name).map_or(0.0, |w| w.weight)
    };
    let names: std::collections::BTreeSet<&str> =
        new.weights.iter().chain(&old.weights).map(|w| w.feature.as_str()).collect();
    let mut moved: Vec<(f64, &str)> =
        names.into_iter().map(|name| (of(new, name) - of(old, name), name)).filter(|m| m.0 != 0.0).collect();
    moved.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()).then_with(|| a.1.cmp(b.1)));
    let listed: Vec<String> = moved.iter().take(8).map(|(by, name)| format!("{name} {by:+.2}")).collect();
    format!("{} weights change; most: {}", moved.len(), listed.join(", "))
}
