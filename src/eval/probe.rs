//! The corpus-guess probe: how well the features tell which corpus a message is from, within one class. What can be told
//! there can be learnt instead of the scam; 0.5 is chance.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use rayon::prelude::*;
use serde::Serialize;

use super::Bench;
use crate::features::Features;
use crate::train::prepare::Prepared;
use crate::train::{Example, Scored, auc, fit_free};

/// Messages of a corpus below which guessing it says nothing.
const MIN: usize = 60;

/// How well one corpus is told from the others of its class.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Probe {
    pub(super) set: String,
    pub(super) class: &'static str,
    /// Area under the ROC curve of guessing it, by two-fold cross-validation.
    pub(super) auc: f64,
}

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Probe>> {
    let mut guesses: Vec<(String, bool)> = Vec::new();
    for scam in [false, true] {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for p in bench.training.iter().filter(|p| p.row.scam() == scam) {
            *counts.entry(&p.row.source).or_default() += 1;
        }
        let large = counts.iter().filter(|(_, n)| **n >= MIN).map(|(name, _)| ((*name).to_owned(), scam));
        guesses.extend(large);
    }
    let single = |scam: bool| guesses.iter().filter(|g| g.1 == scam).count() < 2;
    let worth: Vec<&(String, bool)> = guesses.iter().filter(|g| !single(g.1)).collect();
    worth.into_par_iter().map(|(set, scam)| guess(bench, set, *scam)).collect()
}

fn guess(bench: &Bench<'_>, set: &str, scam: bool) -> Result<Probe> {
    let rows: Vec<&Prepared> = bench.training.iter().filter(|p| p.row.scam() == scam).collect();
    let half = |p: &Prepared| blake3::hash(&p.row.bytes).as_bytes()[1].is_multiple_of(2);
    let mut scored: Vec<Scored> = Vec::new();
    for first in [true, false] {
        let examples: Vec<Example<'_>> =
            rows.iter().filter(|p| half(p) == first).map(|p| (&p.features, p.row.source == set)).collect();
        let linear = fit_free(&examples, &names(&examples), 8.0)?;
        let unseen = rows.iter().filter(|p| half(p) != first);
        scored.extend(unseen.map(|p| (linear.logit(&p.features), p.row.source == set)));
    }
    Ok(Probe { set: set.to_owned(), class: if scam { "scam" } else { "genuine" }, auc: auc(&scored) })
}

fn names(examples: &[Example<'_>]) -> Vec<String> {
    let all: BTreeSet<&String> =
        examples.iter().flat_map(|(features, _): &(&Features, bool)| features.keys()).collect();
    all.into_iter().cloned().collect()
}
