//! What holds for any bytes whatever.

use bypost::engine::Judgement;
use bypost::message::{Channel, RawMessage};
use proptest::prelude::*;

fn channels() -> impl Strategy<Value = Option<Channel>> {
    prop_oneof![
        Just(None),
        Just(Some(Channel::Email)),
        Just(Some(Channel::Text)),
        Just(Some(Channel::Voicemail))
    ]
}

/// Pieces that meet every branch: headers, boundaries, markup, forwards, phrases, links, odd characters.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<Vec<u8>>(),
        "\\PC{0,40}".prop_map(String::into_bytes),
        prop::sample::select(vec![
            "From: IRS <irs@refund.example>\r\n", "Subject: =?utf-8?B?SVJT?=\r\n", "\r\n\r\n", "\n",
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", "--b--\r\n", "Content-Type: text/html\r\n\r\n",
            "Content-Type: message/rfc822\r\n\r\n", "Content-Transfer-Encoding: base64\r\n\r\nSVJT\r\n",
            "<div style=\"display:none\">", "<a href=\"http://irs.gov.refund.top/x\">irs.gov</a>", "</div>", "<!-- x -->",
            "---------- Forwarded message ---------\nFrom: A <a@b.example>\nDate: today\nSubject: s\nTo: c@d.example\n\n",
            "> ", "pay with gift cards today or be arrested ", "g\u{200b}ift c4rds ", "bit.ly/x ", "the irs will never:\n- ",
            "\u{202e}", "\u{0}", "CP14 ", "$500 ", "202-555-0123 ",
        ])
        .prop_map(|s| s.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn judge(bytes: &[u8], channel: Option<Channel>) -> Judgement {
    crate::engine().judge(&RawMessage { bytes: bytes.into(), channel })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_judged(bytes in pieces(), channel in channels()) {
        let judgement = judge(&bytes, channel);
        prop_assert!(judgement.score > 0.0 && judgement.score < 1.0);
        let logit = judgement.intercept + judgement.contributions.iter().map(|c| c.contribution).sum::<f64>();
        let expected = (judgement.score / (1.0 - judgement.score)).ln();
        prop_assert!((logit - expected).abs() < 1e-9 * expected.abs().max(1.0), "{} {}", logit, expected);
        for evidence in &judgement.findings.evidence {
            prop_assert!(evidence.span.start <= evidence.span.end);
            let _ = bypost::quote(&judgement.message, evidence);
        }
        let reply = crate::engine().reply(&judgement);
        prop_assert!(!reply.text.is_empty() && !reply.subject.contains(['\r', '\n']));
    }

    #[test]
    fn the_same_message_is_judged_the_same(bytes in pieces(), channel in channels()) {
        let engine = crate::engine();
        let one = engine.json("x", &judge(&bytes, channel), true).to_string();
        let two = engine.json("x", &judge(&bytes, channel), true).to_string();
        prop_assert_eq!(one, two);
    }
}
