//! The UCI SMS collection, as it is usually reported: advertising against genuine texts, with wording features alone. It
//! says that the fit is sound; it says nothing about scams of today.

use std::collections::{BTreeSet, HashSet};

use anyhow::Result;
use rayon::prelude::*;
use serde::Serialize;

use super::Bench;
use super::words;
use crate::features::Features;
use crate::train::{Example, Truth, fit_free};

/// Parts of the cross-validation.
const FOLDS: usize = 5;

/// Wording features, chosen on the training parts.
const MOST: usize = 4_000;

/// Strength of the L2 penalty; wording features are many and each says little.
const PENALTY: f64 = 0.3;

/// Figures over all folds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sms {
    /// Texts that differ by more than case and blanks.
    pub(super) texts: usize,
    pub(super) spam: usize,
    pub(super) accuracy: f64,
    /// Harmonic mean of precision and recall of spam.
    pub(super) f1: f64,
}

pub(super) fn run(bench: &Bench<'_>) -> Result<Option<Sms>> {
    let mut known = HashSet::new();
    let rows: Vec<(BTreeSet<String>, bool)> = bench
        .all
        .iter()
        .filter(|p| p.row.source == "uci_sms")
        .filter(|p| known.insert(p.text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()))
        .map(|p| (wording(&p.text), p.row.truth != Truth::Genuine))
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let folds: Vec<Vec<(bool, bool)>> =
        (0..FOLDS).into_par_iter().map(|fold| tried(&rows, fold)).collect::<Result<_>>()?;
    let all: Vec<(bool, bool)> = folds.into_iter().flatten().collect();
    let count = |said: bool, is: bool| all.iter().filter(|r| **r == (said, is)).count() as f64;
    let (hit, false_alarm, miss) = (count(true, true), count(true, false), count(false, true));
    Ok(Some(Sms {
        texts: all.len(),
        spam: rows.iter().filter(|r| r.1).count(),
        accuracy: (hit + count(false, false)) / all.len() as f64,
        f1: 2.0 * hit / (2.0 * hit + false_alarm + miss),
    }))
}

fn wording(text: &str) -> BTreeSet<String> {
    words::words(text).into_iter().chain(words::trigrams(text)).collect()
}

/// What is said and what is, for the texts of one fold.
fn tried(rows: &[(BTreeSet<String>, bool)], fold: usize) -> Result<Vec<(bool, bool)>> {
    let inside = |number: usize| number % FOLDS == fold;
    let (mut training, mut trying) = (Vec::new(), Vec::new());
    for (number, row) in rows.iter().enumerate() {
        if inside(number) { trying.push(row) } else { training.push(row) }
    }
    let known = words::frequent(training.iter().map(|r| ("uci_sms", &r.0)), 1, MOST);
    let of = |row: &(BTreeSet<String>, bool)| words::with(&Features::new(), &row.0, &known);
    let features: Vec<(Features, bool)> = training.iter().map(|row| (of(row), row.1)).collect();
    let examples: Vec<Example<'_>> = features.iter().map(|(f, spam)| (f, *spam)).collect();
    let linear = fit_free(&examples, &known.iter().cloned().collect::<Vec<_>>(), PENALTY)?;
    Ok(trying.iter().map(|row| (linear.logit(&of(row)) > 0.0, row.1)).collect())
}
