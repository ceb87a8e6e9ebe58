//! The evaluation as Markdown.

use std::fmt::Write as _;

use super::Evaluation;
use super::figures::Slice;

/// A share as a percentage with one decimal.
fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn table(
    out: &mut String,
    title: &str,
    note: &str,
    head: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## {title}\n\n{note}\n\n| {} |", head.join(" | "));
    let _ = writeln!(out, "|{}", "---|".repeat(head.len()));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
}

/// The whole report.
pub(super) fn markdown(e: &Evaluation) -> String {
    let mut out = format!(
        "# Evaluation\n\nModel `{}`, data `{}`; suspicious from {:.4}, scam from {:.4}.\nEvery message is scored by a model \
         that was fitted without its source (the project's own: without its template's fold; the held-back quarter by the \
         shipped model).\n",
        e.model, e.data, e.thresholds.suspicious, e.thresholds.scam
    );
    sets(&mut out, e);
    pooled(&mut out, e);
    slices(&mut out, "By language", &e.languages);
    slices(&mut out, "By channel", &e.channels);
    ablations(&mut out, e);
    probe(&mut out, e);
    obfuscation(&mut out, e);
    if let Some(sms) = &e.sms {
        let _ = writeln!(
            out,
            "\n## UCI SMS, wording features alone\n\n{} different texts ({} spam), 5-fold: accuracy {:.2} %, F1 of spam \
             {:.2} %. Published linear baseline: 98.88 % and 95.36 %. The shipped model is not this one.",
            sms.texts,
            sms.spam,
            sms.accuracy * 100.0,
            sms.f1 * 100.0
        );
    }
    out
}

fn sets(out: &mut String, e: &Evaluation) {
    let rows = e.sets.iter().map(|s| {
        let [none, suspicious, scam] = s.shares.map(percent);
        vec![s.set.clone(), s.truth.clone(), s.messages.to_string(), none, suspicious, scam]
    });
    let note = "Share of each label, by score and rules.";
    table(out, "Every set", note, &["set", "truth", "messages", "no-signs", "suspicious", "scam"], rows);
}

fn pooled(out: &mut String, e: &Evaluation) {
    let rows = e.pooled.iter().map(|p| {
        vec![
            p.what.clone(),
            p.scams.to_string(),
            p.genuine.to_string(),
            format!("{:.3}", p.auc),
            percent(p.recall_at_1),
            percent(p.recall_at_01),
            format!("{:.3}", p.ece),
            format!("{:.3}", p.brier),
        ]
    });
    let note = "By score alone. Recall at a threshold that 1 % or 0.1 % of the genuine messages reach, each source counting \
                the same.";
    let head = ["messages", "scams", "genuine", "AUC", "recall at 1 %", "recall at 0.1 %", "ECE", "Brier"];
    table(out, "Ranking and calibration", note, &head, rows);
}

fn slices(out: &mut String, title: &str, slices: &[Slice]) {
    let rows = slices.iter().map(|s| {
        vec![s.slice.clone(), s.genuine.to_string(), percent(s.alarms), s.scams.to_string(), percent(s.found)]
    });
    let note = "At least `suspicious`, by score and rules.";
    table(out, title, note, &["slice", "genuine", "false alarms", "scams", "found"], rows);
}

fn ablations(out: &mut String, e: &Evaluation) {
    let rows = e.ablations.iter().map(|a| {
        vec![
            a.what.to_owned(),
            a.auc.map_or_else(String::new, |auc| format!("{auc:.3}")),
            percent(a.alarms),
            percent(a.found),
            a.phishing.map_or_else(String::new, percent),
        ]
    });
    let note =
        "Held-out training messages at the threshold for 2 % false alarms; `phishing_pot` never trains.";
    let head = ["what", "AUC", "false alarms", "scams found", "phishing_pot found"];
    table(out, "What each part is worth", note, &head, rows);
}

fn probe(out: &mut String, e: &Evaluation) {
    let rows = e.probe.iter().map(|p| vec![p.set.clone(), p.class.to_owned(), format!("{:.3}", p.auc)]);
    let note = "How well the features tell a corpus from the others of its class (AUC; 0.5 is chance): what can be told \
                there could be learnt instead of the scam.";
    table(out, "Corpus-guess probe", note, &["set", "class", "AUC"], rows);
}

fn obfuscation(out: &mut String, e: &Evaluation) {
    let rows = e
        .obfuscation
        .iter()
        .map(|r| vec![r.disguise.to_owned(), r.messages.to_string(), percent(r.before), percent(r.after)]);
    let note = "The project's own scams, written anew without their headers, plain and disguised: share at least \
                `suspicious`. Three quarters of these messages train the model; read the difference, not the level.";
    table(out, "Disguises", note, &["disguise", "scams", "found plain", "found disguised"], rows);
}
