//! A megabyte of anything is read in linear time.

use std::time::{Duration, Instant};

use super::split;

#[test]
fn hostile_megabytes_take_little_time() {
    let seeds = [
        ">",
        "> ",
        ">\n",
        "-",
        "-\n",
        "_",
        "From: ",
        "From: a@b.test\n",
        "From:\n",
        "From: a@b.test,\n",
        "To: a,\n",
        "From: a@b.test\n\n",
        "---------- Forwarded message ---------\n",
        "---------- Forwarded message ---------\n\n\n",
        "Begin forwarded message:\n",
        "On a, b <c@d.test> wrote:\n",
        "On 1:11 ",
        "On\n",
        "On 1:11 a:\n",
        "*",
        "|\n",
        "\n",
        " ",
        ":",
        "Subject: \n",
        "From: a@b.testTo: ",
        "----- Forwarded Message ----- From: ",
        "\u{200f}",
        "<",
        "________________________________\n",
        "x, ",
        "From: a@b.test\nTo: x,\n",
        "From: a@b.test\nTo: x,\nx,\nx,\nx,\nx,\n",
        "1:11 <a@b.test>:\n",
        "\"",
    ];
    for seed in seeds {
        let text = seed.repeat((1 << 20) / seed.len());
        for subject in ["Fwd: x", "Re: x", "x"] {
            let start = Instant::now();
            let _ = split(subject, &text);
            let took = start.elapsed();
            assert!(took < Duration::from_secs(4), "{seed:?} {subject}: {took:?}");
        }
    }
}

#[test]
fn hostile_header_values_are_cut() {
    for value in
        ["<mailto:a@b.test>", "a@b.test, ", "<", "(a", "\"", "a@b.test; ", "[mailto:", "x <y@z.test>"]
    {
        let text = format!(
            "---------- Forwarded message ---------\nFrom: {0}\nTo: {0}\nSubject: {0}\n\nx",
            value.repeat(60_000)
        );
        let start = Instant::now();
        let _ = split("Fwd: x", &text);
        assert!(start.elapsed() < Duration::from_secs(2), "{value}: {:?}", start.elapsed());
    }
}

#[test]
fn odd_texts_do_not_panic() {
    let pieces = [
        "From: a@b.test\n",
        "> ",
        "日本：",
        "\u{200f}",
        "From：",
        "\u{a0}",
        "To:",
        "\n",
        "-----",
        "Forwarded message",
        "é",
        "Date: 1\n",
        "|",
        "\r\n",
    ];
    let mut state = 7_usize;
    for _ in 0..3000 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[(state >> 33) % pieces.len()]);
        }
        if let Some(found) = split("Fwd: x", &text) {
            assert!((0.0..=1.0).contains(&found.confidence));
        }
    }
}
