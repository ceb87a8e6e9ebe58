//! Every reply, to every golden message and training message: what it must be, and what it must never say.

use std::path::Path;

use bypost::engine::Judgement;
use bypost::message::RawMessage;
use bypost::verdict::Label;
use regex::Regex;

/// Wording that GUIDANCE forbids: false, unsafe or blaming. Checked against replies and against every fact.
const FORBIDDEN: &[&str] = &[
    r"(?i)\b(this|the) (message|email|e-mail|text) is (safe|genuine|real|legitimate)\b",
    r"(?i)\bis safe\b|\b100 ?%",
    r"(?i)IRS (only|always) (contacts|writes|sends|uses|starts)|only by (post|mail)",
    r"(?i)IRS never (e-?mails?|texts?|calls?|phones?|asks|uses QR|seizes)\b",
    r"(?i)you (do not|don't) owe|you owe nothing|ignore (the IRS|this letter|the notice|it)\b",
    r"(?i)\b(reply|text) STOP\b|unsubscribe",
    r"(?i)spam@uce\.gov|reportphishing@irs\.gov|202-552-1226|hmrc\.gsi",
    r"(?i)tricked|duped|fell for|you should have|foolish",
    r"(?i)no (usa|use|acepta) (c[oó]digos )?QR nunca|es seguro\b|nunca (llama|escribe|env[ií]a correos)",
    r"!",
];

fn judgements() -> Vec<(String, Judgement)> {
    let engine = crate::engine();
    let mut all = Vec::new();
    for path in crate::golden::files(Path::new("tests/messages")) {
        if path.extension().is_none_or(|e| e != "toml") {
            let bytes = std::fs::read(&path).expect("case");
            all.push((path.display().to_string(), engine.judge(&RawMessage::new(bytes.as_slice()))));
        }
    }
    all
}

/// The reply without its list of sources.
fn body(text: &str) -> &str {
    let end = text.find("\nSources: ").or_else(|| text.find("\nFuentes: ")).unwrap_or(text.len());
    &text[..end]
}

fn words(text: &str) -> usize {
    text.split_whitespace().filter(|w| w.chars().any(char::is_alphanumeric)).count()
}

fn sentences(text: &str) -> Vec<String> {
    let lines = text.lines().map(|l| l.trim_start_matches("- "));
    let ends = Regex::new(r"[.?:] |[.?:]$").expect("valid");
    lines
        .flat_map(|l| ends.split(l).map(str::to_owned).collect::<Vec<_>>())
        .filter(|s| !s.is_empty())
        .collect()
}

fn section<'a>(text: &'a str, headings: &[&str]) -> Vec<&'a str> {
    let mut lines = text.lines().skip_while(|l| !headings.contains(l));
    lines.next();
    lines.take_while(|l| !l.is_empty()).collect()
}

