//! The spamd door: what spamc, Exim's `spam =`, Haraka and other clients of SpamAssassin's daemon speak.

pub mod codec;
mod reply;

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use codec::{BadRequest, Command, Dialect, Request};

use super::door::{Answer, Door, DoorLimits};
use super::failure::{Failure, FailurePolicy, OnFailure};
use super::listen::{self, Listener, Peer, Stream};
use super::wire::Wire;
use crate::engine::message_id;
use crate::service::{Corrected, Held, Service, Truth, Unchecked};

/// Longest that a client which is turned away may take.
const BRIEF: Duration = Duration::from_secs(5);

/// Who may label messages by TELL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tell {
    /// Nobody.
    Never,
    /// Programs on this machine.
    #[default]
    Local,
    /// Whoever can connect.
    Always,
}

/// How the spamd door is to work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SpamdConfig {
    /// Bounds.
    pub limits: DoorLimits,
    /// What becomes of what cannot be checked. Accepted unchecked: not spam, 0 points, and `BYPOST_UNCHECKED` says so;
    /// otherwise an error with the code 75 (tempfail) or 69 (refuse), which spamc turns into its exit code.
    pub failure: FailurePolicy,
    /// Who may label messages.
    pub tell: Tell,
    /// The server's name in trace fields; empty for the system's host name.
    pub host: String,
}

/// Serves until `shutdown`.
///
/// # Errors
/// The configuration makes no sense.
pub async fn run(
    listener: impl Into<Listener>,
    service: Arc<Service>,
    config: SpamdConfig,
    shutdown: CancellationToken,
) -> io::Result<()> {
    config.limits.check().map_err(io::Error::other)?;
    let host = if config.host.is_empty() { super::host_name() } else { config.host.clone() };
    let (limits, failures) = (config.limits, config.failure);
    let door = Door { service: Arc::clone(&service), name: "spamd", limits, failures };
    let desk = Arc::new(Desk { door, tell: config.tell, host });
    let talk = {
        let desk = Arc::clone(&desk);
        move |stream, peer| Arc::clone(&desk).talk(stream, peer)
    };
    let turn_away = move |stream, _| Arc::clone(&desk).turn_away(stream);
    listen::serve(listener.into(), service, limits.connections, shutdown, talk, turn_away).await
}

/// What all sessions share.
struct Desk {
    door: Door,
    tell: Tell,
    host: String,
}

/// Why a session ends without a verdict.
enum Trouble {
    /// The connection broke or fell silent.
    Io(io::Error),
    /// The request is not understood.
    Bad(BadRequest),
    /// The message cannot be taken.
    Failed(Failure),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<BadRequest> for Trouble {
    fn from(error: BadRequest) -> Self {
        Self::Bad(error)
    }
}

impl From<Unchecked> for Trouble {
    fn from(why: Unchecked) -> Self {
        Self::Failed(why.into())
    }
}

impl Desk {
    async fn talk(self: Arc<Self>, stream: Stream, peer: Peer) {
        let mut wire = Wire::new(stream, self.door.limits.idle());
        wire.within(Some(self.door.limits.patience()));
        let outcome = self.request(&mut wire, peer).await;
        let answer = match outcome {
            Ok(answer) => answer,
            Err(Trouble::Io(error)) if error.kind() != io::ErrorKind::TimedOut => {
                return tracing::debug!(door = "spamd", %peer, %error, "the client went away");
            }
            Err(Trouble::Io(_)) => {
                tracing::info!(door = "spamd", %peer, "the client fell silent");
                reply::error(79, "EX_TIMEOUT the request took too long")
            }
            Err(Trouble::Bad(bad)) => {
                tracing::warn!(door = "spamd", %peer, error = %bad, "a request is not understood");
                reply::error(76, &bad.to_string())
            }
            Err(Trouble::Failed(failure)) => {
                reply::failure(self.door.failures.action(failure), failure.text())
            }
        };
        if let Err(error) = wire.send(&answer).await {
            return tracing::debug!(door = "spamd", %peer, %error, "the client did not take the answer");
        }
        wire.close().await;
        wire.drain().await;
    }

    /// Too many connections: an answer without reading the message.
    async fn turn_away(self: Arc<Self>, stream: Stream) {
        let mut wire = Wire::new(stream, BRIEF);
        let action = self.door.failures.action(Failure::Connect);
        let _ = wire.send(&reply::failure(action, Failure::Connect.text())).await;
        wire.close().await;
        wire.drain().await;
    }

    async fn request(&self, wire: &mut Wire, peer: Peer) -> Result<Vec<u8>, Trouble> {
        let Some(head) = head(wire).await? else { return Ok(Vec::new()) };
        let request = codec::parse(&head)?;
        match request.command {
            Command::Skip => return Ok(Vec::new()),
            Command::Ping => return Ok(b"SPAMD/1.5 0 PONG\r\n".to_vec()),
            _ => {}
        }
        let mut held = self.door.service.hold();
        let message = match self.message(wire, &request, &mut held).await {
            Err(Trouble::Failed(failure)) => return self.failed(&request, failure),
            other => other?,
        };
        wire.within(None);
        if request.command == Command::Tell {
            return self.learn(&request, peer, &message).await;
        }
        // What the server put before the message is no part of it.
        let envelope = codec::envelope_length(&message);
        let mail: Arc<[u8]> = match envelope {
            0 => Arc::clone(&message),
            _ => message[envelope..].into(),
        };
        match self.door.check(&mail).await {
            Answer::Unchecked(failure)
                if self.door.failures.action(failure) != OnFailure::AcceptUnchecked =>
            {
                Err(Trouble::Failed(failure))
            }
            answer => Ok(reply::reply(&request, &answer, &message, &self.host)),
        }
    }

