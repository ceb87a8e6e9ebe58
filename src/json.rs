//! The judgement as the JSON object that every door gives out. Keys and their order are part of the interface.

use serde_json::{Map, Value, json};

use crate::engine::{Engine, Judgement};
use crate::evidence::{Evidence, Part};
use crate::message::{Address, Message};

/// Longest quote of a message in one marker, in bytes.
const MAX_QUOTE: usize = 200;

impl Engine {
    /// The judgement of the message that came from `source`; with the reply if asked for.
    pub fn json(&self, source: &str, judgement: &Judgement, with_reply: bool) -> Value {
        let message = &judgement.message;
        let reply = with_reply.then(|| self.reply(judgement));
        let mut facts: Vec<&str> =
            judgement.rules.iter().flat_map(|r| r.cites.iter().map(String::as_str)).collect();
        facts.extend(reply.iter().flat_map(|r| r.facts.iter().map(String::as_str)));
        dedup(&mut facts);
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
        put("source", json!(source));
        put("id", json!(judgement.id));
        put("label", json!(judgement.label));
        put("score", json!(judgement.score));
        put("thresholds", json!(judgement.thresholds));
        put("claims", Value::Array(self.claims_json(judgement)));
        put("markers", Value::Array(self.markers_json(judgement, false)));
        put("mentions", Value::Array(self.markers_json(judgement, true)));
        put("rules", json!(judgement.rules));
        put("reasons", json!(judgement.reasons));
        put("contributions", json!(judgement.contributions));
        put("intercept", json!(judgement.intercept));
        put("counterfactual", json!(self.counterfactual(judgement)));
        put("channel", json!(message.channel));
        put("suspect", suspect_json(message));
        put("forward", json!({ "hops": message.forward.hops, "note": message.forward.note }));
        if let Some(reply) = &reply {
            put("reply", json!({ "subject": reply.subject, "text": reply.text }));
        }
        put("defects", json!(message.defects));
        put("facts", json!(facts));
        put("language", json!(judgement.language));
        put("model", json!(judgement.model));
        put("data", json!(judgement.data));
        Value::Object(object)
    }

    fn claims_json(&self, judgement: &Judgement) -> Vec<Value> {
        let one = |claim: &crate::evidence::Claim| {
            let brand = claim.brand.map(|b| self.gatherer().brands.get(b));
            json!({
                "id": claim.marker,
                "brand": brand.map(|b| b.id.as_str()),
                "name": brand.map(|b| b.name.as_str()),
                "strength": claim.strength,
                "part": claim.part,
            })
        };
        judgement.findings.claims.iter().map(one).collect()
    }

    /// Markers that count, or mentions, one entry a place.
    fn markers_json(&self, judgement: &Judgement, mentions: bool) -> Vec<Value> {
        let one = |evidence: &Evidence| {
            let marker = self.gatherer().catalogue.marker(evidence.marker);
            let mut entry = json!({
                "id": marker.id,
                "title": marker.title,
                "quote": quote(&judgement.message, evidence),
                "part": evidence.part,
            });
            if let (Some(kind), Some(entry)) = (evidence.mention, entry.as_object_mut()) {
                entry.insert("mention".into(), json!(kind.kind));
            }
            entry
        };
        judgement.findings.evidence.iter().filter(|e| e.mention.is_some() == mentions).map(one).collect()
    }
}

/// The words of the message that evidence points to.
pub fn quote(message: &Message, evidence: &Evidence) -> String {
    let text = match evidence.part {
        Part::Subject => message.subject.as_str(),
        Part::Body => message.text.as_str(),
        Part::FromName => message.from.as_ref().map_or("", |f| f.name.as_str()),
        Part::Sender | Part::Header => message.from.as_ref().map_or("", |f| f.address.as_str()),
        Part::Link => message.links.get(evidence.item).map_or("", |l| l.target.as_str()),
        Part::Attachment => message.attachments.get(evidence.item).map_or("", |a| a.name.as_str()),
        Part::Hidden => message.hidden.get(evidence.item).map_or("", |h| h.text.as_str()),
    };
    let whole = evidence.span.is_empty() && !matches!(evidence.part, Part::Body);
    let quoted = if whole { text } else { text.get(evidence.span.clone()).unwrap_or_default() };
    let mut end = MAX_QUOTE.min(quoted.len());
    while !quoted.is_char_boundary(end) {
        end -= 1;
    }
    quoted[..end].to_owned()
}

fn suspect_json(message: &Message) -> Value {
    let from = message.from.clone().unwrap_or_default();
    json!({
        "from": { "name": from.name, "address": from.address },
        "to": message.to.iter().map(written).collect::<Vec<_>>(),
        "date": message.date,
        "subject": message.subject,
        "text": message.text,
    })
}

fn written(address: &Address) -> Value {
    json!({ "name": address.name, "address": address.address })
}

fn dedup(facts: &mut Vec<&str>) {
    let mut seen = std::collections::HashSet::new();
    facts.retain(|f| seen.insert(*f));
}
