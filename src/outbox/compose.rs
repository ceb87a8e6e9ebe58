//! The answer as a message (RFC 3834): to the sender alone, threaded to the forward, and marked as automatic.

use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use super::Signer;
use crate::config::Inbox;
use crate::reply::Reply;

/// Most ids in References.
const MAX_REFERENCES: usize = 10;

/// What an answer is made from.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Journal id.
    pub id: &'a str,
    /// Who we are.
    pub inbox: &'a Inbox,
    /// Whom it goes to.
    pub to: &'a str,
    /// When the forward was received, in milliseconds since 1970 UTC: the answer's date, so that a repeat is the same.
    pub received_at: i64,
    /// Message-ID of the forward.
    pub in_reply_to: Option<&'a str>,
    /// References of the forward.
    pub references: &'a [String],
    /// What it says.
    pub reply: &'a Reply,
    /// It goes to a telephone: plain text only.
    pub plain: bool,
}

/// What stands between the journal id and the host in the Message-ID of an answer.
const MARK: &str = ".answer@";

/// The Message-ID of the answer to the message with this journal id.
pub fn message_id(id: &str, hostname: &str) -> String {
    format!("<{id}{MARK}{hostname}>")
}

/// Whether a Message-ID is that of an answer of ours.
pub fn is_ours(message_id: &str, hostname: &str) -> bool {
    message_id.strip_suffix('>').is_some_and(|id| id.ends_with(&format!("{MARK}{hostname}")))
}

/// The answer's bytes; with a signature if there is a signer.
///
/// # Errors
/// An address is not one that mail can be sent to.
pub fn compose(draft: &Draft<'_>, signer: Option<&Signer>) -> Result<Vec<u8>, String> {
    let address = |a: &str| a.parse::<lettre::Address>().map_err(|e| format!("no address to answer to: {e}"));
    let to = address(draft.to)?;
    let envelope = Envelope::new(None, vec![to.clone()]).map_err(|e| e.to_string())?;
    let from = Mailbox::new(Some(draft.inbox.name.clone()), address(draft.inbox.address())?);
    let date = SystemTime::UNIX_EPOCH + Duration::from_millis(draft.received_at.unsigned_abs());
    let mut message = Message::builder()
        .envelope(envelope)
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(&draft.reply.subject)
        .date(date)
        .message_id(Some(message_id(draft.id, &draft.inbox.hostname)))
        .raw_header(raw("Auto-Submitted", "auto-replied"))
        .raw_header(raw("X-Auto-Response-Suppress", "All"))
        .raw_header(raw("X-Loop", draft.inbox.address()));
    if let Some(id) = draft.in_reply_to {
        message = message.in_reply_to(id.to_owned()).references(references(draft.references, id));
    }
    let text = draft.reply.text.clone();
    let message = if draft.plain {
        message.singlepart(SinglePart::plain(text))
    } else {
        message.multipart(MultiPart::alternative_plain_html(text, draft.reply.html.clone()))
    };
    let bytes = message.map_err(|e| format!("no answer could be made: {e}"))?.formatted();
    match signer {
        Some(signer) => signer.sign(bytes),
        None => Ok(bytes),
    }
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The first id and the last ones, as RFC 5322 section 3.6.4 asks, then the forward's own.
fn references(before: &[String], own: &str) -> String {
    let keep = before.len().saturating_sub(MAX_REFERENCES - 2);
    let kept = before.iter().enumerate().filter(|(n, id)| (*n == 0 || *n >= keep) && *id != own);
    let mut ids: Vec<&str> = kept.map(|(_, id)| id.as_str()).collect();
    ids.push(own);
    ids.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(name: &str) -> Inbox {
        Inbox {
            addresses: vec!["check@inbox.example".into()],
            name: name.into(),
            hostname: "inbox.example".into(),
            text_gateways: Vec::new(),
        }
    }

    fn reply() -> Reply {
        let (subject, text) = ("Re: your check".to_owned(), "Sí, una estafa.\n".to_owned());
        Reply { subject, text, html: "<p>Sí</p>".into(), facts: Vec::new() }
    }

    fn composed(to: &str, references: &[String]) -> Result<String, String> {
        let (inbox, reply) = (inbox("bypost ñ"), reply());
        let draft = Draft {
            id: "0190",
            inbox: &inbox,
            to,
            received_at: 1_790_000_000_000,
            in_reply_to: Some("<1@person.example>"),
            references,
            reply: &reply,
            plain: false,
        };
        compose(&draft, None).map(|b| String::from_utf8(b).expect("ASCII"))
    }

    #[test]
    fn it_is_threaded_marked_and_the_same_each_time() {
        let text = composed("ana@person.example", &["<0@person.example>".to_owned()]).expect("composed");
        for line in [
            "To: ana@person.example",
            "Message-ID: <0190.answer@inbox.example>",
            "In-Reply-To: <1@person.example>",
            "References: <0@person.example> <1@person.example>",
            "Auto-Submitted: auto-replied",
            "Subject: Re: your check",
            "MIME-Version: 1.0",
            "Date: Mon, 21 Sep 2026",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(text.is_ascii() && !text.contains("\r\n\r\n\r\n\r\n"));
        assert!(is_ours("<0190.answer@inbox.example>", "inbox.example"));
        assert!(!is_ours("<0190.answer@other.example>", "inbox.example"));
    }

    #[test]
    fn long_threads_are_shortened() {
        let ids: Vec<String> = (0..100).map(|n| format!("<{n}@x.example>")).collect();
        let kept = references(&ids, "<own@x.example>");
        assert!(kept.starts_with("<0@x.example> <92@x.example>") && kept.ends_with("<own@x.example>"));
        assert_eq!(kept.split(' ').count(), 10);
    }

    #[test]
    fn no_line_can_be_added() {
        for to in ["ana@person.example\r\nBcc: all@person.example", "not an address", "", "a@b>\n"] {
            assert!(composed(to, &[]).is_err(), "{to:?}");
        }
    }
}
