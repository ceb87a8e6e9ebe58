//! Where each of many short strings stands in a text.
//!
//! Design note: an Aho-Corasick automaton over the thousands of literals that patterns require takes longer to build
//! than a mail takes to judge, and a pipe builds it for every mail. This index is filled in well under a millisecond;
//! the text is looked at once, eight bytes at a time, and each place is compared with the few strings that begin alike.

use std::ops::Range;

/// Bits of the hash of a string's first three bytes.
const BITS: u32 = 13;

/// One string: its first eight bytes, and which of them count.
#[derive(Clone, Copy, Debug)]
struct Entry {
    head: u64,
    mask: u64,
    number: u32,
}

/// Strings by how they begin.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: Vec<Entry>,
    /// Entries of strings of three bytes or more, by hash.
    long: Vec<Range<u32>>,
    /// Entries of shorter strings, by first byte.
    short: Vec<Range<u32>>,
}

impl Index {
    /// Takes the strings; a string's number is its place. Empty strings stand nowhere.
    pub(super) fn new<S: AsRef<[u8]>>(strings: &[S]) -> Self {
        let numbered = || strings.iter().map(AsRef::as_ref).zip(0u32..);
        let mut index = Self::default();
        index.long = index.fill(1 << BITS, numbered().filter(|(s, _)| s.len() >= 3), |s| hash(head(s, 0)));
        let short = numbered().filter(|(s, _)| matches!(s.len(), 1 | 2));
        index.short = index.fill(256, short, |s| usize::from(s[0]));
        index
    }

    /// Adds entries, sorted by bucket, and returns the buckets.
    fn fill<'a>(
        &mut self,
        buckets: usize,
        strings: impl Iterator<Item = (&'a [u8], u32)>,
        bucket: impl Fn(&[u8]) -> usize,
    ) -> Vec<Range<u32>> {
        let entry = |s: &[u8], number| {
            let mask = if s.len() >= 8 { u64::MAX } else { (1 << (8 * s.len())) - 1 };
            Entry { head: head(s, 0), mask, number }
        };
        let mut all: Vec<(usize, Entry)> = strings.map(|(s, number)| (bucket(s), entry(s, number))).collect();
        all.sort_by_key(|(bucket, entry)| (*bucket, entry.number));
        let mut ranges = vec![0..0; buckets];
        for (bucket, entry) in all {
            let at = self.entries.len() as u32;
            self.entries.push(entry);
            let range: &mut Range<u32> = &mut ranges[bucket];
            *range = if range.start == range.end { at..at + 1 } else { range.start..at + 1 };
        }
        ranges
    }

    /// Calls `found(number, start)` for every string at every place, in the order of places. `strings` are those that
    /// the index was made of.
    pub(super) fn scan<S: AsRef<[u8]>>(
        &self,
        strings: &[S],
        text: &[u8],
        mut found: impl FnMut(usize, usize),
    ) {
        if self.entries.is_empty() {
            return;
        }
        for start in 0..text.len() {
            let here = head(text, start);
            let short = &self.short[usize::from(text[start])];
            let long = &self.long[hash(here)];
            for range in [short, long] {
                for entry in &self.entries[range.start as usize..range.end as usize] {
                    if (here ^ entry.head) & entry.mask == 0 {
                        let string = strings[entry.number as usize].as_ref();
                        if string.len() <= 8 || text[start..].starts_with(string) {
                            found(entry.number as usize, start);
                        }
                    }
                }
            }
        }
    }
}

/// Up to eight bytes from `at`, the first lowest; zeros where there are none.
fn head(text: &[u8], at: usize) -> u64 {
    if let Some(bytes) = text.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()) {
        return u64::from_le_bytes(bytes);
    }
    text[at..].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
}

/// Of the first three bytes.
fn hash(head: u64) -> usize {
    ((head as u32 & 0x00ff_ffff).wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(strings: &[String], text: &str) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        Index::new(strings).scan(strings, text.as_bytes(), |number, start| all.push((start, number)));
        all.sort_unstable();
        all
    }

    proptest! {
        /// Everything that a search for each string alone finds, and nothing else.
        #[test]
        fn finds_what_a_plain_search_finds(
            strings in proptest::collection::hash_set("[ab ]{1,11}", 0..30),
            text in "[abc ]{0,80}",
        ) {
            let strings: Vec<String> = strings.into_iter().collect();
            let mut expected = Vec::new();
            for start in 0..text.len() {
                for (number, string) in strings.iter().enumerate() {
                    if text[start..].starts_with(string.as_str()) {
                        expected.push((start, number));
                    }
                }
            }
            expected.sort_unstable();
            prop_assert_eq!(scan(&strings, &text), expected);
        }
    }

    #[test]
    fn strings_end_with_the_text() {
        let strings = ["gift cards", "cards", "ds", "s", "cards now"].map(str::to_owned);
        assert_eq!(scan(&strings, "gift cards"), [(0, 0), (5, 1), (8, 2), (9, 3)]);
    }
}
