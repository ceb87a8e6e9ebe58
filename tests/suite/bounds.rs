//! Hostile sizes: judged, or refused with a stated defect, never silently cut. Times and memory are measured by
//! `cargo bench --bench hostile`; here it is only shown that nothing breaks and what is said.

use bypost::engine::Judgement;
use bypost::message::RawMessage;

fn judge(bytes: &[u8]) -> Judgement {
    crate::engine().judge(&RawMessage::new(bytes))
}

fn defects(judgement: &Judgement) -> Vec<&str> {
    judgement.message.defects.iter().map(|d| d.id).collect()
}

const HEAD: &str = "From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n";

#[test]
fn ten_megabytes_of_text() {
    let mail =
        format!("{HEAD}\r\nPay with gift cards today. {}", "lorem ipsum dolor sit amet\r\n".repeat(400_000));
    let judgement = judge(mail.as_bytes());
    assert!(judgement.message.text.starts_with("Pay with gift cards"));
    let whole = judgement.message.text.len() > 10_000_000;
    assert!(whole || !defects(&judgement).is_empty(), "cut without a defect");
}

#[test]
fn a_hundred_thousand_parts() {
    let part = "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n";
    let mail =
        format!("{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", part.repeat(100_000));
    let judgement = judge(mail.as_bytes());
    assert!(judgement.message.text.contains("hello"));
    let all = judgement.message.text.matches("hello").count() == 100_000;
    assert!(all || !defects(&judgement).is_empty(), "parts dropped without a defect");
}

#[test]
fn a_thousand_levels_of_messages() {
    let level = "Content-Type: message/rfc822\r\n\r\nFrom: a@b.example\r\nSubject: x\r\n";
    let mail = format!("{HEAD}{}\r\nhello", level.repeat(1_000));
    assert!(!defects(&judge(mail.as_bytes())).is_empty(), "nesting refused without a defect");
}

#[test]
fn a_thousand_levels_of_multiparts() {
    let mut mail = HEAD.to_owned();
    for n in 0..1_000 {
        mail.push_str(&format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"));
    }
    mail.push_str("Content-Type: text/plain\r\n\r\nhello");
    let judgement = judge(mail.as_bytes());
    assert!(judgement.message.text.contains("hello") || !defects(&judgement).is_empty());
}

#[test]
fn a_header_of_a_megabyte() {
    let mail = format!("{HEAD}X-Long: {}\r\n\r\nhello", "x ".repeat(500_000));
    assert_eq!(judge(mail.as_bytes()).message.text.trim(), "hello");
    let mail = format!("From: {}a@b.example\r\nSubject: x\r\n\r\nhello", "x".repeat(1_000_000));
    assert_eq!(judge(mail.as_bytes()).message.text.trim(), "hello");
}

#[test]
fn a_million_links() {
    let mail = format!(
        "{HEAD}Content-Type: text/html\r\n\r\n{}",
        "<a href=http://a.example/x>x</a> ".repeat(1_000_000)
    );
    let judgement = judge(mail.as_bytes());
    assert!(!judgement.message.links.is_empty());
    assert!(
        judgement.message.links.len() == 1_000_000 || !defects(&judgement).is_empty(),
        "links dropped silently"
    );
}

#[test]
fn deep_and_broken_markup() {
    for piece in ["<div>", "<", "&", "<!--", "<a href=\"", "<table><tr><td>", "<b style=\"display:none\">"] {
        let mail = format!("{HEAD}Content-Type: text/html\r\n\r\n{}hello", piece.repeat(200_000));
        judge(mail.as_bytes());
    }
}

#[test]
fn long_lines_of_every_kind_of_text() {
    for piece in [
        "> ",
        "From: a ",
        "g i f t ",
        "- ",
        "never ",
        "gift card ",
        "$1 ",
        "\u{200b}a",
        "аa",
        "1-",
        "---------- ",
    ] {
        judge(piece.repeat(200_000).as_bytes());
    }
}
