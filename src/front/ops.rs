//! `/healthz`, `/readyz` and `/metrics`, for trusted networks only.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::inbox::Desk;
use crate::service::Unchecked;
use crate::verdict::Label;

#[derive(Clone)]
struct Ops {
    desk: Arc<Desk>,
    metrics: PrometheusHandle,
}

/// The three addresses as a router, to be merged with others on one listener.
pub fn router(desk: Arc<Desk>, metrics: PrometheusHandle) -> Router {
    let ops = Ops { desk, metrics };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(numbers))
        .layer(middleware::from_fn_with_state(ops.clone(), only_trusted))
        .with_state(ops)
}

async fn only_trusted(
    State(ops): State<Ops>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let trusted =
        client.ip().to_canonical().is_loopback() || ops.desk.settings().config.sender.trusts(client.ip());
    if trusted { next.run(request).await } else { StatusCode::NOT_FOUND.into_response() }
}

/// Ready means that the journal can be read and there is an engine.
async fn ready(State(ops): State<Ops>) -> Response {
    match ops.desk.journal().counts().await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the journal cannot be read\n").into_response()
        }
    }
}

async fn numbers(State(ops): State<Ops>) -> Response {
    let counts = ops.desk.service().counts();
    for label in [Label::NoSigns, Label::Suspicious, Label::Scam] {
        metrics::counter!("bypost_judged_total", "label" => label.as_str()).absolute(counts.judged(label));
    }
    for why in [Unchecked::TooLarge, Unchecked::Overloaded, Unchecked::TimedOut, Unchecked::Internal] {
        metrics::counter!("bypost_unchecked_total", "why" => why.as_str()).absolute(counts.unchecked(why));
    }
    metrics::counter!("bypost_unrecorded_total").absolute(counts.unrecorded.load(Ordering::Relaxed));
    states(&ops.desk).await;
    ops.metrics.run_upkeep();
    ops.metrics.render().into_response()
}

/// How many messages are in each state.
async fn states(desk: &Desk) {
    let Ok(counted) = desk.journal().counts().await else { return };
    for state in crate::journal::State::ALL {
        let count: u64 = counted.iter().filter(|c| c.state == state.as_str()).map(|c| c.count).sum();
        metrics::gauge!("bypost_messages", "state" => state.as_str()).set(count as f64);
    }
}
