//! Labelled messages: where they come from and which of them may train.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::message::Channel;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// What an honest sender wrote.
    Genuine,
    /// Unwanted advertising: no scam, and no example of honest mail.
    Spam,
    /// It tries to steal money or secrets.
    Scam,
}

/// A labelled message.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Source it belongs to; whole sources are left out in evaluation.
    pub source: String,
    /// Who collected or wrote it: the source, for the project's own messages the file.
    pub hand: String,
    /// Id, or file and line, for reports.
    pub id: String,
    /// Template, campaign or mailbox: messages that must stay on one side of a split.
    pub group: String,
    /// What it is.
    pub truth: Truth,
    /// How it came.
    pub channel: Channel,
    /// Year in which it was sent, where known.
    pub year: Option<u16>,
    /// It may train a model: its licence allows it, and it is not held back.
    pub trains: bool,
    /// The message.
    pub bytes: Vec<u8>,
}

impl Row {
    /// Whether it is a scam.
    pub fn scam(&self) -> bool {
        self.truth == Truth::Scam
    }
}

/// Source name of the project's own messages.
pub const OWN: &str = "own";

/// Source name of an operator's own labels.
pub(super) const EXTRA: &str = "extra";

/// Most rows of one class that one source may give, so that none dominates.
const MAX_PER_CLASS: usize = 250;

/// Most rows of one template or campaign that train.
const MAX_PER_GROUP: usize = 8;

/// A public corpus and whether its licence lets it train the shipped model (`product_mail` says so for every message).
struct Corpus {
    name: &'static str,
    trains: bool,
    /// Year of its last messages, for rows that have no date.
    year: u16,
}

const fn corpus(name: &'static str, trains: bool, year: u16) -> Corpus {
    Corpus { name, trains, year }
}

/// Mail folders with `labels.tsv`.
const MAIL: &[Corpus] = &[
    corpus("bounces", true, 2020),
    corpus("csdmc2010", false, 2010),
    corpus("delivery_notices", true, 2025),
    corpus("phishing_pot", false, 2024),
    corpus("spamassassin", true, 2003),
    corpus("travel", true, 2020),
];

/// Text files.
const TEXTS: &[Corpus] = &[
    corpus("enron_ham", true, 2002),
    corpus("india_sms", true, 2023),
    corpus("mishra_soni", true, 2021),
    corpus("nazario", true, 2020),
    corpus("nus_sms", false, 2015),
    corpus("product_mail", true, 2025),
    corpus("spam_hunter", false, 2021),
    corpus("tax_help_notices", true, 2026),
    corpus("uci_sms", true, 2011),
];

/// Every labelled message: the project's own, an operator's, and the public corpora where they are present.
///
/// # Errors
/// A file cannot be read, or a line is not what it should be (file and line are named).
pub fn load_all(own: &Path, extra: Option<&Path>, corpora: Option<&Path>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for file in sorted(own)? {
        if file.extension().is_some_and(|e| e == "jsonl") {
            let hand = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let read = read_jsonl(&file, &corpus(OWN, true, 2026))?;
            rows.extend(read.into_iter().map(|row| Row { hand: hand.clone(), ..row }));
        }
    }
    for row in &mut rows {
        row.trains = !held_back(&row.group);
    }
    if let Some(extra) = extra {
        rows.extend(read_jsonl(extra, &corpus(EXTRA, true, 2026))?);
    }
    if let Some(corpora) = corpora {
        for set in MAIL {
            rows.extend(read_mail(&corpora.join("mail").join(set.name), set)?);
        }
        for set in TEXTS {
            rows.extend(read_jsonl(&corpora.join("texts").join(format!("{}.jsonl", set.name)), set)?);
        }
    }
    Ok(rows)
}

/// A quarter of the project's own templates never trains; it is what a new model is measured on.
pub(crate) fn held_back(template: &str) -> bool {
    blake3::hash(format!("held back: {template}").as_bytes()).as_bytes()[0].is_multiple_of(4)
}

