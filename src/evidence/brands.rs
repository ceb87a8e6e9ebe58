//! Agencies, banks and companies that scams claim to be, with the domains they truly use: `data/brands.toml`.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use serde::Deserialize;
use toml::Spanned;

use super::domains::{self, is_government};
use crate::sources::DataError;

/// Number of a brand in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BrandIx(pub(crate) u16);

/// What kind of body a brand is; each kind has a marker `claims.<kind>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are the field's own terms")]
pub enum Kind {
    TaxAgency,
    Ssa,
    Medicare,
    Government,
    StateTax,
    PoliceCourt,
    Toll,
    Bank,
    PaymentApp,
    Crypto,
    Delivery,
    Retailer,
    Tech,
    TaxSoftware,
    Payroll,
    Telecom,
    Streaming,
    Social,
    Utility,
    Insurer,
    DebtCollector,
    Marketplace,
    Travel,
    Charity,
    Other,
}

impl Kind {
    /// The marker that says such a body is claimed.
    pub fn marker(self) -> &'static str {
        match self {
            Self::TaxAgency => "claims.tax-agency",
            Self::Ssa => "claims.ssa",
            Self::Medicare => "claims.medicare",
            Self::Government => "claims.government",
            Self::StateTax => "claims.state-tax",
            Self::PoliceCourt => "claims.police-court",
            Self::Toll => "claims.toll",
            Self::Bank => "claims.bank",
            Self::PaymentApp => "claims.payment-app",
            Self::Crypto => "claims.crypto",
            Self::Delivery => "claims.delivery",
            Self::Retailer => "claims.retailer",
            Self::Tech => "claims.tech",
            Self::TaxSoftware => "claims.tax-software",
            Self::Payroll => "claims.payroll",
            Self::Telecom => "claims.telecom",
            Self::Streaming => "claims.streaming",
            Self::Social => "claims.social",
            Self::Utility => "claims.utility",
            Self::Insurer => "claims.insurer",
            Self::DebtCollector => "claims.debt-collector",
            Self::Marketplace => "claims.marketplace",
            Self::Travel => "claims.travel",
            Self::Charity => "claims.charity",
            Self::Other => "claims.brand",
        }
    }

    /// All kinds.
    pub const ALL: &[Self] = &[
        Self::TaxAgency,
        Self::Ssa,
        Self::Medicare,
        Self::Government,
        Self::StateTax,
        Self::PoliceCourt,
        Self::Toll,
        Self::Bank,
        Self::PaymentApp,
        Self::Crypto,
        Self::Delivery,
        Self::Retailer,
        Self::Tech,
        Self::TaxSoftware,
        Self::Payroll,
        Self::Telecom,
        Self::Streaming,
        Self::Social,
        Self::Utility,
        Self::Insurer,
        Self::DebtCollector,
        Self::Marketplace,
        Self::Travel,
        Self::Charity,
        Self::Other,
    ];

    /// A body of the state, which writes from government domains.
    pub fn is_public(self) -> bool {
        matches!(
            self,
            Self::TaxAgency
                | Self::Ssa
                | Self::Medicare
                | Self::Government
                | Self::StateTax
                | Self::PoliceCourt
                | Self::Toll
        )
    }
}

/// One brand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// Stable id.
    pub id: String,
    /// Name as shown to people.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// ISO 3166 country code, lower case, or `int`.
    #[serde(default)]
    pub country: String,
    /// Folded names by which it is called.
    pub names: Vec<String>,
    /// The names are everyday words too.
    #[serde(default)]
    pub common: bool,
    /// Registrable domains it writes and links from.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Others that truly send or carry links for it.
    #[serde(default)]
    pub also: Vec<String>,
    /// Facts about how it makes contact.
    #[serde(default)]
    pub facts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BrandFile {
    brand: Vec<Spanned<Brand>>,
}

/// All brands, with the look-ups over them.
#[derive(Debug)]
pub struct Brands {
    brands: Vec<Brand>,
    by_domain: HashMap<String, Vec<BrandIx>>,
    names: AhoCorasick,
    name_owner: Vec<BrandIx>,
    /// How each name looks at a glance, for look-alike hosts: single words of four letters or more, and the domains' labels.
    glances: HashMap<String, BrandIx>,
}

impl Brands {
    /// Reads the file.
    ///
    /// # Errors
    /// Names the line of an unknown key, a repeated id, a name that is not folded, a domain that is not one.
    pub fn load(name: &str, text: &str) -> Result<Self, DataError> {
        let parsed: BrandFile = toml::from_str(text).map_err(|e| DataError::toml(name, text, &e))?;
        let mut brands = Vec::new();
        let mut ids = BTreeSet::new();
        for entry in parsed.brand {
            let offset = entry.span().start;
            let brand = entry.into_inner();
            check(&brand, &mut ids).map_err(|what| DataError::at(name, text, offset, what))?;
            brands.push(brand);
        }
        Self::build(brands).map_err(|what| DataError::file(name, what))
    }

