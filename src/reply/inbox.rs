//! Answers of the inbox that are not about one message: how to forward, erased, not checked, and several verdicts in one.

use std::fmt::Write;

use serde::Deserialize;

use super::{Replies, Reply, Words};
use crate::sources::{DataError, Sources};

/// An answer without a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// There was nothing to judge: how to forward.
    Help,
    /// The sender's messages were erased.
    Erased,
    /// The message could not be checked.
    Unchecked,
}

/// `inbox.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inbox {
    help: Lines,
    erased: Lines,
    unchecked: Lines,
    several: Several,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    text: Paragraphs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Paragraphs {
    en: Vec<String>,
    es: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Several {
    first: Words,
    more: Words,
    title: Words,
}

/// Reads `data/replies/inbox.toml`.
pub(super) fn load(sources: &Sources) -> Result<Inbox, DataError> {
    super::data::read(sources, "data/replies/inbox.toml").map(|(inbox, _)| inbox)
}

impl Replies {
    /// An answer without a verdict.
    pub fn notice(&self, notice: Notice, spanish: bool) -> Reply {
        let lines = match notice {
            Notice::Help => &self.inbox.help,
            Notice::Erased => &self.inbox.erased,
            Notice::Unchecked => &self.inbox.unchecked,
        };
        let lines = if spanish { &lines.text.es } else { &lines.text.en };
        let mut page = Page::new(self.subject(spanish), spanish);
        lines.iter().for_each(|line| page.paragraph(line));
        page.reply()
    }

    /// Several answers in one, in order; `total` messages came, of which these were judged.
    pub fn several(&self, replies: &[Reply], total: usize, spanish: bool) -> Reply {
        let words = &self.inbox.several;
        let fill = |words: &Words, number: usize| {
            let text = words.text(spanish).replace("{total}", &total.to_string());
            text.replace("{checked}", &replies.len().to_string()).replace("{number}", &number.to_string())
        };
        let mut page = Page::new(self.subject(spanish), spanish);
        page.paragraph(&fill(&words.first, 0));
        if total > replies.len() {
            page.paragraph(&fill(&words.more, 0));
        }
        for (number, reply) in replies.iter().enumerate() {
            page.part(&fill(&words.title, number + 1), reply);
        }
        page.reply()
    }

    fn subject(&self, spanish: bool) -> &str {
        self.frame.subject.text(spanish)
    }
}

/// An answer in the making, as text and as HTML.
struct Page {
    reply: Reply,
}

impl Page {
    fn new(subject: &str, spanish: bool) -> Self {
        let lang = if spanish { "es" } else { "en" };
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\"><title></title></head><body>\n"
        );
        Self { reply: Reply { subject: subject.to_owned(), text: String::new(), html, facts: Vec::new() } }
    }

    fn paragraph(&mut self, line: &str) {
        let _ = write!(self.reply.text, "{line}\n\n");
        let _ = writeln!(self.reply.html, "<p>{}</p>", super::render::escape(line));
    }

    fn part(&mut self, title: &str, part: &Reply) {
        let _ = write!(self.reply.text, "== {title} ==\n\n{}\n\n", part.text.trim_end());
        let _ = writeln!(self.reply.html, "<h2>{}</h2>\n{}", super::render::escape(title), body(&part.html));
        for fact in &part.facts {
            if !self.reply.facts.contains(fact) {
                self.reply.facts.push(fact.clone());
            }
        }
    }

    fn reply(mut self) -> Reply {
        self.reply.html.push_str("</body></html>\n");
        self.reply
    }
}

/// What stands in the body of a document of ours.
fn body(html: &str) -> &str {
    let inner = html.split_once("<body>").map_or(html, |(_, rest)| rest);
    inner.split_once("</body>").map_or(inner, |(body, _)| body).trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guidance::Guidance;

    fn replies() -> Replies {
        let sources = Sources::embedded();
        Replies::load(&sources, &Guidance::load(&sources).expect("guidance")).expect("replies")
    }

    #[test]
    fn notices_speak_both_languages_and_never_say_safe_to_act() {
        let replies = replies();
        for notice in [Notice::Help, Notice::Erased, Notice::Unchecked] {
            let (english, spanish) = (replies.notice(notice, false), replies.notice(notice, true));
            assert_ne!(english.text, spanish.text);
            assert!(english.html.contains("lang=\"en\"") && spanish.html.contains("lang=\"es\""));
            assert!(english.text.split_whitespace().count() < 80, "{}", english.text);
        }
        assert!(replies.notice(Notice::Unchecked, false).text.contains("could not check"));
    }

    #[test]
    fn several_answers_become_one_document() {
        let replies = replies();
        let one = replies.notice(Notice::Help, false);
        let all = replies.several(&[one.clone(), one], 3, false);
        assert_eq!(all.html.matches("<!DOCTYPE").count(), 1);
        assert_eq!(all.html.matches("</body>").count(), 1);
        assert!(all.text.contains("Message 2 of 3") && all.text.contains("the first 2"), "{}", all.text);
    }
}
