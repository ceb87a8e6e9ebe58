//! What a message shows: markers found by patterns and signals found by code, as one list of [`Evidence`].
//!
//! Evidence points into the words of the message and copies nothing. A phrase that the message only talks about (advice,
//! news, a receipt) is a *mention*: it is kept and shown, and does not count.

mod brands;
mod catalogue;
mod domains;
mod examples;
mod identity;
mod index;
mod links;
mod lists;
mod literals;
mod patterns;
mod phrases;
mod polarity;
mod prepared;
mod sender;
mod shapes;
mod structure;

use std::ops::Range;

pub use brands::{Brand, BrandIx, Brands, Kind};
pub use catalogue::{Catalogue, FAMILIES, Framed, Marker, MarkerIx};
pub use domains::registrable;
pub use identity::{Claim, PLAIN};
pub use lists::Lists;
pub use polarity::{FrameKind, Mention};

use crate::message::Message;
use crate::sources::{DataError, Sources};
use crate::text::{Folded, Folder};

/// A part of the message that evidence can point into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The subject.
    Subject,
    /// The visible text.
    Body,
    /// The display name of the sender.
    FromName,
    /// An address in the header.
    Sender,
    /// A link; `item` is its number.
    Link,
    /// A file; `item` is its number.
    Attachment,
    /// Text that is not seen; `item` is its number.
    Hidden,
    /// The header as a whole.
    Header,
}

/// One sign, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Which marker.
    pub marker: MarkerIx,
    /// Where.
    pub part: Part,
    /// Which item of the part, for links, files and hidden texts.
    pub item: usize,
    /// Bytes of the part's text; empty when the part as a whole is meant.
    pub span: Range<usize>,
    /// Why this is only a mention and does not count.
    pub mention: Option<Mention>,
}

/// Everything a message shows.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Evidence in the order of parts and places; mentions included.
    pub evidence: Vec<Evidence>,
    /// Who the message says it is, most certain first.
    pub claims: Vec<Claim>,
    /// Notice numbers named (`CP14`, `LT11` …), in the order met.
    pub notices: Vec<String>,
    /// The most suspicious host among the links, as a registrable domain.
    pub worst_host: Option<String>,
    /// Figures about the message as a whole.
    pub counts: Counts,
    /// Subject and text as folded, for what the model reads of the wording.
    pub(crate) folded_subject: String,
    pub(crate) folded_body: String,
}

/// Figures about the message as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sentences of the visible text.
    pub sentences: usize,
    /// Sentences that stand in advice, narration or news.
    pub toned: usize,
    /// Links that lead somewhere (web links, not mail or telephone).
    pub links: usize,
    /// Words of the visible text.
    pub words: usize,
}

impl Counts {
    /// Whether the message as a whole gives advice, tells of scams or reports news.
    pub fn advises(&self) -> bool {
        self.toned >= 2 && self.toned * 8 >= self.sentences
    }
}

impl Findings {
    /// Markers that count, each once, in the order of the evidence.
    pub fn asserted(&self) -> impl Iterator<Item = MarkerIx> + '_ {
        let mut seen = std::collections::HashSet::new();
        self.evidence
            .iter()
            .filter(|e| e.mention.is_none())
            .map(|e| e.marker)
            .filter(move |m| seen.insert(*m))
    }
}

/// Everything needed to gather evidence, built once.
#[derive(Debug)]
pub struct Gatherer {
    /// The markers.
    pub catalogue: Catalogue,
    /// Agencies, banks and companies with their domains.
    pub brands: Brands,
    /// Domain lists.
    pub lists: Lists,
    folder: Folder,
    shapes: shapes::Shapes,
    coded: sender::Coded,
}

impl Gatherer {
    /// Builds the gatherer from the data files.
    ///
    /// # Errors
    /// Names file and line of what is wrong.
    pub fn load(sources: &Sources) -> Result<Self, DataError> {
        let names = "data/brands.toml";
        // Half of the work each, side by side: a pipe starts for every mail.
        let (catalogue, brands, shapes) = std::thread::scope(|scope| {
            let aside = scope
                .spawn(|| (sources.text(names).and_then(|t| Brands::load(names, t)), shapes::Shapes::new()));
            let catalogue = Catalogue::load(sources);
            let (brands, shapes) = aside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (catalogue, brands, shapes)
        });
        let (catalogue, brands) = (catalogue?, brands?);
        let lists = Lists::load(sources)?;
        let mut words = catalogue.words();
        words.extend(brands.words());
        let coded = sender::Coded::resolve(&catalogue, &brands)?;
        Ok(Self { catalogue, brands, lists, folder: Folder::new(words), shapes, coded })
    }

