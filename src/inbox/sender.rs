//! Whether the envelope sender is known to have sent the message: trusted clients and servers, DKIM, SPF.
//!
//! Design note: a signature or a trusted header proves the author in From, not the envelope sender. Everybody at a large
//! provider can sign with the provider's domain, so both must be the same address; only SPF speaks of the envelope itself.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use mail_auth::hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, SpfResult, Txt,
};

use crate::config::SenderPolicy;
use crate::guards::Proof;
use crate::message::outer::Outer;

/// TXT records kept; with more the oldest answers are asked again.
const MAX_RECORDS: usize = 10_000;

/// TXT records that were asked for, until they expire.
#[derive(Default)]
pub struct Records {
    known: Mutex<HashMap<Box<str>, (Txt, Instant)>>,
}

impl ResolverCache<Box<str>, Txt> for Records {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: std::borrow::Borrow<Q>,
        Q: std::hash::Hash + Eq + ?Sized,
    {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).filter(|(_, until)| *until > Instant::now()).map(|(txt, _)| txt.clone())
    }

    fn remove<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: std::borrow::Borrow<Q>,
        Q: std::hash::Hash + Eq + ?Sized,
    {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(name).map(|(txt, _)| txt)
    }

    fn insert(&self, key: Box<str>, value: Txt, valid_until: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_RECORDS {
            let now = Instant::now();
            known.retain(|_, (_, until)| *until > now);
            if known.len() >= MAX_RECORDS {
                known.clear();
            }
        }
        known.insert(key, (value, valid_until));
    }
}

/// Asks the DNS, through a cache that tests fill beforehand.
pub struct Resolver {
    authenticator: MessageAuthenticator,
    records: Records,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver {
    /// A resolver over the named servers, or the system's; `None` when nobody is to be asked.
    ///
    /// # Errors
    /// The system's configuration cannot be read.
    pub fn new(servers: Option<&[SocketAddr]>) -> Result<Option<Self>, String> {
        let authenticator = match servers {
            Some([]) => return Ok(None),
            Some(servers) => {
                let servers = servers.iter().map(name_server).collect();
                MessageAuthenticator::new(
                    ResolverConfig::from_parts(None, Vec::new(), servers),
                    ResolverOpts::default(),
                )
            }
            None => MessageAuthenticator::new_system_conf(),
        };
        let authenticator = authenticator.map_err(|e| format!("the resolver cannot be set up: {e}"))?;
        Ok(Some(Self { authenticator, records: Records::default() }))
    }

    /// A resolver that knows `records` beforehand and asks `servers` for others.
    #[must_use]
    pub fn knowing(mut self, records: Records) -> Self {
        self.records = records;
        self
    }

    /// SPF for the envelope sender.
    async fn spf(&self, client: IpAddr, helo: &str, host: &str, sender: &str) -> SpfResult {
        let question = SpfParameters::verify_mail_from(client, helo, host, sender);
        self.authenticator.verify_spf(Parameters::new(question).with_txt_cache(&self.records)).await.result()
    }

    /// The author, if a signature of the author's own domain verifies.
    async fn signed_author(&self, bytes: &[u8]) -> Option<String> {
        let message = AuthenticatedMessage::parse(bytes)?;
        let [author] = message.froms() else { return None };
        let domain = domain_of(author)?;
        let outputs =
            self.authenticator.verify_dkim(Parameters::new(&message).with_txt_cache(&self.records)).await;
        let own = outputs.iter().any(|o| {
            // A signature over the beginning of the body only (`l=`) lets anyone write the rest.
            let whole = o.signature().filter(|s| s.l == 0);
            *o.result() == DkimResult::Pass && whole.is_some_and(|s| aligned(&s.d, domain))
        });
        own.then(|| author.clone())
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

/// What a door knows of where a message came from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client.
    pub client: Option<IpAddr>,
    /// What it called itself.
    pub helo: String,
    /// Envelope sender.
    pub sender: String,
}

/// How it is known that `origin.sender` sent the message; total: what cannot be found out is not known.
pub async fn prove(
    policy: &SenderPolicy,
    resolver: Option<&Resolver>,
    hostname: &str,
    origin: &Origin,
    outer: &Outer,
    bytes: &[u8],
) -> Proof {
    if origin.sender.is_empty() {
        return Proof::Not("null sender".into());
    }
    if origin.client.is_some_and(|ip| policy.trusts(ip)) {
        return Proof::Network;
    }
    if policy.addresses.iter().any(|a| a.eq_ignore_ascii_case(&origin.sender)) {
        return Proof::Listed;
    }
    if by_header(outer, &origin.sender) {
        return Proof::Header;
    }
    let Some(resolver) = resolver else { return Proof::Not("no resolver is set".into()) };
    match tokio::time::timeout(policy.dns_patience, ask(resolver, hostname, origin, bytes)).await {
        Ok(proof) => proof,
        Err(_) => Proof::Not("the name servers did not answer in time".into()),
    }
}

async fn ask(resolver: &Resolver, hostname: &str, origin: &Origin, bytes: &[u8]) -> Proof {
    let author = resolver.signed_author(bytes).await;
    if author.is_some_and(|a| a.eq_ignore_ascii_case(&origin.sender)) {
        return Proof::Dkim;
    }
    let Some(client) = origin.client else { return Proof::Not("dkim: no signature of the sender".into()) };
    match resolver.spf(client, &origin.helo, hostname, &origin.sender).await {
        SpfResult::Pass => Proof::Spf,
        other => Proof::Not(format!("dkim: no signature of the sender; spf: {}", spf_word(other))),
    }
}

fn spf_word(result: SpfResult) -> &'static str {
    match result {
        SpfResult::Pass => "pass",
        SpfResult::Fail => "fail",
        SpfResult::SoftFail => "softfail",
        SpfResult::Neutral => "neutral",
        SpfResult::TempError => "temperror",
        SpfResult::PermError => "permerror",
        SpfResult::None => "none",
    }
}

/// Trusted results, topmost first: the first result of each method counts, for those below may have come with the mail.
fn by_header(outer: &Outer, sender: &str) -> bool {
    let Some(domain) = domain_of(sender) else { return false };
    let spf = outer.auth.iter().find_map(|a| a.spf.as_ref());
    let spf = spf.is_some_and(|(result, by)| result == "pass" && by.eq_ignore_ascii_case(domain));
    let dkim = outer.auth.iter().find(|a| !a.dkim.is_empty());
    let dkim =
        dkim.is_some_and(|a| a.dkim.iter().any(|(result, by)| result == "pass" && aligned(by, domain)));
    let dmarc = outer.auth.iter().find_map(|a| a.dmarc.as_ref());
    let dmarc = dmarc.is_some_and(|(result, by)| result == "pass" && aligned(by, domain));
    spf || ((dkim || dmarc) && outer.from.eq_ignore_ascii_case(sender))
}

fn domain_of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain).filter(|d| !d.is_empty())
}

