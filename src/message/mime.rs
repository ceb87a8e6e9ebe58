//! A mail taken apart: what a reader sees of it, what is attached, which messages it carries.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use mail_parser::{HeaderName, Message as Parsed, MessageParser, MessagePart, MimeHeaders, PartType};

use super::rendered::Rendered;
use super::{Attachment, Defect, FileKind, Hidden, HiddenWhy, Limits, attachments, bare, html, plain};

/// Parses bytes as a mail. Hostile nesting is made opaque first, because the parser and its result recurse over it.
pub(super) fn parse<'a>(bytes: &'a [u8], limits: &Limits, defects: &mut Vec<Defect>) -> Option<Parsed<'a>> {
    let bytes = match opaque_nesting(bytes, limits.depth) {
        Cow::Borrowed(bytes) => bytes,
        Cow::Owned(bytes) => {
            defects.push(Defect {
                id: "nesting-too-deep",
                detail: format!(
                    "more than {} nested messages or multiparts; they are not opened",
                    limits.depth
                ),
            });
            // The copy lives as long as the parsed mail: parse it as owned.
            return guarded(&bytes, defects).map(Parsed::into_owned);
        }
    };
    guarded(bytes, defects)
}

/// Takes apart what is judged; of the other fields only the text is kept.
static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    let parser = MessageParser::new().with_mime_headers().with_address_headers().default_header_raw();
    parser.header_text(HeaderName::Subject)
});

/// The parser is fuzzed and does not panic; should it all the same, the mail is judged as text.
fn guarded<'a>(bytes: &'a [u8], defects: &mut Vec<Defect>) -> Option<Parsed<'a>> {
    match std::panic::catch_unwind(|| PARSER.parse(bytes)) {
        Ok(parsed) => parsed,
        Err(_) => {
            defects.push(Defect { id: "parser-panicked", detail: "the mail is judged as text".into() });
            None
        }
    }
}

/// Types that the parser opens, and ones of the same length that it does not.
const OPENED: [(&[u8], &[u8]); 3] = [
    (b"message/rfc822", b"message/opaque"),
    (b"message/global", b"message/opaque"),
    (b"multipart/", b"opaquepart"),
];

/// With more than `depth` nested messages or multiparts, their types are overwritten with ones that the parser does not
/// open.
fn opaque_nesting(bytes: &[u8], depth: usize) -> Cow<'_, [u8]> {
    let mut counts = [0; OPENED.len()];
    let mut copy: Option<Vec<u8>> = None;
    for slash in memchr::memchr_iter(b'/', bytes) {
        let Some((kind, start)) = opened(bytes, slash) else { continue };
        counts[kind] += 1;
        if counts[kind] > depth {
            let (name, replacement) = OPENED[kind];
            let copy = copy.get_or_insert_with(|| bytes.to_vec());
            copy[start..start + name.len()].copy_from_slice(replacement);
        }
    }
    copy.map_or(Cow::Borrowed(bytes), Cow::Owned)
}

/// The index in [`OPENED`] and the beginning of the type around a slash, whatever its case.
fn opened(bytes: &[u8], slash: usize) -> Option<(usize, usize)> {
    OPENED.iter().enumerate().find_map(|(kind, (name, _))| {
        let start = slash.checked_sub(name.iter().position(|b| *b == b'/')?)?;
        let word = bytes.get(start..start + name.len())?;
        word.eq_ignore_ascii_case(name).then_some((kind, start))
    })
}

/// A mail's content.
#[derive(Debug, Default)]
pub(super) struct Content<'a> {
    pub(super) body: Rendered,
    pub(super) attachments: Vec<Attachment>,
    /// Messages it carries: attached as such, or as files that are mails.
    pub(super) carried: Vec<Carried<'a>>,
    pub(super) comment_splits: usize,
    /// A bounce, a disposition notice, an abuse report, a digest: what it carries was not forwarded by a person.
    pub(super) automatic: bool,
}

/// A message inside a message.
#[derive(Debug)]
pub(super) enum Carried<'a> {
    Parsed(&'a Parsed<'a>),
    Bytes(&'a [u8]),
}

/// Takes a mail apart.
pub(super) fn content<'a>(mail: &'a Parsed<'a>, limits: &Limits, defects: &mut Vec<Defect>) -> Content<'a> {
    let mut walk = Walk {
        mail,
        limits,
        defects,
        seen: HashSet::new(),
        content: Content::default(),
        links_met: 0,
        cut: false,
    };
    walk.part(0, 0);
    walk.unparted();
    walk.finish()
}

struct Walk<'a, 'd> {
    mail: &'a Parsed<'a>,
    limits: &'d Limits,
    defects: &'d mut Vec<Defect>,
    seen: HashSet<u32>,
    content: Content<'a>,
    links_met: usize,
    cut: bool,
}

