//! A block of labelled lines: `From: …`, `Sent: …`, `To: …`, `Subject: …` in any order and language.

use super::labels::{Field, Fields, Labels};
use super::lines::{Lines, clip};

/// Blank lines that may stand between two labelled lines (HTML paragraphs become them).
const BLANKS: usize = 2;
/// Most lines one folded value takes.
const MAX_FOLDS: usize = 40;
/// Longest value kept, in bytes.
const MAX_VALUE: usize = 8 * 1024;

/// Where a block begins: a line, and its content from some byte on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Index of the line.
    pub(super) line: usize,
    /// Byte of the text at which the content to read begins.
    pub(super) offset: usize,
}

/// A block that was read.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Its values.
    pub(super) fields: Fields,
    /// The first line after it.
    pub(super) next: usize,
}

/// Reads the block at `place`; `None` when no label stands there. The caller judges what it holds.
pub(super) fn read(labels: &Labels, lines: &Lines, place: Place) -> Option<Block> {
    let mut reader = Reader { labels, lines, fields: Fields::default(), depth: lines.depth(place.line) };
    let line = lines.all.get(place.line)?;
    let mut content = &lines.text[place.offset.min(line.content.end)..line.content.end];
    let mut at = place.line;
    loop {
        let (field, value) = labels.read(content, &reader.fields)?;
        let next = reader.take(at, field, value);
        match reader.next_label(next) {
            Some(label) => (at, content) = (label, lines.content(label)),
            None => return Some(Block { fields: reader.fields, next }),
        }
    }
}

/// What was read so far.
struct Reader<'a, 't> {
    /// Labels of all languages.
    labels: &'a Labels,
    /// The lines.
    lines: &'a Lines<'t>,
    /// Values so far.
    fields: Fields,
    /// Depth of quoting of the first line.
    depth: usize,
}

impl Reader<'_, '_> {
    /// Keeps the value of the labelled line `at` with its folded lines; returns the line after them.
    fn take(&mut self, at: usize, field: Field, value: &str) -> usize {
        let mut whole = clip(value, MAX_VALUE).to_owned();
        // Taken for now, so that looking ahead does not take the same label again for a new one.
        self.fields.set(field, String::new());
        let mut next = at + 1;
        if whole.is_empty()
            && let Some(line) = self.value_below(next)
        {
            whole.push_str(clip(self.lines.content(line), MAX_VALUE));
            next = line + 1;
        }
        for _ in 0..MAX_FOLDS {
            if whole.len() >= MAX_VALUE || !self.is_fold(next, field, &whole) {
                break;
            }
            whole.push(' ');
            whole.push_str(clip(self.lines.content(next), MAX_VALUE));
            next += 1;
        }
        self.fields.set(field, whole);
        next
    }

    /// The line of a value that HTML put below its label: the very next line, or one with a new label after it.
    fn value_below(&self, next: usize) -> Option<usize> {
        let line = self.lines.next_full(next, BLANKS)?;
        if self.labels.is_label(self.lines.content(line)) {
            return None;
        }
        (line == next || self.next_label(line + 1).is_some()).then_some(line)
    }

    /// The next line with a label not seen yet, past a few blank lines.
    fn next_label(&self, next: usize) -> Option<usize> {
        let line = self.lines.next_full(next, BLANKS)?;
        self.is_new_label(line).then_some(line)
    }

    /// Whether `line` begins with a label that this block does not have yet.
    fn is_new_label(&self, line: usize) -> bool {
        self.lines.depth(line) == self.depth
            && self.labels.read(self.lines.content(line), &self.fields).is_some()
    }

    /// Whether line `next` goes on with the value before it.
    fn is_fold(&self, next: usize, field: Field, value: &str) -> bool {
        let content = self.lines.content(next);
        if content.is_empty() || self.lines.depth(next) != self.depth || self.labels.is_label(content) {
            return false;
        }
        let broken = match field {
            Field::Subject => self.breaks_subject(next),
            _ if field.is_addresses() => self.breaks_list(next, value),
            _ => false,
        };
        broken || (1..=2).any(|ahead| self.runs_to_label(next, ahead))
    }

    /// Whether `ahead` lines after `next`, without a blank between, a new label stands.
    fn runs_to_label(&self, next: usize, ahead: usize) -> bool {
        (1..ahead).all(|k| !self.lines.is_blank(next + k)) && self.is_new_label(next + ahead)
    }

    /// Whether an address list was broken before line `next`.
    fn breaks_list(&self, next: usize, value: &str) -> bool {
        let content = self.lines.content(next);
        let indented = self.lines.all.get(next).is_some_and(|line| {
            self.lines.text[line.range.start..line.content.start].ends_with([' ', '\t']) && line.depth == 0
        });
        value.ends_with([',', ';']) || (content.contains('@') && (indented || content.starts_with('<')))
    }

    /// Whether the subject was broken at the usual width: its next word would not have fitted, and a short rest follows.
    fn breaks_subject(&self, next: usize) -> bool {
        let width = |i: usize| {
            self.lines.all.get(i).map_or(0, |line| self.lines.text[line.range.clone()].chars().count())
        };
        let word = self.lines.content(next).split_whitespace().next().map_or(0, |word| word.chars().count());
        let before = width(next - 1);
        let full = (60..=80).contains(&before) && before + 1 + word > 74;
        full && width(next) < before && self.lines.is_blank(next + 1)
    }
}
