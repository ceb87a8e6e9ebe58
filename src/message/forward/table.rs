//! `data/forwards.toml`: how mail programs forward, and the words that languages use for it.

use std::collections::{HashMap, HashSet};

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;
use toml::Spanned;

use super::labels::{Field, Labels};
use super::subject::{Kind, Prefixes};

/// End of a date in running text: a time with what may follow it, or a year.
const DATE_END: &str = r"(?i)\d{1,2}[:.h]\d{2}([:.]\d{2})?(\s?[ap]\.?\s?m\b\.?)?(\s(uhr|hrs?)\b)?(\s?\(?(utc|gmt|[a-z]{2,4}t)\b)?(\s?[+-]\d{1,2}:?(\d{2})?)?\)?|\b(19|20)\d{2}\b";

/// Size limit of one compiled pattern; alternatives of all languages are long, not deep.
const PATTERN_SIZE: usize = 64 << 20;

/// Memory for the lazily built states of the joint patterns; with less they are built over and over.
const DFA_SIZE: usize = 16 << 20;

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Ways to forward, the more particular first.
    style: Vec<StyleEntry>,
    /// Words of one language each.
    label: Vec<LabelEntry>,
}

/// One `[[style]]` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StyleEntry {
    /// Stable id.
    id: Spanned<String>,
    /// Patterns at the start of a separator line.
    #[serde(default)]
    separators: Vec<Spanned<String>>,
    /// Shapes of the header after the separator, in the order they are tried.
    #[serde(default = "only_lines")]
    layouts: Vec<Layout>,
    /// What starts a forward without a separator.
    bare: Option<Bare>,
    /// The same separator or block also opens replies.
    #[serde(default)]
    also_replies: bool,
    /// A line says where the forwarded text ends.
    #[serde(default)]
    ends: bool,
    /// Elements that wrap the whole forward.
    #[serde(default)]
    containers: Vec<String>,
    /// Elements that wrap the header only, or stand before it.
    #[serde(default)]
    header_containers: Vec<String>,
    /// Confidence of separator and full block, or of the bare block alone.
    confidence: Spanned<f32>,
}

/// `layouts` when it is not given.
fn only_lines() -> Vec<Layout> {
    vec![Layout::Lines]
}

/// Shape of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Layout {
    /// A label on each line.
    Lines,
    /// All labels run together in one line.
    Glued,
    /// "On … wrote:".
    Wrote,
}

/// What starts a forward without a separator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Bare {
    /// A block of labelled lines whose date stands under "sent".
    Sent,
    /// Any block of labelled lines.
    Any,
    /// "On … wrote:" under a forward subject.
    Wrote,
}

/// One `[[label]]` as written: the words of a language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct LabelEntry {
    /// Language code, for people only.
    #[serde(rename = "lang")]
    _lang: String,
    /// Labels.
    from: Vec<String>,
    /// Labels.
    to: Vec<String>,
    /// Labels.
    cc: Vec<String>,
    /// Labels.
    date: Vec<String>,
    /// Labels that say "sent".
    sent: Vec<String>,
    /// Labels.
    subject: Vec<String>,
    /// Labels.
    reply_to: Vec<String>,
    /// Labels of lines that are passed over.
    other: Vec<String>,
    /// "Forwarded message", between dashes.
    forwarded: Vec<String>,
    /// "Begin forwarded message", without dashes.
    begin: Vec<String>,
    /// "Original message", between dashes.
    original: Vec<String>,
    /// "End of forwarded message", between dashes.
    end: Vec<String>,
    /// Patterns of "On … wrote:".
    wrote: Vec<Spanned<String>>,
    /// Subject prefixes of forwards.
    forward_prefixes: Vec<String>,
    /// Subject prefixes of replies.
    reply_prefixes: Vec<String>,
}

/// Patterns tried together, each with the index it stands for.
#[derive(Debug)]
pub(super) struct Patterns {
    /// All of them.
    pub(super) set: RegexSet,
    /// One by one, with the style's index.
    pub(super) each: Vec<(Regex, usize)>,
    /// How a line must begin for any of them to match; without it, every line may.
    starts: Option<HashSet<Vec<u8>>>,
    /// Finds the end of a date in running text.
    pub(super) date_end: Regex,
}

/// Bytes of a line's beginning that are looked at before the patterns are.
const START: usize = 5;

impl Patterns {
    /// Whether a line can match at all: the set is a large automaton, and nearly every line begins otherwise.
    pub(super) fn may_match(&self, line: &str) -> bool {
        let Some(starts) = &self.starts else { return true };
        let start = line.as_bytes()[..line.len().min(START)].to_ascii_lowercase();
        (1..=start.len()).any(|len| starts.contains(&start[..len]))
    }
}

