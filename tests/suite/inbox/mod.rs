//! The inbox as a whole: real sockets on loopback, a real journal, the real engine.

mod client;
mod crash;
mod doors;
mod flows;
mod hostile;
mod relays;
mod sink;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bypost::config::{Config, Flags};
use bypost::journal::{Row, State};
use bypost::serve::Serve;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use client::Client;

/// Longest that a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running inbox.
pub(crate) struct Inbox {
    pub(crate) serve: Arc<Serve>,
    pub(crate) dir: tempfile::TempDir,
    addresses: Vec<(&'static str, SocketAddr)>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Inbox {
    /// An inbox with the given configuration, on ports that are free. `DIR` in it is a directory of its own.
    pub(crate) async fn start(text: &str) -> Self {
        Self::start_in(tempfile::tempdir().expect("directory"), text).await
    }

    pub(crate) async fn start_in(dir: tempfile::TempDir, text: &str) -> Self {
        let text = text.replace("DIR", &dir.path().display().to_string());
        let any = Some("127.0.0.1:0".to_owned());
        let flags = Flags {
            data_dir: Some(dir.path().to_owned()),
            smtp: any.clone(),
            lmtp: any.clone(),
            http: any,
            ..Flags::default()
        };
        let config = Config::parse("test.toml", &text, &flags, &|_| None).expect("configuration");
        let serve = Arc::new(Serve::open(config).await.expect("opens"));
        let bound = serve.bind().await.expect("binds");
        let addresses = bound.iter().map(|b| (b.name, b.address().expect("address"))).collect();
        let shutdown = CancellationToken::new();
        let (running, stop) = (Arc::clone(&serve), shutdown.clone());
        let task = tokio::spawn(async move { running.run(bound, stop).await });
        Self { serve, dir, addresses, shutdown, task }
    }

    /// Where a door listens.
    pub(crate) fn address(&self, door: &str) -> SocketAddr {
        self.addresses.iter().find(|(name, _)| *name == door).expect("door").1
    }

    /// Stops; what was in hand is finished.
    pub(crate) async fn stop(self) -> tempfile::TempDir {
        self.shutdown.cancel();
        self.task.await.expect("ends");
        self.dir
    }

    /// Sends one mail from `sender` to the inbox; the reply to it.
    pub(crate) async fn send(&self, sender: &str, mail: &str) -> String {
        let mut client = Client::connect(self.address("smtp")).await;
        client.hello("EHLO").await;
        client.mail(sender, "check@localhost", mail).await
    }

    /// Waits until all messages are settled; then all of them, oldest first.
    pub(crate) async fn settled(&self, count: usize) -> Vec<Row> {
        let journal = self.serve.desk().journal();
        let settled = |rows: &Vec<Row>| {
            let open = [State::Received, State::Judged, State::Answering].map(State::as_str);
            rows.len() == count && rows.iter().all(|r| !open.contains(&r.state.as_str()))
        };
        let mut rows =
            eventually(async || Some(journal.latest(None, 10_000).await.expect("read")).filter(settled))
                .await;
        rows.reverse();
        rows
    }

    /// The answers in the outbox, in the order of their names.
    pub(crate) fn answers(&self) -> Vec<String> {
        let dir = self.dir.path().join("outbox/new");
        let mut files: Vec<_> =
            std::fs::read_dir(dir).expect("outbox").map(|e| e.expect("entry").path()).collect();
        files.sort();
        files.iter().map(|f| std::fs::read_to_string(f).expect("answer")).collect()
    }
}

/// Looks again and again until there is something, or fails the test.
pub(crate) async fn eventually<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it did not happen in time")
}

/// What stands in a header field of an answer.
pub(crate) fn field(answer: &str, name: &str) -> String {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
    let line = head.lines().find_map(|l| l.strip_prefix(&format!("{name}: ")).map(str::to_owned));
    line.unwrap_or_default()
}

/// A scam as people paste it.
pub(crate) const SCAM: &str =
    "IRS: you owe $2,430. You will be arrested today unless you pay with gift cards. Call 202-555-0123 now.";

/// A mail by `from` with a Message-ID made from `id`, further header lines, and a body.
pub(crate) fn mail(from: &str, id: &str, head: &str, body: &str) -> String {
    format!(
        "From: {from}\r\nTo: check@localhost\r\nMessage-ID: <{id}@person.example>\r\nDate: Mon, 21 Sep 2026 10:00:00 +0000\r\n{head}\r\n{}\r\n",
        body.replace('\n', "\r\n")
    )
}

/// An inline forward of a scam.
pub(crate) fn forward(from: &str, id: &str) -> String {
    let body = format!(
        "Is this real?\n\n---------- Forwarded message ---------\nFrom: IRS Refunds <refund@irs-gov.example>\nDate: Mon, Sep 21, 2026 at 9:00 AM\nSubject: Final notice\nTo: <{from}>\n\n{SCAM}\n"
    );
    mail(from, id, "Subject: Fwd: Final notice\r\n", &body)
}
