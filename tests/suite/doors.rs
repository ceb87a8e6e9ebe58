//! The doors at work on loopback ports, and small clients that speak as mail servers do.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bypost::engine::Engine;
use bypost::front::headers;
use bypost::front::listen::Listener;
use bypost::service::{Corrected, Correction, Flagged, Service, ServiceLimits};
use bypost::sources::Sources;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A door that ends with the test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<io::Result<()>>,
}

/// Starts a door on a free port.
pub(crate) async fn start<F>(run: impl FnOnce(Listener, CancellationToken) -> F) -> Running
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("address");
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(run(listener.into(), shutdown.clone()));
    Running { address, shutdown, task }
}

/// A service with the engine as shipped.
pub(crate) fn service(limits: ServiceLimits) -> Service {
    Service::new(Engine::new(&Sources::embedded()).expect("engine"), limits)
}

/// A service whose flagged messages and corrections are kept for the test to see.
pub(crate) fn recorded() -> (Arc<Service>, mpsc::Receiver<Flagged>, mpsc::Receiver<Correction>) {
    let (flagged, flags) = mpsc::channel(1_000);
    let (corrections, corrected) = mpsc::channel(100);
    let service = service(ServiceLimits::default()).recording(flagged).correcting(corrections);
    (Arc::new(service), flags, corrected)
}

/// A journal that has learned nothing yet: answers `Changed` the first time, then `Unchanged`.
pub(crate) fn keep(mut corrections: mpsc::Receiver<Correction>) -> JoinHandle<Vec<String>> {
    tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(correction) = corrections.recv().await {
            let line = format!("{} {:?} {}", correction.id, correction.truth, correction.by);
            let known = seen.contains(&line);
            let _ = correction.answer.send(if known { Corrected::Unchanged } else { Corrected::Changed });
            seen.push(line);
        }
        seen
    })
}

/// Sends everything, says that nothing more comes, and reads the answer to its end.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    // A server may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// A request of the spamd protocol.
pub(crate) fn spamd_request(command: &str, mail: &[u8]) -> Vec<u8> {
    let head = format!("{command} SPAMC/1.5\r\nUser: ana\r\nContent-length: {}\r\n\r\n", mail.len());
    [head.as_bytes(), mail].concat()
}

/// A mail server's side of the milter protocol.
pub(crate) struct MailServer {
    stream: TcpStream,
    pub(crate) protocol: u32,
}

/// What came of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Fields added.
    pub(crate) added: Vec<(String, Vec<u8>)>,
    /// Fields changed: index, name, value.
    pub(crate) changed: Vec<(u32, String, Vec<u8>)>,
    /// Reason of the quarantine.
    pub(crate) held: Option<String>,
    /// The last packet, its letter first.
    pub(crate) last: String,
}

impl Verdict {
    /// The value of a field that was added, unfolded.
    pub(crate) fn field(&self, name: &str) -> String {
        let found = self.added.iter().find(|(n, _)| n == name);
        found.map_or_else(String::new, |(_, v)| {
            String::from_utf8_lossy(v).replace("\n\t", " ").trim().to_owned()
        })
    }
}

pub(crate) fn packet(letter: u8, data: &[u8]) -> Vec<u8> {
    [&(data.len() as u32 + 1).to_be_bytes()[..], &[letter], data].concat()
}

impl MailServer {
    /// Connects and negotiates, offering these steps.
    pub(crate) async fn connect(address: SocketAddr, protocol: u32) -> Self {
        let stream = TcpStream::connect(address).await.expect("connects");
        let mut server = Self { stream, protocol: 0 };
        let offer = [&6_u32.to_be_bytes()[..], &0x1ff_u32.to_be_bytes(), &protocol.to_be_bytes()].concat();
        server.send(b'O', &offer).await;
        let (letter, data) = server.read().await.expect("negotiates");
        assert_eq!((letter, data.len()), (b'O', 12));
        server.protocol = u32::from_be_bytes(data[8..].try_into().expect("four bytes"));
        server.send(b'D', b"Cj\0mx.test\0{daemon_name}\0mx.test\0").await;
        server.command(b'C', b"mail.example\x004\x87J192.0.2.66\0", 0x1000).await;
        server
    }

