//! The header fields that are judged.

use mail_parser::{Header, HeaderName, HeaderValue, Message as Parsed};

use super::{Address, AuthResults, BulkHeaders, Defect, auth};

/// Addresses kept of one header; lists of thousands say nothing more.
const MAX_ADDRESSES: usize = 50;

/// Longest subject or name kept, in characters.
const MAX_TEXT: usize = 2_000;

/// Bytes of one field beyond which some of it may not have been looked at.
const LONG: usize = MAX_TEXT * 2;

fn is_judged(name: &HeaderName<'_>) -> bool {
    matches!(
        name,
        HeaderName::From
            | HeaderName::Sender
            | HeaderName::ReplyTo
            | HeaderName::To
            | HeaderName::Cc
            | HeaderName::Subject
    )
}

/// The header of one message.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) subject: String,
    pub(super) from: Option<Address>,
    pub(super) sender: Option<Address>,
    pub(super) reply_to: Vec<Address>,
    pub(super) to: Vec<Address>,
    pub(super) return_path: Option<String>,
    pub(super) date: Option<String>,
    pub(super) bulk: BulkHeaders,
    pub(super) auth: Option<AuthResults>,
}

/// Reads the header; repeated fields that must stand once are a defect.
pub(super) fn read(mail: &Parsed<'_>, trusted: &[String], defects: &mut Vec<Defect>) -> Head {
    let all = |name: HeaderName<'static>| mail.headers().iter().filter(move |h| h.name == name);
    let addresses = |name: HeaderName<'static>| -> Vec<Address> {
        all(name).flat_map(|h| addresses(mail, h)).take(MAX_ADDRESSES).collect()
    };
    for (name, label) in
        [(HeaderName::From, "From"), (HeaderName::Subject, "Subject"), (HeaderName::Date, "Date")]
    {
        let count = all(name).count();
        if count > 1 {
            defects.push(Defect { id: "repeated-header", detail: format!("{label} stands {count} times") });
        }
    }
    for header in mail.headers().iter().filter(|h| is_judged(&h.name)) {
        let length = header.offset_end.saturating_sub(header.offset_start) as usize;
        if length > LONG {
            let detail = format!("{} has {length} bytes; its beginning is looked at", header.name.as_str());
            defects.push(Defect { id: "long-header", detail });
        }
    }
    let from = addresses(HeaderName::From).into_iter().next();
    let mut to = addresses(HeaderName::To);
    to.extend(addresses(HeaderName::Cc));
    Head {
        subject: all(HeaderName::Subject).next().map(|h| text(mail, h)).unwrap_or_default(),
        sender: addresses(HeaderName::Sender)
            .into_iter()
            .next()
            .filter(|s| from.as_ref().is_none_or(|f| f.address != s.address)),
        reply_to: addresses(HeaderName::ReplyTo),
        return_path: all(HeaderName::ReturnPath)
            .next()
            .map(|h| raw(mail, h).trim().trim_matches(['<', '>']).to_owned()),
        date: all(HeaderName::Date).next().map(|h| one_line(raw(mail, h))).filter(|d| !d.is_empty()),
        bulk: bulk(mail),
        auth: results(mail, trusted),
        from,
        to,
    }
}

/// The topmost result of a trusted server: those further down were there before the mail came to us.
fn results(mail: &Parsed<'_>, trusted: &[String]) -> Option<AuthResults> {
    if trusted.is_empty() {
        return None;
    }
    let named = |h: &&Header<'_>| h.name.as_str().eq_ignore_ascii_case("Authentication-Results");
    mail.headers().iter().filter(named).find_map(|h| auth::parse(raw(mail, h), trusted))
}

/// The field's bytes as text, folding and all.
pub(super) fn raw<'a>(mail: &'a Parsed<'_>, header: &Header<'_>) -> &'a str {
    let bytes =
        mail.raw_message.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

