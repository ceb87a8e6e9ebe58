//! Every guard with what it must refuse, and what it must let pass.

use super::*;

fn policy() -> Policy {
    let config = crate::config::Config::parse(
        "test",
        "[inbox]\naddresses = [\"check@inbox.example\"]\n[answers]\nper_sender_hour = 3\nper_hour = 10\nown_domains = [\"ours.example\"]",
        &crate::config::Flags::default(),
        &|_| None,
    );
    let config = config.expect("valid");
    Policy { inbox: config.inbox, answers: config.answers }
}

fn letter() -> Letter {
    Letter {
        sender: "ana@person.example".into(),
        signs: Signs::default(),
        proof: Proof::Dkim,
        kind: Kind::Verdict,
        thanks: false,
        ours: false,
    }
}

fn decided(letter: &Letter, history: History) -> Decision {
    decide(&Facts { letter, history, policy: &policy() })
}

fn refused(change: impl FnOnce(&mut Letter, &mut History)) -> &'static str {
    let (mut letter, mut history) = (letter(), History::default());
    change(&mut letter, &mut history);
    match decided(&letter, history) {
        Decision::Answer => "",
        Decision::Refuse(_, id) => id,
    }
}

fn sender(address: &'static str) -> impl FnOnce(&mut Letter, &mut History) {
    move |l, _| l.sender = address.into()
}

#[test]
fn a_person_is_answered() {
    assert_eq!(decided(&letter(), History::default()), Decision::Answer);
    for address in
        ["norma.reply@x.example", "bob+daemon@x.example", "requests@x.example", "ana@inbox.example"]
    {
        assert_eq!(refused(sender(address)), "", "{address}");
    }
}

/// A change to a letter that a guard must refuse.
type Case = (&'static str, Box<dyn FnOnce(&mut Letter, &mut History)>);

fn signs(id: &'static str, change: fn(&mut Signs)) -> Case {
    (id, Box::new(move |l: &mut Letter, _: &mut History| change(&mut l.signs)))
}

fn cases() -> Vec<Case> {
    let from = |id, address: &'static str| -> Case { (id, Box::new(sender(address))) };
    vec![
        from("null-sender", ""),
        from("daemon-sender", "MAILER-DAEMON@mx.example"),
        from("daemon-sender", "owner-friends@lists.example"),
        from("daemon-sender", "friends-bounces+ana=x@lists.example"),
        from("no-reply-sender", "No-Reply@shop.example"),
        from("no-reply-sender", "do_not_reply+1@shop.example"),
        from("own-address", "Check@inbox.example"),
        from("own-domain", "x@ours.example"),
        ("own-answer", Box::new(|l, _| l.ours = true)),
        signs("auto-submitted", |s| s.auto_submitted = Some("auto-replied".into())),
        signs("auto-submitted", |s| s.auto_submitted = Some("auto-generated".into())),
        signs("precedence", |s| s.precedence = Some("bulk".into())),
        signs("precedence", |s| s.precedence = Some("list".into())),
        signs("precedence", |s| s.precedence = Some("junk".into())),
        signs("list", |s| s.list = true),
        signs("report", |s| s.report = Some("delivery-status".into())),
        signs("auto-response-suppress", |s| s.suppress = Some("dr, all".into())),
        signs("auto-reply", |s| s.auto_reply = true),
        signs("too-many-hops", |s| s.hops = 51),
        ("answered", Box::new(|_, h| h.answered = true)),
        ("thanks", Box::new(|l, _| l.thanks = true)),
        ("unproven", Box::new(|l, _| l.proof = Proof::Not("spf fail".into()))),
        (
            "helped",
            Box::new(|l, h| {
                l.kind = Kind::Help;
                h.helped = true;
            }),
        ),
        ("sender-limit", Box::new(|_, h| h.sender_hour = 3)),
        ("breaker", Box::new(|_, h| h.all_hour = 10)),
    ]
}

#[test]
fn every_guard_refuses_what_it_must() {
    let mut met = std::collections::BTreeSet::new();
    for (id, change) in cases() {
        assert_eq!(refused(change), id);
        met.insert(id);
    }
    let all: std::collections::BTreeSet<&str> = GUARDS.iter().map(|g| g.id).collect();
    assert_eq!(met, all, "every guard has a case, and every case a guard");
    assert_eq!(all.len(), GUARDS.len(), "ids are unique");
}

#[test]
fn what_is_harmless_passes() {
    assert_eq!(refused(|l, _| l.signs.auto_submitted = Some("no".into())), "");
    assert_eq!(refused(|l, _| l.signs.precedence = Some("first-class".into())), "");
    assert_eq!(refused(|l, _| l.signs.suppress = Some("none".into())), "");
    assert_eq!(refused(|l, _| l.signs.suppress = Some("dr, rn, nrn".into())), "");
    assert_eq!(refused(|l, _| l.signs.hops = 50), "");
    assert_eq!(refused(|_, h| h.helped = true), "");
    assert_eq!(
        refused(|l, _| {
            l.thanks = true;
            l.kind = Kind::Erase;
        }),
        ""
    );
}

#[test]
fn forgers_use_up_nobodys_answers() {
    let forged = |l: &mut Letter, h: &mut History| {
        l.proof = Proof::Not("none".into());
        h.sender_hour = 99;
    };
    assert_eq!(refused(forged), "unproven");
}

#[test]
fn only_missing_proof_is_held() {
    for guard in GUARDS {
        assert_eq!(guard.refusal == Refusal::Hold, guard.id == "unproven", "{}", guard.id);
    }
}
