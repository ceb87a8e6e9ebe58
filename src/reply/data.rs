//! The data of replies, checked when it is loaded.

use std::collections::HashMap;

use serde::Deserialize;
use toml::Spanned;

use super::paid::Paid;
use super::{Replies, Words};
use crate::guidance::Guidance;
use crate::sources::{DataError, Sources};

/// `frame.toml`: the fixed words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Frame {
    pub(super) subject: Words,
    pub(super) verdict: HashMap<String, Words>,
    pub(super) heading: Headings,
    pub(super) words: FixedWords,
}

/// Headings of the sections.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Headings {
    pub(super) first: Words,
    pub(super) now: Words,
    pub(super) why: Words,
    pub(super) check: Words,
    pub(super) report: Words,
    pub(super) real: Words,
    pub(super) more: Words,
    pub(super) sources: Words,
}

/// Sentences that are the same in every reply.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FixedWords {
    pub(super) ask: Words,
    pub(super) fault: Words,
    pub(super) limits: Words,
    pub(super) link: Words,
    pub(super) checked: Words,
    pub(super) more: Words,
}

/// One reason: what was seen, and the facts that may answer it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    #[serde(rename = "for")]
    pub(super) markers: Vec<String>,
    pub(super) rank: u8,
    pub(super) seen: Words,
    pub(super) facts: Vec<Candidate>,
}

/// A fact, and the names that must all hold for it, joined by `+`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Candidate {
    #[serde(rename = "if")]
    pub(super) when: Option<String>,
    pub(super) id: String,
}

/// One thing to do now.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Action {
    #[serde(default)]
    pub(super) when: Vec<String>,
    #[serde(default)]
    pub(super) unless: Vec<String>,
    pub(super) say: Words,
}

/// A fact to cite when conditions hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cite {
    #[serde(default)]
    pub(super) when: Vec<String>,
    #[serde(default)]
    pub(super) unless: Vec<String>,
    pub(super) fact: String,
}

/// `notice.toml`: facts of the answer to a notice.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notice {
    pub(super) about: HashMap<String, String>,
    pub(super) check: Vec<String>,
    pub(super) real: Vec<String>,
    pub(super) real_other: Vec<String>,
    pub(super) help: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reasons {
    reason: Vec<Spanned<Reason>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Actions {
    action: Vec<Action>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checks {
    check: Vec<Spanned<Cite>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reports {
    report: Vec<Spanned<Cite>>,
}

/// Reads all files of `data/replies`.
pub(super) fn load(sources: &Sources, guidance: &Guidance) -> Result<Replies, DataError> {
    let check = Check { guidance };
    let frame: Frame = read(sources, "data/replies/frame.toml")?.0;
    for label in ["scam", "suspicious", "no-signs"] {
        if !frame.verdict.contains_key(label) {
            return Err(DataError::file("data/replies/frame.toml", format!("expected [verdict.{label}]")));
        }
    }
    let actions: Actions = read(sources, "data/replies/actions.toml")?.0;
    let notice: Notice = read(sources, "data/replies/notice.toml")?.0;
    let named = notice.about.values().chain(&notice.check).chain(&notice.real).chain(&notice.real_other);
    for id in named.chain([&notice.help]) {
        check.fact(id).map_err(|what| DataError::file("data/replies/notice.toml", what))?;
    }
    Ok(Replies {
        frame,
        reasons: check.reasons(sources)?,
        actions: actions.action,
        checks: check.cites::<Checks>(sources, "data/replies/checks.toml", |c| c.check)?,
        reports: check.cites::<Reports>(sources, "data/replies/reports.toml", |r| r.report)?,
        notice,
        paid: Paid::load(sources, guidance)?,
        inbox: super::inbox::load(sources)?,
    })
}

/// Reads one file; the second value is its text.
pub(super) fn read<'a, T: for<'de> Deserialize<'de>>(
    sources: &'a Sources,
    name: &str,
) -> Result<(T, &'a str), DataError> {
    let text = sources.text(name)?;
    let parsed = toml::from_str(text).map_err(|e| DataError::toml(name, text, &e))?;
    Ok((parsed, text))
}

struct Check<'a> {
    guidance: &'a Guidance,
}

impl Check<'_> {
    fn fact(&self, id: &str) -> Result<(), String> {
        match self.guidance.fact(id) {
            Some(fact) if fact.citable => Ok(()),
            Some(_) => Err(format!("fact `{id}` may not be cited")),
            None => Err(format!("unknown fact `{id}`")),
        }
    }

    fn reasons(&self, sources: &Sources) -> Result<Vec<Reason>, DataError> {
        let name = "data/replies/reasons.toml";
        let (file, text): (Reasons, _) = read(sources, name)?;
        let mut reasons = Vec::new();
        for reason in file.reason {
            let offset = reason.span().start;
            let reason = reason.into_inner();
            for candidate in &reason.facts {
                self.fact(&candidate.id).map_err(|what| DataError::at(name, text, offset, what))?;
            }
            reasons.push(reason);
        }
        Ok(reasons)
    }

    fn cites<T: for<'de> Deserialize<'de>>(
        &self,
        sources: &Sources,
        name: &str,
        list: impl Fn(T) -> Vec<Spanned<Cite>>,
    ) -> Result<Vec<Cite>, DataError> {
        let (file, text): (T, _) = read(sources, name)?;
        let mut cites = Vec::new();
        for cite in list(file) {
            let offset = cite.span().start;
            let cite = cite.into_inner();
            self.fact(&cite.fact).map_err(|what| DataError::at(name, text, offset, what))?;
            cites.push(cite);
        }
        Ok(cites)
    }
}
