//! The configuration as it is written: every key optional, unknown keys refused.

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) data_dir: Option<String>,
    pub(super) inbox: RawInbox,
    pub(super) smtp: RawDoor,
    pub(super) lmtp: RawDoor,
    pub(super) http: RawDoor,
    pub(super) tls: Option<RawTls>,
    pub(super) limits: RawLimits,
    pub(super) sender: RawSender,
    pub(super) answers: RawAnswers,
    pub(super) outbox: RawOutbox,
    pub(super) journal: RawJournal,
    pub(super) imap: Vec<RawImap>,
    pub(super) maildir: Vec<RawMaildir>,
    pub(super) webhook: Option<RawWebhook>,
    pub(super) engine: RawEngine,
    pub(super) log: RawLog,
}

/// `[inbox]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawInbox {
    pub(super) addresses: Option<Vec<String>>,
    pub(super) name: Option<String>,
    pub(super) hostname: Option<String>,
    pub(super) text_gateways: Vec<String>,
}

/// `[smtp]`, `[lmtp]`, `[http]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDoor {
    pub(super) listen: Option<Vec<String>>,
}

/// `[tls]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// `[limits]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    pub(super) message_bytes: Option<u64>,
    pub(super) recipients: Option<u64>,
    pub(super) connections: Option<u64>,
    pub(super) connections_per_address: Option<u64>,
    pub(super) messages_per_minute: Option<u64>,
    pub(super) command_seconds: Option<u64>,
    pub(super) session_seconds: Option<u64>,
    pub(super) greeting_milliseconds: Option<u64>,
    pub(super) waiting: Option<u64>,
}

/// `[sender]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSender {
    pub(super) trusted_networks: Option<Vec<String>>,
    pub(super) trusted_addresses: Vec<String>,
    pub(super) trusted_authserv: Vec<String>,
    pub(super) dns: Option<Vec<String>>,
    pub(super) dns_seconds: Option<u64>,
}

/// `[answers]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAnswers {
    pub(super) per_sender_hour: Option<u64>,
    pub(super) per_hour: Option<u64>,
    pub(super) forwards_per_mail: Option<u64>,
    pub(super) own_domains: Vec<String>,
}

/// `[outbox]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOutbox {
    pub(super) kind: Option<String>,
    pub(super) path: Option<String>,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) tls: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) connections: Option<u64>,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) retry_seconds: Option<u64>,
    pub(super) expire_hours: Option<u64>,
    pub(super) dkim: Option<RawDkim>,
}

/// `[outbox.dkim]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDkim {
    pub(super) domain: String,
    pub(super) selector: String,
    pub(super) key: String,
}

/// `[journal]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawJournal {
    pub(super) url: Option<String>,
    pub(super) retention_days: Option<u64>,
}

/// `[[imap]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawImap {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) tls: Option<String>,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) folder: Option<String>,
    pub(super) done_folder: Option<String>,
    pub(super) poll_seconds: Option<u64>,
}

/// `[[maildir]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMaildir {
    pub(super) path: String,
    pub(super) rescan_seconds: Option<u64>,
}

/// `[webhook]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWebhook {
    pub(super) url: String,
    pub(super) token: Option<String>,
}

/// `[engine]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawEngine {
    pub(super) data: Option<String>,
    pub(super) concurrent: Option<u64>,
    pub(super) patience_seconds: Option<u64>,
}

/// `[log]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLog {
    pub(super) level: Option<String>,
    pub(super) format: Option<String>,
}
