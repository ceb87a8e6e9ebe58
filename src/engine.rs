//! The whole of bypost in one total function: [`Engine::judge`].

use crate::evidence::{BrandIx, Findings, Gatherer};
use crate::features;
use crate::guidance::Guidance;
use crate::message::{self, Limits, Message, RawMessage, ReadOptions, forward::Forwards};
use crate::model::{Budgets, Contribution, Model, ModelFile, Score, Thresholds};
use crate::reply::{Notice, Replies, Reply, ReplyInput};
use crate::rules::{RuleHit, Rules};
use crate::sources::{DataError, Sources};
use crate::verdict::{self, Label};
use crate::{language, rules};

/// Everything needed to judge, built once and shared.
#[derive(Debug)]
pub struct Engine {
    forwards: Forwards,
    gatherer: Gatherer,
    rules: Rules,
    model: Option<Model>,
    guidance: Guidance,
    replies: Replies,
    data: String,
    trusted_authserv: Vec<String>,
    limits: Limits,
}

/// What bypost found out about one message.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// First 16 hexadecimal digits of the BLAKE3 digest of the bytes as received; see [`message_id`].
    pub id: String,
    /// The verdict.
    pub label: Label,
    /// Calibrated probability that the message is a scam, 0 to 1, by the model alone.
    pub score: f64,
    /// Scores from which a message is `suspicious` and `scam`.
    pub thresholds: Thresholds,
    /// The suspect message.
    pub message: Message,
    /// What it shows.
    pub findings: Findings,
    /// Why the score is what it is; with `intercept` these sum to the logit of the score.
    pub contributions: Vec<Contribution>,
    /// The score's logit when nothing is shown.
    pub intercept: f64,
    /// Hard rules that fired.
    pub rules: Vec<RuleHit>,
    /// Why, in brief: the markers that count, those that moved the score most first. Context and what speaks for the
    /// sender are left out.
    pub reasons: Vec<Reason>,
    /// Language of the message: `en`, `es`, or another ISO 639-1 code; `und` when it cannot be told.
    pub language: &'static str,
    /// Digest of the model.
    pub model: String,
    /// Digest of the data files.
    pub data: String,
}

/// A marker that counts, as filters name it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Reason {
    /// Id of the marker, e.g. `payment.gift-card`: letters, digits, dots and hyphens only.
    pub id: String,
    /// What it means, in words.
    pub title: String,
    /// What it added to the logit of the score; 0 where only a rule heeds it.
    pub weight: f64,
}

/// The id of a message: the same however it came. Line ends count as LF, and neither the line that mailbox files put
/// before a message (`From sender date`) nor blank lines at the end are part of it.
pub fn message_id(bytes: &[u8]) -> String {
    let bytes = match bytes.strip_prefix(b"From ") {
        Some(rest) => memchr::memchr(b'\n', rest).map_or(bytes, |end| &rest[end + 1..]),
        None => bytes,
    };
    let end = bytes.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |at| at + 1);
    let mut hasher = blake3::Hasher::new();
    let mut rest = &bytes[..end];
    while let Some(at) = memchr::memmem::find(rest, b"\r\n") {
        hasher.update(&rest[..at]);
        rest = &rest[at + 1..];
    }
    hasher.update(rest).finalize().to_hex()[..16].to_string()
}

/// What training and evaluation need of a message.
pub(crate) struct Seen {
    pub(crate) features: features::Features,
    /// Label that the rules alone give.
    pub(crate) floor: Label,
    pub(crate) language: &'static str,
    /// Folded subject and text, which the wording is read from.
    pub(crate) folded: (String, String),
}

fn language_of(message: &Message) -> &'static str {
    language::detect(&format!("{} {}", message.subject, message.text))
}

impl Engine {
    /// Builds the engine from data files and model.
    ///
    /// # Errors
    /// Names file and line of what is wrong, and what was expected. Without a model there is no engine.
    pub fn new(sources: &Sources) -> Result<Self, DataError> {
        let mut engine = Self::untrained(sources)?;
        let name = "models/scam.json";
        engine.model = Some(Model::load(name, sources.text(name)?, &engine.gatherer.catalogue)?);
        Ok(engine)
    }