/// The first bytes of whatever the patterns match, ASCII in lower case, or nothing when they can begin with anything.
fn starts(patterns: &[(usize, String, usize)]) -> Option<HashSet<Vec<u8>>> {
    let mut extractor = regex_syntax::hir::literal::Extractor::new();
    extractor.limit_class(64).limit_literal_len(START).limit_total(32 * 1024);
    let mut all = HashSet::new();
    for (_, pattern, _) in patterns {
        let hir = regex_syntax::ParserBuilder::new().case_insensitive(true).build().parse(pattern).ok()?;
        let prefixes = extractor.extract(&hir);
        all.extend(prefixes.literals()?.iter().map(|literal| literal.as_bytes().to_ascii_lowercase()));
    }
    (!all.contains([].as_slice())).then_some(all)
}

/// One style, ready for use.
#[derive(Clone, Debug)]
pub(super) struct Style {
    /// Stable id.
    pub(super) id: String,
    /// Shapes of its header.
    pub(super) layouts: Vec<Layout>,
    /// What starts it without a separator.
    pub(super) bare: Option<Bare>,
    /// Its opening also opens replies.
    pub(super) also_replies: bool,
    /// A line says where the forwarded text ends.
    pub(super) ends: bool,
    /// Confidence at its best without a container.
    pub(super) confidence: f32,
}

/// An HTML element that confirms a forward.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// The style it belongs to.
    pub(super) style: usize,
    /// It wraps the whole forward, not only its header.
    pub(super) whole: bool,
}

/// How mail programs forward, ready for use.
#[derive(Debug)]
pub struct ForwardTable {
    /// Styles in the order of the file.
    pub(super) styles: Vec<Style>,
    /// Separators of all styles.
    pub(super) separators: Patterns,
    /// "On … wrote:" of all languages.
    pub(super) wrote: Patterns,
    /// Lines that end a forward.
    pub(super) ends: RegexSet,
    /// Labels of all languages.
    pub(super) labels: Labels,
    /// Subject prefixes of all languages.
    pub(super) prefixes: Prefixes,
    /// Container names in lower case.
    pub(super) marks: HashMap<String, Mark>,
}

impl ForwardTable {
    /// Reads the table. An error names file and line, what is wrong there and what was expected.
    pub fn parse(file_name: &str, toml: &str) -> Result<ForwardTable, String> {
        let source = Source { name: file_name, text: toml };
        let file: File = toml::from_str(toml)
            .map_err(|error| source.error(error.span().map_or(0, |span| span.start), error.message()))?;
        check_ids(&source, &file.style)?;
        let words = Words::new(&file.label);
        Ok(ForwardTable {
            separators: separators(&source, &file.style, &words)?,
            wrote: wrote(&source, &file.label)?,
            ends: ends(&source, &words)?,
            labels: labels(&file.label),
            prefixes: prefixes(&file.label),
            marks: marks(&file.style),
            styles: file.style.into_iter().map(Style::from).collect(),
        })
    }
}

impl From<StyleEntry> for Style {
    fn from(entry: StyleEntry) -> Self {
        Self {
            id: entry.id.into_inner(),
            layouts: entry.layouts,
            bare: entry.bare,
            also_replies: entry.also_replies,
            ends: entry.ends,
            confidence: entry.confidence.into_inner(),
        }
    }
}

/// The file being read, for errors.
struct Source<'a> {
    /// Its name.
    name: &'a str,
    /// Its text.
    text: &'a str,
}

impl Source<'_> {
    /// `file:line: what`.
    fn error(&self, at: usize, what: &str) -> String {
        let line = self.text.bytes().take(at).filter(|&b| b == b'\n').count() + 1;
        format!("{}:{line}: {}", self.name, what.trim())
    }
}

/// Ids are there, once each, and confidences lie between 0 and 1.
fn check_ids(source: &Source, styles: &[StyleEntry]) -> Result<(), String> {
    let mut seen = std::collections::HashSet::new();
    for style in styles {
        let id = style.id.get_ref();
        let fits =
            !id.is_empty() && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !fits {
            let what = format!("style id {id:?}: expected lower-case letters, digits and dashes");
            return Err(source.error(style.id.span().start, &what));
        }
        if !seen.insert(id) {
            return Err(
                source.error(style.id.span().start, &format!("style id {id:?}: expected once, found twice"))
            );
        }
        let confidence = *style.confidence.get_ref();
        if !(0.0..=1.0).contains(&confidence) {
            let what = format!("style {id:?}: confidence {confidence}: expected a number from 0 to 1");
            return Err(source.error(style.confidence.span().start, &what));
        }
    }
    Ok(())
}

/// What `{forwarded}`, `{begin}`, `{original}` and `{end}` stand for in patterns.
struct Words {
    /// Placeholder with its braces, and the alternatives of all languages.
    all: Vec<(&'static str, String)>,
}

impl Words {
    /// Gathers the phrases of all languages.
    fn new(labels: &[LabelEntry]) -> Self {
        let gather = |pick: fn(&LabelEntry) -> &Vec<String>| {
            let phrases: Vec<String> =
                labels.iter().flat_map(pick).map(|phrase| pattern_of(phrase)).collect();
            format!("(?:{})", phrases.join("|"))
        };
        Self {
            all: vec![
                ("{forwarded}", gather(|label| &label.forwarded)),
                ("{begin}", gather(|label| &label.begin)),
                ("{original}", gather(|label| &label.original)),
                ("{end}", gather(|label| &label.end)),
            ],
        }
    }

