//! Whether the sender's addresses agree with who the message says it is.

use std::collections::HashMap;

use super::brands::{Brands, Kind};
use super::catalogue::{Catalogue, Framed, Marker, MarkerIx};
use super::domains::{is_government, looks_random, mail_domain, registrable};
use super::identity::PLAIN;
use super::{Part, Sink, View};
use crate::message::{Channel, HeaderKnowledge};
use crate::sources::DataError;

/// Every marker that code raises. `data/markers` must define each of them.
const CODED: &[&str] = &[
    "attachment.archive-encrypted",
    "attachment.executable",
    "attachment.html",
    "attachment.lure",
    "attachment.only-image",
    "context.amount",
    "context.deadline-date",
    "context.freemail-sender",
    "genuine.aligned-links",
    "genuine.automatic-report",
    "genuine.aligned-sender",
    "context.own-signature",
    "genuine.auth-pass",
    "genuine.bulletin",
    "genuine.list-headers",
    "genuine.reply-thread",
    "hidden.bidi",
    "hidden.comment-split",
    "hidden.leet",
    "hidden.lookalike-letters",
    "hidden.obfuscation",
    "hidden.spaced-letters",
    "hidden.text",
    "hidden.zero-width",
    "identity.phone-to-call",
    "link.credentials-in-url",
    "link.data-or-script",
    "link.free-hosting",
    "link.lookalike",
    "link.mismatch",
    "link.odd-port",
    "link.one-target",
    "link.off-brand",
    "link.random-host",
    "link.stray",
    "link.only",
    "link.punycode",
    "link.raw-ip",
    "link.risky-tld",
    "link.shortener",
    "payment.wallet-address",
    "qr.code",
    "sender.auth-fail",
    "sender.display-address",
    "sender.email-to-text",
    "sender.foreign-number",
    "sender.foreign-signature",
    "sender.freemail-authority",
    "sender.lookalike",
    "sender.mismatch",
    "sender.random-domain",
    "sender.random-local",
    "sender.reply-to-elsewhere",
    "sender.return-path-elsewhere",
    "tax.notice-number",
];

/// The numbers of the markers that code raises.
#[derive(Clone, Debug, Default)]
pub(super) struct Coded {
    by_id: HashMap<&'static str, MarkerIx>,
    /// By number: a phrase that asks, presses or lures, and that a frame can make a mention.
    demands: Vec<bool>,
}

impl Coded {
    /// Looks every id up, so that raising one later cannot fail.
    pub(super) fn resolve(catalogue: &Catalogue, _brands: &Brands) -> Result<Self, DataError> {
        let mut by_id = HashMap::new();
        for &id in CODED.iter().chain(Kind::ALL.iter().map(|k| k.marker()).collect::<Vec<_>>().iter()) {
            let what = || DataError::file("data/markers/coded.toml", format!("marker `{id}` is missing"));
            by_id.insert(id, catalogue.ix(id).ok_or_else(what)?);
        }
        const DEMANDS: &[&str] = &["ask", "identity", "lure", "payment", "pressure", "tax", "threat"];
        let demands = |m: &Marker| m.framed != Framed::No && DEMANDS.contains(&m.family());
        Ok(Self { by_id, demands: catalogue.markers().iter().map(demands).collect() })
    }

    /// Whether a marker is a phrase that asks, presses or lures.
    pub(super) fn demands(&self, marker: MarkerIx) -> bool {
        self.demands.get(marker.0 as usize).copied().unwrap_or(false)
    }

    /// The number of a marker listed in [`CODED`]; an id that is not listed there reads as the first marker, and the test
    /// `every_raised_id_is_listed` keeps that from happening.
    pub(super) fn ix(&self, id: &str) -> MarkerIx {
        debug_assert!(self.by_id.contains_key(id), "coded marker {id} is not listed");
        self.by_id.get(id).copied().unwrap_or(MarkerIx(0))
    }
}

/// Looks at From, Reply-To and the header as a whole.
pub(super) fn find(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some(from) = &view.message.from else { return };
    if view.message.channel != Channel::Email {
        return text_sender(view, &from.address, sink);
    }
    if let Some(domain) = mail_domain(&from.address) {
        against_claims(view, &domain, sink);
        reply_to(view, &domain, sink);
        envelope(view, &domain, sink);
        bulk(view, &domain, sink);
        if view.brands.imitated_by(&domain).is_some() {
            sink.signal("sender.lookalike", Part::Sender, 0);
        }
        if view.lists.is_freemail(&domain) {
            sink.signal("context.freemail-sender", Part::Sender, 0);
        }
        if registrable(&domain).is_some_and(|d| looks_random(super::domains::main_label(d))) {
            sink.signal("sender.random-domain", Part::Sender, 0);
        }
        if is_random_local(&from.address) {
            sink.signal("sender.random-local", Part::Sender, 0);
        }
    }
    display_address(&from.name, &from.address, sink);
    authentication(view, sink);
}

