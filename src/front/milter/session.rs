//! One connection of a mail server: what it has said so far, and what is to be said to it. No I/O here.

use std::collections::HashMap;
use std::net::IpAddr;

use bytes::Bytes;

use super::codec::{Command, Replies, action, protocol};
use super::config::{Action, MilterConfig, Skip};
use crate::front::door::Answer;
use crate::front::failure::{Failure, OnFailure};
use crate::front::headers;
use crate::service::Held;
use crate::verdict::Label;

/// Steps that are not needed, and answers that are not waited for.
const WANTED: u32 = protocol::NO_HELO
    | protocol::NO_RCPT
    | protocol::NO_UNKNOWN
    | protocol::NO_DATA
    | protocol::NR_HEADER
    | protocol::NR_CONNECT
    | protocol::NR_HELO
    | protocol::NR_MAIL
    | protocol::NR_RCPT
    | protocol::NR_DATA
    | protocol::NR_UNKNOWN
    | protocol::NR_END_OF_HEADER
    | protocol::NR_BODY
    | protocol::LEADING_SPACE;

/// Fields of one header; a message with more is not judged.
const MAX_FIELDS: usize = 20_000;

/// Longest value of a macro that is kept.
const MAX_VALUE: usize = 255;

/// What the connection is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Read the next command.
    Read,
    /// Judge the message, then [`Session::verdict`].
    Judge,
    /// Close.
    Close,
}

/// What is known of a connection.
#[derive(Debug)]
pub(super) struct Session {
    /// Macros by the letter of their command; a later packet replaces an earlier one.
    macros: HashMap<(u8, Bytes), Bytes>,
    protocol: u32,
    actions: u32,
    client: Option<IpAddr>,
    pub(super) message: Message,
    judged_bytes: usize,
    message_bytes: usize,
}

/// The message that is coming in.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// The beginning, as it would stand in a file with CRLF.
    pub(super) bytes: Vec<u8>,
    /// Bytes of all of it.
    pub(super) total: usize,
    /// Names of the fields, in order, and whether each is forged.
    names: Vec<(Bytes, bool)>,
    subject: Option<Bytes>,
    /// Why it cannot be judged.
    pub(super) failure: Option<Failure>,
    /// Room that it takes.
    held: Option<Held>,
    body: bool,
}

impl Session {
    pub(super) fn new(config: &MilterConfig) -> Self {
        Self {
            macros: HashMap::new(),
            protocol: 0,
            actions: 0,
            client: None,
            message: Message::default(),
            judged_bytes: config.limits.judged_bytes,
            message_bytes: config.limits.message_bytes,
        }
    }

    /// Takes a command; what is to be answered at once is put into `replies`. `hold` gives room for a new message.
    pub(super) fn take(&mut self, command: Command, replies: &mut Replies, hold: impl Fn() -> Held) -> Next {
        let answered = match command {
            Command::Negotiate { version, actions, protocol } => {
                self.negotiate(version, actions, protocol, replies);
                return Next::Read;
            }
            Command::Macros(of, macros) => {
                self.note(of, macros);
                return Next::Read;
            }
            Command::Connect(address) => {
                self.client = std::str::from_utf8(&address)
                    .ok()
                    .and_then(|a| a.strip_prefix("IPv6:").unwrap_or(a).parse().ok());
                protocol::NR_CONNECT
            }
            Command::Helo => protocol::NR_HELO,
            Command::Mail => {
                self.message = Message { held: Some(hold()), ..Message::default() };
                protocol::NR_MAIL
            }
            Command::Rcpt => protocol::NR_RCPT,
            Command::Data => protocol::NR_DATA,
            Command::Unknown => protocol::NR_UNKNOWN,
            Command::Header(name, value) => {
                self.header(name, value);
                protocol::NR_HEADER
            }
            Command::EndOfHeader => {
                self.end_of_header();
                protocol::NR_END_OF_HEADER
            }
            Command::Body(data) => {
                self.append(&data);
                protocol::NR_BODY
            }
            Command::EndOfBody(data) => {
                self.append(&data);
                self.end_of_header();
                return Next::Judge;
            }
            Command::Abort => {
                self.message = Message::default();
                return Next::Read;
            }
            Command::NextClient => {
                (self.message, self.client) = (Message::default(), None);
                self.macros.clear();
                return Next::Read;
            }
            Command::Quit => return Next::Close,
        };
        if self.protocol & answered == 0 {
            replies.go_on();
        }
        Next::Read
    }

