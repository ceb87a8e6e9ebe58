//! Citable facts from official bodies, `data/guidance.toml`. A reply can state nothing that is not here.

use std::collections::HashMap;

use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use crate::sources::{DataError, Sources};

const FILE: &str = "data/guidance.toml";

/// How a fact or source was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Confidence {
    /// On the official body's own page.
    O,
    /// As a reprint or report.
    S,
    /// From memory only; never cited.
    M,
}

/// Where a fact comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Key that facts name.
    pub key: String,
    /// Body that published it, as shown in replies.
    pub publisher: String,
    /// Title as found.
    pub title: String,
    /// Address.
    pub url: String,
    /// Day it was read.
    pub seen: Datetime,
    /// How it was seen.
    pub confidence: Confidence,
}

/// A sentence or two in two languages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// English.
    pub en: String,
    /// Spanish.
    pub es: String,
}

impl Say {
    /// The text in the language asked for.
    pub fn text(&self, spanish: bool) -> &str {
        if spanish { &self.es } else { &self.en }
    }
}

/// One fact.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// Stable id.
    pub id: String,
    /// The words a reply may use.
    pub say: Say,
    /// Keys of its sources, the best first.
    pub source: Vec<String>,
    /// How it was seen.
    pub confidence: Confidence,
    /// Whether a reply may cite it; never for confidence M.
    #[serde(default = "yes")]
    pub citable: bool,
    /// It changes often.
    #[serde(default)]
    pub volatile: bool,
    /// Day by which it must be read again.
    pub review_by: Datetime,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    source: Vec<Spanned<Source>>,
    fact: Vec<Spanned<Fact>>,
}

/// All facts and sources.
#[derive(Clone, Debug)]
pub struct Guidance {
    facts: Vec<Fact>,
    by_id: HashMap<String, usize>,
    sources: HashMap<String, Source>,
}

impl Guidance {
    /// Reads `data/guidance.toml`.
    ///
    /// # Errors
    /// Names the line of an unknown key, a repeated id, an unknown source, an empty sentence, a citable fact of confidence
    /// M, a review date before the day it was seen.
    pub fn load(sources: &Sources) -> Result<Self, DataError> {
        let text = sources.text(FILE)?;
        let file: File = toml::from_str(text).map_err(|e| DataError::toml(FILE, text, &e))?;
        let mut guidance = Self { facts: Vec::new(), by_id: HashMap::new(), sources: HashMap::new() };
        for source in file.source {
            let offset = source.span().start;
            let source = source.into_inner();
            if guidance.sources.contains_key(&source.key) {
                return Err(DataError::at(
                    FILE,
                    text,
                    offset,
                    format!("source `{}` is defined twice", source.key),
                ));
            }
            guidance.sources.insert(source.key.clone(), source);
        }
        for fact in file.fact {
            let offset = fact.span().start;
            guidance.add(fact.into_inner()).map_err(|what| DataError::at(FILE, text, offset, what))?;
        }
        Ok(guidance)
    }

    fn add(&mut self, fact: Fact) -> Result<(), String> {
        let id = &fact.id;
        if self.by_id.contains_key(id) {
            return Err(format!("fact `{id}` is defined twice"));
        }
        if fact.confidence == Confidence::M && fact.citable {
            return Err(format!("fact `{id}` is from memory (M): expected citable = false"));
        }
        if fact.say.en.trim().is_empty() || fact.say.es.trim().is_empty() {
            return Err(format!("fact `{id}`: expected say.en and say.es"));
        }
        let mut known = Vec::new();
        for key in &fact.source {
            known.push(
                self.sources
                    .get(key)
                    .ok_or_else(|| format!("fact `{id}` names the unknown source `{key}`"))?,
            );
        }
        let seen = known
            .iter()
            .map(|s| s.seen)
            .max_by_key(day)
            .ok_or_else(|| format!("fact `{id}` has no source"))?;
        if day(&fact.review_by) <= day(&seen) {
            return Err(format!(
                "fact `{id}`: review_by {} is not after the day it was seen, {seen}",
                fact.review_by
            ));
        }
        self.by_id.insert(id.clone(), self.facts.len());
        self.facts.push(fact);
        Ok(())
    }

    /// A fact by id.
    pub fn fact(&self, id: &str) -> Option<&Fact> {
        self.by_id.get(id).map(|at| &self.facts[*at])
    }

    /// All facts, in the order of the file.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The best source of a fact. Invariant: loading refuses a fact without a known source.
    pub fn source_of(&self, fact: &Fact) -> Option<&Source> {
        fact.source.first().and_then(|key| self.sources.get(key))
    }

    /// Facts whose review date has passed on `today` (year, month, day), as messages.
    pub fn overdue(&self, today: (i32, u8, u8)) -> Vec<String> {
        let late = |fact: &&Fact| day(&fact.review_by) < Some((today.0 as u16, today.1, today.2));
        let words =
            |fact: &Fact| format!("{FILE}: fact `{}` was to be read again by {}", fact.id, fact.review_by);
        self.facts.iter().filter(late).map(words).collect()
    }
}

fn day(date: &Datetime) -> Option<(u16, u8, u8)> {
    date.date.map(|d| (d.year, d.month, d.day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(from: &str, to: &str) -> Result<Guidance, DataError> {
        let mut sources = Sources::embedded();
        let file = sources.files.iter_mut().find(|f| f.name == FILE).expect("file");
        assert!(file.text.contains(from), "{from}");
        file.text = file.text.replacen(from, to, 1);
        Guidance::load(&sources)
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, expected) in [
            ("confidence = \"O\"\nreview_by", "confidence = \"M\"\nreview_by", "from memory"),
            ("source = [\"irs-know\"", "source = [\"nobody\"", "unknown source"),
            ("review_by = 2027-11-01", "review_by = 2020-01-01", "not after the day"),
            ("volatile = true", "volatil = true", "unknown field"),
        ] {
            let error = load(from, to).expect_err(expected).to_string();
            assert!(error.starts_with("data/guidance.toml:") && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn review_dates_come_due() {
        let guidance = Guidance::load(&Sources::embedded()).expect("loads");
        assert!(guidance.overdue((2026, 11, 24)).is_empty());
        assert!(guidance.overdue((2027, 3, 1)).len() >= 5);
    }
}
