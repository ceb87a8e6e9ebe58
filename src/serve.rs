//! `bypost serve` put together: engine, journal, desk, doors.
//!
//! A further door is a listener in [`Serve::bind`] and an arm in `Serve::door`; further HTTP addresses are merged into
//! `Serve::router`. Each door runs until the shutdown and then finishes what it has in hand.

use std::fs::{DirBuilder, File, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use arc_swap::ArcSwap;
use axum::http::StatusCode;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::timeout::TimeoutLayer;

use crate::config::Config;
use crate::engine::Engine;
use crate::front::smtp::{Protocol, Server, ServerParts, tls_acceptor};
use crate::front::{imap, maildir, ops, webhook};
use crate::guards::Policy;
use crate::inbox::sender::Resolver;
use crate::inbox::{Desk, DeskParts, Settings};
use crate::journal::{self, Journal};
use crate::outbox::{self, Signer};
use crate::service::Service;
use crate::sources::Sources;

/// Longest time for one HTTP request.
const HTTP_PATIENCE: Duration = Duration::from_secs(30);

/// The service in one piece.
pub struct Serve {
    config: Config,
    desk: Arc<Desk>,
    settings: Arc<ArcSwap<Settings>>,
    policy: Arc<ArcSwap<Policy>>,
    metrics: PrometheusHandle,
    tls: Option<TlsAcceptor>,
    /// Held as long as we run: two services on one journal would answer everything twice.
    _lock: File,
}

impl std::fmt::Debug for Serve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serve").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A door whose address is bound.
#[derive(Debug)]
pub struct Bound {
    /// `smtp`, `lmtp` or `http`.
    pub name: &'static str,
    /// The listener.
    pub listener: TcpListener,
}

impl Bound {
    /// The address; with the port that was found where 0 was asked for.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Serve {
    /// Loads engine, certificate and keys, locks the data directory and opens the journal.
    ///
    /// # Errors
    /// Names what cannot be loaded, locked or opened.
    pub async fn open(config: Config) -> Result<Self> {
        let engine = engine(&config)?;
        let lock = lock(&config.data_dir)?;
        let policy = Arc::new(ArcSwap::from_pointee(policy(&config)));
        let journal = Journal::open(&config.journal.url, journal::system_clock(), Arc::clone(&policy)).await;
        let settings = Arc::new(ArcSwap::from_pointee(settings(&config)?));
        let signer = config.outbox.dkim.as_ref().map(Signer::open).transpose().map_err(|e| anyhow!(e))?;
        let carrier = outbox::carrier(&config.outbox, &config.inbox.hostname).map_err(|e| anyhow!(e))?;
        let desk = Desk::new(DeskParts {
            service: Arc::new(Service::new(engine, config.engine.limits)),
            journal: journal.context("cannot open the journal")?,
            settings: Arc::clone(&settings),
            policy: Arc::clone(&policy),
            carrier,
            signer,
        });
        desk.count_waiting().await?;
        let tls = config.tls.as_ref().map(tls_acceptor).transpose().map_err(|e| anyhow!("tls: {e}"))?;
        let (desk, metrics) = (Arc::new(desk), metrics()?);
        Ok(Self { config, desk, settings, policy, metrics, tls, _lock: lock })
    }

    /// The desk, for doors that are opened elsewhere.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Binds every door: sockets that the service manager hands over first (named `smtp`, `lmtp`, `http`), then the
    /// configured addresses of the doors that got none.
    ///
    /// # Errors
    /// Names the address that cannot be bound.
    pub async fn bind(&self) -> Result<Vec<Bound>> {
        let mut bound = handed_over()?;
        let config = &self.config;
        for (name, addresses) in [("smtp", &config.smtp), ("lmtp", &config.lmtp), ("http", &config.http)] {
            if bound.iter().any(|b| b.name == name) {
                continue;
            }
            for address in addresses {
                let listener = TcpListener::bind(address).await;
                let listener = listener.with_context(|| format!("{name}: cannot listen on {address}"))?;
                bound.push(Bound { name, listener });
            }
        }
        Ok(bound)
    }

    /// Runs until `shutdown`, and until what was in hand is finished.
    pub async fn run(&self, bound: Vec<Bound>, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        for door in bound {
            self.door(door, &tasks, &shutdown);
        }
        for mailbox in self.config.imap.clone() {
            tasks.spawn(imap::run(mailbox, Arc::clone(&self.desk), shutdown.clone()));
        }
        for watched in self.config.maildir.clone() {
            tasks.spawn(maildir::run(watched, Arc::clone(&self.desk), shutdown.clone()));
        }
        tasks.spawn(Arc::clone(&self.desk).run(shutdown.clone()));
        tasks.close();
        tasks.wait().await;
    }

    fn door(&self, door: Bound, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let shutdown = shutdown.clone();
        match door.name {
            "smtp" => tasks.spawn(self.mail(Protocol::Smtp).run(door.listener, shutdown)),
            "lmtp" => tasks.spawn(self.mail(Protocol::Lmtp).run(door.listener, shutdown)),
            _ => tasks.spawn(http(door.listener, self.router(), shutdown)),
        };
    }

    fn mail(&self, protocol: Protocol) -> Server {
        let (desk, limits, tls) = (Arc::clone(&self.desk), self.config.limits.clone(), self.tls.clone());
        Server::new(ServerParts { protocol, desk, limits, tls })
    }

    /// Everything that is served over HTTP.
    fn router(&self) -> axum::Router {
        let mut router = ops::router(Arc::clone(&self.desk), self.metrics.clone());
        if let Some(hook) = &self.config.webhook {
            router = router.merge(webhook::router(Arc::clone(&self.desk), hook.clone()));
        }
        router.layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, HTTP_PATIENCE))
    }

    /// Takes over engine, data, inbox, sender and answers of another configuration; the rest needs a restart.
    ///
    /// # Errors
    /// Something in it cannot be used; then everything stays as it was.
    pub fn reload(&self, config: &Config) -> Result<()> {
        let engine = engine(config)?;
        let settings = settings(config)?;
        let policy = policy(config);
        self.desk.service().reload(engine);
        self.settings.store(Arc::new(settings));
        self.policy.store(Arc::new(policy));
        Ok(())
    }
}