fn text(mail: &Parsed<'_>, header: &Header<'_>) -> String {
    match &header.value {
        HeaderValue::Text(text) => one_line(text),
        HeaderValue::TextList(list) => one_line(&list.join(", ")),
        _ => one_line(raw(mail, header)),
    }
}

/// One line, without control characters, bounded.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MAX_TEXT));
    let mut room = MAX_TEXT;
    let mut gap = false;
    for c in text.chars().take(MAX_TEXT * 2) {
        if c == ' ' || (c.is_control() && c.is_whitespace()) {
            gap = !line.is_empty();
        } else if !c.is_control() {
            let needed = 1 + usize::from(gap);
            if needed > room {
                break;
            }
            room -= needed;
            if gap {
                line.push(' ');
            }
            gap = false;
            line.push(c);
        }
    }
    line
}

fn addresses(mail: &Parsed<'_>, header: &Header<'_>) -> Vec<Address> {
    let parsed: Vec<Address> = header.value.as_address().map_or_else(Vec::new, |list| {
        let one = |a: &mail_parser::Addr<'_>| Address {
            name: one_line(a.name().unwrap_or_default()),
            address: a.address().map_or_else(String::new, |a| one_line(a).replace(' ', "")),
        };
        list.iter().take(MAX_ADDRESSES).map(one).collect()
    });
    let broken = parsed.is_empty() || parsed.iter().all(|a| !a.address.contains('@'));
    match broken.then(|| salvage(raw(mail, header))).flatten() {
        Some(address) => vec![address],
        None => parsed,
    }
}

/// A field that no grammar accepts: the first thing with an @ is the address, what stands before it the name.
fn salvage(raw: &str) -> Option<Address> {
    let line = one_line(raw);
    let word =
        line.split([' ', '<', '>', ',', ';', '"', '(', ')']).find(|w| w.contains('@') && w.len() > 3)?;
    let name =
        line.split(word).next().unwrap_or_default().trim_matches([' ', '<', '"', '(']).trim().to_owned();
    Some(Address { name, address: word.to_owned() })
}

fn bulk(mail: &Parsed<'_>) -> BulkHeaders {
    let mut bulk = BulkHeaders::default();
    for header in mail.headers().iter().take(2_000) {
        let value = || one_line(raw(mail, header));
        match header.name.as_str().to_ascii_lowercase().as_str() {
            "list-id" => {
                bulk.list_id = Some(
                    value().rsplit('<').next().unwrap_or_default().trim_matches(['>', ' ']).to_lowercase(),
                )
            }
            "list-unsubscribe" => {
                let targets = value();
                let each = targets.split(',').map(|t| t.trim().trim_matches(['<', '>']).to_owned());
                bulk.list_unsubscribe.extend(each.filter(|t| !t.is_empty()).take(10));
            }
            "precedence" => bulk.bulk |= ["bulk", "list", "junk"].contains(&value().to_lowercase().as_str()),
            "feedback-id" => bulk.bulk = true,
            "auto-submitted" => bulk.auto_submitted |= !value().to_lowercase().starts_with("no"),
            "in-reply-to" | "references" => bulk.in_reply_to |= value().contains('@'),
            "message-id" => {
                let domain = value().rsplit('@').next().map(|d| d.trim_matches(['>', ' ']).to_lowercase());
                bulk.message_id_domain = domain.filter(|d| !d.is_empty());
            }
            "dkim-signature" if bulk.dkim_domains.len() < 10 => {
                let tag = |t: &str| t.trim().strip_prefix("d=").map(|d| d.trim().to_lowercase());
                bulk.dkim_domains.extend(value().split(';').find_map(tag));
            }
            "received" if bulk.received_hosts.len() < 20 => {
                let value = value();
                let host = value.strip_prefix("from ").and_then(|v| v.split([' ', '(', ';']).next());
                bulk.received_hosts.extend(host.map(str::to_lowercase));
            }
            "x-mailer" | "user-agent" => bulk.mailer = Some(value()),
            _ => {}
        }
    }
    bulk
}
