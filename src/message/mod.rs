//! From bytes as they were received to the [`Message`] that is judged: the *suspect* message, unwrapped.
//!
//! Reading never fails. Whatever is broken, cut or refused is written down as a [`Defect`], so nothing is lost silently.

mod attachments;
mod auth;
mod bare;
pub mod forward;
mod headers;
mod html;
mod limits;
mod mime;
pub mod outer;
mod plain;
mod quoted;
mod read;
mod rendered;

use std::borrow::Cow;

pub use limits::Limits;
pub use read::{ReadOptions, read};

/// How a message reached the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Internet mail (RFC 5322).
    Email,
    /// A text: SMS, RCS, iMessage, WhatsApp and the like.
    Text,
    /// The transcript of a voicemail or a call.
    Voicemail,
}

/// A message as a front end received it.
#[derive(Clone, Debug, Default)]
pub struct RawMessage<'a> {
    /// The message itself: RFC 5322 bytes, or plain text for texts and transcripts.
    pub bytes: Cow<'a, [u8]>,
    /// The channel if the front end knows it; `None` decides by the bytes (a mail header block means e-mail).
    pub channel: Option<Channel>,
}

impl<'a> RawMessage<'a> {
    /// A message whose channel is decided by its bytes.
    pub fn new(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { bytes: bytes.into(), channel: None }
    }

    /// A message that is known to have come by `channel`.
    pub fn with_channel(bytes: impl Into<Cow<'a, [u8]>>, channel: Channel) -> Self {
        Self { bytes: bytes.into(), channel: Some(channel) }
    }
}

/// The suspect message: what is judged. Always built, whatever the bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// How the suspect message reached the person.
    pub channel: Channel,
    /// How much of the suspect's header is known.
    pub header: HeaderKnowledge,
    /// Decoded subject, one line; empty when there is none.
    pub subject: String,
    /// The first From address.
    pub from: Option<Address>,
    /// Sender header, when it is present and differs from From.
    pub sender: Option<Address>,
    /// Every Reply-To address.
    pub reply_to: Vec<Address>,
    /// Every To and Cc address.
    pub to: Vec<Address>,
    /// Return-Path address (`None`: no such header; empty address: the null sender).
    pub return_path: Option<String>,
    /// Date as written by the sender.
    pub date: Option<String>,
    /// The text a reader sees, lines separated by `\n`.
    pub text: String,
    /// Byte ranges of `text` that quote somebody else (`>` lines, "wrote:" blocks) in a mail that is not a forward.
    pub quoted: Vec<std::ops::Range<usize>>,
    /// Text that is in the message but not seen, with the reason.
    pub hidden: Vec<Hidden>,
    /// Links in reading order.
    pub links: Vec<Link>,
    /// Attached and embedded files.
    pub attachments: Vec<Attachment>,
    /// What list and bulk headers say; meaningful only with [`HeaderKnowledge::Full`].
    pub bulk: BulkHeaders,
    /// Results of sender authentication written by a server the operator trusts.
    pub auth: Option<AuthResults>,
    /// How the suspect was forwarded to us, if it was.
    pub forward: Forward,
    /// Words split by HTML comments or empty elements.
    pub comment_splits: usize,
    /// Everything that was broken, cut or refused.
    pub defects: Vec<Defect>,
}

/// How much is known of the suspect's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HeaderKnowledge {
    /// The original header is there (direct mail, or forwarded as an attachment).
    Full,
    /// Only the lines that an inline forward keeps (From, Date, Subject, To).
    Partial,
    /// Nothing but the words (texts, transcripts, pasted bodies).
    #[default]
    None,
}

/// A mailbox as written in a header.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Address {
    /// Display name, decoded; empty when there is none.
    pub name: String,
    /// `local@domain`, as written; empty when only a name is known. For a text: the number or short code.
    pub address: String,
}

/// Text that the reader does not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// The text.
    pub text: String,
    /// Why it is not seen.
    pub why: HiddenWhy,
    /// It stands before everything that is seen, as preview lines do.
    pub leads: bool,
}

