//! The HTTP door: our own interface (`/v1/judge`, `/v1/labels`), rspamd's (`/checkv2`, `/learnspam`, `/learnham`, `/ping`),
//! `/metrics`, and the OpenAPI document at `/v1/openapi.json`.

mod api;
mod auth;
mod body;
mod patient;
mod problem;
mod rspamd;
mod schema;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use secrecy::SecretString;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use auth::Tokens;
use patient::Patient;
pub use problem::Problem;
pub use rspamd::{RspamdAction, RspamdActions};

use super::door::{Door, DoorLimits};
use super::failure::{Failure, FailurePolicy};
use super::listen::{self, Listener, Peer, Stream};
use crate::service::Service;

/// Longest head of a request, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// How the HTTP door is to work.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct HttpConfig {
    /// Bounds.
    pub limits: DoorLimits,
    /// What `/checkv2` says of what cannot be checked; `/v1/judge` says so with an HTTP status.
    pub failure: FailurePolicy,
    /// Tokens of which a caller must have one; required unless only programs on this machine can connect.
    pub tokens: Vec<SecretString>,
    /// What `/checkv2` tells clients to do.
    pub actions: RspamdActions,
    /// The server's name in trace fields; empty for the system's host name.
    pub host: String,
}

impl HttpConfig {
    /// Checks the configuration of a door that can be reached from other machines, or not.
    ///
    /// # Errors
    /// Names the field and what was expected.
    pub fn check(&self, local: bool) -> Result<(), String> {
        self.limits.check()?;
        let tokens = Tokens::new(&self.tokens)?;
        if tokens.is_empty() && !local {
            return Err("tokens is empty; expected at least one, since other machines can connect".to_owned());
        }
        Ok(())
    }
}

/// Serves until `shutdown`; requests under way then are finished.
///
/// # Errors
/// The configuration makes no sense, or leaves an open address without tokens.
pub async fn run(
    listener: impl Into<Listener>,
    service: Arc<Service>,
    config: HttpConfig,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let listener = listener.into();
    config.check(listener.address()?.is_local()).map_err(io::Error::other)?;
    let limits = config.limits;
    let app = router(Arc::clone(&service), config)?;
    let end = shutdown.clone();
    let talk = move |stream, peer| talk(stream, peer, limits, app.clone(), end.clone());
    listen::serve(listener, service, limits.connections, shutdown, talk, turn_away).await
}

/// What all requests share.
struct Desk {
    door: Door,
    tokens: Tokens,
    actions: RspamdActions,
    host: String,
    document: String,
}

/// The OpenAPI document as it is served.
pub fn document() -> utoipa::openapi::OpenApi {
    described().split_for_parts().1
}

#[derive(OpenApi)]
#[openapi(info(title = "bypost", description = "Judges messages that frighten people"))]
struct Document;

/// Routes that are described; each is served exactly as it is described.
fn described() -> OpenApiRouter<Arc<Desk>> {
    let mut document = Document::openapi();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document.components.get_or_insert_default().add_security_scheme("bearer", bearer);
    // Either a token, or none where none are set.
    document.security =
        Some(vec![SecurityRequirement::new("bearer", [""; 0]), SecurityRequirement::default()]);
    OpenApiRouter::with_openapi(document)
        .routes(routes!(api::judge))
        .routes(routes!(api::label))
        .routes(routes!(rspamd::check))
        .routes(routes!(rspamd::learn_spam))
        .routes(routes!(rspamd::learn_ham))
        .routes(routes!(ping))
        .routes(routes!(metrics))
        .routes(routes!(openapi))
}

fn router(service: Arc<Service>, config: HttpConfig) -> io::Result<Router> {
    let (router, document) = described().split_for_parts();
    let host = if config.host.is_empty() { super::host_name() } else { config.host.clone() };
    let desk = Arc::new(Desk {
        door: Door { service, name: "http", limits: config.limits, failures: config.failure },
        tokens: Tokens::new(&config.tokens).map_err(io::Error::other)?,
        actions: config.actions,
        host,
        document: document.to_json().map_err(io::Error::other)?,
    });
    Ok(router
        // rspamd's proxy asks by GET with a body; nothing to describe to others.
        .route("/checkv2", get(rspamd::check))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_so)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&desk), auth::check))
        .with_state(desk))
}

/// Tell that the service is there.
#[utoipa::path(get, path = "/ping", responses((status = 200, description = "`pong`", body = String)))]
async fn ping() -> &'static str {
    "pong\r\n"
}

/// Tell the counters, in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", responses(
    (status = 200, description = "The counters", body = String),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
))]
async fn metrics(State(desk): State<Arc<Desk>>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    ([(header::CONTENT_TYPE, kind)], desk.door.service.counts().exposition()).into_response()
}

/// Describe this interface.
#[utoipa::path(get, path = "/v1/openapi.json", responses(
    (status = 200, description = "This document", body = serde_json::Value),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
))]
async fn openapi(State(desk): State<Arc<Desk>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], desk.document.clone()).into_response()
}

async fn nothing_here() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-path", "see /v1/openapi.json for what there is")
}

async fn not_so() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "see /v1/openapi.json for how it is asked")
}

async fn talk(stream: Stream, peer: Peer, limits: DoorLimits, app: Router, end: CancellationToken) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let app = app.clone();
        async move {
            let Ok(response) = app.oneshot(request.map(Body::new)).await;
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle())
        .max_buf_size(MAX_HEAD)
        .half_close(true);
    let connection = builder.serve_connection(TokioIo::new(Patient::new(stream, limits.idle())), answer);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = end.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = result {
        tracing::debug!(door = "http", %peer, %error, "the connection broke");
    }
}

/// Too many connections: an answer to the first request, and no more.
async fn turn_away(stream: Stream, _: Peer) {
    let idle = std::time::Duration::from_secs(5);
    let answer = service_fn(|_: Request<Incoming>| async {
        Ok::<_, Infallible>(Problem::from(Failure::Connect).into_response())
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(idle).keep_alive(false).half_close(true);
    let connection = builder.serve_connection(TokioIo::new(Patient::new(stream, idle)), answer);
    let _ = tokio::time::timeout(idle, connection).await;
}
