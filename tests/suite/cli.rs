//! The command as people call it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SCAM: &str =
    "IRS: you owe $2,430. You will be arrested today unless you pay with gift cards and read us the codes.";
const GENUINE: &str = "Running late, see you at the library at six. Love, Ana";

fn bypost(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bypost")).args(arguments).stdin(Stdio::null()).output().expect("runs")
}

fn with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bypost"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    child.stdin.take().expect("input").write_all(input).expect("writes");
    child.wait_with_output().expect("ends")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn write(dir: &Path, name: &str, content: &str) {
    std::fs::write(dir.join(name), content).expect("file");
}

#[test]
fn json_has_the_promised_keys() {
    let output = with_input(&["judge", "--format", "json", "--reply", "-"], SCAM.as_bytes());
    let line = text(&output);
    assert_eq!(line.lines().count(), 1);
    let object: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let keys = [
        "source",
        "id",
        "label",
        "score",
        "thresholds",
        "claims",
        "markers",
        "rules",
        "contributions",
        "intercept",
        "suspect",
        "forward",
        "reply",
        "defects",
        "facts",
        "language",
        "model",
        "data",
    ];
    for key in keys {
        assert!(object.get(key).is_some(), "{key} is missing");
    }
    assert_eq!(object["label"], "scam");
    assert_eq!(object["language"], "en");
    let contributions = object["contributions"].as_array().expect("list");
    let sum: f64 = contributions.iter().map(|c| c["contribution"].as_f64().expect("number")).sum();
    let logit = sum + object["intercept"].as_f64().expect("number");
    assert!((bypost::model::sigmoid(logit) - object["score"].as_f64().expect("number")).abs() < 1e-9);
    let marker = &object["markers"][0];
    assert!(["id", "title", "quote", "part"].iter().all(|k| marker.get(*k).is_some()), "{marker}");
}

#[test]
fn exit_codes_say_the_label() {
    for (input, code) in [(GENUINE, 0), (SCAM, 2)] {
        assert_eq!(with_input(&["judge", "--exit-code", "-"], input.as_bytes()).status.code(), Some(code));
        assert_eq!(with_input(&["judge", "-"], input.as_bytes()).status.code(), Some(0));
    }
    assert_eq!(bypost(&["judge", "/no/such/file"]).status.code(), Some(3));
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().expect("directory");
    write(dir.path(), "a.txt", SCAM);
    let file = dir.path().join("a.txt").display().to_string();
    let output = bypost(&["judge", "--exit-code", "/no/such/file", &file]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/file"));
    assert!(text(&output).contains("scam"));
}

#[test]
fn many_files_come_out_in_order() {
    let dir = tempfile::tempdir().expect("directory");
    for number in 0..600 {
        write(dir.path(), &format!("{number:04}.txt"), if number % 2 == 0 { SCAM } else { GENUINE });
    }
    let root = dir.path().display().to_string();
    let one = text(&bypost(&["judge", "--format", "json", &root]));
    let sources: Vec<String> = one
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).expect("JSON")["source"].to_string())
        .collect();
    assert_eq!(sources.len(), 600);
    assert!(sources.is_sorted());
    assert_eq!(one, text(&bypost(&["judge", "--format", "json", &root])));
}

#[test]
fn replies_can_be_printed_alone() {
    let reply = text(&with_input(&["judge", "--format", "reply", "-"], SCAM.as_bytes()));
    assert!(reply.starts_with("Subject: ") && reply.contains("gift cards"), "{reply}");
    let html = text(&with_input(&["judge", "--format", "html", "-"], SCAM.as_bytes()));
    assert!(html.starts_with("<!DOCTYPE html>") && !html.contains("href"), "{html}");
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    let mail = "From: \u{1b}[2Jx <a@b.example>\nSubject: \u{1b}]0;owned\u{7}\u{202e}pay http://evil.example\n\npay with gift cards";
    let output = text(&with_input(&["judge", "-"], mail.as_bytes()));
    assert!(!output.chars().any(|c| c.is_control() && c != '\n'), "{output:?}");
    assert!(!output.contains("http:") && !output.contains('\u{202e}'), "{output:?}");
}

#[test]
fn data_can_come_from_a_directory() {
    let output = bypost(&["--data", ".", "check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let missing = bypost(&["--data", "/no/such/dir", "check"]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("data"));
}

#[test]
fn lists_completions_and_pages_are_made() {
    assert!(text(&bypost(&["markers"])).lines().count() >= 80);
    assert!(text(&bypost(&["markers", "--format", "markdown"])).starts_with("| marker |"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(text(&bypost(&["completions", shell])).contains("judge"), "{shell}");
    }
    assert!(text(&bypost(&["man"])).contains(".TH"));
    let dir = tempfile::tempdir().expect("directory");
    let pages = dir.path().join("man").display().to_string();
    assert_eq!(bypost(&["man", &pages]).status.code(), Some(0));
    assert!(std::fs::read_dir(pages).expect("pages").count() >= 5);
}

#[test]
fn a_configuration_is_checked_with_all_it_names() {
    let fine = bypost(&["check", "--config", "bypost.example.toml"]);
    assert!(text(&fine).contains("bypost.example.toml: fine"), "{}", String::from_utf8_lossy(&fine.stderr));
    let dir = tempfile::tempdir().expect("directory");
    let cases = [
        ("[smtp]\nlisten = [\"nowhere\"]\n", "bypost.toml:2: `smtp.listen` is `nowhere`"),
        ("\n[inbox]\nadresses = []\n", "bypost.toml:3: unknown field `adresses`"),
        ("[tls]\ncertificate = \"/no/c\"\nkey = \"/no/k\"\n", "/no/c"),
        ("[engine]\ndata = \"/no/data\"\n", "data"),
    ];
    for (config, expected) in cases {
        write(dir.path(), "bypost.toml", config);
        let path = dir.path().join("bypost.toml").display().to_string();
        for command in ["check", "serve"] {
            let output = bypost(&[command, "--config", &path]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code() == Some(3) && said.contains(expected), "{command}: {said}");
        }
    }
}

#[test]
fn the_journal_is_shown_and_erased_from_the_command_line() {
    let dir = tempfile::tempdir().expect("directory");
    let data = dir.path().display().to_string();
    for (arguments, code) in [
        (vec!["journal"], 0),
        (vec!["journal", "--counts"], 0),
        (vec!["journal", "--state", "lost"], 3),
        (vec!["erase", "--sender", "ana@person.example"], 0),
        (vec!["erase", "--older-than-days", "30"], 0),
    ] {
        let mut arguments = arguments;
        arguments.extend(["--data-dir", &data]);
        assert_eq!(bypost(&arguments).status.code(), Some(code), "{arguments:?}");
    }
    assert_eq!(bypost(&["erase", "--data-dir", &data]).status.code(), Some(2), "what to erase must be said");
}
