//! How many messages a second the inbox takes, judges and answers, with every one on disk before it is acknowledged.
//!
//! `cargo bench --bench inbox -- [MESSAGES] [CLIENTS]`. Mails come from the directory that `BYPOST_CORPORA` names (below it
//! `mail/`), or from `data/samples`. Each is sent with a Message-ID of its own, over loopback SMTP, one connection a client.

#![expect(clippy::expect_used, reason = "a benchmark that cannot start has nothing to say")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bypost::config::{Config, Flags};
use bypost::engine::Engine;
use bypost::journal::State;
use bypost::message::RawMessage;
use bypost::serve::Serve;
use bypost::sources::Sources;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

const MOST_FILES: usize = 2_000;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let (messages, clients) =
        (numbers.first().copied().unwrap_or(5_000), numbers.get(1).copied().unwrap_or(4));
    let mails = Arc::new(mails());
    composing(&mails);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(8)
        .build()
        .expect("runtime");
    runtime.block_on(load(mails, messages, clients));
}

fn mails() -> Vec<Vec<u8>> {
    let root = std::env::var_os("BYPOST_CORPORA").map(|d| Path::new(&d).join("mail"));
    let root = root.filter(|r| r.is_dir()).unwrap_or_else(|| PathBuf::from("data/samples"));
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let step = (files.len() / MOST_FILES).max(1);
    let mails: Vec<Vec<u8>> = files.iter().step_by(step).filter_map(|f| std::fs::read(f).ok()).collect();
    let bytes: usize = mails.iter().map(Vec::len).sum();
    println!(
        "{} mails from {}, {} KB on average",
        mails.len(),
        root.display(),
        bytes / mails.len().max(1) / 1_000
    );
    mails
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_none_or(|e| e != "md" && e != "json") {
            files.push(path);
        }
    }
}

/// How long it takes from bytes to the text of the answer.
fn composing(mails: &[Vec<u8>]) {
    let engine = Engine::new(&Sources::embedded()).expect("engine");
    let mut times: Vec<Duration> = mails
        .iter()
        .map(|mail| {
            let start = Instant::now();
            let judgement = engine.judge(&RawMessage::new(mail.as_slice()));
            std::hint::black_box(engine.reply(&judgement));
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("judge and compose: median {:?}, 99 of 100 {:?}, longest {:?}", at(0.5), at(0.99), at(1.0));
}

async fn load(mails: Arc<Vec<Vec<u8>>>, messages: usize, clients: usize) {
    let dir = tempfile::tempdir_in(".").expect("directory");
    let flags = Flags {
        data_dir: Some(dir.path().into()),
        smtp: Some("127.0.0.1:0".into()),
        http: Some("off".into()),
        ..Flags::default()
    };
    let text = "[answers]\nper_hour = 100000000\nper_sender_hour = 1000000";
    let config = Config::parse("bench", text, &flags, &|_| None).expect("configuration");
    let serve = Arc::new(Serve::open(config).await.expect("opens"));
    let bound = serve.bind().await.expect("binds");
    let address = bound[0].address().expect("address");
    let shutdown = CancellationToken::new();
    let (running, stop) = (Arc::clone(&serve), shutdown.clone());
    let task = tokio::spawn(async move { running.run(bound, stop).await });
    let start = Instant::now();
    let senders: Vec<_> = (0..clients)
        .map(|client| tokio::spawn(send(address, Arc::clone(&mails), client, clients, messages)))
        .collect();
    let watching = tokio::spawn(watch(Arc::clone(&serve), start));
    for sender in senders {
        sender.await.expect("joined");
    }
    let accepted = start.elapsed();
    let journal = serve.desk().journal();
    while journal.count(State::Received).await.expect("read") > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let judged = start.elapsed();
    while journal.count(State::Answering).await.expect("read") > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    watching.abort();
    let rate = |time: Duration| messages as f64 / time.as_secs_f64();
    println!(
        "accepted and durable: {:.0} a second; judged: {:.0}; answered: {:.0}",
        rate(accepted),
        rate(judged),
        rate(start.elapsed())
    );
    println!("resident memory at the end: {} MB", memory());
    for counted in journal.counts().await.expect("read") {
        println!("  {} {} {}", counted.state, counted.reason, counted.count);
    }
    shutdown.cancel();
    task.await.expect("joined");
}

/// Sends every `clients`-th message over one connection.
async fn send(address: SocketAddr, mails: Arc<Vec<Vec<u8>>>, client: usize, clients: usize, messages: usize) {
    let mut stream = BufReader::new(TcpStream::connect(address).await.expect("connects"));
    stream.get_mut().set_nodelay(true).expect("socket");
    read(&mut stream).await;
    say(&mut stream, b"EHLO client.example\r\n").await;
    for number in (client..messages).step_by(clients) {
        let envelope =
            format!("MAIL FROM:<p{number}@person.example>\r\nRCPT TO:<check@localhost>\r\nDATA\r\n");
        stream.get_mut().write_all(envelope.as_bytes()).await.expect("written");
        for _ in 0..3 {
            read(&mut stream).await;
        }
        let mut mail = format!("X-Number: {number}\r\n").into_bytes();
        for line in mails[number % mails.len()].split(|b| *b == b'\n') {
            if line.first() == Some(&b'.') {
                mail.push(b'.');
            }
            mail.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            mail.extend_from_slice(b"\r\n");
        }
        mail.extend_from_slice(b".\r\n");
        let reply = say(&mut stream, &mail).await;
        assert!(reply.starts_with("250"), "{reply}");
    }
}

async fn say(stream: &mut BufReader<TcpStream>, bytes: &[u8]) -> String {
    stream.get_mut().write_all(bytes).await.expect("written");
    read(stream).await
}

async fn read(stream: &mut BufReader<TcpStream>) -> String {
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).await.expect("read") > 0, "the server hung up");
        if line.as_bytes().get(3) != Some(&b'-') {
            return line;
        }
    }
}

/// Prints memory now and then.
async fn watch(serve: Arc<Serve>, start: Instant) {
    loop {
        tokio::time::sleep(Duration::from_secs(20)).await;
        let waiting = serve.desk().waiting();
        println!("{:>4} s: {waiting} waiting, {} MB resident", start.elapsed().as_secs(), memory());
    }
}

/// Resident memory of this process, clients and all, in megabytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) / 1_000
}