    fn build(brands: Vec<Brand>) -> Result<Self, String> {
        let mut by_domain: HashMap<String, Vec<BrandIx>> = HashMap::new();
        let mut words = Vec::new();
        let mut name_owner = Vec::new();
        let mut glances = HashMap::new();
        for (number, brand) in brands.iter().enumerate() {
            let ix = BrandIx(u16::try_from(number).map_err(|_| "more than 65,535 brands")?);
            for domain in brand.domains.iter().chain(&brand.also) {
                by_domain.entry(domain.clone()).or_default().push(ix);
            }
            for name in &brand.names {
                words.push(name.clone());
                name_owner.push(ix);
            }
            let labels = brand.domains.iter().map(|d| domains::main_label(d).to_owned());
            let single = brand.names.iter().map(|n| n.replace([' ', '.', '&', '\''], ""));
            for label in labels.chain(single).filter(|l| l.len() >= 3) {
                glances.entry(domains::glance(&label)).or_insert(ix);
            }
        }
        let names = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&words)
            .map_err(|e| format!("names cannot be compiled: {e}"))?;
        Ok(Self { brands, by_domain, names, name_owner, glances })
    }

    /// A brand by number.
    pub fn get(&self, ix: BrandIx) -> &Brand {
        &self.brands[ix.0 as usize]
    }

    /// All brands.
    pub fn iter(&self) -> impl Iterator<Item = &Brand> {
        self.brands.iter()
    }

    /// Words of all names that are not everyday words.
    pub(super) fn words(&self) -> impl Iterator<Item = String> + '_ {
        let names = self.brands.iter().filter(|b| !b.common).flat_map(|b| &b.names);
        names.flat_map(|n| n.split(' ')).filter(|w| w.len() >= 3).map(str::to_owned)
    }

    /// Whether `host` is one that `brand` truly uses.
    pub(super) fn uses(&self, brand: BrandIx, host: &str) -> bool {
        self.owners(host).any(|ix| ix == brand) || (self.get(brand).kind.is_public() && is_government(host))
    }

    /// Brands whose own domain (not a vendor's) `host` lies under.
    pub(super) fn owned_by(&self, host: &str) -> Option<BrandIx> {
        self.owners(host).find(|ix| {
            self.get(*ix)
                .domains
                .iter()
                .any(|d| host == d || host.strip_suffix(d.as_str()).is_some_and(|h| h.ends_with('.')))
        })
    }

    fn owners<'a>(&'a self, host: &'a str) -> impl Iterator<Item = BrandIx> + 'a {
        parents(host).filter_map(|h| self.by_domain.get(h)).flatten().copied()
    }

    /// Whole-word names in folded text.
    pub(super) fn mentions<'a>(
        &'a self,
        text: &'a str,
    ) -> impl Iterator<Item = (BrandIx, Range<usize>)> + 'a {
        self.names.find_iter(text).filter_map(|m| {
            let span = m.start()..m.end();
            is_whole_word(text, &span).then(|| (self.name_owner[m.pattern().as_usize()], span))
        })
    }

    /// The brand that a host imitates: a name in it, whole or almost, though the host is not the brand's.
    pub(super) fn imitated_by(&self, host: &str) -> Option<BrandIx> {
        let registrable = domains::registrable(host)?;
        if self.owners(host).next().is_some() || is_government(host) {
            return None;
        }
        let label = domains::glance(domains::main_label(registrable));
        self.by_piece(host, registrable).or_else(|| self.by_typo(&label))
    }

    /// A brand's name as a piece of the host (`paypal` in `secure-paypal.login.example`).
    fn by_piece(&self, host: &str, registrable: &str) -> Option<BrandIx> {
        let pieces: Vec<String> = domains::name_pieces(host).map(domains::glance).collect();
        let helped = pieces.iter().any(|p| is_lure_word(p));
        let own = domains::glance(domains::main_label(registrable));
        pieces
            .iter()
            .chain(std::iter::once(&own))
            .find_map(|piece| {
                let ix = *self.glances.get(piece)?;
                // A short or everyday name says little without a word such as "login" beside it.
                let telling = piece.len() >= 5 && !self.get(ix).common;
                let alone = pieces.len() == 1 && !is_disguised(host);
                (!alone && (telling || helped)).then_some(ix)
            })
            .or_else(|| self.by_run(&own))
    }

    /// A brand's name run together with a lure word (`paypallogin`, `irsrefund`).
    fn by_run(&self, label: &str) -> Option<BrandIx> {
        LURE_WORDS.iter().find_map(|word| {
            let rest = label.strip_suffix(word).or_else(|| label.strip_prefix(word))?;
            self.glances.get(rest).copied().filter(|_| rest.len() >= 3)
        })
    }

    /// A name of six letters or more, one letter off.
    fn by_typo(&self, label: &str) -> Option<BrandIx> {
        if label.len() < 6 {
            return None;
        }
        let near = |(name, ix): (&String, &BrandIx)| {
            (name.len() >= 6 && !self.get(*ix).common && domains::one_edit_apart(name, label)).then_some(*ix)
        };
        self.glances.iter().filter_map(near).min()
    }
}

