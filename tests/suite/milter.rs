//! The milter door as mail servers see it.

use std::sync::Arc;

use bypost::front::milter::{self, MilterConfig};
use bypost::service::ServiceLimits;

use crate::doors::{MailServer, Running, recorded, service, start};

const SCAM: &str = "From: IRS <a@b.example>\r\nSubject: IRS\r\n\r\nIRS: pay with gift cards today or be arrested. Read us the codes.\r\n";
const GENUINE: &str =
    "From: Ana <ana@b.example>\r\nSubject: tonight\r\n\r\nSee you at the library at six.\r\n";

/// All steps that Postfix 3.7 offers to leave out.
const ALL: u32 = 0x1f_ffff;

async fn open(toml: &str) -> Running {
    let config: MilterConfig = toml::from_str(toml).expect("configuration");
    let service = Arc::new(service(ServiceLimits::default()));
    start(|l, s| milter::run(l, service, config, s)).await
}

#[tokio::test]
async fn only_what_is_needed_is_negotiated() {
    let door = open("").await;
    let server = MailServer::connect(door.address, ALL).await;
    assert_eq!(server.protocol, 0x1f_f38a);
    assert_eq!(MailServer::connect(door.address, 0).await.protocol, 0);
}

#[tokio::test]
async fn fields_are_added_and_forged_ones_removed() {
    let door = open("[scam]\nsubject-tag = \"[Scam?]\"").await;
    let forged =
        "X-Bypost-Verdict: no-signs\r\nX-Other: \u{e9}\r\nx-bypost-VERDICT: a\r\n\tb\r\nX-Bypost-Id: 1\r\n";
    let mut server = MailServer::connect(door.address, ALL).await;
    let verdict = server.judge(format!("{forged}{SCAM}").as_bytes()).await;
    let changed: Vec<(u32, &str, &[u8])> =
        verdict.changed.iter().map(|(i, n, v)| (*i, n.as_str(), v.as_slice())).collect();
    assert_eq!(
        changed,
        [
            (1, "X-Bypost-Id", &b""[..]),
            (2, "x-bypost-VERDICT", b""),
            (1, "X-Bypost-Verdict", b""),
            (1, "Subject", b" [Scam?] IRS"),
        ]
    );
    // With the leading space negotiated, values bring their own.
    assert!(verdict.added.iter().all(|(_, value)| value.starts_with(b" ") && !value.contains(&b'\r')));
    assert_eq!((verdict.field("X-Bypost-Verdict").as_str(), verdict.last.as_str()), ("scam", "a"));
    assert!(verdict.field("X-Bypost-Trace").starts_with("mx.test; x-bypost=scam id="));
    let mut plain = MailServer::connect(door.address, 0).await;
    let verdict = plain.judge(GENUINE.as_bytes()).await;
    assert_eq!(verdict.added[0], ("X-Bypost-Verdict".to_owned(), b"no-signs".to_vec()));
    assert!(verdict.changed.is_empty());
}

#[tokio::test]
async fn the_operator_chooses_what_becomes_of_a_label() {
    for (toml, last, held) in [
        ("action = \"reject\"\ntext = \"No scams here.\"", "y550 5.7.1 No scams here.", None),
        ("action = \"quarantine\"", "a", Some("bypost: scam")),
        ("action = \"discard\"", "d", None),
        ("action = \"header\"", "a", None),
    ] {
        let door = open(&format!("[scam]\n{toml}")).await;
        let mut server = MailServer::connect(door.address, ALL).await;
        let verdict = server.judge(SCAM.as_bytes()).await;
        assert_eq!((verdict.last.as_str(), verdict.held.as_deref()), (last, held));
        assert_eq!(server.judge(GENUINE.as_bytes()).await.last, "a");
    }
}

#[tokio::test]
async fn large_bodies_are_judged_by_their_beginning_and_the_header_says_so() {
    let door = open("[limits]\njudged-bytes = 1000\nmessage-bytes = 300000").await;
    let mut server = MailServer::connect(door.address, ALL).await;
    let mail = [SCAM.as_bytes(), &b"x".repeat(200_000)].concat();
    let verdict = server.judge(&mail).await;
    let told = format!("scam (the first 1000 of {} bytes)", mail.len());
    assert_eq!(verdict.field("X-Bypost-Verdict"), told);
    let verdict = server.judge(&[SCAM.as_bytes(), &b"x".repeat(300_000)].concat()).await;
    assert_eq!(verdict.field("X-Bypost-Verdict"), "unchecked (too-large)");
    assert_eq!(server.judge(SCAM.as_bytes()).await.field("X-Bypost-Verdict"), "scam");
    for (action, last) in [
        ("refuse", "y552 5.3.4 The message is larger than the mail filter takes"),
        ("tempfail", "y451 4.7.1 The message is larger than the mail filter takes"),
    ] {
        let door = open(&format!("[limits]\nmessage-bytes = 10\n[failure]\noversize = \"{action}\"")).await;
        let mut server = MailServer::connect(door.address, ALL).await;
        assert_eq!(server.judge(SCAM.as_bytes()).await.last, last);
    }
}

#[tokio::test]
async fn sessions_go_on_after_what_is_given_up() {
    let door = open("").await;
    let mut server = MailServer::connect(door.address, ALL).await;
    server.message(SCAM.as_bytes()).await;
    server.send(b'A', b"").await;
    assert_eq!(server.judge(GENUINE.as_bytes()).await.field("X-Bypost-Verdict"), "no-signs");
    server.send(b'K', b"").await;
    server.command(b'C', b"x\0U\0\0\0", 0x1000).await;
    assert_eq!(server.judge(SCAM.as_bytes()).await.field("X-Bypost-Verdict"), "scam");
    server.send(b'Q', b"").await;
    assert_eq!(server.read().await, None);
}

#[tokio::test]
async fn some_mail_is_not_judged_if_the_operator_says_so() {
    let door = open("skip = [\"authenticated\"]").await;
    let mut server = MailServer::connect(door.address, ALL).await;
    assert_eq!(server.judge(SCAM.as_bytes()).await.field("X-Bypost-Verdict"), "scam");
    server.message(format!("X-Bypost-Verdict: no-signs\r\n{SCAM}").as_bytes()).await;
    server.send(b'D', b"M{auth_authen}\0ana\0").await;
    let verdict = server.end().await;
    assert_eq!((verdict.added.len(), verdict.last.as_str()), (0, "a"));
    assert_eq!(verdict.changed, [(1, "X-Bypost-Verdict".to_owned(), Vec::new())]);
}

#[tokio::test]
async fn flagged_messages_go_to_the_journal() {
    let (service, mut flagged, _) = recorded();
    let door = start(|l, s| milter::run(l, service, MilterConfig::default(), s)).await;
    let mut server = MailServer::connect(door.address, ALL).await;
    server.judge(GENUINE.as_bytes()).await;
    server.judge(SCAM.as_bytes()).await;
    let message = flagged.recv().await.expect("recorded");
    assert_eq!((message.front, &message.bytes[..]), ("milter", SCAM.as_bytes()));
    assert!(flagged.try_recv().is_err());
    // A server that is between two messages does not hold up the end.
    door.shutdown.cancel();
    door.task.await.expect("ends").expect("fine");
}
