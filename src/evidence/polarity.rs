//! Polarity: whether a phrase is something the message does, or only something it talks about.
//!
//! Mail that warns about scams contains every marker. A *frame* is wording that turns a hit into a mention: negation
//! ("we never ask for …"), advice ("if someone asks you to …"), narration ("the caller told her to …"), news, receipts,
//! questions. A frame covers its clause, its sentence, or the list under its heading. Where a whole passage is advice or
//! narration, its unframed sentences are mentions too.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::sources::DataError;

/// Why a hit is only a mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FrameKind {
    /// "The IRS will never …".
    Negation,
    /// "If someone asks you to …", "watch out for …".
    Advice,
    /// "The caller said …", "victims are told …".
    Narration,
    /// "Police said …", "was sentenced …".
    News,
    /// "Thank you for your purchase", "your order".
    Receipt,
    /// "Is this a scam?".
    Question,
    /// Quoted from somebody else.
    Quotation,
}

/// Why a hit does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Mention {
    /// The kind of frame.
    pub kind: FrameKind,
    /// The frame does not stand in the sentence itself; the passage around it sets the tone.
    pub by_tone: bool,
}

/// What a frame covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scope {
    /// The sentence it stands in.
    #[default]
    Sentence,
    /// That sentence and, when it ends in a colon, the list below.
    List,
    /// What follows it in the same clause.
    Clause,
}

/// One frame of `data/polarity.toml`.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    scope: Scope,
    strong: bool,
    pub(crate) hits: Vec<String>,
    pub(crate) misses: Vec<String>,
    pub(crate) at: (String, usize),
}

/// All frames.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frames {
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameFile {
    frame: Vec<Spanned<FrameEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameEntry {
    id: FrameKind,
    any: Vec<String>,
    #[serde(default)]
    scope: Scope,
    /// One such sentence sets the tone of its passage; of others it takes two.
    #[serde(default)]
    strong: bool,
    #[serde(default)]
    hits: Vec<String>,
    #[serde(default)]
    misses: Vec<String>,
}

impl Frames {
    /// Reads the frames, giving every pattern to `add` with its frame's number.
    pub(super) fn load(
        name: &str,
        text: &str,
        mut add: impl FnMut(&str, usize) -> Result<(), String>,
    ) -> Result<Self, DataError> {
        let parsed: FrameFile = toml::from_str(text).map_err(|e| DataError::toml(name, text, &e))?;
        let mut frames = Vec::new();
        for entry in parsed.frame {
            let offset = entry.span().start;
            let line = text.as_bytes()[..offset].iter().filter(|b| **b == b'\n').count() + 1;
            let entry = entry.into_inner();
            for pattern in &entry.any {
                add(pattern, frames.len()).map_err(|e| {
                    DataError::at(name, text, offset, format!("frame pattern `{pattern}`: {e}"))
                })?;
            }
            let at = (name.to_owned(), line);
            frames.push(Frame {
                kind: entry.id,
                scope: entry.scope,
                strong: entry.strong,
                hits: entry.hits,
                misses: entry.misses,
                at,
            });
        }
        Ok(Self { frames })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter()
    }
}

/// A frame found in a text.
#[derive(Clone, Debug)]
pub(super) struct Framing {
    pub(super) frame: usize,
    pub(super) span: Range<usize>,
}

/// The sentences of a folded text and which frames cover them.
pub(super) struct Sentences<'a> {
    text: &'a str,
    /// Start of each sentence; the first is 0.
    starts: Vec<usize>,
    /// Frames over a whole sentence, by sentence.
    whole: Vec<Option<FrameKind>>,
    /// How much each sentence sets the tone.
    tones: Vec<usize>,
    /// Frames over part of a sentence.
    clauses: Vec<(Range<usize>, FrameKind)>,
}

/// Sentences to each side that make up a passage.
const PASSAGE: usize = 4;

/// Sentences of advice, narration or news that set the tone of a passage.
const TONE: usize = 2;

/// A longer sentence is running text without punctuation, as transcripts are: a frame covers only what is near it.
const LONG_SENTENCE: usize = 300;

/// Bytes to each side that a frame covers in running text.
const NEAR: usize = 90;

