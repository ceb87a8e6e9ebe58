//! Wording features as the published baselines of SMS filters have them; the shipped model reads words its own way.

use std::collections::{BTreeMap, BTreeSet};

use crate::features::Features;

/// Words and pairs of words of a text as features; a number is known by its length.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|w| !w.is_empty())
        .map(shape)
        .collect();
    let pairs = words.windows(2).map(|pair| format!("word:{} {}", pair[0], pair[1]));
    words.iter().map(|w| format!("word:{w}")).chain(pairs).collect()
}

/// Runs of three characters, over word borders.
pub(super) fn trigrams(text: &str) -> BTreeSet<String> {
    let chars: Vec<char> = shape(text).chars().collect();
    chars.windows(3).map(|run| format!("run:{}", run.iter().collect::<String>())).collect()
}

/// Lower case, digits as `0`.
fn shape(word: &str) -> String {
    word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).flat_map(char::to_lowercase).collect()
}

/// The `most` features that stand in the most texts of at least `sources` different sources.
pub(super) fn frequent<'a>(
    texts: impl Iterator<Item = (&'a str, &'a BTreeSet<String>)>,
    sources: usize,
    most: usize,
) -> BTreeSet<String> {
    let mut seen: BTreeMap<&str, (BTreeSet<&str>, usize)> = BTreeMap::new();
    for (source, words) in texts {
        for word in words {
            let entry = seen.entry(word).or_default();
            entry.0.insert(source);
            entry.1 += 1;
        }
    }
    let mut all: Vec<(usize, &str)> =
        seen.iter().filter(|(_, (s, n))| s.len() >= sources && *n >= 3).map(|(w, (_, n))| (*n, *w)).collect();
    all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    all.into_iter().take(most).map(|(_, word)| word.to_owned()).collect()
}

/// `features` with those of `words` that are `known`.
pub(super) fn with(features: &Features, words: &BTreeSet<String>, known: &BTreeSet<String>) -> Features {
    let mut all = features.clone();
    all.extend(words.intersection(known).map(|word| (word.clone(), 1.0)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_known_by_their_length() {
        assert!(words("Call 0800 now").contains("word:call 0000"));
        assert!(trigrams("a1b").contains("run:a0b"));
    }

    #[test]
    fn only_what_many_sources_have() {
        let sets: Vec<BTreeSet<String>> = ["x y", "x", "x z", "x z"].map(words).into();
        let texts = ["a", "b", "c", "c"].into_iter().zip(&sets);
        assert_eq!(frequent(texts, 3, 10), BTreeSet::from(["word:x".to_owned()]));
    }
}
