//! What rspamd's clients ask: `/checkv2` and `/learnspam`, `/learnham`.
//!
//! Haraka, rspamc and rspamd's own proxy send the envelope in header fields (`IP`, `Helo`, `From`, `Rcpt`); the verdict
//! does not depend on them, so that it is the same through every door. The points are those of the spamd door: 5.0 is
//! `required_score`, and is reached exactly by scams.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::{Desk, body};
use crate::engine::{Judgement, message_id};
use crate::front::door::Answer;
use crate::front::failure::{Failure, OnFailure};
use crate::front::headers;
use crate::front::points::{THRESHOLD, points, symbol};
use crate::service::{Corrected, Truth};
use crate::verdict::Label;

/// What a client of rspamd is told to do with a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RspamdActions {
    /// For suspicious messages.
    pub suspicious: RspamdAction,
    /// For scams.
    pub scam: RspamdAction,
}

impl Default for RspamdActions {
    fn default() -> Self {
        Self { suspicious: RspamdAction::NoAction, scam: RspamdAction::AddHeader }
    }
}

/// An action in rspamd's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RspamdAction {
    /// `no action`.
    NoAction,
    /// `add header`.
    AddHeader,
    /// `rewrite subject`.
    RewriteSubject,
    /// `soft reject`: try again later.
    SoftReject,
    /// `reject`.
    Reject,
}

impl RspamdAction {
    fn as_str(self) -> &'static str {
        match self {
            Self::NoAction => "no action",
            Self::AddHeader => "add header",
            Self::RewriteSubject => "rewrite subject",
            Self::SoftReject => "soft reject",
            Self::Reject => "reject",
        }
    }
}

/// A judgement in rspamd's words.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only described")]
pub(super) struct CheckBody {
    is_skipped: bool,
    score: f64,
    required_score: f64,
    action: String,
    /// By name: `name`, `score`, `metric_score`, `description`, `options`.
    symbols: serde_json::Value,
    messages: serde_json::Value,
    /// Message-ID of the mail, or `undef`.
    #[schema(rename = "message-id")]
    message_id: String,
    /// Header fields to add and remove.
    milter: serde_json::Value,
}

