//! The literal strings one of which every match of a pattern must contain.
//!
//! Design note: hundreds of patterns with bounded gaps make a joint automaton grow without bound in the worst case. One
//! Aho-Corasick pass over required literals costs the same for any number of patterns, and only patterns that can match
//! are then run, each on a short window.

use regex_syntax::hir::{Hir, HirKind};

/// More alternatives than this are no longer a useful filter.
const MAX_SET: usize = 128;

/// Longer phrases filter better but every combination costs time at start-up.
const MAX_PRODUCT: usize = 24;

/// A set of byte strings; a match contains at least one of them.
type Set = Vec<Vec<u8>>;

/// The best set of required literals of `hir`: the one whose shortest member is longest.
pub(super) fn required(hir: &Hir) -> Option<Set> {
    match hir.kind() {
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Alternation(branches) => union(branches),
        HirKind::Concat(items) => best_of_concat(items),
        _ => exact(hir).and_then(useful),
    }
}

fn useful(set: Set) -> Option<Set> {
    (set.iter().all(|s| !s.is_empty())).then_some(set)
}

fn union(branches: &[Hir]) -> Option<Set> {
    let mut all = Set::new();
    for branch in branches {
        all.extend(required(branch)?);
    }
    all.sort();
    all.dedup();
    (all.len() <= MAX_SET).then_some(all)
}

/// Runs of items with finite languages are multiplied out, so that `gift (card|voucher)s?` filters on the whole phrase.
fn best_of_concat(items: &[Hir]) -> Option<Set> {
    let mut best: Option<Set> = None;
    let mut run: Set = vec![Vec::new()];
    for item in items {
        match exact(item).and_then(|set| product(&run, &set)) {
            Some(longer) => run = longer,
            None => {
                offer(&mut best, useful(std::mem::replace(&mut run, vec![Vec::new()])));
                offer(&mut best, required(item));
                if let Some(set) = exact(item) {
                    run = set;
                }
            }
        }
    }
    offer(&mut best, useful(run));
    best
}

fn offer(best: &mut Option<Set>, candidate: Option<Set>) {
    let Some(candidate) = candidate else { return };
    let rank = |set: &Set| (set.iter().map(Vec::len).min().unwrap_or(0).min(8), std::cmp::Reverse(set.len()));
    if best.as_ref().is_none_or(|b| rank(&candidate) > rank(b)) {
        *best = Some(candidate);
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
}
