//! The other doors: LMTP, STARTTLS, Maildir, webhook, health.

use std::sync::Arc;

use ring::hmac;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Client, Inbox, SCAM, eventually, forward};

#[tokio::test(flavor = "multi_thread")]
async fn lmtp_takes_a_message() {
    let inbox = Inbox::start("").await;
    let mut client = Client::connect(inbox.address("lmtp")).await;
    assert!(client.hello("LHLO").await.starts_with("250"));
    let mail = forward("ana@person.example", "1");
    assert!(client.mail("ana@person.example", "check@localhost", &mail).await.starts_with("250 2.0.0"));
    let row = inbox.settled(1).await.remove(0);
    assert_eq!((row.door.as_str(), row.state.as_str()), ("lmtp", "answered"));
    inbox.stop().await;
}

fn keys() -> String {
    let path = |name: &str| std::path::Path::new("tests/keys").join(name).canonicalize().expect("key");
    format!(
        "[tls]\ncertificate = \"{}\"\nkey = \"{}\"",
        path("tls-certificate.pem").display(),
        path("tls-key.pem").display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn starttls_protects_the_rest_of_the_session() {
    let inbox = Inbox::start(&keys()).await;
    let mut client = Client::connect(inbox.address("smtp")).await;
    assert!(client.hello("EHLO").await.contains("STARTTLS"));
    assert!(client.command("STARTTLS").await.starts_with("220"));
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file("tests/keys/tls-certificate.pem").expect("PEM"))
        .expect("certificate");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions");
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("inbox.example").expect("name");
    let mut tls =
        TlsConnector::from(Arc::new(config)).connect(name, client.into_stream()).await.expect("TLS");
    let input = format!(
        "EHLO x\r\nMAIL FROM:<ana@person.example>\r\nRCPT TO:<check@localhost>\r\nDATA\r\n{}\r\n.\r\nQUIT\r\n",
        forward("ana@person.example", "1")
    );
    tls.write_all(input.as_bytes()).await.expect("written");
    let mut said = Vec::new();
    // The server may close without the TLS goodbye.
    let _ = tls.read_to_end(&mut said).await;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("250 2.0.0 Taken") && said.ends_with("221 2.0.0 Goodbye\r\n"), "{said}");
    assert!(!said.contains("STARTTLS"));
    assert_eq!(inbox.settled(1).await[0].state, "answered");
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maildir_is_watched() {
    let inbox = Inbox::start("[[maildir]]\npath = \"DIR/mail\"\nrescan_seconds = 1\n[sender]\ntrusted_addresses = [\"ana@person.example\"]").await;
    let mail = inbox.dir.path().join("mail");
    for dir in ["tmp", "new", "cur"] {
        std::fs::create_dir_all(mail.join(dir)).expect("directory");
    }
    let put = |name: &str, text: String| {
        std::fs::write(mail.join("tmp").join(name), text).expect("written");
        std::fs::rename(mail.join("tmp").join(name), mail.join("new").join(name)).expect("moved");
    };
    put("1.x", format!("Return-Path: <ana@person.example>\r\n{}", forward("ana@person.example", "1")));
    put("2.x", format!("Return-Path: <>\r\n{}", forward("ana@person.example", "2")));
    let rows = inbox.settled(2).await;
    let outcomes: Vec<_> = rows.iter().map(|r| (r.door.as_str(), r.reason.as_deref())).collect();
    assert_eq!(outcomes, [("maildir", None), ("maildir", Some("null-sender"))]);
    let moved = async || (std::fs::read_dir(mail.join("new")).expect("new").count() == 0).then_some(());
    eventually(moved).await;
    assert!(mail.join("cur/1.x:2,S").exists());
    inbox.stop().await;
}

/// One HTTP request on a connection of its own; status line, header and body of the response.
async fn http(inbox: &Inbox, request: &str) -> String {
    let mut stream = TcpStream::connect(inbox.address("http")).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut response = String::new();
    stream.read_to_string(&mut response).await.expect("read");
    response
}

async fn get(inbox: &Inbox, path: &str) -> String {
    http(inbox, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
}

const HOOK: &str = "[webhook]\nurl = \"https://mail.inbox.example/text?a=1\"\ntoken = \"secret\"\n";

/// A form as the provider posts it, signed with `token`.
async fn text(inbox: &Inbox, token: &str, fields: &[(&str, &str)]) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let signed: String = sorted.iter().map(|(k, v)| format!("{k}{v}")).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    let tag = hmac::sign(&key, format!("https://mail.inbox.example/text?a=1{signed}").as_bytes());
    let signature = data_encoding::BASE64.encode(tag.as_ref());
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let length = body.len();
    http(
        inbox,
        &format!(
            "POST /text?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Twilio-Signature: {signature}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_answers_signed_texts() {
    let inbox = Inbox::start(HOOK).await;
    let fields = [("From", "+12025550100"), ("Body", SCAM), ("MessageSid", "SM1")];
    let answer = text(&inbox, "secret", &fields).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("application/xml"), "{answer}");
    let words =
        answer.split_once("<Message>").and_then(|(_, w)| w.split_once("</Message>")).expect("words").0;
    assert!(words.contains("strong signs of a scam") && words.chars().count() <= 300, "{words}");
    let again = text(&inbox, "secret", &fields).await;
    assert!(
        again.ends_with("<Response></Response>"),
        "a repeat of the request is not answered twice: {again}"
    );
    let rows = inbox.settled(2).await;
    assert_eq!((rows[0].state.as_str(), rows[0].door.as_str()), ("answered", "webhook"));
    assert!(inbox.answers().is_empty(), "texts are not answered by mail");
    let stop =
        text(&inbox, "secret", &[("From", "+12025550100"), ("Body", "STOP"), ("MessageSid", "SM2")]).await;
    assert!(stop.contains("have been erased"), "{stop}");
    let rows = inbox.serve.desk().journal().latest(None, 9).await.expect("read");
    assert!(rows.iter().all(|r| r.sender.is_empty()), "{rows:?}");
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_refuses_what_is_not_signed() {
    let inbox = Inbox::start(HOOK).await;
    let fields = [("From", "+12025550100"), ("Body", SCAM)];
    assert!(text(&inbox, "guessed", &fields).await.starts_with("HTTP/1.1 403"));
    assert!(
        text(&inbox, "secret", &[("From", "not a number"), ("Body", "x")]).await.starts_with("HTTP/1.1 400")
    );
    assert!(text(&inbox, "secret", &[("Body", "x")]).await.starts_with("HTTP/1.1 400"));
    let large = "x".repeat(100_000);
    assert!(
        text(&inbox, "secret", &[("From", "+12025550100"), ("Body", &large)])
            .await
            .starts_with("HTTP/1.1 413")
    );
    assert!(inbox.serve.desk().journal().latest(None, 9).await.expect("read").is_empty());
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_numbers_are_served() {
    let inbox = Inbox::start("").await;
    inbox.send("ana@person.example", &forward("ana@person.example", "1")).await;
    inbox.settled(1).await;
    assert!(get(&inbox, "/healthz").await.ends_with("ok\n"));
    assert!(get(&inbox, "/readyz").await.ends_with("ready\n"));
    let numbers = get(&inbox, "/metrics").await;
    assert!(numbers.contains("bypost_messages{state=\"answered\"}"), "{numbers}");
    assert!(!numbers.contains("person.example"));
    assert!(get(&inbox, "/text").await.starts_with("HTTP/1.1 404"));
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_data_directory_has_one_service() {
    let inbox = Inbox::start("").await;
    let flags = bypost::config::Flags { data_dir: Some(inbox.dir.path().to_owned()), ..Default::default() };
    let config = bypost::config::Config::parse("test", "", &flags, &|_| None).expect("valid");
    let second = bypost::serve::Serve::open(config).await;
    assert!(second.is_err_and(|e| e.to_string().contains("another bypost")));
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_reload_keeps_the_old_settings() {
    let inbox = Inbox::start("").await;
    let config =
        |text: &str| bypost::config::Config::parse("t", text, &Default::default(), &|_| None).expect("valid");
    let before = inbox.serve.desk().service().engine();
    assert!(inbox.serve.reload(&config("[engine]\ndata = \"/no/such/directory\"")).is_err());
    assert!(Arc::ptr_eq(&before, &inbox.serve.desk().service().engine()));
    inbox.serve.reload(&config("[inbox]\naddresses = [\"new@inbox.example\"]")).expect("reloads");
    assert!(inbox.send("ana@person.example", &forward("ana@person.example", "1")).await.starts_with("550"));
    inbox.stop().await;
}