/// Judge a mail, answering as rspamd does.
#[utoipa::path(
    post, path = "/checkv2",
    request_body(content = String, content_type = "message/rfc822", description = "The mail"),
    responses(
        (status = 200, description = "The verdict; also when the mail is unchecked, as the operator chose", body = CheckBody),
        (status = 400, description = "Not understood", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn check(State(desk): State<Arc<Desk>>, body: Body) -> Result<Response, Problem> {
    let (answer, mail) = match body::read(body, &desk.door).await {
        Ok((bytes, _held)) => {
            let mail: Arc<[u8]> = bytes.into();
            (desk.door.check(&mail).await, mail)
        }
        // Half a mail is nothing to speak about.
        Err(Failure::Parse) => return Err(Failure::Parse.into()),
        Err(failure) => (Answer::Unchecked(failure), Arc::default()),
    };
    Ok(Json(told(&answer, &mail, &desk)).into_response())
}

fn told(answer: &Answer, mail: &[u8], desk: &Desk) -> Value {
    let (score, action, text) = match answer {
        Answer::Judged { judgement, .. } => (points(judgement), chosen(judgement, desk.actions), None),
        Answer::Unchecked(failure) => match desk.door.failures.action(*failure) {
            OnFailure::AcceptUnchecked => (0.0, RspamdAction::NoAction, None),
            OnFailure::Tempfail => (0.0, RspamdAction::SoftReject, Some(failure.text())),
            OnFailure::Refuse => (0.0, RspamdAction::Reject, Some(failure.text())),
        },
    };
    let messages = text.map_or_else(|| json!({}), |text| json!({ "smtp_message": text }));
    json!({
        "is_skipped": matches!(answer, Answer::Unchecked(_)),
        "score": score,
        "required_score": THRESHOLD,
        "action": action.as_str(),
        "symbols": symbols(answer),
        "messages": messages,
        "message-id": message_id_field(mail),
        "milter": milter(answer, desk),
    })
}

fn chosen(judgement: &Judgement, actions: RspamdActions) -> RspamdAction {
    match judgement.label {
        Label::NoSigns => RspamdAction::NoAction,
        Label::Suspicious => actions.suspicious,
        Label::Scam => actions.scam,
    }
}

/// Rules and reasons; `options` say what kind each is. No words of the message.
fn symbols(answer: &Answer) -> Map<String, Value> {
    let mut all = Map::new();
    let mut put = |id: &str, weight: f64, description: &str, kind: &str| {
        let name = symbol(id);
        let entry = json!({
            "name": name, "score": weight, "metric_score": weight, "description": description, "options": [kind, id],
        });
        all.insert(name, entry);
    };
    match answer {
        Answer::Unchecked(failure) => put("unchecked", 0.0, failure.text(), "unchecked"),
        Answer::Judged { judgement, .. } => {
            judgement.rules.iter().for_each(|r| put(&format!("rule:{}", r.id), 0.0, &r.title, "rule"));
            judgement.reasons.iter().for_each(|r| put(&r.id, r.weight, &r.title, "marker"));
        }
    }
    all
}

/// The fields that a client which edits mail is to add and remove.
fn milter(answer: &Answer, desk: &Desk) -> Value {
    let fields = headers::fields(answer, &desk.host);
    let added = fields.iter().map(|f| (f.name.to_owned(), json!({ "value": f.value, "order": 0 })));
    let removed = fields.iter().map(|f| (f.name.to_owned(), json!(0)));
    json!({ "add_headers": added.collect::<Map<_, _>>(), "remove_headers": removed.collect::<Map<_, _>>() })
}

/// The Message-ID as rspamd tells it: without brackets, `undef` when there is none.
fn message_id_field(mail: &[u8]) -> String {
    let parts = headers::divide_all(mail);
    let named = |f: &&[u8]| headers::name_of(f).trim_ascii().eq_ignore_ascii_case(b"message-id");
    let value = headers::each_field(parts.header).find(named).map(|field| {
        let value = &field[headers::name_of(field).len() + 1..];
        let id: String =
            String::from_utf8_lossy(value).trim().chars().filter(|c| !c.is_control()).take(998).collect();
        id.trim_matches(['<', '>']).to_owned()
    });
    value.filter(|v| !v.is_empty()).unwrap_or_else(|| "undef".to_owned())
}

/// What became of a lesson, in rspamd's words.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only described")]
pub(super) struct LearnBody {
    #[schema(required = false)]
    success: bool,
    #[schema(required = false)]
    error: String,
}

/// Say that a mail is a scam.
#[utoipa::path(
    post, path = "/learnspam",
    request_body(content = String, content_type = "message/rfc822", description = "The mail"),
    responses(
        (status = 200, description = "Learned, or known already", body = LearnBody),
        (status = 400, description = "Not understood", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The client is too slow", body = LearnBody),
        (status = 413, description = "Too large", body = LearnBody),
        (status = 501, description = "There is no journal", body = LearnBody),
        (status = 503, description = "It could not be written down", body = LearnBody),
    )
)]
pub(super) async fn learn_spam(State(desk): State<Arc<Desk>>, body: Body) -> Response {
    learn(&desk, body, Truth::Scam).await
}

/// Say that a mail is genuine.
#[utoipa::path(
    post, path = "/learnham",
    request_body(content = String, content_type = "message/rfc822", description = "The mail"),
    responses(
        (status = 200, description = "Learned, or known already", body = LearnBody),
        (status = 400, description = "Not understood", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The client is too slow", body = LearnBody),
        (status = 413, description = "Too large", body = LearnBody),
        (status = 501, description = "There is no journal", body = LearnBody),
        (status = 503, description = "It could not be written down", body = LearnBody),
    )
)]
pub(super) async fn learn_ham(State(desk): State<Arc<Desk>>, body: Body) -> Response {
    learn(&desk, body, Truth::Genuine).await
}

async fn learn(desk: &Desk, body: Body, truth: Truth) -> Response {
    let error = |status: StatusCode, text: &str| (status, Json(json!({ "error": text }))).into_response();
    let service = &desk.door.service;
    if !service.takes_corrections() {
        return error(StatusCode::NOT_IMPLEMENTED, "labels are not kept here");
    }
    let mail: Arc<[u8]> = match body::read(body, &desk.door).await {
        Ok((bytes, _held)) => bytes.into(),
        Err(Failure::Oversize) => return error(StatusCode::PAYLOAD_TOO_LARGE, Failure::Oversize.text()),
        Err(Failure::TimeOut) => return error(StatusCode::REQUEST_TIMEOUT, "the mail did not come in time"),
        Err(Failure::Parse) => return Problem::from(Failure::Parse).into_response(),
        Err(other) => return error(StatusCode::SERVICE_UNAVAILABLE, other.text()),
    };
    let id = message_id(&mail);
    match service.correct(id, Some(mail), truth, "http:learn".into(), "http").await {
        Corrected::Changed => Json(json!({ "success": true })).into_response(),
        Corrected::Unchanged | Corrected::NoSuchMessage => {
            error(StatusCode::OK, "the message has been learned already")
        }
        Corrected::Failed => error(StatusCode::SERVICE_UNAVAILABLE, "the label could not be written down"),
    }
}
