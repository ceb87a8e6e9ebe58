//! The valid configuration.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::service::ServiceLimits;

/// Everything `bypost serve` needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where journal, outbox and lock live.
    pub data_dir: PathBuf,
    /// Who we are.
    pub inbox: Inbox,
    /// Addresses of the SMTP door.
    pub smtp: Vec<SocketAddr>,
    /// Addresses of the LMTP door.
    pub lmtp: Vec<SocketAddr>,
    /// Addresses of the HTTP door (webhook, health, metrics).
    pub http: Vec<SocketAddr>,
    /// Certificate for STARTTLS.
    pub tls: Option<TlsFiles>,
    /// Bounds on the SMTP and LMTP doors.
    pub limits: Limits,
    /// Who is believed to be the sender they say they are.
    pub sender: SenderPolicy,
    /// How much is answered.
    pub answers: Answers,
    /// Where answers go.
    pub outbox: OutboxConfig,
    /// Where messages are kept.
    pub journal: JournalConfig,
    /// Mailboxes that are pulled.
    pub imap: Vec<ImapConfig>,
    /// Maildirs that are watched.
    pub maildir: Vec<MaildirConfig>,
    /// The texting provider's webhook.
    pub webhook: Option<WebhookConfig>,
    /// The engine's data and bounds.
    pub engine: EngineConfig,
    /// How logs are written.
    pub log: LogConfig,
}

/// `[inbox]`: who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbox {
    /// Addresses that messages are taken for, lower case; answers come from the first.
    pub addresses: Vec<String>,
    /// Display name of answers; no control characters.
    pub name: String,
    /// Host name in greetings and Message-IDs.
    pub hostname: String,
    /// Domains of carriers' text gateways, lower case: mail from there is a text.
    pub text_gateways: Vec<String>,
}

impl Inbox {
    /// The address that answers come from.
    pub fn address(&self) -> &str {
        self.addresses.first().map_or("check@localhost", String::as_str)
    }

    /// Whether messages are taken for `address`.
    pub fn takes(&self, address: &str) -> bool {
        self.addresses.iter().any(|a| a.eq_ignore_ascii_case(address))
    }
}

/// `[tls]`: PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// `[limits]`: bounds on the SMTP and LMTP doors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest message, in bytes.
    pub message_bytes: usize,
    /// Recipients of one message.
    pub recipients: usize,
    /// Connections at once, on all mail doors.
    pub connections: usize,
    /// Connections at once from one address that is not trusted.
    pub connections_per_address: usize,
    /// Messages a minute from one address that is not trusted.
    pub messages_per_minute: u32,
    /// Longest silence of a client.
    pub command: Duration,
    /// Longest session.
    pub session: Duration,
    /// How long a client that is not trusted waits for the greeting; who talks before it is refused.
    pub greeting: Duration,
    /// Messages received and not yet judged, beyond which the mail doors answer 451.
    pub waiting: u64,
}

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub(super) address: IpAddr,
    pub(super) bits: u8,
}

impl Network {
    /// Whether `ip` is in it; an IPv4 address mapped into IPv6 is the IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                same_bits(net.to_bits().into(), ip.to_bits().into(), 32, self.bits)
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => same_bits(net.to_bits(), ip.to_bits(), 128, self.bits),
            _ => false,
        }
    }
}

fn same_bits(a: u128, b: u128, width: u8, bits: u8) -> bool {
    let shift = u32::from(width - bits.min(width));
    a.checked_shr(shift).unwrap_or(0) == b.checked_shr(shift).unwrap_or(0)
}

/// `[sender]`: who is believed to be the sender they say they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderPolicy {
    /// Clients that are believed; loopback unless told otherwise.
    pub networks: Vec<Network>,
    /// Senders that are believed without proof, lower case.
    pub addresses: Vec<String>,
    /// Servers whose Authentication-Results are believed (RFC 8601 authserv-ids).
    pub authserv: Vec<String>,
    /// Name servers; `None` uses those of the system, an empty list asks nobody.
    pub dns: Option<Vec<SocketAddr>>,
    /// Longest time for all questions about one message.
    pub dns_patience: Duration,
}

impl SenderPolicy {
    /// Whether a client at `ip` is believed.
    pub fn trusts(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|n| n.contains(ip))
    }
}

/// `[answers]`: how much is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// Answers an hour to one sender.
    pub per_sender_hour: u64,
    /// Answers an hour to everybody together: the breaker.
    pub per_hour: u64,
    /// Forwarded messages of one mail that are judged.
    pub forwards_per_mail: usize,
    /// Further domains that are ours, lower case: mail from them is never answered.
    pub own_domains: Vec<String>,
}

/// `[outbox]`: where answers go.
#[derive(Clone, Debug)]
pub struct OutboxConfig {
    /// The way out.
    pub route: Route,
    /// Answers sent at once.
    pub connections: usize,
    /// Longest time for one answer.
    pub timeout: Duration,
    /// Pause before the first repeat; it doubles each time, up to an hour.
    pub retry: Duration,
    /// How long an answer is tried.
    pub expire: Duration,
    /// Signs answers.
    pub dkim: Option<DkimConfig>,
}

/// The way out.
#[derive(Clone, Debug)]
pub enum Route {
    /// A Maildir.
    Maildir(PathBuf),
    /// A program that takes a message like sendmail.
    Sendmail(PathBuf),
    /// A relay.
    Smtp(Relay),
}

/// A relay.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: RelayTls,
    /// User and password.
    pub login: Option<(String, SecretString)>,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayTls {
    /// Not at all.
    None,
    /// STARTTLS, which must work.
    Starttls,
    /// TLS from the first byte.
    Implicit,
}

/// `[outbox.dkim]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimConfig {
    /// `d=`.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// PEM file of the RSA key.
    pub key: PathBuf,
}

/// `[journal]`: where messages are kept.
#[derive(Clone, Debug)]
pub struct JournalConfig {
    /// Database; it may hold a password.
    pub url: SecretString,
    /// Days after which message and text are erased; 0 keeps them.
    pub retention_days: u64,
}

/// `[[imap]]`: a mailbox that is pulled.
#[derive(Clone, Debug)]
pub struct ImapConfig {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: RelayTls,
    /// User.
    pub user: String,
    /// Password.
    pub password: SecretString,
    /// Folder that is read.
    pub folder: String,
    /// Folder that what was taken is moved to; without one it is flagged as seen and answered.
    pub done_folder: Option<String>,
    /// Longest time between two looks.
    pub poll: Duration,
}

/// `[[maildir]]`: a Maildir that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaildirConfig {
    /// The Maildir (with `new` and `cur` in it).
    pub path: PathBuf,
    /// Longest time between two looks.
    pub rescan: Duration,
}

/// `[webhook]`: the texting provider's webhook.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// The address that the provider calls, as it was told it: part of what is signed.
    pub url: String,
    /// Path of that address.
    pub path: String,
    /// The provider's secret that requests are signed with.
    pub token: SecretString,
}

/// `[engine]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineConfig {
    /// Directory with `data/` and `models/`; `None` uses what is built in.
    pub data: Option<PathBuf>,
    /// Bounds on judging.
    pub limits: ServiceLimits,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// Filter as tracing-subscriber takes it.
    pub level: String,
    /// JSON lines rather than text.
    pub json: bool,
}
