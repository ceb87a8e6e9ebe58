//! `bypost filter` as programs call it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const SCAM: &str = "From MAILER-DAEMON Mon Nov 23 23:37:49 2026\nFrom: IRS <a@b.example>\nX-Bypost-Verdict: no-signs\nSubject: IRS\n\nIRS: pay with gift cards today or be arrested. Read us the codes.\n";
const GENUINE: &str = "From: Ana <ana@b.example>\nSubject: tonight\n\nSee you at the library at six.\n";

fn filter(arguments: &[&str], mail: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bypost"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut input = child.stdin.take().expect("input");
    let mail = mail.to_vec();
    let writing = std::thread::spawn(move || input.write_all(&mail));
    let output = child.wait_with_output().expect("ends");
    writing.join().expect("writes").expect("is read");
    output
}

#[test]
fn fields_are_added_after_the_mailbox_line() {
    let output = filter(&["filter", "--subject-tag", "[Scam?]", "--host", "mx.test"], SCAM.as_bytes());
    let text = String::from_utf8(output.stdout).expect("ASCII");
    assert_eq!(output.status.code(), Some(0));
    let start = "From MAILER-DAEMON Mon Nov 23 23:37:49 2026\nX-Bypost-Verdict: scam\nX-Bypost-Score: ";
    assert!(text.starts_with(start), "{text}");
    assert!(text.contains("\nX-Bypost-Trace: mx.test; ") && text.contains("\nSubject: [Scam?] IRS\n"));
    assert_eq!(text.matches("X-Bypost-Verdict").count(), 1);
}

#[test]
fn exit_codes_say_the_label() {
    for (mail, code) in [(GENUINE, 0), (SCAM, 2)] {
        assert_eq!(filter(&["filter", "--exit-code"], mail.as_bytes()).status.code(), Some(code));
    }
}

#[test]
fn bodies_pass_byte_for_byte() {
    let body: Vec<u8> = (0..6_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mail = [b"Subject: x\r\n\r\n", body.as_slice()].concat();
    let output = filter(&["filter"], &mail);
    assert!(output.stdout.ends_with(&body));
    let head = String::from_utf8_lossy(&output.stdout[..200]).into_owned();
    assert!(head.contains("(the first 4194304 bytes)\r\n"), "{head}");
}

#[test]
fn without_data_the_mail_is_not_lost() {
    let output = filter(&["--data", "/no/such", "filter"], GENUINE.as_bytes());
    let text = String::from_utf8(output.stdout).expect("ASCII");
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text.starts_with("X-Bypost-Verdict: unchecked (internal)\n") && text.ends_with(GENUINE),
        "{text}"
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read"));
    for (action, code) in [("tempfail", 75), ("refuse", 77)] {
        let output = filter(&["--data", "/no/such", "filter", "--on-failure", action], GENUINE.as_bytes());
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0));
    }
    let output = filter(&["--data", "/no/such", "filter", "--exit-code"], GENUINE.as_bytes());
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn tags_that_cannot_stand_in_a_header_are_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_bypost"))
        .args(["filter", "--subject-tag", "a\r\nBcc: x@y.example"])
        .stdin(Stdio::null())
        .output()
        .expect("runs");
    assert!(!output.status.success());
}
