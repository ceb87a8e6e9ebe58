//! For every message a score by a model that has not seen its source.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use rayon::prelude::*;

use super::Bench;
use crate::message::Channel;
use crate::model::{Calibration, sigmoid};
use crate::train::held_out::platt;
use crate::train::prepare::{FOLDS, Prepared, examples, is_own};
use crate::train::{Linear, Truth, fit};
use crate::verdict::{Label, verdict};

/// A message with its score by a model that has not seen its source.
pub(super) struct Case {
    pub(super) source: String,
    pub(super) truth: Truth,
    pub(super) channel: Channel,
    pub(super) language: &'static str,
    /// Calibrated probability.
    pub(super) score: f64,
    /// By score and rules.
    pub(super) label: Label,
    /// It is of the quarter of the project's own templates that never trains.
    pub(super) held_back: bool,
}

impl Case {
    pub(super) fn scam(&self) -> bool {
        self.truth == Truth::Scam
    }
}

/// Last year that trains in the split by time.
pub(super) const LAST_YEAR: u16 = 2021;

/// The shipped model for what never trains, otherwise one fitted without the source (own messages: without the template's
/// fold).
pub(super) fn cases(bench: &Bench<'_>) -> Result<Vec<Case>> {
    let model = bench.engine.model_file();
    let (alpha, catalogue) = (model.training.penalty, &bench.engine.gatherer().catalogue);
    let sources: BTreeSet<&str> =
        bench.training.iter().filter(|p| !is_own(&p.row)).map(|p| p.row.source.as_str()).collect();
    let without =
        |keep: &(dyn Fn(&Prepared) -> bool + Sync)| fit(&examples(&bench.training, keep), alpha, catalogue);
    let by_source: BTreeMap<&str, Linear> = sources
        .into_par_iter()
        .map(|source| Ok((source, without(&|p| p.row.source != source)?)))
        .collect::<Result<_>>()?;
    let by_fold: Vec<Linear> = (0..FOLDS)
        .into_par_iter()
        .map(|fold| without(&|p| !is_own(&p.row) || p.fold != fold))
        .collect::<Result<_>>()?;
    let shipped = shipped(bench);
    let unseen_by = |p: &Prepared| -> &Linear {
        if !p.row.trains {
            by_source.get(p.row.source.as_str()).unwrap_or(&shipped)
        } else if is_own(&p.row) {
            &by_fold[p.fold]
        } else {
            by_source.get(p.row.source.as_str()).unwrap_or(&shipped)
        }
    };
    Ok(bench.all.iter().map(|p| case(bench, p, unseen_by(p), model.calibration)).collect())
}

/// Fitted on what is older than the split, calibrated on it by folds, tried on what is newer.
pub(super) fn by_time(bench: &Bench<'_>) -> Result<Option<Vec<Case>>> {
    let alpha = bench.engine.model_file().training.penalty;
    let catalogue = &bench.engine.gatherer().catalogue;
    let old: Vec<Prepared> =
        bench.training.iter().filter(|p| p.row.year.is_some_and(|y| y <= LAST_YEAR)).cloned().collect();
    if !(old.iter().any(|p| p.row.scam()) && old.iter().any(|p| !p.row.scam())) {
        return Ok(None);
    }
    let linear = fit(&examples(&old, |_| true), alpha, catalogue)?;
    let raw: Vec<(f64, bool)> = old.iter().map(|p| (linear.logit(&p.features), p.row.scam())).collect();
    let calibration = platt(&raw)?;
    let new = bench.all.iter().filter(|p| p.row.year.is_some_and(|y| y > LAST_YEAR));
    Ok(Some(new.map(|p| case(bench, p, &linear, calibration)).collect()))
}

fn shipped(bench: &Bench<'_>) -> Linear {
    let model = bench.engine.model_file();
    Linear {
        weights: model.weights.iter().map(|w| (w.feature.clone(), w.weight)).collect(),
        intercept: model.intercept,
    }
}

fn case(bench: &Bench<'_>, p: &Prepared, linear: &Linear, calibration: Calibration) -> Case {
    let score = sigmoid(calibration.slope * linear.logit(&p.features) + calibration.offset);
    let thresholds = bench.engine.model_file().thresholds;
    Case {
        source: p.row.source.clone(),
        truth: p.row.truth,
        channel: p.row.channel,
        language: p.language,
        score,
        label: verdict(score, thresholds, &[]).max(p.floor),
        held_back: is_own(&p.row) && !p.row.trains,
    }
}
