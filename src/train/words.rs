//! The wording: words and pairs of words that at least three hands use, fitted by linfa, each message scored by a fit that
//! has not seen its fold.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Result;
use rayon::prelude::*;

use super::fit::{Example, fit_free};
use super::held_out::round;
use super::prepare::{FOLDS, Prepared, is_own};
use crate::features::{Features, WORDING};
use crate::model::{WordWeight, Wording};
use crate::wording::{self, TermHash};

/// A term counts only if this many hands use it: public sources, and files of the project's own messages.
const HANDS: usize = 3;

/// A term in fewer messages is no basis for a weight.
const MIN_ROWS: usize = 5;

/// Most terms that are fitted.
const MOST: usize = 4_000;

/// Strength of the L2 penalty.
const PENALTY: f64 = 0.5;

/// Messages of one class that one public source gives: most are older than today's wording, and each has its own.
const MOST_OF_SOURCE: usize = 100;

/// The project's own messages, and the operator's, count this often.
const OWN_WEIGHT: usize = 2;

/// The wording models: one without each fold, and one of all.
#[derive(Clone, Debug)]
pub(crate) struct Wordings {
    by_fold: Vec<Known>,
    all: Known,
}

/// A fitted wording by hashes.
#[derive(Clone, Debug, Default)]
struct Known {
    intercept: f64,
    weights: HashMap<TermHash, f64>,
}

impl Known {
    fn logit(&self, terms: &[TermHash]) -> f64 {
        let found: Vec<f64> = terms.iter().filter_map(|t| self.weights.get(t).copied()).collect();
        self.intercept + found.iter().sum::<f64>() * wording::value(found.len())
    }
}

impl Wordings {
    /// Fits on `training`.
    ///
    /// # Errors
    /// A class is missing.
    pub(crate) fn fit(training: &[Prepared]) -> Result<Self> {
        let folds: Vec<Option<usize>> = (0..FOLDS).map(Some).chain([None]).collect();
        let mut fitted: Vec<Known> =
            folds.into_par_iter().map(|fold| known(training, fold)).collect::<Result<_>>()?;
        let all = fitted.pop().unwrap_or_default();
        Ok(Self { by_fold: fitted, all })
    }

    /// Sets the feature `wording`: of messages whose source trains, by the fit without their fold.
    pub(crate) fn apply(&self, prepared: &mut [Prepared], trained: &BTreeSet<String>) {
        for p in prepared {
            let unseen = trained.contains(&p.row.source) && (p.row.trains || !is_own(&p.row));
            let known = if unseen { &self.by_fold[p.fold] } else { &self.all };
            p.features.insert(WORDING.to_owned(), round(known.logit(&p.terms)));
        }
    }

    /// The wording of all messages, as the model file has it.
    pub(crate) fn file(&self, training: &[Prepared]) -> Wording {
        let mut names = HashMap::new();
        for p in training {
            wording::name_terms(&p.folded.0, &p.folded.1, &|t| self.all.weights.contains_key(&t), &mut names);
        }
        let named: BTreeMap<&String, f64> =
            names.iter().map(|(hash, name)| (name, self.all.weights[hash])).collect();
        Wording {
            intercept: self.all.intercept,
            words: named.into_iter().map(|(word, weight)| WordWeight(word.clone(), weight)).collect(),
        }
    }
}

/// The sources that train.
pub(crate) fn sources(training: &[Prepared]) -> BTreeSet<String> {
    training.iter().map(|p| p.row.source.clone()).collect()
}

fn known(training: &[Prepared], without: Option<usize>) -> Result<Known> {
    let rows: Vec<&Prepared> = limited(training).filter(|p| Some(p.fold) != without).collect();
    let vocabulary = vocabulary(&rows);
    let features: Vec<Features> = rows.iter().map(|p| features(&p.terms, &vocabulary)).collect();
    let balance = balance(&rows);
    let mut examples: Vec<Example<'_>> = Vec::new();
    for (p, features) in rows.iter().zip(&features) {
        let times = if p.row.scam() { times(p) * balance } else { times(p) };
        examples.extend(std::iter::repeat_n((features, p.row.scam()), times));
    }
    let names: Vec<String> = vocabulary.iter().map(ToString::to_string).collect();
    let linear = fit_free(&examples, &names, PENALTY)?;
    let weights = vocabulary.iter().filter_map(|t| Some((*t, round(*linear.weights.get(&t.to_string())?))));
    Ok(Known { intercept: round(linear.intercept), weights: weights.collect() })
}

/// The messages that words are learnt from: all of the project's own, some of every public source.
fn limited(training: &[Prepared]) -> impl Iterator<Item = &Prepared> {
    let mut kept: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    training.iter().filter(move |p| {
        let kept = kept.entry((&p.row.source, p.row.scam())).or_default();
        *kept += 1;
        is_own(&p.row) || *kept <= MOST_OF_SOURCE
    })
}

fn times(p: &Prepared) -> usize {
    if is_own(&p.row) { OWN_WEIGHT } else { 1 }
}

/// How often a scam counts so that both classes weigh the same. Without a fold the scams may be few; a fit that took them
/// for rarer would score every message of that fold lower.
fn balance(rows: &[&Prepared]) -> usize {
    let weight =
        |scam: bool| rows.iter().filter(|p| p.row.scam() == scam).map(|p| times(p)).sum::<usize>() as f64;
    ((weight(false) / weight(true).max(1.0)).round() as usize).clamp(1, 10)
}

/// The terms to fit: those of most messages among those of enough sources; sorted.
fn vocabulary(rows: &[&Prepared]) -> Vec<TermHash> {
    let mut seen: HashMap<TermHash, (HashSet<&str>, usize)> = HashMap::new();
    for p in rows {
        for term in &p.terms {
            let entry = seen.entry(*term).or_default();
            entry.0.insert(&p.row.hand);
            entry.1 += 1;
        }
    }
    let enough = seen.into_iter().filter(|(_, (hands, rows))| hands.len() >= HANDS && *rows >= MIN_ROWS);
    let mut terms: Vec<(usize, TermHash)> = enough.map(|(term, (_, rows))| (rows, term)).collect();
    terms.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut vocabulary: Vec<TermHash> = terms.into_iter().take(MOST).map(|t| t.1).collect();
    vocabulary.sort_unstable();
    vocabulary
}

fn features(terms: &[TermHash], vocabulary: &[TermHash]) -> Features {
    let found: Vec<&TermHash> = terms.iter().filter(|t| vocabulary.binary_search(t).is_ok()).collect();
    let value = wording::value(found.len());
    found.into_iter().map(|t| (t.to_string(), value)).collect()
}
