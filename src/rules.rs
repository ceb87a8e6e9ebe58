//! Hard rules: narrow pairs of evidence that no honest message shows, from `data/rules.toml`.
//!
//! A rule states what the message demands while claiming to be somebody who does not demand that, through a channel that
//! body does not use. It never fires on a topic. It forces a label at least; the score stays what the model says.

use serde::Deserialize;
use toml::Spanned;

use crate::evidence::{Catalogue, FAMILIES, Findings};
use crate::message::{Channel, Message};
use crate::sources::DataError;
use crate::verdict::Label;

/// A rule of `data/rules.toml`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Stable id.
    pub id: String,
    /// What it means, in words.
    pub title: String,
    /// The label it forces at least.
    pub floor: Label,
    /// Facts that it cites.
    pub cites: Vec<String>,
    all: Vec<Term>,
    any: Vec<Term>,
    none: Vec<Term>,
    at_least: Option<(usize, Vec<Term>)>,
}

/// A rule that fired.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct RuleHit {
    /// Id of the rule.
    pub id: String,
    /// What it means, in words.
    pub title: String,
    /// The label it forces at least.
    pub floor: Label,
    /// Facts that it cites.
    pub cites: Vec<String>,
}

/// One condition: a marker, a whole family (`payment.*`), or a channel.
#[derive(Clone, Debug, PartialEq)]
enum Term {
    Marker(String),
    Family(String),
    Channel(Channel),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    rule: Vec<Spanned<RuleEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    id: String,
    title: String,
    #[serde(default)]
    all: Vec<String>,
    #[serde(default)]
    any: Vec<String>,
    #[serde(default)]
    none: Vec<String>,
    at_least: Option<AtLeast>,
    floor: Label,
    cites: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AtLeast {
    count: usize,
    of: Vec<String>,
}

/// All rules.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    /// Reads the rules.
    ///
    /// # Errors
    /// Names the line of an unknown key or marker, a rule without two conditions, or a floor of `no-signs`.
    pub fn load(name: &str, text: &str, catalogue: &Catalogue) -> Result<Self, DataError> {
        let parsed: RuleFile = toml::from_str(text).map_err(|e| DataError::toml(name, text, &e))?;
        let mut rules: Vec<Rule> = Vec::new();
        for entry in parsed.rule {
            let offset = entry.span().start;
            let fail = |what: String| DataError::at(name, text, offset, what);
            let rule = rule(entry.into_inner(), catalogue).map_err(fail)?;
            if rules.iter().any(|r| r.id == rule.id) {
                return Err(fail(format!("rule `{}` is defined twice", rule.id)));
            }
            rules.push(rule);
        }
        Ok(Self { rules })
    }

    /// The rules that fire, in the order of the file.
    pub fn apply(&self, catalogue: &Catalogue, message: &Message, findings: &Findings) -> Vec<RuleHit> {
        let seen = Seen {
            ids: findings.asserted().map(|ix| catalogue.marker(ix).id.as_str()).collect(),
            channel: message.channel,
        };
        let fired = self.rules.iter().filter(|rule| seen.satisfy(rule));
        fired
            .map(|r| RuleHit {
                id: r.id.clone(),
                title: r.title.clone(),
                floor: r.floor,
                cites: r.cites.clone(),
            })
            .collect()
    }

    /// All rules.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }
}

/// What a message shows, as rules ask for it.
struct Seen<'a> {
    ids: Vec<&'a str>,
    channel: Channel,
}

impl Seen<'_> {
    fn satisfy(&self, rule: &Rule) -> bool {
        rule.all.iter().all(|t| self.holds(t))
            && (rule.any.is_empty() || rule.any.iter().any(|t| self.holds(t)))
            && !rule.none.iter().any(|t| self.holds(t))
            && rule.at_least.as_ref().is_none_or(|(n, of)| of.iter().filter(|t| self.holds(t)).count() >= *n)
    }

    fn holds(&self, term: &Term) -> bool {
        match term {
            Term::Marker(id) => self.ids.contains(&id.as_str()),
            Term::Family(family) => self
                .ids
                .iter()
                .any(|id| id.strip_prefix(family.as_str()).is_some_and(|rest| rest.starts_with('.'))),
            Term::Channel(channel) => self.channel == *channel,
        }
    }
}

fn rule(entry: RuleEntry, catalogue: &Catalogue) -> Result<Rule, String> {
    let terms = |names: &[String]| names.iter().map(|n| term(n, catalogue)).collect::<Result<Vec<_>, _>>();
    let at_least = match &entry.at_least {
        Some(at_least) => Some((at_least.count, terms(&at_least.of)?)),
        None => None,
    };
    let positive = entry.all.len()
        + usize::from(!entry.any.is_empty())
        + at_least.as_ref().map_or(0, |(count, _)| *count);
    if positive < 2 {
        return Err(format!(
            "rule `{}`: expected at least two conditions; a rule never fires on one sign",
            entry.id
        ));
    }
    if entry.floor == Label::NoSigns {
        return Err(format!("rule `{}`: expected floor \"suspicious\" or \"scam\"", entry.id));
    }
    Ok(Rule {
        all: terms(&entry.all)?,
        any: terms(&entry.any)?,
        none: terms(&entry.none)?,
        at_least,
        id: entry.id,
        title: entry.title,
        floor: entry.floor,
        cites: entry.cites,
    })
}

fn term(name: &str, catalogue: &Catalogue) -> Result<Term, String> {
    if let Some(family) = name.strip_suffix(".*") {
        let known = FAMILIES.contains(&family);
        return known
            .then(|| Term::Family(family.to_owned()))
            .ok_or_else(|| format!("unknown family in `{name}`"));
    }
    match name {
        "channel.email" => Ok(Term::Channel(Channel::Email)),
        "channel.text" => Ok(Term::Channel(Channel::Text)),
        "channel.voicemail" => Ok(Term::Channel(Channel::Voicemail)),
        _ if catalogue.ix(name).is_some() => Ok(Term::Marker(name.to_owned())),
        _ => Err(format!("unknown marker `{name}`; `bypost markers` lists the known ones")),
    }
}