/// Words that imitating hosts put beside a name.
const LURE_WORDS: &[&str] = &[
    "login",
    "logon",
    "signin",
    "secure",
    "security",
    "verify",
    "verification",
    "account",
    "accounts",
    "support",
    "help",
    "update",
    "alert",
    "alerts",
    "online",
    "service",
    "services",
    "billing",
    "refund",
    "refunds",
    "pay",
    "payment",
    "payments",
    "tax",
    "gov",
    "center",
    "team",
    "mail",
    "info",
    "confirm",
    "auth",
    "id",
    "my",
    "user",
    "customer",
    "care",
    "notice",
    "delivery",
    "track",
    "tracking",
    "package",
    "parcel",
    "toll",
    "tolls",
    "invoice",
    "unlock",
    "wallet",
    "connect",
    "claim",
    "rewards",
    "bonus",
    "bank",
    "us",
    "usa",
    "official",
    "portal",
    "web",
    "app",
];

fn is_lure_word(piece: &str) -> bool {
    LURE_WORDS.contains(&piece)
}

/// The host itself needed reading "at a glance": digits for letters or another script.
fn is_disguised(host: &str) -> bool {
    domains::registrable(host).is_some_and(|d| {
        let label = domains::main_label(d);
        domains::glance(label) != label
    })
}

fn parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |h| h.split_once('.').map(|(_, parent)| parent))
}

fn is_whole_word(text: &str, span: &Range<usize>) -> bool {
    let bytes = text.as_bytes();
    let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
    let before = span.start.checked_sub(1).and_then(|at| bytes.get(at));
    !word(before) && !word(bytes.get(span.end)) && before != Some(&b'@')
}

fn check(brand: &Brand, ids: &mut BTreeSet<String>) -> Result<(), String> {
    if !ids.insert(brand.id.clone()) {
        return Err(format!("brand `{}` is defined twice", brand.id));
    }
    if brand.names.is_empty() {
        return Err(format!("brand `{}`: expected at least one name", brand.id));
    }
    if let Some(name) = brand.names.iter().find(|n| crate::text::fold_plain(n) != **n || n.len() < 2) {
        return Err(format!(
            "brand `{}`: the name `{name}` is not folded (lower case, no accents)",
            brand.id
        ));
    }
    let domain_like =
        |d: &&String| !d.contains('.') || d.bytes().any(|b| b.is_ascii_uppercase() || b == b'/' || b == b' ');
    match brand.domains.iter().chain(&brand.also).find(domain_like) {
        Some(domain) => Err(format!("brand `{}`: `{domain}` is not a domain in lower case", brand.id)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brands() -> Brands {
        let text = r#"
            [[brand]]
            id = "irs"
            name = "IRS"
            kind = "tax-agency"
            names = ["irs", "internal revenue service"]
            domains = ["irs.gov"]
            also = ["govdelivery.com"]
            [[brand]]
            id = "paypal"
            name = "PayPal"
            kind = "payment-app"
            names = ["paypal"]
            domains = ["paypal.com"]
            [[brand]]
            id = "chase"
            name = "Chase"
            kind = "bank"
            common = true
            names = ["chase", "chase bank"]
            domains = ["chase.com"]
        "#;
        Brands::load("brands.toml", text).expect("valid")
    }

    fn imitated(host: &str) -> Option<String> {
        let brands = brands();
        brands.imitated_by(host).map(|ix| brands.get(ix).id.clone())
    }

    #[test]
    fn imitations() {
        for (host, id) in [
            ("irs.gov.refund-claim.top", "irs"),
            ("irs-gov.com", "irs"),
            ("irsrefund.example", "irs"),
            ("www.paypa1.com", "paypal"),
            ("paypal.account-check.example", "paypal"),
            ("paypai.com", "paypal"),
            ("secure-chase.example", "chase"),
            ("chaselogin.test", "chase"),
        ] {
            assert_eq!(imitated(host).as_deref(), Some(id), "{host}");
        }
    }

    #[test]
    fn honest_names() {
        for host in [
            "irs.gov",
            "www.irs.gov",
            "links-1.govdelivery.com",
            "paypal.com",
            "chase-realty.example",
            "purchase.com",
            "firstbank.example",
            "irish.example",
            "chase.com",
            "10.0.0.1",
            "firs.example",
            "steeple-chase.example",
        ] {
            assert_eq!(imitated(host), None, "{host}");
        }
    }

    #[test]
    fn names_are_whole_words() {
        let brands = brands();
        let found: Vec<_> = brands
            .mentions("the irs and first paypal, info@paypal.example")
            .map(|(ix, s)| (ix.0, s.start))
            .collect();
        assert_eq!(found, [(0, 4), (1, 18)]);
    }

    #[test]
    fn a_public_body_uses_government_names() {
        let brands = brands();
        assert!(
            brands.uses(BrandIx(0), "www.treasury.gov") && brands.uses(BrandIx(0), "links-1.govdelivery.com")
        );
        assert!(!brands.uses(BrandIx(1), "www.treasury.gov") && !brands.uses(BrandIx(0), "irs.gov.example"));
    }
}
