//! What the person's own note says they already did: the urgent step goes before everything else.

use std::sync::OnceLock;

use regex::Regex;
use serde::Deserialize;

use crate::guidance::Guidance;
use crate::sources::{DataError, Sources};

const FILE: &str = "data/replies/paid.toml";

/// Bytes of a note looked at.
const REACH: usize = 8 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    paid: Vec<Entry>,
    never: Never,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fact: String,
    any: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Never {
    any: Vec<String>,
}

/// The patterns; compiled when the first note comes, because most messages have none.
#[derive(Debug)]
pub(super) struct Paid {
    file: File,
    compiled: OnceLock<Compiled>,
}

#[derive(Debug, Default)]
struct Compiled {
    entries: Vec<(String, Vec<Regex>)>,
    never: Vec<Regex>,
}

impl Paid {
    pub(super) fn load(sources: &Sources, guidance: &Guidance) -> Result<Self, DataError> {
        let (file, _): (File, _) = super::data::read(sources, FILE)?;
        for entry in &file.paid {
            if guidance.fact(&entry.fact).is_none_or(|f| !f.citable) {
                return Err(DataError::file(FILE, format!("`{}` is no citable fact", entry.fact)));
            }
        }
        if !sources.built_in {
            compiled(&file)?;
        }
        Ok(Self { file, compiled: OnceLock::new() })
    }

    /// Ids of the urgent steps that the note calls for, most specific first; at most two.
    pub(super) fn steps(&self, note: &str) -> Vec<&str> {
        if note.is_empty() {
            return Vec::new();
        }
        let end = note.floor_char_boundary(REACH);
        let folded = crate::text::fold_plain(&note[..end]);
        let Compiled { entries, never } =
            self.compiled.get_or_init(|| compiled(&self.file).unwrap_or_default());
        let mut steps: Vec<&str> = Vec::new();
        for sentence in folded.split(['.', '!', '?', '\n', ';']) {
            if never.iter().any(|n| n.is_match(sentence)) {
                continue;
            }
            let hits = entries.iter().filter(|(_, patterns)| patterns.iter().any(|p| p.is_match(sentence)));
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

fn compiled(file: &File) -> Result<Compiled, DataError> {
    let entries =
        file.paid.iter().map(|e| Ok((e.fact.clone(), compile(&e.any)?))).collect::<Result<_, DataError>>()?;
    Ok(Compiled { entries, never: compile(&file.never.any)? })
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
