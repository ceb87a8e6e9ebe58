//! `bypost serve`, and the commands that look into its journal.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::args::{EraseArgs, InboxArgs, JournalArgs, ServeArgs};
use crate::config::{Config, Flags, LogConfig};
use crate::guards::Policy;
use crate::journal::{self, Change, Effect, Journal, Row, State};
use crate::serve::Serve;

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl InboxArgs {
    fn flags(&self) -> Flags {
        Flags { config: self.config.clone(), data_dir: self.data_dir.clone(), ..Flags::default() }
    }
}

/// Serves until SIGTERM or SIGINT.
pub(super) fn run(args: &ServeArgs, data: Option<&PathBuf>) -> Result<u8> {
    let flags = Flags {
        smtp: args.smtp.clone(),
        lmtp: args.lmtp.clone(),
        http: args.http.clone(),
        ..args.inbox.flags()
    };
    let load = || -> Result<Config> {
        let mut config = Config::load(&flags, &environment)?;
        if let Some(data) = data {
            config.engine.data = Some(data.clone());
        }
        Ok(config)
    };
    let config = load()?;
    log(&config.log)?;
    runtime()?.block_on(serve(config, &load))?;
    Ok(0)
}

/// Threads for work that blocks, beside one for each core: every thread that judges keeps its own scratch memory.
const BLOCKING: usize = 6;

fn runtime() -> Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(cores + BLOCKING)
        .build()
        .context("cannot start the runtime")
}

fn log(config: &LogConfig) -> Result<()> {
    let filter =
        EnvFilter::try_new(&config.level).with_context(|| format!("log.level is `{}`", config.level))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let result = if config.json { builder.json().try_init() } else { builder.with_ansi(false).try_init() };
    result.map_err(|e| anyhow::anyhow!("cannot start the log: {e}"))
}

async fn serve(config: Config, load: &dyn Fn() -> Result<Config>) -> Result<()> {
    let serve = Serve::open(config).await?;
    let bound = serve.bind().await?;
    let shutdown = CancellationToken::new();
    for door in &bound {
        announce(door.name, door.address()?)?;
    }
    tell(&[NotifyState::Ready]);
    let signals = heed(&serve, load, &shutdown);
    let ((), heeded) = tokio::join!(serve.run(bound, shutdown.clone()), signals);
    tracing::info!("everything in hand is finished");
    heeded
}

/// One line for each door, for people and for tests that asked for port 0.
fn announce(name: &str, address: std::net::SocketAddr) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening {name} {address}")?;
    out.flush()?;
    Ok(())
}

/// Tells the service manager; without one nothing happens.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

/// SIGHUP reloads, SIGTERM and SIGINT stop.
async fn heed(serve: &Serve, load: &dyn Fn() -> Result<Config>, shutdown: &CancellationToken) -> Result<()> {
    let _stop = shutdown.clone().drop_guard();
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            _ = hangup.recv() => reload(serve, load),
            _ = terminate.recv() => break,
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    tracing::info!("shutting down");
    tell(&[NotifyState::Stopping]);
    Ok(())
}

/// A configuration, data or model that cannot be used is refused, and the old ones stay.
fn reload(serve: &Serve, load: &dyn Fn() -> Result<Config>) {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
    match load().and_then(|config| serve.reload(&config)) {
        Ok(()) => tracing::info!("reloaded"),
        Err(error) => tracing::error!(error = format!("{error:#}"), "not reloaded; the old settings stay"),
    }
    tell(&[NotifyState::Ready]);
}

/// `bypost check --config`: loads all that the service would load.
pub(super) fn check(path: PathBuf, data: Option<&PathBuf>) -> Result<()> {
    let flags = Flags { config: Some(path.clone()), ..Flags::default() };
    let mut config = Config::load(&flags, &environment)?;
    if let Some(data) = data {
        config.engine.data = Some(data.clone());
    }
    crate::serve::engine(&config)?;
    if let Some(tls) = &config.tls {
        crate::front::smtp::tls_acceptor(tls).map_err(|e| anyhow::anyhow!("tls: {e}"))?;
    }
    if let Some(dkim) = &config.outbox.dkim {
        crate::outbox::Signer::open(dkim).map_err(|e| anyhow::anyhow!("outbox.dkim: {e}"))?;
    }
    println!("{}: fine", path.display());
    Ok(())
}

async fn open(config: &Config) -> Result<Journal> {
    let policy = Policy { inbox: config.inbox.clone(), answers: config.answers.clone() };
    let policy = Arc::new(ArcSwap::from_pointee(policy));
    Journal::open(&config.journal.url, journal::system_clock(), policy)
        .await
        .context("cannot open the journal")
}

/// `bypost erase`: what one sender sent, or what is old.
pub(super) fn erase(args: &EraseArgs) -> Result<u8> {
    let config = Config::load(&args.inbox.flags(), &environment)?;
    let erased = runtime()?.block_on(async {
        let journal = open(&config).await?;
        if let Some(days) = args.older_than_days {
            let before = journal.now() - i64::from(days) * 86_400_000;
            return Ok::<u64, anyhow::Error>(journal::erase_before(&journal, before).await?);
        }
        let sender = args.sender.clone().unwrap_or_default();
        match journal.commit(Change::EraseSender(sender)).await? {
            Effect::Count(count) => Ok(count),
            _ => Ok(0),
        }
    })?;
    println!("{erased} messages erased");
    Ok(0)
}

/// `bypost journal`: what became of the latest messages.
pub(super) fn journal(args: &JournalArgs) -> Result<u8> {
    let config = Config::load(&args.inbox.flags(), &environment)?;
    let state = match &args.state {
        Some(word) => Some(State::parse(word).with_context(|| {
            format!("`{word}` is no state; expected one of {}", State::ALL.map(State::as_str).join(", "))
        })?),
        None => None,
    };
    runtime()?.block_on(async {
        let journal = open(&config).await?;
        if args.counts {
            for counted in journal.counts().await? {
                println!("{:<20} {:<24} {}", counted.state, counted.reason, counted.count);
            }
            return Ok(());
        }
        for row in journal.latest(state, args.last.into()).await? {
            println!("{}", line(&row));
        }
        Ok::<(), anyhow::Error>(())
    })?;
    Ok(0)
}

/// One message on one line, without anything that could disturb a terminal.
fn line(row: &Row) -> String {
    let word = |w: &Option<String>| w.clone().unwrap_or_else(|| "-".to_owned());
    let text = format!(
        "{} {} {:<8} {:<18} {:<24} {:<10} {}",
        row.id,
        row.received_at,
        row.door,
        row.state,
        word(&row.reason),
        word(&row.label),
        row.sender
    );
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
