//! The header fields that a filter adds, and the removal of forged ones. Everything is bytes: a header may hold any.

use super::door::Answer;

/// Every field of ours begins so; a field that came with the mail and begins so is forged, and is removed.
pub const PREFIX: &str = "X-Bypost-";

/// Longest line that is written, in characters (RFC 5322 section 2.1.1 recommends 78).
const WIDTH: usize = 76;

/// Reasons written at most.
const MAX_REASONS: usize = 20;

/// A field to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its value, folded with LF and a tab; plain ASCII, and nothing of the message in it.
    pub value: String,
}

/// The fields that tell `answer`; `host` is the server that says so.
///
/// `X-Bypost-Verdict` is `no-signs`, `suspicious`, `scam` or `unchecked`; `X-Bypost-Score` the probability with the
/// thresholds; `X-Bypost-Reasons` the rules and markers that count; `X-Bypost-Trace`, in the manner of
/// Authentication-Results (RFC 8601), who judged which message by which model and data.
pub fn fields(answer: &Answer, host: &str) -> Vec<Field> {
    let field = |name, value| Field { name, value };
    let host = plain_host(host);
    match answer {
        Answer::Unchecked(failure) => vec![
            field("X-Bypost-Verdict", format!("unchecked ({})", failure.as_str())),
            field("X-Bypost-Trace", format!("{host}; x-bypost=unchecked\n\treason={}", failure.as_str())),
        ],
        Answer::Judged { judgement, extent } => {
            let label = judgement.label.as_str();
            let part = match extent.total {
                Some(total) if total > extent.judged => {
                    format!(" (the first {} of {total} bytes)", extent.judged)
                }
                Some(_) => String::new(),
                None => format!(" (the first {} bytes)", extent.judged),
            };
            let t = judgement.thresholds;
            let score = format!("{:.4}; suspicious={:.4}; scam={:.4}", judgement.score, t.suspicious, t.scam);
            let trace = format!(
                "{host}; x-bypost={label}\n\tid={}; model={}; data={}; version={}",
                judgement.id,
                judgement.model,
                judgement.data,
                env!("CARGO_PKG_VERSION")
            );
            let mut fields =
                vec![field("X-Bypost-Verdict", format!("{label}{part}")), field("X-Bypost-Score", score)];
            let reasons = reasons(answer);
            if !reasons.is_empty() {
                fields.push(field("X-Bypost-Reasons", folded(&reasons)));
            }
            fields.push(field("X-Bypost-Trace", trace));
            fields
        }
    }
}

/// The rules (`rule:id`) and markers of an answer, the most telling first.
pub fn reasons(answer: &Answer) -> Vec<String> {
    let Answer::Judged { judgement, .. } = answer else { return Vec::new() };
    let rules = judgement.rules.iter().map(|r| format!("rule:{}", r.id));
    rules.chain(judgement.reasons.iter().map(|r| r.id.clone())).take(MAX_REASONS).collect()
}

/// Words joined by commas, in lines of bearable length.
fn folded(words: &[String]) -> String {
    let mut out = String::new();
    let mut width = "X-Bypost-Reasons: ".len();
    for (number, word) in words.iter().enumerate() {
        let last = number + 1 == words.len();
        if number > 0 {
            let fits = width + word.len() + 2 <= WIDTH;
            out.push_str(if fits { " " } else { "\n\t" });
            width = if fits { width + 1 } else { 8 };
        }
        out.push_str(word);
        out.push_str(if last { "" } else { "," });
        width += word.len() + 1;
    }
    out
}

/// A host name that can stand in a header whatever the configuration or the peer says.
pub fn plain_host(host: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let name: String = host.chars().filter(plain).take(255).collect();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// Whether a field of this name is one of ours, however it is written.
pub fn is_ours(name: &[u8]) -> bool {
    let name = name.trim_ascii();
    name.len() > PREFIX.len() && name[..PREFIX.len()].eq_ignore_ascii_case(PREFIX.as_bytes())
}

/// A mail divided where a filter writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The line that mailbox files put before a message, with its end; usually empty.
    pub envelope: &'a [u8],
    /// The header, without the blank line that ends it.
    pub header: &'a [u8],
    /// The blank line and everything after it.
    pub rest: &'a [u8],
}

/// Divides a mail; `None` when the header does not end in these bytes.
pub fn divide(mail: &[u8]) -> Option<Parts<'_>> {
    let envelope = if mail.starts_with(b"From ") { line_end(mail) } else { 0 };
    let mut at = envelope;
    while at < mail.len() {
        let line = &mail[at..at + line_end(&mail[at..])];
        if line == b"\n" || line == b"\r\n" {
            return Some(parts(mail, envelope, at));
        }
        at += line.len();
    }
    None
}

/// Divides a mail that is known to be complete: without a blank line all of it is header.
pub fn divide_all(mail: &[u8]) -> Parts<'_> {
    let envelope = if mail.starts_with(b"From ") { line_end(mail) } else { 0 };
    divide(mail).unwrap_or_else(|| parts(mail, envelope, mail.len()))
}

fn parts(mail: &[u8], envelope: usize, end: usize) -> Parts<'_> {
    Parts { envelope: &mail[..envelope], header: &mail[envelope..end], rest: &mail[end..] }
}

/// Length of the first line, its end included.
fn line_end(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}

/// The fields of a header, each with its continuation lines.
pub fn each_field(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = line_end(rest);
        while matches!(rest.get(end), Some(b' ' | b'\t')) {
            end += line_end(&rest[end..]);
        }
        let field;
        (field, rest) = rest.split_at(end);
        Some(field)
    })
}

