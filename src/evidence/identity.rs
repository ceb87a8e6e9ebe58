//! Who the message says it is.

use std::collections::BTreeMap;
use std::ops::Range;

use super::brands::{BrandIx, Brands, Kind};
use super::catalogue::Catalogue;
use super::{Evidence, FoldedParts, Part, Sink};
use crate::message::{Channel, Message};
use crate::text::Folded;

/// A claim about the sender's identity, made by the message.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The brand, when one is named; otherwise only the kind of body is claimed.
    pub brand: Option<BrandIx>,
    /// Marker id of the claim (`claims.tax-agency`).
    pub marker: String,
    /// How plainly the message makes the claim, 0 to 1.
    pub strength: f64,
    /// The sender's display name makes it.
    pub by_name: bool,
    /// Where it is made most plainly.
    pub part: Part,
    /// Bytes of that part's text.
    pub span: Range<usize>,
}

/// A claim this plain counts as "the message says it is …".
pub const PLAIN: f64 = 0.7;

/// Claims weaker than this are not listed: the name is only mentioned.
const WEAK: f64 = 0.45;

/// Claims listed for one message.
const MAX_CLAIMS: usize = 4;

/// Bytes at the beginning and the end of a body in which names are looked for.
const REACH: usize = 16 * 1024;

/// Every claim, the plainest first.
pub(super) fn claims(
    brands: &Brands,
    catalogue: &Catalogue,
    message: &Message,
    folded: &FoldedParts,
    sink: &Sink<'_>,
) -> Vec<Claim> {
    let mut tally = Tally { brands, by_brand: BTreeMap::new() };
    for part in [Part::FromName, Part::Subject, Part::Body] {
        tally.read(message, part, folded.of(part));
    }
    let someone_else = names_someone_else(brands, message, folded);
    let mut claims: Vec<Claim> =
        tally.by_brand.into_values().map(|seen| seen.claim(brands, someone_else)).collect();
    claims.extend(worded(catalogue, &claims, &sink.evidence));
    claims.retain(|c| c.strength >= WEAK);
    claims.sort_by(|a, b| b.strength.total_cmp(&a.strength).then_with(|| a.marker.cmp(&b.marker)));
    claims.truncate(MAX_CLAIMS);
    claims
}

/// Adds a marker for every plain claim of a brand.
pub(super) fn report(claims: &[Claim], brands: &Brands, sink: &mut Sink<'_>) {
    for claim in claims.iter().filter(|c| c.strength >= PLAIN) {
        let Some(brand) = claim.brand else { continue };
        let kind = brands.get(brand).kind;
        for id in [kind.marker(), Kind::Other.marker()] {
            if !sink.has(sink.coded.ix(id)) {
                sink.signal_at(id, claim.part, 0, claim.span.clone());
            }
        }
    }
}

/// Claims made in words that name no brand ("your bank's fraud department").
fn worded(catalogue: &Catalogue, claims: &[Claim], evidence: &[Evidence]) -> Vec<Claim> {
    let mut worded: Vec<Claim> = Vec::new();
    for found in evidence.iter().filter(|e| e.mention.is_none()) {
        let marker = catalogue.marker(found.marker);
        if marker.family() != "claims" || worded.iter().any(|c| c.marker == marker.id) {
            continue;
        }
        let known = claims.iter().any(|c| c.marker == marker.id && c.strength >= PLAIN);
        if !known {
            worded.push(Claim {
                brand: None,
                marker: marker.id.clone(),
                strength: 0.75,
                by_name: found.part == Part::FromName,
                part: found.part,
                span: found.span.clone(),
            });
        }
    }
    worded
}