    /// The answer for a message that was not even read: it can pass unchecked where it need not be sent back.
    fn failed(&self, request: &Request, failure: Failure) -> Result<Vec<u8>, Trouble> {
        let kept = matches!(request.command, Command::Headers | Command::Process | Command::Tell);
        if kept || self.door.failures.action(failure) != OnFailure::AcceptUnchecked {
            return Err(Trouble::Failed(failure));
        }
        Ok(reply::reply(request, &Answer::Unchecked(failure), b"", &self.host))
    }

    /// Reads the message to its announced length, or to the end of what the client sends.
    async fn message(
        &self,
        wire: &mut Wire,
        request: &Request,
        held: &mut Held,
    ) -> Result<Arc<[u8]>, Trouble> {
        let limit = self.door.limits.message_bytes;
        if request.length.is_some_and(|length| length > limit) {
            self.door.service.counts().note(Unchecked::TooLarge);
            return Err(Trouble::Failed(Failure::Oversize));
        }
        while request.length.is_none_or(|length| wire.buffer.len() < length) {
            if wire.buffer.len() > limit {
                self.door.service.counts().note(Unchecked::TooLarge);
                return Err(Trouble::Failed(Failure::Oversize));
            }
            // Twice: what is read, and the message that is made of it.
            held.grow(wire.buffer.len() * 2).inspect_err(|why| self.door.service.counts().note(*why))?;
            if wire.fill().await? == 0 {
                break;
            }
        }
        let got = wire.buffer.len();
        if let Some(length) = request.length.filter(|length| *length != got) {
            let told = format!("(Content-Length mismatch: Expected {length} bytes, got {got} bytes)");
            return Err(BadRequest(told).into());
        }
        let bytes = std::mem::take(&mut wire.buffer);
        if !request.zlib {
            return Ok(bytes.as_ref().into());
        }
        held.grow(limit.min(got.saturating_mul(8)))?;
        let inflated = tokio::task::spawn_blocking(move || inflate(&bytes, limit)).await;
        inflated.map_err(|_| Trouble::Failed(Failure::Internal))?
    }

    /// A label for the journal.
    async fn learn(&self, request: &Request, peer: Peer, message: &[u8]) -> Result<Vec<u8>, Trouble> {
        let allowed = match self.tell {
            Tell::Never => false,
            Tell::Local => peer.is_local(),
            Tell::Always => true,
        };
        if !allowed || !self.door.service.takes_corrections() || request.dialect == Dialect::Rspamd {
            return Ok(reply::error(69, "Service Unavailable: TELL commands are not enabled"));
        }
        let (truth, done) = match (request.class, request.set_local, request.remove_local) {
            (Some(truth), true, _) => (truth, "DidSet: local\r\n"),
            (_, _, true) => (Truth::Forget, "DidRemove: local\r\n"),
            _ => return Ok(b"SPAMD/1.1 0 EX_OK\r\n\r\n\r\n".to_vec()),
        };
        let mail = &message[codec::envelope_length(message)..];
        let by = format!("spamd:{}", request.user);
        let service = &self.door.service;
        match service.correct(message_id(mail), Some(mail.into()), truth, by, "spamd").await {
            Corrected::Changed => Ok(format!("SPAMD/1.1 0 EX_OK\r\n{done}\r\n\r\n").into_bytes()),
            Corrected::Unchanged | Corrected::NoSuchMessage => Ok(b"SPAMD/1.1 0 EX_OK\r\n\r\n\r\n".to_vec()),
            Corrected::Failed => Ok(reply::error(75, "EX_TEMPFAIL the label could not be written down")),
        }
    }
}

/// Reads the head; `None` when the client only connected, as port probes do.
async fn head(wire: &mut Wire) -> Result<Option<Vec<u8>>, Trouble> {
    loop {
        if let Some(end) = codec::head_end(&wire.buffer) {
            return Ok(Some(wire.buffer.split_to(end).to_vec()));
        }
        if codec::is_bare(&wire.buffer) && wire.buffer.contains(&b'\n') {
            return Ok(Some(std::mem::take(&mut wire.buffer).to_vec()));
        }
        if wire.buffer.len() > codec::MAX_HEAD {
            return Err(BadRequest("(the head is too long)".into()).into());
        }
        if wire.fill().await? == 0 {
            return match wire.buffer.is_empty() {
                true => Ok(None),
                false => Ok(Some(std::mem::take(&mut wire.buffer).to_vec())),
            };
        }
    }
}

/// Undoes `Compress: zlib`, to a bounded size.
fn inflate(bytes: &[u8], limit: usize) -> Result<Arc<[u8]>, Trouble> {
    let mut message = Vec::new();
    let read = flate2::read::ZlibDecoder::new(bytes).take(limit as u64 + 1).read_to_end(&mut message);
    if read.is_err() {
        return Err(BadRequest("(the message is not compressed by zlib)".into()).into());
    }
    match message.len() > limit {
        true => Err(Trouble::Failed(Failure::Oversize)),
        false => Ok(message.into()),
    }
}
