//! Things that are known by their shape: telephone numbers, wallets, amounts, dates, notice numbers.

use std::ops::Range;

use regex::Regex;

use super::{Part, Sink, View};
use crate::message::Channel;

/// Folded text looked at for shapes.
const REACH: usize = 64 * 1024;

/// Notice numbers listed.
const MAX_NOTICES: usize = 8;

/// The compiled shapes.
#[derive(Debug)]
pub(super) struct Shapes {
    phone: Regex,
    call: Regex,
    bitcoin: Regex,
    ether: Regex,
    tron: Regex,
    amount: Regex,
    deadline: Regex,
    notice: Regex,
}

impl Shapes {
    pub(super) fn new() -> Self {
        Self {
            phone: literal(r"(?:\+?1[-. ]?)?(?:\([2-9]\d\d\)|\b[2-9]\d\d)[-. ]?[2-9]\d\d[-. ]?\d{4}\b"),
            call: literal(
                r"\b(?:call|phone|dial|ring|contact|text|toll-?free|helpline|hotline|number|llame|llamar|llama|marque|telefono)\b",
            ),
            bitcoin: literal(r"\b(?:bc1[ac-hj-np-z02-9]{20,70}|[13][a-km-zA-HJ-NP-Z1-9]{25,34})\b"),
            ether: literal(r"\b0x[0-9a-fA-F]{40}\b"),
            tron: literal(r"\bT[A-HJ-NP-Za-km-z1-9]{33}\b"),
            amount: literal(
                r"(?:[$£€]|\busd ?|\beur ?)\d[\d,.]*|\b\d[\d,.]* ?(?:dollars|usd|euros|eur|dolares)\b",
            ),
            deadline: literal(
                r"\b(?:by|before|until|no later than|due|expires?|deadline|antes del|hasta el|vence)\b.{0,20}\b(?:\d{1,2}[/-]\d{1,2}|\d{1,2} (?:de )?[a-z]{3,10}|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{1,2})",
            ),
            notice: literal(
                r"\b(?:(?:cp|lt|ltr) ?-?\d{2,4}[a-z]?|(?:letter|carta|notice|aviso) (?:cp ?)?\d{2,4}-?[a-z]?|(?:4883|5071|5447|5747|6331|6330)c)\b",
            ),
        }
    }

    /// Raises what is found and returns the notice numbers.
    pub(super) fn find(&self, view: &View<'_>, sink: &mut Sink<'_>) -> Vec<String> {
        let body = view.folded.body.text.as_str();
        let body = &body[..floor(body, REACH)];
        self.phones(view, body, sink);
        self.wallets(view, sink);
        for (regex, id) in [(&self.amount, "context.amount"), (&self.deadline, "context.deadline-date")] {
            if let Some(found) = regex.find(body) {
                raise(id, view, found.range(), sink);
            }
        }
        self.notices(view, body, sink)
    }

    /// A number the reader is told to call.
    fn phones(&self, view: &View<'_>, body: &str, sink: &mut Sink<'_>) {
        for phone in self.phone.find_iter(body).take(16) {
            let from = floor(body, phone.start().saturating_sub(60));
            let near = &body[from..phone.start()];
            let told = self.call.is_match(near) || view.message.channel == Channel::Voicemail;
            if told {
                raise("identity.phone-to-call", view, phone.range(), sink);
                return;
            }
        }
    }

    /// Wallet addresses, in the original text: they are told by their capitals.
    fn wallets(&self, view: &View<'_>, sink: &mut Sink<'_>) {
        let text = view.message.text.as_str();
        let text = &text[..floor(text, REACH)];
        let found = [&self.bitcoin, &self.ether, &self.tron].into_iter().find_map(|regex| {
            regex.find_iter(text).take(32).find(|m| is_wallet(m.as_str()) && !inside_link(text, m.start()))
        });
        if let Some(found) = found {
            sink.signal_at("payment.wallet-address", Part::Body, 0, found.range());
        }
    }

    fn notices(&self, view: &View<'_>, body: &str, sink: &mut Sink<'_>) -> Vec<String> {
        let mut notices = Vec::new();
        let subject = view.folded.subject.text.as_str();
        for (part, text) in [(Part::Subject, subject), (Part::Body, body)] {
            for found in self.notice.find_iter(text).take(32) {
                let Some(name) = notice_name(found.as_str()) else { continue };
                if notices.is_empty() {
                    let span = view.folded.of(part).original(found.range());
                    sink.signal_at("tax.notice-number", part, 0, span);
                }
                if !notices.contains(&name) && notices.len() < MAX_NOTICES {
                    notices.push(name);
                }
            }
        }
        notices
    }
}

