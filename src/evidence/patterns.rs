//! Many patterns, one pass: where each of them matches in a folded text.

use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};

use super::literals;

/// Bytes before and after a required literal in which the whole match must lie.
const REACH: usize = 320;

/// Matches reported for one pattern in one text.
const MAX_MATCHES: usize = 6;

/// Bytes of windows looked at for one pattern in one text; bounds the work on hostile text.
const MAX_WINDOW: usize = 48 * 1024;

/// A pattern, checked when it is loaded and compiled when it can first match.
struct Pattern {
    source: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| build(&self.source).ok()).as_ref()
    }
}

fn build(source: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source).unicode(false).size_limit(8 << 20).build()
}

/// Patterns that are looked for together.
#[derive(Default)]
pub(super) struct PatternSet {
    patterns: Vec<Pattern>,
    literals: Vec<Vec<u8>>,
    /// Patterns that need `literals[i]`.
    owners: Vec<Vec<u32>>,
    /// Patterns without a required literal.
    always: Vec<u32>,
    automaton: Option<AhoCorasick>,
}

impl std::fmt::Debug for PatternSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PatternSet").field("patterns", &self.patterns.len()).finish_non_exhaustive()
    }
}

/// A match of one pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) pattern: usize,
    pub(super) span: Range<usize>,
}

impl PatternSet {
    /// Adds a pattern and returns its number.
    pub(super) fn add(&mut self, source: &str) -> Result<usize, String> {
        check_style(source)?;
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .build()
            .parse(source)
            .map_err(|e| format!("not a valid pattern: {}", e.to_string().replace('\n', " ")))?;
        let number = self.patterns.len() as u32;
        match literals::required(&hir).filter(|set| set.iter().all(|l| l.len() >= 2)) {
            Some(set) => set.into_iter().for_each(|literal| self.own(literal, number)),
            None => self.always.push(number),
        }
        self.patterns.push(Pattern { source: source.to_owned(), compiled: OnceLock::new() });
        Ok(number as usize)
    }

    fn own(&mut self, literal: Vec<u8>, pattern: u32) {
        self.literals.push(literal);
        self.owners.push(vec![pattern]);
    }

    /// Builds the automaton; call once after the last `add`.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        let mut pairs: Vec<(Vec<u8>, u32)> =
            self.literals.drain(..).zip(self.owners.drain(..)).map(|(l, o)| (l, o[0])).collect();
        pairs.sort();
        for (literal, owner) in pairs {
            if self.literals.last() != Some(&literal) {
                self.literals.push(literal);
                self.owners.push(Vec::new());
            }
            if let Some(owners) = self.owners.last_mut() {
                owners.push(owner);
            }
        }
        self.automaton = Some(AhoCorasick::new(&self.literals).map_err(|e| e.to_string())?);
        Ok(())
    }

    /// The words (three letters or more) that patterns are made of, for undoing disguises.
    pub(super) fn words(&self) -> impl Iterator<Item = String> + '_ {
        self.literals.iter().flat_map(|literal| {
            let text = String::from_utf8_lossy(literal).into_owned();
            text.split(|c: char| !c.is_ascii_lowercase())
                .filter(|w| w.len() >= 3)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
    }

    /// How many patterns have no required literal and run on every text.
    #[cfg(test)]
    pub(super) fn unfiltered(&self) -> Vec<&str> {
        self.always.iter().map(|&p| self.patterns[p as usize].source.as_str()).collect()
    }

    /// Every match in `text`, by position. Linear in the text for a fixed set.
    pub(super) fn matches(&self, text: &str) -> Vec<Match> {
        let mut found = Vec::new();
        for (pattern, window) in self.windows(text.as_bytes()) {
            self.run(pattern, text.as_bytes(), window, &mut found);
        }
        for &pattern in &self.always {
            self.run(pattern, text.as_bytes(), 0..text.len().min(MAX_WINDOW), &mut found);
        }
        found.sort_by_key(|m| (m.span.start, m.span.end, m.pattern));
        found.dedup();
        found
    }

    fn run(&self, pattern: u32, text: &[u8], window: Range<usize>, found: &mut Vec<Match>) {
        let Some(regex) = self.patterns[pattern as usize].regex() else { return };
        for hit in regex.find_iter(&text[window.clone()]).take(MAX_MATCHES) {
            let span = window.start + hit.start()..window.start + hit.end();
            found.push(Match { pattern: pattern as usize, span });
        }
    }

    /// For each pattern that can match, the merged windows around its literals, bounded in number and size.
    fn windows(&self, text: &[u8]) -> Vec<(u32, Range<usize>)> {
        let Some(automaton) = &self.automaton else { return Vec::new() };
        let mut windows: Vec<(u32, Range<usize>)> = Vec::new();
        let mut last: Vec<u32> = vec![u32::MAX; self.patterns.len()];
        let mut spent: Vec<u32> = vec![0; self.patterns.len()];
        let mut line = Line::default();
        for hit in automaton.find_overlapping_iter(text) {
            let near = line.window(text, hit.start(), hit.end());
            for &pattern in &self.owners[hit.pattern().as_usize()] {
                let p = pattern as usize;
                match windows.get_mut(last[p] as usize) {
                    Some((_, window)) if near.start <= window.end && (spent[p] as usize) < MAX_WINDOW => {
                        spent[p] += near.end.saturating_sub(window.end) as u32;
                        window.end = window.end.max(near.end);
                    }
                    _ if (spent[p] as usize) < MAX_WINDOW => {
                        last[p] = windows.len() as u32;
                        spent[p] += near.len() as u32;
                        windows.push((pattern, near.clone()));
                    }
                    _ => {}
                }
            }
        }
        windows
    }
}

