//! Evaluation: how the score does on messages that it has not seen, written as Markdown, JSON, plots and the model card.

mod ablation;
mod card;
mod figures;
mod obfuscation;
mod plots;
mod probe;
mod report;
mod sms;
mod unseen;
mod words;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::engine::Engine;
use crate::sources::Sources;
use crate::train::prepare::{Prepared, prepare, without_near_duplicates};
use crate::train::words::sources as words_sources;
use crate::train::{Progress, Wordings, for_training, load_all};

/// What to evaluate on and where to write.
#[derive(Clone, Debug)]
pub struct EvalOptions {
    /// Directory of the public corpora; without it only the project's own messages are evaluated.
    pub corpora: Option<PathBuf>,
    /// Directory of the project's own messages (`data/train`).
    pub own: PathBuf,
    /// Directory for `evaluation.md`, `evaluation.json` and the plots.
    pub out: PathBuf,
    /// The model card to write.
    pub card: Option<PathBuf>,
}

/// Everything that the parts of an evaluation look at.
struct Bench<'a> {
    engine: &'a Engine,
    /// Every labelled message.
    all: Vec<Prepared>,
    /// Those that train the shipped model.
    training: Vec<Prepared>,
}

/// Evaluates and writes; returns the Markdown report.
///
/// # Errors
/// Data cannot be read, a fit fails, or a file cannot be written.
pub fn run(sources: &Sources, options: &EvalOptions, progress: Progress<'_>) -> Result<String> {
    let engine = Engine::new(sources)?;
    let rows = load_all(&options.own, None, options.corpora.as_deref())?;
    let mut training = without_near_duplicates(prepare(&engine, for_training(rows.clone()), &|_, _| ()));
    let mut all = prepare(&engine, rows, progress);
    let (wordings, trained) = (Wordings::fit(&training)?, words_sources(&training));
    wordings.apply(&mut training, &trained);
    wordings.apply(&mut all, &trained);
    let bench = Bench { all, engine: &engine, training };
    let evaluation = evaluate(&bench)?;
    std::fs::create_dir_all(&options.out)
        .with_context(|| format!("{}: cannot make the directory", options.out.display()))?;
    let markdown = report::markdown(&evaluation);
    write(&options.out, "evaluation.md", &markdown)?;
    write(&options.out, "evaluation.json", &(serde_json::to_string_pretty(&evaluation)? + "\n"))?;
    for (name, svg) in plots::all(&evaluation) {
        write(&options.out, name, &svg)?;
    }
    if let Some(card) = &options.card {
        let text = card::markdown(&evaluation, engine.model_file());
        std::fs::write(card, text).with_context(|| format!("{}: cannot write the card", card.display()))?;
    }
    Ok(markdown)
}

fn write(dir: &Path, name: &str, text: &str) -> Result<()> {
    let path = dir.join(name);
    std::fs::write(&path, text).with_context(|| format!("{}: cannot write the file", path.display()))
}

/// The whole evaluation; what needs the public corpora is left out where they are not.
#[derive(Clone, Debug, serde::Serialize)]
struct Evaluation {
    /// Digests of model and data.
    model: String,
    data: String,
    thresholds: crate::model::Thresholds,
    sets: Vec<figures::SetFigures>,
    pooled: Vec<figures::Pooled>,
    languages: Vec<figures::Slice>,
    channels: Vec<figures::Slice>,
    ablations: Vec<ablation::Ablation>,
    probe: Vec<probe::Probe>,
    obfuscation: Vec<obfuscation::Robustness>,
    sms: Option<sms::Sms>,
    /// For the plots.
    curves: figures::Curves,
}

fn evaluate(bench: &Bench<'_>) -> Result<Evaluation> {
    let model = bench.engine.model_file();
    let cases = unseen::cases(bench)?;
    let late = unseen::by_time(bench)?;
    Ok(Evaluation {
        model: bench.engine.model_digest().to_owned(),
        data: model.training.data.clone(),
        thresholds: model.thresholds,
        sets: figures::sets(&cases),
        pooled: figures::pooled(&cases, late.as_deref()),
        languages: figures::slices(&cases, |case| language_name(case.language)),
        channels: figures::slices(&cases, |case| format!("{:?}", case.channel).to_lowercase()),
        ablations: ablation::run(bench)?,
        probe: probe::run(bench)?,
        obfuscation: obfuscation::run(bench),
        sms: sms::run(bench)?,
        curves: figures::curves(&cases),
    })
}

fn language_name(code: &str) -> String {
    match code {
        "en" | "es" => code.to_owned(),
        "und" => "not told".to_owned(),
        _ => "other".to_owned(),
    }
}
