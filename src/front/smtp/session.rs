//! The protocol as a state machine without I/O: bytes in, steps out.

use std::sync::Arc;

use smtp_proto::request::receiver::{BdatReceiver, DataReceiver, DummyDataReceiver};
use smtp_proto::{Error, Request};

use super::transaction::{self, Transaction};
use crate::config::Inbox;

/// Longest command line, with its end (RFC 5321 section 4.5.3.1.4, and room for extensions).
const MAX_LINE: usize = 2_048;

/// Mistakes after which a session is closed.
const MAX_MISTAKES: usize = 20;

/// What a session depends on.
#[derive(Clone, Debug)]
pub struct Rules {
    /// LMTP rather than SMTP.
    pub lmtp: bool,
    /// Who we are, and whom messages are taken for.
    pub inbox: Arc<Inbox>,
    /// Largest message, in bytes.
    pub message_bytes: usize,
    /// Most recipients of one message.
    pub recipients: usize,
    /// STARTTLS is offered.
    pub tls: bool,
}

/// Sender and recipients of a message that has come in whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// What the client called itself.
    pub helo: String,
    /// Envelope sender; empty for the null sender.
    pub sender: String,
    /// Recipients, each one of ours.
    pub recipients: Vec<String>,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this.
    Reply(String),
    /// Ask whether another message may come ([`Session::admit`]).
    Admit,
    /// Take this message and say how it went ([`Session::delivered`]).
    Deliver(Envelope, Vec<u8>),
    /// Send the reply, then begin TLS and call [`Session::secured`].
    StartTls(String),
    /// Send this and hang up.
    Close(String),
    /// Nothing can be done before more bytes come.
    Read,
}

/// Where the bytes go.
enum Mode {
    Command,
    /// A line that is too long, until its end.
    Overlong,
    Data(DataReceiver),
    Chunk(BdatReceiver),
    /// A message or chunk that is not kept, until its end; then this is said.
    Discard(DummyDataReceiver, Discarded),
    /// A step was handed out whose outcome is not known.
    Waiting,
    Closed,
}

#[derive(Clone, Copy)]
struct Discarded {
    reply: &'static str,
    /// It was the end of a message: whoever sent it may begin another.
    whole: bool,
}

/// One session.
pub struct Session {
    rules: Rules,
    mode: Mode,
    input: Vec<u8>,
    /// How much of `input` was used.
    used: usize,
    message: Vec<u8>,
    transaction: Transaction,
    secure: bool,
    mistakes: usize,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("transaction", &self.transaction).finish_non_exhaustive()
    }
}

