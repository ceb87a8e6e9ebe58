//! Opens filter doors for the tests with real programs and for the benches: `doors [--milter A] [--spamd A] [--http A]
//! [--config FILE] [--labels FILE]`, where A is `127.0.0.1:PORT` or `unix:/PATH`.
//!
//! FILE has the tables `[milter]`, `[spamd]` and `[http]`. Labels (TELL, `/v1/labels`) are appended to a file, a line
//! each. Ends on SIGTERM.

#![expect(clippy::expect_used, reason = "a tool for tests: what fails is to be seen at once")]

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use bypost::engine::Engine;
use bypost::front::listen::{Address, Listener};
use bypost::front::{http, milter, spamd};
use bypost::service::{Corrected, Correction, Service, ServiceLimits};
use bypost::sources::Sources;
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    milter: milter::MilterConfig,
    spamd: spamd::SpamdConfig,
    http: http::HttpConfig,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given: HashMap<&str, &str> =
        arguments.chunks(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
    let text = given.get("--config").map(|path| std::fs::read_to_string(path).expect("configuration"));
    let config: Config = toml::from_str(&text.unwrap_or_default()).expect("configuration");
    let engine = Engine::new(&Sources::embedded()).expect("engine");
    let mut service = Service::new(engine, ServiceLimits::default());
    if let Some(path) = given.get("--labels") {
        service = service.correcting(keep((*path).to_owned()));
    }
    let (service, end) = (Arc::new(service), CancellationToken::new());
    let mut tasks = tokio::task::JoinSet::new();
    if let Some(listener) = bind(given.get("--milter")).await {
        tasks.spawn(milter::run(listener, Arc::clone(&service), config.milter, end.clone()));
    }
    if let Some(listener) = bind(given.get("--spamd")).await {
        tasks.spawn(spamd::run(listener, Arc::clone(&service), config.spamd, end.clone()));
    }
    if let Some(listener) = bind(given.get("--http")).await {
        tasks.spawn(http::run(listener, Arc::clone(&service), config.http, end.clone()));
    }
    println!("ready");
    signal(SignalKind::terminate()).expect("signals").recv().await;
    end.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.expect("task").expect("door");
    }
    eprintln!("{}", service.counts().exposition());
}

async fn bind(address: Option<&&str>) -> Option<Listener> {
    let address: Address = address?.parse().expect("address");
    Some(address.bind().await.expect("binds"))
}

/// Appends labels to a file; the same one twice is unchanged.
fn keep(path: String) -> mpsc::Sender<Correction> {
    let (sender, mut corrections) = mpsc::channel::<Correction>(16);
    tokio::spawn(async move {
        let mut known = HashMap::new();
        while let Some(c) = corrections.recv().await {
            let changed = known.insert(c.id.clone(), c.truth) != Some(c.truth);
            let mut file = std::fs::File::options().create(true).append(true).open(&path).expect("labels");
            writeln!(file, "{} {:?} {} {changed}", c.id, c.truth, c.by).expect("labels");
            let _ = c.answer.send(if changed { Corrected::Changed } else { Corrected::Unchanged });
        }
    });
    sender
}
