//! Where a forward begins.

use std::collections::HashMap;

use super::super::rendered::Rendered;
use super::block::{self, Place};
use super::labels::Fields;
use super::lines::{Lines, clip};
use super::subject::Kind;
use super::table::{Bare, ForwardTable, Layout, Mark, Style};
use super::{glued, wrote};

/// Blank lines that may stand between a separator and its header block.
const BLANKS: usize = 4;
/// Longest start of a line that is matched against separators, in bytes.
const MAX_SEPARATOR: usize = 1000;
/// What a missing line of the header takes off the confidence.
const PARTIAL: f32 = 0.03;
/// Confidence when an HTML element of the mail program wraps the forward.
const CONTAINED: f32 = 0.99;
/// Confidence of a separator without a header.
const HEADERLESS: f32 = 0.5;

/// A mail in which a forward is looked for.
pub(super) struct Mail<'a> {
    /// How mail programs forward.
    pub(super) table: &'a ForwardTable,
    /// The mail's text with everything in it.
    pub(super) rendered: &'a Rendered,
    /// Its lines.
    pub(super) lines: Lines<'a>,
    /// What the subject says.
    pub(super) subject: Kind,
    /// Lines at which containers begin, with the end of the outermost that wraps a whole forward.
    marks: HashMap<usize, (Mark, Option<usize>)>,
}

/// How a forward was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// By a separator line and what follows it.
    Separator,
    /// By a header block alone.
    Bare,
    /// By "On … wrote:" alone.
    Wrote,
}

/// A forward that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Index of its style.
    pub(super) style: usize,
    /// How it was recognised.
    pub(super) how: How,
    /// The line it begins at.
    pub(super) first: usize,
    /// The line its header begins at.
    pub(super) block: usize,
    /// The first line after its header.
    pub(super) next: usize,
    /// What the header says.
    pub(super) fields: Fields,
    /// Its confidence.
    pub(super) confidence: f32,
    /// Where its container ends.
    pub(super) end: Option<usize>,
}

/// What a line turned out to be.
enum Step {
    /// Nothing that matters.
    Pass,
    /// The start of a reply's quotation: nothing below is this mail's forward.
    Stop,
    /// The start of a forward.
    Take(Box<Found>),
}

impl<'a> Mail<'a> {
    /// Prepares a mail.
    pub(super) fn new(table: &'a ForwardTable, subject: &str, rendered: &'a Rendered) -> Self {
        let lines = Lines::new(&rendered.text);
        let marks = marked_lines(table, rendered, &lines);
        Self { table, rendered, lines, subject: table.prefixes.read(subject), marks }
    }

    /// The outermost forward: the first in reading order.
    pub(super) fn find(&self) -> Option<Found> {
        let mut above = false;
        for line in 0..self.lines.len() {
            if self.lines.is_blank(line) {
                continue;
            }
            match self.step(line, above) {
                Step::Pass => above = true,
                Step::Stop => return None,
                Step::Take(found) => return Some(*found),
            }
        }
        None
    }

    /// Judges one line; `above`: there is text above it.
    fn step(&self, line: usize, above: bool) -> Step {
        let found = self.separated(line, above).or_else(|| self.bare(line, above));
        if let Some(found) = found {
            let reply = self.subject == Kind::Reply && above && self.table.styles[found.style].also_replies;
            return if reply { Step::Stop } else { Step::Take(Box::new(found)) };
        }
        match (wrote::read(&self.table.wrote, &self.lines, line), self.subject) {
            (Some((fields, next)), Kind::Forward) => self.take_wrote(line, next, fields),
            (Some(_), Kind::Reply) => Step::Stop,
            _ => Step::Pass,
        }
    }

    /// A forward whose only header is "On … wrote:".
    fn take_wrote(&self, line: usize, next: usize, fields: Fields) -> Step {
        let style = self.table.styles.iter().position(|style| style.bare == Some(Bare::Wrote));
        let Some(style) = style else { return Step::Pass };
        let confidence = self.table.styles[style].confidence;
        let found =
            Found { style, how: How::Wrote, first: line, block: line, next, fields, confidence, end: None };
        Step::Take(Box::new(found))
    }

    /// A separator at `line` with a header below it.
    fn separated(&self, line: usize, above: bool) -> Option<Found> {
        let content = clip(self.lines.content(line), MAX_SEPARATOR);
        let patterns = &self.table.separators;
        if !patterns.may_match(content) {
            return None;
        }
        let matches = patterns.set.matches(content);
        let mut headerless = None;
        for index in matches.iter() {
            let (pattern, style) = patterns.each.get(index)?;
            let Some(end) = pattern.find(content).map(|found| found.end()) else { continue };
            let place = self.after_separator(line, end);
            if let Some((fields, next)) = place.and_then(|place| self.header(*style, place)) {
                let block = place.map_or(line, |place| place.line);
                return Some(self.confirm(How::Separator, *style, [line, block, next], fields));
            }
            if headerless.is_none() && self.stands_alone(*style, line, end, above) {
                headerless = Some(*style);
            }
        }
        headerless.map(|style| self.headerless(style, line))
    }