async fn http(listener: TcpListener, router: axum::Router, shutdown: CancellationToken) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(shutdown.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(%error, "the HTTP door failed");
    }
}

fn policy(config: &Config) -> Policy {
    Policy { inbox: config.inbox.clone(), answers: config.answers.clone() }
}

fn settings(config: &Config) -> Result<Settings> {
    let resolver = Resolver::new(config.sender.dns.as_deref());
    let resolver = resolver.unwrap_or_else(|error| {
        // A machine without name servers still serves trusted networks.
        tracing::warn!(error, "senders are not looked up");
        None
    });
    Ok(Settings { config: config.clone(), resolver })
}

/// The engine that a configuration names.
///
/// # Errors
/// Names file and line of what is wrong.
pub fn engine(config: &Config) -> Result<Engine> {
    let sources = match &config.engine.data {
        Some(dir) => Sources::from_dir(dir)?,
        None => Sources::embedded(),
    };
    Ok(Engine::new(&sources)?.trusting(config.sender.authserv.clone()))
}

fn lock(dir: &Path) -> Result<File> {
    let name = dir.display();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("{name}: cannot make the data directory"))?;
    let file = File::create(dir.join("lock")).with_context(|| format!("{name}: cannot write there"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("{name}: another bypost serves from this directory"),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("{name}: cannot lock it")),
    }
}

/// The process's recorder of numbers; there can be one only.
fn metrics() -> Result<PrometheusHandle> {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().install_recorder().context("cannot record metrics")?;
    Ok(RECORDER.get_or_init(|| handle).clone())
}

/// Sockets that the service manager bound for us (sd_listen_fds(3)), known by their names.
fn handed_over() -> Result<Vec<Bound>> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut handed = listenfd::ListenFd::from_env();
    let mut bound = Vec::new();
    for (index, written) in names.split(':').enumerate().take(handed.len()) {
        let name = ["smtp", "lmtp", "http"].into_iter().find(|n| *n == written);
        let name = name.with_context(|| format!("socket {written}: expected smtp, lmtp or http"))?;
        if let Some(listener) = handed.take_tcp_listener(index)? {
            listener.set_nonblocking(true)?;
            bound.push(Bound { name, listener: TcpListener::from_std(listener)? });
        }
    }
    Ok(bound)
}
