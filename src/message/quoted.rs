//! What a mail quotes from somebody else, when it is not a forward: answers carry what they answer to.

use std::ops::Range;

/// Lines that introduce a quotation.
const WROTE: &[&str] = &[
    " wrote:",
    " writes:",
    " escribio:",
    " escribió:",
    " schrieb:",
    " a écrit",
    " ha scritto:",
    " escreveu:",
];

/// Bytes of `text` that quote: lines beginning with `>`, and the line that introduces them. When hardly anything else is
/// there, nothing counts as quoted: else `>` would be a place to hide.
pub(super) fn ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let (mut at, mut own, mut quoted) = (0, 0, 0);
    for line in text.split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        let trimmed = line.trim();
        if trimmed.starts_with('>') || WROTE.iter().any(|end| trimmed.ends_with(end)) {
            quoted += trimmed.len();
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        } else {
            own += trimmed.len();
        }
    }
    if own < 200 && quoted * 2 > own { Vec::new() } else { ranges }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations() {
        let own = "I think this is one of those calls that go round. ".repeat(5);
        let text = format!("{own}\n\nOn Monday, Ann wrote:\n> pay with gift cards\n> now\nBye");
        let found = ranges(&text);
        assert_eq!(found.len(), 1);
        assert!(text[found[0].clone()].contains("gift cards\n> now"));
    }

    #[test]
    fn a_message_that_is_all_quotation_is_read() {
        assert!(ranges("> pay with gift cards\n> or be arrested").is_empty());
        assert!(ranges("see below\n> pay with gift cards\n> or be arrested today").is_empty());
    }
}
