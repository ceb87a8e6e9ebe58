//! The same scams disguised: how many are still found.

use rayon::prelude::*;
use serde::Serialize;

use super::Bench;
use crate::message::{Channel, Message, RawMessage};
use crate::train::OWN;
use crate::verdict::Label;

/// How one disguise changes the verdicts.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Robustness {
    pub(super) disguise: &'static str,
    pub(super) messages: usize,
    /// Share found plain.
    pub(super) before: f64,
    /// Share found disguised.
    pub(super) after: f64,
}

/// A disguise: a text, and whether it is written as HTML.
type Disguise = (&'static str, fn(&str) -> String, bool);

const DISGUISES: &[Disguise] = &[
    ("look-alike letters", lookalikes, false),
    ("zero-width characters", zero_width, false),
    ("digits for letters", leet, false),
    ("spaced letters", spaced, false),
    ("words split by HTML", html_split, true),
    ("honest words added", padded, false),
    ("other wording", paraphrased, false),
];

/// Tries every disguise on the project's own scams (three quarters of their templates train the model).
pub(super) fn run(bench: &Bench<'_>) -> Vec<Robustness> {
    let scams: Vec<(Message, Channel)> = bench
        .all
        .iter()
        .filter(|p| p.row.source == OWN && p.row.scam())
        .map(|p| {
            (
                bench.engine.read(&RawMessage::with_channel(p.row.bytes.as_slice(), p.row.channel)),
                p.row.channel,
            )
        })
        .collect();
    let found = |write: &(dyn Fn(&str) -> String + Sync), html: bool| {
        let flagged = scams.par_iter().filter(|(message, channel)| {
            let bytes = rebuilt(message, *channel, write, html);
            let channel = if html { Channel::Email } else { *channel };
            bench.engine.judge(&RawMessage::with_channel(bytes.as_bytes(), channel)).label > Label::NoSigns
        });
        flagged.count() as f64 / scams.len().max(1) as f64
    };
    DISGUISES
        .iter()
        .map(|(disguise, write, html)| Robustness {
            disguise,
            messages: scams.len(),
            before: found(&|text: &str| if *html { escaped(text) } else { text.to_owned() }, *html),
            after: found(write, *html),
        })
        .collect()
}

/// The message written anew, its words passed through `write`.
fn rebuilt(message: &Message, channel: Channel, write: &dyn Fn(&str) -> String, html: bool) -> String {
    let links: String = message.links.iter().map(|link| format!("\n{}", link.target)).collect();
    let from =
        message.from.as_ref().map(|a| format!("From: {} <{}>\n", a.name.replace(['"', '<'], ""), a.address));
    if channel != Channel::Email && !html {
        return format!("{}\n", write(&message.text));
    }
    let kind = if html { "html" } else { "plain" };
    format!(
        "{}Subject: {}\nMIME-Version: 1.0\nContent-Type: text/{kind}; charset=utf-8\n\n{}{links}\n",
        from.unwrap_or_default(),
        if html { message.subject.clone() } else { write(&message.subject) },
        write(&message.text),
    )
}

/// Applies `change` to every `nth` word of four letters or more that is no address.
fn every(text: &str, nth: usize, change: impl Fn(&str) -> String) -> String {
    let mut number = 0;
    let word = |piece: &str| {
        let plain =
            piece.chars().filter(|c| c.is_alphabetic()).count() >= 4 && !piece.contains(['.', '/', '@', ':']);
        number += usize::from(plain);
        if plain && number.is_multiple_of(nth) { change(piece) } else { piece.to_owned() }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn map(word: &str, pairs: &[(char, char)]) -> String {
    word.chars().map(|c| pairs.iter().find(|p| p.0 == c).map_or(c, |p| p.1)).collect()
}

fn lookalikes(text: &str) -> String {
    every(text, 2, |w| map(w, &[('a', 'а'), ('e', 'е'), ('o', 'о'), ('c', 'с'), ('p', 'р'), ('i', 'і')]))
}

fn zero_width(text: &str) -> String {
    every(text, 2, |w| {
        let middle = w.char_indices().nth(2).map_or(0, |(at, _)| at);
        format!("{}\u{200b}{}", &w[..middle], &w[middle..])
    })
}

fn leet(text: &str) -> String {
    every(text, 2, |w| map(w, &[('a', '4'), ('e', '3'), ('i', '1'), ('o', '0'), ('s', '5')]))
}

fn spaced(text: &str) -> String {
    every(text, 3, |w| w.chars().map(String::from).collect::<Vec<_>>().join(" "))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('\n', "<br>")
}

fn html_split(text: &str) -> String {
    every(&escaped(text), 2, |w| {
        let middle = w.char_indices().nth(2).map_or(0, |(at, _)| at);
        format!("{}<!-- x --><b></b>{}", &w[..middle], &w[middle..])
    })
}

/// Adds what a filter of words would take for honest.
fn padded(text: &str) -> String {
    const HONEST: &str = "\n\nThe garden club meets on Thursday evening in the library. Bring a cutting, a pot and a \
        friend. Last month we spoke about roses, the month before about compost. Our treasurer reports a balance of \
        forty dollars. Minutes of the meeting are on the board beside the door, and coffee is served as always.";
    format!("{text}{HONEST}")
}

/// The plainest words replaced by others of the same meaning.
fn paraphrased(text: &str) -> String {
    const OTHER: &[(&str, &str)] = &[
        ("gift card", "store voucher card"),
        ("arrest", "detain"),
        ("immediately", "without any delay"),
        ("urgent", "pressing"),
        ("suspended", "put on ice"),
        ("verify", "double-check"),
        ("confirm", "double-check"),
        ("click", "press"),
        ("password", "secret word"),
        ("refund", "money back"),
        ("bitcoin", "digital coins"),
        ("prize", "award"),
        ("won", "been drawn for"),
        ("within 24 hours", "by this time tomorrow"),
        ("tarjeta de regalo", "vale de tienda"),
        ("bloqueada", "cerrada"),
        ("verifique", "compruebe"),
    ];
    OTHER.iter().fold(text.to_owned(), |text, (plain, other)| text.replace(plain, other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_change_words_and_leave_addresses() {
        let text = "please verify your account details at http://pay.example/account today friend";
        for (name, write, _) in DISGUISES {
            let disguised = write(text);
            assert_ne!(disguised, text, "{name}");
            assert!(disguised.contains("http://pay.example/account"), "{name}: {disguised}");
        }
    }
}
