//! The inbox among real mail programs, each scenario in namespaces of its own (`tests/peers/run`). Needs root, and installs
//! what is missing; a program that cannot be had is a failure.
//!
//! `cargo test --test peers`, as `scripts/test` does.

#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::process::Command;

fn run(scenario: &str) {
    let output = Command::new("tests/peers/run")
        .args([env!("CARGO_BIN_EXE_bypost"), scenario])
        .output()
        .expect("the scenario starts");
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{scenario}: {}\n{said}\n{wrong}", output.status);
    let line =
        said.lines().find(|l| l.starts_with("scenario passed: ")).expect("the scenario came to its end");
    println!("{scenario}: {line}");
}

#[test]
fn postfix_brings_mail_and_carries_answers() {
    run("postfix");
}

#[test]
fn senders_are_proved_by_dns() {
    run("senders");
}

#[test]
fn dovecot_is_pulled() {
    run("dovecot");
}

#[test]
fn a_full_disk_loses_nothing() {
    run("disk");
}
