//! What a reply says, before it is put into words of a language.

use super::data::Cite;
use super::{Replies, ReplyInput};
use crate::guidance::Guidance;
use crate::message::Channel;
use crate::verdict::Label;

/// Reasons given at most and at least.
const REASONS: std::ops::RangeInclusive<usize> = 2..=4;

/// Things to do, at most.
const ACTIONS: usize = 3;

/// Places to report to, at most.
const REPORTS: usize = 2;

/// Facts that hold for any suspicious message, for when too little else can be said.
const GENERAL: &[&str] = &["any.id.from-name", "any.phish.signin", "any.id.caller-id"];

/// A reason: number of its entry in the data, and the fact that answers it.
#[derive(Debug)]
pub(super) struct Because<'a> {
    pub(super) seen: usize,
    pub(super) fact: &'a str,
}

/// Everything a reply says, in order.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) label: Label,
    /// Urgent steps for somebody who paid or shared.
    pub(super) first: Vec<&'a str>,
    /// Numbers of actions.
    pub(super) actions: Vec<usize>,
    pub(super) reasons: Vec<Because<'a>>,
    /// General facts added to give a reason its weight.
    pub(super) general: Vec<&'a str>,
    pub(super) check: Vec<&'a str>,
    /// What to do if a notice is real.
    pub(super) real: Vec<&'a str>,
    pub(super) reports: Vec<&'a str>,
    pub(super) host: Option<String>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(replies: &'a Replies, guidance: &'a Guidance, input: &ReplyInput<'a>) -> Self {
        let first = replies.paid.steps(input.note);
        let facts = Situation::new(input, !first.is_empty());
        let mut plan = Self {
            label: input.label,
            first,
            actions: Vec::new(),
            reasons: Vec::new(),
            general: Vec::new(),
            check: Vec::new(),
            real: Vec::new(),
            reports: Vec::new(),
            host: input.link_host.and_then(defanged),
        };
        if input.label == Label::NoSigns {
            plan.calm(replies, input, &facts);
        } else {
            plan.warn(replies, &facts);
        }
        debug_assert!(plan.cited().all(|id| guidance.fact(id).is_some()));
        plan
    }

    fn warn(&mut self, replies: &'a Replies, facts: &Situation<'a>) {
        let actions = replies.actions.iter().enumerate();
        self.actions =
            actions.filter(|(_, a)| facts.allow(&a.when, &a.unless)).map(|(n, _)| n).take(ACTIONS).collect();
        self.check = first(&replies.checks, facts, 1);
        self.reasons = reasons(replies, facts);
        // A fact stands once: as the safe check, unless too few reasons would be left.
        let others = self.reasons.iter().filter(|r| !self.check.contains(&r.fact)).count();
        if others >= *REASONS.start() {
            let check = self.check.clone();
            self.reasons.retain(|r| !check.contains(&r.fact));
        }
        let known = |id: &str, plan: &Self| plan.cited().any(|cited| cited == id);
        for id in GENERAL {
            if self.reasons.len() + self.general.len() < *REASONS.start() + 1 && !known(id, self) {
                self.general.push(id);
            }
        }
        if facts.holds("irs")
            && !self.reasons.iter().any(|r| r.fact == "irs.contact.headline")
            && facts.input.channel != Channel::Voicemail
            && self.reasons.len() < *REASONS.end()
        {
            self.general.push("irs.contact.headline");
        }
        self.reports = first(&replies.reports, facts, REPORTS);
    }

    /// No signs were found: how to be sure, and for a notice what to do if it is real.
    fn calm(&mut self, replies: &'a Replies, input: &ReplyInput<'a>, facts: &Situation<'a>) {
        if input.bulletin {
            self.general.push("irs.contact.bulletins");
        }
        match input.notice.filter(|_| !facts.holds("abroad")) {
            Some(notice) => {
                let cp14 = notice.eq_ignore_ascii_case("CP14");
                let about = replies.notice.about.get(if cp14 { "cp14" } else { "other" });
                self.general.extend(about.map(String::as_str));
                self.check = replies.notice.check.iter().map(String::as_str).collect();
                let real = if cp14 { &replies.notice.real } else { &replies.notice.real_other };
                self.real = real.iter().map(String::as_str).collect();
            }
            None => self.check = first(&replies.checks, facts, 1),
        }
        if !self.first.is_empty() {
            self.reports = first(&replies.reports, facts, REPORTS);
        }
    }

    /// Every fact, in the order of the reply.
    pub(super) fn cited(&self) -> impl Iterator<Item = &'a str> + '_ {
        let reasons = self.reasons.iter().map(|r| r.fact);
        let before = self.first.iter().copied().chain(reasons).chain(self.general.iter().copied());
        before
            .chain(self.check.iter().copied())
            .chain(self.real.iter().copied())
            .chain(self.reports.iter().copied())
    }
}

