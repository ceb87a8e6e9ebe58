//! Many patterns, one pass: where each of them matches in a folded text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use regex_automata::Input;
use regex_automata::meta::{BuildError, Config, Regex};
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::iter::Searcher;
use regex_automata::util::syntax;

use super::index::Index;
use super::literals::Plan;
use super::prepared::{self, Prepared};

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

/// Compiles a pattern.
///
/// Design note: windows are short, so neither a search for shortcuts nor a lazy DFA pays: measured on 1,000 real mails, they
/// cost a third more time and nearly twice the memory, a copy of it for every thread that judges.
fn build(source: &str) -> Result<Regex, Box<BuildError>> {
    let config = Config::new()
        .utf8_empty(false)
        .nfa_size_limit(Some(8 << 20))
        .which_captures(WhichCaptures::Implicit)
        .auto_prefilter(false)
        .onepass(false)
        .hybrid(false);
    let syntax = syntax::Config::new().unicode(false).utf8(false);
    Regex::builder().configure(config).syntax(syntax).build(source).map_err(Box::new)
}

/// A pattern that needs a literal, and how far its match may reach from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Owner {
    pattern: u32,
    before: u16,
    after: u16,
}

/// Patterns that are looked for together.
#[derive(Default)]
pub(super) struct PatternSet {
    patterns: Vec<Pattern>,
    literals: Vec<Cow<'static, [u8]>>,
    /// Patterns that need `literals[i]`.
    owners: Vec<Vec<Owner>>,
    /// Other literals that a pattern needs: of each set one, by number.
    also: Vec<Vec<Cow<'static, [u16]>>>,
    /// Patterns without a required literal.
    always: Vec<u32>,
    index: Index,
    /// Numbers of the literals, while patterns are added that were not prepared.
    numbers: HashMap<Vec<u8>, u16>,
}

impl std::fmt::Debug for PatternSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PatternSet").field("patterns", &self.patterns.len()).finish_non_exhaustive()
    }
}

/// Where the patterns of a set may match in a text.
pub(super) struct Search<'a> {
    set: &'a PatternSet,
    text: &'a [u8],
    windows: Vec<(u32, Range<usize>)>,
}

impl Search<'_> {
    /// The matches of the patterns that are wanted, by position.
    pub(super) fn matches(&self, wanted: impl Fn(usize) -> bool) -> Vec<Match> {
        let mut found = Vec::new();
        for (pattern, window) in self.windows.iter().filter(|(pattern, _)| wanted(*pattern as usize)) {
            self.set.run(*pattern, self.text, window.clone(), &mut found);
        }
        for &pattern in self.set.always.iter().filter(|pattern| wanted(**pattern as usize)) {
            self.set.run(pattern, self.text, 0..self.text.len().min(MAX_WINDOW), &mut found);
        }
        found.sort_by_key(|m| (m.span.start, m.span.end, m.pattern));
        found.dedup();
        found
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
        let number = self.patterns.len() as u32;
        match prepared::find(source) {
            Some(prepared) => self.own_prepared(prepared, number),
            None => match Plan::new(source)? {
                Some(plan) => self.own(plan, number)?,
                None => {
                    self.always.push(number);
                    self.also.push(Vec::new());
                }
            },
        }
        self.patterns.push(Pattern { source: source.to_owned(), compiled: OnceLock::new() });
        Ok(number as usize)
    }

    /// Takes a built-in pattern; the literals of all of them come first, under their own numbers.
    fn own_prepared(&mut self, prepared: &'static Prepared, pattern: u32) {
        if self.literals.len() < prepared::LITERALS.len() {
            self.literals = prepared::LITERALS.iter().map(|l| Cow::Borrowed(*l)).collect();
            self.owners = vec![Vec::new(); self.literals.len()];
        }
        let owner = Owner { pattern, before: prepared.before, after: prepared.after };
        prepared.set.iter().for_each(|literal| self.owners[usize::from(*literal)].push(owner));
        self.also.push(prepared.also.iter().map(|set| Cow::Borrowed(*set)).collect());
    }

    fn own(&mut self, plan: Plan, pattern: u32) -> Result<(), String> {
        let owner = Owner { pattern, before: plan.before, after: plan.after };
        for literal in plan.set {
            let number = self.number(literal)?;
            self.owners[usize::from(number)].push(owner);
        }
        let mut also = Vec::new();
        for set in plan.also {
            let numbers: Result<Vec<u16>, String> = set.into_iter().map(|l| self.number(l)).collect();
            also.push(Cow::Owned(numbers?));
        }
        self.also.push(also);
        Ok(())
    }

    /// The number of a literal.
    fn number(&mut self, literal: Vec<u8>) -> Result<u16, String> {
        if self.literals.is_empty() {
            // Prepared patterns may follow: theirs come first.
            self.literals = prepared::LITERALS.iter().map(|l| Cow::Borrowed(*l)).collect();
            self.owners = vec![Vec::new(); self.literals.len()];
        }
        if self.numbers.is_empty() {
            self.numbers = self.literals.iter().map(|l| l.to_vec()).zip(0..).collect();
        }
        if let Some(&number) = self.numbers.get(&literal) {
            return Ok(number);
        }
        let number =
            u16::try_from(self.literals.len()).map_err(|_| "more than 65,535 different literals in all")?;
        self.literals.push(Cow::Owned(literal.clone()));
        self.owners.push(Vec::new());
        self.numbers.insert(literal, number);
        Ok(number)
    }

    /// Builds the index; call once after the last `add`.
    pub(super) fn finish(&mut self) {
        self.numbers = HashMap::new();
        self.index = Index::new(&self.literals);
    }

    /// The words (three letters or more) that patterns are made of, for undoing disguises.
    pub(super) fn words(&self) -> impl Iterator<Item = String> + '_ {
        let anchors = self.literals.iter().zip(&self.owners).filter(|(_, owners)| !owners.is_empty());
        let mut words: Vec<&[u8]> = anchors
            .flat_map(|(literal, _)| literal.split(|b| !b.is_ascii_lowercase()))
            .filter(|word| word.len() >= 3)
            .collect();
        words.sort_unstable();
        words.dedup();
        words.into_iter().map(|word| String::from_utf8_lossy(word).into_owned())
    }

    /// How many patterns have no required literal and run on every text.
    #[cfg(test)]
    pub(super) fn unfiltered(&self) -> Vec<&str> {
        self.always.iter().map(|&p| self.patterns[p as usize].source.as_str()).collect()
    }

    /// Where patterns may match in `text`. Linear in the text for a fixed set.
    pub(super) fn search<'a>(&'a self, text: &'a str) -> Search<'a> {
        Search { set: self, text: text.as_bytes(), windows: self.windows(text.as_bytes()) }
    }

    /// Every match in `text`, by position.
    pub(super) fn matches(&self, text: &str) -> Vec<Match> {
        self.search(text).matches(|_| true)
    }

    fn run(&self, pattern: u32, text: &[u8], window: Range<usize>, found: &mut Vec<Match>) {
        let Some(regex) = self.patterns[pattern as usize].regex() else { return };
        // A cache for this search only: one kept for each of a thousand patterns, and for each thread, costs more memory
        // than all else together.
        let mut cache = regex.create_cache();
        let mut searcher = Searcher::new(Input::new(&text[window.clone()]));
        for _ in 0..MAX_MATCHES {
            let Some(hit) = searcher.advance(|input| Ok(regex.search_with(&mut cache, input))) else {
                return;
            };
            let span = window.start + hit.start()..window.start + hit.end();
            found.push(Match { pattern: pattern as usize, span });
        }
    }

    /// For each pattern that can match, the merged windows around its literals, bounded in number and size.
    fn windows(&self, text: &[u8]) -> Vec<(u32, Range<usize>)> {
        let mut windows = Windows::new(self.patterns.len());
        let mut map = Map::new(text.len(), self.literals.len());
        let mut line = Line::default();
        self.index.scan(&self.literals, text, |literal, start| {
            map.note(literal, start);
            if !self.owners[literal].is_empty() {
                let hit = start..start + self.literals[literal].len();
                line.move_to(text, hit.start, hit.end);
                for owner in &self.owners[literal] {
                    windows.add(owner.pattern, line.window(&hit, owner));
                }
            }
        });
        let mut all = windows.all;
        all.retain(|(pattern, window)| self.also[*pattern as usize].iter().all(|set| map.any(set, window)));
        all
    }
}

