//! The table.

use super::{Facts, Guard, Kind, Refusal};

/// Every guard, in the order they are asked. What must never be answered comes before what depends on proof, and limits come
/// last: who only claims to be somebody cannot use up that person's answers.
pub const GUARDS: &[Guard] = &[
    never("null-sender", "the envelope sender is null: a bounce or an automatic answer", |f| {
        f.letter.sender.is_empty()
    }),
    never("daemon-sender", "the sender is a mail system or a list, not a person", |f| is_daemon(local(f))),
    never("no-reply-sender", "the sender says that it reads no answers", |f| is_no_reply(local(f))),
    never("own-address", "the sender is one of our own addresses", |f| {
        f.policy.inbox.takes(&f.letter.sender)
    }),
    never("own-domain", "the sender is of a domain that is our own", is_own_domain),
    never("own-answer", "it is an answer of ours that came back", |f| f.letter.ours),
    never("auto-submitted", "Auto-Submitted says that it is automatic (RFC 3834)", |f| {
        f.letter.signs.auto_submitted.as_deref().is_some_and(|v| v != "no")
    }),
    never("precedence", "Precedence says bulk, list, junk or automatic answer", |f| {
        let value = f.letter.signs.precedence.as_deref().unwrap_or_default();
        ["bulk", "list", "junk", "auto_reply"].contains(&value)
    }),
    never("list", "it came over a mailing list (List-* headers)", |f| f.letter.signs.list),
    never("report", "it is a delivery status, disposition or abuse report", |f| {
        f.letter.signs.report.is_some()
    }),
    never("auto-response-suppress", "X-Auto-Response-Suppress asks for no automatic answers", |f| {
        let words = f.letter.signs.suppress.as_deref().unwrap_or_default();
        words.split([',', ';', ' ']).any(|w| ["all", "oof", "autoreply"].contains(&w))
    }),
    never("auto-reply", "a header of automatic answers is there (X-Autoreply and the like)", |f| {
        f.letter.signs.auto_reply
    }),
    never("too-many-hops", "it passed more servers than mail does that is not going in circles", |f| {
        f.letter.signs.hops > MAX_HOPS
    }),
    never("answered", "the same message of the same sender has been answered", |f| f.history.answered),
    never("thanks", "it answers our answer and forwards nothing", |f| {
        f.letter.thanks && f.letter.kind != Kind::Erase
    }),
    hold("unproven", "it is not known that the envelope sender sent it", |f| !f.letter.proof.holds()),
    never("helped", "the sender was told how to forward in the last day", |f| {
        f.letter.kind == Kind::Help && f.history.helped
    }),
    never("sender-limit", "the sender had as many answers in an hour as anyone gets", |f| {
        f.history.sender_hour >= f.policy.answers.per_sender_hour
    }),
    never("breaker", "more answers in an hour than the operator allows: something is wrong", |f| {
        f.history.all_hour >= f.policy.answers.per_hour
    }),
];

/// Received fields beyond which mail is taken to go in circles (RFC 5321 section 6.3 asks for at least 100 before refusing
/// it; not answering may start earlier).
const MAX_HOPS: usize = 50;

const fn never(id: &'static str, says: &'static str, holds: fn(&Facts<'_>) -> bool) -> Guard {
    Guard { id, says, refusal: Refusal::Never, holds }
}

const fn hold(id: &'static str, says: &'static str, holds: fn(&Facts<'_>) -> bool) -> Guard {
    Guard { id, says, refusal: Refusal::Hold, holds }
}

/// The sender's local part, lower case, without a `+tag`.
fn local(facts: &Facts<'_>) -> String {
    let local = facts.letter.sender.rsplit_once('@').map_or(facts.letter.sender.as_str(), |(l, _)| l);
    local.split('+').next().unwrap_or(local).to_lowercase()
}

fn is_daemon(local: String) -> bool {
    const NAMES: &[&str] =
        &["mailer-daemon", "postmaster", "listserv", "majordomo", "mailman", "mdaemon", "root", "daemon"];
    let list = local.starts_with("owner-")
        || ["-request", "-owner", "-bounces", "-bounce", "-relay"].iter().any(|end| local.ends_with(end));
    list || NAMES.contains(&local.as_str())
}

fn is_no_reply(local: String) -> bool {
    let plain: String = local.chars().filter(|c| c.is_alphanumeric()).collect();
    plain.starts_with("noreply")
        || plain.starts_with("donotreply")
        || plain.ends_with("noreply")
        || plain == "bounce"
        || plain == "bounces"
}

fn is_own_domain(facts: &Facts<'_>) -> bool {
    let Some((_, domain)) = facts.letter.sender.rsplit_once('@') else { return false };
    facts.policy.answers.own_domains.iter().any(|own| own.eq_ignore_ascii_case(domain))
}
