//! Training: labelled messages → features → linfa-logistic → `models/scam.json`. The only room that knows linfa.

mod fit;
mod measure;
mod rows;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use rayon::prelude::*;
use serde_json::json;

use crate::engine::Engine;
use crate::features::Features;
use crate::message::RawMessage;
use crate::model::{
    self, Budgets, Calibration, FORMAT, ModelFile, NamedWeight, Thresholds, Training, TrainingSource,
};
use crate::sources::Sources;

pub use fit::{Example, Linear, fit, fit_free};
pub use measure::{Scored, auc, brier, ece, share_above, threshold_for};
pub(crate) use rows::Line;
pub use rows::{Row, load};

/// What to train from and where to write.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// Directory of the public corpora; without it only the project's own messages train.
    pub corpora: Option<PathBuf>,
    /// Directory of the project's own messages (`data/train`).
    pub own: PathBuf,
    /// The model file to write.
    pub out: PathBuf,
}

/// Strength of the L2 penalty.
const ALPHA: f64 = 2.0;

/// Parts of the cross-validation over groups.
const FOLDS: usize = 5;

/// False alarms allowed among genuine messages by score alone.
const BUDGETS: Budgets = Budgets { suspicious: 0.02, scam: 0.001 };

/// Rows of the project's own messages count this often: they are what recent honest mail looks like.
const OWN_WEIGHT: usize = 3;

/// A row with its features.
struct Prepared {
    row: Row,
    features: Features,
    fold: usize,
}

/// Trains and writes the model; returns a summary for people.
///
/// # Errors
/// Data cannot be read, a class is missing, the fit fails, or the file cannot be written.
pub fn run(sources: &Sources, options: &TrainOptions) -> Result<String> {
    let engine = Engine::untrained(sources)?;
    let rows = load(&options.own, options.corpora.as_deref())?;
    let digest = rows_digest(&rows);
    let prepared = prepare(&engine, rows);
    let catalogue = &engine.gatherer().catalogue;
    let held_out = cross_validate(&prepared, |examples| fit(examples, ALPHA, catalogue))?;
    let calibration = platt(&held_out)?;
    let calibrated: Vec<Scored> = held_out
        .iter()
        .map(|(raw, scam)| (model::sigmoid(calibration.slope * raw + calibration.offset), *scam))
        .collect();
    let linear = fit(&examples(&prepared, |_| true), ALPHA, catalogue)?;
    let file = model_file(&linear, calibration, &calibrated, &prepared, digest, sources);
    let text = serde_json::to_string_pretty(&file)? + "\n";
    std::fs::write(&options.out, text)
        .with_context(|| format!("{}: cannot write the model", options.out.display()))?;
    Ok(summary(&file))
}

/// Digest over all rows, so that the model names exactly what it was trained on.
fn rows_digest(rows: &[Row]) -> String {
    let mut hasher = blake3::Hasher::new();
    for row in rows {
        hasher.update(row.source.as_bytes()).update(&[0, u8::from(row.scam), row.channel as u8]);
        hasher.update(&(row.bytes.len() as u64).to_le_bytes()).update(&row.bytes);
    }
    hasher.finalize().to_hex()[..16].to_string()
}

fn prepare(engine: &Engine, rows: Vec<Row>) -> Vec<Prepared> {
    rows.into_par_iter()
        .map(|row| {
            let message = engine.read(&RawMessage::with_channel(row.bytes.as_slice(), row.channel));
            let features = engine.features(&message);
            Prepared { fold: fold_of(&row), features, row }
        })
        .collect()
}

/// Groups stay together; the public sources are left out whole.
fn fold_of(row: &Row) -> usize {
    let key = if row.source == "own" { row.group.as_str() } else { row.source.as_str() };
    blake3::hash(key.as_bytes()).as_bytes()[0] as usize % FOLDS
}

fn examples(prepared: &[Prepared], keep: impl Fn(&Prepared) -> bool) -> Vec<Example<'_>> {
    let mut examples = Vec::new();
    for row in prepared.iter().filter(|p| keep(p)) {
        let times = if row.row.source == "own" { OWN_WEIGHT } else { 1 };
        examples.extend(std::iter::repeat_n((&row.features, row.row.scam), times));
    }
    examples
}

