//! Wording: which of the model's words and pairs of words a message uses.
//!
//! Words are read from the folded text, so a disguised word is read as what it stands for. Addresses, links and numbers are
//! masked: they tell who wrote a message and where it was found, not what it wants.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Bytes of the folded body that are read; what a message wants stands in its beginning.
const MAX_BYTES: usize = 8_000;

/// Stands for a word with a digit in it.
const NUMBER: &str = "#";

/// Hash of a term: FNV-1a over its words, a blank between them.
pub(crate) type TermHash = u64;

const BASIS: TermHash = 0xcbf2_9ce4_8422_2325;

fn hash_on(hash: TermHash, text: &str) -> TermHash {
    text.bytes().fold(hash, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// The hash of a term as written in the model file: a word, or two with a blank between.
pub(crate) fn hash_of(term: &str) -> TermHash {
    hash_on(BASIS, term)
}

/// Calls `take` with the hash of every word and pair of neighbouring words, repetitions included, and with the words.
fn each<'a>(subject: &'a str, body: &'a str, mut take: impl FnMut(TermHash, Option<&'a str>, &'a str)) {
    let mut end = body.len().min(MAX_BYTES);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    for text in [subject, &body[..end]] {
        let mut before: Option<&str> = None;
        for piece in text.split_ascii_whitespace() {
            if is_address(piece) {
                before = None;
                continue;
            }
            for word in piece.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|w| !w.is_empty()) {
                let word = if word.bytes().any(|b| b.is_ascii_digit()) { NUMBER } else { word };
                let single = hash_of(word);
                take(single, None, word);
                if let Some(first) = before {
                    take(hash_on(hash_on(hash_of(first), " "), word), Some(first), word);
                }
                before = Some(word);
            }
        }
    }
}

/// A link, a domain, a mail address, a path: letters or digits around a dot, a slash or an at sign.
fn is_address(piece: &str) -> bool {
    let inner = piece.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    inner.contains('@')
        || inner.contains("://")
        || inner.as_bytes().windows(3).any(|w| {
            matches!(w[1], b'.' | b'/') && w[0].is_ascii_alphanumeric() && w[2].is_ascii_alphanumeric()
        })
}

/// Every different term of a message, sorted.
pub(crate) fn terms(subject: &str, body: &str) -> Vec<TermHash> {
    let mut all = Vec::new();
    each(subject, body, |hash, _, _| all.push(hash));
    all.sort_unstable();
    all.dedup();
    all
}

/// Adds the terms of a message by name to `names`, those of `wanted` only.
pub(crate) fn name_terms(
    subject: &str,
    body: &str,
    wanted: &dyn Fn(TermHash) -> bool,
    names: &mut HashMap<TermHash, String>,
) {
    each(subject, body, |hash, first, word| {
        if wanted(hash) {
            names.entry(hash).or_insert_with(|| match first {
                Some(first) => format!("{first} {word}"),
                None => word.to_owned(),
            });
        }
    });
}

/// Terms are hashes already.
#[derive(Clone, Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |h, byte| (h ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// The terms that a model knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vocabulary {
    numbers: HashMap<TermHash, u32, BuildHasherDefault<AsItIs>>,
}

impl Vocabulary {
    /// A vocabulary; terms are known by their place in `terms`.
    ///
    /// # Errors
    /// Two terms have the same hash.
    pub(crate) fn new<'a>(terms: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut vocabulary = Self::default();
        for (number, term) in terms.enumerate() {
            let number = u32::try_from(number).map_err(|_| "too many words")?;
            if vocabulary.numbers.insert(hash_of(term), number).is_some() {
                return Err(format!("the word `{term}` stands twice, or has the hash of another"));
            }
        }
        Ok(vocabulary)
    }

    /// The known terms of a message by number, sorted, each once.
    pub(crate) fn find(&self, subject: &str, body: &str) -> Vec<u32> {
        if self.numbers.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        each(subject, body, |hash, _, _| found.extend(self.numbers.get(&hash)));
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The value of each of `known` terms, so that a long message does not count for more than a short one.
pub(crate) fn value(known: usize) -> f64 {
    1.0 / (known.max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_masked() {
        let mut names = HashMap::new();
        let body = "pay $40 at irs-refund.example/pay or write me@card.example. thank you";
        name_terms("hello", body, &|_| true, &mut names);
        let mut words: Vec<String> = names.into_values().collect();
        words.sort();
        let expected = [
            "#",
            "# at",
            "at",
            "hello",
            "or",
            "or write",
            "pay",
            "pay #",
            "thank",
            "thank you",
            "write",
            "you",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn known_terms_are_found_once() {
        let vocabulary = Vocabulary::new(["kindly", "gift card", "card"].into_iter()).expect("vocabulary");
        assert_eq!(vocabulary.find("gift card", "a gift card kindly"), [0, 1, 2]);
        assert_eq!(terms("gift", "card").len(), 2);
        assert!(Vocabulary::new(["a", "a"].into_iter()).is_err());
    }

    #[test]
    fn long_text_is_read_to_a_bound() {
        let text = "é".repeat(MAX_BYTES);
        assert_eq!(terms("", &text).len(), 1);
    }
}
