//! Features: named numbers that say what a message shows and how its parts agree.
//!
//! They are made from evidence and structure, not from words, so that they carry over to mail of sources and years that
//! no training set holds. What cannot be known (the header of a text) is marked as missing and is not the same as zero.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::{Catalogue, Findings};
use crate::message::{Channel, Message};

/// Which way a feature may count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Only towards "scam".
    Scam,
    /// Only towards "genuine".
    Genuine,
    /// Either way.
    Either,
}

/// The features of one message: name → value, zero values left out.
pub type Features = BTreeMap<String, f64>;

/// What the wording says by itself, as the logit of a model of words; made by the model, which knows the words.
pub(crate) const WORDING: &str = "wording";

/// Families whose markers ask for something or press.
const DEMANDS: &[&str] = &["payment", "ask"];
const PRESSES: &[&str] = &["threat", "pressure"];

/// The features of a message.
pub fn features(catalogue: &Catalogue, message: &Message, findings: &Findings) -> Features {
    let ids: Vec<&str> = findings.asserted().map(|ix| catalogue.marker(ix).id.as_str()).collect();
    let mut features = Features::new();
    for id in ids.iter().filter(|id| votes(id)) {
        features.insert(format!("marker:{id}"), 1.0);
    }
    let graves: BTreeSet<&str> = findings
        .asserted()
        .map(|ix| catalogue.marker(ix))
        .filter(|m| m.grave)
        .map(|m| m.id.as_str())
        .collect();
    for (least, name) in [(1, "grave:one"), (2, "grave:two"), (3, "grave:three"), (4, "grave:four")] {
        flag(&mut features, name, graves.len() >= least);
    }
    let shows = Shows { ids: &ids, message, findings };
    shows.families(&mut features);
    shows.knowledge(&mut features);
    shows.pairs(&mut features);
    features
}

/// Whether a marker is a feature.
fn votes(id: &str) -> bool {
    !id.starts_with("context.") || HONEST.contains(&id) || VOTING.contains(&id)
}

/// Which way a feature may count, by its name. Also refuses names that this version does not make.
///
/// # Errors
/// The name is not a feature of this version.
pub fn sign(name: &str, catalogue: &Catalogue) -> Result<Sign, String> {
    if let Some(id) = name.strip_prefix("marker:") {
        let ix = catalogue
            .ix(id)
            .ok_or_else(|| format!("the feature `{name}` needs a marker that does not exist"))?;
        return Ok(match catalogue.marker(ix).family() {
            "genuine" => Sign::Genuine,
            "context" if HONEST.contains(&id) => Sign::Genuine,
            "context" if !VOTING.contains(&id) => {
                return Err(format!("`{name}` tells the kind of mail, not a scam"));
            }
            _ => Sign::Scam,
        });
    }
    let known = OTHERS.iter().find(|(known, _)| *known == name);
    known.map(|(_, sign)| *sign).ok_or_else(|| format!("the feature `{name}` is not known to this version"))
}

/// Neutral markers that honest mail shows.
const HONEST: &[&str] =
    &["context.warning-article", "context.news", "context.question-to-helper", "context.marketing-offer"];

/// Neutral markers that may vote at all. What only tells the kind or the source of a mail (its channel, how much header it
/// has, whether links were kept) is no feature: it would teach where a corpus came from.
const VOTING: &[&str] = &["context.generic-greeting", "context.click-here", "context.freemail-sender"];

/// Features that are not single markers, with the way they may count.
const OTHERS: &[(&str, Sign)] = &[
    ("family:ask", Sign::Scam),
    ("family:attachment", Sign::Scam),
    ("family:hidden", Sign::Scam),
    ("family:identity", Sign::Scam),
    ("family:link", Sign::Scam),
    ("family:link.two", Sign::Scam),
    ("family:lure", Sign::Scam),
    ("family:payment", Sign::Scam),
    ("family:pressure", Sign::Scam),
    ("family:sender", Sign::Scam),
    ("family:sender.two", Sign::Scam),
    ("family:tax", Sign::Scam),
    ("family:threat", Sign::Scam),
    ("grave:one", Sign::Scam),
    ("grave:two", Sign::Scam),
    ("grave:three", Sign::Scam),
    ("grave:four", Sign::Scam),
    ("kinds:two", Sign::Scam),
    ("kinds:three", Sign::Scam),
    ("kinds:four", Sign::Scam),
    ("links:text-unknown", Sign::Scam),
    ("tone:advice", Sign::Genuine),
    ("pair:claim+demand", Sign::Scam),
    ("pair:claim+press", Sign::Scam),
    ("pair:claim+stray-link", Sign::Scam),
    ("pair:claim+stray-sender", Sign::Scam),
    ("pair:demand+press", Sign::Scam),
    ("pair:lure+link", Sign::Scam),
    ("pair:lure+demand", Sign::Scam),
    ("pair:threat+link", Sign::Scam),
    ("pair:ask+stray-link", Sign::Scam),
    ("pair:call+lure", Sign::Scam),
    ("pair:freemail+demand", Sign::Scam),
    ("pair:public-claim+text-link", Sign::Scam),
    ("pair:aligned+no-demand", Sign::Genuine),
    ("pair:aligned+listed", Sign::Genuine),
    ("nothing:found", Sign::Genuine),
    (WORDING, Sign::Scam),
];

