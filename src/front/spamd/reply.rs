//! The answers, in the exact form that spamc, Exim and Haraka read.
//!
//! Design note: the form is narrower than the protocol. Exim cannot parse an answer with any line between status and
//! `Spam:`, so clients before 1.3 get no Content-length; spamc takes only `True` for spam in CHECK; Haraka wants one
//! decimal in both numbers.

use std::fmt::Write;

use super::codec::{Command, Dialect, Request};
use crate::engine::Judgement;
use crate::front::door::Answer;
use crate::front::failure::OnFailure;
use crate::front::headers::{self, Field};
use crate::front::points::{THRESHOLD, points, symbol};
use crate::verdict::Label;

/// The symbol of a message that was not checked.
const UNCHECKED: &str = "BYPOST_UNCHECKED";

/// The answer to a message, in bytes.
pub(super) fn reply(request: &Request, answer: &Answer, mail: &[u8], host: &str) -> Vec<u8> {
    match (request.dialect, request.command) {
        (Dialect::Rspamd, _) => rspamd(answer).into_bytes(),
        (_, Command::Check) => framed(request, answer, None),
        (_, Command::Symbols) => framed(request, answer, Some(symbols(answer).join(",").as_bytes())),
        (_, Command::ReportIfSpam) if !is_scam(answer) => framed(request, answer, Some(b"")),
        (_, Command::Report | Command::ReportIfSpam) => {
            framed(request, answer, Some(report(answer, host).as_bytes()))
        }
        _ => framed(request, answer, Some(&rewritten(request, answer, mail, host))),
    }
}

/// An error as the protocol has it: `SPAMD/1.0 76 text`.
pub(super) fn error(code: u8, text: &str) -> Vec<u8> {
    format!("SPAMD/1.0 {code} {text}\r\n").into_bytes()
}

/// The answer when a message must not pass unchecked: an error that spamc turns into its exit code.
pub(super) fn failure(action: OnFailure, text: &str) -> Vec<u8> {
    match action {
        OnFailure::Refuse => error(69, &format!("EX_UNAVAILABLE {text}")),
        OnFailure::AcceptUnchecked | OnFailure::Tempfail => error(75, &format!("EX_TEMPFAIL {text}")),
    }
}

fn is_scam(answer: &Answer) -> bool {
    judged(answer).is_some_and(|j| j.label == Label::Scam)
}

fn judged(answer: &Answer) -> Option<&Judgement> {
    match answer {
        Answer::Judged { judgement, .. } => Some(judgement),
        Answer::Unchecked(_) => None,
    }
}

fn score(answer: &Answer) -> f64 {
    judged(answer).map_or(0.0, points)
}

fn symbols(answer: &Answer) -> Vec<String> {
    match judged(answer) {
        None => vec![UNCHECKED.to_owned()],
        Some(_) => headers::reasons(answer).iter().map(|r| symbol(r)).collect(),
    }
}

fn framed(request: &Request, answer: &Answer, body: Option<&[u8]>) -> Vec<u8> {
    let word = match (request.command, is_scam(answer)) {
        (Command::ReportIfSpam, true) => "Yes",
        (Command::ReportIfSpam, false) => "No",
        (_, true) => "True",
        (_, false) => "False",
    };
    let mut out = String::from("SPAMD/1.1 0 EX_OK\r\n");
    if let Some(body) = body.filter(|_| request.version >= (1, 3)) {
        let _ = write!(out, "Content-length: {}\r\n", body.len());
    }
    let _ = write!(out, "Spam: {word} ; {:.1} / {THRESHOLD:.1}\r\n\r\n", score(answer));
    let mut out = out.into_bytes();
    out.extend_from_slice(body.unwrap_or_default());
    out
}

/// An account for people. Titles are ours; nothing of the message is in it.
fn report(answer: &Answer, host: &str) -> String {
    let verdict = match judged(answer).map(|j| j.label) {
        None => "This message could not be checked.",
        Some(Label::Scam) => "This message has strong signs of a scam.",
        Some(Label::Suspicious) => "This message has some signs of a scam.",
        Some(Label::NoSigns) => "No signs of a scam were found; that does not make the message safe.",
    };
    let mut out = format!("bypost on \"{}\":\n{verdict}\n\n", headers::plain_host(host));
    let _ =
        writeln!(out, "Content analysis details:   ({:.1} points, {THRESHOLD:.1} required)\n", score(answer));
    out.push_str(" wt. rule name              description\n");
    out.push_str("---- ---------------------- --------------------------------------------------\n");
    for rule in judged(answer).map_or(&[][..], |j| &j.rules) {
        let _ = writeln!(out, "rule {:<22} {}", symbol(&format!("rule:{}", rule.id)), rule.title);
    }
    for reason in judged(answer).map_or(&[][..], |j| &j.reasons) {
        let _ = writeln!(out, "{:>4.1} {:<22} {}", reason.weight, symbol(&reason.id), reason.title);
    }
    out.push('\n');
    out
}

/// The message, or its header, with our fields and those that filters after SpamAssassin look for.
fn rewritten(request: &Request, answer: &Answer, mail: &[u8], host: &str) -> Vec<u8> {
    let parts = headers::divide_all(mail);
    let mut fields = headers::fields(answer, host);
    fields.extend(spam_fields(answer, host));
    let header = headers::without(parts.header, b"X-Spam-");
    let mut out = parts.envelope.to_vec();
    out.extend_from_slice(&headers::rewrite(&header, &fields, ""));
    if request.command == Command::Process {
        out.extend_from_slice(parts.rest);
    } else {
        out.extend_from_slice(if parts.rest.starts_with(b"\r\n") { b"\r\n" } else { b"\n" });
    }
    out
}

/// `X-Spam-Flag`, `-Level`, `-Status` as SpamAssassin writes them.
fn spam_fields(answer: &Answer, host: &str) -> Vec<Field> {
    let (scam, points) = (is_scam(answer), score(answer));
    let version = env!("CARGO_PKG_VERSION");
    let names = symbols(answer);
    let tests = if names.is_empty() { "none".to_owned() } else { names.join(",\n\t") };
    let status = format!(
        "{}, score={points:.1} required={THRESHOLD:.1} tests={tests}\n\tautolearn=disabled version=bypost-{version}",
        if scam { "Yes" } else { "No" }
    );
    let field = |name, value| Field { name, value };
    let mut fields =
        vec![field("X-Spam-Checker-Version", format!("bypost {version} on {}", headers::plain_host(host)))];
    if scam {
        fields.push(field("X-Spam-Flag", "YES".into()));
    }
    fields.push(field("X-Spam-Level", "*".repeat(points as usize)));
    fields.push(field("X-Spam-Status", status));
    fields
}

/// As rspamd answers to `RSPAMC/1.3`.
fn rspamd(answer: &Answer) -> String {
    let scam = is_scam(answer);
    let word = if scam { "True" } else { "False" };
    let action = if scam { "add header" } else { "no action" };
    let mut out = format!(
        "RSPAMD/1.3 0 EX_OK\r\nMetric: default; {word}; {:.2} / {THRESHOLD:.2} / 0.0\r\nAction: {action}\r\n",
        score(answer)
    );
    for name in symbols(answer) {
        let _ = write!(out, "Symbol: {name}(0.00)\r\n");
    }
    out.push_str("\r\n");
    out
}
