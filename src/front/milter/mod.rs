//! The milter door: Postfix (`smtpd_milters`, `non_smtpd_milters`) and Sendmail call it for every mail.

pub mod codec;
mod config;
mod session;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use codec::{BadPacket, Command, Replies};
pub use config::{Action, LabelAction, MilterConfig, Skip};
use session::{Next, Session};

use super::door::{Answer, Door};
use super::failure::{Failure, OnFailure};
use super::listen::{self, Listener, Peer, Stream};
use super::wire::Wire;
use crate::service::{Service, Unchecked};

/// While a message is judged, the server is told this often that we are at work.
const PROGRESS: Duration = Duration::from_secs(5);

/// Longest wait for the first words of a server that is turned away.
const BRIEF: Duration = Duration::from_secs(10);

/// Serves until `shutdown`; a message that is being taken then is finished.
///
/// # Errors
/// The configuration makes no sense.
pub async fn run(
    listener: impl Into<Listener>,
    service: Arc<Service>,
    config: MilterConfig,
    shutdown: CancellationToken,
) -> io::Result<()> {
    config.check().map_err(io::Error::other)?;
    let (limits, failures) = (config.limits, config.failure);
    let door = Door { service: Arc::clone(&service), name: "milter", limits, failures };
    let desk = Arc::new(Desk { door, config, shutdown: shutdown.clone() });
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
    config: MilterConfig,
    shutdown: CancellationToken,
}

impl Desk {
    async fn talk(self: Arc<Self>, stream: Stream, peer: Peer) {
        let mut wire = Wire::new(stream, self.door.limits.idle());
        let outcome = self.session(&mut wire).await;
        match outcome {
            Ok(()) => {}
            Err(Trouble::Io(error)) if error.kind() == io::ErrorKind::TimedOut => {
                tracing::info!(door = "milter", %peer, "the mail server fell silent");
            }
            Err(Trouble::Io(error)) => {
                tracing::debug!(door = "milter", %peer, %error, "the connection broke")
            }
            Err(Trouble::Bad(bad)) => {
                tracing::warn!(door = "milter", %peer, error = %bad, "the mail server is not understood");
                let mut replies = Replies::default();
                session::refuse(&mut replies, Failure::Parse, self.door.failures.action(Failure::Parse));
                let _ = wire.send(&replies.0).await;
            }
        }
        wire.close().await;
    }

    async fn session(&self, wire: &mut Wire) -> Result<(), Trouble> {
        let mut session = Session::new(&self.config);
        let mut replies = Replies::default();
        while let Some(command) = self.command(wire, &session).await? {
            let begins = command == Command::Mail;
            match session.take(command, &mut replies, || self.door.service.hold()) {
                Next::Read => {}
                Next::Close => break,
                Next::Judge => {
                    replies = self.judge(wire, &mut session).await?;
                    wire.within(None);
                }
            }
            if begins {
                wire.within(Some(self.door.limits.patience()));
            }
            if !replies.0.is_empty() {
                wire.send(&replies.0).await?;
                replies.0.clear();
            }
        }
        Ok(())
    }

    /// The next command; `None` when the server has gone, or when we end and no message is under way.
    async fn command(&self, wire: &mut Wire, session: &Session) -> Result<Option<Command>, Trouble> {
        loop {
            if let Some(command) = codec::take(&mut wire.buffer)? {
                return Ok(Some(command));
            }
            let between = session.message.total == 0;
            let read = tokio::select! {
                () = self.shutdown.cancelled(), if between => return Ok(None),
                read = wire.fill() => read?,
            };
            if read == 0 {
                return Ok(None);
            }
        }
    }

    /// Judges the message of the session and makes the answer.
    async fn judge(&self, wire: &mut Wire, session: &mut Session) -> Result<Replies, Trouble> {
        if session.is_skipped(&self.config.skip) {
            return Ok(session.skipped());
        }
        let answer = match session.message.failure {
            Some(failure) => {
                let oversize = failure == Failure::Oversize;
                let why = if oversize { Unchecked::TooLarge } else { Unchecked::Overloaded };
                self.door.service.counts().note(why);
                Answer::Unchecked(failure)
            }
            None => self.check(wire, session).await?,
        };
        self.log(session, &answer);
        Ok(session.verdict(&answer, &self.config))
    }

    async fn check(&self, wire: &mut Wire, session: &mut Session) -> Result<Answer, Trouble> {
        let total = session.message.total;
        let mail: Arc<[u8]> = std::mem::take(&mut session.message.bytes).into();
        let checking = self.door.check_part(&mail, total);
        tokio::pin!(checking);
        loop {
            match tokio::time::timeout(PROGRESS, &mut checking).await {
                Ok(answer) => return Ok(answer),
                Err(_) => {
                    let mut replies = Replies::default();
                    replies.progress();
                    wire.send(&replies.0).await?;
                }
            }
        }
    }

    fn log(&self, session: &Session, answer: &Answer) {
        let queue = session.value("i");
        let client = session.client().map_or_else(String::new, |c| c.to_string());
        match answer {
            Answer::Judged { judgement: j, .. } => {
                let (label, score) = (j.label.as_str(), j.score);
                tracing::info!(door = "milter", queue, client, id = %j.id, label, score, "judged");
            }
            Answer::Unchecked(why) => {
                tracing::warn!(door = "milter", queue, client, why = why.as_str(), "unchecked")
            }
        }
    }

    /// Too many connections: the server is told at the first step what to do, and no message is taken.
    async fn turn_away(self: Arc<Self>, stream: Stream) {
        let mut wire = Wire::new(stream, BRIEF);
        wire.within(Some(BRIEF));
        let action = self.door.failures.action(Failure::Connect);
        let _ = Self::brief(&mut wire, action).await;
        wire.close().await;
    }

    async fn brief(wire: &mut Wire, action: OnFailure) -> Result<(), Trouble> {
        loop {
            while let Some(command) = codec::take(&mut wire.buffer)? {
                let mut replies = Replies::default();
                match command {
                    Command::Negotiate { version, .. } => replies.negotiate(version.min(6), 0, 0),
                    Command::Macros(..) | Command::Abort | Command::NextClient => {}
                    Command::Quit => return Ok(()),
                    _ => session::refuse(&mut replies, Failure::Connect, action),
                }
                wire.send(&replies.0).await?;
            }
            if wire.fill().await? == 0 {
                return Ok(());
            }
        }
    }
}

/// Why a session ends.
enum Trouble {
    /// The connection broke or fell silent.
    Io(io::Error),
    /// The server does not speak the protocol.
    Bad(BadPacket),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<BadPacket> for Trouble {
    fn from(bad: BadPacket) -> Self {
        Self::Bad(bad)
    }
}
