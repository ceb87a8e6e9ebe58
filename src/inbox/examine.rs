//! One message: judged, its sender proved, its answer composed, and decided.

use std::sync::Arc;

use serde_json::Value;

use super::content::{self, Content};
use super::desk::{Desk, Settings};
use super::sender::{self, Origin};
use crate::config::Inbox;
use crate::engine::{Engine, Judgement};
use crate::guards::{Decision, Kind, Letter, Proof};
use crate::journal::{Change, Effect, JournalError, Judged, Row};
use crate::message::outer::{self, Outer};
use crate::message::{Channel, RawMessage};
use crate::outbox::{self, Draft};
use crate::reply::{Notice, Reply};
use crate::service::{Outcome, Unchecked};

/// Times that judging is tried before the person is told that it could not be checked.
const TRIES: i64 = 4;

/// Pause before judging is tried again, in milliseconds.
const PAUSE: i64 = 5_000;

/// What was found out about a message.
struct Finding {
    kind: Kind,
    judgements: Vec<Arc<Judgement>>,
    /// Messages that came, of which some may not have been judged.
    total: usize,
    spanish: bool,
}

impl Finding {
    fn notice(kind: Kind, spanish: bool) -> Self {
        Self { kind, judgements: Vec::new(), total: 0, spanish }
    }

    fn verdict(judgement: Arc<Judgement>) -> Self {
        let spanish = judgement.language == "es";
        Self { kind: Kind::Verdict, judgements: vec![judgement], total: 1, spanish }
    }

    /// The judgement that weighs most.
    fn worst(&self) -> Option<&Judgement> {
        let weight = |j: &&Arc<Judgement>| (j.label, (j.score * 1e9) as u64);
        self.judgements.iter().max_by_key(weight).map(Arc::as_ref)
    }
}

impl Desk {
    /// Judges and decides; `None` when it has to be tried again later or is no longer to be done.
    pub(super) async fn examine(&self, row: &Row) -> Result<Option<Decision>, JournalError> {
        let kib = u32::try_from(row.size / 1_024 + 1).unwrap_or(u32::MAX).min(64 * 1_024);
        let _weight = self.weight.acquire_many(kib).await.map_err(|_| JournalError::Closed)?;
        let Some(bytes) = self.parts.journal.original(&row.id).await? else {
            self.commit(Change::Fail(row.id.clone(), "the message is no longer there".into())).await?;
            return Ok(None);
        };
        let settings = self.settings();
        let (finding, outer) = match self.find(row, &settings, &bytes).await {
            Ok(found) => found,
            Err(why) if row.attempts < TRIES => {
                tracing::warn!(id = row.id, why = why.as_str(), "not judged; it is tried again");
                let at = self.parts.journal.now() + PAUSE * (row.attempts + 1);
                self.commit(Change::Again(row.id.clone(), at)).await?;
                return Ok(None);
            }
            Err(_) => (Finding::notice(Kind::Unchecked, false), self.outer(&bytes).await),
        };
        let letter =
            letter(row, &settings, &finding, &outer, self.proof(row, &settings, &outer, &bytes).await);
        self.settle(row, &settings, finding, letter, &outer).await
    }

    async fn settle(
        &self,
        row: &Row,
        settings: &Settings,
        finding: Finding,
        letter: Letter,
        outer: &Outer,
    ) -> Result<Option<Decision>, JournalError> {
        let engine = self.parts.service.engine();
        let answer = self.answer(row, &settings.config.inbox, &engine, &finding, outer);
        let worst = finding.worst();
        let judged = Judged {
            label: worst.map(|j| j.label.as_str()),
            score: worst.map(|j| j.score),
            report: report(&engine, row, &finding),
            message_id: outbox::message_id(&row.id, &settings.config.inbox.hostname),
            answer: answer.clone().unwrap_or_default(),
            letter,
        };
        self.commit(Change::Judge(row.id.clone(), Arc::new(judged))).await?;
        self.one_less();
        let effect = self.commit(Change::Decide(row.id.clone())).await?;
        let Effect::Decided(decision) = effect else { return Ok(None) };
        note(row, decision);
        match (decision, answer) {
            (Decision::Answer, Err(why)) => {
                self.commit(Change::Fail(row.id.clone(), why)).await?;
                Ok(None)
            }
            (Decision::Answer, Ok(_)) => {
                self.answering.notify_one();
                Ok(Some(decision))
            }
            _ => Ok(Some(decision)),
        }
    }

