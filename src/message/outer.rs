//! The mail that a person sent in, as far as an answer depends on it: who sent it, what it says about automatic mail, what
//! it answers, and the messages it carries. The verdict depends on none of this.

use mail_parser::{Header, HeaderName, Message as Parsed};
use serde::{Deserialize, Serialize};

use super::headers::{self, raw};
use super::mime::{self, Carried};
use super::{AuthResults, Limits, auth};

/// Header fields looked at.
const MAX_FIELDS: usize = 2_000;

/// Longest Message-ID that is repeated in an answer.
const MAX_ID: usize = 250;

/// What the header says about automatic mail. Words are lower case, without parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signs {
    /// Auto-Submitted (RFC 3834 section 5).
    pub auto_submitted: Option<String>,
    /// Precedence.
    pub precedence: Option<String>,
    /// X-Auto-Response-Suppress.
    pub suppress: Option<String>,
    /// A List-* field (RFC 2369, RFC 2919) or Mailing-List is there.
    pub list: bool,
    /// A field that only automatic answers have.
    pub auto_reply: bool,
    /// `report-type` of a multipart/report: `delivery-status`, `feedback-report`, …
    pub report: Option<String>,
    /// Received fields.
    pub hops: usize,
}

/// The outer mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outer {
    /// First From address.
    pub from: String,
    /// Return-Path without brackets; `None` without such a field.
    pub return_path: Option<String>,
    /// Decoded subject, one line.
    pub subject: String,
    /// Message-ID with brackets, if it is well-formed.
    pub message_id: Option<String>,
    /// Ids of References, oldest first.
    pub references: Vec<String>,
    /// Ids of In-Reply-To.
    pub in_reply_to: Vec<String>,
    /// Values of X-Loop, lower case.
    pub loops: Vec<String>,
    /// What it says about automatic mail.
    pub signs: Signs,
    /// Results of trusted servers, topmost first.
    pub auth: Vec<AuthResults>,
    /// The messages it carries as attachments, as their bytes.
    pub carried: Vec<Vec<u8>>,
    /// Its own visible text, without what it carries.
    pub text: String,
}

/// Reads the outer mail; total. `trusted` names the servers whose Authentication-Results count.
pub fn read(bytes: &[u8], trusted: &[String], limits: &Limits) -> Outer {
    let mut defects = Vec::new();
    let Some(mail) = mime::parse(bytes, limits, &mut defects) else { return Outer::default() };
    let head = headers::read(&mail, trusted, &mut defects);
    let mut outer = Outer {
        from: head.from.map(|f| f.address).unwrap_or_default(),
        return_path: head.return_path,
        subject: head.subject,
        ..Outer::default()
    };
    for header in mail.headers().iter().take(MAX_FIELDS) {
        field(&mut outer, &mail, header, trusted);
    }
    outer.signs.report = report(&mail);
    let content = mime::content(&mail, limits, &mut defects);
    outer.carried = content.carried.iter().map(|c| bytes_of(c).to_vec()).collect();
    outer.text = content.body.text;
    outer
}

fn field(outer: &mut Outer, mail: &Parsed<'_>, header: &Header<'_>, trusted: &[String]) {
    let name = header.name.as_str().to_ascii_lowercase();
    let value = || headers::one_line(raw(mail, header));
    let signs = &mut outer.signs;
    match name.as_str() {
        "auto-submitted" => signs.auto_submitted = Some(word(&value())),
        "precedence" => signs.precedence = Some(word(&value())),
        "x-auto-response-suppress" => signs.suppress = Some(value().to_lowercase()),
        "list-id" | "list-post" | "list-help" | "list-unsubscribe" | "list-subscribe" | "list-owner"
        | "list-archive" | "mailing-list" => signs.list = true,
        "x-autoreply"
        | "x-autorespond"
        | "x-autoresponder"
        | "x-auto-reply"
        | "x-mail-autoreply"
        | "x-failed-recipients" => signs.auto_reply = true,
        "received" => signs.hops += 1,
        "message-id" => outer.message_id = ids(&value()).into_iter().next(),
        "references" => outer.references = ids(&value()),
        "in-reply-to" => outer.in_reply_to = ids(&value()),
        "x-loop" => outer.loops.push(value().to_lowercase()),
        "authentication-results" => outer.auth.extend(auth::parse(raw(mail, header), trusted)),
        _ => {}
    }
}

/// The first word, lower case, without comment and parameters.
fn word(value: &str) -> String {
    value.split([';', ' ', '(']).next().unwrap_or_default().to_lowercase()
}