    pub(crate) async fn send(&mut self, letter: u8, data: &[u8]) {
        self.stream.write_all(&packet(letter, data)).await.expect("sends");
    }

    /// The next packet; `None` when the other side has closed.
    pub(crate) async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let length = self.stream.read_u32().await.ok()?;
        let mut data = vec![0; length as usize];
        self.stream.read_exact(&mut data).await.expect("whole packet");
        Some((data.remove(0), data))
    }

    /// Sends a command and waits for the answer if there is to be one.
    pub(crate) async fn command(&mut self, letter: u8, data: &[u8], unanswered: u32) {
        self.send(letter, data).await;
        if self.protocol & unanswered == 0 {
            assert_eq!(self.read().await, Some((b'c', Vec::new())), "{}", char::from(letter));
        }
    }

    /// Sends a message up to its end, field by field as Postfix does.
    pub(crate) async fn message(&mut self, mail: &[u8]) {
        let parts = headers::divide_all(mail);
        self.send(b'D', b"M{mail_addr}\0a@example.com\0{auth_authen}\0\0").await;
        self.command(b'M', b"<a@example.com>\0", 0x4000).await;
        for field in headers::each_field(parts.header) {
            let name = headers::name_of(field);
            let value = field.get(name.len() + 1..).unwrap_or_default();
            let lines: Vec<&[u8]> =
                value.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l)).collect();
            let value = lines.join(&b'\n');
            let mut value = value.strip_suffix(b"\n").unwrap_or(&value).to_vec();
            if self.protocol & 0x10_0000 == 0 && value.starts_with(b" ") {
                value.remove(0);
            }
            self.send(b'D', b"Li\x0029936990B0F\0").await;
            self.command(b'L', &[name, b"\0", &value, b"\0"].concat(), 0x80).await;
        }
        self.command(b'N', b"", 0x4_0000).await;
        let body = parts.rest.strip_prefix(b"\r\n").or(parts.rest.strip_prefix(b"\n")).unwrap_or(parts.rest);
        for piece in crlf(body).chunks(65_535) {
            self.command(b'B', piece, 0x8_0000).await;
        }
    }

    /// Sends the end of the message and reads the verdict.
    pub(crate) async fn end(&mut self) -> Verdict {
        self.send(b'E', b"").await;
        let mut verdict = Verdict::default();
        loop {
            let (letter, data) = self.read().await.expect("a verdict");
            let strings = |from: usize| -> Vec<Vec<u8>> {
                data[from..].split(|b| *b == 0).map(<[u8]>::to_vec).collect()
            };
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            match letter {
                b'h' => {
                    let strings = strings(0);
                    verdict.added.push((text(&strings[0]), strings[1].clone()));
                }
                b'm' => {
                    let index = u32::from_be_bytes(data[..4].try_into().expect("four bytes"));
                    let strings = strings(4);
                    verdict.changed.push((index, text(&strings[0]), strings[1].clone()));
                }
                b'q' => verdict.held = Some(text(&strings(0)[0])),
                b'p' => {}
                _ => {
                    verdict.last =
                        format!("{}{}", char::from(letter), text(data.strip_suffix(b"\0").unwrap_or(&data)));
                    return verdict;
                }
            }
        }
    }

    /// Sends a whole message and reads the verdict.
    pub(crate) async fn judge(&mut self, mail: &[u8]) -> Verdict {
        self.message(mail).await;
        let verdict = self.end().await;
        // Postfix gives up every message before the next, also one that is finished.
        self.send(b'A', b"").await;
        verdict
    }
}

/// With CRLF line ends, as a mail travels.
pub(crate) fn crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 100);
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' && (at == 0 || bytes[at - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}
