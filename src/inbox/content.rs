//! What of a message is judged: the forward, several forwards, the pasted words, or nothing.

use crate::message::outer::Outer;
use crate::message::{LinkOrigin, Message};

/// What a mail holds for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// It is judged as it is: a forward, or a mail that was passed on unchanged.
    Whole,
    /// Several forwarded messages, as their bytes.
    Several(Vec<Vec<u8>>),
    /// The sender's own mail; its words are judged as a text.
    Words(String),
    /// There is nothing to judge.
    Nothing,
    /// The sender wants their messages erased.
    Erase,
}

/// Fewest letters and digits that can be judged.
const LEAST: usize = 16;

/// Words that ask for erasure: all that the mail says, or its subject.
const ERASE: &[&str] =
    &["stop", "delete", "stop/delete", "stop delete", "delete my data", "borrar", "eliminar", "baja"];

/// Lines that mail programs add.
const ADDED: &[&str] = &["sent from my", "get outlook for", "enviado desde mi", "obtener outlook para"];

/// Sorts a mail by what it is. `message` is the whole mail as it was read for judging.
pub(super) fn sort(outer: &mut Outer, message: &Message, sender: &str) -> Content {
    let own = is_own(&outer.from, sender);
    if own && message.forward.hops.is_empty() && outer.carried.is_empty() && asks_erasure(outer) {
        return Content::Erase;
    }
    if outer.carried.len() > 1 && message.defects.iter().any(|d| d.id == "more-messages") {
        return Content::Several(std::mem::take(&mut outer.carried));
    }
    if !message.forward.hops.is_empty() || !own {
        return Content::Whole;
    }
    let words = words(message);
    let enough = words.chars().filter(|c| c.is_alphanumeric()).count() >= LEAST;
    match (enough, message.attachments.is_empty()) {
        (true, _) => Content::Words(words),
        (false, false) => Content::Whole,
        (false, true) => Content::Nothing,
    }
}

/// Whether the sender wrote the mail: the author is the envelope sender, or of the same domain.
fn is_own(from: &str, sender: &str) -> bool {
    let domain = |a: &str| a.rsplit_once('@').map(|(_, d)| d.to_lowercase());
    from.is_empty()
        || from.eq_ignore_ascii_case(sender)
        || (domain(from).is_some() && domain(from) == domain(sender))
}

fn asks_erasure(outer: &Outer) -> bool {
    is_erasure(&outer.subject) || is_erasure(&own_lines(&outer.text))
}

/// Whether the words are a request for erasure and nothing else.
pub(super) fn is_erasure(words: &str) -> bool {
    let plain = words.trim().trim_end_matches(['.', '!']).to_lowercase();
    ERASE.contains(&plain.as_str())
}

/// The text without what mail programs add.
fn own_lines(text: &str) -> String {
    let added = |l: &&str| ADDED.iter().any(|a| l.trim().to_lowercase().starts_with(a));
    text.lines().filter(|l| !added(l)).collect::<Vec<_>>().join("\n")
}

/// The words as the person pasted them, and the addresses that links lead to without showing it.
fn words(message: &Message) -> String {
    let mut words = own_lines(&message.text);
    let behind = message.links.iter().filter(|l| matches!(l.origin, LinkOrigin::Anchor | LinkOrigin::Image));
    for link in behind.filter(|l| !message.text.contains(&l.target)) {
        words.push('\n');
        words.push_str(&link.target);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::message::{Limits, RawMessage, outer};
    use crate::sources::Sources;

    fn sorted(mail: &str) -> Content {
        let mail = mail.replace('\n', "\r\n");
        let engine = Engine::new(&Sources::embedded()).expect("engine");
        let judgement = engine.judge(&RawMessage::new(mail.as_bytes()));
        let mut outer = outer::read(mail.as_bytes(), &[], &Limits::default());
        sort(&mut outer, &judgement.message, "ana@person.example")
    }

    const HEAD: &str =
        "From: Ana <ana@person.example>\nTo: check@inbox.example\nMessage-ID: <1@person.example>\n";

    #[test]
    fn what_is_judged() {
        let scam = "IRS: you owe $2,430. Pay with gift cards today or you will be arrested.";
        let forward = "---------- Forwarded message ---------\nFrom: IRS <x@y.example>\nDate: Mon, 1 Jan 2026\nSubject: tax\nTo: <ana@person.example>\n\npay us now with gift cards\n";
        let cases = [
            (format!("{HEAD}Subject: Fwd: tax\n\n{forward}"), Content::Whole),
            (format!("{HEAD}Subject: is this real\n\n{scam}\n"), Content::Words(format!("{scam}\n"))),
            (format!("{HEAD}Subject: Fwd: tax\n\nSent from my iPhone with all my love\n"), Content::Nothing),
            (format!("{HEAD}Subject: hi\n\n"), Content::Nothing),
            (format!("{HEAD}Subject: Stop\n\nplease\n"), Content::Erase),
            (format!("{HEAD}Subject: hello\n\n DELETE.\nSent from my iPhone\n"), Content::Erase),
            (
                format!(
                    "From: IRS <x@irs.example>\nTo: ana@person.example\nMessage-ID: <2@x>\nSubject: STOP\n\n{scam}\n"
                ),
                Content::Whole,
            ),
        ];
        for (mail, expected) in cases {
            let found = sorted(&mail);
            match (&found, &expected) {
                (Content::Words(found), Content::Words(expected)) => {
                    assert_eq!(found.trim(), expected.trim())
                }
                _ => assert_eq!(found, expected, "{mail}"),
            }
        }
    }

    #[test]
    fn several_forwards_are_told_apart() {
        let part = |n: u8| {
            format!(
                "--b\nContent-Type: message/rfc822\n\nFrom: x@y.example\nTo: a@b.example\nMessage-ID: <{n}@y>\nSubject: s{n}\n\nbody {n}\n\n"
            )
        };
        let mail = format!(
            "{HEAD}Subject: Fwd: two\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nlook\n{}{}--b--\n",
            part(1),
            part(2)
        );
        assert!(matches!(sorted(&mail), Content::Several(parts) if parts.len() == 2));
    }

    #[test]
    fn links_behind_pasted_words_are_seen() {
        let mail = format!(
            "{HEAD}MIME-Version: 1.0\nContent-Type: text/html\n\n<p>Your parcel is waiting, <a href=\"https://evil.example/x\">pay the fee here</a></p>\n"
        );
        assert!(matches!(sorted(&mail), Content::Words(w) if w.contains("https://evil.example/x")));
    }
}
