//! What each part of the score is worth.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use super::Bench;
use crate::features::WORDING;
use crate::model::sigmoid;
use crate::train::held_out::{cross_validate, platt};
use crate::train::prepare::{Prepared, examples};
use crate::train::{Scored, Truth, auc, fit, share_above, threshold_for};
use crate::verdict::Label;

/// False alarms allowed.
const BUDGET: f64 = 0.02;

/// One way to judge.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Ablation {
    pub(super) what: &'static str,
    /// On training messages, each scored without its fold; nothing for rules, which give no score.
    pub(super) auc: Option<f64>,
    /// Share of genuine messages flagged, each source counting the same.
    pub(super) alarms: f64,
    /// Share of the scams found.
    pub(super) found: f64,
    /// Share found of `phishing_pot`, which never trains.
    pub(super) phishing: Option<f64>,
}

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Ablation>> {
    let tried: Vec<&Prepared> = bench.all.iter().filter(|p| p.row.source == "phishing_pot").collect();
    let tried: Vec<Prepared> = tried.into_iter().cloned().collect();
    let only_markers = |p: &mut Prepared| p.features.retain(|name, _| name.starts_with("marker:"));
    let without_words = |p: &mut Prepared| p.features.retain(|name, _| name != WORDING);
    let only_words = |p: &mut Prepared| p.features.retain(|name, _| name == WORDING);
    Ok(vec![
        rules_only(&bench.training, &tried),
        scored(bench, "model only", &bench.training, &tried, false)?,
        scored(bench, "model and rules (as shipped)", &bench.training, &tried, true)?,
        scored(
            bench,
            "markers only",
            &changed(&bench.training, only_markers),
            &changed(&tried, only_markers),
            false,
        )?,
        scored(
            bench,
            "model without wording",
            &changed(&bench.training, without_words),
            &changed(&tried, without_words),
            false,
        )?,
        scored(
            bench,
            "wording only",
            &changed(&bench.training, only_words),
            &changed(&tried, only_words),
            false,
        )?,
    ])
}

fn changed(prepared: &[Prepared], change: impl Fn(&mut Prepared)) -> Vec<Prepared> {
    let mut copy = prepared.to_vec();
    copy.iter_mut().for_each(change);
    copy
}

fn rules_only(training: &[Prepared], tried: &[Prepared]) -> Ablation {
    let flagged = |p: &&Prepared| p.floor > Label::NoSigns;
    let share =
        |rows: Vec<&Prepared>| rows.iter().filter(|p| flagged(p)).count() as f64 / rows.len().max(1) as f64;
    let mut genuine: BTreeMap<&str, Vec<&Prepared>> = BTreeMap::new();
    for p in training.iter().filter(|p| p.row.truth == Truth::Genuine) {
        genuine.entry(&p.row.source).or_default().push(p);
    }
    let sources = genuine.len().max(1) as f64;
    Ablation {
        what: "rules only",
        auc: None,
        alarms: genuine.into_values().map(share).sum::<f64>() / sources,
        found: share(training.iter().filter(|p| p.row.scam()).collect()),
        phishing: (!tried.is_empty()).then(|| share(tried.iter().collect())),
    }
}

/// Fits by folds and takes the threshold for the budget from the same held-out scores.
fn scored(
    bench: &Bench<'_>,
    what: &'static str,
    training: &[Prepared],
    tried: &[Prepared],
    rules: bool,
) -> Result<Ablation> {
    let alpha = bench.engine.model_file().training.penalty;
    let catalogue = &bench.engine.gatherer().catalogue;
    let raw = cross_validate(training, alpha, catalogue)?;
    let calibration = platt(&raw)?;
    let probability = |logit: f64| sigmoid(calibration.slope * logit + calibration.offset);
    let lifted = |score: f64, p: &Prepared| if rules && p.floor > Label::NoSigns { 1.0 } else { score };
    let held_out: Vec<Scored> =
        raw.iter().zip(training).map(|((logit, scam), p)| (lifted(probability(*logit), p), *scam)).collect();
    let mut sources: BTreeMap<&str, Vec<Scored>> = BTreeMap::new();
    for ((logit, scam), p) in raw.iter().zip(training) {
        sources.entry(&p.row.source).or_default().push((probability(*logit), *scam));
    }
    let threshold = threshold_for(&sources.into_values().collect::<Vec<_>>(), BUDGET);
    let linear = fit(&examples(training, |_| true), alpha, catalogue)?;
    let unseen: Vec<Scored> =
        tried.iter().map(|p| (lifted(probability(linear.logit(&p.features)), p), true)).collect();
    Ok(Ablation {
        what,
        auc: Some(auc(&held_out)),
        alarms: alarms(training, &held_out, threshold),
        found: share_above(&held_out, true, threshold),
        phishing: (!unseen.is_empty()).then(|| share_above(&unseen, true, threshold)),
    })
}

fn alarms(training: &[Prepared], held_out: &[Scored], threshold: f64) -> f64 {
    let mut sources: BTreeMap<&str, Vec<Scored>> = BTreeMap::new();
    for (p, scored) in training.iter().zip(held_out).filter(|(p, _)| !p.row.scam()) {
        sources.entry(&p.row.source).or_default().push(*scored);
    }
    let shares: Vec<f64> = sources.values().map(|s| share_above(s, false, threshold)).collect();
    shares.iter().sum::<f64>() / shares.len().max(1) as f64
}
