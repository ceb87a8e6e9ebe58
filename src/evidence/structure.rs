//! Signs of how the message is made: disguised letters, hidden text, files, pictures instead of words.

use super::{Part, Sink, View};
use crate::message::{Attachment, Channel, FileKind, HiddenWhy};
use crate::text::Disguise;

/// Hidden text shorter than this is spacing or a preview line's padding.
const HIDDEN_WORDS: usize = 12;

/// Words of hidden text looked at.
const MAX_WORDS: usize = 2_000;

/// Looks at disguises, hidden text and attachments.
pub(super) fn find(view: &View<'_>, sink: &mut Sink<'_>) {
    disguises(view, sink);
    hidden_text(view, sink);
    for (number, file) in view.message.attachments.iter().enumerate() {
        attachment(file, number, sink);
    }
    pictures(view, sink);
}

fn disguises(view: &View<'_>, sink: &mut Sink<'_>) {
    let mut any = false;
    for part in [Part::Subject, Part::FromName, Part::Body] {
        let mut seen = Vec::new();
        for undone in &view.folded.of(part).undone {
            if !seen.contains(&undone.disguise) {
                seen.push(undone.disguise);
                raise_disguise(undone.disguise, part, undone.span.clone(), sink);
            }
        }
        any |= !seen.is_empty();
    }
    if view.message.comment_splits > 0 {
        sink.signal("hidden.comment-split", Part::Body, 0);
        any = true;
    }
    if any {
        sink.signal("hidden.obfuscation", Part::Body, 0);
    }
}

fn raise_disguise(disguise: Disguise, part: Part, span: std::ops::Range<usize>, sink: &mut Sink<'_>) {
    match disguise {
        Disguise::ZeroWidth => sink.signal_at("hidden.zero-width", part, 0, span),
        Disguise::Bidi => sink.signal_at("hidden.bidi", part, 0, span),
        Disguise::LookAlike => sink.signal_at("hidden.lookalike-letters", part, 0, span),
        Disguise::Leet => sink.signal_at("hidden.leet", part, 0, span),
        Disguise::Spaced => sink.signal_at("hidden.spaced-letters", part, 0, span),
    }
}

/// Hidden words beyond a preview line; the text alternative of an honest mail is not hidden.
fn hidden_text(view: &View<'_>, sink: &mut Sink<'_>) {
    for (number, hidden) in view.message.hidden.iter().enumerate() {
        let words = hidden
            .text
            .split_whitespace()
            .take(MAX_WORDS)
            .filter(|w| w.chars().any(char::is_alphanumeric))
            .count();
        let preview = hidden.leads && hidden.why != HiddenWhy::SameColour && words <= 60;
        let counts = match hidden.why {
            HiddenWhy::OtherPart | HiddenWhy::Comment => false,
            _ => words >= HIDDEN_WORDS && !preview,
        };
        if counts {
            sink.signal("hidden.text", Part::Hidden, number);
            return;
        }
    }
}

fn attachment(file: &Attachment, number: usize, sink: &mut Sink<'_>) {
    let name = file.name.to_ascii_lowercase();
    // The old binary formats carry macros without saying so.
    if file.kind == FileKind::Office && [".doc", ".xls", ".ppt"].iter().any(|end| name.ends_with(end)) {
        sink.signal("attachment.lure", Part::Attachment, number);
    }
    let id = match file.kind {
        FileKind::Executable | FileKind::OfficeMacro => "attachment.executable",
        FileKind::Html => "attachment.html",
        FileKind::Archive if file.encrypted => "attachment.archive-encrypted",
        _ => return,
    };
    sink.signal(id, Part::Attachment, number);
    sink.signal("attachment.lure", Part::Attachment, number);
}

/// A mail whose words are in a picture, and codes to scan.
fn pictures(view: &View<'_>, sink: &mut Sink<'_>) {
    let message = view.message;
    let words = view.folded.body.text.split_ascii_whitespace().take(25).count();
    let image = message.attachments.iter().position(|a| a.kind == FileKind::Image);
    if let Some(number) = image
        && message.channel == Channel::Email
        && words < 12
    {
        sink.signal("attachment.only-image", Part::Attachment, number);
    }
    let body = view.folded.body.text.as_str();
    let scan = [
        "scan the qr",
        "scan this qr",
        "qr code below",
        "scan the code",
        "scan qr",
        "escanee el codigo",
        "codigo qr",
    ];
    let named = message.attachments.iter().position(|a| {
        let name = a.name.to_ascii_lowercase();
        a.kind == FileKind::Image
            && (name.contains("qrcode")
                || name.starts_with("qr")
                || name.contains("_qr")
                || name.contains("-qr"))
    });
    if let Some(at) = scan.iter().find_map(|s| body.find(s)) {
        let span = view.folded.body.original(at..at + 8);
        sink.signal_at("qr.code", Part::Body, 0, span);
    } else if let Some(number) = named {
        sink.signal("qr.code", Part::Attachment, number);
    }
}
