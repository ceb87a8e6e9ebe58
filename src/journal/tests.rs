//! The journal on a real database.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::config::{Config, Flags};
use crate::guards::{Decision, Kind, Letter, Proof, Refusal};
use crate::message::outer::Signs;

struct Fixture {
    journal: Journal,
    now: Arc<AtomicI64>,
    dir: tempfile::TempDir,
}

const HOUR: i64 = 3_600_000;

fn url(dir: &tempfile::TempDir) -> SecretString {
    format!("sqlite://{}?mode=rwc", Journal::file_in(dir.path()).display()).into()
}

fn policy() -> Arc<arc_swap::ArcSwap<Policy>> {
    let text = "[answers]\nper_sender_hour = 2\nper_hour = 5";
    let config = Config::parse("test", text, &Flags::default(), &|_| None).expect("valid");
    Arc::new(arc_swap::ArcSwap::from_pointee(Policy { inbox: config.inbox, answers: config.answers }))
}

async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().expect("directory");
    let now = Arc::new(AtomicI64::new(1_000 * HOUR));
    let clock = Arc::clone(&now);
    let clock: Clock = Arc::new(move || clock.load(Ordering::SeqCst));
    let journal = Journal::open(&url(&dir), clock, policy()).await.expect("journal");
    Fixture { journal, now, dir }
}

fn incoming(sender: &str, body: &str) -> Incoming {
    Incoming {
        id: Incoming::new_id(),
        door: "smtp",
        client: Some("192.0.2.1".parse().expect("ip")),
        helo: "client.example".into(),
        sender: sender.into(),
        recipient: "check@localhost".into(),
        text: false,
        mark: String::new(),
        bytes: format!("Subject: x\r\n\r\n{body}").into_bytes().into(),
    }
}

fn judged(sender: &str, kind: Kind) -> Arc<Judged> {
    Arc::new(Judged {
        letter: Letter {
            sender: sender.into(),
            signs: Signs::default(),
            proof: Proof::Network,
            kind,
            thanks: false,
            ours: false,
        },
        label: Some("scam"),
        score: Some(0.9),
        report: "[]".into(),
        answer: b"answer".to_vec(),
        message_id: "<m>".into(),
    })
}

impl Fixture {
    async fn take(&self, sender: &str, body: &str) -> String {
        let message = incoming(sender, body);
        let id = message.id.clone();
        self.journal.accept(message).await.expect("accepted");
        id
    }

    async fn decide(&self, id: &str, sender: &str, kind: Kind) -> Decision {
        self.journal.commit(Change::Judge(id.into(), judged(sender, kind))).await.expect("judged");
        match self.journal.commit(Change::Decide(id.into())).await.expect("decided") {
            Effect::Decided(decision) => decision,
            other => panic!("{other:?}"),
        }
    }

    /// Takes and decides a message; the guard's id, or nothing for an answer.
    async fn outcome(&self, sender: &str, body: &str, kind: Kind) -> &'static str {
        let id = self.take(sender, body).await;
        match self.decide(&id, sender, kind).await {
            Decision::Answer => "",
            Decision::Refuse(_, guard) => guard,
        }
    }

    async fn state(&self, id: &str) -> String {
        self.journal.find(id).await.expect("read").expect("there").state
    }
}

#[tokio::test]
async fn a_message_goes_through_its_states() {
    let f = fixture().await;
    let id = f.take("ana@person.example", "one").await;
    assert_eq!(f.state(&id).await, "received");
    assert_eq!(f.journal.original(&id).await.expect("read").as_deref(), Some(&b"Subject: x\r\n\r\none"[..]));
    assert_eq!(f.decide(&id, "ana@person.example", Kind::Verdict).await, Decision::Answer);
    assert_eq!(f.state(&id).await, "answering");
    assert_eq!(f.journal.due(State::Answering, 9).await.expect("due").len(), 1);
    f.journal.commit(Change::Again(id.clone(), f.journal.now() + 60)).await.expect("again");
    assert!(f.journal.due(State::Answering, 9).await.expect("due").is_empty());
    assert_eq!(f.journal.next_due(State::Answering).await.expect("due"), Some(f.journal.now() + 60));
    assert_eq!(f.journal.commit(Change::Answered(id.clone())).await.expect("answered"), Effect::Done);
    let again = f.journal.commit(Change::Answered(id.clone())).await.expect("answered");
    assert_eq!(again, Effect::Nothing, "a move is made once");
    assert_eq!(f.state(&id).await, "answered");
    assert_eq!(f.journal.commit(Change::Decide(id)).await.expect("decided"), Effect::Nothing);
}

#[tokio::test]
async fn the_same_message_is_answered_once() {
    let f = fixture().await;
    assert_eq!(f.outcome("ana@person.example", "same", Kind::Verdict).await, "");
    assert_eq!(f.outcome("ANA@person.example", "same", Kind::Verdict).await, "answered");
    assert_eq!(f.outcome("bob@person.example", "same", Kind::Verdict).await, "");
    let traced = Incoming {
        bytes: b"Received: from x\r\n\tby y\r\nSubject: x\r\n\r\nsame".to_vec().into(),
        ..incoming("ana@person.example", "")
    };
    assert_eq!(traced.fingerprint(), incoming("ana@person.example", "same").fingerprint());
    let marked = Incoming { mark: "2".into(), ..incoming("ana@person.example", "same") };
    assert_ne!(marked.fingerprint(), traced.fingerprint());
}

