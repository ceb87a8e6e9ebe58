//! From what is written to what is valid.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::raw::*;
use super::*;
use crate::service::ServiceLimits;

pub(super) struct Checker<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) environment: Environment<'a>,
}

type Checked<T> = Result<T, ConfigError>;

impl Checker<'_> {
    pub(super) fn config(&self, raw: RawConfig, flags: &Flags) -> Checked<Config> {
        let data_dir = flags.data_dir.clone().or_else(|| raw.data_dir.map(PathBuf::from));
        let data_dir = data_dir.unwrap_or_else(|| PathBuf::from("bypost-data"));
        let limits = self.limits(&raw.limits)?;
        Ok(Config {
            inbox: self.inbox(raw.inbox)?,
            smtp: self.door("smtp", raw.smtp, flags.smtp.as_ref(), "127.0.0.1:2525")?,
            lmtp: self.door("lmtp", raw.lmtp, flags.lmtp.as_ref(), "")?,
            http: self.door("http", raw.http, flags.http.as_ref(), "127.0.0.1:8025")?,
            tls: raw.tls.map(|t| TlsFiles { certificate: t.certificate.into(), key: t.key.into() }),
            sender: self.sender(raw.sender)?,
            answers: self.answers(raw.answers)?,
            outbox: self.outbox(raw.outbox, &data_dir)?,
            journal: self.journal(raw.journal, &data_dir)?,
            imap: self.imap(raw.imap)?,
            maildir: self.maildir(raw.maildir)?,
            webhook: raw.webhook.map(|w| self.webhook(w)).transpose()?,
            engine: self.engine(&raw.engine, limits.message_bytes)?,
            log: self.log(raw.log)?,
            limits,
            data_dir,
        })
    }

    /// An error at the line where `value` is written, if it can be found.
    fn wrong(&self, key: &str, value: &str, expected: &str) -> ConfigError {
        let what = format!("`{key}` is `{}`; expected {expected}", value.escape_debug());
        let leaf = key.rsplit('.').next().unwrap_or(key);
        let named = |l: &str| l.trim_start().starts_with(leaf);
        let tests: [&dyn Fn(&str) -> bool; 3] =
            [&|l| named(l) && l.contains(value), &named, &|l| !value.is_empty() && l.contains(value)];
        let number = tests.iter().find_map(|test| self.text.lines().position(test));
        ConfigError { file: self.name.to_owned(), line: number.map(|n| n + 1), what }
    }

    fn number(&self, key: &str, value: Option<u64>, default: u64, least: u64, most: u64) -> Checked<u64> {
        let value = value.unwrap_or(default);
        if (least..=most).contains(&value) {
            return Ok(value);
        }
        Err(self.wrong(key, &value.to_string(), &format!("a number from {least} to {most}")))
    }

    fn seconds(&self, key: &str, value: Option<u64>, default: u64) -> Checked<Duration> {
        self.number(key, value, default, 1, 86_400).map(Duration::from_secs)
    }

    fn inbox(&self, raw: RawInbox) -> Checked<Inbox> {
        let addresses = raw.addresses.unwrap_or_else(|| vec!["check@localhost".to_owned()]);
        if addresses.is_empty() {
            return Err(self.wrong("inbox.addresses", "[]", "at least one address"));
        }
        for address in &addresses {
            self.address("inbox.addresses", address)?;
        }
        let name = raw.name.unwrap_or_else(|| "bypost".to_owned());
        if name.chars().any(|c| c.is_control() || c == '"' || c == '\\') || name.len() > 100 {
            return Err(self.wrong(
                "inbox.name",
                &name,
                "at most 100 bytes without quotes and control characters",
            ));
        }
        let domain = addresses[0].rsplit_once('@').map_or("localhost", |(_, d)| d).to_owned();
        let hostname = raw.hostname.unwrap_or(domain);
        self.domain("inbox.hostname", &hostname)?;
        Ok(Inbox {
            addresses: lower(addresses),
            name,
            hostname,
            text_gateways: self.domains("inbox.text_gateways", raw.text_gateways)?,
        })
    }

    fn address(&self, key: &str, address: &str) -> Checked<()> {
        let parts = address.rsplit_once('@');
        let fine = parts.is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
        if fine { Ok(()) } else { Err(self.wrong(key, address, "an address like check@example.org")) }
    }

    fn domain(&self, key: &str, domain: &str) -> Checked<()> {
        if is_domain(domain) { Ok(()) } else { Err(self.wrong(key, domain, "a domain like example.org")) }
    }

    fn domains(&self, key: &str, domains: Vec<String>) -> Checked<Vec<String>> {
        domains.iter().try_for_each(|d| self.domain(key, d))?;
        Ok(lower(domains))
    }

    /// A flag replaces the file's addresses; a flag or a list without an address closes the door.
    fn door(
        &self,
        key: &str,
        raw: RawDoor,
        flag: Option<&String>,
        default: &str,
    ) -> Checked<Vec<SocketAddr>> {
        let written = match flag {
            Some(flag) => vec![flag.clone()],
            None => raw.listen.unwrap_or_else(|| vec![default.to_owned()]),
        };
        let named = written.iter().filter(|a| !a.is_empty() && *a != "off");
        named.map(|a| self.socket(&format!("{key}.listen"), a)).collect()
    }

    fn socket(&self, key: &str, written: &str) -> Checked<SocketAddr> {
        written.parse().map_err(|_| self.wrong(key, written, "an address and port like 127.0.0.1:2525"))
    }

    fn limits(&self, raw: &RawLimits) -> Checked<Limits> {
        let number = |key, value, default, least, most| {
            self.number(&format!("limits.{key}"), value, default, least, most)
        };
        let greeting = number("greeting_milliseconds", raw.greeting_milliseconds, 300, 0, 60_000)?;
        Ok(Limits {
            message_bytes: number("message_bytes", raw.message_bytes, 25 << 20, 1_024, 256 << 20)? as usize,
            recipients: number("recipients", raw.recipients, 100, 1, 10_000)? as usize,
            connections: number("connections", raw.connections, 500, 1, 100_000)? as usize,
            connections_per_address: number(
                "connections_per_address",
                raw.connections_per_address,
                20,
                1,
                100_000,
            )? as usize,
            messages_per_minute: number("messages_per_minute", raw.messages_per_minute, 60, 1, 1_000_000)?
                as u32,
            command: self.seconds("limits.command_seconds", raw.command_seconds, 60)?,
            session: self.seconds("limits.session_seconds", raw.session_seconds, 1_800)?,
            greeting: Duration::from_millis(greeting),
            waiting: number("waiting", raw.waiting, 100_000, 1, 100_000_000)?,
        })
    }

    fn sender(&self, raw: RawSender) -> Checked<SenderPolicy> {
        let networks = match raw.trusted_networks {
            Some(written) => written.iter().map(|n| self.network(n)).collect::<Checked<Vec<_>>>()?,
            None => vec![
                Network { address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), bits: 8 },
                Network { address: IpAddr::V6(Ipv6Addr::LOCALHOST), bits: 128 },
            ],
        };
        for address in &raw.trusted_addresses {
            self.address("sender.trusted_addresses", address)?;
        }
        let dns = raw.dns.map(|d| d.iter().map(|a| self.name_server(a)).collect::<Checked<Vec<_>>>());
        Ok(SenderPolicy {
            networks,
            addresses: lower(raw.trusted_addresses),
            authserv: lower(raw.trusted_authserv),
            dns: dns.transpose()?,
            dns_patience: self.seconds("sender.dns_seconds", raw.dns_seconds, 10)?,
        })
    }

    fn name_server(&self, written: &str) -> Checked<SocketAddr> {
        if let Ok(ip) = written.parse::<IpAddr>() {
            return Ok(SocketAddr::new(ip, 53));
        }
        self.socket("sender.dns", written)
    }

    fn network(&self, written: &str) -> Checked<Network> {
        let (address, bits) = written.split_once('/').map_or((written, None), |(a, b)| (a, Some(b)));
        let parsed = address.parse::<IpAddr>().ok().and_then(|address| {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(most), |b| b.parse().ok().filter(|b| *b <= most))?;
            Some(Network { address, bits })
        });
        parsed.ok_or_else(|| self.wrong("sender.trusted_networks", written, "a network like 192.0.2.0/24"))
    }

    fn answers(&self, raw: RawAnswers) -> Checked<Answers> {
        Ok(Answers {
            per_sender_hour: self.number("answers.per_sender_hour", raw.per_sender_hour, 20, 1, 1_000_000)?,
            per_hour: self.number("answers.per_hour", raw.per_hour, 2_000, 1, 100_000_000)?,
            forwards_per_mail: self.number("answers.forwards_per_mail", raw.forwards_per_mail, 10, 1, 50)?
                as usize,
            own_domains: self.domains("answers.own_domains", raw.own_domains)?,
        })
    }

    fn outbox(&self, raw: RawOutbox, data_dir: &Path) -> Checked<OutboxConfig> {
        let seconds = |key: &str, value, default| self.seconds(&format!("outbox.{key}"), value, default);
        let (timeout, retry) = (
            seconds("timeout_seconds", raw.timeout_seconds, 60)?,
            seconds("retry_seconds", raw.retry_seconds, 60)?,
        );
        let expire = self.number("outbox.expire_hours", raw.expire_hours, 48, 1, 24 * 30)?;
        let connections = self.number("outbox.connections", raw.connections, 4, 1, 100)? as usize;
        let dkim = raw.dkim.as_ref().map(|d| self.dkim(d)).transpose()?;
        let route = self.route(raw, data_dir)?;
        Ok(OutboxConfig {
            route,
            connections,
            timeout,
            retry,
            expire: Duration::from_secs(expire * 3_600),
            dkim,
        })
    }

    fn dkim(&self, raw: &RawDkim) -> Checked<DkimConfig> {
        self.domain("outbox.dkim.domain", &raw.domain)?;
        self.domain("outbox.dkim.selector", &raw.selector)?;
        let (domain, selector) = (raw.domain.clone(), raw.selector.clone());
        Ok(DkimConfig { domain, selector, key: PathBuf::from(&raw.key) })
    }

    fn route(&self, raw: RawOutbox, data_dir: &Path) -> Checked<Route> {
        let path = |default: PathBuf| raw.path.clone().map_or(default, PathBuf::from);
        match raw.kind.as_deref().unwrap_or("maildir") {
            "maildir" => Ok(Route::Maildir(path(data_dir.join("outbox")))),
            "sendmail" => Ok(Route::Sendmail(path("/usr/sbin/sendmail".into()))),
            "smtp" => self.relay(raw).map(Route::Smtp),
            other => Err(self.wrong("outbox.kind", other, "maildir, sendmail or smtp")),
        }
    }

    fn relay(&self, raw: RawOutbox) -> Checked<Relay> {
        let host =
            raw.host.ok_or_else(|| self.wrong("outbox.host", "", "the relay's name, since kind is smtp"))?;
        let tls = self.tls("outbox.tls", raw.tls.as_deref().unwrap_or("starttls"))?;
        let port = raw.port.unwrap_or(match tls {
            RelayTls::None => 25,
            RelayTls::Starttls => 587,
            RelayTls::Implicit => 465,
        });
        let login = match raw.user {
            Some(user) => {
                Some((user, self.secret("outbox.password", raw.password, "BYPOST_OUTBOX_PASSWORD")?))
            }
            None => None,
        };
        Ok(Relay { host, port, tls, login })
    }

    fn tls(&self, key: &str, written: &str) -> Checked<RelayTls> {
        match written {
            "none" => Ok(RelayTls::None),
            "starttls" => Ok(RelayTls::Starttls),
            "implicit" => Ok(RelayTls::Implicit),
            other => Err(self.wrong(key, other, "none, starttls or implicit")),
        }
    }

    /// A secret: the environment wins, so that none need stand in a file.
    fn secret(&self, key: &str, written: Option<String>, variable: &str) -> Checked<SecretString> {
        let value = (self.environment)(variable).or(written).filter(|v| !v.is_empty());
        let expected = format!("a secret here or in the environment variable {variable}");
        value.map(SecretString::from).ok_or_else(|| self.wrong(key, "", &expected))
    }

    fn journal(&self, raw: RawJournal, data_dir: &Path) -> Checked<JournalConfig> {
        let default = format!("sqlite://{}?mode=rwc", data_dir.join("journal.sqlite").display());
        let url = (self.environment)("BYPOST_JOURNAL_URL").or(raw.url).unwrap_or(default);
        if !url.starts_with("sqlite:") {
            // The address may hold a password, so it is not shown.
            return Err(self.wrong("journal.url", "", "an address that begins with sqlite:"));
        }
        let retention_days = self.number("journal.retention_days", raw.retention_days, 90, 0, 36_500)?;
        Ok(JournalConfig { url: url.into(), retention_days })
    }

    fn imap(&self, raw: Vec<RawImap>) -> Checked<Vec<ImapConfig>> {
        raw.into_iter().enumerate().map(|(number, r)| self.mailbox(number, r)).collect()
    }

    fn mailbox(&self, number: usize, raw: RawImap) -> Checked<ImapConfig> {
        let tls = self.tls("imap.tls", raw.tls.as_deref().unwrap_or("implicit"))?;
        if tls == RelayTls::Starttls {
            return Err(self.wrong("imap.tls", "starttls", "implicit, or none on loopback"));
        }
        let variable = if number == 0 {
            "BYPOST_IMAP_PASSWORD".into()
        } else {
            format!("BYPOST_IMAP_PASSWORD_{}", number + 1)
        };
        Ok(ImapConfig {
            host: raw.host,
            port: raw.port.unwrap_or(if tls == RelayTls::None { 143 } else { 993 }),
            tls,
            user: raw.user,
            password: self.secret("imap.password", raw.password, &variable)?,
            folder: raw.folder.unwrap_or_else(|| "INBOX".into()),
            done_folder: raw.done_folder,
            poll: self.seconds("imap.poll_seconds", raw.poll_seconds, 60)?,
        })
    }

    fn maildir(&self, raw: Vec<RawMaildir>) -> Checked<Vec<MaildirConfig>> {
        let one = |raw: RawMaildir| {
            let rescan = self.seconds("maildir.rescan_seconds", raw.rescan_seconds, 30)?;
            Ok(MaildirConfig { path: raw.path.into(), rescan })
        };
        raw.into_iter().map(one).collect()
    }

    fn webhook(&self, raw: RawWebhook) -> Checked<WebhookConfig> {
        let url = url::Url::parse(&raw.url).ok().filter(|u| matches!(u.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| {
            self.wrong("webhook.url", &raw.url, "an address like https://mail.example.org/text")
        })?;
        let token = self.secret("webhook.token", raw.token, "BYPOST_WEBHOOK_TOKEN")?;
        Ok(WebhookConfig { path: url.path().to_owned(), url: raw.url, token })
    }

    fn engine(&self, raw: &RawEngine, message_bytes: usize) -> Checked<EngineConfig> {
        let default = ServiceLimits::default();
        let concurrent =
            self.number("engine.concurrent", raw.concurrent, default.concurrent as u64, 1, 1_024)? as usize;
        let patience = self.seconds("engine.patience_seconds", raw.patience_seconds, 10)?;
        let limits = ServiceLimits { message_bytes, concurrent, patience, ..default };
        Ok(EngineConfig { data: raw.data.clone().map(PathBuf::from), limits })
    }

    fn log(&self, raw: RawLog) -> Checked<LogConfig> {
        let json = match raw.format.as_deref().unwrap_or("text") {
            "text" => false,
            "json" => true,
            other => return Err(self.wrong("log.format", other, "text or json")),
        };
        let level = (self.environment)("BYPOST_LOG").or(raw.level).unwrap_or_else(|| "info".into());
        Ok(LogConfig { level, json })
    }
}

fn lower(words: Vec<String>) -> Vec<String> {
    words.into_iter().map(|w| w.to_lowercase()).collect()
}

fn is_local(local: &str) -> bool {
    let fine = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[]\\,;:\"@".contains(c);
    !local.is_empty() && local.len() <= 64 && local.chars().all(fine)
}

fn is_domain(domain: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && l.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    domain.len() <= 253 && domain.split('.').all(label)
}