/// A list under a heading ends after this many items at the latest.
const MAX_LIST: usize = 40;

impl<'a> Sentences<'a> {
    /// Splits `text` and applies the frames found in it.
    pub(super) fn new(text: &'a str, frames: &Frames, found: &[Framing]) -> Self {
        let starts = sentence_starts(text);
        let (whole, tones) = (vec![None; starts.len()], vec![0; starts.len()]);
        let mut sentences = Self { text, starts, whole, tones, clauses: Vec::new() };
        for framing in found {
            sentences.apply(&frames.frames[framing.frame], &framing.span);
        }
        sentences
    }

    fn apply(&mut self, frame: &Frame, span: &Range<usize>) {
        // The wording may begin with the end of the sentence before it.
        let index = self.index(span.end.saturating_sub(1));
        if frame.kind.sets_tone() {
            self.tones[index] = self.tones[index].max(if frame.strong { TONE } else { 1 });
        }
        match frame.scope {
            Scope::Clause => {
                let end = clause_end(self.text, span.end, self.range(index).end);
                self.clauses.push((span.start..end, frame.kind));
            }
            Scope::Sentence if self.range(index).len() > LONG_SENTENCE => {
                let near = span.start.saturating_sub(NEAR)..(span.end + NEAR).min(self.range(index).end);
                self.clauses.push((near, frame.kind));
            }
            Scope::Sentence => self.whole[index] = Some(frame.kind),
            Scope::List => {
                self.whole[index] = Some(frame.kind);
                if self.sentence(index).trim_end().ends_with(':') {
                    self.cover_list(index + 1, frame.kind);
                }
            }
        }
    }

    /// Covers the items that follow a heading: bulleted or numbered lines, or else the next line.
    fn cover_list(&mut self, first: usize, kind: FrameKind) {
        let end = (first + MAX_LIST).min(self.starts.len());
        let mut in_item = false;
        for index in first..end {
            let item = is_list_item(self.sentence(index));
            let new_line = self.text.as_bytes().get(self.starts[index].wrapping_sub(1)) == Some(&b'\n');
            if !item && new_line && index > first {
                break;
            }
            if !item && !in_item && index > first {
                break;
            }
            in_item |= item;
            self.whole[index] = Some(kind);
        }
    }

    /// Number of the sentence that byte `at` lies in.
    pub(super) fn index(&self, at: usize) -> usize {
        self.starts.partition_point(|s| *s <= at).saturating_sub(1)
    }

    /// Bytes of a sentence.
    pub(super) fn range(&self, index: usize) -> Range<usize> {
        let end = self.starts.get(index + 1).copied().unwrap_or(self.text.len());
        self.starts[index]..end
    }

    fn sentence(&self, index: usize) -> &str {
        &self.text[self.range(index)]
    }

    /// Why the phrase at `span` is only a mention, if it is.
    pub(super) fn mention(&self, span: &Range<usize>) -> Option<Mention> {
        let index = self.index(span.start);
        let inside =
            |(range, _): &&(Range<usize>, FrameKind)| range.start <= span.end && span.start < range.end;
        let here = self.whole[index].or_else(|| self.clauses.iter().find(inside).map(|(_, kind)| *kind));
        here.map(|kind| Mention { kind, by_tone: false }).or_else(|| self.tone_at(span))
    }

    /// The tone of the passage around the phrase at `span`.
    pub(super) fn tone_at(&self, span: &Range<usize>) -> Option<Mention> {
        let index = self.index(span.start);
        let near = index.saturating_sub(PASSAGE)..(index + PASSAGE + 1).min(self.tones.len());
        let tone: usize = self.tones[near].iter().sum();
        (tone >= TONE).then_some(Mention { kind: FrameKind::Advice, by_tone: true })
    }

    /// How many sentences there are, and how many stand in a frame that sets a tone.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.tones.len(), self.tones.iter().filter(|tone| **tone > 0).count())
    }
}

