//! Time and memory for messages of hostile size: `cargo bench --bench hostile`.
//!
//! Every case runs in a process of its own, so that its peak memory is its own. The promise is: judged in under a second
//! with less than 20 times the message plus 100 MB, or refused with a stated defect.

#![expect(clippy::expect_used, reason = "a bench that cannot run has no result")]

use std::process::Command;
use std::time::Instant;

use bypost::engine::Engine;
use bypost::message::RawMessage;
use bypost::sources::Sources;

const HEAD: &str = "From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n";

/// A case: its name and what makes its bytes.
type Case = (&'static str, fn() -> String);

const CASES: &[Case] = &[
    ("10 MB of words", || {
        format!("{HEAD}\r\n{}", "you must pay with gift cards today or be arrested\r\n".repeat(200_000))
    }),
    ("10 MB of markup", || html("<p>pay <b>now</b> with <i>gift cards</i></p>", 240_000)),
    ("100,000 parts", || {
        let part = "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n";
        format!("{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", part.repeat(100_000))
    }),
    ("1,000 nested messages", || {
        format!(
            "{HEAD}{}\r\nhello",
            "Content-Type: message/rfc822\r\n\r\nFrom: a@b.example\r\nSubject: x\r\n".repeat(1_000)
        )
    }),
    ("1,000 nested multiparts", || {
        let levels: String = (0..1_000)
            .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
            .collect();
        format!("{HEAD}{levels}Content-Type: text/plain\r\n\r\nhello")
    }),
    ("a header of 1 MB", || format!("{HEAD}X-Long: {}\r\n\r\nhello", "x ".repeat(500_000))),
    ("1,000,000 links", || html("<a href=http://a.example/x>x</a> ", 1_000_000)),
    ("200,000 open elements", || html("<div style=\"color:#fff\">", 200_000)),
    ("1,000,000 angle brackets", || html("<", 1_000_000)),
    ("spaced letters, 5 MB", || format!("{HEAD}\r\n{}", "g i f t c a r d ".repeat(320_000))),
    ("quote marks, 2 MB", || format!("{HEAD}\r\n{}", "> ".repeat(1_000_000))),
    ("forward lines, 3 MB", || format!("{HEAD}\r\n{}", "From: a@b.example\nSubject: x\n".repeat(100_000))),
    ("one line of 10 MB", || format!("{HEAD}\r\n{}", "gift card ".repeat(1_000_000))),
];

fn html(piece: &str, times: usize) -> String {
    format!("{HEAD}Content-Type: text/html; charset=utf-8\r\n\r\n{}", piece.repeat(times))
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|a| a == "--case") {
        return run(&arguments[at + 1]);
    }
    println!("{:<26} {:>9} {:>8} {:>9} {:>9}", "case", "message", "time", "memory", "allowed");
    for (name, _) in CASES {
        let output = Command::new(&arguments[0]).args(["--case", name]).output().expect("runs itself");
        print!("{}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Judges one case and prints its line.
fn run(name: &str) {
    let (_, make) = CASES.iter().find(|(n, _)| *n == name).expect("a case");
    let message = make();
    let engine = Engine::new(&Sources::embedded()).expect("engine");
    let before = peak();
    let start = Instant::now();
    let judgement = engine.judge(&RawMessage::new(message.as_bytes()));
    let seconds = start.elapsed().as_secs_f64();
    let size = message.len() as f64 / 1e6;
    let defects: Vec<&str> = judgement.message.defects.iter().map(|d| d.id).collect();
    println!(
        "{name:<26} {size:>6.1} MB {seconds:>6.3} s {:>6.0} MB {:>6.0} MB {} {}",
        peak() - before.min(peak()),
        20.0 * size + 100.0,
        if seconds < 1.0 { "" } else { "SLOW" },
        defects.join(" ")
    );
}

/// Peak resident memory of this process, in MB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1e3
}
