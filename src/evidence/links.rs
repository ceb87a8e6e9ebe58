//! Where the links lead, and whether that agrees with what they show and with who the message says it is.

use std::collections::{HashMap, HashSet};

use super::domains::{self, Target, is_government, mail_domain, registrable};
use super::identity::PLAIN;
use super::{Claim, Counts, Part, Sink, View};
use crate::message::{Channel, HeaderKnowledge, Link, LinkOrigin};

/// Different hosts looked at in one message; a message with more is still judged by its first ones.
const MAX_HOSTS: usize = 64;

/// Different domains up to which a message is not a list of links.
const FEW: usize = 8;

/// Looks at every link; returns the most suspicious registrable domain.
pub(super) fn find(view: &View<'_>, sink: &mut Sink<'_>, counts: &mut Counts) -> Option<String> {
    let targets: Vec<(usize, &Link, Option<Target>)> =
        view.message.links.iter().enumerate().map(|(n, l)| (n, l, domains::web_target(&l.target))).collect();
    counts.links = targets.iter().filter(|t| t.2.is_some()).count();
    let few =
        targets.iter().filter_map(|t| registrable(&t.2.as_ref()?.host)).collect::<HashSet<_>>().len() <= FEW;
    let mut worst = Worst::default();
    let mut hosts: HashMap<String, usize> = HashMap::new();
    for (number, link, target) in &targets {
        let Some(target) = target else {
            script(link, *number, sink);
            continue;
        };
        if hosts.len() < MAX_HOSTS && !hosts.contains_key(&target.host) {
            hosts.insert(target.host.clone(), *number);
            host_signals(view, target, *number, few, sink, &mut worst);
        }
        mismatch(view, link, target, *number, sink, &mut worst);
    }
    let action: Vec<(usize, &Target)> =
        targets.iter().filter(|t| is_action(t.1)).filter_map(|t| Some((t.0, t.2.as_ref()?))).collect();
    agreement(view, &action, sink, &mut worst);
    only_a_link(view, &action, sink);
    one_target(&targets, sink);
    worst.host
}

/// The host shown to the reader as the reason: the gravest sign wins.
#[derive(Default)]
struct Worst {
    gravity: u8,
    host: Option<String>,
}

impl Worst {
    fn offer(&mut self, gravity: u8, host: &str) {
        if gravity > self.gravity {
            self.gravity = gravity;
            self.host = Some(registrable(host).unwrap_or(host).to_owned());
        }
    }
}

fn script(link: &Link, number: usize, sink: &mut Sink<'_>) {
    let target = link.target.trim_start().to_ascii_lowercase();
    if target.starts_with("javascript:") || target.starts_with("data:text") || target.starts_with("vbscript:")
    {
        sink.signal("link.data-or-script", Part::Link, number);
    }
}

/// Signs of a host by itself.
fn host_signals(
    view: &View<'_>,
    target: &Target,
    number: usize,
    few: bool,
    sink: &mut Sink<'_>,
    worst: &mut Worst,
) {
    let host = target.host.as_str();
    let mut raise = |yes: bool, id: &'static str, gravity: u8| {
        if yes {
            sink.signal(id, Part::Link, number);
            worst.offer(gravity, host);
        }
    };
    let own = sender_domain(view).is_some_and(|d| registrable(&d) == registrable(host));
    let imitated = view.brands.imitated_by(host).filter(|_| !view.lists.is_tracker(host));
    // Among the links of a link list, one that resembles a name is not where the reader is sent.
    let meant = |brand| few || view.claims.iter().any(|c| c.brand == Some(brand));
    raise(imitated.is_some_and(meant), "link.lookalike", 9);
    raise(target.is_ip, "link.raw-ip", 8);
    raise(target.has_user, "link.credentials-in-url", 7);
    raise(host.split('.').any(|l| l.starts_with("xn--")), "link.punycode", 7);
    let random = host.split('.').any(domains::looks_random) && !view.lists.is_tracker(host) && !own;
    raise(random && !view.lists.is_hosting(host), "link.random-host", 3);
    raise(view.lists.is_hosting(host), "link.free-hosting", 4);
    raise(view.lists.is_risky_tld(host), "link.risky-tld", 3);
    raise(view.lists.is_shortener(host) && !own, "link.shortener", 2);
    raise(target.odd_port, "link.odd-port", 2);
}

/// The words show one address and the link leads to another. Click trackers do that for every honest newsletter, so a
/// tracker's or the sender's own host is no mismatch.
fn mismatch(
    view: &View<'_>,
    link: &Link,
    target: &Target,
    number: usize,
    sink: &mut Sink<'_>,
    worst: &mut Worst,
) {
    if link.origin != LinkOrigin::Anchor {
        return;
    }
    let Some(shown) = domains::shown_host(&link.shown) else { return };
    let host = target.host.as_str();
    // An impostor's own links are his sender domain's: what they show counts all the same.
    let shows_brand = view.brands.owned_by(&shown).is_some();
    let same_owner = match (view.brands.owned_by(&shown), view.brands.owned_by(host)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    };
    let carried = view.lists.is_tracker(host)
        || (!shows_brand && sender_domain(view).is_some_and(|d| registrable(&d) == registrable(host)))
        || (!shows_brand && is_unsubscribe_host(view, host));
    if registrable(&shown) != registrable(host) && !same_owner && !carried {
        sink.signal("link.mismatch", Part::Link, number);
        worst.offer(6, host);
    }
}

