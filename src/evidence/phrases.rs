//! Markers that are found by their patterns.

use std::collections::HashSet;
use std::ops::Range;

use super::catalogue::{Catalogue, Framed, MarkerIx, Role};
use super::polarity::{FrameKind, Framing, Mention, Sentences};
use super::{Evidence, Findings, FoldedParts, Part, Sink};
use crate::message::Message;
use crate::text::Folded;

/// Places listed for one marker in one part; the count of places is no evidence.
const MAX_PLACES: usize = 4;

/// Finds phrases in subject, sender name and body.
pub(super) fn find(
    catalogue: &Catalogue,
    message: &Message,
    folded: &FoldedParts,
    sink: &mut Sink<'_>,
    findings: &mut Findings,
) {
    for part in [Part::Subject, Part::Body, Part::FromName] {
        let text = folded.of(part);
        let quoted: &[Range<usize>] = if part == Part::Body { &message.quoted } else { &[] };
        let (hits, counts) = hits(catalogue, text, quoted);
        if part == Part::Body {
            (findings.counts.sentences, findings.counts.toned) = counts;
        }
        sink.evidence.extend(hits.into_iter().map(|hit| Evidence {
            marker: hit.marker,
            part,
            item: 0,
            span: text.original(hit.span),
            mention: hit.mention,
        }));
    }
}

/// A marker found in a folded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) marker: MarkerIx,
    /// Bytes of the folded text.
    pub(super) span: Range<usize>,
    pub(super) mention: Option<Mention>,
}

/// Every marker in a folded text, and how many sentences there are and are toned.
pub(super) fn hits(
    catalogue: &Catalogue,
    text: &Folded,
    quoted: &[Range<usize>],
) -> (Vec<Hit>, (usize, usize)) {
    let search = catalogue.patterns.search(&text.text);
    let matches = search.matches(|pattern| catalogue.excludes(pattern).is_none());
    let mut framings = Vec::new();
    let mut hit: HashSet<MarkerIx> = HashSet::new();
    for found in &matches {
        match catalogue.roles[found.pattern] {
            Role::Frame(frame) => framings.push(Framing { frame, span: found.span.clone() }),
            Role::Any(marker) => drop(hit.insert(marker)),
            Role::Unless(_) => {}
        }
    }
    let sentences = Sentences::new(&text.text, catalogue.frames(), &framings);
    // What excludes a marker is looked for only where the marker is.
    let excluded = search.matches(|pattern| catalogue.excludes(pattern).is_some_and(|m| hit.contains(&m)));
    let excluded: Vec<(MarkerIx, usize)> = excluded
        .into_iter()
        .filter_map(|found| Some((catalogue.excludes(found.pattern)?, sentences.index(found.span.start))))
        .collect();
    let mut hits: Vec<Hit> = Vec::new();
    for found in matches {
        let Role::Any(marker) = catalogue.roles[found.pattern] else { continue };
        // A hit may span sentences of a paragraph; what excludes it may stand in any of them.
        let touched = sentences.index(found.span.start)..=sentences.index(found.span.end.saturating_sub(1));
        if excluded.iter().any(|(m, sentence)| *m == marker && touched.contains(sentence)) {
            continue;
        }
        let mention = mention(catalogue, marker, &found.span, &sentences, text, quoted);
        add(&mut hits, Hit { marker, span: found.span, mention });
    }
    (hits, sentences.counts())
}

fn mention(
    catalogue: &Catalogue,
    marker: MarkerIx,
    span: &Range<usize>,
    sentences: &Sentences<'_>,
    text: &Folded,
    quoted: &[Range<usize>],
) -> Option<Mention> {
    let original = text.original(span.clone());
    if quoted.iter().any(|q| q.start <= original.start && original.end <= q.end) {
        return Some(Mention { kind: FrameKind::Quotation, by_tone: false });
    }
    let mention = sentences.mention(span);
    match catalogue.marker(marker).framed {
        Framed::Yes => mention,
        Framed::ExceptNegation => {
            mention.filter(|m| m.kind != FrameKind::Negation).or_else(|| sentences.tone_at(span))
        }
        Framed::No => None,
    }
}

/// Keeps a few places a marker; overlapping ones are one place, and a hit that counts goes before a mention.
fn add(hits: &mut Vec<Hit>, hit: Hit) {
    let same =
        hits.iter_mut().filter(|h| h.marker == hit.marker && h.mention.is_none() == hit.mention.is_none());
    let mut places = 0;
    for other in same {
        if other.span.start < hit.span.end && hit.span.start < other.span.end {
            other.span = other.span.start.min(hit.span.start)..other.span.end.max(hit.span.end);
            return;
        }
        places += 1;
    }
    if places < MAX_PLACES {
        hits.push(hit);
    }
}
