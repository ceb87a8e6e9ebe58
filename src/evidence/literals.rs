//! The literal strings one of which every match of a pattern must contain.
//!
//! Design note: hundreds of patterns with bounded gaps make a joint automaton grow without bound in the worst case. One
//! pass over the text for required literals costs the same for any number of patterns, and only patterns that can match
//! are then run, each on a short window. The build script compiles this file too: parsing the built-in patterns takes
//! longer than judging a mail, so it is done ahead.

use regex_syntax::hir::{Hir, HirKind};

/// More alternatives than this are no longer a useful filter.
const MAX_SET: usize = 128;

/// Longer phrases filter better but every combination costs time at start-up.
const MAX_PRODUCT: usize = 24;

/// Bytes before and after a required literal in which the whole match must lie.
const REACH: usize = 320;

/// Literals that are to be expected more often than this filter nothing.
const MAX_FREQUENCY: f64 = 3.5;

/// Alternatives of a further set; more are too common to tell anything.
const MAX_ALSO: usize = 40;

/// A set of byte strings; a match contains at least one of them.
pub(crate) type Set = Vec<Vec<u8>>;

/// What every match contains, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Required {
    /// The strings, one of which is there: those that windows are laid around.
    set: Set,
    /// Other sets, of each of which one string is there too.
    also: Vec<Set>,
    /// Most bytes of a match before the string; nothing: unbounded.
    before: Option<usize>,
    /// Most bytes of a match after the string; nothing: unbounded.
    after: Option<usize>,
}

impl Required {
    fn bare(set: Set) -> Option<Self> {
        let required = Self { set, also: Vec::new(), before: Some(0), after: Some(0) };
        required.set.iter().all(|s| !s.is_empty()).then_some(required)
    }

    /// The same in a longer pattern.
    fn within(mut self, before: Option<usize>, after: Option<usize>) -> Self {
        self.before = sum(self.before, before);
        self.after = sum(self.after, after);
        self
    }

    /// How often one of the strings is to be expected in a text, as a rough number: less is better.
    fn frequency(&self) -> f64 {
        self.set.iter().map(|literal| frequency(literal)).sum()
    }
}

/// Every letter more makes a string rarer, but for the words that every text has.
fn frequency(literal: &[u8]) -> f64 {
    const COMMON: &[&str] = &[
        "a", "an", "and", "are", "be", "by", "can", "de", "do", "el", "en", "for", "have", "i", "if", "in",
        "is", "it", "la", "me", "no", "not", "of", "on", "or", "our", "se", "su", "that", "the", "this",
        "to", "un", "us", "we", "will", "with", "you", "your",
    ];
    match std::str::from_utf8(literal).map(str::trim) {
        Ok("") => 4.0,
        Ok(word) if COMMON.contains(&word) => 1.0,
        _ => 0.5_f64.powi(literal.len().min(10) as i32),
    }
}

fn sum(a: Option<usize>, b: Option<usize>) -> Option<usize> {
    Some(a? + b?)
}

fn longest(items: &[Hir]) -> Option<usize> {
    items.iter().map(|item| item.properties().maximum_len()).try_fold(0, |all, len| sum(Some(all), len))
}

/// How a pattern is looked for: where one of some strings stands, and near it others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The strings, one of which every match contains.
    pub(crate) set: Set,
    /// Of each of these sets every match contains one string too.
    pub(crate) also: Vec<Set>,
    /// Bytes before the string in which the match begins.
    pub(crate) before: u16,
    /// Bytes after the string in which the match ends.
    pub(crate) after: u16,
}

impl Plan {
    /// The plan for a pattern; none when it has no strings that are rare enough to be worth it.
    ///
    /// # Errors
    /// Says why the pattern is not valid.
    pub(crate) fn new(pattern: &str) -> Result<Option<Self>, String> {
        let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
        let hir = parser
            .parse(pattern)
            .map_err(|e| format!("not a valid pattern: {}", e.to_string().replace('\n', " ")))?;
        let Some(mut found) = required(&hir).filter(|found| found.frequency() < MAX_FREQUENCY) else {
            return Ok(None);
        };
        found.also.retain(|set| set.len() <= MAX_ALSO);
        // One byte more to each side, so that `\b` sees what stands there.
        let reach = |len: Option<usize>| len.map_or(REACH, |len| (len + 1).min(REACH)) as u16;
        let (before, after) = (reach(found.before), reach(found.after));
        Ok(Some(Self { set: found.set, also: found.also, before, after }))
    }
}

/// The best set of required literals of `hir`: the one that is to be expected least.
fn required(hir: &Hir) -> Option<Required> {
    match hir.kind() {
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            if let Some(set) = exact(&repetition.sub).filter(|set| set.len() == 1) {
                let least = Required::bare(vec![set[0].repeat(repetition.min.min(8) as usize)]);
                return least.map(|found| {
                    found.within(hir.properties().maximum_len(), hir.properties().maximum_len())
                });
            }
            let rest = hir.properties().maximum_len();
            required(&repetition.sub).map(|found| found.within(rest, rest))
        }
        HirKind::Alternation(branches) => union(branches),
        HirKind::Concat(items) => best_of_concat(items),
        _ => exact(hir).and_then(Required::bare),
    }
}

fn union(branches: &[Hir]) -> Option<Required> {
    let mut all = Required { set: Set::new(), also: Vec::new(), before: Some(0), after: Some(0) };
    for branch in branches {
        let one = required(branch)?;
        all.set.extend(one.set);
        all.before = all.before.zip(one.before).map(|(a, b)| a.max(b));
        all.after = all.after.zip(one.after).map(|(a, b)| a.max(b));
    }
    all.set.sort();
    all.set.dedup();
    (all.set.len() <= MAX_SET).then_some(all)
}

