//! From bytes to the suspect message: what is judged, told apart from who sent it on.

use mail_parser::Message as Parsed;

use super::forward::{Forwards, Split};
use super::headers::{self, Head};
use super::mime::{self, Carried, Content};
use super::rendered::Rendered;
use super::{
    Address, Attachment, BulkHeaders, Channel, Defect, Forward, HeaderKnowledge, Hidden, Hop, Limits,
    Message, RawMessage, bare, plain, quoted,
};

/// What reading depends on besides the bytes.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions<'a> {
    /// How mail programs forward.
    pub forwards: &'a Forwards,
    /// Servers whose Authentication-Results count (RFC 8601 authserv-ids).
    pub trusted_authserv: &'a [String],
    /// Bounds.
    pub limits: Limits,
}

/// Own text of a mail longer than this is the mail itself, whatever is attached to it.
const LONG_NOTE: usize = 2_000;

/// Reads a message. Total: whatever the bytes, there is a message, and what is wrong with it is in its defects.
pub fn read(raw: &RawMessage<'_>, options: &ReadOptions<'_>) -> Message {
    let mut defects = Vec::new();
    let mut bytes: &[u8] = &raw.bytes;
    if bytes.len() > options.limits.message_bytes {
        let detail = format!("{} bytes; the first {} are read", bytes.len(), options.limits.message_bytes);
        defects.push(Defect { id: "long-message", detail });
        bytes = &bytes[..options.limits.message_bytes];
    }
    let channel = raw.channel.unwrap_or_else(|| detect(bytes));
    if channel != Channel::Email {
        return text_message(bytes, channel, options, defects);
    }
    let bytes = normal_ends(bytes);
    match mime::parse(&bytes, &options.limits, &mut defects) {
        Some(mail) => Reader { options, defects }.mail(&mail),
        None => {
            defects.push(Defect {
                id: "not-a-mail",
                detail: "no header was found; the bytes are judged as text".into(),
            });
            text_message(&bytes, channel, options, defects)
        }
    }
}

fn detect(bytes: &[u8]) -> Channel {
    if mime::looks_like_mail(bytes) { Channel::Email } else { Channel::Text }
}

/// Lines that end in bare CR only (no LF but at the very end, which a server may have added) are given LF; byte-order marks and blank lines before the header go.
fn normal_ends(bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = bytes.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0);
    let bytes = &bytes[start..];
    let end = bytes.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |at| at + 1);
    if bytes[..end].contains(&b'\n') || !bytes[..end].contains(&b'\r') {
        return bytes.into();
    }
    bytes.iter().map(|b| if *b == b'\r' { b'\n' } else { *b }).collect::<Vec<_>>().into()
}

fn text_message(
    bytes: &[u8],
    channel: Channel,
    options: &ReadOptions<'_>,
    mut defects: Vec<Defect>,
) -> Message {
    let (from, mut body) = plain::read(bytes);
    let limits = &options.limits;
    if body.text.len() > limits.text_bytes {
        let end = body.text.floor_char_boundary(limits.text_bytes);
        body.text.truncate(end);
        let detail = format!("more than {} bytes of text; the rest is not looked at", limits.text_bytes);
        defects.push(Defect { id: "long-text", detail });
    }
    let met = bare::add(&mut body, limits.links);
    if met > limits.links {
        defects.push(Defect {
            id: "many-links",
            detail: format!("{met} links; {} are looked at", limits.links),
        });
    }
    let mut reader = Reader { options, defects };
    let mut state = State { head: Head::default(), knowledge: HeaderKnowledge::None, ..State::default() };
    state.head.from = from;
    // A pasted mail: the text is itself an inline forward.
    reader.inline(&mut state, &mut body);
    reader.finish(state, body, channel)
}

/// What is known while layer after layer is taken off.
#[derive(Default)]
struct State {
    head: Head,
    knowledge: HeaderKnowledge,
    forward: Forward,
    attachments: Vec<Attachment>,
    comment_splits: usize,
}

struct Reader<'a> {
    options: &'a ReadOptions<'a>,
    defects: Vec<Defect>,
}

