//! Disguises that only show in a whole word: look-alike letters, leet digits, spaced letters.

use std::collections::HashSet;

use super::cells::{Cell, span};
use super::letters::latin_twin;
use super::{Disguise, Undone};

/// Signs that may stand for a letter inside a word.
const LEET_SIGNS: &[char] = &['@', '$', '!', '|'];

/// Signs put between or into letters to break a word.
const SPLITTERS: &[char] = &['*', '_', '~', '^', '|', '\'', '.', '-', ' '];

/// The longest run of spaced letters looked at; more is noise.
const MAX_SPACED: usize = 64;

/// Rewrites disguised words.
pub(super) fn undo(cells: &[Cell], vocabulary: &HashSet<String>, undone: &mut Vec<Undone>) -> Vec<Cell> {
    let latin = is_mostly_latin(cells);
    let mut out = Vec::with_capacity(cells.len());
    let mut at = 0;
    while at < cells.len() {
        if !is_word(cells[at].ch) {
            out.push(cells[at]);
            at += 1;
            continue;
        }
        if let Some(len) = undo_spaced(&cells[at..], vocabulary, undone, &mut out) {
            at += len;
            continue;
        }
        let len = cells[at..].iter().position(|c| !is_word(c.ch)).unwrap_or(cells.len() - at);
        if in_address(cells, at, at + len) {
            out.extend_from_slice(&cells[at..at + len]);
        } else {
            undo_word(&cells[at..at + len], latin, vocabulary, undone, &mut out);
        }
        at += len;
    }
    out
}

fn is_word(ch: char) -> bool {
    ch.is_alphanumeric() || LEET_SIGNS.contains(&ch) || ch == '*' || ch == '_' || ch == '~' || ch == '^'
}

/// Part of a web address, a path or a code: digits there are digits.
fn in_address(cells: &[Cell], start: usize, end: usize) -> bool {
    let joint = |c: Option<&Cell>| {
        c.is_some_and(|c| matches!(c.ch, '/' | '=' | '%' | '?' | '&' | '#' | '\\' | '{' | '}'))
    };
    let dotted = cells.get(end).is_some_and(|c| c.ch == '.')
        && cells.get(end + 1).is_some_and(|c| c.ch.is_alphanumeric());
    joint(start.checked_sub(1).and_then(|at| cells.get(at))) || joint(cells.get(end)) || dotted
}

/// Whether a look-alike word would stand in Latin text: decides if a wholly Cyrillic `сору` is a disguise.
fn is_mostly_latin(cells: &[Cell]) -> bool {
    let letters = cells.iter().filter(|c| c.ch.is_alphabetic()).count();
    let foreign = cells.iter().filter(|c| c.ch.is_alphabetic() && !c.ch.is_ascii()).count();
    letters > 0 && foreign * 3 < letters
}

fn undo_word(
    word: &[Cell],
    latin: bool,
    vocabulary: &HashSet<String>,
    undone: &mut Vec<Undone>,
    out: &mut Vec<Cell>,
) {
    let start = out.len();
    if word.iter().any(|c| !c.ch.is_ascii()) {
        undo_look_alikes(word, latin, vocabulary, undone, out);
    } else {
        out.extend_from_slice(word);
    }
    if out[start..].iter().all(|c| c.ch.is_alphabetic()) || out.len() - start < 3 || out.len() - start > 40 {
        return;
    }
    if let Some((cells, disguise)) = undo_leet(&out[start..], vocabulary) {
        undone.push(Undone { disguise, span: span(&out[start..]) });
        out.truncate(start);
        out.extend(cells);
    }
}

/// A word that mixes Latin letters with their twins, or consists of twins in Latin text, is read as Latin.
fn undo_look_alikes(
    word: &[Cell],
    latin: bool,
    vocabulary: &HashSet<String>,
    undone: &mut Vec<Undone>,
    out: &mut Vec<Cell>,
) {
    let letters = word.iter().filter(|c| c.ch.is_alphabetic());
    let twins = |c: &&Cell| c.ch.is_ascii() || latin_twin(c.ch).is_some();
    let all_twins = letters.clone().all(|c| twins(&c));
    let mixed = letters.clone().any(|c| c.ch.is_ascii());
    let read: Vec<Cell> = word.iter().map(|c| c.as_char(latin_twin(c.ch).unwrap_or(c.ch))).collect();
    let known = || vocabulary.contains(&read.iter().map(|c| c.ch).collect::<String>());
    if all_twins && letters.count() > 1 && (mixed || latin || known()) {
        undone.push(Undone { disguise: Disguise::LookAlike, span: span(word) });
        out.extend(read);
    } else {
        out.extend_from_slice(word);
    }
}

