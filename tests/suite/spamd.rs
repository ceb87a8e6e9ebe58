//! The spamd door as its clients see it. Forms are those that spamc 4.0.1, Exim 4.96 and Haraka send and need.

use std::sync::Arc;

use bypost::front::failure::{FailurePolicy, OnFailure};
use bypost::front::spamd::{self, SpamdConfig, Tell};
use bypost::service::ServiceLimits;

use crate::doors::{Running, exchange, keep, recorded, service, spamd_request, start};

const SCAM: &str = "From: IRS <a@b.example>\nSubject: IRS\nX-Spam-Flag: NO\nX-Bypost-Verdict: no-signs\n\nIRS: pay with gift cards today or be arrested. Read us the codes.\n";
const GENUINE: &str = "From: Ana <ana@b.example>\nSubject: tonight\n\nSee you at the library at six.\n";

async fn open(config: SpamdConfig) -> Running {
    let service = Arc::new(service(ServiceLimits::default()));
    start(|l, s| spamd::run(l, service, config, s)).await
}

async fn ask(door: &Running, request: &[u8]) -> String {
    String::from_utf8(exchange(door.address, request).await).expect("ASCII")
}

#[tokio::test]
async fn every_command_answers_in_the_form_its_clients_read() {
    let door = open(SpamdConfig::default()).await;
    let both = async |command: &str| {
        let scam = ask(&door, &spamd_request(command, SCAM.as_bytes())).await;
        (scam, ask(&door, &spamd_request(command, GENUINE.as_bytes())).await)
    };
    let (scam, genuine) = both("CHECK").await;
    assert!(
        scam.starts_with("SPAMD/1.1 0 EX_OK\r\nSpam: True ; ") && scam.ends_with(" / 5.0\r\n\r\n"),
        "{scam}"
    );
    assert!(
        genuine.starts_with("SPAMD/1.1 0 EX_OK\r\nSpam: False ; 0.") && genuine.ends_with(" / 5.0\r\n\r\n")
    );
    let (scam, genuine) = both("SYMBOLS").await;
    assert!(scam.contains("BYPOST_PAYMENT_GIFT_CARD") && !scam.ends_with('\n'), "{scam}");
    assert!(genuine.starts_with("SPAMD/1.1 0 EX_OK\r\nContent-length: "));
    let (scam, genuine) = both("REPORT").await;
    assert!(scam.contains("strong signs") && scam.contains(" points, 5.0 required)"), "{scam}");
    assert!(genuine.contains("does not make the message safe"));
    let (scam, genuine) = both("REPORT_IFSPAM").await;
    assert!(scam.contains("\r\nSpam: Yes ; ") && scam.contains("strong signs"));
    assert!(genuine.starts_with("SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: No ; "), "{genuine}");
    let (headers, _) = both("HEADERS").await;
    assert!(headers.contains("X-Spam-Flag: YES\n") && headers.ends_with("Subject: IRS\n\n"), "{headers}");
    assert!(!headers.contains("X-Spam-Flag: NO") && !headers.contains("X-Bypost-Verdict: no-signs"));
    let (all, genuine) = both("PROCESS").await;
    assert!(
        all.ends_with(SCAM.split_once("\n\n").expect("body").1) && all.contains("X-Spam-Status: Yes, score=")
    );
    assert!(genuine.ends_with(GENUINE) && genuine.contains("X-Spam-Status: No, score=0."), "{genuine}");
    for answer in [scam, genuine, all] {
        let (head, body) = answer.split_once("\r\n\r\n").expect("head");
        let length = head.lines().find_map(|l| l.strip_prefix("Content-length: ")).expect("length");
        assert_eq!(length.parse(), Ok(body.len()));
    }
}