/// The line last looked at, so that its ends are searched for once.
#[derive(Default)]
struct Line {
    range: Range<usize>,
}

impl Line {
    /// The window around a literal: within its line, at most [`REACH`] bytes to each side.
    fn window(&mut self, text: &[u8], start: usize, end: usize) -> Range<usize> {
        if !(self.range.start <= start && end <= self.range.end && !self.range.is_empty()) {
            let from = text[..start].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let to = text[end..].iter().position(|b| *b == b'\n').map_or(text.len(), |at| end + at);
            self.range = from..to;
        }
        let left = start.saturating_sub(REACH).max(self.range.start);
        let right = (end + REACH).min(self.range.end);
        left..right
    }
}

/// Patterns see folded text: what can never match there is a mistake, and what is unbounded costs time.
fn check_style(source: &str) -> Result<(), String> {
    if !source.chars().all(|c| c.is_ascii() || matches!(c, '£' | '€')) {
        return Err("patterns are ASCII, and £ and €: the text is folded, so write `ano` for `año`".into());
    }
    let mut previous = ' ';
    for ch in source.chars() {
        if ch.is_ascii_uppercase() && previous != '\\' {
            return Err(format!("`{ch}` can never match: the text is lower case"));
        }
        previous = if previous == '\\' && ch == '\\' { ' ' } else { ch };
    }
    if source.contains(".*") || source.contains(".+") {
        return Err("`.*` and `.+` are unbounded: write a gap such as `.{0,40}`".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(patterns: &[&str]) -> PatternSet {
        let mut set = PatternSet::default();
        for pattern in patterns {
            set.add(pattern).expect("valid");
        }
        set.finish().expect("builds");
        set
    }

    fn found(set: &PatternSet, text: &str) -> Vec<(usize, String)> {
        set.matches(text).into_iter().map(|m| (m.pattern, text[m.span].to_owned())).collect()
    }

    #[test]
    fn finds_overlapping_patterns() {
        let set =
            set(&[r"\bpay\b.{0,40}\bgift cards?\b", r"\bgift cards?\b", r"\bcards? now\b", r"\bcertified\b"]);
        let text = "please pay with gift cards now";
        let expected = [(0, "pay with gift cards"), (1, "gift cards"), (2, "cards now")];
        assert_eq!(found(&set, text), expected.map(|(p, t)| (p, t.to_owned())));
    }

    #[test]
    fn a_gap_does_not_cross_lines() {
        let set = set(&[r"\bpay\b.{0,40}\bgift cards?\b"]);
        assert!(set.matches("pay today.\ngift cards are nice").is_empty());
    }

    #[test]
    fn work_is_bounded() {
        let set = set(&[r"\bpay\b.{0,40}\bgift cards?\b"]);
        let text = "gift card ".repeat(400_000);
        assert!(set.matches(&text).is_empty());
        assert!(set.windows(text.as_bytes()).iter().map(|w| w.1.len()).sum::<usize>() < 2 * MAX_WINDOW);
    }

    #[test]
    fn style_is_checked() {
        for bad in ["Gift", "año", "a.*b", "(unclosed"] {
            assert!(PatternSet::default().add(bad).is_err(), "{bad}");
        }
        assert!(PatternSet::default().add(r"\bgift\B \S\D").is_ok());
    }
}
