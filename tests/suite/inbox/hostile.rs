//! Clients that mean harm, and clients that are only slow.

use super::{Client, Inbox, forward};

/// Whether the inbox still does its work.
async fn is_well(inbox: &Inbox, id: &str) -> bool {
    inbox.send("ana@person.example", &forward("ana@person.example", id)).await.starts_with("250 ")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_talks_before_the_greeting_is_refused() {
    let inbox =
        Inbox::start("[sender]\ntrusted_networks = []\n[limits]\ngreeting_milliseconds = 60000").await;
    let mut stream = tokio::net::TcpStream::connect(inbox.address("smtp")).await.expect("connects");
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"EHLO early\r\n").await.expect("written");
    let mut said = Vec::new();
    // A reset after the words is an end too.
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut said).await;
    assert_eq!(String::from_utf8_lossy(&said), "554 5.5.1 You talked before the greeting\r\n");
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_and_endless_clients_are_hung_up_on() {
    let inbox = Inbox::start("[limits]\ncommand_seconds = 1\nsession_seconds = 2").await;
    let mut silent = Client::connect(inbox.address("smtp")).await;
    assert_eq!(silent.rest().await, "421 4.4.2 You were silent for too long\r\n");
    let mut slow = Client::connect(inbox.address("smtp")).await;
    let dripping = async {
        loop {
            slow.write(b"x").await;
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    // One byte at a time keeps a session alive for as long as a session may take.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(4), dripping).await;
    assert_eq!(slow.rest().await, "421 4.4.2 The session takes too long\r\n");
    assert!(is_well(&inbox, "1").await);
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_take_all_places() {
    let inbox = Inbox::start("[sender]\ntrusted_networks = []\n[limits]\nconnections_per_address = 2\ngreeting_milliseconds = 0\nmessages_per_minute = 2").await;
    let mut first = Client::connect(inbox.address("smtp")).await;
    let _second = Client::connect(inbox.address("smtp")).await;
    let third = Client::connect(inbox.address("smtp")).await;
    assert!(third.greeting.starts_with("421 4.7.0"), "{}", third.greeting);
    first.hello("EHLO").await;
    for n in 0..2 {
        assert!(
            first
                .mail("a@b.example", "check@localhost", &format!("Subject: {n}\r\n\r\nx"))
                .await
                .starts_with("250")
        );
    }
    assert!(first.command("MAIL FROM:<a@b.example>").await.starts_with("450 4.7.1"));
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_are_bounded() {
    let inbox = Inbox::start("[limits]\nconnections = 50").await;
    let address = inbox.address("smtp");
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(Client::connect(address).await);
    }
    let mut refused = 0;
    for _ in 0..100 {
        let round: Vec<_> = (0..100).map(|_| tokio::spawn(Client::try_connect(address))).collect();
        for task in round {
            // A connection that is cut before it is answered is refused as well.
            let greeting = task.await.expect("joined").map(|c| c.greeting).unwrap_or_default();
            assert!(greeting.is_empty() || greeting.starts_with("421 4.3.2"), "{greeting}");
            refused += 1;
        }
    }
    assert_eq!(refused, 10_000);
    drop(held);
    let well = super::eventually(async || {
        let mut client = Client::try_connect(address).await.ok()?;
        (client.greeting.starts_with("220") && client.hello("EHLO").await.starts_with("250")).then_some(())
    });
    well.await;
    assert!(is_well(&inbox, "1").await);
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_nonsense_gets_its_codes() {
    let inbox = Inbox::start("").await;
    let mut client = Client::connect(inbox.address("smtp")).await;
    let nonsense =
        format!("EHLO x\r\n{}QUIT\r\n", "NONSENSE \u{0}\u{7f}\r\nRCPT TO:<>\r\nDATA\r\n".repeat(3));
    client.write(nonsense.replace('\0', "").as_bytes()).await;
    let said = client.rest().await;
    let codes: Vec<&str> =
        said.lines().filter(|l| l.as_bytes().get(3) == Some(&b' ')).map(|l| &l[..3]).collect();
    assert_eq!(
        codes,
        ["250", "500", "503", "503", "500", "503", "503", "500", "503", "503", "221"],
        "{said}"
    );
    let mut cut = Client::connect(inbox.address("smtp")).await;
    cut.hello("EHLO").await;
    for line in ["MAIL FROM:<ana@person.example>", "RCPT TO:<check@localhost>", "DATA"] {
        cut.command(line).await;
    }
    cut.write(b"Subject: half\r\n\r\nhalf a message").await;
    drop(cut);
    assert!(is_well(&inbox, "1").await);
    let rows = inbox.settled(1).await;
    assert_eq!(rows.len(), 1, "half a message is none");
    inbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_tells_clients_and_loses_nothing() {
    let inbox = Inbox::start("").await;
    let mut waiting = Client::connect(inbox.address("smtp")).await;
    waiting.hello("EHLO").await;
    assert!(is_well(&inbox, "1").await);
    let dir = inbox.stop().await;
    assert_eq!(waiting.reply().await, "421 4.3.2 Shutting down; try again later\r\n");
    let inbox = Inbox::start_in(dir, "").await;
    assert_eq!(inbox.settled(1).await[0].state, "answered");
    inbox.stop().await;
}
