//! A header block whose lines were run together: `From: a <a@…>To: b@…Sent: …Subject: …`.

use super::labels::{Field, Fields, Labels, Language};
use super::lines::{clip, is_blank_char};

/// Longest line read this way, in bytes.
const MAX_LINE: usize = 16 * 1024;
/// Labels up to this many letters count only after something that ends a value.
const SHORT: usize = 3;

/// A label found inside a line.
struct Hit {
    /// Where the label begins.
    start: usize,
    /// Where its value begins.
    value: usize,
    /// What it holds.
    field: Field,
}

/// Reads a glued block from one line; `None` unless From and two more labels stand in it.
pub(super) fn read(labels: &Labels, content: &str) -> Option<Fields> {
    let content = clip(content, MAX_LINE);
    labels.languages.iter().filter_map(|language| read_in(language, content)).max_by_key(count)
}

/// How many values were found; one language's labels may be another's words.
fn count(fields: &Fields) -> usize {
    fields.beside_from() + usize::from(fields.cc.is_some()) + usize::from(fields.reply_to.is_some())
}

/// Reads with the labels of one language.
fn read_in(language: &Language, content: &str) -> Option<Fields> {
    let mut value = language.from.iter().find_map(|label| label_at(content, 0, label))?;
    let mut fields = Fields::default();
    let mut field = Field::From;
    fields.set(field, String::new());
    while let Some(hit) = next(language, content, value, &fields) {
        fields.set(field, tidy(&content[value..hit.start]));
        (field, value) = (hit.field, hit.value);
        fields.set(field, String::new());
    }
    fields.set(field, tidy(&content[value..]));
    (fields.beside_from() >= 2).then_some(fields)
}

/// The next label of a field not seen yet. Nothing follows the subject: its words could be labels.
fn next(language: &Language, content: &str, from: usize, fields: &Fields) -> Option<Hit> {
    if fields.subject.is_some() {
        return None;
    }
    let open = language.rest.iter().filter(|(_, field)| fields.is_open(*field));
    let hits = open.filter_map(|(label, field)| find(content, from, label, *field));
    hits.min_by_key(|hit| (hit.start, std::cmp::Reverse(hit.value)))
}

/// Finds `label` with its colon at or after `from`, where a value can end.
fn find(content: &str, from: usize, label: &str, field: Field) -> Option<Hit> {
    let starts = content[from..].match_indices(label).map(|(at, _)| from + at);
    let mut hits = starts.filter_map(|start| {
        let value = label_at(content, start, label)?;
        can_end(&content[..start], label).then_some(Hit { start, value, field })
    });
    hits.next()
}

/// Where the value begins when `label` and a colon stand at `start`.
fn label_at(content: &str, start: usize, label: &str) -> Option<usize> {
    let rest = content[start..].strip_prefix(label)?;
    let colon = rest.trim_start_matches(|c| is_blank_char(c) || c == '*');
    let after = colon.strip_prefix(':').or_else(|| colon.strip_prefix('：'))?;
    Some(content.len() - after.len())
}

/// Whether a value can end here: a short label must not be the end of a word.
fn can_end(before: &str, label: &str) -> bool {
    let last = before.chars().next_back();
    label.chars().count() > SHORT || last.is_none_or(|c| !c.is_alphanumeric())
}

/// A value without blanks and bold marks around it.
fn tidy(value: &str) -> String {
    value.trim_matches(|c| is_blank_char(c) || c == '*').to_owned()
}