/// Sentences begin after a line break, and after `.`, `!` or `?` with a space; not after common abbreviations.
fn sentence_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for (at, byte) in bytes.iter().enumerate() {
        let next = bytes.get(at + 1);
        let ends = match byte {
            b'\n' => true,
            b'!' | b'?' => next == Some(&b' '),
            b'.' => next == Some(&b' ') && !is_abbreviation(&bytes[..at]),
            _ => false,
        };
        if ends && at + 1 < bytes.len() {
            starts.push(at + 1);
        }
    }
    starts
}

fn is_abbreviation(before: &[u8]) -> bool {
    const SHORT: &[&[u8]] = &[
        b"mr", b"mrs", b"ms", b"dr", b"st", b"no", b"inc", b"vs", b"e.g", b"i.e", b"u.s", b"a.m", b"p.m",
        b"sr", b"sra",
    ];
    let start = before.iter().rposition(|b| !(b.is_ascii_alphabetic() || *b == b'.')).map_or(0, |at| at + 1);
    SHORT.contains(&&before[start..])
}

fn is_list_item(sentence: &str) -> bool {
    let sentence = sentence.trim_start();
    sentence.starts_with(['-', '*', '+', '#', '>'])
        || sentence
            .split_once(['.', ')'])
            .is_some_and(|(n, _)| n.len() <= 2 && n.bytes().all(|b| b.is_ascii_digit()))
        || sentence.as_bytes().first().is_some_and(|b| !b.is_ascii())
}

/// A clause ends at a comma, semicolon, colon or "but", or with its sentence.
fn clause_end(text: &str, from: usize, sentence_end: usize) -> usize {
    let rest = &text[from..sentence_end];
    let stop = [";", ":", ", ", " but ", " pero ", " - "].iter().filter_map(|s| rest.find(s)).min();
    stop.map_or(sentence_end, |at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Frames {
        let frame = |kind, scope| Frame {
            kind,
            scope,
            strong: false,
            hits: vec![],
            misses: vec![],
            at: (String::new(), 0),
        };
        Frames {
            frames: vec![
                frame(FrameKind::Negation, Scope::Clause),
                frame(FrameKind::Advice, Scope::Sentence),
                frame(FrameKind::Negation, Scope::List),
            ],
        }
    }

    fn mention(text: &str, phrase: &str, framings: &[(usize, &str)]) -> Option<FrameKind> {
        let all = frames();
        let found: Vec<Framing> = framings
            .iter()
            .map(|(frame, words)| {
                let at = text.find(words).expect("frame words");
                Framing { frame: *frame, span: at..at + words.len() }
            })
            .collect();
        let at = text.find(phrase).expect("phrase");
        Sentences::new(text, &all, &found).mention(&(at..at + phrase.len())).map(|m| m.kind)
    }

    #[test]
    fn a_clause_frame_covers_what_follows_in_its_clause() {
        let text = "we never ask for gift cards, but you must pay with bitcoin now.";
        assert_eq!(mention(text, "gift cards", &[(0, "never ask")]), Some(FrameKind::Negation));
        assert_eq!(mention(text, "pay with bitcoin", &[(0, "never ask")]), None);
    }

    #[test]
    fn a_sentence_frame_covers_its_sentence_only() {
        let text = "beware of scams. pay the i.r.s. at no. 5 today. thanks";
        assert_eq!(mention(text, "pay the", &[(1, "beware")]), None);
        assert_eq!(mention(text, "of scams", &[(1, "beware")]), Some(FrameKind::Advice));
    }

    #[test]
    fn a_list_frame_covers_the_items_below() {
        let text =
            "the irs will never:\n- demand gift cards. or wires.\n- call the police\ncall us today to pay";
        for phrase in ["gift cards", "wires", "police"] {
            assert_eq!(mention(text, phrase, &[(2, "will never")]), Some(FrameKind::Negation), "{phrase}");
        }
        assert_eq!(mention(text, "call us", &[(2, "will never")]), None);
    }

    #[test]
    fn a_passage_of_advice_covers_its_sentences() {
        let text =
            "watch out. they want gift cards. beware of it. one. two. three. four. five. six. seven. pay now";
        let framings = [(1, "watch out"), (1, "beware")];
        assert_eq!(mention(text, "gift cards", &framings), Some(FrameKind::Advice));
        assert_eq!(mention(text, "pay now", &framings), None);
    }
}