/// The name of a field: what stands before the colon.
pub fn name_of(field: &[u8]) -> &[u8] {
    memchr::memchr(b':', field).map_or(&[], |at| &field[..at])
}

/// Whether a field is forged: its name is ours, or a bare CR hides such a name inside it from those who split lines at LF.
pub fn is_forged(field: &[u8]) -> bool {
    let hidden = || field.split(|b| *b == b'\r').skip(1).any(|line| is_ours(name_of(line)));
    is_ours(name_of(field)) || hidden()
}

/// A header without the fields whose names begin with `prefix`.
pub fn without(header: &[u8], prefix: &[u8]) -> Vec<u8> {
    let begins =
        |name: &[u8]| name.len() >= prefix.len() && name[..prefix.len()].eq_ignore_ascii_case(prefix);
    each_field(header).filter(|field| !begins(name_of(field).trim_ascii())).collect::<Vec<_>>().concat()
}

/// The header as it goes on: our fields on top, forged ones gone, the subject tagged if asked. Line ends as in the mail.
pub fn rewrite(header: &[u8], added: &[Field], tag: &str) -> Vec<u8> {
    let end: &[u8] = if header[..line_end(header)].ends_with(b"\r\n") { b"\r\n" } else { b"\n" };
    let mut out = Vec::with_capacity(header.len() + 512);
    for field in added {
        write_field(&mut out, field, end);
    }
    let mut tagged = tag.is_empty();
    for field in each_field(header).filter(|f| !is_forged(f)) {
        if !tagged && name_of(field).trim_ascii().eq_ignore_ascii_case(b"subject") {
            let colon = name_of(field).len() + 1;
            out.extend_from_slice(&field[..colon]);
            out.push(b' ');
            out.extend_from_slice(&with_tag(field[colon..].trim_ascii_start(), tag));
            tagged = true;
        } else {
            out.extend_from_slice(field);
        }
    }
    if !out.ends_with(b"\n") {
        out.extend_from_slice(end);
    }
    if !tagged {
        out.extend_from_slice(b"Subject: ");
        out.extend_from_slice(tag.trim_ascii_end().as_bytes());
        out.extend_from_slice(end);
    }
    out
}

/// A subject with the tag before it, once.
pub fn with_tag(subject: &[u8], tag: &str) -> Vec<u8> {
    if subject.starts_with(tag.trim_ascii_end().as_bytes()) {
        return subject.to_vec();
    }
    let space: &[u8] = if tag.ends_with(' ') { b"" } else { b" " };
    [tag.as_bytes(), space, subject].concat()
}

fn write_field(out: &mut Vec<u8>, field: &Field, end: &[u8]) {
    out.extend_from_slice(field.name.as_bytes());
    out.extend_from_slice(b": ");
    for (number, line) in field.value.split('\n').enumerate() {
        if number > 0 {
            out.extend_from_slice(end);
        }
        out.extend_from_slice(line.as_bytes());
    }
    out.extend_from_slice(end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::failure::Failure;

    fn unchecked() -> Vec<Field> {
        fields(&Answer::Unchecked(Failure::Connect), "mx.example\r\nX-Evil: y")
    }

    #[test]
    fn fields_are_plain_whatever_the_host_says() {
        let fields = unchecked();
        assert_eq!(fields[0].value, "unchecked (overloaded)");
        assert_eq!(fields[1].value, "mx.exampleX-Evil:y; x-bypost=unchecked\n\treason=overloaded");
    }

    #[test]
    fn forged_fields_go_and_the_rest_stays_byte_for_byte() {
        let mail = b"From a Mon\nX-A: \xff\n b\nx-bypost-VERDICT : no-signs\n\tx\nX-B: c\rX-Bypost-Score: 0\nX-BypostX: y\n\nX-Bypost-Score: in the body\n";
        let parts = divide(mail).expect("ends");
        assert_eq!(parts.envelope, b"From a Mon\n");
        assert_eq!(rewrite(parts.header, &[], ""), b"X-A: \xff\n b\nX-BypostX: y\n");
        assert_eq!(parts.rest, b"\nX-Bypost-Score: in the body\n");
    }

    #[test]
    fn fields_are_added_with_the_line_ends_of_the_mail() {
        for end in ["\n", "\r\n"] {
            let header = format!("Subject: x{end}");
            let out = rewrite(header.as_bytes(), &unchecked()[..1], "");
            assert_eq!(out, format!("X-Bypost-Verdict: unchecked (overloaded){end}{header}").as_bytes());
        }
        assert_eq!(rewrite(b"", &unchecked()[..1], ""), b"X-Bypost-Verdict: unchecked (overloaded)\n");
        assert_eq!(rewrite(b"no end", &[], ""), b"no end\n");
        assert!(divide(b"A: b\r\nC: d\r\n").is_none());
        assert_eq!(divide_all(b"A: b\n").rest, b"");
    }

    #[test]
    fn subjects_are_tagged_once() {
        let tag = "[Scam?]";
        assert_eq!(rewrite(b"SUBJECT:\xff x\n y\n", &[], tag), b"SUBJECT: [Scam?] \xff x\n y\n");
        assert_eq!(rewrite(b"Subject: [Scam?] x\n", &[], tag), b"Subject: [Scam?] x\n");
        assert_eq!(rewrite(b"A: b\n", &[], tag), b"A: b\nSubject: [Scam?]\n");
    }

    #[test]
    fn long_lists_are_folded() {
        let words: Vec<String> = (0..12).map(|n| format!("payment.gift-card-{n}")).collect();
        let folded = folded(&words);
        assert!(folded.split("\n\t").all(|line| line.len() <= 78), "{folded}");
        assert_eq!(folded.replace("\n\t", " ").split(", ").count(), 12);
    }
}