impl Session {
    /// A session that has not begun.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            mode: Mode::Command,
            input: Vec::new(),
            used: 0,
            message: Vec::new(),
            transaction: Transaction::default(),
            secure: false,
            mistakes: 0,
        }
    }

    /// What is said first.
    pub fn greeting(&self) -> String {
        let protocol = if self.rules.lmtp { "LMTP" } else { "ESMTP" };
        format!("220 {} {protocol} bypost\r\n", self.rules.inbox.hostname)
    }

    /// Bytes came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.drain(..self.used);
        self.used = 0;
        self.input.extend_from_slice(bytes);
    }

    /// Bytes of the message that is coming in.
    pub fn held(&self) -> usize {
        self.message.capacity()
    }

    /// The message that is coming in is not kept: there is no room for it.
    pub fn no_room(&mut self) {
        self.discard("452 4.3.1 No room for this message now; try again later\r\n");
    }

    /// TLS is on: what was said before is forgotten (RFC 3207 section 4.2).
    pub fn secured(&mut self) {
        self.transaction = Transaction::default();
        self.input.clear();
        self.used = 0;
        self.secure = true;
        self.mode = Mode::Command;
    }

    /// Whether the message that MAIL announced may come.
    pub fn admit(&mut self, allowed: Result<(), &'static str>) -> Step {
        self.mode = Mode::Command;
        match allowed {
            Ok(()) => reply("250 2.1.0 Sender accepted"),
            Err(why) => {
                self.transaction.reset();
                Step::Reply(why.to_owned())
            }
        }
    }

    /// How it went with a message: one reply, or with LMTP one for each recipient.
    pub fn delivered(&mut self, recipients: usize, said: &str) -> Step {
        self.mode = Mode::Command;
        let times = if self.rules.lmtp { recipients } else { 1 };
        Step::Reply(said.repeat(times))
    }

    /// What is to be done next.
    pub fn step(&mut self) -> Step {
        loop {
            let step = match &self.mode {
                Mode::Command => self.command(),
                Mode::Overlong => self.overlong(),
                Mode::Data(_) => self.data(),
                Mode::Chunk(_) => self.chunk(),
                Mode::Discard(..) => self.discarding(),
                Mode::Waiting | Mode::Closed => Some(Step::Read),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn unread(&self) -> &[u8] {
        &self.input[self.used..]
    }

    /// The next command line, or what is wrong with it.
    fn command(&mut self) -> Option<Step> {
        let unread = self.unread();
        let Some(end) = memchr::memchr(b'\n', unread) else {
            if unread.len() < MAX_LINE {
                return Some(Step::Read);
            }
            self.mode = Mode::Overlong;
            return None;
        };
        let line = unread[..=end].to_vec();
        self.used += line.len();
        if line.len() > MAX_LINE {
            return Some(self.mistake("500 5.5.6 The line is too long"));
        }
        let text = line.strip_suffix(b"\r\n").unwrap_or_default();
        if !line.ends_with(b"\r\n") || text.iter().any(|b| matches!(b, b'\r' | 0)) {
            return Some(self.close("521 5.5.2 Lines end with CR LF and hold neither CR nor NUL"));
        }
        if is_web(text) {
            return Some(self.close("521 5.5.1 This is no web server"));
        }
        Some(self.obey(&line))
    }

    /// Drops a line that is too long, piece by piece, so that it takes no memory.
    fn overlong(&mut self) -> Option<Step> {
        match memchr::memchr(b'\n', self.unread()) {
            Some(end) => {
                self.used += end + 1;
                self.mode = Mode::Command;
                Some(self.mistake("500 5.5.6 The line is too long"))
            }
            None => {
                self.used = self.input.len();
                Some(Step::Read)
            }
        }
    }

    fn obey(&mut self, line: &[u8]) -> Step {
        match Request::parse(&mut line.iter()) {
            Ok(request) => self.request(request.into_owned(), line),
            Err(error) => self.mistake(mistake_of(&error)),
        }
    }

    fn request(&mut self, request: Request<String>, line: &[u8]) -> Step {
        match request {
            Request::Ehlo { host } | Request::Helo { host } if self.rules.lmtp => {
                let _ = host;
                self.mistake("500 5.5.1 This is LMTP; say LHLO")
            }
            Request::Lhlo { .. } if !self.rules.lmtp => self.mistake("500 5.5.1 This is SMTP; say EHLO"),
            Request::Helo { host } => {
                self.transaction.begin_session(host);
                Step::Reply(format!("250 {}\r\n", self.rules.inbox.hostname))
            }
            Request::Ehlo { host } | Request::Lhlo { host } => {
                self.transaction.begin_session(host);
                Step::Reply(transaction::capabilities(&self.rules, self.secure))
            }
            Request::Mail { from } => match self.transaction.mail(&self.rules, &from) {
                Ok(()) => {
                    self.mode = Mode::Waiting;
                    Step::Admit
                }
                Err(why) => self.mistake(why),
            },
            Request::Rcpt { to } => match self.transaction.rcpt(&self.rules, &to, line) {
                Ok(()) => reply("250 2.1.5 Recipient accepted"),
                Err(why) => self.mistake(why),
            },
            Request::Data => self.begin_data(),
            Request::Bdat { chunk_size, is_last } => self.begin_chunk(chunk_size, is_last),
            Request::StartTls => self.start_tls(),
            Request::Rset => {
                self.forget();
                reply("250 2.0.0 Forgotten")
            }
            Request::Noop { .. } => reply("250 2.0.0 Fine"),
            Request::Vrfy { .. } => reply("252 2.1.5 Send a message and see"),
            Request::Help { .. } => reply("214 2.0.0 Forward what worries you to this inbox"),
            Request::Quit => self.close("221 2.0.0 Goodbye"),
            _ => self.mistake("502 5.5.1 Not here"),
        }
    }

    fn forget(&mut self) {
        self.transaction.reset();
        self.message = Vec::new();
    }

    fn start_tls(&mut self) -> Step {
        if !self.rules.tls || self.secure {
            return self.mistake("502 5.5.1 Not here");
        }
        if !self.unread().is_empty() {
            // What came in the clear behind it could have been put there by somebody else (CVE-2011-0411).
            return self.close("554 5.5.0 Nothing may follow STARTTLS");
        }
        self.mode = Mode::Waiting;
        Step::StartTls("220 2.0.0 Begin TLS\r\n".into())
    }

    fn begin_data(&mut self) -> Step {
        if self.transaction.chunking || self.transaction.envelope.recipients.is_empty() {
            return self.mistake("503 5.5.1 MAIL and RCPT come first, and not BDAT");
        }
        // The receiver knows the dot at the beginning of a line only after a line end: it is given one that is not kept.
        let mut receiver = DataReceiver::new();
        receiver.ingest(&mut b"\r\n".iter(), &mut self.message);
        self.message.clear();
        self.mode = Mode::Data(receiver);
        reply("354 Go ahead; end with CR LF . CR LF")
    }

    fn data(&mut self) -> Option<Step> {
        let Mode::Data(receiver) = &mut self.mode else { return None };
        let mut bytes = self.input[self.used..].iter();
        let done = receiver.ingest(&mut bytes, &mut self.message);
        self.used = self.input.len() - bytes.as_slice().len();
        if self.message.len() > self.rules.message_bytes {
            return self.too_large(done);
        }
        Some(if done { self.deliver() } else { Step::Read })
    }

    fn too_large(&mut self, done: bool) -> Option<Step> {
        const SAID: &str = "552 5.3.4 The message is too large\r\n";
        if done {
            return Some(self.refuse_message(SAID));
        }
        self.discard(SAID);
        None
    }

    /// A message is refused after its end, for each recipient with LMTP.
    fn refuse_message(&mut self, said: &str) -> Step {
        let recipients = self.transaction.envelope.recipients.len();
        self.forget();
        self.delivered(recipients.max(1), said)
    }

    fn discard(&mut self, said: &'static str) {
        let mode = std::mem::replace(&mut self.mode, Mode::Command);
        self.message = Vec::new();
        self.mode = match mode {
            Mode::Data(receiver) => {
                Mode::Discard(DummyDataReceiver::new_data(&receiver), Discarded { reply: said, whole: true })
            }
            other => other,
        };
    }

    fn begin_chunk(&mut self, size: usize, last: bool) -> Step {
        let refused = if self.transaction.envelope.recipients.is_empty() {
            Some("503 5.5.1 MAIL and RCPT come first\r\n")
        } else if self.message.len().saturating_add(size) > self.rules.message_bytes {
            Some("552 5.3.4 The message is too large\r\n")
        } else {
            None
        };
        match refused {
            Some(said) => {
                self.forget();
                self.mistakes += 1;
                let discarded = Discarded { reply: said, whole: false };
                self.mode = Mode::Discard(DummyDataReceiver::new_bdat(size), discarded);
            }
            None => {
                self.transaction.chunking = true;
                self.mode = Mode::Chunk(BdatReceiver::new(size, last));
            }
        }
        self.step()
    }

    fn chunk(&mut self) -> Option<Step> {
        let Mode::Chunk(receiver) = &mut self.mode else { return None };
        let mut bytes = self.input[self.used..].iter();
        let (done, last) = (receiver.ingest(&mut bytes, &mut self.message), receiver.is_last);
        self.used = self.input.len() - bytes.as_slice().len();
        match (done, last) {
            (false, _) => Some(Step::Read),
            (true, false) => {
                self.mode = Mode::Command;
                Some(reply("250 2.0.0 Chunk taken"))
            }
            (true, true) => Some(self.deliver()),
        }
    }

    fn discarding(&mut self) -> Option<Step> {
        let Mode::Discard(receiver, discarded) = &mut self.mode else { return None };
        let discarded = *discarded;
        let mut bytes = self.input[self.used..].iter();
        let done = receiver.ingest(&mut bytes);
        self.used = self.input.len() - bytes.as_slice().len();
        if !done {
            return Some(Step::Read);
        }
        if discarded.whole {
            return Some(self.refuse_message(discarded.reply));
        }
        self.mode = Mode::Command;
        Some(Step::Reply(discarded.reply.to_owned()))
    }

    fn deliver(&mut self) -> Step {
        let envelope = self.transaction.take();
        self.mode = Mode::Waiting;
        Step::Deliver(envelope, std::mem::take(&mut self.message))
    }

    fn mistake(&mut self, said: &str) -> Step {
        self.mistakes += 1;
        if self.mistakes > MAX_MISTAKES {
            return self.close("421 4.7.0 Too many mistakes");
        }
        reply(said)
    }

    fn close(&mut self, said: &str) -> Step {
        self.mode = Mode::Closed;
        Step::Close(format!("{said}\r\n"))
    }
}

fn reply(said: &str) -> Step {
    Step::Reply(format!("{said}\r\n"))
}

/// A browser or a proxy was talked into sending to this port.
fn is_web(line: &[u8]) -> bool {
    [&b"GET "[..], b"POST ", b"PUT ", b"HEAD ", b"CONNECT ", b"OPTIONS "]
        .iter()
        .any(|verb| line.starts_with(verb))
}

fn mistake_of(error: &Error) -> &'static str {
    match error {
        Error::UnknownCommand => "500 5.5.1 Unknown command",
        Error::InvalidSenderAddress => "553 5.1.7 That is no sender's address",
        Error::InvalidRecipientAddress => "553 5.1.3 That is no recipient's address",
        Error::UnsupportedParameter { .. } => "555 5.5.4 Unknown parameter",
        Error::ResponseTooLong => "500 5.5.6 The line is too long",
        _ => "501 5.5.4 That is not how this command is written",
    }
}

#[cfg(test)]
mod tests;
