//! Any bytes to the SMTP or LMTP session: no panic, bounded memory, and the same session however the bytes are cut.
#![no_main]

use std::sync::Arc;

use bypost::config::Inbox;
use bypost::front::smtp::{Rules, Session, Step};
use libfuzzer_sys::fuzz_target;

fn rules(lmtp: bool) -> Rules {
    let inbox = Inbox {
        addresses: vec!["check@localhost".into()],
        name: "bypost".into(),
        hostname: "localhost".into(),
        text_gateways: Vec::new(),
    };
    Rules { lmtp, inbox: Arc::new(inbox), message_bytes: 4_096, recipients: 3, tls: false }
}

/// What is said over `input`, given in pieces.
fn drive(lmtp: bool, input: &[u8], piece: usize) -> String {
    let mut session = Session::new(rules(lmtp));
    let mut said = String::new();
    for bytes in input.chunks(piece) {
        session.push(bytes);
        loop {
            let step = match session.step() {
                Step::Admit => session.admit(Ok(())),
                Step::Deliver(envelope, message) => {
                    assert!(message.len() <= 4_096 && !envelope.recipients.is_empty());
                    session.delivered(envelope.recipients.len(), "250 taken\r\n")
                }
                other => other,
            };
            match step {
                Step::Reply(words) => said.push_str(&words),
                Step::Close(words) => {
                    said.push_str(&words);
                    return said;
                }
                _ => break,
            }
        }
        assert!(session.held() <= 64 * 1_024);
    }
    said
}

fuzz_target!(|input: (bool, u8, &[u8])| {
    let (lmtp, piece, bytes) = input;
    let whole = drive(lmtp, bytes, bytes.len().max(1));
    assert_eq!(whole, drive(lmtp, bytes, usize::from(piece).max(1)));
});