/// Relaxed alignment (RFC 7489 section 3.1.1): the same registrable domain.
fn aligned(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let registrable = |d: &str| psl::domain_str(d).map(str::to_owned);
    one == other || registrable(&one).is_some_and(|d| registrable(&other) == Some(d))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use mail_auth::common::parse::TxtRecordParser;
    use mail_auth::spf::Spf;

    use super::*;
    use crate::message::AuthResults;

    fn policy(text: &str) -> SenderPolicy {
        let flags = crate::config::Flags::default();
        crate::config::Config::parse("test", text, &flags, &|_| None).expect("valid").sender
    }

    /// Nobody listens at the server: every answer is one that the test gave.
    fn resolver(records: &[(&str, &str)]) -> Resolver {
        let nobody = [SocketAddr::from(([127, 0, 0, 1], 9))];
        let known = Records::default();
        for (name, text) in records {
            let txt = Txt::Spf(Arc::new(Spf::parse(text.as_bytes()).expect("record")));
            known.insert((*name).into(), txt, Instant::now() + Duration::from_secs(600));
        }
        Resolver::new(Some(&nobody)).expect("resolver").expect("set").knowing(known)
    }

    fn origin(ip: &str) -> Origin {
        let client = Some(ip.parse().expect("ip"));
        Origin { client, helo: "mail.good.example".into(), sender: "ana@good.example".into() }
    }

    async fn proof(policy: &SenderPolicy, origin: &Origin, outer: &Outer) -> Proof {
        let resolver = resolver(&[("good.example.", "v=spf1 ip4:192.0.2.10 -all")]);
        prove(policy, Some(&resolver), "inbox.example", origin, outer, b"From: ana@good.example\r\n\r\nhi")
            .await
    }

    #[tokio::test]
    async fn loopback_and_listed_senders_are_believed() {
        let outer = Outer::default();
        assert_eq!(proof(&policy(""), &origin("127.0.0.1"), &outer).await, Proof::Network);
        let listed = policy("[sender]\ntrusted_addresses = [\"Ana@good.example\"]");
        assert_eq!(proof(&listed, &origin("192.0.2.66"), &outer).await, Proof::Listed);
        let null = Origin { sender: String::new(), ..origin("127.0.0.1") };
        assert!(!proof(&policy(""), &null, &outer).await.holds());
    }

    #[tokio::test]
    async fn spf_decides_by_the_client() {
        let outer = Outer::default();
        assert_eq!(proof(&policy(""), &origin("192.0.2.10"), &outer).await, Proof::Spf);
        let forged = proof(&policy(""), &origin("192.0.2.66"), &outer).await;
        assert_eq!(forged, Proof::Not("dkim: no signature of the sender; spf: fail".into()));
    }

    #[test]
    fn trusted_headers_must_speak_of_the_sender() {
        let auth =
            |spf: Option<(&str, &str)>, dkim: &[(&str, &str)], dmarc: Option<(&str, &str)>| AuthResults {
                server: "mx.inbox.example".into(),
                spf: spf.map(|(a, b)| (a.into(), b.into())),
                dkim: dkim.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect(),
                dmarc: dmarc.map(|(a, b)| (a.into(), b.into())),
            };
        let cases = [
            (auth(Some(("pass", "good.example")), &[], None), "x@else.example", true),
            (auth(Some(("pass", "evil.example")), &[], None), "ana@good.example", false),
            (auth(None, &[("pass", "mail.good.example")], None), "ana@good.example", true),
            (auth(None, &[("pass", "good.example")], None), "bob@good.example", false),
            (
                auth(None, &[("fail", "good.example")], Some(("pass", "good.example"))),
                "ana@good.example",
                true,
            ),
            (auth(None, &[], Some(("fail", "good.example"))), "ana@good.example", false),
        ];
        for (results, from, known) in cases {
            let outer = Outer { from: from.into(), auth: vec![results], ..Outer::default() };
            assert_eq!(by_header(&outer, "ana@good.example"), known, "{outer:?}");
        }
        let below = vec![
            auth(Some(("fail", "good.example")), &[], None),
            auth(Some(("pass", "good.example")), &[], None),
        ];
        let outer = Outer { auth: below, ..Outer::default() };
        assert!(!by_header(&outer, "ana@good.example"), "only the topmost result counts");
    }

    #[test]
    fn alignment_is_by_registrable_domain() {
        assert!(aligned("good.example", "mail.GOOD.example"));
        assert!(!aligned("evil.example", "good.example"));
        assert!(!aligned("co.uk", "bank.co.uk"));
    }
}
