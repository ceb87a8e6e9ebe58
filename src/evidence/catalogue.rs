//! The catalogue: every marker that evidence can carry, from `data/markers/*.toml`.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use toml::Spanned;

use super::patterns::PatternSet;
use super::polarity::{FrameKind, Frames};
use crate::sources::{DataError, SourceFile, Sources};

/// Families a marker id may begin with.
pub const FAMILIES: &[&str] = &[
    "claims",
    "payment",
    "threat",
    "identity",
    "pressure",
    "ask",
    "lure",
    "tax",
    "link",
    "sender",
    "attachment",
    "qr",
    "hidden",
    "context",
    "genuine",
];

/// Number of a marker in its catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MarkerIx(pub(crate) u16);

/// One marker: something a message does that tells for or against a scam.
#[derive(Clone, Debug)]
pub struct Marker {
    /// Stable id, `family.name`.
    pub id: String,
    /// What it means, in words for the report.
    pub title: String,
    /// Which frames (advice, negation, news …) make a hit only a mention.
    pub framed: Framed,
    /// Hardly any honest message does it. Grave markers are counted together as well, so that a rare one weighs in
    /// although too few training messages show it for a weight of its own.
    pub grave: bool,
    /// Found by code, not by patterns.
    pub coded: bool,
    /// Examples that must be found.
    pub hits: Vec<String>,
    /// Examples that must not be found.
    pub misses: Vec<String>,
    /// File and line where it is defined.
    pub at: (String, usize),
}

impl Marker {
    /// The part of the id before the dot.
    pub fn family(&self) -> &str {
        self.id.split('.').next().unwrap_or_default()
    }
}

/// Which frames make a hit of a marker only a mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    /// Every frame.
    Yes,
    /// Every frame but negation: the order itself is worded with "do not" ("do not tell anyone").
    ExceptNegation,
    /// None.
    No,
}

/// `framed` as written: `true`, `false` or `"except-negation"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum FramedEntry {
    Flag(bool),
    Word(String),
}

impl FramedEntry {
    fn read(self) -> Result<Framed, String> {
        match self {
            Self::Flag(true) => Ok(Framed::Yes),
            Self::Flag(false) => Ok(Framed::No),
            Self::Word(word) if word == "except-negation" => Ok(Framed::ExceptNegation),
            Self::Word(word) => {
                Err(format!("framed = \"{word}\": expected true, false or \"except-negation\""))
            }
        }
    }
}

/// Every marker with all patterns, compiled together.
#[derive(Debug)]
pub struct Catalogue {
    markers: Vec<Marker>,
    by_id: HashMap<String, MarkerIx>,
    pub(super) patterns: PatternSet,
    /// For each pattern: what a match of it means.
    pub(super) roles: Vec<Role>,
    pub(super) frames: Frames,
}

