//! The protocol, without any I/O.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;

fn rules(lmtp: bool) -> Rules {
    let inbox = Inbox {
        addresses: vec!["check@inbox.example".into(), "scam@inbox.example".into()],
        name: "bypost".into(),
        hostname: "inbox.example".into(),
        text_gateways: Vec::new(),
    };
    Rules { lmtp, inbox: Arc::new(inbox), message_bytes: 1_000, recipients: 3, tls: true }
}

/// Drives a session over `input`, given in pieces of `piece` bytes; a transcript of replies and deliveries.
fn drive(session: &mut Session, input: &[u8], piece: usize) -> String {
    let mut out = String::new();
    for bytes in input.chunks(piece.max(1)) {
        session.push(bytes);
        loop {
            let step = session.step();
            match answer(session, step, &mut out) {
                Some(Step::Read) => break,
                Some(Step::Reply(words)) => out.push_str(&words),
                _ => {}
            }
        }
    }
    out
}

/// Does what a connection does with a step.
fn answer(session: &mut Session, step: Step, out: &mut String) -> Option<Step> {
    match step {
        Step::Admit => Some(session.admit(Ok(()))),
        Step::Deliver(envelope, message) => {
            let text = String::from_utf8_lossy(&message).escape_debug().to_string();
            let _ = writeln!(out, "<{}> to {:?}: {text}", envelope.sender, envelope.recipients);
            Some(session.delivered(envelope.recipients.len(), "250 taken\r\n"))
        }
        Step::StartTls(words) => {
            out.push_str(&words);
            session.secured();
            None
        }
        Step::Close(words) => {
            out.push_str(&words);
            Some(Step::Read)
        }
        other => Some(other),
    }
}

fn smtp(input: &str) -> String {
    drive(&mut Session::new(rules(false)), input.as_bytes(), usize::MAX)
}

const HELLO: &str = "EHLO client.example\r\n";
const ENVELOPE: &str = "MAIL FROM:<ana@person.example>\r\nRCPT TO:<check@inbox.example>\r\n";

fn codes(transcript: &str) -> Vec<&str> {
    transcript
        .lines()
        .filter(|l| l.as_bytes().get(3) != Some(&b'-'))
        .map(|l| l.get(..3).unwrap_or(l))
        .collect()
}