/// The first cites whose conditions hold.
fn first<'a>(cites: &'a [Cite], facts: &Situation<'_>, count: usize) -> Vec<&'a str> {
    cites.iter().filter(|c| facts.allow(&c.when, &c.unless)).map(|c| c.fact.as_str()).take(count).collect()
}

/// The most telling reasons, no fact and no entry twice.
fn reasons<'a>(replies: &'a Replies, facts: &Situation<'a>) -> Vec<Because<'a>> {
    let mut found: Vec<(u8, usize, Because<'a>)> = Vec::new();
    for (order, marker) in facts.names().enumerate() {
        let entry = replies.reasons.iter().position(|r| r.markers.iter().any(|m| matches(m, marker)));
        let Some(seen) = entry.filter(|e| !found.iter().any(|(_, _, b)| b.seen == *e)) else { continue };
        let reason = &replies.reasons[seen];
        let fact = reason
            .facts
            .iter()
            .find(|c| c.when.as_deref().is_none_or(|w| w.split('+').all(|name| facts.holds(name))));
        if let Some(fact) = fact {
            found.push((reason.rank, order, Because { seen, fact: &fact.id }));
        }
    }
    found.sort_by_key(|(rank, order, _)| (*rank, *order));
    let mut reasons: Vec<Because<'a>> = Vec::new();
    for (_, _, because) in found {
        if reasons.len() < *REASONS.end() && !reasons.iter().any(|r| r.fact == because.fact) {
            reasons.push(because);
        }
    }
    reasons
}

fn matches(pattern: &str, marker: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(family) => marker.strip_prefix(family).is_some_and(|rest| rest.starts_with('.')),
        None => pattern == marker,
    }
}

/// What holds of a message, as the data asks for it.
struct Situation<'a> {
    input: ReplyInput<'a>,
    extra: Vec<&'static str>,
}

impl<'a> Situation<'a> {
    fn new(input: &ReplyInput<'a>, paid: bool) -> Self {
        let claims = |id: &str| input.claims.contains(&id);
        let mut extra = vec![match input.channel {
            Channel::Email => "channel.email",
            Channel::Text => "channel.text",
            Channel::Voicemail => "channel.voicemail",
        }];
        let abroad = input.country.is_some_and(|c| !matches!(c, "us" | "int" | ""));
        let public = [
            "tax-agency",
            "ssa",
            "medicare",
            "government",
            "state-tax",
            "police-court",
            "immigration-customs",
            "dmv",
            "toll",
        ];
        let holds = [
            ("irs", claims("claims.tax-agency") && !abroad),
            ("abroad", abroad),
            ("uk", input.country == Some("uk") && claims("claims.tax-agency")),
            (
                "public",
                !abroad
                    && public
                        .iter()
                        .any(|kind| input.claims.iter().any(|c| c.strip_prefix("claims.") == Some(kind))),
            ),
            ("paid", paid),
            ("notice.cp14", input.notice.is_some_and(|n| n.eq_ignore_ascii_case("CP14"))),
        ];
        extra.extend(holds.iter().filter(|(_, yes)| *yes).map(|(name, _)| *name));
        Self { input: *input, extra }
    }

    /// Markers first, then claims that no marker repeats.
    fn names(&self) -> impl Iterator<Item = &'a str> + '_ {
        let markers = self.input.markers;
        markers.iter().copied().chain(self.input.claims.iter().copied().filter(move |c| !markers.contains(c)))
    }

    fn holds(&self, name: &str) -> bool {
        self.extra.contains(&name) || self.names().any(|marker| matches(name, marker))
    }

    fn allow(&self, when: &[String], unless: &[String]) -> bool {
        (when.is_empty() || when.iter().any(|w| self.holds(w))) && !unless.iter().any(|u| self.holds(u))
    }
}

/// A host broken up so that no mail program makes a link of it; nothing but letters, digits, dots and hyphens.
fn defanged(host: &str) -> Option<String> {
    let clean = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
    (clean && host.len() <= 60 && host.bytes().filter(u8::is_ascii_digit).count() < 7)
        .then(|| host.replace('.', "[.]"))
}

#[cfg(test)]
mod tests {
    use super::defanged;

    #[test]
    fn hosts_are_broken_up_or_left_out() {
        assert_eq!(defanged("irs-gov.refund.top").as_deref(), Some("irs-gov[.]refund[.]top"));
        for none in [
            "",
            "a b.example",
            "<x>.example",
            "é.example",
            "x\r\n.example",
            "1234567.example",
            &"a".repeat(80),
        ] {
            assert_eq!(defanged(none), None, "{none}");
        }
    }
}
