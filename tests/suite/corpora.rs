//! The public corpora, where `BYPOST_CORPORA` names them: every message is judged, whatever is in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bypost::message::{Channel, RawMessage};
use bypost::verdict::Label;

fn corpora() -> Option<PathBuf> {
    let dir = std::env::var_os("BYPOST_CORPORA").map(PathBuf::from);
    if dir.is_none() {
        println!("BYPOST_CORPORA is not set: the corpora are not judged");
    }
    dir
}

/// Judges `bytes` and checks what must hold for any message.
fn judge(bytes: &[u8], channel: Option<Channel>) -> Label {
    let engine = crate::engine();
    let judgement = engine.judge(&RawMessage { bytes: bytes.into(), channel });
    let logit = judgement.intercept + judgement.contributions.iter().map(|c| c.contribution).sum::<f64>();
    assert!((bypost::model::sigmoid(logit) - judgement.score).abs() < 1e-9);
    let reply = engine.reply(&judgement);
    assert!(
        !reply.text.contains("http") && !reply.html.contains("href"),
        "a live link in a reply:\n{}",
        reply.text
    );
    judgement.label
}

#[test]
fn every_mail_is_judged() {
    let Some(dir) = corpora() else { return };
    let mut shares: BTreeMap<String, BTreeMap<Label, usize>> = BTreeMap::new();
    for area in ["mail", "mime"] {
        for path in crate::golden::files(&dir.join(area)) {
            let bytes = std::fs::read(&path).expect("mail");
            let set = set_of(&dir, &path);
            *shares.entry(set).or_default().entry(judge(&bytes, Some(Channel::Email))).or_default() += 1;
        }
    }
    println!("{shares:#?}");
    assert!(shares.values().flat_map(BTreeMap::values).sum::<usize>() > 9_000, "corpora are incomplete");
}

#[test]
fn every_text_is_judged() {
    let Some(dir) = corpora() else { return };
    let mut count = 0;
    for path in crate::golden::files(&dir.join("texts"))
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "jsonl"))
    {
        for line in std::fs::read_to_string(&path).expect("texts").lines() {
            let row: serde_json::Value = serde_json::from_str(line).expect("row");
            judge(row["text"].as_str().unwrap_or_default().as_bytes(), Some(Channel::Text));
            count += 1;
        }
    }
    assert!(count > 25_000, "only {count} texts");
}

fn set_of(dir: &Path, path: &Path) -> String {
    let below = path.strip_prefix(dir).unwrap_or(path);
    below.components().take(2).map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