    /// What the message holds and what the engine says of it.
    async fn find(
        &self,
        row: &Row,
        settings: &Settings,
        bytes: &[u8],
    ) -> Result<(Finding, Outer), Unchecked> {
        if row.text {
            return self.find_text(&String::from_utf8_lossy(bytes)).await.map(|f| (f, Outer::default()));
        }
        let mut outer = self.outer(bytes).await;
        if is_gateway(&settings.config.inbox, &row.sender) {
            return self.find_text(&outer.text.clone()).await.map(|f| (f, outer));
        }
        let whole = self.judge(RawMessage::with_channel(bytes.to_vec(), Channel::Email)).await?;
        let finding = match content::sort(&mut outer, &whole.message, &row.sender) {
            Content::Whole => Finding::verdict(whole),
            Content::Words(words) => self.find_words(words).await?,
            Content::Nothing => Finding::notice(Kind::Help, whole.language == "es"),
            Content::Erase => Finding::notice(Kind::Erase, whole.language == "es"),
            Content::Several(parts) => {
                self.find_several(parts, settings.config.answers.forwards_per_mail, &whole).await?
            }
        };
        Ok((finding, outer))
    }

    async fn find_text(&self, words: &str) -> Result<Finding, Unchecked> {
        if content::is_erasure(words) {
            return Ok(Finding::notice(Kind::Erase, false));
        }
        if words.trim().is_empty() {
            return Ok(Finding::notice(Kind::Help, false));
        }
        self.find_words(words.to_owned()).await
    }

    async fn find_words(&self, words: String) -> Result<Finding, Unchecked> {
        self.judge(RawMessage::with_channel(words.into_bytes(), Channel::Text)).await.map(Finding::verdict)
    }

    /// Each forwarded message by itself; what the person wrote belongs to all of them.
    async fn find_several(
        &self,
        parts: Vec<Vec<u8>>,
        most: usize,
        whole: &Judgement,
    ) -> Result<Finding, Unchecked> {
        let total = parts.len();
        let mut judgements = Vec::new();
        for part in parts.into_iter().take(most) {
            let mut judgement = self.judge(RawMessage::with_channel(part, Channel::Email)).await?;
            Arc::make_mut(&mut judgement).message.forward.note.clone_from(&whole.message.forward.note);
            judgements.push(judgement);
        }
        let spanish = judgements.first().is_some_and(|j| j.language == "es");
        Ok(Finding { kind: Kind::Several, judgements, total, spanish })
    }

    async fn judge(&self, raw: RawMessage<'static>) -> Result<Arc<Judgement>, Unchecked> {
        match self.parts.service.judge(raw).await {
            Outcome::Judged(judgement) => Ok(judgement),
            Outcome::Unchecked(why) => Err(why),
        }
    }

    /// The outer mail, read off the runtime's own threads.
    async fn outer(&self, bytes: &[u8]) -> Outer {
        let settings = self.settings();
        let limits = *self.parts.service.engine().limits();
        let bytes = bytes.to_vec();
        let reading = tokio::task::spawn_blocking(move || {
            outer::read(&bytes, &settings.config.sender.authserv, &limits)
        });
        reading.await.unwrap_or_default()
    }

    async fn proof(&self, row: &Row, settings: &Settings, outer: &Outer, bytes: &[u8]) -> Proof {
        if row.text {
            return Proof::Signed;
        }
        let origin = Origin {
            client: row.client.as_deref().and_then(|c| c.parse().ok()),
            helo: row.helo.clone(),
            sender: row.sender.clone(),
        };
        let config = &settings.config;
        let resolver = settings.resolver.as_ref();
        sender::prove(&config.sender, resolver, &config.inbox.hostname, &origin, outer, bytes).await
    }

