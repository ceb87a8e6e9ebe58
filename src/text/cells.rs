//! Characters with their place in the original.

use std::ops::Range;

use super::letters::{self, is_bidi, is_invisible, is_override, plain_sign};
use super::{Disguise, Undone};

/// One folded character and the bytes of the original it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) ch: char,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Cell {
    /// This cell reading as another character.
    pub(super) fn as_char(self, ch: char) -> Self {
        Self { ch, ..self }
    }
}

/// The original bytes of a run of cells.
pub(super) fn span(cells: &[Cell]) -> Range<usize> {
    match (cells.first(), cells.last()) {
        (Some(first), Some(last)) => first.start as usize..last.end as usize,
        _ => 0..0,
    }
}

/// Reads characters one by one: lower case, plain signs, no accents, no invisible characters.
pub(super) fn decode(original: &str, undone: &mut Vec<Undone>) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(original.len());
    for (at, ch) in original.char_indices() {
        let (start, end) = (at as u32, (at + ch.len_utf8()) as u32);
        if ch.is_ascii() {
            let ch = if ch == '`' { '\'' } else { ch.to_ascii_lowercase() };
            cells.push(Cell { ch, start, end });
        } else if is_invisible(ch) {
            note_invisible(original, at, ch, undone);
        } else if let Some(ch) = plain_sign(ch) {
            cells.push(Cell { ch, start, end });
        } else {
            let reading = letters::read(ch);
            if let Some(disguise) = reading.disguise {
                undone.push(Undone { disguise, span: at..end as usize });
            }
            cells.extend(reading.chars[..reading.len].iter().map(|&ch| Cell { ch, start, end }));
        }
    }
    cells
}

/// Invisible characters are everywhere in honest mail (preview padding, emoji); inside a word they are a disguise.
fn note_invisible(original: &str, at: usize, ch: char, undone: &mut Vec<Undone>) {
    let end = at + ch.len_utf8();
    let inside = original[..at].chars().next_back().is_some_and(is_latin_letter)
        && original[end..].chars().find(|c| !is_invisible(*c)).is_some_and(is_latin_letter);
    if inside || is_override(ch) {
        let disguise = if is_bidi(ch) { Disguise::Bidi } else { Disguise::ZeroWidth };
        undone.push(Undone { disguise, span: at..end });
    }
}

fn is_latin_letter(ch: char) -> bool {
    ch.is_ascii_alphanumeric() || matches!(ch, 'À'..='ɏ')
}

/// Joins the lines of a sentence and collapses white space, so that a phrase can be matched across a line break while
/// list items and paragraphs stay apart.
pub(super) fn join_lines(cells: &[Cell]) -> Vec<Cell> {
    let mut out: Vec<Cell> = Vec::with_capacity(cells.len());
    let mut at = 0;
    while at < cells.len() {
        let cell = cells[at];
        if !cell.ch.is_whitespace() {
            out.push(cell);
            at += 1;
            continue;
        }
        let gap = &cells[at..];
        let len = gap.iter().position(|c| !c.ch.is_whitespace()).unwrap_or(gap.len());
        let breaks = gap[..len].iter().filter(|c| c.ch == '\n' || c.ch == '\r').count();
        let next = gap.get(len).map(|c| c.ch);
        if let (Some(last), Some(next)) = (out.last(), next) {
            let ch = if breaks > 0 && is_break(&gap[..len], last.ch, next) { '\n' } else { ' ' };
            out.push(cell.as_char(ch));
        }
        at += len;
    }
    out
}

/// A line break separates when a line is blank, the sentence has ended, or a list item follows.
fn is_break(gap: &[Cell], last: char, next: char) -> bool {
    let newlines = gap.iter().filter(|c| c.ch == '\n').count();
    newlines > 1
        || gap.iter().filter(|c| c.ch == '\r').count() > 1
        || matches!(last, '.' | '!' | '?' | ':' | ';' | '|')
        || matches!(next, '-' | '*' | '>' | '#' | '+')
}