#[tokio::test]
async fn short_commands() {
    let door = open(SpamdConfig::default()).await;
    assert_eq!(ask(&door, b"PING SPAMC/1.5\r\n\r\n").await, "SPAMD/1.5 0 PONG\r\n");
    assert_eq!(ask(&door, b"SKIP SPAMC/1.5\r\n").await, "");
    assert_eq!(ask(&door, b"").await, "");
    assert_eq!(ask(&door, b"PING\r\n\r\n").await, "SPAMD/1.0 76 Bad header line: PING\r\n");
    let mail = "CHECK SPAMC/1.5\r\n\r\n".to_owned() + GENUINE;
    assert!(ask(&door, mail.as_bytes()).await.contains("Spam: False"));
    let empty = ask(&door, &spamd_request("CHECK", b"")).await;
    assert!(empty.contains("Spam: False"), "{empty}");
}

#[tokio::test]
async fn exim_and_haraka_get_what_they_can_parse() {
    let door = open(SpamdConfig::default()).await;
    let mail = format!(
        "From MAILER-DAEMON Mon Nov 23 23:37:49 2026\nX-Envelope-From: <a@example.com>\nX-Envelope-To: b@example.org\n{SCAM}"
    );
    let exim = format!("REPORT SPAMC/1.2\r\nUser: nobody\r\nContent-length: {}\r\n\r\n{mail}", mail.len());
    let answer = ask(&door, exim.as_bytes()).await;
    let lines: Vec<&str> = answer.split("\r\n").collect();
    assert_eq!(lines[0], "SPAMD/1.1 0 EX_OK");
    assert!(lines[1].starts_with("Spam: True ; ") && lines[2].is_empty(), "{answer}");
    let as_rspamd =
        format!("CHECK RSPAMC/1.3\r\nContent-length: {}\r\nFrom: <a@example.com>\r\n\r\n{mail}", mail.len());
    let answer = ask(&door, as_rspamd.as_bytes()).await;
    assert!(answer.starts_with("RSPAMD/1.3 0 EX_OK\r\nMetric: default; True; "), "{answer}");
    assert!(answer.contains("\r\nAction: add header\r\nSymbol: BYPOST_"));
    // What Exim put there is no part of the message: the id is that of the message alone.
    let id = |answer: &str| answer.split("id=").nth(1).map(|t| t[..16].to_owned()).expect("id");
    let plain = ask(&door, &spamd_request("HEADERS", SCAM.as_bytes())).await;
    assert_eq!(id(&ask(&door, &spamd_request("HEADERS", mail.as_bytes())).await), id(&plain));
    let haraka = format!(
        "HEADERS SPAMC/1.4\r\nUser: default\r\n\r\nX-Envelope-From: a@example.com\r\nX-Haraka-UUID: A.1\r\n{SCAM}"
    );
    let answer = ask(&door, haraka.as_bytes()).await;
    assert_eq!(id(&answer), id(&plain));
    assert!(answer.contains(" tests=BYPOST_"), "{answer}");
}

#[tokio::test]
async fn lengths_and_compression() {
    let door = open(SpamdConfig::default()).await;
    let with = |length: usize| format!("CHECK SPAMC/1.5\r\nContent-length: {length}\r\n\r\n{GENUINE}");
    for wrong in [GENUINE.len() - 1, GENUINE.len() + 1] {
        let answer = ask(&door, with(wrong).as_bytes()).await;
        assert!(answer.starts_with("SPAMD/1.0 76 Bad header line: (Content-Length mismatch: "), "{answer}");
    }
    let zlib = |bytes: &[u8]| {
        let mut out = Vec::new();
        let encoder = flate2::read::ZlibEncoder::new(bytes, flate2::Compression::fast());
        std::io::Read::read_to_end(&mut { encoder }, &mut out).expect("compresses");
        let head = format!("CHECK SPAMC/1.5\r\nCompress: zlib\r\nContent-length: {}\r\n\r\n", out.len());
        [head.as_bytes(), &out].concat()
    };
    assert!(ask(&door, &zlib(SCAM.as_bytes())).await.contains("Spam: True"));
    let bomb = ask(&door, &zlib(&vec![b'x'; 100 << 20])).await;
    assert!(bomb.contains("Spam: False ; 0.0 / 5.0"), "{bomb}");
    let garbage = b"CHECK SPAMC/1.5\r\nCompress: zlib\r\nContent-length: 4\r\n\r\nabcd";
    assert!(ask(&door, garbage).await.starts_with("SPAMD/1.0 76 "));
}

