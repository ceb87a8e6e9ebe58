//! What there is to judge: files, directories, lines of JSON Lines files, standard input.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::message::Channel;
use crate::train::Line;

/// Larger files are refused: no mail server passes such a message on.
pub(super) const MAX_BYTES: u64 = 64 << 20;

/// One message to judge.
#[derive(Debug)]
pub(super) struct Input {
    /// Where it came from, as printed.
    pub(super) source: String,
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// The channel, when it is known.
    pub(super) channel: Option<Channel>,
}

/// All paths named, directories walked in sorted order. Explicit files come as they are; in directories, files that are
/// no messages (hidden, `*.toml`, `*.json`, `*.md`, `*.tsv`, licences) are left out.
pub(super) fn expand(paths: &[String]) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        let path = Path::new(path);
        if path.is_dir() { walk(path, &mut all)? } else { all.push(path.to_owned()) }
    }
    Ok(all)
}

fn walk(dir: &Path, all: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        std::fs::read_dir(dir).with_context(|| format!("{}: cannot read the directory", dir.display()))?;
    let mut paths = entries.map(|e| Ok(e?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        let link = path.symlink_metadata().is_ok_and(|m| m.file_type().is_symlink());
        if path.is_dir() && !link {
            walk(&path, all)?;
        } else if path.is_file() && is_message(&path) {
            all.push(path);
        }
    }
    Ok(())
}

fn is_message(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let other =
        [".toml", ".json", ".md", ".tsv", ".actual", ".py", ".sh"].iter().any(|end| name.ends_with(end));
    !(name.starts_with('.') || name.starts_with("licen") || other)
}

/// Reads every message of `path` and hands each to `take`; stops when `take` says so.
pub(super) fn read(
    path: &Path,
    channel: Option<Channel>,
    take: &mut dyn FnMut(Input) -> Result<()>,
) -> Result<()> {
    if path == Path::new("-") {
        return take(Input { source: "-".into(), bytes: standard_input()?, channel });
    }
    let source = path.display().to_string();
    if source.ends_with(".jsonl") {
        return lines(path, channel, take);
    }
    let size = path.metadata().with_context(|| format!("{source}: cannot read the file"))?.len();
    if size > MAX_BYTES {
        bail!("{source}: {size} bytes; expected at most {MAX_BYTES}");
    }
    let bytes = std::fs::read(path).with_context(|| format!("{source}: cannot read the file"))?;
    let transcript = source.ends_with(".voicemail.txt").then_some(Channel::Voicemail);
    take(Input { bytes, channel: channel.or(transcript), source })
}

fn standard_input() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .context("standard input: cannot read")?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("standard input: more than {MAX_BYTES} bytes");
    }
    Ok(bytes)
}

/// A JSON Lines file: one message a line, with `text` (and `from`, `subject`) or `raw`.
fn lines(path: &Path, channel: Option<Channel>, take: &mut dyn FnMut(Input) -> Result<()>) -> Result<()> {
    let file = File::open(path).with_context(|| format!("{}: cannot read the file", path.display()))?;
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let source = format!("{}:{}", path.display(), number + 1);
        let line = line.with_context(|| format!("{source}: cannot read the line"))?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line =
            serde_json::from_str(&line).with_context(|| format!("{source}: expected a message as JSON"))?;
        let own = line.known_channel().with_context(|| source.clone())?;
        take(Input { bytes: line.bytes(own), channel: channel.or(Some(own)), source })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_walked_in_order() {
        let dir = tempfile::tempdir().expect("directory");
        for name in ["b/2.eml", "b/1.eml", "a.txt", ".hidden", "notes.md", "case.toml", "LICENSE"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("directory");
            std::fs::write(path, "x").expect("file");
        }
        let root = dir.path().display().to_string();
        let found = expand(std::slice::from_ref(&root)).expect("walks");
        let names: Vec<String> =
            found.iter().map(|p| p.display().to_string().replace(&format!("{root}/"), "")).collect();
        assert_eq!(names, ["a.txt", "b/1.eml", "b/2.eml"]);
    }

    #[test]
    fn json_lines_are_messages() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("x.jsonl");
        let rows = "{\"text\":\"hello\",\"kind\":\"text\"}\n\n{\"text\":\"body\",\"subject\":\"s\",\"channel\":\"email\"}\n";
        std::fs::write(&path, rows).expect("file");
        let mut inputs = Vec::new();
        read(&path, None, &mut |input| {
            inputs.push(input);
            Ok(())
        })
        .expect("reads");
        assert_eq!(inputs[0].bytes, b"hello");
        assert_eq!(inputs[1].channel, Some(Channel::Email));
        assert!(inputs[1].source.ends_with("x.jsonl:3"));
        assert!(String::from_utf8_lossy(&inputs[1].bytes).contains("Subject: s\n"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = read(Path::new("/no/such/file"), None, &mut |_| Ok(())).expect_err("missing");
        assert!(format!("{error:#}").contains("/no/such/file"));
    }
}
