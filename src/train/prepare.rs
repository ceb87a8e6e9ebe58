//! Labelled messages made ready to fit: read, searched, deduplicated, assigned to folds.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::fit::Example;
use super::rows::{EXTRA, OWN, Row};
use super::{Progress, dedupe};
use crate::engine::Engine;
use crate::features::Features;
use crate::message::RawMessage;
use crate::verdict::Label;
use crate::wording::{self, TermHash};

/// Parts of the cross-validation.
pub(crate) const FOLDS: usize = 5;

/// Rows of the project's own messages, and of the operator's, count this often: they are what recent honest mail looks
/// like.
const OWN_WEIGHT: usize = 4;

/// A row with what the engine sees in it.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) row: Row,
    pub(crate) features: Features,
    /// Label that the rules alone give.
    pub(crate) floor: Label,
    pub(crate) language: &'static str,
    /// Subject and text as judged, for what is learnt from words and for telling near-duplicates.
    pub(crate) text: String,
    /// Subject and text as folded, which the wording is read from.
    pub(crate) folded: (String, String),
    /// The terms of the wording.
    pub(crate) terms: Vec<TermHash>,
    pub(crate) fold: usize,
}

/// Reads and searches every row, on all cores.
pub(crate) fn prepare(engine: &Engine, rows: Vec<Row>, progress: Progress<'_>) -> Vec<Prepared> {
    let (total, done) = (rows.len() as u64, AtomicU64::new(0));
    rows.into_par_iter()
        .map(|row| {
            let message = engine.read(&RawMessage::with_channel(row.bytes.as_slice(), row.channel));
            let seen = engine.look(&message);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            Prepared {
                fold: fold_of(&row),
                features: seen.features,
                floor: seen.floor,
                language: seen.language,
                text: format!("{}\n{}", message.subject, message.text),
                terms: wording::terms(&seen.folded.0, &seen.folded.1),
                folded: seen.folded,
                row,
            }
        })
        .collect()
}

/// Without near-duplicates: of each kind the first stays.
pub(crate) fn without_near_duplicates(mut prepared: Vec<Prepared>) -> Vec<Prepared> {
    let texts: Vec<String> = prepared.iter().map(|p| p.text.clone()).collect();
    let mut firsts = dedupe::firsts(&texts).into_iter();
    prepared.retain(|_| firsts.next().unwrap_or(true));
    prepared
}

/// Templates stay together; the public sources are left out whole.
fn fold_of(row: &Row) -> usize {
    let key = if is_own(row) { row.group.as_str() } else { row.source.as_str() };
    blake3::hash(key.as_bytes()).as_bytes()[0] as usize % FOLDS
}

pub(crate) fn is_own(row: &Row) -> bool {
    row.source == OWN || row.source == EXTRA
}

/// The rows that `keep` lets through, as examples to fit.
pub(crate) fn examples(prepared: &[Prepared], keep: impl Fn(&Prepared) -> bool) -> Vec<Example<'_>> {
    let mut examples = Vec::new();
    for row in prepared.iter().filter(|p| keep(p)) {
        let times = if is_own(&row.row) { OWN_WEIGHT } else { 1 };
        examples.extend(std::iter::repeat_n((&row.features, row.row.scam()), times));
    }
    examples
}