    fn negotiate(&mut self, version: u32, actions: u32, protocol: u32, replies: &mut Replies) {
        self.actions = actions & (action::ADD_HEADERS | action::CHANGE_HEADERS | action::QUARANTINE);
        self.protocol = protocol & WANTED;
        replies.negotiate(version.min(6), self.actions, self.protocol);
    }

    fn note(&mut self, of: u8, macros: Vec<(Bytes, Bytes)>) {
        if of == b'M' {
            self.macros.retain(|(letter, _), _| *letter == b'C' || *letter == b'H');
        }
        for (name, value) in macros {
            let name = name
                .strip_prefix(b"{")
                .and_then(|n| n.strip_suffix(b"}"))
                .map_or(name.clone(), |n| name.slice_ref(n));
            // Only what is used: a server may define hundreds.
            if matches!(&name[..], b"i" | b"j" | b"auth_authen") {
                self.macros.insert((of, name), value.slice(..value.len().min(MAX_VALUE)));
            }
        }
    }

    /// A macro's value, without what cannot stand in a log or header.
    pub(super) fn value(&self, name: &'static str) -> String {
        let found = self.macros.iter().find(|((_, n), v)| n == name.as_bytes() && !v.is_empty());
        let plain = |b: &u8| if (b'!'..=b'~').contains(b) { char::from(*b) } else { '?' };
        found.map_or_else(String::new, |(_, value)| value.iter().map(plain).collect())
    }

    /// The client's address.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// Whether the message is one that the operator does not want judged.
    pub(super) fn is_skipped(&self, skip: &[Skip]) -> bool {
        skip.iter().any(|s| match s {
            Skip::Authenticated => !self.value("auth_authen").is_empty(),
            Skip::Local => self.client.is_none_or(|ip| ip.is_loopback()),
        })
    }

    fn header(&mut self, name: Bytes, value: Bytes) {
        let space: &[u8] = if self.protocol & protocol::LEADING_SPACE == 0 { b" " } else { b"" };
        self.append(&name);
        self.append(b":");
        self.append(space);
        for (number, line) in value.split(|b| *b == b'\n').enumerate() {
            if number > 0 {
                self.append(b"\r\n");
            }
            self.append(line.strip_suffix(b"\r").unwrap_or(line));
        }
        self.append(b"\r\n");
        let forged = headers::is_forged(&[&name, &b":"[..], &value].concat());
        if self.message.subject.is_none() && name.trim_ascii().eq_ignore_ascii_case(b"subject") {
            self.message.subject = Some(Bytes::copy_from_slice(&value));
        }
        // Copies: a piece of a packet would keep all of it in memory.
        match self.message.names.len() < MAX_FIELDS {
            true => self.message.names.push((Bytes::copy_from_slice(&name), forged)),
            false => self.give_up(Failure::Oversize),
        }
    }

    fn end_of_header(&mut self) {
        if !self.message.body {
            self.message.body = true;
            self.append(b"\r\n");
        }
    }

    /// Adds bytes to the message: those that are judged are kept, the rest is counted.
    fn append(&mut self, data: &[u8]) {
        let message = &mut self.message;
        message.total += data.len();
        if message.failure.is_some() {
            return;
        }
        let kept = data.len().min(self.judged_bytes.saturating_sub(message.bytes.len()));
        let needed = message.bytes.len() + kept;
        // Twice: what is read, and the message that is made of it.
        let room = message.held.as_mut().map_or(Ok(()), |held| held.grow(needed * 2));
        match room {
            _ if message.total > self.message_bytes => self.give_up(Failure::Oversize),
            Err(why) => self.give_up(why.into()),
            Ok(()) => message.bytes.extend_from_slice(&data[..kept]),
        }
    }

    fn give_up(&mut self, failure: Failure) {
        self.message.failure = Some(failure);
        self.message.bytes = Vec::new();
        self.message.held = None;
    }

    /// The packets that tell the verdict; the session is ready for the next message then.
    pub(super) fn verdict(&mut self, answer: &Answer, config: &MilterConfig) -> Replies {
        let mut replies = Replies::default();
        let message = std::mem::take(&mut self.message);
        match answer {
            Answer::Unchecked(failure) => match config.failure.action(*failure) {
                OnFailure::AcceptUnchecked => {
                    self.fields(&mut replies, &message, answer, config);
                    replies.accept();
                }
                chosen => refuse(&mut replies, *failure, chosen),
            },
            Answer::Judged { judgement, .. } => {
                self.act(&mut replies, &message, judgement.label, answer, config)
            }
        }
        replies
    }