/// The host that carries the list headers' links carries the clicks too.
fn is_unsubscribe_host(view: &View<'_>, host: &str) -> bool {
    let named = view.message.bulk.list_unsubscribe.iter().filter_map(|u| domains::web_target(u));
    let own = registrable(host);
    own.is_some() && named.into_iter().any(|t| registrable(&t.host) == own)
}

/// Links that a reader is meant to act on: not the footer's.
fn is_action(link: &Link) -> bool {
    const FOOTER: &[&str] = &[
        "unsubscribe",
        "privacy",
        "terms",
        "preferences",
        "view in browser",
        "view online",
        "opt out",
        "opt-out",
        "facebook",
        "twitter",
        "instagram",
        "linkedin",
        "youtube",
        "darse de baja",
        "cancelar suscripcion",
        "privacidad",
    ];
    let shown = link.shown.to_lowercase();
    link.origin != LinkOrigin::OtherPart && !FOOTER.iter().any(|word| shown.contains(word))
}

fn sender_domain(view: &View<'_>) -> Option<String> {
    view.message.from.as_ref().and_then(|from| mail_domain(&from.address))
}

/// Links against the claim and against the sender.
fn agreement(view: &View<'_>, action: &[(usize, &Target)], sink: &mut Sink<'_>, worst: &mut Worst) {
    if action.is_empty() {
        return;
    }
    let sender = sender_domain(view);
    let own = |host: &str| {
        sender.as_deref().is_some_and(|d| registrable(d).is_some() && registrable(d) == registrable(host))
    };
    let claim = view.claims.iter().find(|c| c.strength >= PLAIN && c.brand.is_some());
    let official = |host: &str| {
        !view.lists.is_hosting(host) && claim.and_then(|c| c.brand).is_some_and(|b| view.brands.uses(b, host))
    };
    let aligned = action.iter().filter(|(_, t)| own(&t.host) || official(&t.host)).count();
    if aligned * 2 > action.len() {
        sink.signal("genuine.aligned-links", Part::Link, action[0].0);
    }
    let explained = |host: &str| {
        own(host) || official(host) || view.lists.is_tracker(host) || is_unsubscribe_host(view, host)
    };
    let company = sender.as_deref().is_some_and(|d| !view.lists.is_freemail(d));
    if company && !action.iter().any(|(_, t)| explained(&t.host)) {
        sink.signal("link.stray", Part::Link, action[0].0);
    }
    if let Some(claim) = claim
        && let Some((number, target)) = off_brand(view, claim, sender.as_deref(), action, official)
    {
        sink.signal("link.off-brand", Part::Link, number);
        worst.offer(5, &target.host);
    }
}

/// The first link that leads away from the claimed brand, when nothing explains it.
fn off_brand<'a>(
    view: &View<'_>,
    claim: &Claim,
    sender: Option<&str>,
    action: &[(usize, &'a Target)],
    official: impl Fn(&str) -> bool,
) -> Option<(usize, &'a Target)> {
    let speaks_for =
        |d: &str| !view.lists.is_freemail(d) && claim.brand.is_some_and(|b| view.brands.uses(b, d));
    let sender_is_brand = sender.is_some_and(speaks_for);
    if sender_is_brand && view.message.channel == Channel::Email {
        return None;
    }
    // Somebody with an address and a name of his own writes about the brand: his links are his.
    let own_voice = view.message.header != HeaderKnowledge::None && !claim.by_name && claim.strength < 0.85;
    let strays = |t: &&(usize, &Target)| {
        let host = t.1.host.as_str();
        let explained = view.lists.is_tracker(host)
            || is_government(host)
            || (own_voice && sender.is_some_and(|d| registrable(d) == registrable(host)))
            || view.brands.owned_by(host).is_some_and(|b| view.brands.get(b).kind == super::Kind::Social);
        !official(host) && !explained
    };
    let stray = action.iter().find(strays)?;
    let any_official = action.iter().any(|(_, t)| official(&t.host));
    // One foreign link among official ones is usual in honest mail; a lone or leading one is not.
    (!any_official || stray.0 == action[0].0).then_some((stray.0, stray.1))
}

/// Several links, the footer's among them, all lead to one and the same place.
fn one_target(targets: &[(usize, &Link, Option<Target>)], sink: &mut Sink<'_>) {
    let mut web = targets.iter().filter(|t| t.2.is_some());
    let Some(first) = web.next() else { return };
    let (mut count, mut words) = (1, vec![first.1.shown.as_str()]);
    for (_, link, _) in web {
        if link.target != first.1.target {
            return;
        }
        count += 1;
        if !words.contains(&link.shown.as_str()) && words.len() < 8 {
            words.push(&link.shown);
        }
    }
    if count >= 3 && words.len() >= 2 {
        sink.signal("link.one-target", Part::Link, first.0);
    }
}

/// Hardly more than a link.
fn only_a_link(view: &View<'_>, action: &[(usize, &Target)], sink: &mut Sink<'_>) {
    let words = view.folded.body.text.split_ascii_whitespace().take(13).count();
    if !action.is_empty() && words <= 8 {
        sink.signal("link.only", Part::Link, action[0].0);
    }
}
