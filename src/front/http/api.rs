//! Our own interface: `/v1/judge` and `/v1/labels`.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::schema::{ExtentBody, JudgeRequest, JudgementBody, LabelRequest, LabelResult};
use super::{Desk, body};
use crate::engine::message_id;
use crate::message::Channel;
use crate::service::Corrected;

/// How to judge.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct JudgeQuery {
    /// How the message came; without it, its content type says.
    #[param(value_type = Option<super::schema::ChannelName>)]
    channel: Option<Channel>,
    /// Include the answer for the person.
    #[serde(default)]
    #[param(default = false)]
    reply: bool,
}

/// Judge a message.
#[utoipa::path(
    post, path = "/v1/judge", params(JudgeQuery),
    request_body(description = "A mail, a text, or either as JSON", content(
        (String = "message/rfc822"), (String = "text/plain"), (JudgeRequest = "application/json")
    )),
    responses(
        (status = 200, description = "The judgement", body = JudgementBody),
        (status = 400, description = "Not understood", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The client is too slow", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Another content type", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "A defect of ours", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too much to do", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "Judging took too long", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn judge(
    State(desk): State<Arc<Desk>>,
    query: Result<Query<JudgeQuery>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|e| Problem::bad(e.body_text()))?;
    let kind = content_type(&headers);
    if !matches!(kind.as_str(), "message/rfc822" | "text/plain" | "application/json") {
        return Err(unsupported("message/rfc822, text/plain or application/json"));
    }
    let (bytes, _held) = read(body, &desk).await?;
    let (bytes, channel) = match kind.as_str() {
        "message/rfc822" => (bytes, Channel::Email),
        "text/plain" => (bytes, Channel::Text),
        _ => unpacked(&bytes)?,
    };
    let channel = query.channel.unwrap_or(channel);
    let answer = judged(&desk, bytes.into(), channel, query.reply).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], answer).into_response())
}

fn unsupported(expected: &str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", format!("expected {expected}"))
}

async fn read(body: Body, desk: &Desk) -> Result<(Vec<u8>, crate::service::Held), Problem> {
    use crate::front::failure::Failure;
    body::read(body, &desk.door).await.map_err(|failure| match failure {
        Failure::TimeOut => {
            Problem::new(StatusCode::REQUEST_TIMEOUT, "slow-client", "the body did not come in time")
        }
        other => other.into(),
    })
}

async fn judged(desk: &Desk, bytes: Arc<[u8]>, channel: Channel, reply: bool) -> Result<String, Problem> {
    let extent = ExtentBody { judged: bytes.len().min(desk.door.limits.judged_bytes), total: bytes.len() };
    let upto = extent.judged;
    let service = &desk.door.service;
    let rendered = service.judge_then(Arc::clone(&bytes), upto, Some(channel), move |engine, judgement| {
        let mut object = engine.json("http", judgement, reply);
        object["extent"] = json!(extent);
        object.to_string()
    });
    let (judgement, text) = rendered.await?;
    service.record("http", &bytes, &judgement);
    Ok(text)
}

/// The message in a JSON request.
fn unpacked(bytes: &[u8]) -> Result<(Vec<u8>, Channel), Problem> {
    let request: JudgeRequest = serde_json::from_slice(bytes).map_err(|e| Problem::bad(e.to_string()))?;
    match (request.text, request.raw) {
        (Some(text), None) => Ok((text.into_bytes(), request.channel.unwrap_or(Channel::Text))),
        (None, Some(raw)) => Ok((raw.into_bytes(), request.channel.unwrap_or(Channel::Email))),
        _ => Err(Problem::bad("expected exactly one of `text` and `raw`")),
    }
}

/// The content type without parameters; a mail when none is said.
fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("message/rfc822");
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Say what a message truly is.
#[utoipa::path(
    post, path = "/v1/labels", request_body = LabelRequest,
    responses(
        (status = 200, description = "It is known now", body = LabelResult),
        (status = 400, description = "Not understood", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No message with this id is known", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The client is too slow", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Another content type", body = Problem, content_type = "application/problem+json"),
        (status = 501, description = "There is no journal", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "It could not be written down", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn label(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    if content_type(&headers) != "application/json" {
        return Err(unsupported("application/json"));
    }
    let (bytes, _held) = read(body, &desk).await?;
    let request: LabelRequest = serde_json::from_slice(&bytes).map_err(|e| Problem::bad(e.to_string()))?;
    let (id, raw) = labelled(request.id, request.raw)?;
    let service = &desk.door.service;
    if !service.takes_corrections() {
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "no-journal", "labels are not kept here"));
    }
    let by = request.by.unwrap_or_default().chars().filter(|c| !c.is_control()).take(100).collect::<String>();
    match service.correct(id.clone(), raw, request.label, format!("http:{by}"), "http").await {
        result @ (Corrected::Changed | Corrected::Unchanged) => Ok(Json(json!(LabelResult { id, result }))),
        Corrected::NoSuchMessage => {
            let detail = "no message with this id is known; send it as `raw`";
            Err(Problem::new(StatusCode::NOT_FOUND, "no-such-message", detail))
        }
        Corrected::Failed => {
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "journal", "the journal could not write it"))
        }
    }
}

/// The id of what is labelled, and the message when it came along.
type Labelled = (String, Option<Arc<[u8]>>);

fn labelled(id: Option<String>, raw: Option<String>) -> Result<Labelled, Problem> {
    let is_id = |id: &String| id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match (id, raw) {
        (Some(id), None) if is_id(&id) => Ok((id, None)),
        (Some(_), None) => Err(Problem::bad("`id`: expected 16 hexadecimal digits in lower case")),
        (None, Some(raw)) => Ok((message_id(raw.as_bytes()), Some(raw.into_bytes().into()))),
        _ => Err(Problem::bad("expected exactly one of `id` and `raw`")),
    }
}
