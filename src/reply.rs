//! The answer to a worried person: short, calm, true.
//!
//! Its order is fixed: the verdict; if they say they paid or shared, the urgent step first; at most three actions; two to
//! four reasons, each with the fact that answers it; one safe check; at most two places to report; limits; sources. Every
//! statement of fact is a loaded fact, word for word. Nothing of the message is quoted but a broken-up domain.

mod data;
mod inbox;
mod paid;
mod plan;
mod render;

use serde::Deserialize;

pub use inbox::Notice;

use crate::guidance::Guidance;
use crate::message::Channel;
use crate::sources::{DataError, Sources};
use crate::verdict::Label;

/// What a reply is made from. Names are ids of our own data; only `note` and `link_host` come from a message.
#[derive(Clone, Copy, Debug)]
pub struct ReplyInput<'a> {
    /// The verdict.
    pub label: Label,
    /// Answer in Spanish.
    pub spanish: bool,
    /// How the suspect message came.
    pub channel: Channel,
    /// Marker ids of the plain claims.
    pub claims: &'a [&'a str],
    /// Country of the claimed brand (`us`, `uk`, `es` …), when one is claimed.
    pub country: Option<&'a str>,
    /// Marker ids that count, most important first.
    pub markers: &'a [&'a str],
    /// The forwarder's own words.
    pub note: &'a str,
    /// Notice number named (`CP14`).
    pub notice: Option<&'a str>,
    /// The most suspicious host.
    pub link_host: Option<&'a str>,
    /// It is a bulletin of a public body.
    pub bulletin: bool,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Subject line; says nothing of the message.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as a small HTML document, without links, pictures or anything remote.
    pub html: String,
    /// Ids of the facts it cites.
    pub facts: Vec<String>,
}

/// A text in two languages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    en: String,
    es: String,
}

impl Words {
    fn text(&self, spanish: bool) -> &str {
        if spanish { &self.es } else { &self.en }
    }
}

/// The wording of replies, from `data/replies/*.toml`.
#[derive(Debug)]
pub struct Replies {
    frame: data::Frame,
    reasons: Vec<data::Reason>,
    actions: Vec<data::Action>,
    checks: Vec<data::Cite>,
    reports: Vec<data::Cite>,
    notice: data::Notice,
    paid: paid::Paid,
    inbox: inbox::Inbox,
}

impl Replies {
    /// Reads `data/replies/*.toml`.
    ///
    /// # Errors
    /// Names file and line of an unknown key, or a fact that does not exist or may not be cited.
    pub fn load(sources: &Sources, guidance: &Guidance) -> Result<Self, DataError> {
        data::load(sources, guidance)
    }

    /// The answer.
    pub fn compose(&self, guidance: &Guidance, input: &ReplyInput<'_>) -> Reply {
        let plan = plan::Plan::new(self, guidance, input);
        render::Renderer { replies: self, guidance, spanish: input.spanish }.reply(&plan)
    }

    /// An answer that fits a text: the verdict and the most urgent line, at most 300 characters.
    pub fn compose_short(&self, guidance: &Guidance, input: &ReplyInput<'_>) -> String {
        let plan = plan::Plan::new(self, guidance, input);
        render::Renderer { replies: self, guidance, spanish: input.spanish }.short(&plan)
    }
}