/// Message-IDs of a field: printable ASCII in brackets, with one `@`. Others are dropped, so that nothing odd is repeated.
fn ids(value: &str) -> Vec<String> {
    let fine = |id: &str| {
        id.len() <= MAX_ID
            && id.matches('@').count() == 1
            && id.bytes().all(|b| b.is_ascii_graphic() && !b"<>,;\\\"".contains(&b))
    };
    let bracketed = value.split('<').skip(1).filter_map(|part| part.split_once('>')).map(|(id, _)| id);
    bracketed.filter(|id| fine(id)).map(|id| format!("<{id}>")).take(50).collect()
}

/// `report-type` of a multipart/report (RFC 6522).
fn report(mail: &Parsed<'_>) -> Option<String> {
    let header = mail.headers().iter().find(|h| h.name == HeaderName::ContentType)?;
    let kind = header.value.as_content_type()?;
    let is_report = kind.ctype().eq_ignore_ascii_case("multipart")
        && kind.subtype().is_some_and(|s| s.eq_ignore_ascii_case("report"));
    is_report.then(|| kind.attribute("report-type").unwrap_or("unnamed").to_lowercase())
}

/// The bytes of a carried message; one that was parsed in place is a piece of the whole.
fn bytes_of<'a>(carried: &'a Carried<'_>) -> &'a [u8] {
    match carried {
        Carried::Bytes(bytes) => bytes,
        Carried::Parsed(message) => {
            let whole: &[u8] = &message.raw_message;
            let range = message.parts.first().map(|p| p.offset_header as usize..p.offset_end as usize);
            range.and_then(|r| whole.get(r)).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outer(text: &str) -> Outer {
        read(text.replace('\n', "\r\n").as_bytes(), &["mx.example.org".into()], &Limits::default())
    }

    const HEAD: &str = "From: Ana <ana@person.example>\nTo: check@inbox.example\nSubject: Fwd: look\nMessage-ID: <1@person.example>\n";

    #[test]
    fn the_header_is_read() {
        let mail = outer(&format!(
            "Return-Path: <bounce@person.example>\nReceived: from a\nReceived: from b\n{HEAD}References: <0@x.example>\n <bad id@x> <0b@x.example>\nIn-Reply-To: <0b@x.example>\nAuto-Submitted: Auto-Replied; owner=x (y)\nPrecedence: Bulk\nX-Auto-Response-Suppress: DR, All\nList-Id: <l.example>\nAuthentication-Results: mx.example.org; spf=pass smtp.mailfrom=ana@person.example\nAuthentication-Results: evil.example; dkim=pass header.d=person.example\n\nhello\n"
        ));
        assert_eq!(mail.from, "ana@person.example");
        assert_eq!(mail.return_path.as_deref(), Some("bounce@person.example"));
        assert_eq!(mail.message_id.as_deref(), Some("<1@person.example>"));
        assert_eq!(mail.references, ["<0@x.example>", "<0b@x.example>"]);
        assert_eq!(mail.in_reply_to, ["<0b@x.example>"]);
        assert_eq!(mail.signs.auto_submitted.as_deref(), Some("auto-replied"));
        assert_eq!(mail.signs.precedence.as_deref(), Some("bulk"));
        assert_eq!(mail.signs.suppress.as_deref(), Some("dr, all"));
        assert!(mail.signs.list && !mail.signs.auto_reply);
        assert_eq!(mail.signs.hops, 2);
        assert_eq!(mail.auth.len(), 1, "only the trusted server counts");
        assert_eq!(mail.text.trim(), "hello");
    }

    #[test]
    fn carried_messages_come_whole() {
        let part = |n: u8| {
            format!(
                "--b\nContent-Type: message/rfc822\n\nFrom: x@y.example\nTo: a@b.example\nSubject: s{n}\n\nbody {n}\n\n"
            )
        };
        let mail = outer(&format!(
            "{HEAD}MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nsee these\n\n{}{}--b--\n",
            part(1),
            part(2)
        ));
        assert_eq!(mail.carried.len(), 2);
        for (n, bytes) in mail.carried.iter().enumerate() {
            let text = String::from_utf8_lossy(bytes);
            assert!(text.starts_with("From: x@y.example"), "{text}");
            assert!(text.trim_end().ends_with(&format!("body {}", n + 1)), "{text}");
        }
        assert_eq!(mail.text.trim(), "see these");
    }

    #[test]
    fn reports_are_known() {
        let mail = outer(&format!(
            "{HEAD}MIME-Version: 1.0\nContent-Type: multipart/report; report-type=Feedback-Report; boundary=b\n\n--b\n\nx\n--b--\n"
        ));
        assert_eq!(mail.signs.report.as_deref(), Some("feedback-report"));
        assert_eq!(read(b"\xff\x00", &[], &Limits::default()).carried.len(), 0);
    }
}