/// Digits and signs read as letters, or signs taken out, when a known word comes out.
fn undo_leet(word: &[Cell], vocabulary: &HashSet<String>) -> Option<(Vec<Cell>, Disguise)> {
    let letters = word.iter().filter(|c| c.ch.is_ascii_alphabetic()).count();
    let digits = word.iter().filter(|c| c.ch.is_ascii_digit()).count();
    // Three characters are too often a size or a code (`0pt`); the one short name worth it is the IRS's.
    let short = word.len() < 4 && !as_string(word).ends_with("rs");
    if letters < 2 || digits > letters || short {
        return None;
    }
    for one in ['i', 'l'] {
        let (read, from) = core(word, |c| leet_letter(c, one));
        if from > 0 && vocabulary.contains(&as_string(&read)) {
            return Some((read, Disguise::Leet));
        }
    }
    let joined: Vec<Cell> = word.iter().filter(|c| c.ch.is_ascii_alphanumeric()).copied().collect();
    let inner = joined.len() < word.len()
        && word[0].ch.is_alphanumeric()
        && word[word.len() - 1].ch.is_alphanumeric();
    (inner && vocabulary.contains(&as_string(&joined))).then_some((joined, Disguise::Spaced))
}

fn as_string(cells: &[Cell]) -> String {
    cells.iter().map(|c| c.ch).collect()
}

/// The word with `map` applied, and how many letters changed.
fn core(word: &[Cell], map: impl Fn(char) -> char) -> (Vec<Cell>, usize) {
    let read: Vec<Cell> = word.iter().map(|c| c.as_char(map(c.ch))).collect();
    let changed = read.iter().zip(word).filter(|(a, b)| a.ch != b.ch).count();
    (read, changed)
}

fn leet_letter(ch: char, one: char) -> char {
    match ch {
        '0' => 'o',
        '1' | '!' | '|' => one,
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
        '9' => 'g',
        _ => ch,
    }
}

/// Single letters with the same sign between them (`g i f t`, `p-a-y`). Returns how many cells were consumed.
fn undo_spaced(
    cells: &[Cell],
    vocabulary: &HashSet<String>,
    undone: &mut Vec<Undone>,
    out: &mut Vec<Cell>,
) -> Option<usize> {
    if out.last().is_some_and(|c| c.ch.is_alphanumeric()) {
        return None;
    }
    let (letters, len) = spaced_run(cells)?;
    let words = segment(&letters, vocabulary)?;
    let dotted_short = letters.len() <= 4 && cells[1].ch == '.';
    if !dotted_short {
        undone.push(Undone { disguise: Disguise::Spaced, span: span(&cells[..len]) });
    }
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            out.push(word[0].as_char(' '));
        }
        out.extend_from_slice(word);
    }
    Some(len + usize::from(dotted_short && cells.get(len).is_some_and(|c| c.ch == '.')))
}

/// The letters of a spaced run and its length in cells; between words more than one space may stand.
fn spaced_run(cells: &[Cell]) -> Option<(Vec<Cell>, usize)> {
    let splitter = cells.get(1)?.ch;
    if !SPLITTERS.contains(&splitter) || !cells[0].ch.is_ascii_alphabetic() {
        return None;
    }
    let mut letters = vec![cells[0]];
    let mut end = 1;
    while letters.len() < MAX_SPACED {
        let gap = cells[end..].iter().take(4).take_while(|c| c.ch == splitter).count();
        let at = end + gap;
        let single = cells.get(at).is_some_and(|c| c.ch.is_ascii_alphabetic())
            && !cells.get(at + 1).is_some_and(|c| c.ch.is_alphanumeric());
        if gap == 0 || gap > 3 || !single {
            break;
        }
        letters.push(cells[at]);
        end = at + 1;
    }
    (letters.len() >= 3).then_some((letters, end))
}

/// Splits letters into known words, glue words of one or two letters allowed between them.
fn segment<'a>(letters: &'a [Cell], vocabulary: &HashSet<String>) -> Option<Vec<&'a [Cell]>> {
    const GLUE: &[&str] =
        &["a", "i", "to", "of", "in", "we", "my", "us", "is", "or", "an", "at", "by", "de", "la", "el"];
    let text = as_string(letters);
    // best[i]: length of the last word of a split of the first i letters.
    let mut best: Vec<Option<usize>> = vec![None; text.len() + 1];
    for end in 1..=text.len() {
        best[end] = (1..=end.min(16)).rev().find(|&len| {
            let start = end - len;
            let word = &text[start..end];
            (start == 0 || best[start].is_some()) && (vocabulary.contains(word) || GLUE.contains(&word))
        });
    }
    let mut words = Vec::new();
    let mut end = text.len();
    while end > 0 {
        let len = best[end]?;
        words.push(&letters[end - len..end]);
        end -= len;
    }
    words.reverse();
    words.iter().any(|w| w.len() >= 3).then_some(words)
}