    /// The packets for a message that is not judged on purpose.
    pub(super) fn skipped(&mut self) -> Replies {
        let mut replies = Replies::default();
        let message = std::mem::take(&mut self.message);
        self.remove_forged(&mut replies, &message);
        replies.accept();
        replies
    }

    fn act(
        &self,
        replies: &mut Replies,
        message: &Message,
        label: Label,
        answer: &Answer,
        config: &MilterConfig,
    ) {
        let chosen = config.of(label);
        match chosen.map(|c| (c.action, c.text.as_str())) {
            Some((Action::Reject, text)) => {
                let usual = "This message has signs of a scam and was not accepted. If it is genuine, please contact the recipient another way";
                return replies.reply(&format!("550 5.7.1 {}", if text.is_empty() { usual } else { text }));
            }
            Some((Action::Discard, _)) => return replies.discard(),
            Some((Action::Quarantine, _)) if self.actions & action::QUARANTINE != 0 => {
                self.fields(replies, message, answer, config);
                replies.quarantine(&format!("bypost: {}", label.as_str()));
            }
            Some((Action::Quarantine | Action::Header, _)) | None => {
                self.fields(replies, message, answer, config)
            }
        }
        let tag = chosen.map_or("", |c| c.subject_tag.as_str());
        if !tag.is_empty() {
            self.tag(replies, message, tag);
        }
        replies.accept();
    }

    /// Forged fields go, ours come.
    fn fields(&self, replies: &mut Replies, message: &Message, answer: &Answer, config: &MilterConfig) {
        self.remove_forged(replies, message);
        if self.actions & action::ADD_HEADERS == 0 {
            return;
        }
        let named = self.value("j");
        let host = if config.host.is_empty() { named.as_str() } else { config.host.as_str() };
        for field in headers::fields(answer, host) {
            replies.add_header(field.name.as_bytes(), &self.spaced(field.value.as_bytes()));
        }
    }

    /// Deletes forged fields, the last of each name first, so that the numbers of those before it stay right.
    fn remove_forged(&self, replies: &mut Replies, message: &Message) {
        if self.actions & action::CHANGE_HEADERS == 0 {
            return;
        }
        let forged = message.names.iter().enumerate().filter(|(_, (_, forged))| *forged);
        for (at, (name, _)) in forged.rev() {
            let name = name.trim_ascii();
            let same = |(other, _): &&(Bytes, bool)| other.trim_ascii().eq_ignore_ascii_case(name);
            let index = message.names[..=at].iter().filter(same).count();
            replies.change_header(index as u32, name, b"");
        }
    }

    fn tag(&self, replies: &mut Replies, message: &Message, tag: &str) {
        let subject = message.subject.as_deref().map(|s| s.trim_ascii_start());
        match subject {
            Some(subject) if self.actions & action::CHANGE_HEADERS != 0 => {
                let value = headers::with_tag(subject, tag);
                replies.change_header(1, b"Subject", &self.spaced(&value));
            }
            None if self.actions & action::ADD_HEADERS != 0 => {
                replies.add_header(b"Subject", &self.spaced(tag.trim_ascii_end().as_bytes()));
            }
            _ => {}
        }
    }

    /// A value with the space after the colon, where we have to bring it.
    fn spaced(&self, value: &[u8]) -> Vec<u8> {
        let space: &[u8] = if self.protocol & protocol::LEADING_SPACE == 0 { b"" } else { b" " };
        [space, value].concat()
    }
}

/// Puts a message off or refuses it because it could not be checked.
pub(super) fn refuse(replies: &mut Replies, failure: Failure, chosen: OnFailure) {
    let text = failure.text();
    match chosen {
        OnFailure::AcceptUnchecked => replies.accept(),
        OnFailure::Tempfail => replies.reply(&format!("451 4.7.1 {text}")),
        OnFailure::Refuse if failure == Failure::Oversize => replies.reply(&format!("552 5.3.4 {text}")),
        OnFailure::Refuse => replies.reply(&format!("554 5.7.1 {text}")),
    }
}
