//! `On {date}, {name} <addr> wrote:` — one sentence, up to three lines, that holds date and sender.

use regex::Captures;

use super::labels::Fields;
use super::lines::{Lines, clip, is_blank_char};
use super::table::Patterns;

/// Longest sentence, in bytes.
const MAX_SENTENCE: usize = 400;
/// Most lines it is broken over.
const MAX_LINES: usize = 3;

/// Reads the sentence that begins at line `at`; returns what it says and the line after it.
pub(super) fn read(patterns: &Patterns, lines: &Lines, at: usize) -> Option<(Fields, usize)> {
    let mut sentence = String::new();
    for k in at..at + MAX_LINES {
        let content = lines.content(k);
        if content.is_empty()
            || lines.depth(k) != lines.depth(at)
            || sentence.len() + content.len() > MAX_SENTENCE
        {
            return None;
        }
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        sentence.push_str(content);
        if content.ends_with([':', '：']) {
            let fields = read_sentence(patterns, &sentence)?;
            return Some((fields, k + 1));
        }
    }
    None
}

/// Reads a whole sentence.
fn read_sentence(patterns: &Patterns, sentence: &str) -> Option<Fields> {
    let sentence = clip(sentence, MAX_SENTENCE);
    if !sentence.bytes().any(|b| b.is_ascii_digit()) {
        return None; // no date
    }
    let index = patterns.set.matches(sentence).iter().next()?;
    let found = patterns.each.get(index)?.0.captures(sentence)?;
    let (date, from) = parts(patterns, &found)?;
    let mut fields = Fields::default();
    fields.set(super::labels::Field::From, tidy(from));
    fields.set(super::labels::Field::Date, tidy(date));
    let fits = fields.is_header() && date.chars().any(|c| c.is_ascii_digit());
    fits.then_some(fields)
}

/// Date and sender: captured apart, or together as `both` and parted after the last time or year.
fn parts<'t>(patterns: &Patterns, found: &Captures<'t>) -> Option<(&'t str, &'t str)> {
    let get = |name| found.name(name).map(|m| m.as_str());
    if let (Some(date), Some(from)) = (get("date"), get("from")) {
        return Some((date, from));
    }
    let both = get("both")?;
    let bound = both.find(['<', '@']).unwrap_or(both.len());
    let end = patterns.date_end.find_iter(&both[..bound]).last()?.end();
    Some((&both[..end], &both[end..]))
}

/// A part without blanks and commas around it.
fn tidy(part: &str) -> String {
    part.trim_matches(|c| is_blank_char(c) || matches!(c, ',' | '،' | '、')).to_owned()
}