impl Reader<'_> {
    fn mail(mut self, mail: &Parsed<'_>) -> Message {
        let mut state = State::default();
        let body = self.layer(&mut state, mail);
        self.finish(state, body, Channel::Email)
    }

    /// One mail: its header and content, then what it forwards, if it forwards something.
    fn layer(&mut self, state: &mut State, mail: &Parsed<'_>) -> Rendered {
        state.head = headers::read(mail, self.options.trusted_authserv, &mut self.defects);
        state.knowledge = knowledge(&state.head);
        let mut content = mime::content(mail, &self.options.limits, &mut self.defects);
        state.head.bulk.auto_submitted |= content.automatic;
        state.attachments = std::mem::take(&mut content.attachments);
        state.comment_splits = content.comment_splits;
        if self.carries_forward(state, &content)
            && let Some(body) = self.attached(state, &content)
        {
            return body;
        }
        let mut body = content.body;
        self.inline(state, &mut body);
        body
    }

    /// A message attached by a person: not a bounce, not a digest, and not beside a long text of its own.
    fn carries_forward(&self, state: &State, content: &Content<'_>) -> bool {
        let room = state.forward.hops.len() < self.options.limits.hops;
        let own = content.body.text.trim().len();
        let forwards = is_forward_subject(&state.head.subject);
        room && !content.automatic && !content.carried.is_empty() && (own < LONG_NOTE || forwards)
    }

    fn attached(&mut self, state: &mut State, content: &Content<'_>) -> Option<Rendered> {
        let limits = self.options.limits;
        let first = content.carried.first()?;
        let parsed;
        let inner: &Parsed<'_> = match first {
            Carried::Parsed(message) => message,
            Carried::Bytes(bytes) => {
                parsed = mime::parse(bytes, &limits, &mut self.defects)?;
                &parsed
            }
        };
        if inner.parts.is_empty() {
            return None;
        }
        if content.carried.len() > 1 {
            let detail = format!("{} messages are attached; the first is judged", content.carried.len());
            self.defects.push(Defect { id: "more-messages", detail });
        }
        self.hop(state, "attached".into(), 1.0, &content.body.text);
        Some(self.layer(state, inner))
    }

    /// Takes inline forwards off, outermost first.
    fn inline(&mut self, state: &mut State, body: &mut Rendered) {
        while state.forward.hops.len() < self.options.limits.hops {
            let Some(split) = self.options.forwards.split(&state.head.subject, body) else { return };
            let Split { style, confidence, header, body: inner, note } = split;
            // The table knows several layouts of one program; people know the program.
            let style = if style.starts_with("outlook-") { "outlook".to_owned() } else { style };
            self.hop(state, style, confidence, &note);
            state.head = Head {
                subject: header.subject.unwrap_or_default(),
                from: header.from,
                to: header.to,
                reply_to: header.reply_to,
                date: header.date,
                ..Head::default()
            };
            state.knowledge = HeaderKnowledge::Partial;
            *body = inner;
        }
    }

    fn hop(&self, state: &mut State, style: String, confidence: f32, note: &str) {
        let by = state.head.from.take().unwrap_or_default().address;
        state.forward.hops.push(Hop { style, by, confidence });
        let note = note.trim();
        if !note.is_empty() {
            if !state.forward.note.is_empty() {
                state.forward.note.push_str("\n\n");
            }
            state.forward.note.push_str(note);
        }
    }

    fn finish(self, state: State, body: Rendered, channel: Channel) -> Message {
        let State { head, knowledge, forward, attachments, comment_splits } = state;
        let quoted = if forward.hops.is_empty() { quoted::ranges(&body.text) } else { Vec::new() };
        Message {
            channel,
            header: knowledge,
            subject: head.subject,
            from: head.from.filter(|f| *f != Address::default()),
            sender: head.sender,
            reply_to: head.reply_to,
            to: head.to,
            return_path: head.return_path,
            date: head.date,
            bulk: if knowledge == HeaderKnowledge::Full { head.bulk } else { BulkHeaders::default() },
            auth: head.auth,
            quoted,
            hidden: body.hidden.into_iter().map(|(at, hidden)| Hidden { leads: at == 0, ..hidden }).collect(),
            links: body.links.into_iter().map(|(_, link)| link).collect(),
            text: body.text,
            attachments,
            forward,
            comment_splits,
            defects: self.defects,
        }
    }
}

/// A header that no server has touched (a pasted body with From and Subject) is partial.
fn knowledge(head: &Head) -> HeaderKnowledge {
    let bulk = &head.bulk;
    let travelled = head.return_path.is_some()
        || bulk.message_id_domain.is_some()
        || !bulk.received_hosts.is_empty()
        || !bulk.dkim_domains.is_empty();
    if travelled { HeaderKnowledge::Full } else { HeaderKnowledge::Partial }
}

/// `Fwd:`, `FW:` and the like before a subject, in the languages most met; the table knows more for inline forwards.
fn is_forward_subject(subject: &str) -> bool {
    let prefix = subject.split(':').next().unwrap_or_default().trim().to_lowercase();
    subject.contains(':')
        && ["fwd", "fw", "wg", "tr", "rv", "enc", "i", "vs", "pd", "doorst"].contains(&prefix.as_str())
}
