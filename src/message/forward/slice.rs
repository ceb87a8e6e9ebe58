//! Part of a [`Rendered`], with everything that belongs to it in its new place.

use std::ops::Range;

use super::super::rendered::{Container, Rendered};
use super::lines::{is_blank_char, quote_mark};

/// A piece of the old text that was kept, and where it now begins.
struct Kept {
    /// Where it stood.
    old: Range<usize>,
    /// Where it stands.
    new: usize,
}

impl Rendered {
    /// The text in `range` without blanks at its ends, with up to `levels` quoting marks taken off each line.
    ///
    /// Links and hidden text inside `range` come along, and containers that begin inside it.
    pub(super) fn slice(&self, range: Range<usize>, levels: usize) -> Rendered {
        let (whole, kept) = unquote(&self.text, range.clone(), levels);
        let text = whole.trim_matches(is_blank_char).to_owned();
        let lead = whole.len() - whole.trim_start_matches(is_blank_char).len();
        let place = |old: usize| new_place(&kept, old, whole.len()).saturating_sub(lead).min(text.len());
        let inside = |at: usize| range.contains(&at) || (at == range.end && at == self.text.len());
        let links = self.links.iter().filter(|(at, _)| inside(*at));
        let links = links.map(|(at, link)| (place(*at), link.clone())).collect();
        let hidden = self.hidden.iter().filter(|(at, _)| inside(*at));
        let hidden = hidden.map(|(at, hidden)| (place(*at), hidden.clone())).collect();
        let containers = self.containers.iter().filter(|c| range.contains(&c.range.start));
        let containers = containers.map(|c| Container {
            names: c.names.clone(),
            range: place(c.range.start)..place(c.range.end.min(range.end)),
        });
        let containers = containers.collect();
        Rendered { text, links, hidden, containers }
    }
}

/// Copies `range` line by line without the quoting marks; with it, where each line's rest came from.
fn unquote(text: &str, range: Range<usize>, levels: usize) -> (String, Vec<Kept>) {
    let mut out = String::with_capacity(range.len());
    let mut kept = Vec::new();
    let mut start = range.start;
    for piece in text[range].split_inclusive('\n') {
        // Programs indent what they forward; the blanks belong to nobody.
        let marked = marks(piece, levels);
        let indent = piece[marked..].bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let skip = marked + indent;
        kept.push(Kept { old: start + skip..start + piece.len(), new: out.len() });
        out.push_str(&piece[skip..]);
        start += piece.len();
    }
    (out, kept)
}

/// Length of up to `levels` quoting marks at the start of `line`, each with one following space.
fn marks(line: &str, levels: usize) -> usize {
    let mut at = 0;
    for _ in 0..levels {
        let rest = line[at..].trim_start_matches(|c| c != '\n' && is_blank_char(c));
        let Some(len) = quote_mark(rest.trim_end_matches('\n')) else { break };
        at = line.len() - rest.len() + len;
        at += usize::from(line[at..].starts_with(' '));
    }
    at
}

/// Where the byte at `old` now stands; what was taken out moves to the start of what follows it.
fn new_place(kept: &[Kept], old: usize, len: usize) -> usize {
    let next = kept.partition_point(|piece| piece.old.end <= old);
    match kept.get(next) {
        Some(piece) => piece.new + old.saturating_sub(piece.old.start),
        None => len,
    }
}
