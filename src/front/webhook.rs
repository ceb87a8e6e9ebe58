//! The texting provider's webhook: a signed form in, a short answer out.
//!
//! The provider posts `From` and `Body` and signs the address it calls with all fields, sorted by name and joined, by
//! HMAC-SHA1 in Base64 (header `X-Twilio-Signature`). The answer is what it sends back as a text.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use ring::hmac;
use secrecy::ExposeSecret;

use crate::config::WebhookConfig;
use crate::inbox::{Desk, Refused};
use crate::journal::Incoming;

/// Largest form, in bytes: a text of several parts with all its fields is far smaller.
const MAX_FORM: usize = 64 * 1_024;

/// The header that holds the signature.
const SIGNATURE: &str = "x-twilio-signature";

struct Hook {
    desk: Arc<Desk>,
    config: WebhookConfig,
    key: hmac::Key,
}

/// The webhook as a router, to be merged with others on one listener.
pub fn router(desk: Arc<Desk>, config: WebhookConfig) -> Router {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, config.token.expose_secret().as_bytes());
    let path = config.path.clone();
    let hook = Arc::new(Hook { desk, config, key });
    Router::new().route(&path, post(receive)).layer(DefaultBodyLimit::max(MAX_FORM)).with_state(hook)
}

async fn receive(State(hook): State<Arc<Hook>>, headers: HeaderMap, body: Bytes) -> Response {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    if !is_signed(&hook, &headers, &form) {
        return (StatusCode::FORBIDDEN, "the signature does not match\n").into_response();
    }
    let Some(incoming) = incoming(&hook, &form) else {
        return (StatusCode::BAD_REQUEST, "expected From and Body\n").into_response();
    };
    match hook.desk.converse(incoming).await {
        Ok(answer) => said(Some(&answer)),
        Err(Refused::Guard(_) | Refused::Later) => said(None),
        Err(Refused::Journal(error)) => {
            tracing::error!(%error, "a text was not taken");
            (StatusCode::SERVICE_UNAVAILABLE, "try again later\n").into_response()
        }
    }
}

/// Compared in constant time.
fn is_signed(hook: &Hook, headers: &HeaderMap, form: &BTreeMap<String, String>) -> bool {
    let written = headers.get(SIGNATURE).map(|v| v.as_bytes()).unwrap_or_default();
    let Ok(signature) = data_encoding::BASE64.decode(written) else { return false };
    let mut signed = hook.config.url.clone();
    for (name, value) in form {
        signed.push_str(name);
        signed.push_str(value);
    }
    hmac::verify(&hook.key, signed.as_bytes(), &signature).is_ok()
}

fn incoming(hook: &Hook, form: &BTreeMap<String, String>) -> Option<Incoming> {
    let sender = form.get("From").filter(|s| is_number(s))?;
    let words = form.get("Body")?;
    Some(Incoming {
        id: Incoming::new_id(),
        door: "webhook",
        client: None,
        helo: String::new(),
        sender: sender.clone(),
        recipient: hook.desk.settings().config.inbox.address().to_owned(),
        text: true,
        mark: form.get("MessageSid").cloned().unwrap_or_default(),
        bytes: words.as_bytes().into(),
    })
}

/// A telephone number, with the prefixes that providers write before it (`whatsapp:+1…`).
fn is_number(sender: &str) -> bool {
    let number = sender.rsplit(':').next().unwrap_or(sender);
    let digits = number.strip_prefix('+').unwrap_or(number);
    sender.len() <= 40 && (3..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The answer as the provider takes it (TwiML); without words nothing is sent.
fn said(words: Option<&str>) -> Response {
    let message = words.map(|w| format!("<Message>{}</Message>", escape(w))).unwrap_or_default();
    let xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{message}</Response>");
    ([(header::CONTENT_TYPE, "application/xml; charset=utf-8")], xml).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_numbers() {
        for good in ["+12025550123", "72975", "whatsapp:+12025550123"] {
            assert!(is_number(good), "{good}");
        }
        for bad in ["", "+", "ana@person.example", "+1202555\r\n0123", "12", "+123456789012345678901234"] {
            assert!(!is_number(bad), "{bad}");
        }
    }
}
