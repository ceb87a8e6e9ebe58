//! Scores by models that have not seen the row's source (or, of the project's own, its template), and what is read off
//! them: the strength of the penalty, the calibration, the thresholds.

use anyhow::Result;
use rayon::prelude::*;

use super::fit::{Example, Linear, fit, fit_free};
use super::measure::{Scored, threshold_for};
use super::prepare::{FOLDS, Prepared, examples};
use crate::evidence::Catalogue;
use crate::features::Features;
use crate::model::{Calibration, OperatingPoint, sigmoid};

/// Strengths of the L2 penalty that are tried.
const ALPHAS: &[f64] = &[0.5, 1.0, 2.0, 4.0, 8.0];

/// Shares of false alarms for which a threshold is stored.
const GRID: &[f64] = &[0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.003, 0.002, 0.001];

/// Raw logits of every row by a model that has not seen its fold.
pub(crate) fn cross_validate(
    prepared: &[Prepared],
    alpha: f64,
    catalogue: &Catalogue,
) -> Result<Vec<Scored>> {
    let fitted: Vec<Linear> = (0..FOLDS)
        .into_par_iter()
        .map(|fold| fit(&examples(prepared, |p| p.fold != fold), alpha, catalogue))
        .collect::<Result<_>>()?;
    Ok(prepared.iter().map(|p| (fitted[p.fold].logit(&p.features), p.row.scam())).collect())
}

/// The penalty with the least held-out loss, with its held-out logits.
pub(crate) fn choose(prepared: &[Prepared], catalogue: &Catalogue) -> Result<(f64, Vec<Scored>)> {
    let mut best: Option<(f64, f64, Vec<Scored>)> = None;
    for &alpha in ALPHAS {
        let held_out = cross_validate(prepared, alpha, catalogue)?;
        let loss = loss(&held_out);
        if best.as_ref().is_none_or(|b| loss < b.0 - 1e-6) {
            best = Some((loss, alpha, held_out));
        }
    }
    let (_, alpha, held_out) = best.ok_or_else(|| anyhow::anyhow!("no penalty was tried"))?;
    Ok((alpha, held_out))
}

/// Mean logistic loss, both classes counting the same.
pub(crate) fn loss(logits: &[Scored]) -> f64 {
    let of = |scam: bool| {
        let losses: Vec<f64> = logits
            .iter()
            .filter(|s| s.1 == scam)
            .map(|s| -sigmoid(if scam { s.0 } else { -s.0 }).ln())
            .collect();
        losses.iter().sum::<f64>() / losses.len().max(1) as f64
    };
    (of(true) + of(false)) / 2.0
}

/// Platt scaling: a logistic regression of the label on the held-out logit, by linfa like everything else.
pub(crate) fn platt(held_out: &[Scored]) -> Result<Calibration> {
    let rows: Vec<(Features, bool)> =
        held_out.iter().map(|(raw, scam)| (Features::from([("logit".to_owned(), *raw)]), *scam)).collect();
    let examples: Vec<Example<'_>> = rows.iter().map(|(f, s)| (f, *s)).collect();
    let linear = fit_free(&examples, &["logit".to_owned()], 1e-3)?;
    let slope = linear.weights.get("logit").copied().unwrap_or(1.0).max(1e-3);
    Ok(Calibration { slope: round(slope), offset: round(linear.intercept) })
}

/// The thresholds of all stored budgets; never falling with a stricter budget.
pub(crate) fn operating_points(sources: &[Vec<Scored>]) -> Vec<OperatingPoint> {
    let mut least = 0.05;
    let point = |&budget: &f64| {
        least = ceil(threshold_for(sources, budget).clamp(least, 0.995));
        OperatingPoint { budget, threshold: least }
    };
    GRID.iter().map(point).collect()
}

/// Four decimals: what a last bit of arithmetic on another processor may change is not written.
pub(crate) fn round(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}

fn ceil(x: f64) -> f64 {
    (x * 1e4).ceil() / 1e4
}