/// The sender's display name is there and is neither a brand's nor an office's: somebody who writes *about* a brand.
fn names_someone_else(brands: &Brands, message: &Message, folded: &FoldedParts) -> bool {
    const OFFICES: &[&str] = &[
        "tax",
        "refund",
        "revenue",
        "treasury",
        "support",
        "service",
        "security",
        "billing",
        "department",
        "alert",
        "admin",
        "account",
        "customer",
        "notification",
        "no-reply",
        "noreply",
        "officer",
        "agent",
        "team",
        "impuestos",
        "servicio",
        "soporte",
        "seguridad",
        "help",
        "desk",
        "center",
        "centre",
        "mail",
        "info",
        "verification",
        "delivery",
        "parcel",
        "package",
        "shipping",
        "courier",
        "post",
        "bank",
        "card",
        "toll",
        "payment",
        "invoice",
        "order",
        "notice",
        "update",
        "system",
        "online",
        "reward",
        "offer",
        "entrega",
        "paquete",
        "banco",
        "pago",
        "aviso",
        "factura",
    ];
    let name = folded.from_name.text.as_str();
    message.channel == Channel::Email
        && name.len() > 2
        && brands.mentions(name).next().is_none()
        && !OFFICES.iter().any(|office| name.contains(office))
}

/// What was seen of one brand.
struct Seen {
    brand: BrandIx,
    /// Best strength in each part: name, subject, body.
    best: [f64; 3],
    place: (Part, Range<usize>),
}

impl Seen {
    fn claim(self, brands: &Brands, someone_else: bool) -> Claim {
        let doubt = if someone_else { 0.6 } else { 1.0 };
        let [name, subject, body] = self.best;
        // A body that opens with the name as its label speaks as that body, whatever the sender is called.
        let labelled = if body >= 0.8 { 1.0 } else { doubt };
        let strength = 1.0 - (1.0 - name) * (1.0 - subject * doubt) * (1.0 - body * labelled);
        Claim {
            brand: Some(self.brand),
            marker: brands.get(self.brand).kind.marker().to_owned(),
            strength,
            by_name: name >= PLAIN,
            part: self.place.0,
            span: self.place.1,
        }
    }
}

struct Tally<'a> {
    brands: &'a Brands,
    by_brand: BTreeMap<BrandIx, Seen>,
}

impl Tally<'_> {
    fn read(&mut self, message: &Message, part: Part, text: &Folded) {
        let len = text.text.len();
        for (brand, span) in self.brands.mentions(&text.text) {
            if span.start > REACH && span.start + REACH < len {
                continue;
            }
            let context = Context { text: &text.text, span: &span, common: self.brands.get(brand).common };
            let strength = match part {
                Part::FromName => context.in_name(),
                Part::Subject => context.in_subject(),
                _ => context.in_body(message.channel),
            };
            self.note(brand, part, strength, text.original(span.clone()));
        }
    }

    fn note(&mut self, brand: BrandIx, part: Part, strength: f64, span: Range<usize>) {
        let slot = match part {
            Part::FromName => 0,
            Part::Subject => 1,
            _ => 2,
        };
        let seen =
            self.by_brand.entry(brand).or_insert(Seen { brand, best: [0.0; 3], place: (part, span.clone()) });
        let best = seen.best.iter().copied().fold(0.0, f64::max);
        if strength > best {
            seen.place = (part, span);
        }
        seen.best[slot] = seen.best[slot].max(strength);
    }
}

/// The words around a name, which tell whether the message speaks as that body.
struct Context<'a> {
    text: &'a str,
    span: &'a Range<usize>,
    common: bool,
}

/// Words before a name that make it the speaker or the reader's counterpart.
const BEFORE: &[&str] = &[
    "your",
    "dear",
    "from",
    "thanks,",
    "regards,",
    "sincerely,",
    "tu",
    "su",
    "de",
    "del",
    "contact",
    "copyright",
    "(c)",
    "2022",
    "2023",
    "2024",
    "2025",
    "2026",
    "official",
];

