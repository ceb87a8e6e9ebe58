//! What is refused, and where.

use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse("bypost.toml", text, &Flags::default(), &|_| None)
}

#[test]
fn nothing_is_a_configuration() {
    let config = parse("").expect("defaults");
    assert_eq!(config.smtp, ["127.0.0.1:2525".parse().expect("address")]);
    assert_eq!(config.http, ["127.0.0.1:8025".parse().expect("address")]);
    assert!(config.lmtp.is_empty());
    assert_eq!(config.inbox.addresses, ["check@localhost"]);
    assert!(config.sender.trusts("127.0.0.9".parse().expect("ip")));
    assert!(config.sender.trusts("::ffff:127.0.0.1".parse().expect("ip")));
    assert!(!config.sender.trusts("192.0.2.1".parse().expect("ip")));
    assert!(matches!(config.outbox.route, Route::Maildir(path) if path.ends_with("outbox")));
}

#[test]
fn the_example_says_the_defaults_and_names_every_key() {
    let text = include_str!("../../bypost.example.toml");
    let plain = parse(text).expect("example");
    assert_eq!(plain.limits, parse("").expect("defaults").limits);
    // Without the marks before its optional parts it is a configuration too, and every key is in it.
    let uncommented: String =
        text.lines().map(|l| l.strip_prefix("#:").unwrap_or(l)).map(|l| format!("{l}\n")).collect();
    let full = parse(&uncommented).expect("every key");
    assert!(full.webhook.is_some() && full.tls.is_some() && full.outbox.dkim.is_some());
    assert!(!full.imap.is_empty() && !full.maildir.is_empty());
    let keys = include_str!("raw.rs").lines().filter_map(|l| l.trim().strip_prefix("pub(super) "));
    let keys: Vec<&str> = keys.filter_map(|l| l.split_once(": ")).map(|(key, _)| key).collect();
    assert!(keys.len() > 60, "{}", keys.len());
    for key in keys {
        assert!(uncommented.contains(key), "{key} is not in bypost.example.toml");
    }
}

#[test]
fn mistakes_are_named_with_their_line() {
    let cases = [
        ("\n[inbox]\nadresses = []", 3, "unknown field"),
        ("[smtp]\nlisten = [\"nowhere\"]", 2, "address and port"),
        ("[inbox]\naddresses = [\"nobody\"]", 2, "an address like"),
        ("[inbox]\n\nname = \"a\\nb\"", 3, "control characters"),
        ("[sender]\ntrusted_networks = [\"10.0.0.0/33\"]", 2, "a network like"),
        ("[outbox]\nkind = \"pigeon\"", 2, "maildir, sendmail or smtp"),
        ("[limits]\nrecipients = 0", 2, "from 1 to"),
        ("[log]\nformat = \"xml\"", 2, "text or json"),
    ];
    for (text, line, expected) in cases {
        let error = parse(text).expect_err(text);
        assert_eq!(error.line, Some(line), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn secrets_come_from_the_environment_and_are_never_shown() {
    let text = "[outbox]\nkind = \"smtp\"\nhost = \"relay.example\"\nuser = \"u\"\npassword = \"in-file\"";
    let config = Config::parse("f", text, &Flags::default(), &|name| {
        (name == "BYPOST_OUTBOX_PASSWORD").then(|| "from-environment".to_owned())
    });
    let config = config.expect("valid");
    let Route::Smtp(relay) = &config.outbox.route else { panic!("a relay") };
    let (_, password) = relay.login.as_ref().expect("login");
    assert_eq!(secrecy::ExposeSecret::expose_secret(password), "from-environment");
    assert!(!format!("{config:?}").contains("from-environment"));
    assert!(
        parse("[webhook]\nurl = \"https://a.example/text\"")
            .is_err_and(|e| e.what.contains("BYPOST_WEBHOOK_TOKEN"))
    );
}

#[test]
fn flags_win_over_the_file() {
    let flags = Flags { smtp: Some("127.0.0.1:0".into()), http: Some("off".into()), ..Flags::default() };
    let config = Config::parse("f", "[smtp]\nlisten = [\"127.0.0.1:25\"]", &flags, &|_| None).expect("valid");
    assert_eq!(config.smtp.iter().map(SocketAddr::port).collect::<Vec<_>>(), [0]);
    assert!(config.http.is_empty());
}

use std::net::SocketAddr;