#[test]
fn a_message_comes_in() {
    let out = smtp(&format!("{HELLO}{ENVELOPE}DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n"));
    for offered in
        ["PIPELINING", "SIZE 1000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "STARTTLS", "CHUNKING"]
    {
        assert!(out.contains(offered), "{offered}: {out}");
    }
    assert!(
        out.contains(r#"<ana@person.example> to ["check@inbox.example"]: Subject: x\r\n\r\n.dot\r\n"#),
        "{out}"
    );
    assert!(out.ends_with("250 taken\r\n221 2.0.0 Goodbye\r\n"), "{out}");
}

#[test]
fn odd_messages_come_in_whole() {
    let cases = [
        ("", ""),
        ("..\r\n", ".\\r\\n"),
        (".x\r\n", "x\\r\\n"),
        ("\r\n", "\\r\\n"),
        ("a\r\n\r\n", "a\\r\\n\\r\\n"),
    ];
    for (body, expected) in cases {
        let out = smtp(&format!("{HELLO}{ENVELOPE}DATA\r\n{body}.\r\nNOOP\r\n"));
        assert!(out.contains(&format!("example\"]: {expected}\n250 taken")), "{body:?}: {out}");
        assert!(out.ends_with("250 2.0.0 Fine\r\n"), "{out}");
    }
}

#[test]
fn nothing_but_crlf_dot_crlf_ends_a_message() {
    let evil = format!("{ENVELOPE}DATA\r\nSubject: smuggled\r\n");
    for end in
        ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\n.\r", "\r\n\0.\r\n", "\r\n.\0\r\n"]
    {
        let out = smtp(&format!("{HELLO}{ENVELOPE}DATA\r\nSubject: outer\r\n\r\nx{end}{evil}\r\n.\r\n"));
        assert_eq!(out.matches("250 taken").count(), 1, "{end:?}: {out}");
        assert!(out.contains("outer") && out.contains("smuggled"), "{end:?}: {out}");
    }
}

#[test]
fn command_lines_end_with_crlf() {
    for line in ["NOOP\n", "NO\rOP\r\n", "NOOP\0\r\n", "NOOP\r\r\n"] {
        let out = smtp(&format!("{HELLO}{line}NOOP\r\n"));
        assert!(
            out.ends_with("521 5.5.2 Lines end with CR LF and hold neither CR nor NUL\r\n"),
            "{line:?}: {out}"
        );
    }
    assert!(smtp("GET / HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("521 5.5.1 This is no web server\r\n"));
}

#[test]
fn each_mistake_has_its_code() {
    let cases = [
        ("", "MAIL FROM:<a@b.example>\r\n", "503"),
        (HELLO, "RCPT TO:<check@inbox.example>\r\n", "503"),
        (HELLO, "DATA\r\n", "503"),
        (HELLO, "MAIL FROM:<a@b.example> SIZE=1001\r\n", "552"),
        (HELLO, "MAIL FROM:<a@b.example> BODY=BINARYMIME\r\n", "555"),
        (HELLO, "MAIL FROM:<a@b.example> NONSENSE=1\r\n", "555"),
        (HELLO, "MAIL FROM:<no address>\r\n", "553"),
        (HELLO, "MAIL FROM:<\"a b\"@c.example>\r\n", "553"),
        (HELLO, "MAIL FROM:<jos\u{e9}@b.example>\r\n", "553"),
        (HELLO, "NONSENSE\r\n", "500"),
        (HELLO, "AUTH PLAIN AGEAYg==\r\n", "502"),
        (HELLO, "LHLO x\r\n", "500"),
        (HELLO, "BDAT 3 LAST\r\nabc", "503"),
        (HELLO, "VRFY ana\r\n", "252"),
        (HELLO, "EXPN ana\r\n", "502"),
    ];
    for (before, line, code) in cases {
        let out = smtp(&format!("{before}{line}"));
        assert_eq!(codes(&out).last(), Some(&code), "{line:?}: {out}");
    }
    let mail = "MAIL FROM:<a@b.example>\r\n";
    let recipients = [
        ("<other@inbox.example>", "550"),
        ("<check@inbox.example.evil.example>", "550"),
        ("<CHECK@Inbox.Example>", "250"),
        ("<>", "553"),
        ("<postmaster>", "550"),
        ("<check@inbox.example> NOTIFY=NEVER", "250"),
    ];
    for (to, code) in recipients {
        let out = smtp(&format!("{HELLO}{mail}RCPT TO:{to}\r\n"));
        assert_eq!(codes(&out).last(), Some(&code), "{to}: {out}");
    }
    assert_eq!(
        codes(&smtp(&format!("{HELLO}MAIL FROM:<jos\u{e9}@b.example> SMTPUTF8\r\n"))).last(),
        Some(&"250")
    );
    assert_eq!(codes(&smtp(&format!("{HELLO}MAIL FROM:<>\r\n"))).last(), Some(&"250"));
}

#[test]
fn large_messages_are_refused_and_the_session_goes_on() {
    let large = "x".repeat(2_000);
    let out = smtp(&format!("{HELLO}{ENVELOPE}DATA\r\n{large}\r\n.\r\n{ENVELOPE}DATA\r\nsmall\r\n.\r\n"));
    assert!(out.contains("552 5.3.4") && out.contains("small") && !out.contains("xxx"), "{out}");
    let out = smtp(&format!("{HELLO}{ENVELOPE}BDAT 2000 LAST\r\n{large}{ENVELOPE}BDAT 5 LAST\r\nsmall"));
    assert!(out.contains("552 5.3.4") && out.contains("small") && !out.contains("xxx"), "{out}");
    let huge = smtp(&format!("{HELLO}{ENVELOPE}BDAT 18446744073709551615 LAST\r\nabc"));
    assert!(!huge.contains("taken"), "{huge}");
}

#[test]
fn chunks_make_a_message() {
    let out =
        smtp(&format!("{HELLO}{ENVELOPE}BDAT 3\r\na\r\nBDAT 4 LAST\r\n.\r\nbRCPT TO:<x@y.example>\r\n"));
    assert!(out.contains(r#"["check@inbox.example"]: a\r\n.\r\nb"#), "{out}");
    assert_eq!(codes(&out).last(), Some(&"503"), "the next message begins anew: {out}");
    let mixed = smtp(&format!("{HELLO}{ENVELOPE}BDAT 3\r\na\r\nDATA\r\n"));
    assert_eq!(codes(&mixed).last(), Some(&"503"), "{mixed}");
}

#[test]
fn lmtp_answers_for_each_recipient() {
    let input = "LHLO mx.example\r\nMAIL FROM:<ana@person.example>\r\nRCPT TO:<check@inbox.example>\r\nRCPT TO:<no@inbox.example>\r\nRCPT TO:<scam@inbox.example>\r\nDATA\r\nx\r\n.\r\nNOOP\r\n";
    let out = drive(&mut Session::new(rules(true)), input.as_bytes(), usize::MAX);
    assert_eq!(out.matches("250 taken").count(), 2, "{out}");
    for wrong in ["EHLO x\r\n", "HELO x\r\n"] {
        let out = drive(&mut Session::new(rules(true)), wrong.as_bytes(), usize::MAX);
        assert!(out.starts_with("500 5.5.1"), "{out}");
    }
}

#[test]
fn what_came_before_tls_is_forgotten() {
    let mut session = Session::new(rules(false));
    let out = drive(&mut session, format!("{HELLO}{ENVELOPE}").as_bytes(), usize::MAX);
    assert!(out.contains("STARTTLS"));
    drive(&mut session, b"STARTTLS\r\n", usize::MAX);
    let after = drive(&mut session, b"DATA\r\nMAIL FROM:<a@b.example>\r\nEHLO x\r\n", usize::MAX);
    assert_eq!(codes(&after), ["503", "503", "250"], "{after}");
    assert!(!after.contains("STARTTLS"), "{after}");
    let injected = smtp(&format!("{HELLO}STARTTLS\r\nMAIL FROM:<evil@x.example>\r\n"));
    assert!(injected.ends_with("554 5.5.0 Nothing may follow STARTTLS\r\n"), "{injected}");
}

#[test]
fn long_lines_and_many_mistakes_are_bounded() {
    let mut session = Session::new(rules(false));
    let out = drive(&mut session, format!("{HELLO}{}", "x".repeat(100_000)).as_bytes(), 4_096);
    assert!(session.input.capacity() < 32_768, "{}", session.input.capacity());
    assert!(!out.contains("500"));
    let out = drive(&mut session, b"y\r\nNOOP\r\n", 4_096);
    assert_eq!(codes(&out), ["500", "250"], "{out}");
    let out = smtp(&"NONSENSE\r\n".repeat(100));
    assert_eq!(codes(&out).len(), MAX_MISTAKES + 1, "{out}");
    assert!(out.ends_with("421 4.7.0 Too many mistakes\r\n"));
    let many = "RCPT TO:<check@inbox.example>\r\nRCPT TO:<CHECK@inbox.example>\r\nRCPT TO:<scam@inbox.example>\r\nRCPT TO:<Scam@inbox.example>\r\n";
    let out = smtp(&format!("{HELLO}MAIL FROM:<a@b.example>\r\n{many}"));
    assert_eq!(codes(&out).last(), Some(&"452"), "{out}");
}

/// Lines that sessions are made of, good and bad.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        HELLO,
        "HELO x\r\n",
        "LHLO x\r\n",
        "MAIL FROM:<a@b.example>\r\n",
        "MAIL FROM:<> SIZE=9\r\n",
        "RCPT TO:<check@inbox.example>\r\n",
        "DATA\r\n",
        "BDAT 4\r\n",
        "BDAT 0 LAST\r\n",
        "BDAT 9999 LAST\r\n",
        ".\r\n",
        "\r\n.\r\n",
        "\n.\n",
        "RSET\r\n",
        "STARTTLS\r\n",
        "text\r\n",
        "..\r\n",
    ];
    let known = proptest::sample::select(known.to_vec()).prop_map(|l| l.as_bytes().to_vec());
    let line = prop_oneof![8 => known, 1 => proptest::collection::vec(any::<u8>(), 0..40)];
    proptest::collection::vec(line, 0..40).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_give_the_same_session(input in lines(), piece in 1_usize..64, lmtp: bool) {
        // STARTTLS looks at what came together with it, so where the pieces end makes a difference there.
        let mut rules = rules(lmtp);
        rules.tls = false;
        let whole = drive(&mut Session::new(rules.clone()), &input, usize::MAX);
        let pieces = drive(&mut Session::new(rules), &input, piece);
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn any_bytes_are_bounded(input in lines(), piece in 1_usize..512) {
        let mut session = Session::new(rules(false));
        drive(&mut session, &input, piece);
        prop_assert!(session.message.len() <= 1_000 + piece.max(16));
    }
}
