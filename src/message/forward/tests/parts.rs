//! The small parsers one by one.

use super::super::ForwardTable;
use super::super::address::{parse_list, parse_one};
use super::super::lines::Lines;
use super::super::subject::Kind;
use super::{TABLE, address};

#[test]
fn senders_as_programs_print_them() {
    let cases = [
        ("Dana Crane <dana@crane.example>", ("Dana Crane", "dana@crane.example")),
        ("dana@crane.example", ("", "dana@crane.example")),
        ("<dana@crane.example>", ("", "dana@crane.example")),
        ("dana@crane.example <dana@crane.example>", ("", "dana@crane.example")),
        ("Dana Crane [mailto:dana@crane.example]", ("Dana Crane", "dana@crane.example")),
        ("Dana Crane <mailto:dana@crane.example>", ("Dana Crane", "dana@crane.example")),
        ("Dana Crane (dana@crane.example)", ("Dana Crane", "dana@crane.example")),
        ("Dana Crane (<dana@crane.example>)", ("Dana Crane", "dana@crane.example")),
        ("\"Crane, Dana\" <dana@crane.example>", ("Crane, Dana", "dana@crane.example")),
        ("Crane, Dana <dana@crane.example>", ("Crane, Dana", "dana@crane.example")),
        ("'Dana Crane' <dana@crane.example>", ("Dana Crane", "dana@crane.example")),
        ("'Dana' via Desk <desk@crane.example>", ("'Dana' via Desk", "desk@crane.example")),
        ("\"help@irs.gov\" <dana@crane.example>", ("help@irs.gov", "dana@crane.example")),
        ("IRS (help@irs.gov) <dana@crane.example>", ("IRS (help@irs.gov)", "dana@crane.example")),
        ("dana@crane.example<mailto:dana@crane.example>", ("", "dana@crane.example")),
        (
            "Dana<mailto:d@crane.example> <d@crane.example<mailto:d@crane.example>> on behalf of x@y.example",
            ("Dana", "d@crane.example"),
        ),
        ("*Dana Crane* <dana@crane.example>", ("Dana Crane", "dana@crane.example")),
        ("Dana\u{a0}Crane\u{200e} <dana@crane.example>", ("Dana Crane", "dana@crane.example")),
        (
            "Dana Crane <[dana@crane.example](mailto:dana@crane.example)>",
            ("Dana Crane", "dana@crane.example"),
        ),
        ("Dana Crane", ("Dana Crane", "")),
        ("Dana Crane dana@crane.example", ("Dana Crane", "dana@crane.example")),
    ];
    for (value, (name, addr)) in cases {
        assert_eq!(parse_one(value), Some(address(name, addr)), "{value}");
    }
    assert_eq!(parse_one("  "), None);
}

#[test]
fn lists_of_addresses() {
    let count = |value: &str| parse_list(value).len();
    assert_eq!(count("a@x.example, b@x.example"), 2);
    assert_eq!(count("Doe, Pat <a@x.example>, \"Roe, Lee\" <b@x.example>"), 2);
    assert_eq!(count("Doe, Pat <a@x.example>; Roe, Lee <b@x.example>;"), 2);
    assert_eq!(count("Pat Doe; Lee Roe"), 2);
    assert_eq!(count("'Pat, Doe' <a@x.example>, \"'b@x.example'\" <b@x.example>"), 2);
    assert_eq!(
        parse_list("a@x.example<mailto:a@x.example>; Lee <b@x.example<mailto:b@x.example>>")[1].name,
        "Lee"
    );
    assert!(parse_list("").is_empty());
}

#[test]
fn subjects() {
    for forward in [
        "Fwd: x",
        "FW: x",
        "fw:x",
        "Fwd : x",
        "WG: x",
        "TR : x",
        "I: x",
        "[EXTERNAL] Fwd: x",
        "[Fwd: x]",
        "x (fwd)",
        "Fwd[2]: x",
        "转发：x",
        "転送: x",
        "***SPAM*** Fwd: x",
        "Fwd: Re: x",
        "ENC: x",
        "Doorst: x",
        "İLT: x",
    ] {
        assert_eq!(TABLE.prefixes.read(forward), Kind::Forward, "{forward}");
    }
    for reply in ["Re: x", "RE: Fwd: x", "AW: x", "SV: x", "Re[3]: x", "[list] Re: x", "Antw: x", "回复：x"]
    {
        assert_eq!(TABLE.prefixes.read(reply), Kind::Reply, "{reply}");
    }
    for plain in ["x", "", "Reminder: x", "VS: x", "[list] x", ":", "[", "***", "Forwarding is easy"] {
        assert_eq!(TABLE.prefixes.read(plain), Kind::Plain, "{plain}");
    }
}

#[test]
fn lines_know_their_depth() {
    let lines = Lines::new("a\n> b\n>> c \n> > d\n| e\n|f\n>");
    let depths: Vec<usize> = lines.all.iter().map(|line| line.depth).collect();
    assert_eq!(depths, [0, 1, 2, 2, 1, 0, 1]);
    assert_eq!((lines.content(2), lines.content(5)), ("c", "|f"));
}

#[test]
fn errors_name_file_and_line() {
    let error = |toml: &str| ForwardTable::parse("forwards.toml", toml).unwrap_err();
    assert!(
        error("[[style]]\nid = 'a'\n").starts_with("forwards.toml:1: "),
        "{}",
        error("[[style]]\nid = 'a'\n")
    );
    let style = "label = []\n[[style]]\nid = 'a'\nconfidence = 0.9\n";
    let two = error(&format!("{style}[[style]]\nid = 'a'\nconfidence = 0.9\n"));
    assert!(two.starts_with("forwards.toml:6: ") && two.contains("expected once"), "{two}");
    let pattern = error(&format!("{style}separators = ['(']\n"));
    assert!(pattern.starts_with("forwards.toml:5: ") && pattern.contains("regular expression"), "{pattern}");
    let high = error("label = []\n[[style]]\nid = 'a'\nconfidence = 2\n");
    assert!(high.starts_with("forwards.toml:4: "), "{high}");
    let unknown = error(&format!("{style}colour = 1\n"));
    assert!(unknown.starts_with("forwards.toml:5: ") && unknown.contains("colour"), "{unknown}");
    let wrote = error("style = []\n[[label]]\nlang = 'en'\nwrote = ['On (.+) wrote:']\n");
    assert!(wrote.starts_with("forwards.toml:4: ") && wrote.contains("both"), "{wrote}");
}

/// Nearly no line of a usual mail gets as far as the patterns.
#[test]
fn the_first_bytes_tell_most_lines_apart() {
    let separators = &TABLE.separators;
    for line in ["Hello Jane,", "Please pay the fee today", "From: a@b.example", "2 items", "«", "¿Qué?"] {
        assert_eq!(separators.may_match(line), line == "«", "{line}");
    }
    for line in ["---- Forwarded message ----", "Begin forwarded message:", "BEGIN FORWARDED MESSAGE", "____"]
    {
        assert!(separators.may_match(line), "{line}");
    }
}