/// Raw logits of every row by a model that has not seen its group or source.
fn cross_validate(
    prepared: &[Prepared],
    fit: impl Fn(&[Example<'_>]) -> Result<Linear> + Sync,
) -> Result<Vec<Scored>> {
    let fitted: Vec<Linear> = (0..FOLDS)
        .into_par_iter()
        .map(|fold| fit(&examples(prepared, |p| p.fold != fold)))
        .collect::<Result<_>>()?;
    Ok(prepared.iter().map(|p| (fitted[p.fold].logit(&p.features), p.row.scam)).collect())
}

/// Platt scaling: a logistic regression of the label on the held-out logit, by linfa like everything else.
fn platt(held_out: &[Scored]) -> Result<Calibration> {
    let rows: Vec<(Features, bool)> =
        held_out.iter().map(|(raw, scam)| (Features::from([("logit".to_owned(), *raw)]), *scam)).collect();
    let examples: Vec<Example<'_>> = rows.iter().map(|(f, s)| (f, *s)).collect();
    let linear = fit_free(&examples, &["logit".to_owned()], 1e-3)?;
    let slope = linear.weights.get("logit").copied().unwrap_or(1.0).max(1e-3);
    Ok(Calibration { slope, offset: linear.intercept })
}

fn model_file(
    linear: &Linear,
    calibration: Calibration,
    held_out: &[Scored],
    prepared: &[Prepared],
    digest: String,
    sources: &Sources,
) -> ModelFile {
    let sources_scored: Vec<Vec<Scored>> = by_source(prepared, held_out).into_values().collect();
    let suspicious = threshold_for(&sources_scored, BUDGETS.suspicious).clamp(0.05, 0.95);
    let scam = threshold_for(&sources_scored, BUDGETS.scam).clamp(suspicious, 0.995);
    ModelFile {
        format: FORMAT,
        weights: linear
            .weights
            .iter()
            .map(|(feature, weight)| NamedWeight { feature: feature.clone(), weight: *weight })
            .collect(),
        intercept: linear.intercept,
        calibration,
        thresholds: Thresholds { suspicious, scam },
        budgets: BUDGETS,
        training: Training { sources: counts(prepared), digest, data: sources.data_digest() },
        metrics: metrics(held_out, prepared, suspicious, scam),
    }
}

fn counts(prepared: &[Prepared]) -> Vec<TrainingSource> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for p in prepared {
        let entry = counts.entry(&p.row.source).or_default();
        if p.row.scam { entry.1 += 1 } else { entry.0 += 1 }
    }
    counts
        .into_iter()
        .map(|(name, (genuine, scam))| TrainingSource { name: name.into(), genuine, scam })
        .collect()
}

fn by_source<'a>(prepared: &'a [Prepared], held_out: &[Scored]) -> BTreeMap<&'a str, Vec<Scored>> {
    let mut by_source: BTreeMap<&str, Vec<Scored>> = BTreeMap::new();
    for (p, scored) in prepared.iter().zip(held_out) {
        by_source.entry(&p.row.source).or_default().push(*scored);
    }
    by_source
}

/// All figures are of rows held out by group (own messages) or source (public corpora).
fn metrics(
    held_out: &[Scored],
    prepared: &[Prepared],
    suspicious: f64,
    scam: f64,
) -> serde_json::Map<String, serde_json::Value> {
    let round = |x: f64| json!((x * 1e4).round() / 1e4);
    let mut metrics = serde_json::Map::new();
    metrics.insert("split".into(), json!("5-fold over groups; public corpora left out whole"));
    metrics.insert("auc".into(), round(auc(held_out)));
    metrics.insert("brier".into(), round(brier(held_out)));
    metrics.insert("ece".into(), round(ece(held_out)));
    metrics.insert("recall_suspicious".into(), round(share_above(held_out, true, suspicious)));
    metrics.insert("recall_scam".into(), round(share_above(held_out, true, scam)));
    let sources: serde_json::Map<_, _> = by_source(prepared, held_out)
        .into_iter()
        .map(|(name, scored)| {
            let figures = json!({
                "genuine_suspicious": round(share_above(&scored, false, suspicious)),
                "genuine_scam": round(share_above(&scored, false, scam)),
                "scam_suspicious": round(share_above(&scored, true, suspicious)),
                "scam_scam": round(share_above(&scored, true, scam)),
            });
            (name.to_owned(), figures)
        })
        .collect();
    metrics.insert("by_source".into(), sources.into());
    metrics
}

fn summary(file: &ModelFile) -> String {
    let mut text = format!("{} weights, digest of rows {}\n", file.weights.len(), file.training.digest);
    for source in &file.training.sources {
        text.push_str(&format!(
            "  {:<18} {:>5} genuine {:>5} scam\n",
            source.name, source.genuine, source.scam
        ));
    }
    for (name, value) in &file.metrics {
        if !value.is_object() {
            text.push_str(&format!("{name}: {value}\n"));
        }
    }
    let Thresholds { suspicious, scam } = file.thresholds;
    text.push_str(&format!("thresholds: suspicious {suspicious:.4}, scam {scam:.4}\n"));
    text
}