    /// The answer as bytes: a message, or bare words for the webhook.
    fn answer(
        &self,
        row: &Row,
        inbox: &Inbox,
        engine: &Engine,
        finding: &Finding,
        outer: &Outer,
    ) -> Result<Vec<u8>, String> {
        if row.text {
            return Ok(short(engine, finding).into_bytes());
        }
        let plain = is_gateway(inbox, &row.sender);
        let mut reply = reply(engine, finding);
        if plain {
            reply.text = short(engine, finding);
        }
        let draft = Draft {
            id: &row.id,
            inbox,
            to: &row.sender,
            received_at: row.received_at,
            in_reply_to: outer.message_id.as_deref(),
            references: &outer.references,
            reply: &reply,
            plain,
        };
        outbox::compose(&draft, self.parts.signer.as_ref())
    }
}

fn note(row: &Row, decision: Decision) {
    let (outcome, reason) = match decision {
        Decision::Answer => ("answer", ""),
        Decision::Refuse(_, guard) => ("refuse", guard),
    };
    tracing::info!(id = row.id, door = row.door, outcome, reason, "decided");
    metrics::counter!("bypost_decided_total", "outcome" => outcome, "reason" => reason).increment(1);
}

fn is_gateway(inbox: &Inbox, sender: &str) -> bool {
    let domain = sender.rsplit_once('@').map(|(_, d)| d.to_lowercase());
    domain.is_some_and(|d| inbox.text_gateways.contains(&d))
}

fn reply(engine: &Engine, finding: &Finding) -> Reply {
    match finding.kind {
        Kind::Help => engine.notice(Notice::Help, finding.spanish),
        Kind::Erase => engine.notice(Notice::Erased, finding.spanish),
        Kind::Unchecked => engine.notice(Notice::Unchecked, finding.spanish),
        Kind::Several => {
            let judgements: Vec<&Judgement> = finding.judgements.iter().map(Arc::as_ref).collect();
            engine.reply_several(&judgements, finding.total)
        }
        Kind::Verdict => finding
            .judgements
            .first()
            .map_or_else(|| engine.notice(Notice::Unchecked, finding.spanish), |j| engine.reply(j)),
    }
}

/// The answer for a telephone: at most 300 characters.
fn short(engine: &Engine, finding: &Finding) -> String {
    match finding.judgements.first() {
        Some(judgement) => engine.reply_short(judgement),
        None => {
            let text = reply(engine, finding).text;
            let mut out = String::new();
            for line in text.lines().filter(|l| !l.is_empty()) {
                if out.chars().count() + line.chars().count() < 300 {
                    if !out.is_empty() {
                        out.push(' ');
                    }
                    out.push_str(line);
                }
            }
            out
        }
    }
}

/// What the guards look at.
fn letter(row: &Row, settings: &Settings, finding: &Finding, outer: &Outer, proof: Proof) -> Letter {
    let inbox = &settings.config.inbox;
    let ours = |id: &String| outbox::is_ours(id, &inbox.hostname);
    let forwards = finding.judgements.iter().any(|j| !j.message.forward.hops.is_empty());
    Letter {
        sender: row.sender.clone(),
        signs: outer.signs.clone(),
        proof,
        kind: finding.kind,
        thanks: !forwards && finding.kind != Kind::Several && outer.in_reply_to.iter().any(ours),
        ours: outer.message_id.as_ref().is_some_and(ours) || outer.loops.iter().any(|l| inbox.takes(l)),
    }
}

/// The account for the report: without the message's text, with personal numbers masked.
fn report(engine: &Engine, row: &Row, finding: &Finding) -> String {
    let one = |judgement: &Arc<Judgement>| {
        let mut value = engine.json(&row.door, judgement, false);
        if let Some(suspect) = value.get_mut("suspect").and_then(Value::as_object_mut) {
            suspect.remove("text");
        }
        if let Some(forward) = value.get_mut("forward").and_then(Value::as_object_mut) {
            forward.remove("note");
        }
        for key in ["contributions", "thresholds"] {
            value.as_object_mut().and_then(|o| o.remove(key));
        }
        crate::mask::mask_json(&mut value);
        value
    };
    Value::Array(finding.judgements.iter().map(one).collect()).to_string()
}
