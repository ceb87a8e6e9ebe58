//! Where data files and the model come from: built into the program, or a directory.

use std::path::Path;

/// One data file: its path below `data/` (or `models/scam.json`) and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path as messages about it name it, e.g. `data/markers/payment.toml`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Every file that the engine is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// `data/**/*.toml`, `data/lists/*.txt` and `models/scam.json`, sorted by name.
    pub files: Vec<SourceFile>,
    /// They are the files built into the program, which the tests have checked.
    pub built_in: bool,
}

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        /// The files built into the program; a test compares this list with the directory.
        const EMBEDDED: &[(&str, &str)] = &[$(($name, include_str!(concat!("../", $name)))),*];
    };
}

embedded! {
    "data/brands.toml",
    "data/forwards.toml",
    "data/guidance.toml",
    "data/lists/freemail.txt",
    "data/lists/hosting.txt",
    "data/lists/risky-tlds.txt",
    "data/lists/shorteners.txt",
    "data/lists/trackers.txt",
    "data/markers/ask.toml",
    "data/markers/claims.toml",
    "data/markers/coded.toml",
    "data/markers/context.toml",
    "data/markers/genuine.toml",
    "data/markers/identity.toml",
    "data/markers/lure.toml",
    "data/markers/payment.toml",
    "data/markers/pressure.toml",
    "data/markers/tax.toml",
    "data/markers/threat.toml",
    "data/polarity.toml",
    "data/replies/actions.toml",
    "data/replies/checks.toml",
    "data/replies/frame.toml",
    "data/replies/inbox.toml",
    "data/replies/notice.toml",
    "data/replies/paid.toml",
    "data/replies/reasons.toml",
    "data/replies/reports.toml",
    "data/rules.toml",
    "models/scam.json",
}

impl Sources {
    /// The files built into this program.
    pub fn embedded() -> Self {
        let files = EMBEDDED
            .iter()
            .map(|(name, text)| SourceFile { name: (*name).into(), text: (*text).into() })
            .collect();
        Self { files, built_in: true }
    }

    /// Reads `root/data` and `root/models/scam.json`.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn from_dir(root: &Path) -> Result<Self, DataError> {
        let mut files = Vec::new();
        for dir in ["data", "data/lists", "data/markers", "data/replies"] {
            read_dir(root, dir, &mut files)?;
        }
        let model = "models/scam.json";
        if root.join(model).exists() {
            files.push(read_file(root, model)?);
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { files, built_in: false })
    }

    /// The text of a file that must be there.
    ///
    /// # Errors
    /// The file is missing.
    pub fn text(&self, name: &str) -> Result<&str, DataError> {
        self.get(name).ok_or_else(|| DataError::file(name, "the file is missing; add it or remove --data"))
    }

    /// The text of a file, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.files.iter().find(|f| f.name == name).map(|f| f.text.as_str())
    }

    /// The files whose name starts with `prefix`, in order.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a SourceFile> {
        self.files.iter().filter(move |f| f.name.starts_with(prefix))
    }

    /// BLAKE3 digest (16 hexadecimal digits) over the names and texts below `data/`.
    pub fn data_digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for file in self.under("data/") {
            hasher.update(file.name.as_bytes()).update(&[0]);
            hasher.update(&(file.text.len() as u64).to_le_bytes()).update(file.text.as_bytes());
        }
        hasher.finalize().to_hex()[..16].to_string()
    }
}

fn read_dir(root: &Path, dir: &str, files: &mut Vec<SourceFile>) -> Result<(), DataError> {
    let entries = std::fs::read_dir(root.join(dir))
        .map_err(|e| DataError::file(dir, format!("cannot read the directory: {e}")))?;
    for entry in entries {
        let entry = entry.map_err(|e| DataError::file(dir, format!("cannot read an entry: {e}")))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|e| e == "toml" || e == "txt") {
            files.push(read_file(root, &format!("{dir}/{name}"))?);
        }
    }
    Ok(())
}

fn read_file(root: &Path, name: &str) -> Result<SourceFile, DataError> {
    let text = std::fs::read_to_string(root.join(name))
        .map_err(|e| DataError::file(name, format!("cannot read the file: {e}")))?;
    Ok(SourceFile { name: name.into(), text })
}

/// What is wrong in a data file, where, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {what}", line.map(|l| format!(":{l}")).unwrap_or_default())]
pub struct DataError {
    /// The file.
    pub file: String,
    /// The line, counted from 1, where one is to blame.
    pub line: Option<usize>,
    /// What is wrong and what was expected.
    pub what: String,
}

impl DataError {
    /// An error about a whole file.
    pub fn file(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, what: what.into() }
    }

    /// An error at a byte offset of a file's text.
    pub fn at(file: &str, text: &str, offset: usize, what: impl Into<String>) -> Self {
        let line = text.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count() + 1;
        Self { file: file.into(), line: Some(line), what: what.into() }
    }

    /// A TOML error with its line.
    pub fn toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let what = error.message().replace('\n', " ");
        match error.span() {
            Some(span) => Self::at(file, text, span.start, what),
            None => Self::file(file, what),
        }
    }
}
