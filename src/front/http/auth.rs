//! Who may call: anybody on this machine when no tokens are set, else whoever has one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};

use super::Desk;
use super::problem::Problem;

/// Shortest token that is accepted in the configuration.
const LEAST: usize = 16;

/// The tokens, as digests: those are compared in constant time.
pub(super) struct Tokens(Vec<blake3::Hash>);

impl Tokens {
    /// # Errors
    /// A token is too short to be one.
    pub(super) fn new(tokens: &[SecretString]) -> Result<Self, String> {
        if let Some(at) = tokens.iter().position(|t| t.expose_secret().len() < LEAST) {
            return Err(format!("tokens[{at}] is too short; expected at least {LEAST} characters"));
        }
        Ok(Self(tokens.iter().map(|t| blake3::hash(t.expose_secret().as_bytes())).collect()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn know(&self, token: &[u8]) -> bool {
        let digest = blake3::hash(token);
        self.0.iter().fold(false, |known, own| known | (*own == digest))
    }
}

/// Lets a request through, or not.
pub(super) async fn check(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    // A page in a browser must not reach what listens on this machine.
    if request.headers().contains_key(header::ORIGIN) {
        return Problem::new(StatusCode::FORBIDDEN, "browser", "requests from web pages are not served")
            .into_response();
    }
    let open = desk.tokens.is_empty() || request.uri().path() == "/ping";
    if open || token(request.headers()).is_some_and(|token| desk.tokens.know(token)) {
        return next.run(request).await;
    }
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "token",
        "expected `Authorization: Bearer TOKEN` with a known token",
    )
    .into_response()
}

/// The token of `Authorization: Bearer`, or of `Password` as rspamc sends it.
fn token(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(header::AUTHORIZATION).map(|v| v.as_bytes()).and_then(|v| {
        let (scheme, token) = v.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
    });
    bearer.or_else(|| headers.get("password").map(|v| v.as_bytes()))
}
