//! Labelled messages: where they come from and which of them may train.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::message::Channel;

/// A labelled message.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Source it belongs to; whole sources are left out in evaluation.
    pub source: String,
    /// Template, campaign or mailbox: messages that must stay on one side of a split.
    pub group: String,
    /// A scam (true) or genuine.
    pub scam: bool,
    /// How it came.
    pub channel: Channel,
    /// The message.
    pub bytes: Vec<u8>,
}

/// Most rows of one class that one source may give, so that none dominates.
const MAX_PER_CLASS: usize = 500;

/// Mail folders with `labels.tsv` whose licence lets them train the shipped model.
const MAIL: &[&str] = &["spamassassin", "delivery_notices", "bounces", "travel"];

/// Text files whose licence lets them train the shipped model; `product_mail` says so for every message.
const TEXTS: &[&str] =
    &["enron_ham", "india_sms", "mishra_soni", "nazario", "product_mail", "tax_help_notices", "uci_sms"];

/// Every row that may train: the project's own messages, and the public corpora where they are present.
///
/// # Errors
/// A file cannot be read, or a line is not what it should be (file and line are named).
pub fn load(own: &Path, corpora: Option<&Path>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for file in sorted(own)? {
        if file.extension().is_some_and(|e| e == "jsonl") {
            rows.extend(read_jsonl(&file, "own")?);
        }
    }
    if let Some(corpora) = corpora {
        for name in MAIL {
            rows.extend(limited(read_mail(&corpora.join("mail").join(name), name)?));
        }
        for name in TEXTS {
            rows.extend(limited(read_jsonl(&corpora.join("texts").join(format!("{name}.jsonl")), name)?));
        }
    }
    Ok(rows)
}

/// At most [`MAX_PER_CLASS`] rows a class, chosen by the digest of the message: the same ones every time.
fn limited(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_cached_key(|row| *blake3::hash(&row.bytes).as_bytes());
    let mut kept = [0usize; 2];
    rows.retain(|row| {
        kept[usize::from(row.scam)] += 1;
        kept[usize::from(row.scam)] <= MAX_PER_CLASS
    });
    rows
}

fn sorted(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(dir).with_context(|| format!("{}: cannot read the directory", dir.display()))?;
    let mut paths = entries.map(|e| Ok(e?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// A folder of `*.eml` with `labels.tsv` (file, label, language, date, group).
fn read_mail(dir: &Path, source: &str) -> Result<Vec<Row>> {
    let table = dir.join("labels.tsv");
    let text = std::fs::read_to_string(&table)
        .with_context(|| format!("{}: cannot read the file", table.display()))?;
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [file, label, ..] = fields[..] else {
            bail!("{}:{}: expected at least file and label", table.display(), number + 1);
        };
        let Some(scam) = label_of(label) else { continue };
        let path = dir.join(file);
        let bytes =
            std::fs::read(&path).with_context(|| format!("{}: cannot read the file", path.display()))?;
        let group =
            fields.get(4).filter(|g| !g.is_empty()).map_or_else(|| file.to_owned(), |g| (*g).to_owned());
        rows.push(Row { source: source.into(), group, scam, channel: Channel::Email, bytes });
    }
    Ok(rows)
}

/// Unwanted advertising is no scam and not genuine either: it is left out.
fn label_of(label: &str) -> Option<bool> {
    match label {
        "scam" => Some(true),
        "genuine" => Some(false),
        _ => None,
    }
}

/// One line of a JSON Lines file of messages, labelled or not.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    #[serde(default)]
    label: String,
    #[serde(default)]
    template: Option<String>,
    #[serde(default)]
    id: Option<String>,
    /// `email`, `text`, `voicemail`; public corpora say `kind`: `email-body` or `text`.
    #[serde(default, alias = "kind")]
    channel: Option<String>,
    #[serde(default)]
    raw: Option<String>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    html: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    train: Option<bool>,
}

fn read_jsonl(path: &Path, source: &str) -> Result<Vec<Row>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("{}: cannot read the file", path.display()))?;
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let place = || format!("{}:{}", path.display(), number + 1);
        let line: Line =
            serde_json::from_str(line).with_context(|| format!("{}: not a labelled message", place()))?;
        if line.train == Some(false) {
            continue;
        }
        let Some(scam) = label_of(&line.label) else { continue };
        rows.push(row(line, source, scam).with_context(place)?);
    }
    Ok(rows)
}

fn row(line: Line, source: &str, scam: bool) -> Result<Row> {
    let channel = line.known_channel()?;
    let group = line.template.clone().or(line.source.clone()).or(line.id.clone()).unwrap_or_default();
    Ok(Row { source: source.into(), group, scam, channel, bytes: line.bytes(channel) })
}

impl Line {
    /// The channel named by the line; a complete mail needs none.
    pub(crate) fn known_channel(&self) -> Result<Channel> {
        match self.channel.as_deref() {
            Some("email" | "email-body") => Ok(Channel::Email),
            Some("voicemail") => Ok(Channel::Voicemail),
            Some("text") => Ok(Channel::Text),
            None => {
                Ok(if self.raw.is_some() || self.subject.is_some() { Channel::Email } else { Channel::Text })
            }
            Some(other) => bail!("channel {other:?}: expected email, text or voicemail"),
        }
    }

    /// The message as bytes: the mail as it is, or a body with the header fields that are known.
    pub(crate) fn bytes(&self, channel: Channel) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone().into_bytes();
        }
        if channel == Channel::Email {
            return mail_of(self).into_bytes();
        }
        let text = self.text.clone().unwrap_or_default();
        self.from.as_ref().map_or_else(|| text.clone(), |from| format!("From: {from}\n\n{text}")).into_bytes()
    }
}

/// A body without header as the mail it was, with the fields that are known.
fn mail_of(line: &Line) -> String {
    let one_line = |text: &str| text.replace(['\r', '\n'], " ");
    let mut mail = String::new();
    if let Some(from) = &line.from {
        mail.push_str(&format!("From: {}\n", one_line(from)));
    }
    mail.push_str(&format!("Subject: {}\n", one_line(line.subject.as_deref().unwrap_or_default())));
    let (kind, body) = match (&line.html, &line.text) {
        (Some(html), _) => ("html", html),
        (None, Some(text)) => ("plain", text),
        (None, None) => ("plain", &String::new()),
    };
    mail.push_str(&format!("MIME-Version: 1.0\nContent-Type: text/{kind}; charset=utf-8\n\n{body}"));
    mail
}
