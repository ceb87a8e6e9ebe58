//! The program killed again and again: what it acknowledged is in the journal, and is answered once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bypost::journal::{self, Journal};

use super::sink::{Mood, Sink};
use super::{Client, SCAM, eventually, field, mail};

/// Times that the program is killed. `BYPOST_CRASHES` asks for more.
fn crashes() -> usize {
    std::env::var("BYPOST_CRASHES").ok().and_then(|n| n.parse().ok()).unwrap_or(200)
}

/// Clients that send at the same time.
const CLIENTS: usize = 4;

/// The program under test.
struct Program {
    child: Child,
    smtp: SocketAddr,
}

impl Program {
    fn start(config: &std::path::Path, dir: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bypost"))
            .args(["serve", "--smtp", "127.0.0.1:0", "--http", "off", "--config"])
            .arg(config)
            .arg("--data-dir")
            .arg(dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("output");
        std::io::BufReader::new(out).read_line(&mut line).expect("a line");
        let smtp = line.strip_prefix("listening smtp ").and_then(|a| a.trim().parse().ok());
        Self { smtp: smtp.unwrap_or_else(|| panic!("not listening: {line:?}")), child }
    }

    fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

/// What clients share.
#[derive(Default)]
struct Load {
    /// Where the program listens now.
    address: Mutex<Option<SocketAddr>>,
    /// Numbers of messages that were acknowledged.
    acknowledged: Mutex<BTreeSet<usize>>,
    next: AtomicUsize,
    stop: AtomicBool,
}

/// Sends one message after the other, each until it is acknowledged.
async fn send(load: Arc<Load>) {
    while !load.stop.load(Ordering::SeqCst) {
        let number = load.next.fetch_add(1, Ordering::SeqCst);
        while !attempt(&load, number).await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        load.acknowledged.lock().expect("lock").insert(number);
    }
}

async fn attempt(load: &Load, number: usize) -> bool {
    let Some(address) = *load.address.lock().expect("lock") else { return false };
    let Ok(mut client) = Client::try_connect(address).await else { return false };
    let from = format!("p{number}@person.example");
    client.hello("EHLO").await;
    client
        .mail(&from, "check@localhost", &mail(&from, &number.to_string(), "", SCAM))
        .await
        .starts_with("250 ")
}

/// A stream of numbers that is the same in every run (splitmix64).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_answered_twice() {
    let dir = tempfile::tempdir().expect("directory");
    let sink = Sink::start(Mood::Takes).await;
    let config = dir.path().join("bypost.toml");
    let port = sink.address.port();
    let text = format!(
        "[outbox]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nretry_seconds = 1\n[answers]\nper_hour = 1000000\n"
    );
    std::fs::write(&config, text).expect("configuration");
    let load = Arc::new(Load::default());
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(send(Arc::clone(&load)))).collect();
    let mut seed = 1;
    for round in 0..crashes() {
        let program = Program::start(&config, dir.path());
        *load.address.lock().expect("lock") = Some(program.smtp);
        // The relay has its moods too.
        sink.be(if round % 5 == 4 { Mood::HangsUp } else { Mood::Takes });
        tokio::time::sleep(Duration::from_millis(random(&mut seed) % 120)).await;
        *load.address.lock().expect("lock") = None;
        program.kill();
    }
    sink.be(Mood::Takes);
    let last = Program::start(&config, dir.path());
    load.stop.store(true, Ordering::SeqCst);
    *load.address.lock().expect("lock") = Some(last.smtp);
    for client in clients {
        client.await.expect("joined");
    }
    check(dir.path(), &load, &sink).await;
    last.kill();
}

async fn check(dir: &std::path::Path, load: &Load, sink: &Sink) {
    let url = format!("sqlite://{}", Journal::file_in(dir).display()).into();
    let config = bypost::config::Config::parse("t", "", &Default::default(), &|_| None).expect("valid");
    let policy = bypost::guards::Policy { inbox: config.inbox, answers: config.answers };
    let policy = Arc::new(arc_swap::ArcSwap::from_pointee(policy));
    let journal = Journal::open(&url, journal::system_clock(), policy).await.expect("journal");
    let rows = eventually(async || {
        let rows = journal.latest(None, 1_000_000).await.expect("read");
        let open = ["received", "judged", "answering"];
        (!rows.iter().any(|r| open.contains(&r.state.as_str()))).then_some(rows)
    })
    .await;
    let acknowledged = load.acknowledged.lock().expect("lock").clone();
    let mut by_sender: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in &rows {
        by_sender.entry(&row.sender).or_default().push(&row.state);
        let fine = row.state == "answered" || row.reason.as_deref() == Some("answered");
        assert!(fine, "{row:?}");
    }
    for number in &acknowledged {
        let states =
            by_sender.get(format!("p{number}@person.example").as_str()).expect("acknowledged, but not there");
        assert_eq!(states.iter().filter(|s| **s == "answered").count(), 1, "{number}: {states:?}");
    }
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for taken in sink.taken() {
        let id = field(&taken.message, "Message-ID");
        ids.entry(field(&taken.message, "In-Reply-To")).or_default().insert(id);
    }
    assert_eq!(ids.len(), by_sender.len(), "each message was answered");
    assert!(ids.values().all(|ids| ids.len() == 1), "{ids:?}");
    let (kills, messages, twice) = (crashes(), rows.len(), sink.taken().len() - ids.len());
    println!(
        "{kills} kills, {} acknowledged, {messages} in the journal, {twice} answers repeated",
        acknowledged.len()
    );
}