/// What honest senders do all day: a number to call, a reply to confirm. They vote by themselves, and do not make up a
/// demand or add to the number of kinds of sign.
const ORDINARY: &[&str] = &[
    "identity.phone-to-call",
    "ask.reply-yes",
    "pressure.act-now",
    "tax.notice-number",
    "payment.small-fee",
];

struct Shows<'a> {
    ids: &'a [&'a str],
    message: &'a Message,
    findings: &'a Findings,
}

impl Shows<'_> {
    fn has(&self, id: &str) -> bool {
        self.ids.contains(&id)
    }

    fn any(&self, ids: &[&str]) -> bool {
        ids.iter().any(|id| self.has(id))
    }

    /// Markers of a family that say something by themselves.
    fn family(&self, family: &str) -> usize {
        self.ids.iter().filter(|id| id.split('.').next() == Some(family) && !ORDINARY.contains(id)).count()
    }

    fn one_of(&self, families: &[&str]) -> bool {
        families.iter().any(|f| self.family(f) > 0)
    }

    fn families(&self, features: &mut Features) {
        const KINDS: &[&str] =
            &["payment", "threat", "pressure", "identity", "ask", "lure", "tax", "link", "sender"];
        for family in KINDS.iter().chain(&["attachment", "hidden"]) {
            flag(features, &format!("family:{family}"), self.family(family) > 0);
        }
        for family in ["link", "sender"] {
            flag(features, &format!("family:{family}.two"), self.family(family) > 1);
        }
        let kinds = KINDS.iter().filter(|k| self.family(k) > 0).count();
        flag(features, "kinds:two", kinds >= 2);
        flag(features, "kinds:three", kinds >= 3);
        flag(features, "kinds:four", kinds >= 4);
        flag(features, "nothing:found", kinds == 0);
    }

    fn knowledge(&self, features: &mut Features) {
        let links = self.findings.counts.links;
        let text = self.message.channel == Channel::Text;
        flag(features, "links:text-unknown", text && links > 0 && !self.has("genuine.aligned-links"));
        flag(features, "tone:advice", self.findings.counts.advises());
    }

    fn pairs(&self, features: &mut Features) {
        let claim = self.family("claims") > 0;
        let demand = self.one_of(DEMANDS);
        let press = self.one_of(PRESSES);
        let lure =
            self.family("lure") > 0 || self.any(&["tax.refund-claim", "tax.stimulus", "tax.unpaid-claim"]);
        let link = self.findings.counts.links > 0;
        let stray_link = self.any(&[
            "link.off-brand",
            "link.lookalike",
            "link.raw-ip",
            "link.shortener",
            "link.free-hosting",
            "link.risky-tld",
            "link.mismatch",
            "link.punycode",
        ]);
        let stray_sender = self.any(&["sender.mismatch", "sender.freemail-authority", "sender.lookalike"]);
        let aligned = self.has("genuine.aligned-sender") || self.has("genuine.auth-pass");
        let public = self.any(&[
            "claims.tax-agency",
            "claims.ssa",
            "claims.medicare",
            "claims.government",
            "claims.state-tax",
            "claims.police-court",
            "claims.toll",
            "claims.delivery",
        ]);
        flag(features, "pair:claim+demand", claim && demand && !aligned);
        flag(features, "pair:claim+press", claim && press && !aligned);
        flag(features, "pair:claim+stray-link", claim && stray_link);
        flag(features, "pair:claim+stray-sender", claim && stray_sender);
        flag(features, "pair:demand+press", demand && press);
        flag(features, "pair:lure+link", lure && link && stray_link);
        flag(features, "pair:lure+demand", lure && demand);
        flag(features, "pair:threat+link", self.family("threat") > 0 && link && !aligned);
        flag(features, "pair:ask+stray-link", self.family("ask") > 0 && stray_link);
        flag(
            features,
            "pair:call+lure",
            self.has("identity.phone-to-call") && (lure || self.family("threat") > 0) && !aligned,
        );
        flag(features, "pair:freemail+demand", self.has("context.freemail-sender") && demand);
        let text = self.message.channel == Channel::Text;
        flag(
            features,
            "pair:public-claim+text-link",
            text && public && link && !self.has("genuine.aligned-links"),
        );
        let listed = self.any(&["genuine.list-headers", "genuine.reply-thread"]);
        flag(features, "pair:aligned+no-demand", aligned && !demand && !stray_link);
        flag(features, "pair:aligned+listed", self.has("genuine.aligned-links") && listed);
    }
}

fn flag(features: &mut Features, name: &str, yes: bool) {
    if yes {
        debug_assert!(OTHERS.iter().any(|(known, _)| *known == name), "the feature {name} is not listed");
        features.insert(name.to_owned(), 1.0);
    }
}
