//! Near-duplicates: the same message with another name or number in it teaches nothing twice.

use std::collections::{BTreeSet, HashMap};

/// Words in a row that are compared.
const RUN: usize = 3;

/// Smallest hashes kept of a text: a sample of its runs (bottom-k sketch; Broder 1997).
const SKETCH: usize = 48;

/// Texts that share this many of their smallest hashes are compared.
const ANCHORS: usize = 6;

/// Share of common runs from which two texts are one (Jaccard index of the sketches).
const SAME: f64 = 0.7;

/// For each text whether it is the first of its kind.
pub(super) fn firsts(texts: &[String]) -> Vec<bool> {
    let sketches: Vec<Vec<u64>> = texts.iter().map(|text| sketch(text)).collect();
    let mut by_anchor: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut firsts = Vec::with_capacity(texts.len());
    for (number, sketch) in sketches.iter().enumerate() {
        let anchors = &sketch[..sketch.len().min(ANCHORS)];
        let near = anchors.iter().filter_map(|a| by_anchor.get(a)).flatten();
        let known: BTreeSet<usize> = near.copied().collect();
        let first = !known.iter().any(|other| similarity(sketch, &sketches[*other]) >= SAME);
        if first {
            anchors.iter().for_each(|anchor| by_anchor.entry(*anchor).or_default().push(number));
        }
        firsts.push(first);
    }
    firsts
}

/// The smallest hashes of a text's runs of words; digits count as one digit.
fn sketch(text: &str) -> Vec<u64> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(|w| {
            w.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>().to_lowercase()
        })
        .collect();
    let hash = |run: &[String]| {
        let digest = blake3::hash(run.join(" ").as_bytes());
        digest.as_bytes()[..8].iter().fold(0u64, |all, byte| all << 8 | u64::from(*byte))
    };
    let runs: BTreeSet<u64> =
        if words.len() < RUN { [hash(&words)].into() } else { words.windows(RUN).map(hash).collect() };
    runs.into_iter().take(SKETCH).collect()
}

/// Estimate of the Jaccard index from two sketches.
fn similarity(a: &[u64], b: &[u64]) -> f64 {
    let union: BTreeSet<u64> = a.iter().chain(b).copied().collect();
    let smallest: Vec<u64> = union.into_iter().take(SKETCH.min(a.len().max(b.len()))).collect();
    let common = smallest.iter().filter(|h| a.binary_search(h).is_ok() && b.binary_search(h).is_ok()).count();
    common as f64 / smallest.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_number_is_the_same_message() {
        let texts = [
            "Your parcel 4411 could not be delivered, please pay the small fee of $1.99 at our page today",
            "Your parcel 9820 could not be delivered, please pay the small fee of $2.49 at our page today",
            "Your parcel was delivered to the front door, thank you for shopping with us this week",
            "ok",
            "ok",
        ];
        assert_eq!(firsts(&texts.map(str::to_owned)), [true, false, true, true, false]);
    }
}
