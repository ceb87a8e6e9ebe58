//! What people send, and what they get.

use super::{Inbox, SCAM, eventually, field, forward, mail};

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_is_answered_with_nothing_configured() {
    let inbox = Inbox::start("").await;
    assert!(inbox.send("ana@person.example", &forward("ana@person.example", "1")).await.starts_with("250 "));
    let row = inbox.settled(1).await.remove(0);
    assert_eq!((row.state.as_str(), row.label.as_deref()), ("answered", Some("scam")));
    let answer = inbox.answers().remove(0);
    let expected = [
        ("Return-Path", "<>"),
        ("From", "bypost <check@localhost>"),
        ("To", "ana@person.example"),
        ("Subject", "Re: your check"),
        ("In-Reply-To", "<1@person.example>"),
        ("References", "<1@person.example>"),
        ("Auto-Submitted", "auto-replied"),
        ("X-Auto-Response-Suppress", "All"),
        ("Message-ID", row.message_id.as_deref().unwrap_or_default()),
    ];
    for (name, value) in expected {
        assert_eq!(field(&answer, name), value, "{name}");
    }
    assert_eq!(row.message_id, Some(format!("<{}.answer@localhost>", row.id)));
    assert!(answer.contains("strong signs of a scam"), "{answer}");
    for live in ["202-555-0123", "irs-gov.example", "Final notice", "2,430", "http"] {
        assert!(!answer.contains(live), "{live} is in the answer:\n{answer}");
    }
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_the_verdict_has_no_text_and_no_numbers() {
    let inbox = Inbox::start("").await;
    inbox.send("ana@person.example", &forward("ana@person.example", "1")).await;
    let row = inbox.settled(1).await.remove(0);
    let report = inbox.serve.desk().journal().report(&row.id).await.expect("read").expect("kept");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let text = report.to_string();
    assert_eq!(report[0]["label"], "scam");
    assert!(report[0]["markers"].as_array().is_some_and(|m| !m.is_empty()));
    assert!(report[0]["suspect"].get("text").is_none() && !text.contains("202-555-0123"), "{text}");
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pasted_words_are_judged_as_a_text() {
    let inbox = Inbox::start("").await;
    inbox
        .send("ana@person.example", &mail("ana@person.example", "1", "Subject: got this text\r\n", SCAM))
        .await;
    let row = inbox.settled(1).await.remove(0);
    assert_eq!((row.state.as_str(), row.label.as_deref()), ("answered", Some("scam")));
    let report = inbox.serve.desk().journal().report(&row.id).await.expect("read").expect("kept");
    assert!(report.contains("\"channel\":\"text\""), "{report}");
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_forwards_are_answered_in_one_mail() {
    let inbox = Inbox::start("[answers]\nforwards_per_mail = 2").await;
    let part = |n: u8, body: &str| {
        format!(
            "--b\nContent-Type: message/rfc822\n\nFrom: x{n}@irs.example\nTo: ana@person.example\nMessage-ID: <{n}@irs.example>\nSubject: s{n}\n\n{body}\n\n"
        )
    };
    let body = format!(
        "--b\nContent-Type: text/plain\n\nI already bought the gift cards and sent the numbers.\n\n{}{}{}--b--\n",
        part(1, "See you at the library at six. Love, Bob"),
        part(2, SCAM),
        part(3, "third")
    );
    let head = "Subject: Fwd: two\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n";
    inbox.send("ana@person.example", &mail("ana@person.example", "1", head, &body)).await;
    let row = inbox.settled(1).await.remove(0);
    assert_eq!((row.kind.as_deref(), row.label.as_deref()), (Some("several"), Some("scam")));
    let answers = inbox.answers();
    assert_eq!(answers.len(), 1);
    for words in
        ["Message 1 of 3", "Message 2 of 3", "no scam signs", "strong signs of a scam", "the first 2"]
    {
        assert!(answers[0].contains(words), "{words}: {}", answers[0]);
    }
    assert!(answers[0].contains("Do this first"), "what they already did comes first: {}", answers[0]);
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_judge_gets_help_once_a_day() {
    let inbox = Inbox::start("").await;
    for id in ["1", "2"] {
        inbox
            .send(
                "ana@person.example",
                &mail("ana@person.example", id, "Subject: hi\r\n", "Sent from my phone"),
            )
            .await;
        inbox.settled(id.parse().expect("number")).await;
    }
    let rows = inbox.settled(2).await;
    let outcomes: Vec<_> = rows.iter().map(|r| (r.state.as_str(), r.reason.as_deref())).collect();
    assert_eq!(outcomes, [("answered", None), ("not-to-be-answered", Some("helped"))]);
    assert!(inbox.answers()[0].contains("attachment works best"));
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_erases_what_the_sender_sent() {
    let inbox = Inbox::start("").await;
    inbox.send("ana@person.example", &forward("ana@person.example", "1")).await;
    inbox.send("bob@person.example", &forward("bob@person.example", "2")).await;
    let rows = inbox.settled(2).await;
    inbox.send("ana@person.example", &mail("ana@person.example", "3", "Subject: STOP\r\n", "")).await;
    let journal = inbox.serve.desk().journal();
    let first = rows.iter().find(|r| r.sender == "ana@person.example").expect("Ana's").id.clone();
    let gone = async || {
        let rows = journal.latest(None, 9).await.expect("read");
        (rows.len() == 3 && !rows.iter().any(|r| r.sender == "ana@person.example")).then_some(())
    };
    eventually(gone).await;
    assert_eq!(journal.original(&first).await.expect("read"), None);
    assert!(inbox.answers().iter().any(|a| a.contains("have been erased")));
    let bob =
        journal.latest(None, 9).await.expect("read").into_iter().find(|r| r.sender == "bob@person.example");
    assert!(journal.original(&bob.expect("Bob's").id).await.expect("read").is_some());
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known_is_held() {
    let inbox =
        Inbox::start("[sender]\ntrusted_networks = []\ndns = []\ntrusted_authserv = [\"mx.inbox.example\"]")
            .await;
    inbox.send("ana@person.example", &forward("ana@person.example", "1")).await;
    let claimed = forward("ana@person.example", "2");
    let forged =
        format!("Authentication-Results: evil.example; spf=pass smtp.mailfrom=person.example\r\n{claimed}");
    inbox.send("ana@person.example", &forged).await;
    let known = forward("ana@person.example", "3");
    let proved =
        format!("Authentication-Results: mx.inbox.example; dkim=pass header.d=person.example\r\n{known}");
    inbox.send("ana@person.example", &proved).await;
    inbox.send("bob@person.example", &mail("bob@person.example", "4", "Subject: STOP\r\n", "")).await;
    let states: Vec<_> = inbox.settled(4).await.iter().map(|r| (r.state.clone(), r.reason.clone())).collect();
    let held = ("held".to_owned(), Some("unproven".to_owned()));
    assert_eq!(states, [held.clone(), held.clone(), ("answered".into(), None), held]);
    assert_eq!(inbox.answers().len(), 1);
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_and_say_so() {
    let inbox = Inbox::start("[answers]\nper_sender_hour = 2").await;
    for n in 1..=4 {
        inbox.send("ana@person.example", &forward("ana@person.example", &n.to_string())).await;
        inbox.settled(n).await;
    }
    let rows = inbox.settled(4).await;
    let reasons: Vec<_> = rows.iter().filter_map(|r| r.reason.as_deref()).collect();
    assert_eq!(reasons, ["sender-limit", "sender-limit"]);
    assert_eq!(inbox.answers().len(), 2);
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_it_stopped() {
    let inbox = Inbox::start("").await;
    inbox.send("ana@person.example", &forward("ana@person.example", "1")).await;
    let dir = inbox.stop().await;
    let inbox = Inbox::start_in(dir, "").await;
    inbox.send("ana@person.example", &forward("ana@person.example", "1")).await;
    let rows = inbox.settled(2).await;
    assert_eq!(rows[0].state, "answered");
    assert_eq!(rows[1].reason.as_deref(), Some("answered"), "the same message is answered once");
    assert_eq!(inbox.answers().len(), 1);
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn carriers_text_gateways_get_short_answers() {
    let inbox = Inbox::start("[inbox]\ntext_gateways = [\"text.carrier.example\"]").await;
    let text = mail("2025550123@text.carrier.example", "1", "Subject: \r\n", SCAM);
    inbox.send("2025550123@text.carrier.example", &text).await;
    assert_eq!(inbox.settled(1).await[0].label.as_deref(), Some("scam"));
    let answer = inbox.answers().remove(0);
    let body = answer.split_once("\r\n\r\n").expect("body").1.replace("=\r\n", "");
    assert!(body.trim().chars().count() <= 300, "{body}");
    assert!(!answer.contains("multipart"), "{answer}");
    inbox.stop().await;
}

/// Mail that no person wrote, each settles without an answer.
#[tokio::test(flavor = "multi_thread")]
async fn machines_get_no_answer() {
    let inbox = Inbox::start("[answers]\nown_domains = [\"ours.example\"]").await;
    let from = "ana@person.example";
    let report =
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\nMIME-Version: 1.0\r\n";
    let cases = [
        ("", "null-sender", String::new()),
        ("MAILER-DAEMON@mx.example", "daemon-sender", String::new()),
        ("no-reply@shop.example", "no-reply-sender", String::new()),
        ("check@localhost", "own-address", String::new()),
        ("x@ours.example", "own-domain", String::new()),
        (from, "auto-submitted", "Auto-Submitted: auto-replied (vacation)\r\n".into()),
        (from, "auto-submitted", "Auto-Submitted: auto-generated\r\n".into()),
        (from, "precedence", "Precedence: bulk\r\n".into()),
        (from, "list", "List-Id: friends <friends.lists.example>\r\n".into()),
        (from, "report", report.into()),
        (from, "auto-response-suppress", "X-Auto-Response-Suppress: DR, OOF\r\n".into()),
        (from, "auto-reply", "X-Autoreply: yes\r\n".into()),
        (from, "own-answer", "X-Loop: check@localhost\r\n".into()),
        (from, "too-many-hops", "Received: from a by b; Mon, 21 Sep 2026 10:00:00 +0000\r\n".repeat(60)),
        (from, "thanks", "In-Reply-To: <0190.answer@localhost>\r\n".into()),
    ];
    for (n, (sender, _, head)) in cases.iter().enumerate() {
        let head = format!("Subject: hello\r\n{head}");
        assert!(inbox.send(sender, &mail(from, &n.to_string(), &head, SCAM)).await.starts_with("250 "));
    }
    let rows = inbox.settled(cases.len()).await;
    let reasons: Vec<_> = rows.iter().map(|r| r.reason.clone().unwrap_or_default()).collect();
    assert_eq!(reasons, cases.each_ref().map(|(_, reason, _)| (*reason).to_owned()));
    assert!(inbox.answers().is_empty());
    inbox.stop().await;
}

/// Answers fed back into an inbox, as a vacation responder, a list or another bypost would.
#[tokio::test(flavor = "multi_thread")]
async fn loops_settle_at_one_answer() {
    let one = Inbox::start("[inbox]\naddresses = [\"check@one.example\"]").await;
    let two = Inbox::start("[inbox]\naddresses = [\"check@two.example\"]").await;
    let relay = async |to: &Inbox, sender: &str, recipient: &str, mail: &str| {
        let mut client = super::Client::connect(to.address("smtp")).await;
        client.hello("EHLO").await;
        assert!(client.mail(sender, recipient, mail).await.starts_with("250 "));
    };
    // The second inbox is the sender of a forward to the first: the answer comes back to it, however it is delivered.
    relay(&one, "check@two.example", "check@one.example", &forward("check@two.example", "1")).await;
    assert_eq!(one.settled(1).await[0].state, "answered");
    let answer = one.answers().remove(0);
    relay(&two, "", "check@two.example", &answer).await;
    relay(&two, "check@one.example", "check@two.example", &answer).await;
    let reasons: Vec<_> = two.settled(2).await.iter().map(|r| r.reason.clone().unwrap_or_default()).collect();
    assert_eq!(reasons, ["null-sender", "auto-submitted"]);
    // A vacation responder answers the answer, and a list sends the forward to the inbox once more for each member.
    let vacation = mail(
        "ana@person.example",
        "v",
        "Subject: Away\r\nAuto-Submitted: auto-replied\r\n",
        "I am away until Monday.",
    );
    relay(&one, "ana@person.example", "check@one.example", &vacation).await;
    // A responder that says nothing of itself but answers our message.
    let id = field(&answer, "Message-ID");
    let rude = mail(
        "ana@person.example",
        "r",
        &format!("Subject: Away\r\nIn-Reply-To: {id}\r\n"),
        "I am away until Monday.",
    );
    relay(&one, "ana@person.example", "check@one.example", &rude).await;
    for n in 0..20 {
        relay(
            &one,
            "",
            "check@one.example",
            &mail("x@y.example", &format!("b{n}"), "Subject: Undelivered\r\n", SCAM),
        )
        .await;
    }
    let rows = one.settled(23).await;
    assert_eq!(rows.iter().filter(|r| r.state == "answered").count(), 1);
    assert_eq!(one.answers().len(), 1);
    assert!(two.answers().is_empty());
    one.stop().await;
    two.stop().await;
}