/// The domain against the plainest claim.
fn against_claims(view: &View<'_>, domain: &str, sink: &mut Sink<'_>) {
    // Anyone can write from a provider's own domain: outlook.com does not speak for Microsoft.
    let free = view.lists.is_freemail(domain);
    let own = |c: &&super::Claim| !free && c.brand.is_some_and(|b| view.brands.uses(b, domain));
    if view.claims.iter().any(|c| own(&c)) {
        sink.signal("genuine.aligned-sender", Part::Sender, 0);
        return;
    }
    let plain = view.claims.iter().find(|c| c.strength >= PLAIN);
    let Some(claim) = plain else { return };
    let institution = claim.brand.is_some() || is_authority(&claim.marker);
    let public = claim.brand.is_some_and(|b| view.brands.get(b).kind.is_public());
    let named = claim.by_name && claim.brand.is_some() && !is_carrier(view, domain);
    let posed = public && claim.strength > 0.8 && !is_government(domain);
    if institution && free {
        sink.signal("sender.freemail-authority", Part::Sender, 0);
    } else if named || posed {
        sink.signal("sender.mismatch", Part::Sender, 0);
    }
}

/// Kinds of claim, without a brand, that never come from a free mailbox.
fn is_authority(marker: &str) -> bool {
    matches!(
        marker,
        "claims.tax-agency"
            | "claims.ssa"
            | "claims.medicare"
            | "claims.police-court"
            | "claims.bank"
            | "claims.delivery"
            | "claims.immigration-customs"
            | "claims.state-tax"
            | "claims.it-helpdesk"
            | "claims.tech-support"
            | "claims.utility"
            | "claims.toll"
            | "claims.dmv"
            | "claims.official"
    )
}

/// A vendor that carries mail for many senders under its own domain.
fn is_carrier(view: &View<'_>, domain: &str) -> bool {
    view.lists.is_tracker(domain) || view.brands.owned_by(domain).is_some()
}

/// Answers would go somewhere else.
fn reply_to(view: &View<'_>, domain: &str, sink: &mut Sink<'_>) {
    let from_brand = view.brands.owned_by(domain);
    for reply in &view.message.reply_to {
        let Some(other) = mail_domain(&reply.address) else { continue };
        let elsewhere = registrable(&other) != registrable(domain);
        let free = view.lists.is_freemail(&other);
        let leaves_brand = from_brand.is_some_and(|b| !view.brands.uses(b, &other));
        if elsewhere && (free || leaves_brand) {
            sink.signal("sender.reply-to-elsewhere", Part::Sender, 0);
            return;
        }
    }
}

/// The envelope and the signatures against From. Both are as written, not verified: agreement is weak, and so is the lack
/// of signatures (old mail has none), but signatures that are all somebody else's are telling.
fn envelope(view: &View<'_>, domain: &str, sink: &mut Sink<'_>) {
    let message = view.message;
    if message.header != HeaderKnowledge::Full {
        return;
    }
    let own = registrable(domain);
    let signers = &message.bulk.dkim_domains;
    if signers.iter().any(|d| registrable(d) == own && own.is_some()) {
        sink.signal("context.own-signature", Part::Header, 0);
    } else if !signers.is_empty() {
        sink.signal("sender.foreign-signature", Part::Header, 0);
    }
    let returns = message.return_path.as_deref().and_then(mail_domain);
    let listed =
        message.bulk.bulk || message.bulk.list_id.is_some() || !message.bulk.list_unsubscribe.is_empty();
    if message.bulk.auto_submitted && message.return_path.as_deref().is_none_or(|r| !r.contains('@')) {
        sink.signal("genuine.automatic-report", Part::Header, 0);
    }
    if !listed && returns.is_some_and(|r| registrable(&r) != own && !view.lists.is_tracker(&r)) {
        sink.signal("sender.return-path-elsewhere", Part::Header, 0);
    }
}

/// The display name shows another address than the one it stands before.
fn display_address(name: &str, address: &str, sink: &mut Sink<'_>) {
    let shown = name.split(|c: char| c.is_whitespace() || "<>()\"',;".contains(c)).find_map(mail_domain);
    let differs =
        |shown: &str| mail_domain(address).is_some_and(|real| registrable(&real) != registrable(shown));
    if shown.is_some_and(|s| registrable(&s).is_some() && differs(&s)) {
        sink.signal("sender.display-address", Part::FromName, 0);
    }
}