impl<'a> Walk<'a, '_> {
    fn part(&mut self, id: u32, depth: usize) {
        if self.seen.len() >= self.limits.parts || depth > self.limits.depth || !self.seen.insert(id) {
            return;
        }
        let Some(part) = self.mail.parts.get(id as usize) else { return };
        match &part.body {
            PartType::Multipart(children) => self.multipart(part, children, depth),
            PartType::Text(text) if self.is_body(part) => self.text(part, text),
            PartType::Html(text) if self.is_body(part) => self.html(text),
            PartType::Message(message) => {
                self.attach(part);
                self.content.carried.push(Carried::Parsed(message));
            }
            _ => self.file(part),
        }
    }

    fn is_body(&self, part: &MessagePart<'_>) -> bool {
        !part.content_disposition().is_some_and(|d| d.is_attachment())
    }

    fn multipart(&mut self, part: &MessagePart<'_>, children: &[u32], depth: usize) {
        let subtype = part.content_type().and_then(|c| c.subtype()).unwrap_or_default().to_ascii_lowercase();
        self.content.automatic |= matches!(subtype.as_str(), "report" | "digest");
        match subtype.as_str() {
            "alternative" => self.alternative(children, depth),
            _ => children.iter().for_each(|id| self.part(*id, depth + 1)),
        }
    }

    /// A reader sees the richest alternative; the words and links of the plain one are kept if they differ.
    fn alternative(&mut self, children: &[u32], depth: usize) {
        let shown = children.iter().rev().find(|id| self.has_html(**id, 0)).or(children.last());
        let Some(&shown) = shown else { return };
        let plain: Vec<&'a str> =
            children.iter().filter(|id| **id != shown).filter_map(|id| self.plain_text(*id)).collect();
        let before = self.content.body.text.len();
        self.part(shown, depth + 1);
        let words = self.content.body.text[before..].trim().len();
        for id in children.iter().filter(|id| **id != shown) {
            if self.plain_text(*id).is_none() || words == 0 {
                self.part(*id, depth + 1);
            } else {
                self.seen.insert(*id);
            }
        }
        if words > 0 {
            plain.into_iter().for_each(|text| self.other_part(text, before));
        }
    }

    fn has_html(&self, id: u32, depth: usize) -> bool {
        let Some(part) = self.mail.parts.get(id as usize).filter(|_| depth < 8) else { return false };
        match &part.body {
            PartType::Html(_) => true,
            PartType::Multipart(children) => children.iter().take(20).any(|id| self.has_html(*id, depth + 1)),
            _ => false,
        }
    }

    fn plain_text(&self, id: u32) -> Option<&'a str> {
        let mail: &'a Parsed<'a> = self.mail;
        match &mail.parts.get(id as usize)?.body {
            PartType::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text alternative: hidden from the reader, so a place for words that only a filter is meant to read.
    fn other_part(&mut self, text: &str, shown_from: usize) {
        let shown: HashSet<&str> = self.content.body.text[shown_from..].split_whitespace().collect();
        let words: Vec<&str> = text.split_whitespace().take(4_000).filter(|w| !w.contains("://")).collect();
        let other = words.iter().filter(|w| !shown.contains(*w)).count();
        if other * 2 > words.len() && other > 20 {
            let at = self.content.body.text.len();
            let text = words.join(" ");
            self.content.body.hidden.push((at, Hidden { text, why: HiddenWhy::OtherPart, leads: false }));
        }
    }

    fn text(&mut self, part: &MessagePart<'_>, text: &str) {
        let kind = part.content_type().and_then(|c| c.subtype()).unwrap_or("plain").to_ascii_lowercase();
        let text = match kind.as_str() {
            "calendar" => {
                self.attach(part);
                calendar(text)
            }
            "plain" | "enriched" | "richtext" | "markdown" | "x-amp-html" | "watch-html" | "html" => {
                plain::clean(text)
            }
            _ => {
                self.attach(part);
                return;
            }
        };
        if kind == "x-amp-html" || kind == "watch-html" {
            return;
        }
        self.append(Rendered { text, ..Rendered::default() });
    }

    fn html(&mut self, text: &str) {
        let html = html::render(text, self.limits);
        self.content.comment_splits += html.comment_splits;
        self.links_met += html.links_met;
        self.cut |= html.cut;
        self.append(html.rendered);
    }

    /// Adds a part below what is there.
    fn append(&mut self, mut part: Rendered) {
        let body = &mut self.content.body;
        if !body.text.is_empty() && !body.text.ends_with('\n') {
            body.text.push('\n');
        }
        let offset = body.text.len();
        let room = self.limits.text_bytes.saturating_sub(offset);
        if part.text.len() > room {
            let end = part.text.floor_char_boundary(room);
            part.text.truncate(end);
            self.cut = true;
        }
        body.text.push_str(&part.text);
        let end = body.text.len();
        body.links.extend(part.links.into_iter().map(|(at, link)| ((offset + at).min(end), link)));
        body.hidden.extend(part.hidden.into_iter().map(|(at, hidden)| ((offset + at).min(end), hidden)));
        body.containers.extend(part.containers.into_iter().map(|mut c| {
            c.range = (offset + c.range.start).min(end)..(offset + c.range.end).min(end);
            c
        }));
    }

    /// A multipart without a single part (its boundary never occurs): readers show what stands there.
    fn unparted(&mut self) {
        let empty = self.content.body.text.trim().is_empty() && self.content.body.links.is_empty();
        let multipart = self.mail.content_type().is_some_and(|c| c.ctype().eq_ignore_ascii_case("multipart"));
        if !(empty && multipart) {
            return;
        }
        let bytes = body_of(&self.mail.raw_message);
        let text = plain::clean(&plain::decode(&bytes[..bytes.len().min(self.limits.text_bytes)]));
        if !text.trim().is_empty() {
            self.defects.push(Defect {
                id: "no-parts",
                detail: "a multipart without parts; its body is read as text".into(),
            });
            self.append(Rendered { text, ..Rendered::default() });
        }
    }

    fn file(&mut self, part: &'a MessagePart<'a>) {
        let kind = self.attach(part);
        let bytes = part.contents();
        if kind == Some(FileKind::Mail) && looks_like_mail(bytes) {
            self.content.carried.push(Carried::Bytes(bytes));
        }
    }

    fn attach(&mut self, part: &MessagePart<'_>) -> Option<FileKind> {
        if self.content.attachments.len() >= self.limits.attachments {
            return None;
        }
        let file = attachments::describe(part);
        let kind = file.kind;
        self.content.attachments.push(file);
        Some(kind)
    }

    fn finish(mut self) -> Content<'a> {
        let limits = self.limits;
        let bare = bare::add(&mut self.content.body, limits.links);
        let met = self.links_met + bare;
        if self.content.body.links.len() >= limits.links && met > limits.links {
            let links = &mut self.content.body.links;
            links.truncate(limits.links);
            self.defects.push(Defect {
                id: "many-links",
                detail: format!("{met} links; {} are looked at", links.len()),
            });
        }
        let parts = self.mail.parts.len();
        if self.seen.len() >= limits.parts && parts > limits.parts {
            self.defects.push(Defect {
                id: "many-parts",
                detail: format!("{parts} parts; {} are looked at", limits.parts),
            });
        }
        if self.cut {
            let detail = format!("more than {} bytes of text; the rest is not looked at", limits.text_bytes);
            self.defects.push(Defect { id: "long-text", detail });
        }
        self.content
    }
}