/// Runs of items with finite languages are multiplied out, so that `gift (card|voucher)s?` filters on the whole phrase.
fn best_of_concat(items: &[Hir]) -> Option<Required> {
    let mut found = Parts { items, all: Vec::new() };
    let mut run: Set = vec![Vec::new()];
    let mut start = 0;
    for (at, item) in items.iter().enumerate() {
        if let Some(longer) = exact(item).and_then(|set| product(&run, &set)) {
            run = longer;
            continue;
        }
        found.add(Required::bare(std::mem::replace(&mut run, vec![Vec::new()])), start..at);
        found.add(required(item), at..at + 1);
        start = at + 1;
        if let Some(set) = exact(item) {
            (run, start) = (set, at);
        }
    }
    found.add(Required::bare(run), start..items.len());
    found.best()
}

/// What the parts of a concatenation require.
struct Parts<'a> {
    items: &'a [Hir],
    all: Vec<Required>,
}

impl Parts<'_> {
    /// Takes what stands at `place` among the items.
    fn add(&mut self, part: Option<Required>, place: std::ops::Range<usize>) {
        let Some(part) = part else { return };
        self.all.push(part.within(longest(&self.items[..place.start]), longest(&self.items[place.end..])));
    }

    /// The best part, with the sets of the others.
    fn best(mut self) -> Option<Required> {
        let rarer = |&a: &usize, &b: &usize| self.all[a].frequency().total_cmp(&self.all[b].frequency());
        let best = (0..self.all.len()).min_by(rarer)?;
        let mut best = self.all.swap_remove(best);
        for other in self.all {
            best.also.push(other.set);
            best.also.extend(other.also);
        }
        best.also.sort();
        best.also.dedup();
        Some(best)
    }
}

fn product(left: &Set, right: &Set) -> Option<Set> {
    if left.len() * right.len() > MAX_PRODUCT.max(left.len()) {
        return None;
    }
    Some(left.iter().flat_map(|l| right.iter().map(move |r| [l.as_slice(), r].concat())).collect())
}

/// Every string of a finite language, or nothing when there are too many.
fn exact(hir: &Hir) -> Option<Set> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(vec![Vec::new()]),
        HirKind::Literal(literal) => Some(vec![literal.0.to_vec()]),
        HirKind::Class(class) => {
            let literal = class_strings(class)?;
            (literal.len() <= 4).then_some(literal)
        }
        HirKind::Capture(capture) => exact(&capture.sub),
        HirKind::Repetition(r) if r.max == Some(1) => {
            let mut set = exact(&r.sub)?;
            if r.min == 0 {
                set.push(Vec::new());
            }
            Some(set)
        }
        HirKind::Repetition(_) => None,
        HirKind::Alternation(branches) => {
            let mut all = Set::new();
            for branch in branches {
                all.extend(exact(branch)?);
            }
            (all.len() <= MAX_SET).then_some(all)
        }
        HirKind::Concat(items) => {
            items.iter().try_fold(vec![Vec::new()], |run, item| product(&run, &exact(item)?))
        }
    }
}

fn class_strings(class: &regex_syntax::hir::Class) -> Option<Set> {
    match class {
        regex_syntax::hir::Class::Bytes(bytes) => {
            let count: usize = bytes.ranges().iter().map(|r| r.len()).sum();
            (count <= 4)
                .then(|| bytes.ranges().iter().flat_map(|r| (r.start()..=r.end()).map(|b| vec![b])).collect())
        }
        regex_syntax::hir::Class::Unicode(chars) => {
            let count: usize = chars.ranges().iter().map(|r| r.len()).sum();
            (count <= 4).then(|| {
                let all = chars.ranges().iter().flat_map(|r| r.start()..=r.end());
                all.map(|c| c.to_string().into_bytes()).collect()
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(pattern: &str) -> Vec<String> {
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .build()
            .parse(pattern)
            .expect("valid");
        let mut set: Vec<_> = required(&hir)
            .map(|found| found.set)
            .unwrap_or_default()
            .iter()
            .map(|s| String::from_utf8_lossy(s).into_owned())
            .collect();
        set.sort();
        set
    }

    #[test]
    fn the_most_telling_part_is_required() {
        assert_eq!(literals(r"\b(pay|buy)\b.{0,40}\bgift cards?\b"), ["gift card", "gift cards"]);
        assert_eq!(literals(r"\bwon'?t arrest\b"), ["won't arrest", "wont arrest"]);
        assert_eq!(literals("(foo|barn) (x|y)"), ["barn x", "barn y", "foo x", "foo y"]);
        assert_eq!(literals(r"\d{3} \w+"), [" "]);
        assert!(literals(r"\d+").is_empty());
    }

    #[test]
    fn a_match_reaches_no_further_than_said() {
        let reach = |pattern: &str| {
            let hir = regex_syntax::ParserBuilder::new()
                .unicode(false)
                .utf8(false)
                .build()
                .parse(pattern)
                .expect("valid");
            required(&hir).map(|found| (found.before, found.after))
        };
        assert_eq!(reach(r"\b(pay|buy)\b.{0,40}\bgift cards?\b"), Some((Some(43), Some(0))));
        assert_eq!(reach(r"\bgift cards?\b.{0,10}(at|from) the (store|shop)s?"), Some((Some(0), Some(25))));
        assert_eq!(reach(r"gift card\w*"), Some((Some(0), None)));
    }
}
