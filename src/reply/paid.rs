//! What the person's own note says they already did: the urgent step goes before everything else.

use regex::Regex;
use serde::Deserialize;

use crate::guidance::Guidance;
use crate::sources::{DataError, Sources};

const FILE: &str = "data/replies/paid.toml";

/// Bytes of a note looked at.
const REACH: usize = 8 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    paid: Vec<Entry>,
    never: Never,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fact: String,
    any: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Never {
    any: Vec<String>,
}

/// The patterns, compiled.
#[derive(Debug)]
pub(super) struct Paid {
    entries: Vec<(String, Vec<Regex>)>,
    never: Vec<Regex>,
}

impl Paid {
    pub(super) fn load(sources: &Sources, guidance: &Guidance) -> Result<Self, DataError> {
        let (file, _): (File, _) = super::data::read(sources, FILE)?;
        let mut entries = Vec::new();
        for entry in file.paid {
            if guidance.fact(&entry.fact).is_none_or(|f| !f.citable) {
                return Err(DataError::file(FILE, format!("`{}` is no citable fact", entry.fact)));
            }
            entries.push((entry.fact, compile(&entry.any)?));
        }
        Ok(Self { entries, never: compile(&file.never.any)? })
    }

    /// Ids of the urgent steps that the note calls for, most specific first; at most two.
    pub(super) fn steps(&self, note: &str) -> Vec<&str> {
        if note.is_empty() {
            return Vec::new();
        }
        let end = note.floor_char_boundary(REACH);
        let folded = crate::text::fold_plain(&note[..end]);
        let mut steps: Vec<&str> = Vec::new();
        for sentence in folded.split(['.', '!', '?', '\n', ';']) {
            if self.never.iter().any(|n| n.is_match(sentence)) {
                continue;
            }
            let hits =
                self.entries.iter().filter(|(_, patterns)| patterns.iter().any(|p| p.is_match(sentence)));
            for (fact, _) in hits.take(1) {
                if !steps.contains(&fact.as_str()) {
                    steps.push(fact);
                }
            }
        }
        steps.truncate(2);
        steps
    }
}

fn compile(patterns: &[String]) -> Result<Vec<Regex>, DataError> {
    let one = |p: &String| Regex::new(p).map_err(|e| DataError::file(FILE, format!("pattern `{p}`: {e}")));
    patterns.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes() {
        let sources = Sources::embedded();
        let guidance = Guidance::load(&sources).expect("guidance");
        let paid = Paid::load(&sources, &guidance).expect("paid");
        for (note, expected) in [
            ("is this real? I already bought the gift cards", &["recover.gift-card"][..]),
            ("My mom sent them $500 in gift cards yesterday.", &["recover.gift-card"]),
            ("I gave them my social security number", &["recover.ssn"]),
            ("I paid. Then I gave him the code they texted", &["recover.first", "recover.code"]),
            ("I let him into my computer", &["recover.remote"]),
            ("Ya pagué, ¿qué hago?", &["recover.first"]),
            ("le di mi número de seguro social", &["recover.ssn"]),
            ("I have not paid anything", &[]),
            ("They told me to buy gift cards, should I?", &[]),
            ("I didn't click. Is it a scam?", &[]),
            ("No pagué nada todavía", &[]),
            ("fyi", &[]),
        ] {
            assert_eq!(paid.steps(note), expected, "{note}");
        }
    }
}
