//! A plan put into words: plain text, and the same as HTML.

use std::fmt::Write;

use super::data::Headings;
use super::plan::Plan;
use super::{Replies, Reply, Words};
use crate::guidance::{Fact, Guidance};
use crate::verdict::Label;

/// Characters of an answer by text.
const SHORT: usize = 300;

/// Words of a reply before its sources. Reasons are left out, the last first, until it fits.
const MAX_WORDS: usize = 180;

pub(super) struct Renderer<'a> {
    pub(super) replies: &'a Replies,
    pub(super) guidance: &'a Guidance,
    pub(super) spanish: bool,
}

/// One section: an optional heading, and lines that are sentences or list items.
struct Section {
    heading: Option<String>,
    lines: Vec<String>,
    list: bool,
}

impl Renderer<'_> {
    pub(super) fn reply(&self, plan: &Plan<'_>) -> Reply {
        let mut reasons = plan.reasons.len();
        let mut general = plan.general.len();
        let mut sections = self.sections(plan, reasons, general);
        while words(&sections) > MAX_WORDS && (general > 0 || reasons > 2) && !plan.reasons.is_empty() {
            if general > 0 && reasons >= 2 {
                general -= 1
            } else {
                reasons -= 1
            }
            sections = self.sections(plan, reasons, general);
        }
        let facts = cited(plan, reasons, general);
        let sources = self.sources(&facts);
        Reply {
            subject: self.say(&self.replies.frame.subject).to_owned(),
            text: text(&sections, &sources),
            html: html(&sections, &sources, if self.spanish { "es" } else { "en" }),
            facts,
        }
    }

    pub(super) fn short(&self, plan: &Plan<'_>) -> String {
        let frame = &self.replies.frame;
        let mut lines = vec![frame.verdict.get(plan.label.as_str()).map_or("", |w| self.say(w)).to_owned()];
        lines.extend(plan.first.iter().take(1).map(|id| self.fact_text(id)));
        lines.extend(plan.actions.iter().map(|n| self.say(&self.replies.actions[*n].say).to_owned()));
        lines.extend(plan.check.iter().map(|id| self.fact_text(id)));
        let mut out = String::new();
        for line in lines {
            if out.chars().count() + line.chars().count() < SHORT {
                out.push_str(if out.is_empty() { "" } else { " " });
                out.push_str(&line);
            }
        }
        out
    }

    fn sections(&self, plan: &Plan<'_>, reasons: usize, general: usize) -> Vec<Section> {
        let frame = &self.replies.frame;
        let heading = |pick: fn(&Headings) -> &Words| Some(self.say(pick(&frame.heading)).to_owned());
        let verdict = frame.verdict.get(plan.label.as_str()).map_or("", |w| self.say(w));
        let mut sections = vec![Section { heading: None, lines: vec![verdict.to_owned()], list: false }];
        let mut add = |heading: Option<String>, lines: Vec<String>, list: bool| {
            if !lines.is_empty() {
                sections.push(Section { heading, lines, list });
            }
        };
        let mut first: Vec<String> = plan.first.iter().map(|id| self.fact(id)).collect();
        if !first.is_empty() {
            first.push(self.say(&frame.words.fault).to_owned());
        }
        add(heading(|h| &h.first), first, false);
        let actions = plan.actions.iter().map(|n| self.say(&self.replies.actions[*n].say).to_owned());
        add(heading(|h| &h.now), actions.collect(), true);
        add(heading(|h| &h.why).filter(|_| !plan.actions.is_empty()), self.why(plan, reasons, general), true);
        let check: Vec<String> = plan.check.iter().map(|id| self.fact(id)).collect();
        add(heading(|h| &h.check), check, false);
        add(heading(|h| &h.real), plan.real.iter().map(|id| self.fact(id)).collect(), true);
        add(heading(|h| &h.report), plan.reports.iter().map(|id| self.fact(id)).collect(), true);
        let calm = plan.actions.is_empty() && plan.real.is_empty();
        add(
            heading(|h| &h.more),
            if calm { vec![self.say(&frame.words.more).to_owned()] } else { vec![] },
            false,
        );
        let ask = (plan.label != Label::NoSigns).then(|| self.say(&frame.words.ask).to_owned());
        add(None, ask.into_iter().chain([self.say(&frame.words.limits).to_owned()]).collect(), false);
        sections
    }

    /// Each reason: what was seen, then the fact that answers it.
    fn why(&self, plan: &Plan<'_>, reasons: usize, general: usize) -> Vec<String> {
        let mut lines: Vec<String> = plan
            .reasons
            .iter()
            .take(reasons)
            .map(|because| {
                let entry = &self.replies.reasons[because.seen];
                let mut seen = self.say(&entry.seen).to_owned();
                let about_links = entry.markers.iter().any(|m| m.starts_with("link."));
                if let Some(host) = plan.host.as_deref().filter(|_| about_links) {
                    seen = format!(
                        "{seen} {}",
                        self.say(&self.replies.frame.words.link).replace("{host}", host)
                    );
                }
                format!("{seen} {}", self.fact(because.fact))
            })
            .collect();
        lines.extend(plan.general.iter().take(general).map(|id| self.fact(id)));
        lines
    }

    /// A fact with its publisher.
    fn fact(&self, id: &str) -> String {
        let Some(fact) = self.guidance.fact(id) else { return String::new() };
        let publisher = self.guidance.source_of(fact).map_or("", |s| s.publisher.as_str());
        format!("{} ({publisher})", fact.say.text(self.spanish))
    }

    fn fact_text(&self, id: &str) -> String {
        self.guidance.fact(id).map_or_else(String::new, |f| f.say.text(self.spanish).to_owned())
    }

    fn say<'w>(&self, words: &'w Words) -> &'w str {
        words.text(self.spanish)
    }

    /// The sources of the facts, each once: publisher, title, month it was read.
    fn sources(&self, facts: &[String]) -> (String, Vec<String>) {
        let mut lines: Vec<String> = Vec::new();
        let found: Vec<&Fact> = facts.iter().filter_map(|id| self.guidance.fact(id)).collect();
        for source in found.into_iter().filter_map(|f| self.guidance.source_of(f)) {
            let seen = source.seen.date.map_or_else(String::new, |d| format!("{}-{:02}", d.year, d.month));
            let checked = self.say(&self.replies.frame.words.checked);
            let line = format!("{}: {} ({checked} {seen})", source.publisher, source.title);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        (self.say(&self.replies.frame.heading.sources).to_owned(), lines)
    }
}

