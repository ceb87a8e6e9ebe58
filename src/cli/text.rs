//! A judgement for people at a terminal. Nothing of the message reaches the terminal alive: no control characters, no
//! links that can be clicked.

use std::fmt::Write;

use crate::engine::{Engine, Judgement};
use crate::evidence::PLAIN;

/// Longest quote shown, in characters.
const MAX_QUOTE: usize = 70;

/// Reasons shown.
const MAX_REASONS: usize = 8;

/// One line: label, score, source.
pub(super) fn line(source: &str, judgement: &Judgement) -> String {
    format!("{:<10} {:.3}  {}\n", judgement.label.as_str(), judgement.score, harmless(source))
}

/// The whole account of one message.
pub(super) fn account(engine: &Engine, source: &str, judgement: &Judgement) -> String {
    let mut out = format!("{}\n  {}", harmless(source), judgement.label.as_str());
    let thresholds = judgement.thresholds;
    let _ = writeln!(
        out,
        "  (score {:.3}; suspicious from {:.3}, scam from {:.3})",
        judgement.score, thresholds.suspicious, thresholds.scam
    );
    origin(&mut out, judgement);
    claims(&mut out, engine, judgement);
    for rule in &judgement.rules {
        let _ = writeln!(out, "  rule   {} [{}]", rule.title, rule.id);
    }
    reasons(&mut out, engine, judgement);
    for defect in &judgement.message.defects {
        let _ = writeln!(out, "  defect {}: {}", defect.id, harmless(&defect.detail));
    }
    out
}

fn origin(out: &mut String, judgement: &Judgement) {
    let message = &judgement.message;
    for hop in &message.forward.hops {
        let _ = writeln!(
            out,
            "  forward {} by {} ({:.0} %)",
            hop.style,
            harmless(&hop.by),
            hop.confidence * 100.0
        );
    }
    if let Some(from) = &message.from {
        let _ = writeln!(out, "  from   {} <{}>", harmless(&from.name), harmless(&from.address));
    }
    if !message.subject.is_empty() {
        let _ = writeln!(out, "  about  {}", harmless(&message.subject));
    }
}

fn claims(out: &mut String, engine: &Engine, judgement: &Judgement) {
    for claim in judgement.findings.claims.iter().filter(|c| c.strength >= PLAIN) {
        let name =
            claim.brand.map_or(claim.marker.as_str(), |b| engine.gatherer().brands.get(b).name.as_str());
        let _ = writeln!(out, "  claims to be {name}");
    }
}

/// What counts, with the words that show it: what moved the score most first.
fn reasons(out: &mut String, engine: &Engine, judgement: &Judgement) {
    let catalogue = &engine.gatherer().catalogue;
    let ranked = engine
        .ranked(&judgement.findings, &judgement.contributions)
        .into_iter()
        .filter_map(|id| catalogue.ix(id));
    let worth = ranked.filter(|ix| !matches!(catalogue.marker(*ix).family(), "context" | "claims"));
    for ix in worth.take(MAX_REASONS) {
        let (marker, evidence) = (catalogue.marker(ix), &judgement.findings.evidence);
        let place = evidence.iter().find(|e| e.marker == ix && e.mention.is_none());
        let quote = place.map(|e| harmless(&crate::quote(&judgement.message, e))).unwrap_or_default();
        let sign = if marker.family() == "genuine" { '-' } else { '+' };
        let _ = match quote.is_empty() {
            true => writeln!(out, "  {sign} {}", marker.title),
            false => writeln!(out, "  {sign} {}: \"{quote}\"", marker.title),
        };
    }
    let words: f64 = judgement
        .contributions
        .iter()
        .filter(|c| c.feature.starts_with("word:"))
        .map(|c| c.contribution)
        .sum();
    if words.abs() >= 0.5 {
        let sign = if words > 0.0 { '+' } else { '-' };
        let kind = if words > 0.0 { "a scam" } else { "honest mail" };
        let _ = writeln!(out, "  {sign} Its wording is more that of {kind}");
    }
    if let Some(changed) = engine.counterfactual(judgement) {
        let _ = writeln!(out, "  {}", changed.words());
    }
}

/// Short, on one line, without control and direction characters, addresses broken.
fn harmless(text: &str) -> String {
    let mut clean = String::new();
    for ch in text.chars().take(MAX_QUOTE * 4) {
        let strange = ch.is_control()
            || matches!(ch, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        match ch {
            _ if ch.is_whitespace() || strange => {
                if !clean.ends_with(' ') {
                    clean.push(' ');
                }
            }
            _ => clean.push(ch),
        }
    }
    let clean = clean.trim().replace("http", "hxxp");
    match clean.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{} ...", &clean[..end]),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn nothing_alive_is_shown() {
        assert_eq!(harmless("a\u{1b}[31mb\r\nc\u{202e}d"), "a [31mb c d");
        assert_eq!(harmless("see https://evil.example/x"), "see hxxps://evil.example/x");
        assert!(harmless(&"x".repeat(500)).chars().count() <= 75);
    }
}