    /// A pattern with its placeholders filled in.
    fn fill(&self, pattern: &str) -> String {
        self.all.iter().fold(pattern.to_owned(), |filled, (key, words)| filled.replace(key, words))
    }
}

/// A phrase as a pattern: any blanks where it has one.
fn pattern_of(phrase: &str) -> String {
    phrase.split_whitespace().map(regex::escape).collect::<Vec<_>>().join(r"\s+")
}

/// Compiles patterns that are matched from the start of a line, in any case of letters.
fn compile(source: &Source, patterns: Vec<(usize, String, usize)>) -> Result<Patterns, String> {
    let anchored = |pattern: &str| format!("^(?:{pattern})");
    let mut each = Vec::with_capacity(patterns.len());
    for (at, pattern, style) in &patterns {
        let built =
            RegexBuilder::new(&anchored(pattern)).case_insensitive(true).size_limit(PATTERN_SIZE).build();
        let wrong = |error| source.error(*at, &format!("expected a regular expression: {error}"));
        each.push((built.map_err(wrong)?, *style));
    }
    let all = patterns.iter().map(|(_, pattern, _)| anchored(pattern));
    let set = RegexSetBuilder::new(all)
        .case_insensitive(true)
        .size_limit(PATTERN_SIZE)
        .dfa_size_limit(DFA_SIZE)
        .build();
    let set = set.map_err(|error| source.error(0, &error.to_string()))?;
    let date_end = Regex::new(DATE_END).map_err(|error| error.to_string())?;
    Ok(Patterns { set, each, starts: starts(&patterns), date_end })
}

/// Separators of all styles.
fn separators(source: &Source, styles: &[StyleEntry], words: &Words) -> Result<Patterns, String> {
    let patterns = styles.iter().enumerate().flat_map(|(index, style)| {
        style.separators.iter().map(move |one| (one.span().start, words.fill(one.get_ref()), index))
    });
    compile(source, patterns.collect())
}

/// "On … wrote:" of all languages; the whole sentence must fit.
fn wrote(source: &Source, labels: &[LabelEntry]) -> Result<Patterns, String> {
    let all = labels.iter().flat_map(|label| &label.wrote);
    for one in all.clone() {
        let pattern = one.get_ref();
        if !(pattern.contains("(?<both>") || pattern.contains("(?<date>") && pattern.contains("(?<from>")) {
            let what = format!(
                "wrote pattern {pattern:?}: expected a group (?<both>…), or (?<date>…) and (?<from>…)"
            );
            return Err(source.error(one.span().start, &what));
        }
    }
    compile(source, all.map(|one| (one.span().start, format!("(?:{})$", one.get_ref()), 0)).collect())
}

/// Lines that end a forward.
fn ends(source: &Source, words: &Words) -> Result<RegexSet, String> {
    let pattern = words.fill(r"^-{2,}\s*{end}\s*-{2,}$");
    let built = RegexSetBuilder::new([pattern]).case_insensitive(true).size_limit(PATTERN_SIZE).build();
    built.map_err(|error| source.error(0, &error.to_string()))
}

/// Labels of all languages.
fn labels(entries: &[LabelEntry]) -> Labels {
    let mut labels = Labels::default();
    for entry in entries {
        labels.add(&[
            (Field::From, entry.from.clone()),
            (Field::To, entry.to.clone()),
            (Field::Cc, entry.cc.clone()),
            (Field::Date, entry.date.clone()),
            (Field::Sent, entry.sent.clone()),
            (Field::Subject, entry.subject.clone()),
            (Field::ReplyTo, entry.reply_to.clone()),
            (Field::Other, entry.other.clone()),
        ]);
    }
    labels
}

/// Subject prefixes of all languages.
fn prefixes(entries: &[LabelEntry]) -> Prefixes {
    let mut prefixes = Prefixes::default();
    for entry in entries {
        entry.forward_prefixes.iter().for_each(|prefix| prefixes.add(prefix, Kind::Forward));
        entry.reply_prefixes.iter().for_each(|prefix| prefixes.add(prefix, Kind::Reply));
    }
    prefixes
}

/// Containers of all styles; the first style that names one has it.
fn marks(styles: &[StyleEntry]) -> HashMap<String, Mark> {
    let mut marks = HashMap::new();
    for (style, entry) in styles.iter().enumerate() {
        for (names, whole) in [(&entry.containers, true), (&entry.header_containers, false)] {
            for name in names {
                marks.entry(name.to_lowercase()).or_insert(Mark { style, whole });
            }
        }
    }
    marks
}