    /// Everything `message` shows. Linear in its size.
    pub fn gather(&self, message: &Message) -> Findings {
        let folded = FoldedParts::new(&self.folder, message);
        let mut findings = Findings::default();
        let mut sink = Sink { coded: &self.coded, evidence: Vec::new() };
        phrases::find(&self.catalogue, message, &folded, &mut sink, &mut findings);
        findings.claims = identity::claims(&self.brands, &self.catalogue, message, &folded, &sink);
        identity::report(&findings.claims, &self.brands, &mut sink);
        let view = View {
            message,
            folded: &folded,
            claims: &findings.claims,
            brands: &self.brands,
            lists: &self.lists,
        };
        sender::find(&view, &mut sink);
        findings.worst_host = links::find(&view, &mut sink, &mut findings.counts);
        structure::find(&view, &mut sink);
        findings.notices = self.shapes.find(&view, &mut sink);
        findings.counts.words = folded.body.text.split_ascii_whitespace().count();
        sink.distrust_tone();
        sink.heed_warning(&findings.counts);
        findings.evidence = sink.evidence;
        findings.evidence.sort_by_key(|e| (e.part, e.item, e.span.start, e.marker));
        (findings.folded_subject, findings.folded_body) = (folded.subject.text, folded.body.text);
        findings
    }
}

/// The parts of a message that phrases are looked for in, folded.
struct FoldedParts {
    subject: Folded,
    body: Folded,
    from_name: Folded,
}

impl FoldedParts {
    fn new(folder: &Folder, message: &Message) -> Self {
        let name = message.from.as_ref().map_or("", |from| from.name.as_str());
        Self {
            subject: folder.fold(&message.subject),
            body: folder.fold(&message.text),
            from_name: folder.fold(name),
        }
    }

    fn of(&self, part: Part) -> &Folded {
        match part {
            Part::Subject => &self.subject,
            Part::FromName => &self.from_name,
            _ => &self.body,
        }
    }
}

/// What the coded signals look at.
struct View<'a> {
    message: &'a Message,
    folded: &'a FoldedParts,
    claims: &'a [Claim],
    brands: &'a Brands,
    lists: &'a Lists,
}

/// Signs that sender or links are not those of who the message says it is.
const CONTRADICTIONS: &[&str] = &[
    "link.lookalike",
    "link.raw-ip",
    "link.mismatch",
    "link.credentials-in-url",
    "link.data-or-script",
    "sender.lookalike",
    "sender.freemail-authority",
    "sender.mismatch",
    "sender.auth-fail",
    "payment.wallet-address",
];

/// Where evidence is collected.
struct Sink<'a> {
    coded: &'a sender::Coded,
    evidence: Vec<Evidence>,
}

impl Sink<'_> {
    /// Adds a coded signal about a part as a whole.
    fn signal(&mut self, id: &'static str, part: Part, item: usize) {
        self.signal_at(id, part, item, 0..0);
    }

    /// Adds a coded signal with its place.
    fn signal_at(&mut self, id: &'static str, part: Part, item: usize, span: Range<usize>) {
        let marker = self.coded.ix(id);
        self.evidence.push(Evidence { marker, part, item, span, mention: None });
    }

    /// The tone of a passage is easily put on: advice pasted beside a demand. Where sender or links contradict what the
    /// message says it is, only a frame in the sentence itself makes a mention.
    fn distrust_tone(&mut self) {
        if self.contradicted() {
            for evidence in self.evidence.iter_mut().filter(|e| e.mention.is_some_and(|m| m.by_tone)) {
                evidence.mention = None;
            }
        }
    }

    /// A bulletin that warns is a warning from its first line to its last: where the message as a whole gives advice, and
    /// comes from a true domain of who it says it is, every phrase is a mention. Sender and tone together are asked for,
    /// since either alone is easily put on.
    fn heed_warning(&mut self, counts: &Counts) {
        let trusted = self.has(self.coded.ix("genuine.aligned-sender")) && !self.contradicted();
        if !(trusted && counts.advises()) {
            return;
        }
        let phrase = |part: Part| matches!(part, Part::Subject | Part::Body);
        let warning = Mention { kind: FrameKind::Advice, by_tone: true };
        for evidence in self.evidence.iter_mut().filter(|e| phrase(e.part) && !e.span.is_empty()) {
            if evidence.mention.is_none() && self.coded.demands(evidence.marker) {
                evidence.mention = Some(warning);
            }
        }
    }

    /// Whether sender or links contradict what the message says it is.
    fn contradicted(&self) -> bool {
        CONTRADICTIONS.iter().any(|id| self.has(self.coded.ix(id)))
    }

    /// Whether a marker has been found and counts.
    fn has(&self, marker: MarkerIx) -> bool {
        self.evidence.iter().any(|e| e.marker == marker && e.mention.is_none())
    }
}
