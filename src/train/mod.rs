//! Training: labelled messages → features → linfa-logistic → `models/scam.json`. The only room that knows linfa.

mod compare;
mod dedupe;
pub(crate) mod fit;
pub(crate) mod held_out;
mod measure;
pub(crate) mod prepare;
mod rows;
pub(crate) mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::engine::Engine;
use crate::model::{self, Budgets, FORMAT, ModelFile, NamedWeight, Training, TrainingSource, Wording};
use crate::sources::Sources;

pub use fit::{Example, Linear, fit, fit_free};
use held_out::round;
pub use measure::{Scored, auc, brier, ece, share_above, threshold_for};
use prepare::{Prepared, examples, prepare, without_near_duplicates};
pub(crate) use rows::Line;
pub use rows::{OWN, Row, Truth, for_training, load_all};
pub(crate) use words::Wordings;

/// Called with how many messages are done and how many there are.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// What to train from and where to write.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// Directory of the public corpora; without it only the project's own messages train.
    pub corpora: Option<PathBuf>,
    /// Directory of the project's own messages (`data/train`).
    pub own: PathBuf,
    /// An operator's own labelled messages (JSON Lines).
    pub extra: Option<PathBuf>,
    /// The model file to write.
    pub out: PathBuf,
    /// Write a model that is worse on the held-back messages than the one that is there.
    pub force: bool,
}

/// False alarms allowed among genuine messages by score alone.
pub(crate) const BUDGETS: Budgets = Budgets { suspicious: 0.02, scam: 0.001 };

/// Trains and writes the model; returns a summary for people.
///
/// # Errors
/// Data cannot be read, a class is missing, the fit fails, the file cannot be written, or the model is worse than the one
/// that is there.
pub fn run(sources: &Sources, options: &TrainOptions, progress: Progress<'_>) -> Result<String> {
    let engine = Engine::untrained(sources)?;
    let all = load_all(&options.own, options.extra.as_deref(), options.corpora.as_deref())?;
    let held_back: Vec<Row> = all.iter().filter(|r| r.source == OWN && !r.trains).cloned().collect();
    let rows = for_training(all);
    let digest = rows_digest(&rows);
    let mut prepared = without_near_duplicates(prepare(&engine, rows, progress));
    let wordings = Wordings::fit(&prepared)?;
    let trained = words::sources(&prepared);
    wordings.apply(&mut prepared, &trained);
    let file = fit_file(&engine, &prepared, wordings.file(&prepared), digest, sources)?;
    let text = serde_json::to_string_pretty(&file)? + "\n";
    let held_back = prepare(&engine, held_back, &|_, _| ());
    let comparison = compare::with_old(&options.out, &file, &text, &held_back, &engine)?;
    if comparison.worse && !options.force {
        bail!(
            "{}\nthe new model is worse on the held-back messages; it is not written (--force writes it)",
            comparison.report
        );
    }
    std::fs::write(&options.out, text)
        .with_context(|| format!("{}: cannot write the model", options.out.display()))?;
    Ok(format!("{}{}\n", summary(&file), comparison.report))
}

/// Fits the model on prepared rows.
fn fit_file(
    engine: &Engine,
    prepared: &[Prepared],
    wording: Wording,
    digest: String,
    sources: &Sources,
) -> Result<ModelFile> {
    let catalogue = &engine.gatherer().catalogue;
    let (alpha, held_out) = held_out::choose(prepared, catalogue)?;
    let calibration = held_out::platt(&held_out)?;
    let calibrated: Vec<Scored> = held_out
        .iter()
        .map(|(raw, scam)| (model::sigmoid(calibration.slope * raw + calibration.offset), *scam))
        .collect();
    let linear = fit(&examples(prepared, |_| true), alpha, catalogue)?;
    let operating =
        held_out::operating_points(&by_source(prepared, &calibrated).into_values().collect::<Vec<_>>());
    let thresholds = model::thresholds_for(&operating, BUDGETS)
        .map_err(|what| anyhow::anyhow!("no thresholds for the budgets: {what}"))?;
    Ok(ModelFile {
        format: FORMAT,
        weights: linear
            .weights
            .iter()
            .map(|(feature, weight)| NamedWeight { feature: feature.clone(), weight: round(*weight) })
            .filter(|w| w.weight != 0.0)
            .collect(),
        intercept: round(linear.intercept),
        wording,
        calibration,
        thresholds,
        budgets: BUDGETS,
        operating,
        training: Training { sources: counts(prepared), digest, data: sources.data_digest(), penalty: alpha },
        metrics: metrics(&calibrated, prepared, thresholds.suspicious, thresholds.scam),
    })
}

/// Digest over all rows, so that the model names exactly what it was trained on.
fn rows_digest(rows: &[Row]) -> String {
    let mut hasher = blake3::Hasher::new();
    for row in rows {
        hasher.update(row.source.as_bytes()).update(&[0, u8::from(row.scam()), row.channel as u8]);
        hasher.update(&(row.bytes.len() as u64).to_le_bytes()).update(&row.bytes);
    }
    hasher.finalize().to_hex()[..16].to_string()
}

fn counts(prepared: &[Prepared]) -> Vec<TrainingSource> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for p in prepared {
        let entry = counts.entry(&p.row.source).or_default();
        if p.row.scam() { entry.1 += 1 } else { entry.0 += 1 }
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
    let round = |x: f64| json!(round(x));
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
    let mut text = format!(
        "{} weights, penalty {}, digest of rows {}\n",
        file.weights.len(),
        file.training.penalty,
        file.training.digest
    );
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
    let model::Thresholds { suspicious, scam } = file.thresholds;
    text.push_str(&format!("thresholds: suspicious {suspicious:.4}, scam {scam:.4}\n"));
    text
}