/// Why text is not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HiddenWhy {
    /// `display:none`, `visibility:hidden`, the `hidden` attribute, `mso-hide:all`.
    NotDisplayed,
    /// Font size, line height with overflow, width or height of (almost) zero, or opacity 0.
    ZeroSize,
    /// The text colour equals the background colour or is transparent.
    SameColour,
    /// Positioned or indented outside the page.
    OffScreen,
    /// An HTML comment with words in it.
    Comment,
    /// A text part whose words differ from the HTML part that is shown instead.
    OtherPart,
}

/// A link and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The words on the link; the address itself for a bare address. Empty for a linked image without text.
    pub shown: String,
    /// Where it leads, as written.
    pub target: String,
    /// Where it was found.
    pub origin: LinkOrigin,
}

/// Where a link was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkOrigin {
    /// `<a href>` or `<area href>` with text.
    Anchor,
    /// A linked image.
    Image,
    /// A form's action.
    Form,
    /// A bare address in the visible text.
    Text,
    /// In a part that is not shown (the text alternative).
    OtherPart,
}

/// A file in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// File name, decoded, without any path; empty when there is none.
    pub name: String,
    /// Content type as declared, lower case.
    pub declared: String,
    /// What the first bytes and the name say it is.
    pub kind: FileKind,
    /// Size in bytes, decoded.
    pub size: usize,
    /// Shown inside the message (`Content-ID` referenced or `inline`).
    pub inline: bool,
    /// An archive with at least one encrypted entry.
    pub encrypted: bool,
}

/// What kind of file an attachment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// PNG, JPEG, GIF, WebP, SVG …
    Image,
    /// PDF.
    Pdf,
    /// A web page: HTML, SHTML, MHT, SVG with script.
    Html,
    /// ZIP, RAR, 7z, tar, gz, disk images.
    Archive,
    /// A program or script that runs on opening: exe, js, vbs, lnk, scr, bat, jar, msi, iso …
    Executable,
    /// Office document without macros.
    Office,
    /// Office document that can carry macros.
    OfficeMacro,
    /// Calendar entry.
    Calendar,
    /// Contact card.
    Contact,
    /// A mail message.
    Mail,
    /// Plain text, CSV.
    Text,
    /// Sound or film.
    Media,
    /// Key or signature.
    Signature,
    /// Anything else.
    Other,
}

/// What a full header says about bulk and automatic mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkHeaders {
    /// Domains named in List-Id.
    pub list_id: Option<String>,
    /// Hosts and addresses in List-Unsubscribe.
    pub list_unsubscribe: Vec<String>,
    /// `Precedence: bulk`, `list` or `junk`, or a Feedback-ID header.
    pub bulk: bool,
    /// `Auto-Submitted` other than `no`.
    pub auto_submitted: bool,
    /// In-Reply-To or References is present.
    pub in_reply_to: bool,
    /// Domain on the right of Message-ID.
    pub message_id_domain: Option<String>,
    /// `d=` of each DKIM-Signature, unverified.
    pub dkim_domains: Vec<String>,
    /// Host names in the "from" of Received lines, newest first, at most 20.
    pub received_hosts: Vec<String>,
    /// X-Mailer or User-Agent.
    pub mailer: Option<String>,
}

/// Results written by a trusted server (RFC 8601).
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct AuthResults {
    /// authserv-id that wrote them.
    pub server: String,
    /// SPF result word, and its domain.
    pub spf: Option<(String, String)>,
    /// DKIM results with their `header.d`.
    pub dkim: Vec<(String, String)>,
    /// DMARC result word, and `header.from`.
    pub dmarc: Option<(String, String)>,
}

/// How the suspect was forwarded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forward {
    /// Outermost forward first; empty when the message is judged as it came.
    pub hops: Vec<Hop>,
    /// What the forwarder wrote above or below; never judged.
    pub note: String,
}

/// One forward.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Hop {
    /// Style id from `data/forwards.toml`, or `attached` for a message/rfc822 part.
    pub style: String,
    /// Address of who forwarded.
    pub by: String,
    /// How sure we are that this is a forward and that its parts were told apart rightly, 0 to 1.
    pub confidence: f32,
}

/// Something broken, cut or refused.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Defect {
    /// Stable id, e.g. `nesting-too-deep`.
    pub id: &'static str,
    /// What was met, with numbers, without message text.
    pub detail: String,
}