/// Words after a name that make it the speaker.
const AFTER: &[&str] = &[
    "account",
    "accounts",
    "team",
    "support",
    "security",
    "customer",
    "customers",
    "alert",
    "alerts",
    "service",
    "services",
    "department",
    "billing",
    "online",
    "id",
    "wallet",
    "user",
    "member",
    "fraud",
    "center",
    "verification",
    "notification",
    "delivery",
    "office",
    "agent",
    "officer",
    "app",
    "portal",
    "tax",
    "refund",
    "helpdesk",
    "help",
    "cuenta",
    "seguridad",
    "inc",
    "inc.",
    "llc",
    "ltd",
    "n.a.",
    "bank",
    "subscription",
    "membership",
    "mailbox",
    "communications",
    "administration",
    "tolls",
    "toll",
    "express",
    "parcel",
    "package",
];

impl Context<'_> {
    fn before(&self) -> Option<&str> {
        let line = self.text[..self.span.start].rsplit('\n').next()?;
        line.split(' ').rfind(|w| !w.is_empty())
    }

    fn after(&self) -> Option<&str> {
        let line = self.text[self.span.end..].split('\n').next()?;
        line.split(' ').find(|w| !w.is_empty())
    }

    fn speaks(&self) -> bool {
        let after = self.after().map(|w| w.trim_end_matches([',', '.', ':', '!', '\'']));
        let possessive = self.text[self.span.end..].starts_with("'s");
        !possessive && after.is_some_and(|w| AFTER.contains(&w))
    }

    fn in_name(&self) -> f64 {
        const INDIRECT: &[&str] = &["via", "for", "by", "at", "from", "in", "on", "with"];
        if self.before().is_some_and(|w| INDIRECT.contains(&w)) {
            return 0.4;
        }
        let rest = self.text[self.span.end..].trim();
        let leads = self.span.start == 0;
        match (self.common, leads, rest.is_empty() || self.speaks()) {
            (false, true, _) => 0.9,
            (false, false, _) => 0.75,
            (true, true, true) => 0.8,
            (true, _, _) => 0.3,
        }
    }

    fn in_subject(&self) -> f64 {
        let starts = self.span.start <= 3;
        let labels = self.text[self.span.end..].starts_with([':', ']']);
        match (self.common, labels, self.speaks() || starts) {
            (false, true, _) => 0.7,
            (false, _, true) => 0.6,
            (false, _, false) => 0.45,
            (true, true, _) => 0.5,
            (true, _, _) if self.speaks() => 0.45,
            (true, _, _) => 0.05,
        }
    }

    fn in_body(&self, channel: Channel) -> f64 {
        let opens = self.span.start <= 12;
        let rest = &self.text[self.span.end..];
        let labels = rest.starts_with(':')
            || rest.starts_with(']')
            || rest.starts_with(" -")
            || rest.starts_with(" alert");
        if opens && labels {
            return 0.85;
        }
        if opens && channel != Channel::Email && (!self.common || self.speaks()) {
            return 0.75;
        }
        if self.is_sign_off() {
            return if self.common { 0.3 } else { 0.55 };
        }
        let introduced = self.before().is_some_and(|w| BEFORE.contains(&w));
        match (self.common, introduced, self.speaks()) {
            (false, true, true) => 0.6,
            (false, _, true) => 0.45,
            (false, true, false) => 0.3,
            (false, false, false) => 0.2,
            (true, true, true) => 0.4,
            (true, _, true) => 0.3,
            (true, _, _) => 0.0,
        }
    }

    /// The name stands (almost) alone on a line in the last quarter, or after a copyright sign.
    fn is_sign_off(&self) -> bool {
        let start = self.text[..self.span.start].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[self.span.end..].find('\n').map_or(self.text.len(), |at| self.span.end + at);
        let line = &self.text[start..end];
        let late = self.span.start * 4 >= self.text.len() * 3;
        late && (line.len() <= 40 && start > 0
            || line.contains("copyright")
            || line.contains("(c)")
            || line.contains("©"))
    }
}
