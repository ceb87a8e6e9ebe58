//! The model card: what the model is, was trained on, and does.

use std::fmt::Write as _;

use super::Evaluation;
use super::report;
use crate::model::ModelFile;

/// The card in Markdown.
pub(super) fn markdown(e: &Evaluation, model: &ModelFile) -> String {
    let mut out = format!(
        "# Model card\n\n`models/scam.json`, digest `{}`. Made by `bypost train`, measured by `bypost eval`; this page is \
         written by `bypost eval --card` and not by hand.\n\n",
        e.model
    );
    out.push_str(
        "A logistic regression (linfa-logistic, L2 penalty) over named features of the evidence: single markers, families, \
         and pairs such as claim and stray link. One feature, `wording`, is the logit of a model of words and pairs of words that \
         three hands and more use; its weight is fitted on messages of sources that the words were not learnt from. No feature is \
         an address, a number or a corpus. A feature that is a sign of a \
         scam may not vote for genuine, and the other way round: one whose weight turns out wrong is dropped. The \
         probability is calibrated (Platt) on messages of sources that the fit has not seen.\n\n\
         **Meant for** telling a person, a mail filter or a fraud desk whether a message shows signs of a scam. **Not meant \
         for** saying that a message is safe, judging people, or deciding alone what is deleted.\n",
    );
    training(&mut out, model);
    let _ = writeln!(
        out,
        "\n## Thresholds\n\nChosen by budget on held-out messages, each source counting the same: at most {} of the genuine \
         messages reach `suspicious` ({:.4}), at most {} reach `scam` ({:.4}). Hard rules raise labels apart from the score.",
        share(model.budgets.suspicious),
        model.thresholds.suspicious,
        share(model.budgets.scam),
        model.thresholds.scam
    );
    let _ = writeln!(
        out,
        "\n# Measured\n\nReproduce with `bypost eval --corpora DIR --out DIR`. The corpora are public but not part of this \
         repository."
    );
    out.push_str(report::markdown(e).split_once('\n').map_or("", |(_, rest)| rest));
    out
}

fn share(budget: f64) -> String {
    format!("{} %", budget * 100.0)
}

fn training(out: &mut String, model: &ModelFile) {
    let _ = writeln!(
        out,
        "\n## Trained on\n\n{} features have a weight; penalty {}, digest of the messages `{}`, of the data files `{}`.\n\n\
         | source | genuine | scam |\n|---|---|---|",
        model.weights.len(),
        model.training.penalty,
        model.training.digest,
        model.training.data
    );
    for source in &model.training.sources {
        let _ = writeln!(out, "| {} | {} | {} |", source.name, source.genuine, source.scam);
    }
    out.push_str(
        "\nEvery source's licence allows training. `own` is `data/train/`, written for this project; a quarter of its \
         templates is held back and never trains. Near-duplicates train once, and a source gives at most 500 messages of a \
         class. Unwanted advertising trains nothing.\n",
    );
}