#[tokio::test]
async fn limits_count_the_last_hour() {
    let f = fixture().await;
    for n in 0..2 {
        assert_eq!(f.outcome("ana@person.example", &format!("{n}"), Kind::Verdict).await, "");
    }
    assert_eq!(f.outcome("ana@person.example", "third", Kind::Verdict).await, "sender-limit");
    for n in 0..3 {
        assert_eq!(f.outcome(&format!("p{n}@person.example"), "x", Kind::Verdict).await, "");
    }
    assert_eq!(f.outcome("late@person.example", "x", Kind::Verdict).await, "breaker");
    f.now.fetch_add(HOUR + 60_000, Ordering::SeqCst);
    assert_eq!(f.outcome("ana@person.example", "fourth", Kind::Verdict).await, "");
}

#[tokio::test]
async fn help_is_given_once_a_day() {
    let f = fixture().await;
    assert_eq!(f.outcome("ana@person.example", "1", Kind::Help).await, "");
    f.now.fetch_add(2 * HOUR, Ordering::SeqCst);
    assert_eq!(f.outcome("ana@person.example", "2", Kind::Help).await, "helped");
    f.now.fetch_add(23 * HOUR, Ordering::SeqCst);
    assert_eq!(f.outcome("ana@person.example", "3", Kind::Help).await, "");
}

#[tokio::test]
async fn what_is_refused_keeps_no_answer() {
    let f = fixture().await;
    let id = f.take("", "x").await;
    let decision = f.decide(&id, "", Kind::Verdict).await;
    assert_eq!(decision, Decision::Refuse(Refusal::Never, "null-sender"));
    let row = f.journal.find(&id).await.expect("read").expect("there");
    assert_eq!((row.state.as_str(), row.reason.as_deref()), ("not-to-be-answered", Some("null-sender")));
    assert_eq!(f.journal.answer(&id).await.expect("read"), None);
}

#[tokio::test]
async fn erasure_leaves_counts_and_no_bytes() {
    let f = fixture().await;
    let secret = "a very secret sentence that nobody may find";
    let old = f.take("ana@person.example", secret).await;
    f.decide(&old, "ana@person.example", Kind::Verdict).await;
    f.journal.commit(Change::Answered(old.clone())).await.expect("answered");
    let on_the_way = f.take("ana@person.example", "on the way").await;
    let other = f.take("bob@person.example", "other").await;
    let effect = f.journal.commit(Change::EraseSender("Ana@person.example".into())).await.expect("erased");
    assert_eq!(effect, Effect::Count(2));
    for id in [&old, &on_the_way] {
        assert_eq!(f.journal.original(id).await.expect("read"), None);
        let row = f.journal.find(id).await.expect("read").expect("kept as a count");
        assert_eq!((row.sender.as_str(), row.client), ("", None));
    }
    assert_eq!(f.state(&on_the_way).await, "not-to-be-answered");
    assert!(f.journal.original(&other).await.expect("read").is_some());
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&f.journal.pool).await.expect("checkpoint");
    let file = std::fs::read(Journal::file_in(f.dir.path())).expect("file");
    assert!(memchr::memmem::find(&file, secret.as_bytes()).is_none(), "the words are still in the file");
}

#[tokio::test]
async fn old_messages_are_erased_when_settled() {
    let f = fixture().await;
    for n in 0..3 {
        let sender = format!("p{n}@person.example");
        let id = f.take(&sender, "old").await;
        f.decide(&id, &sender, Kind::Verdict).await;
        f.journal.commit(Change::Answered(id)).await.expect("answered");
    }
    let waiting = f.take("late@person.example", "old, but not settled").await;
    f.now.fetch_add(91 * 24 * HOUR, Ordering::SeqCst);
    let new = f.take("ana@person.example", "new").await;
    let before = f.journal.now() - 90 * 24 * HOUR;
    assert_eq!(erase_before(&f.journal, before).await.expect("erased"), 3);
    assert_eq!(erase_before(&f.journal, before).await.expect("erased"), 0);
    for id in [&waiting, &new] {
        assert!(f.journal.original(id).await.expect("read").is_some());
    }
    let answered = f.journal.counts().await.expect("counts");
    assert!(answered.iter().any(|c| c.state == "answered" && c.count == 3), "{answered:?}");
}

#[tokio::test]
async fn many_writers_share_commits_and_everything_is_there_after_opening_again() {
    let f = fixture().await;
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let journal = f.journal.clone();
            tokio::spawn(async move { journal.accept(incoming(&format!("p{n}@person.example"), "x")).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("joined").expect("accepted");
    }
    let Fixture { journal, dir, .. } = f;
    drop(journal);
    let again = Journal::open(&url(&dir), system_clock(), policy()).await.expect("journal");
    assert_eq!(again.count(State::Received).await.expect("count"), 200);
}

#[tokio::test]
async fn one_bad_change_does_not_stop_the_others() {
    let f = fixture().await;
    let message = incoming("ana@person.example", "x");
    f.journal.accept(message.clone()).await.expect("accepted");
    let (twice, other) =
        tokio::join!(f.journal.accept(message), f.journal.accept(incoming("bob@person.example", "y")));
    assert!(matches!(twice, Err(JournalError::Database(_))), "{twice:?}");
    other.expect("accepted");
}

#[tokio::test]
async fn a_later_journal_is_refused() {
    let f = fixture().await;
    sqlx::query("UPDATE _sqlx_migrations SET version = version + 100")
        .execute(&f.journal.pool)
        .await
        .expect("changed");
    let opened = Journal::open(&url(&f.dir), system_clock(), policy()).await;
    assert!(opened.is_err());
}