/// What a match of a pattern means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A hit of a marker.
    Any(MarkerIx),
    /// Excludes a hit of a marker in the same sentence.
    Unless(MarkerIx),
    /// The frame with this number stands here.
    Frame(usize),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkerFile {
    #[serde(default)]
    marker: Vec<Spanned<MarkerEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkerEntry {
    id: String,
    title: String,
    #[serde(default)]
    any: Vec<String>,
    #[serde(default)]
    unless: Vec<String>,
    #[serde(default)]
    grave: bool,
    #[serde(default = "yes")]
    framed: FramedEntry,
    #[serde(default)]
    hits: Vec<String>,
    #[serde(default)]
    misses: Vec<String>,
}

fn is_coded(file: &SourceFile) -> bool {
    file.name.ends_with("/coded.toml")
}

fn yes() -> FramedEntry {
    FramedEntry::Flag(true)
}

impl Catalogue {
    /// Reads `data/markers/*.toml` and `data/polarity.toml`.
    ///
    /// # Errors
    /// Names file and line of an unknown key, a repeated or ill-formed id, an invalid pattern.
    pub fn load(sources: &Sources) -> Result<Self, DataError> {
        let mut catalogue = Self {
            markers: Vec::new(),
            by_id: HashMap::new(),
            patterns: PatternSet::default(),
            roles: Vec::new(),
            frames: Frames::default(),
        };
        // Coded signals last: an id that has patterns too keeps its own entry.
        let (coded, worded): (Vec<_>, Vec<_>) = sources.under("data/markers/").partition(|f| is_coded(f));
        let files: Vec<&SourceFile> = worded.into_iter().chain(coded).collect();
        for (file, parsed) in files.iter().zip(parse_all(&files)) {
            catalogue.add_file(file, parsed?)?;
        }
        let name = "data/polarity.toml";
        catalogue.frames = Frames::load(name, sources.text(name)?, |pattern, frame| {
            let number = catalogue.patterns.add(pattern)?;
            catalogue.roles.push(Role::Frame(frame));
            debug_assert_eq!(number + 1, catalogue.roles.len());
            Ok(())
        })?;
        catalogue.patterns.finish();
        Ok(catalogue)
    }

    fn add_file(&mut self, file: &SourceFile, parsed: MarkerFile) -> Result<(), DataError> {
        for entry in parsed.marker {
            let offset = entry.span().start;
            self.add(file, offset, entry.into_inner(), is_coded(file))
                .map_err(|what| DataError::at(&file.name, &file.text, offset, what))?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        file: &SourceFile,
        offset: usize,
        entry: MarkerEntry,
        coded: bool,
    ) -> Result<(), String> {
        check_id(&entry.id)?;
        let ix = MarkerIx(u16::try_from(self.markers.len()).map_err(|_| "more than 65,535 markers")?);
        if entry.any.is_empty() != coded {
            return Err(format!(
                "marker `{}`: patterns belong in every file but coded.toml, and only there not",
                entry.id
            ));
        }
        // A phrase marker may also be raised by code; then coded.toml need not repeat it.
        if self.by_id.contains_key(&entry.id) {
            return if coded { Ok(()) } else { Err(format!("marker `{}` is defined twice", entry.id)) };
        }
        for (patterns, role) in [(&entry.any, Role::Any(ix)), (&entry.unless, Role::Unless(ix))] {
            for pattern in patterns {
                self.patterns
                    .add(pattern)
                    .map_err(|e| format!("marker `{}`, pattern `{pattern}`: {e}", entry.id))?;
                self.roles.push(role);
            }
        }
        let line = file.text.as_bytes()[..offset].iter().filter(|b| **b == b'\n').count() + 1;
        self.by_id.insert(entry.id.clone(), ix);
        self.markers.push(Marker {
            id: entry.id,
            title: entry.title,
            framed: entry.framed.read()?,
            grave: entry.grave,
            coded,
            hits: entry.hits,
            misses: entry.misses,
            at: (file.name.clone(), line),
        });
        Ok(())
    }

    /// Every marker, in the order of files and lines.
    pub fn markers(&self) -> &[Marker] {
        &self.markers
    }

    /// A marker by number.
    pub fn marker(&self, ix: MarkerIx) -> &Marker {
        &self.markers[ix.0 as usize]
    }

    /// The number of a marker.
    pub fn ix(&self, id: &str) -> Option<MarkerIx> {
        self.by_id.get(id).copied()
    }

    /// The marker that a match of a pattern excludes.
    pub(super) fn excludes(&self, pattern: usize) -> Option<MarkerIx> {
        match self.roles.get(pattern)? {
            Role::Unless(marker) => Some(*marker),
            Role::Any(_) | Role::Frame(_) => None,
        }
    }

    /// Words of all patterns, so that their disguised forms can be undone.
    pub(crate) fn words(&self) -> BTreeSet<String> {
        self.patterns.words().collect()
    }

    /// The kinds of frame a sentence can stand in, for `bypost check`.
    pub(crate) fn frames(&self) -> &Frames {
        &self.frames
    }
}

/// Parses marker files, half of the bytes aside: a pipe does it for every mail.
fn parse_all(files: &[&SourceFile]) -> Vec<Result<MarkerFile, DataError>> {
    let parse = |file: &&SourceFile| {
        toml::from_str(&file.text).map_err(|e| DataError::toml(&file.name, &file.text, &e))
    };
    let all: usize = files.iter().map(|f| f.text.len()).sum();
    let mut seen = 0;
    let half = files.iter().take_while(|f| {
        seen += f.text.len();
        seen <= all / 2
    });
    let (ours, theirs) = files.split_at(half.count());
    std::thread::scope(|scope| {
        let aside = scope.spawn(|| theirs.iter().map(parse).collect::<Vec<_>>());
        let mut parsed: Vec<_> = ours.iter().map(parse).collect();
        parsed.extend(aside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        parsed
    })
}

fn check_id(id: &str) -> Result<(), String> {
    let (family, name) = id.split_once('.').ok_or_else(|| format!("id `{id}`: expected family.name"))?;
    if !FAMILIES.contains(&family) {
        return Err(format!("id `{id}`: unknown family `{family}`; expected one of {}", FAMILIES.join(", ")));
    }
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(fine) {
        return Err(format!("id `{id}`: expected lower-case letters, digits and hyphens after the dot"));
    }
    Ok(())
}

/// An example of a marker or frame that does not behave as the data file says.
pub(crate) fn wrong_example(at: &(String, usize), what: String) -> DataError {
    DataError { file: at.0.clone(), line: Some(at.1), what }
}

impl FrameKind {
    /// Whether many sentences of this kind near a phrase make the passage advice or news as a whole.
    pub(super) fn sets_tone(self) -> bool {
        matches!(self, Self::Advice | Self::Narration | Self::News)
    }
}