#[test]
fn replies_are_short_and_complete() {
    let engine = crate::engine();
    let mut lengths = Vec::new();
    for (name, judgement) in judgements() {
        let reply = engine.reply(&judgement);
        let text = body(&reply.text);
        let long: Vec<String> = sentences(text).into_iter().filter(|s| words(s) > 24).collect();
        assert!(long.is_empty(), "{name}: long sentences {long:?}");
        assert!(section(text, &["Do now:", "Haga ahora:"]).len() <= 3, "{name}\n{text}");
        assert!(
            section(text, &["Report it, if you wish:", "Denuncie, si lo desea:"]).len() <= 2,
            "{name}\n{text}"
        );
        let why = section(text, &["Why we think so:", "Por qué lo pensamos:"]);
        if judgement.label > Label::NoSigns {
            assert!((2..=4).contains(&why.len()), "{name}: {} reasons\n{text}", why.len());
            assert!(why.iter().all(|l| l.ends_with(')')), "{name}: a reason without a source\n{text}");
            let count = words(text);
            assert!((90..=200).contains(&count), "{name}: {count} words\n{text}");
            lengths.push(count);
        }
        assert!(reply.text.contains("Sources: ") || reply.text.contains("Fuentes: "), "{name}");
        assert!(engine_short(&judgement).chars().count() <= 300, "{name}");
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!((120..=180).contains(&median), "half of the replies have {median} words or fewer");
}

fn engine_short(judgement: &Judgement) -> String {
    crate::engine().reply_short(judgement)
}

#[test]
fn nothing_of_the_message_and_nothing_false_is_said() {
    let engine = crate::engine();
    let forbidden: Vec<Regex> = FORBIDDEN.iter().map(|p| Regex::new(p).expect("valid")).collect();
    let number = Regex::new(r"\d[\d ().-]{6,}\d").expect("valid");
    let facts: String =
        engine.guidance().facts().iter().map(|f| format!("{} {} ", f.say.en, f.say.es)).collect();
    for (name, judgement) in judgements() {
        let reply = engine.reply(&judgement);
        let text = body(&reply.text);
        for pattern in &forbidden {
            assert!(!pattern.is_match(text), "{name}: {pattern}\n{text}");
        }
        for found in number.find_iter(text) {
            assert!(
                facts.contains(found.as_str()),
                "{name}: the number {} is no fact's\n{text}",
                found.as_str()
            );
        }
        for address in text.split_whitespace().filter(|w| w.contains('@')) {
            assert!(facts.contains(address.trim_end_matches(['.', ','])), "{name}: {address}");
        }
        assert!(!reply.text.contains("http") && !reply.html.contains("http"), "{name}\n{text}");
        assert!(
            !reply.html.contains("<a") && !reply.html.contains("<img") && !reply.html.contains("src="),
            "{name}"
        );
        let subject = judgement.message.subject.as_str();
        assert!(subject.len() < 25 || !reply.text.contains(subject), "{name}: the subject is repeated");
    }
}

#[test]
fn every_statement_is_a_fact_word_for_word() {
    let engine = crate::engine();
    for (name, judgement) in judgements().into_iter().filter(|(_, j)| j.label > Label::NoSigns) {
        let reply = engine.reply(&judgement);
        assert!(!reply.facts.is_empty(), "{name}");
        for id in &reply.facts {
            let fact = engine.guidance().fact(id).unwrap_or_else(|| panic!("{name}: unknown fact {id}"));
            assert!(fact.citable, "{name}: {id} may not be cited");
            let said = reply.text.contains(&fact.say.en) || reply.text.contains(&fact.say.es);
            assert!(said, "{name}: {id} is listed and not said\n{}", reply.text);
        }
    }
}

#[test]
fn facts_say_nothing_forbidden() {
    let forbidden: Vec<Regex> = FORBIDDEN.iter().map(|p| Regex::new(p).expect("valid")).collect();
    for fact in crate::engine().guidance().facts() {
        for text in [&fact.say.en, &fact.say.es] {
            assert!(!forbidden.iter().any(|p| p.is_match(text)), "{}: {text}", fact.id);
            assert!(sentences(text).iter().all(|s| words(s) <= 20), "{}: {text}", fact.id);
        }
    }
}

#[test]
fn a_person_who_paid_reads_the_urgent_step_first() {
    let engine = crate::engine();
    let mail = "From: Pat <pat@home.example>\nTo: check@bypost.example\nSubject: Fwd: Final notice\n\nI already bought the gift cards, what now?\n\n---------- Forwarded message ---------\nFrom: IRS <irs@tax-desk.example>\nDate: Mon, Mar 2, 2026\nSubject: Final notice\nTo: <pat@home.example>\n\nYou will be arrested today unless you pay with gift cards.\n";
    let judgement = engine.judge(&RawMessage::new(mail.as_bytes()));
    assert_eq!(judgement.label, Label::Scam);
    assert_eq!(judgement.message.from.as_ref().map(|f| f.address.as_str()), Some("irs@tax-desk.example"));
    let text = engine.reply(&judgement).text;
    let (first, now) =
        (text.find("gift card now").expect("urgent step"), text.find("Do now").expect("actions"));
    assert!(first < now && text.contains("not your fault"), "{text}");
}

#[test]
fn irs_sentences_are_for_the_irs_alone() {
    let engine = crate::engine();
    let text = "HMRC: you are due a tax rebate of £312. Give your card details at hmrc-rebate.example/claim";
    let reply = engine.reply(&engine.judge(&RawMessage::new(text.as_bytes())));
    assert!(!reply.text.contains("IRS"), "{}", reply.text);
    let text =
        "Agencia Tributaria: tiene una devolución de 311 euros, indique su tarjeta en aeat-cobro.example/d";
    let reply = engine.reply(&engine.judge(&RawMessage::new(text.as_bytes())));
    assert!(!reply.text.contains("IRS") && reply.text.contains("estafa"), "{}", reply.text);
}