    /// Where the header begins: after the separator in its line, or at the next line that is not blank.
    fn after_separator(&self, line: usize, end: usize) -> Option<Place> {
        let content = self.lines.all.get(line)?.content.clone();
        let rest = &self.lines.text[content.start + end..content.end];
        let skipped = rest.len() - rest.trim_start_matches(super::lines::is_blank_char).len();
        if skipped < rest.len() {
            return Some(Place { line, offset: content.start + end + skipped });
        }
        let next = self.lines.next_full(line + 1, BLANKS)?;
        Some(Place { line: next, offset: self.lines.all.get(next)?.content.start })
    }

    /// Reads the header at `place` in the first of the style's layouts that fits.
    fn header(&self, style: usize, place: Place) -> Option<(Fields, usize)> {
        self.table.styles[style].layouts.iter().find_map(|layout| self.header_as(*layout, place))
    }

    /// Reads the header at `place` in one layout.
    fn header_as(&self, layout: Layout, place: Place) -> Option<(Fields, usize)> {
        match layout {
            Layout::Lines => {
                let block = block::read(&self.table.labels, &self.lines, place)?;
                block.fields.is_header().then_some((block.fields, block.next))
            }
            Layout::Glued => {
                let end = self.lines.all.get(place.line)?.content.end;
                let fields = glued::read(&self.table.labels, &self.lines.text[place.offset.min(end)..end])?;
                fields.is_header().then_some((fields, place.line + 1))
            }
            Layout::Wrote => wrote::read(&self.table.wrote, &self.lines, place.line),
        }
    }

    /// Whether a separator without a header is a forward: it can mean nothing else, and the subject or its place at the
    /// top says so too.
    fn stands_alone(&self, style: usize, line: usize, end: usize, above: bool) -> bool {
        let whole = self.lines.content(line).len() == end;
        let plain = !self.table.styles[style].also_replies;
        whole && plain && (self.subject == Kind::Forward || (!above && self.subject != Kind::Reply))
    }

    /// A separator whose header was deleted; what labels are left is not text.
    fn headerless(&self, style: usize, line: usize) -> Found {
        let place = self.after_separator(line, self.lines.content(line).len());
        let left = place.and_then(|place| block::read(&self.table.labels, &self.lines, place));
        let (fields, next) = left.map_or((Fields::default(), line + 1), |block| (block.fields, block.next));
        let found = Found {
            style,
            how: How::Separator,
            first: line,
            block: line,
            next,
            fields,
            confidence: 0.0,
            end: None,
        };
        Found { confidence: HEADERLESS, ..found }
    }

    /// A header block without a separator at `line`.
    fn bare(&self, line: usize, above: bool) -> Option<Found> {
        let offset = self.lines.all.get(line)?.content.start;
        let block = block::read(&self.table.labels, &self.lines, Place { line, offset })?;
        let fields = block.fields;
        let marked = self.marks.get(&line).map(|(mark, _)| mark.style);
        if !fields.is_header() || !self.bare_counts(&fields, above, marked.is_some()) {
            return None;
        }
        let style = marked.or_else(|| self.bare_style(fields.sent))?;
        Some(self.confirm(How::Bare, style, [line, line, block.next], fields))
    }

    /// Whether a bare block is a forward's: the whole of a header, or part of one where the place speaks for it.
    fn bare_counts(&self, fields: &Fields, above: bool, marked: bool) -> bool {
        let full = fields.beside_from() == 3;
        let on_top = !above && fields.has_address() && (fields.date.is_some() || fields.subject.is_some());
        full || self.subject == Kind::Forward || marked || on_top
    }

    /// The style of a bare block.
    fn bare_style(&self, sent: bool) -> Option<usize> {
        let fits = |style: &Style| match style.bare {
            Some(Bare::Sent) => sent,
            Some(Bare::Any) => true,
            _ => false,
        };
        self.table.styles.iter().position(fits)
    }

    /// Puts a find together; `lines` are its first line, its header's first line, and the line after the header.
    fn confirm(&self, how: How, style: usize, lines: [usize; 3], fields: Fields) -> Found {
        let [first, block, next] = lines;
        let mark = self.marks.get(&first).or_else(|| self.marks.get(&block));
        let full = fields.beside_from() >= 2;
        let mut confidence = self.table.styles[style].confidence;
        if how == How::Bare {
            confidence += if fields.beside_from() == 3 { 0.1 } else { 0.0 };
            confidence += if self.subject == Kind::Forward { 0.1 } else { 0.0 };
            confidence = confidence.min(0.8);
        } else if !full {
            confidence -= PARTIAL;
        }
        if mark.is_some() {
            confidence = CONTAINED;
        }
        let end = mark.and_then(|(_, end)| *end);
        Found { style, how, first, block, next, fields, confidence, end }
    }
}

/// The lines at which known containers begin.
fn marked_lines(
    table: &ForwardTable,
    rendered: &Rendered,
    lines: &Lines,
) -> HashMap<usize, (Mark, Option<usize>)> {
    let mut marks: HashMap<usize, (Mark, Option<usize>)> = HashMap::new();
    for container in &rendered.containers {
        let Some(mark) = container.names.iter().find_map(|name| table.marks.get(name.as_str())) else {
            continue;
        };
        let at = lines.line_at(container.range.start);
        let Some(line) = lines.next_full(at, 8) else { continue };
        let end = mark.whole.then_some(container.range.end);
        let entry = marks.entry(line).or_insert((*mark, end));
        entry.1 = entry.1.max(end);
    }
    marks
}