fn cited(plan: &Plan<'_>, reasons: usize, general: usize) -> Vec<String> {
    let dropped: Vec<&str> = plan
        .reasons
        .iter()
        .skip(reasons)
        .map(|r| r.fact)
        .chain(plan.general.iter().skip(general).copied())
        .filter(|id| !plan.reasons.iter().take(reasons).any(|r| r.fact == *id) && !plan.check.contains(id))
        .collect();
    let mut facts: Vec<String> = Vec::new();
    for id in plan.cited().filter(|id| !dropped.contains(id)) {
        if !facts.iter().any(|f| f == id) {
            facts.push(id.to_owned());
        }
    }
    facts
}

fn words(sections: &[Section]) -> usize {
    let lines = sections.iter().flat_map(|s| s.heading.iter().chain(&s.lines));
    lines.flat_map(|l| l.split_whitespace()).filter(|w| w.chars().any(char::is_alphanumeric)).count()
}

fn text(sections: &[Section], (heading, sources): &(String, Vec<String>)) -> String {
    let mut out = String::new();
    for section in sections {
        if let Some(heading) = &section.heading {
            let _ = writeln!(out, "{heading}:");
        }
        for line in &section.lines {
            let _ = writeln!(out, "{}{line}", if section.list { "- " } else { "" });
        }
        out.push('\n');
    }
    if !sources.is_empty() {
        let _ = writeln!(out, "{heading}: {}", sources.join("; "));
    }
    out
}

fn html(sections: &[Section], (heading, sources): &(String, Vec<String>), lang: &str) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\"><title></title></head><body>\n"
    );
    for section in sections {
        if let Some(heading) = &section.heading {
            let _ = writeln!(out, "<p><strong>{}</strong></p>", escape(heading));
        }
        if section.list {
            let items: String = section.lines.iter().map(|l| format!("<li>{}</li>", escape(l))).collect();
            let _ = writeln!(out, "<ul>{items}</ul>");
        } else {
            section.lines.iter().for_each(|l| {
                let _ = writeln!(out, "<p>{}</p>", escape(l));
            });
        }
    }
    if !sources.is_empty() {
        let _ = writeln!(out, "<p><small>{}: {}</small></p>", escape(heading), escape(&sources.join("; ")));
    }
    out.push_str("</body></html>\n");
    out
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