    /// An engine that gathers evidence but cannot score: what training starts from.
    pub(crate) fn untrained(sources: &Sources) -> Result<Self, DataError> {
        let (gatherer, spoken) = std::thread::scope(|scope| {
            let aside = scope.spawn(|| Self::spoken(sources));
            let gatherer = Gatherer::load(sources);
            (gatherer, aside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let (gatherer, (forwards, guidance, replies)) = (gatherer?, spoken?);
        let rules = "data/rules.toml";
        Ok(Self {
            forwards,
            rules: Rules::load(rules, sources.text(rules)?, &gatherer.catalogue)?,
            replies,
            guidance,
            gatherer,
            model: None,
            data: sources.data_digest(),
            trusted_authserv: Vec::new(),
            limits: Limits::default(),
        })
    }

    /// What does not depend on the markers: how mail programs forward, the facts, the words of replies.
    fn spoken(sources: &Sources) -> Result<(Forwards, Guidance, Replies), DataError> {
        let name = "data/forwards.toml";
        let forwards = Forwards::new(name, sources.text(name)?, !sources.built_in)
            .map_err(|e| DataError::file(name, e))?;
        let guidance = Guidance::load(sources)?;
        let replies = Replies::load(sources, &guidance)?;
        Ok((forwards, guidance, replies))
    }

    /// Trusts the Authentication-Results headers that these servers write (RFC 8601 authserv-ids). None by default.
    #[must_use]
    pub fn trusting(mut self, authserv_ids: Vec<String>) -> Self {
        self.trusted_authserv = authserv_ids;
        self
    }

    /// Gives labels by other budgets of false alarms than the model's own.
    ///
    /// # Errors
    /// The model has no thresholds for them.
    pub fn with_budgets(mut self, budgets: Budgets) -> Result<Self, String> {
        if let Some(model) = &mut self.model {
            model.set_budgets(budgets)?;
        }
        Ok(self)
    }

    /// The budgets of false alarms that labels are given by.
    pub fn budgets(&self) -> Option<Budgets> {
        self.model.as_ref().map(|m| m.file().budgets)
    }

    /// Judges a message: total, deterministic, without I/O, clock or network.
    ///
    /// ```
    /// use bypost::{engine::Engine, message::RawMessage, sources::Sources, verdict::Label};
    ///
    /// let engine = Engine::new(&Sources::embedded())?;
    /// let text = "IRS: you owe $2,430. Officers will arrest you today unless you pay with gift cards. Call 202-555-0123";
    /// let judgement = engine.judge(&RawMessage::new(text.as_bytes()));
    /// assert_eq!(judgement.label, Label::Scam);
    /// assert!(engine.reply(&judgement).text.contains("IRS.gov/account"));
    /// # Ok::<(), bypost::sources::DataError>(())
    /// ```
    pub fn judge(&self, raw: &RawMessage<'_>) -> Judgement {
        let message = self.read(raw);
        let findings = self.gatherer.gather(&message);
        let (score, rules) = self.weigh(&message, &findings);
        let thresholds = self.thresholds();
        Judgement {
            id: message_id(&raw.bytes),
            label: verdict::verdict(score.probability, thresholds, &rules),
            score: score.probability,
            thresholds,
            language: language_of(&message),
            reasons: self.brief(&findings, &score.contributions),
            findings,
            contributions: score.contributions,
            intercept: score.intercept,
            rules,
            message,
            model: self.model.as_ref().map_or_else(String::new, |m| m.digest().to_owned()),
            data: self.data.clone(),
        }
    }

    /// The suspect message as it is judged.
    pub fn read(&self, raw: &RawMessage<'_>) -> Message {
        let options = ReadOptions {
            forwards: &self.forwards,
            trusted_authserv: &self.trusted_authserv,
            limits: self.limits,
        };
        message::read(raw, &options)
    }

    /// What the engine sees in a message, for training and evaluation.
    pub(crate) fn look(&self, message: &Message) -> Seen {
        let findings = self.gatherer.gather(message);
        let rules = self.rules.apply(&self.gatherer.catalogue, message, &findings);
        Seen {
            features: features::features(&self.gatherer.catalogue, message, &findings),
            floor: rules.iter().map(|r| r.floor).max().unwrap_or(Label::NoSigns),
            language: language_of(message),
            folded: (findings.folded_subject, findings.folded_body),
        }
    }

    /// Score and rules of what a message shows.
    pub(crate) fn weigh(&self, message: &Message, findings: &Findings) -> (Score, Vec<RuleHit>) {
        (self.score(message, findings), self.rules.apply(&self.gatherer.catalogue, message, findings))
    }

    fn score(&self, message: &Message, findings: &Findings) -> Score {
        let features = features::features(&self.gatherer.catalogue, message, findings);
        match &self.model {
            Some(model) => model.score(&features, &findings.folded_subject, &findings.folded_body),
            None => Score { probability: 0.5, intercept: 0.0, contributions: Vec::new() },
        }
    }

    fn thresholds(&self) -> Thresholds {
        self.model.as_ref().map_or(Thresholds { suspicious: 0.5, scam: 0.5 }, Model::thresholds)
    }

    /// The answer to the person who sent the message in.
    pub fn reply(&self, judgement: &Judgement) -> Reply {
        self.answer(judgement, |input| self.replies.compose(&self.guidance, input))
    }

    /// The answer for a text: at most 300 characters.
    pub fn reply_short(&self, judgement: &Judgement) -> String {
        self.answer(judgement, |input| self.replies.compose_short(&self.guidance, input))
    }

    /// An answer of the inbox without a verdict.
    pub fn notice(&self, notice: Notice, spanish: bool) -> Reply {
        self.replies.notice(notice, spanish)
    }

    /// One answer about several messages, `total` of which came.
    pub fn reply_several(&self, judgements: &[&Judgement], total: usize) -> Reply {
        let replies: Vec<Reply> = judgements.iter().map(|j| self.reply(j)).collect();
        let spanish = judgements.first().is_some_and(|j| j.language == "es");
        self.replies.several(&replies, total, spanish)
    }

    /// Servers whose Authentication-Results are trusted.
    pub fn trusted_authserv(&self) -> &[String] {
        &self.trusted_authserv
    }

    /// Bounds on what is read of one message.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Gathers what an answer is made from.
    fn answer<T>(&self, judgement: &Judgement, compose: impl FnOnce(&ReplyInput<'_>) -> T) -> T {
        let catalogue = &self.gatherer.catalogue;
        let markers = self.ranked(&judgement.findings, &judgement.contributions);
        let claims: Vec<&str> = claim_markers(judgement);
        let brand = self.claimed_brand(judgement).map(|b| self.gatherer.brands.get(b));
        let has = |id: &str| judgement.findings.asserted().any(|ix| catalogue.marker(ix).id == id);
        let input = ReplyInput {
            label: judgement.label,
            spanish: judgement.language == "es",
            channel: judgement.message.channel,
            claims: &claims,
            country: brand.map(|b| b.country.as_str()),
            markers: &markers,
            note: &judgement.message.forward.note,
            notice: judgement.findings.notices.first().map(String::as_str),
            link_host: judgement.findings.worst_host.as_deref(),
            bulletin: has("genuine.bulletin"),
        };
        compose(&input)
    }

    /// Markers that count, those that moved the score most first, then those that only rules heed.
    pub(crate) fn ranked<'a>(&'a self, findings: &Findings, contributions: &[Contribution]) -> Vec<&'a str> {
        let shown: Vec<&str> =
            findings.asserted().map(|ix| self.gatherer.catalogue.marker(ix).id.as_str()).collect();
        let mut ranked: Vec<&str> = contributions
            .iter()
            .filter(|c| c.contribution > 0.0)
            .filter_map(|c| c.feature.strip_prefix("marker:"))
            .filter_map(|id| shown.iter().copied().find(|s| *s == id))
            .collect();
        for id in shown {
            if !ranked.contains(&id) {
                ranked.push(id);
            }
        }
        ranked
    }

    /// The reasons in brief.
    fn brief(&self, findings: &Findings, contributions: &[Contribution]) -> Vec<Reason> {
        let catalogue = &self.gatherer.catalogue;
        let marker = |id: &str| catalogue.markers().iter().find(|m| m.id == id);
        let weight = |id: &str| {
            let mine = |c: &&Contribution| c.feature.strip_prefix("marker:") == Some(id);
            contributions.iter().find(mine).map_or(0.0, |c| c.contribution)
        };
        let ranked = self.ranked(findings, contributions);
        let told =
            ranked.into_iter().filter_map(marker).filter(|m| !matches!(m.family(), "context" | "genuine"));
        told.map(|m| Reason { id: m.id.clone(), title: m.title.clone(), weight: weight(&m.id) }).collect()
    }

    fn claimed_brand(&self, judgement: &Judgement) -> Option<BrandIx> {
        judgement.findings.claims.iter().find(|c| c.strength >= crate::evidence::PLAIN).and_then(|c| c.brand)
    }

    /// What gathers evidence, with catalogue, brands and lists.
    pub fn gatherer(&self) -> &Gatherer {
        &self.gatherer
    }

    /// The guidance facts.
    pub fn guidance(&self) -> &Guidance {
        &self.guidance
    }

    /// The hard rules.
    pub fn rules(&self) -> &rules::Rules {
        &self.rules
    }

    /// The model; there is always one outside training.
    pub fn model(&self) -> Option<&Model> {
        self.model.as_ref()
    }

    /// The model as written in its file, for training and evaluation, where there is always one.
    pub(crate) fn model_file(&self) -> &ModelFile {
        let model = self.model.as_ref();
        // Invariant: only `untrained` makes an engine without a model, and it never leaves training.
        #[allow(clippy::expect_used, reason = "the invariant above")]
        model.expect("an engine with a model").file()
    }

    /// Digest of the model.
    pub(crate) fn model_digest(&self) -> &str {
        self.model.as_ref().map_or("", Model::digest)
    }

    /// Every mistake in the data that loading does not already refuse: examples that do not behave, citations of unknown
    /// facts, facts whose review date has passed by `today` (year, month, day).
    pub fn check(&self, today: Option<(i32, u8, u8)>) -> Vec<String> {
        let mut wrong: Vec<String> = self.gatherer.check_examples().iter().map(ToString::to_string).collect();
        wrong.extend(self.forwards.check().err());
        for rule in self.rules.iter() {
            for fact in rule.cites.iter().filter(|f| self.guidance.fact(f).is_none_or(|fact| !fact.citable)) {
                wrong.push(format!(
                    "data/rules.toml: rule `{}` cites `{fact}`, which is no citable fact",
                    rule.id
                ));
            }
        }
        for brand in self.gatherer.brands.iter() {
            for fact in brand.facts.iter().filter(|f| self.guidance.fact(f).is_none()) {
                wrong.push(format!("data/brands.toml: brand `{}` names the unknown fact `{fact}`", brand.id));
            }
        }
        if let Some(today) = today {
            wrong.extend(self.guidance.overdue(today));
        }
        wrong
    }
}

/// Marker ids of the plain claims.
pub(crate) fn claim_markers(judgement: &Judgement) -> Vec<&str> {
    let plain = judgement.findings.claims.iter().filter(|c| c.strength >= crate::evidence::PLAIN);
    plain.map(|c| c.marker.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::message_id;

    #[test]
    fn an_id_does_not_depend_on_how_the_message_came() {
        let id = message_id(b"Subject: x\n\nhello\n");
        assert_eq!(message_id(b"Subject: x\r\n\r\nhello\r\n\r\n"), id);
        assert_eq!(message_id(b"From a@b.example Mon Nov 23 23:37:49 2026\nSubject: x\n\nhello"), id);
        assert_ne!(message_id(b"Subject: x\n\nhell\n"), id);
        assert_ne!(message_id(b"Subject: x\n\nhel\rlo\n"), message_id(b"Subject: x\n\nhello\n"));
    }
}