/// What follows the first blank line.
fn body_of(bytes: &[u8]) -> &[u8] {
    let crlf = bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
    let lf = bytes.windows(2).position(|w| w == b"\n\n").map(|at| at + 2);
    let start = crlf.into_iter().chain(lf).min();
    start.and_then(|at| bytes.get(at..)).unwrap_or_default()
}

/// The words of a calendar entry.
fn calendar(text: &str) -> String {
    let field = |line: &&str| ["SUMMARY", "DESCRIPTION", "LOCATION"].iter().any(|f| line.starts_with(f));
    let value = |line: &str| {
        line.split_once(':').map(|(_, v)| v.replace("\\n", "\n").replace("\\,", ",")).unwrap_or_default()
    };
    plain::clean(text).lines().filter(field).map(value).collect::<Vec<_>>().join("\n")
}

/// Whether bytes begin with a header block: two known fields before the first blank line.
pub(super) fn looks_like_mail(bytes: &[u8]) -> bool {
    const FIELDS: &[&str] = &[
        "from",
        "to",
        "subject",
        "date",
        "received",
        "return-path",
        "message-id",
        "mime-version",
        "content-type",
        "reply-to",
        "delivered-to",
        "dkim-signature",
        "cc",
        "sender",
        "content-transfer-encoding",
        "authentication-results",
        "arc-seal",
        "x-mailer",
        "envelope-to",
        "x-originating-ip",
        "list-id",
        "x-received",
        "arc-authentication-results",
    ];
    let head = &bytes[..bytes.len().min(64 * 1024)];
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = head.trim_ascii_start();
    let mut known = 0;
    let mut lines = text.split(|b| *b == b'\n' || *b == b'\r').enumerate().filter(|(_, l)| !l.is_empty());
    while let Some((number, line)) = lines.next().filter(|_| known < 2) {
        if number == 0 && (line.starts_with(b"From ") || line.starts_with(b">From "))
            || line[0] == b' '
            || line[0] == b'\t'
        {
            continue;
        }
        let Some(colon) = line.iter().position(|b| *b == b':') else { return false };
        let name = String::from_utf8_lossy(&line[..colon]).trim().to_ascii_lowercase();
        if name.contains(' ') {
            return false;
        }
        known += usize::from(FIELDS.contains(&name.as_str()));
    }
    // A field that fills all that is looked at leaves no room for a second.
    known >= 2 || (known == 1 && bytes.len() > head.len() + 3)
}
