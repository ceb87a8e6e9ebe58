//! One connection: bytes to the session, steps carried out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::server::Shared;
use super::session::{Envelope, Session, Step};
use crate::journal::{Incoming, JournalError};

/// Bytes read at a time, and kibibytes of message memory asked for at a time.
const CHUNK: usize = 16 * 1_024;
const STEP_KIB: u32 = 64;

/// Anything that is read and written.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What has become of a connection.
enum End {
    Closed,
    StartTls,
}

/// One connection.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Session,
    pub(super) client: IpAddr,
    pub(super) trusted: bool,
    pub(super) shutdown: CancellationToken,
    /// Memory that the message coming in may take.
    pub(super) room: Vec<OwnedSemaphorePermit>,
}

impl Connection {
    /// Speaks with a client until either side hangs up. Errors of the network end the connection and nothing else.
    pub(super) async fn run(mut self, mut stream: Box<dyn Stream>, tls: Option<TlsAcceptor>) {
        let deadline = Instant::now() + self.shared.limits.session;
        if !self.greet(&mut stream).await {
            return;
        }
        loop {
            match timeout_at(deadline, self.talk(&mut stream)).await {
                Ok(Ok(End::StartTls)) => {}
                Ok(_) => break,
                Err(_) => {
                    self.say(&mut stream, "421 4.4.2 The session takes too long\r\n").await;
                    break;
                }
            }
            let Some(tls) = tls.clone() else { break };
            match timeout(self.shared.limits.command, tls.accept(stream)).await {
                Ok(Ok(secured)) => stream = Box::new(secured),
                _ => return,
            }
            self.session.secured();
        }
        // Whether the other side hears the end makes no difference.
        let _ = timeout(Duration::from_secs(2), stream.shutdown()).await;
    }

    /// A client that is not trusted must wait for the greeting; programs that send blindly do not.
    async fn greet(&mut self, stream: &mut Box<dyn Stream>) -> bool {
        let patience = self.shared.limits.greeting;
        if !self.trusted && !patience.is_zero() {
            let mut early = [0; 1];
            match timeout(patience, stream.read(&mut early)).await {
                Ok(Ok(1..)) => {
                    self.say(stream, "554 5.5.1 You talked before the greeting\r\n").await;
                    return false;
                }
                Ok(_) => return false,
                Err(_) => {}
            }
        }
        let greeting = self.session.greeting();
        self.say(stream, &greeting).await
    }

    async fn say(&self, stream: &mut Box<dyn Stream>, words: &str) -> bool {
        let sending = async {
            stream.write_all(words.as_bytes()).await?;
            stream.flush().await
        };
        matches!(timeout(self.shared.limits.command, sending).await, Ok(Ok(())))
    }

    /// Replies are sent together when there is nothing left to do (RFC 2920 section 3.2).
    async fn talk(&mut self, stream: &mut Box<dyn Stream>) -> std::io::Result<End> {
        let mut replies = String::new();
        let mut buffer = vec![0; CHUNK];
        loop {
            match self.session.step() {
                Step::Reply(words) => replies.push_str(&words),
                Step::Admit => {
                    let allowed = self.admit();
                    push_reply(&mut replies, self.session.admit(allowed));
                }
                Step::Deliver(envelope, message) => {
                    let (count, said) = self.deliver(envelope, message).await;
                    push_reply(&mut replies, self.session.delivered(count, &said));
                }
                Step::StartTls(words) => {
                    replies.push_str(&words);
                    return if self.say(stream, &replies).await {
                        Ok(End::StartTls)
                    } else {
                        Ok(End::Closed)
                    };
                }
                Step::Close(words) => {
                    replies.push_str(&words);
                    self.say(stream, &replies).await;
                    return Ok(End::Closed);
                }
                Step::Read => {
                    if !replies.is_empty() && !self.say(stream, &std::mem::take(&mut replies)).await {
                        return Ok(End::Closed);
                    }
                    self.make_room();
                    let Some(count) = self.read(stream, &mut buffer).await? else { return Ok(End::Closed) };
                    self.session.push(&buffer[..count]);
                }
            }
        }
    }

    /// Reads; `None` when the client is gone, silent for too long, or we are to stop.
    async fn read(&self, stream: &mut Box<dyn Stream>, buffer: &mut [u8]) -> std::io::Result<Option<usize>> {
        let read = tokio::select! {
            read = timeout(self.shared.limits.command, stream.read(buffer)) => read,
            () = self.shutdown.cancelled() => {
                self.say(stream, "421 4.3.2 Shutting down; try again later\r\n").await;
                return Ok(None);
            }
        };
        match read {
            Ok(Ok(0)) => Ok(None),
            Ok(count) => count.map(Some),
            Err(_) => {
                self.say(stream, "421 4.4.2 You were silent for too long\r\n").await;
                Ok(None)
            }
        }
    }

    /// Memory for messages that are coming in is shared by all connections, so that many large ones cannot exhaust it.
    fn make_room(&mut self) {
        let needed = self.session.held() / 1_024;
        if needed == 0 {
            self.room.clear();
        }
        while self.room.len() * (STEP_KIB as usize) < needed {
            match Arc::clone(&self.shared.memory).try_acquire_many_owned(STEP_KIB) {
                Ok(permit) => self.room.push(permit),
                Err(_) => {
                    self.session.no_room();
                    self.room.clear();
                    return;
                }
            }
        }
    }

    fn admit(&self) -> Result<(), &'static str> {
        if !self.trusted && !self.shared.allows(self.client) {
            return Err("450 4.7.1 Too many messages from your address; try again later\r\n");
        }
        if self.shared.desk.waiting() >= self.shared.limits.waiting {
            return Err("451 4.3.2 Too much to do; try again later\r\n");
        }
        Ok(())
    }

    /// On disk, then acknowledged: never the other way round.
    async fn deliver(&mut self, envelope: Envelope, message: Vec<u8>) -> (usize, String) {
        let recipients = envelope.recipients.len();
        let id = Incoming::new_id();
        let incoming = Incoming {
            id: id.clone(),
            door: self.shared.protocol.as_str(),
            client: Some(self.client),
            helo: envelope.helo,
            sender: envelope.sender,
            recipient: envelope.recipients.into_iter().next().unwrap_or_default(),
            text: false,
            mark: String::new(),
            bytes: message.into(),
        };
        let said = match self.shared.desk.accept(incoming).await {
            Ok(()) => format!("250 2.0.0 Taken as {id}\r\n"),
            Err(JournalError::Full(_)) => "452 4.3.1 The journal is full; try again later\r\n".to_owned(),
            Err(_) => "451 4.3.0 The journal did not take it; try again later\r\n".to_owned(),
        };
        (recipients, said)
    }
}

fn push_reply(replies: &mut String, step: Step) {
    if let Step::Reply(words) = step {
        replies.push_str(&words);
    }
}