fn raise(id: &'static str, view: &View<'_>, span: Range<usize>, sink: &mut Sink<'_>) {
    sink.signal_at(id, Part::Body, 0, view.folded.body.original(span));
}

/// A mixed string of the right length, not one repeated sign.
fn is_wallet(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    digits >= 3 && letters >= 8
}

/// Long codes in links and paths are no wallets.
fn inside_link(text: &str, at: usize) -> bool {
    let start = text[..at].rfind(char::is_whitespace).map_or(0, |s| s + 1);
    text[start..at].contains(['/', '=', '?', '&'])
}

/// Notices and letters that the IRS sends, by the numbers it uses.
fn notice_name(found: &str) -> Option<String> {
    const CP: &[&str] = &[
        "cp01", "cp05", "cp09", "cp10", "cp11", "cp12", "cp13", "cp14", "cp15", "cp16", "cp21", "cp22",
        "cp23", "cp24", "cp25", "cp27", "cp30", "cp39", "cp40", "cp42", "cp45", "cp49", "cp53", "cp54",
        "cp59", "cp60", "cp62", "cp63", "cp71", "cp72", "cp75", "cp77", "cp80", "cp81", "cp87", "cp88",
        "cp90", "cp91", "cp161", "cp162", "cp172", "cp187", "cp210", "cp215", "cp220", "cp297", "cp298",
        "cp501", "cp503", "cp504", "cp508", "cp515", "cp516", "cp518", "cp521", "cp523", "cp565", "cp566",
        "cp567", "cp575", "cp2000", "cp2005", "cp2006", "cp2057", "cp2501", "cp2566", "lt11", "lt14", "lt16",
        "lt18", "lt24", "lt26", "lt27", "lt33", "lt38", "lt39", "lt40", "lt73", "lt75",
    ];
    const LETTERS: &[&str] = &[
        "1058", "1153", "2645", "2800", "3164", "3172", "3219", "3228", "4883", "5071", "5447", "5747",
        "6419", "6475", "6330", "6331", "668", "692", "725", "3176", "4464", "4800", "525", "531",
    ];
    let compact: String = found.chars().filter(char::is_ascii_alphanumeric).collect();
    let compact = ["letter", "carta", "notice", "aviso", "ltr"]
        .iter()
        .find_map(|word| compact.strip_prefix(word))
        .map_or(compact.clone(), str::to_owned);
    let stem = compact.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let known = CP.contains(&stem) || LETTERS.contains(&stem);
    known.then(|| compact.to_ascii_uppercase())
}

/// The largest character boundary at or below `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Compiles a pattern of this file. Invariant: it is a literal, and the tests build it.
#[expect(clippy::expect_used, reason = "a literal pattern that the tests compile")]
fn literal(pattern: &str) -> Regex {
    // Digits and word edges of ASCII: Unicode's would cost the fast engine at the first accented letter.
    let ascii = pattern.replace(r"\d", "[0-9]").replace(r"\b", r"(?-u:\b)");
    Regex::new(&ascii).expect("invariant: literal pattern")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notice_names() {
        let shapes = Shapes::new();
        let names = |text: &str| {
            shapes.notice.find_iter(text).filter_map(|m| notice_name(m.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(
            names("your cp14 and cp-2000, lt11; letter 5071c, cp53e"),
            ["CP14", "CP2000", "LT11", "5071C", "CP53E"]
        );
        assert!(names("cp99 lt5 letter 12 notice 2024 model lt4000").is_empty());
    }

    #[test]
    fn phones_and_wallets() {
        let shapes = Shapes::new();
        for yes in ["(202) 555-0123", "202-555-0123", "+1 202.555.0123", "2025550123", "1-800-829-1040"] {
            assert!(shapes.phone.is_match(yes), "{yes}");
        }
        for no in ["12345", "2024-10-12", "order 123-456"] {
            assert!(!shapes.phone.is_match(no), "{no}");
        }
        let wallet = "bc1q0sg9rdst255gtldsmcf8rk0764avqy2h2ksqs5";
        assert!(shapes.bitcoin.is_match(wallet) && is_wallet(wallet));
        assert!(shapes.ether.is_match("0x52908400098527886E0F7030069857D2E4169EE7"));
        assert!(inside_link("see https://a.example/x/1BoatSLRHtKNngkdXEeobR76b53LETtpyT", 28));
    }

    #[test]
    fn dates_and_amounts() {
        let shapes = Shapes::new();
        for yes in ["pay by march 3", "due 04/15", "antes del 3 de mayo", "before 5 june"] {
            assert!(shapes.deadline.is_match(yes), "{yes}");
        }
        for yes in ["$1,200.50", "500 dollars", "usd 30"] {
            assert!(shapes.amount.is_match(yes), "{yes}");
        }
    }
}
