//! Answers to a relay that has its moods.

use super::sink::{Mood, Sink};
use super::{Inbox, eventually, field, forward};

async fn inbox(sink: &Sink, more: &str) -> Inbox {
    let port = sink.address.port();
    Inbox::start(&format!(
        "[outbox]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nretry_seconds = 1\ntimeout_seconds = 1\n{more}"
    ))
    .await
}

async fn forward_one(inbox: &Inbox) {
    assert!(inbox.send("ana@person.example", &forward("ana@person.example", "1")).await.starts_with("250 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_go_out_with_the_null_sender() {
    let sink = Sink::start(Mood::Takes).await;
    let inbox = inbox(&sink, "").await;
    forward_one(&inbox).await;
    assert_eq!(inbox.settled(1).await[0].state, "answered");
    let taken = sink.taken().remove(0);
    assert_eq!((taken.sender.as_str(), taken.recipient.as_str()), ("", "ana@person.example"));
    assert!(!taken.message.contains("Return-Path"));
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again_with_the_same_message_id() {
    for mood in [Mood::Later, Mood::Silent, Mood::HangsUp] {
        let sink = Sink::start(mood).await;
        let inbox = inbox(&sink, "").await;
        forward_one(&inbox).await;
        let journal = inbox.serve.desk().journal();
        let tried =
            async || journal.latest(None, 1).await.expect("read").into_iter().find(|r| r.attempts > 0);
        let row = eventually(tried).await;
        assert_eq!(row.state, "answering", "{mood:?}");
        sink.be(Mood::Takes);
        assert_eq!(inbox.settled(1).await[0].state, "answered", "{mood:?}");
        let ids: std::collections::BTreeSet<_> =
            sink.taken().iter().map(|t| field(&t.message, "Message-ID")).collect();
        assert_eq!(ids.len(), 1, "{mood:?}: {ids:?}");
        inbox.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_never_work_fails_at_once() {
    let sink = Sink::start(Mood::Never).await;
    let inbox = inbox(&sink, "").await;
    forward_one(&inbox).await;
    let row = inbox.settled(1).await.remove(0);
    assert_eq!(row.state, "failed");
    assert!(row.reason.as_deref().is_some_and(|r| r.contains("no such person")), "{row:?}");
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_down_loses_nothing() {
    let sink = Sink::start(Mood::Takes).await;
    let gone =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds").local_addr().expect("address");
    let text = format!(
        "[outbox]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nretry_seconds = 1\n",
        gone.port()
    );
    let inbox = Inbox::start(&text).await;
    forward_one(&inbox).await;
    let journal = inbox.serve.desk().journal();
    let tried = async || journal.latest(None, 1).await.expect("read").into_iter().find(|r| r.attempts > 0);
    assert_eq!(eventually(tried).await.state, "answering");
    let dir = inbox.stop().await;
    let back = text.replace(&gone.port().to_string(), &sink.address.port().to_string());
    let inbox = Inbox::start_in(dir, &back).await;
    assert_eq!(inbox.settled(1).await[0].state, "answered");
    assert_eq!(sink.taken().len(), 1);
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_signed_where_there_is_a_key() {
    let sink = Sink::start(Mood::Takes).await;
    let key = std::path::Path::new("tests/keys/dkim-key.pem").canonicalize().expect("key");
    let dkim =
        format!("[outbox.dkim]\ndomain = \"localhost\"\nselector = \"s1\"\nkey = \"{}\"", key.display());
    let inbox = inbox(&sink, &dkim).await;
    forward_one(&inbox).await;
    inbox.settled(1).await;
    let message = sink.taken().remove(0).message;
    assert!(message.starts_with("DKIM-Signature: v=1; a=rsa-sha256; s=s1; d=localhost;"), "{message}");
    inbox.stop().await;
}