/// What honest bulk mail shows: list headers of the sender's own domain or of its vendor, a thread it answers to.
fn bulk(view: &View<'_>, domain: &str, sink: &mut Sink<'_>) {
    let message = view.message;
    if message.header != HeaderKnowledge::Full {
        return bulletin(view, domain, sink);
    }
    let own = registrable(domain);
    let same = |host: &str| registrable(host) == own || view.lists.is_tracker(host);
    let named = message.bulk.list_id.iter().chain(&message.bulk.list_unsubscribe);
    let hosts: Vec<&str> = named.filter_map(|n| n.rsplit(['@', '/']).find(|h| h.contains('.'))).collect();
    if !hosts.is_empty() && hosts.iter().any(|h| same(h)) {
        sink.signal("genuine.list-headers", Part::Header, 0);
    }
    if message.bulk.in_reply_to && is_reply(&message.subject) {
        sink.signal("genuine.reply-thread", Part::Header, 0);
    }
    bulletin(view, domain, sink);
}

/// Whether a subject says that it answers. Bulk mailers add thread headers to anything; few add this too.
fn is_reply(subject: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "re", "aw", "sv", "vs", "antw", "antwort", "rif", "r", "res", "rta", "odp", "ynt", "回复", "答复",
        "回覆",
    ];
    let Some((prefix, _)) = subject.trim_start().split_once([':', '：', '[']) else { return false };
    PREFIXES.contains(&prefix.trim().to_lowercase().as_str())
}

/// A bulletin of a public body: sent by a government domain or its bulletin service, with nothing that leads elsewhere.
/// Where the header is full, a signature of the same service must stand in it; it is no proof, and rules on money and
/// secrets do not heed it.
fn bulletin(view: &View<'_>, domain: &str, sink: &mut Sink<'_>) {
    let message = view.message;
    let official = |host: &str| is_government(host) || registrable(host) == Some("govdelivery.com");
    if !official(domain)
        || message.auth.as_ref().is_some_and(|a| a.dmarc.as_ref().is_some_and(|d| d.0 == "fail"))
    {
        return;
    }
    let full = message.header == HeaderKnowledge::Full;
    let signed = message.bulk.dkim_domains.iter().any(|d| official(d));
    let listed =
        !message.bulk.list_unsubscribe.is_empty() || message.bulk.list_id.is_some() || message.bulk.bulk;
    let passed = message.auth.as_ref().is_some_and(|a| a.dmarc.as_ref().is_some_and(|d| d.0 == "pass"));
    let strays = message.links.iter().filter_map(|l| super::domains::web_target(&l.target)).any(|t| {
        !official(&t.host) && view.brands.owned_by(&t.host).is_none() && !view.lists.is_tracker(&t.host)
    });
    if !strays && (passed || !full || (signed && listed)) {
        sink.signal("genuine.bulletin", Part::Sender, 0);
    }
}

/// Results of a server the operator trusts.
fn authentication(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some(auth) = &view.message.auth else { return };
    let dmarc = auth.dmarc.as_ref().map(|d| d.0.as_str());
    let all_fail =
        auth.spf.as_ref().is_some_and(|s| s.0 == "fail") && auth.dkim.iter().all(|d| d.0 != "pass");
    if dmarc == Some("fail") || (dmarc.is_none() && all_fail) {
        sink.signal("sender.auth-fail", Part::Header, 0);
    } else if dmarc == Some("pass") {
        sink.signal("genuine.auth-pass", Part::Header, 0);
    }
}

/// A text's sender: an e-mail address, or a foreign number for a domestic body.
fn text_sender(view: &View<'_>, sender: &str, sink: &mut Sink<'_>) {
    if sender.contains('@') {
        sink.signal("sender.email-to-text", Part::Sender, 0);
        return;
    }
    let domestic = view.claims.iter().filter_map(|c| c.brand).any(|b| view.brands.get(b).country == "us");
    if domestic && sender.starts_with('+') && !sender.starts_with("+1") {
        sink.signal("sender.foreign-number", Part::Sender, 0);
    }
}

/// A long local part that mixes letters and digits without a pattern a person would choose.
fn is_random_local(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default();
    local.len() >= 12 && !local.contains(['=', '+', '.', '-', '_']) && looks_random(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_locals() {
        for yes in ["x7k2p9q4m1z8@a.example", "sdkfjhwrtklxcvb@a.example"] {
            assert!(is_random_local(yes), "{yes}");
        }
        for no in [
            "maria.gonzalez@a.example",
            "no-reply@a.example",
            "john1985@a.example",
            "customerservice@a.example",
        ] {
            assert!(!is_random_local(no), "{no}");
        }
    }

    #[test]
    fn every_raised_id_is_listed() {
        let sources = [
            include_str!("sender.rs"),
            include_str!("links.rs"),
            include_str!("shapes.rs"),
            include_str!("structure.rs"),
        ];
        let call = regex::Regex::new(r#"signal(?:_at)?\(\s*"([^"]+)""#).expect("valid");
        let mut count = 0;
        for id in sources.iter().flat_map(|s| call.captures_iter(s)).map(|c| c[1].to_owned()) {
            assert!(CODED.contains(&id.as_str()), "{id} is raised but not listed in CODED");
            count += 1;
        }
        assert!(count > 20);
    }
}