/// The rows that train: no source and no campaign dominates. Advertising trains nothing.
pub fn for_training(rows: Vec<Row>) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.into_iter().filter(|r| r.trains && r.truth != Truth::Spam).collect();
    // Which rows of a large source are kept is decided by their digests: the same ones every time.
    rows.sort_by_cached_key(|r| (r.source.clone(), *blake3::hash(&r.bytes).as_bytes()));
    let mut by_source: HashMap<(String, Truth), usize> = HashMap::new();
    let mut by_group: HashMap<(String, String), usize> = HashMap::new();
    rows.retain(|row| {
        let group = by_group.entry((row.source.clone(), row.group.clone())).or_default();
        *group += 1;
        if *group > MAX_PER_GROUP {
            return false;
        }
        let kept = by_source.entry((row.source.clone(), row.truth)).or_default();
        *kept += 1;
        *kept <= MAX_PER_CLASS || row.source == OWN || row.source == EXTRA
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
fn read_mail(dir: &Path, set: &Corpus) -> Result<Vec<Row>> {
    let table = dir.join("labels.tsv");
    let text = std::fs::read_to_string(&table)
        .with_context(|| format!("{}: cannot read the file", table.display()))?;
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [file, label, ..] = fields[..] else {
            bail!("{}:{}: expected at least file and label", table.display(), number + 1);
        };
        let Some(truth) = truth_of(label) else { continue };
        let path = dir.join(file);
        let bytes =
            std::fs::read(&path).with_context(|| format!("{}: cannot read the file", path.display()))?;
        // Only a campaign groups messages; a mailbox's name says where they were found.
        let campaign = fields.get(4).filter(|g| g.len() == 12 && g.bytes().all(|b| b.is_ascii_hexdigit()));
        rows.push(Row {
            source: set.name.into(),
            hand: set.name.into(),
            id: format!("{}/{file}", set.name),
            group: campaign.map_or_else(|| file.to_owned(), |g| (*g).to_owned()),
            truth,
            channel: Channel::Email,
            year: Some(fields.get(3).and_then(|d| year_of(d)).unwrap_or(set.year)),
            trains: set.trains,
            bytes,
        });
    }
    Ok(rows)
}

/// The year that a date begins with.
fn year_of(date: &str) -> Option<u16> {
    date.get(..4)?.parse().ok().filter(|year| (1990..2100).contains(year))
}

fn truth_of(label: &str) -> Option<Truth> {
    match label {
        "scam" => Some(Truth::Scam),
        "genuine" => Some(Truth::Genuine),
        "spam" => Some(Truth::Spam),
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
    #[serde(default)]
    date: Option<String>,
}

fn read_jsonl(path: &Path, set: &Corpus) -> Result<Vec<Row>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("{}: cannot read the file", path.display()))?;
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let place = || format!("{}:{}", path.display(), number + 1);
        let line: Line =
            serde_json::from_str(line).with_context(|| format!("{}: not a labelled message", place()))?;
        let Some(truth) = truth_of(&line.label) else {
            if set.name == OWN || set.name == EXTRA {
                bail!("{}: label {:?}: expected scam or genuine", place(), line.label);
            }
            continue;
        };
        rows.push(row(&line, set, truth, number + 1).with_context(place)?);
    }
    Ok(rows)
}

fn row(line: &Line, set: &Corpus, truth: Truth, number: usize) -> Result<Row> {
    let channel = line.known_channel()?;
    let id = line.id.clone().unwrap_or_else(|| format!("{}:{number}", set.name));
    let group = line.template.clone().or(line.source.clone()).unwrap_or_else(|| id.clone());
    Ok(Row {
        source: set.name.into(),
        hand: set.name.into(),
        id,
        group,
        truth,
        channel,
        year: Some(line.date.as_deref().and_then(year_of).unwrap_or(set.year)),
        trains: set.trains && line.train != Some(false),
        bytes: line.bytes(channel),
    })
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
