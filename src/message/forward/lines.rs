//! The lines of a text, each with its content and its depth of quoting.

use std::ops::Range;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The whole line without its line break.
    pub(super) range: Range<usize>,
    /// The line without quoting marks and without blanks at both ends; empty for a blank line.
    pub(super) content: Range<usize>,
    /// How many quoting marks (`>`, `|`) it begins with.
    pub(super) depth: usize,
}

/// All lines of a text.
pub(super) struct Lines<'t> {
    /// The text.
    pub(super) text: &'t str,
    /// Its lines in order.
    pub(super) all: Vec<Line>,
}

impl<'t> Lines<'t> {
    /// Reads `text` once.
    pub(super) fn new(text: &'t str) -> Self {
        let mut all = Vec::new();
        let mut start = 0;
        for piece in text.split('\n') {
            all.push(read_line(text, start..start + piece.len()));
            start += piece.len() + 1;
        }
        Self { text, all }
    }

    /// Number of lines.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Content of line `i`; empty past the end.
    pub(super) fn content(&self, i: usize) -> &'t str {
        self.all.get(i).map_or("", |line| &self.text[line.content.clone()])
    }

    /// Whether line `i` is there and blank (quoting marks alone are blank).
    pub(super) fn is_blank(&self, i: usize) -> bool {
        self.all.get(i).is_some_and(|line| line.content.is_empty())
    }

    /// Depth of quoting of line `i`.
    pub(super) fn depth(&self, i: usize) -> usize {
        self.all.get(i).map_or(0, |line| line.depth)
    }

    /// The first line at or after `i` that is not blank, when at most `blanks` blank lines lie before it.
    pub(super) fn next_full(&self, i: usize, blanks: usize) -> Option<usize> {
        let last = (i + blanks).min(self.len().checked_sub(1)?);
        (i..=last).find(|&k| !self.is_blank(k))
    }

    /// The line that holds byte `offset`.
    pub(super) fn line_at(&self, offset: usize) -> usize {
        self.all.partition_point(|line| line.range.end < offset)
    }
}

/// Reads one line: marks of quoting, then the content between blanks.
fn read_line(text: &str, range: Range<usize>) -> Line {
    let mut start = range.start;
    let mut depth = 0;
    loop {
        let rest = &text[start..range.end];
        let trimmed = rest.trim_start_matches(is_blank_char);
        start += rest.len() - trimmed.len();
        match quote_mark(trimmed) {
            Some(len) => {
                start += len;
                depth += 1;
            }
            None => break,
        }
    }
    let end = start + text[start..range.end].trim_end_matches(is_blank_char).len();
    Line { range, content: start..end, depth }
}

/// Length of the quoting mark at the start of `rest`, if there is one. A bar counts only when a blank follows.
pub(super) fn quote_mark(rest: &str) -> Option<usize> {
    match rest.as_bytes() {
        [b'>', ..] => Some(1),
        [b'|', b' ' | b'\t', ..] | [b'|'] => Some(1),
        _ => None,
    }
}

/// White space, and the invisible characters that mail programs leave at the ends of lines: direction marks, zero-width
/// spaces, byte order marks and the object replacement character of a lost image.
pub(super) fn is_blank_char(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

/// Characters without width that may stand before or after anything.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffc}' | '\u{ad}')
}

/// The longest start of `text` with at most `max` bytes.
pub(super) fn clip(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let end = (0..=max).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    &text[..end]
}