/// Windows in which patterns may match.
struct Windows {
    all: Vec<(u32, Range<usize>)>,
    /// For each pattern: its last window, and the bytes of all of them.
    last: Vec<(u32, u32)>,
}

impl Windows {
    fn new(patterns: usize) -> Self {
        Self { all: Vec::new(), last: vec![(u32::MAX, 0); patterns] }
    }

    /// Adds a window of a pattern, or widens its last one.
    fn add(&mut self, pattern: u32, near: Range<usize>) {
        let (last, spent) = &mut self.last[pattern as usize];
        if *spent as usize >= MAX_WINDOW {
            return;
        }
        match self.all.get_mut(*last as usize) {
            Some((_, window)) if near.start <= window.end => {
                *spent += near.end.saturating_sub(window.end) as u32;
                *window = window.start.min(near.start)..window.end.max(near.end);
            }
            _ => {
                *last = self.all.len() as u32;
                *spent += near.len() as u32;
                self.all.push((pattern, near));
            }
        }
    }
}

/// In which of 64 stretches of a text each literal begins.
struct Map {
    /// Bytes of a stretch, as a shift.
    shift: u32,
    stretches: Vec<u64>,
}

impl Map {
    fn new(text: usize, literals: usize) -> Self {
        let shift = (5..usize::BITS).find(|shift| text >> shift < 64).unwrap_or(5);
        Self { shift, stretches: vec![0; literals] }
    }

    fn note(&mut self, literal: usize, at: usize) {
        self.stretches[literal] |= 1 << (at >> self.shift);
    }

    /// Whether one of the literals begins in a stretch that `window` touches.
    fn any(&self, literals: &[u16], window: &Range<usize>) -> bool {
        let (first, last) = (window.start >> self.shift, window.end >> self.shift);
        let mask = (u64::MAX << first) & (u64::MAX >> (63 - last.min(63)));
        literals.iter().any(|&literal| self.stretches[usize::from(literal)] & mask != 0)
    }
}

/// The line last looked at, so that its ends are searched for once.
#[derive(Default)]
struct Line {
    range: Range<usize>,
}

impl Line {
    /// Moves to the line in which a literal stands.
    fn move_to(&mut self, text: &[u8], start: usize, end: usize) {
        if !(self.range.start <= start && end <= self.range.end && !self.range.is_empty()) {
            let from = text[..start].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let to = text[end..].iter().position(|b| *b == b'\n').map_or(text.len(), |at| end + at);
            self.range = from..to;
        }
    }

    /// The window around a literal: within its line, as far as a match of its owner can reach.
    fn window(&self, literal: &Range<usize>, owner: &Owner) -> Range<usize> {
        let left = literal.start.saturating_sub(owner.before.into()).max(self.range.start);
        let right = (literal.end + usize::from(owner.after)).min(self.range.end);
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
        set.finish();
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