#[tokio::test]
async fn the_policy_decides_what_becomes_of_the_oversize() {
    for (action, told) in [
        (
            OnFailure::AcceptUnchecked,
            "SPAMD/1.1 0 EX_OK\r\nContent-length: 16\r\nSpam: False ; 0.0 / 5.0\r\n\r\nBYPOST_UNCHECKED",
        ),
        (
            OnFailure::Tempfail,
            "SPAMD/1.0 75 EX_TEMPFAIL The message is larger than the mail filter takes\r\n",
        ),
        (
            OnFailure::Refuse,
            "SPAMD/1.0 69 EX_UNAVAILABLE The message is larger than the mail filter takes\r\n",
        ),
    ] {
        let mut config: SpamdConfig = toml::from_str("[limits]\nmessage-bytes = 100").expect("configuration");
        config.failure = FailurePolicy { oversize: action, ..FailurePolicy::default() };
        let door = open(config).await;
        assert_eq!(ask(&door, &spamd_request("SYMBOLS", SCAM.as_bytes())).await, told);
        // A message that is to be sent back, and was not kept, cannot pass.
        let process = ask(&door, &spamd_request("PROCESS", SCAM.as_bytes())).await;
        assert!(process.starts_with("SPAMD/1.0 75") || process.starts_with("SPAMD/1.0 69"), "{process}");
    }
}

#[tokio::test]
async fn tell_becomes_a_label_in_the_journal() {
    let (service, _flagged, corrections) = recorded();
    let journal = keep(corrections);
    let door = start(|l, s| spamd::run(l, service, SpamdConfig::default(), s)).await;
    let tell = async |fields: &str| {
        let head =
            format!("TELL SPAMC/1.5\r\n{fields}User: ana\r\nContent-length: {}\r\n\r\n{SCAM}", SCAM.len());
        ask(&door, head.as_bytes()).await
    };
    let spam = "Message-class: spam\r\nSet: local\r\n";
    assert_eq!(tell(spam).await, "SPAMD/1.1 0 EX_OK\r\nDidSet: local\r\n\r\n\r\n");
    assert_eq!(tell(spam).await, "SPAMD/1.1 0 EX_OK\r\n\r\n\r\n");
    assert_eq!(
        tell("Message-class: ham\r\nSet: local\r\n").await,
        "SPAMD/1.1 0 EX_OK\r\nDidSet: local\r\n\r\n\r\n"
    );
    assert_eq!(tell("Remove: local\r\n").await, "SPAMD/1.1 0 EX_OK\r\nDidRemove: local\r\n\r\n\r\n");
    assert!(tell("Message-class: eggs\r\nSet: local\r\n").await.starts_with("SPAMD/1.0 76 "));
    door.shutdown.cancel();
    door.task.await.expect("ends").expect("fine");
    let truths: Vec<String> =
        journal.await.expect("kept").iter().map(|l| l.split_once(' ').expect("line").1.to_owned()).collect();
    let expected = ["Scam", "Scam", "Genuine", "Forget"].map(|t| format!("{t} spamd:ana"));
    assert_eq!(truths, expected);
    let closed = open(SpamdConfig { tell: Tell::Never, ..SpamdConfig::default() }).await;
    let answer =
        ask(&closed, b"TELL SPAMC/1.5\r\nMessage-class: ham\r\nSet: local\r\nContent-length: 0\r\n\r\n")
            .await;
    assert!(answer.contains("TELL commands are not enabled"), "{answer}");
}
