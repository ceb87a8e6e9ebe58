//! Normalised text: what a reader takes the letters to be, with every position mapped back to the original.
//!
//! Phrases are matched against the folded text (lower case, accents stripped, disguises undone). Each undoing of a
//! disguise is itself evidence, so it is kept as an [`Undone`] with its span in the original.

mod cells;
mod letters;
mod words;

use std::collections::HashSet;
use std::ops::Range;

use cells::Cell;

/// A disguise of letters that folding undid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Disguise {
    /// Invisible characters inside a word (zero-width space, joiners, soft hyphen).
    ZeroWidth,
    /// Direction overrides, or direction marks inside a word.
    Bidi,
    /// Letters of another script, or letter-like symbols, that look like Latin ones.
    LookAlike,
    /// Digits or signs in place of letters (`g1ft c@rd`).
    Leet,
    /// A word spelled with spaces or signs between its letters (`g i f t`).
    Spaced,
}

/// One undone disguise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// What was undone.
    pub disguise: Disguise,
    /// The bytes of the original text concerned.
    pub span: Range<usize>,
}

/// Folded text with its map to the original.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folded {
    /// The folded text; see `data/README.md` for what patterns can rely on.
    pub text: String,
    /// For every byte of `text`, the byte range of the original character it came from.
    map: Vec<(u32, u32)>,
    /// Disguises undone, in order of position, at most [`MAX_UNDONE`].
    pub undone: Vec<Undone>,
}

/// How many undone disguises are listed for one text; more would say nothing new.
pub const MAX_UNDONE: usize = 64;

/// Texts longer than this are folded up to here; the reader of messages cuts bodies long before (and says so).
const MAX_BYTES: usize = 16 << 20;

impl Folded {
    /// The span of the original text that `span` of the folded text came from.
    pub fn original(&self, span: Range<usize>) -> Range<usize> {
        let start = self.map.get(span.start).map_or(0, |m| m.0 as usize);
        let end = span.end.checked_sub(1).and_then(|last| self.map.get(last)).map_or(start, |m| m.1 as usize);
        start..end.max(start)
    }

    /// The place in the folded text that came from byte `at` of the original, or the next one after it.
    pub fn folded_at(&self, at: usize) -> usize {
        self.map.partition_point(|m| (m.0 as usize) < at)
    }

    fn from_cells(cells: &[Cell], undone: Vec<Undone>) -> Self {
        let mut folded =
            Self { text: String::with_capacity(cells.len()), map: Vec::with_capacity(cells.len()), undone };
        for cell in cells {
            let before = folded.text.len();
            folded.text.push(cell.ch);
            folded.map.resize(folded.map.len() + folded.text.len() - before, (cell.start, cell.end));
        }
        folded
    }
}

/// Folds text. Knows the words of the marker patterns and the brand names, because leet digits and spaced letters are
/// only undone when a known word comes out: `g1ft` becomes `gift`, while `5071C` and `1Z999` stay as they are.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    vocabulary: HashSet<String>,
}

impl Folder {
    /// A folder that recognises disguised forms of the given words (folded, three letters or more).
    pub fn new<S: Into<String>>(words: impl IntoIterator<Item = S>) -> Self {
        let vocabulary = words.into_iter().map(Into::into).filter(|w: &String| w.len() >= 3).collect();
        Self { vocabulary }
    }

    /// Folds `original`. Linear in its length.
    pub fn fold(&self, original: &str) -> Folded {
        let original = cut(original, MAX_BYTES);
        let mut undone = Vec::new();
        let cells = cells::decode(original, &mut undone);
        let cells = words::undo(&cells, &self.vocabulary, &mut undone);
        let cells = cells::join_lines(&cells);
        undone.sort_by_key(|u| (u.span.start, u.disguise));
        undone.truncate(MAX_UNDONE);
        Folded::from_cells(&cells, undone)
    }
}

/// The plain folding of a short string, for names and lists: no vocabulary, no map.
pub fn fold_plain(original: &str) -> String {
    Folder::default().fold(original).text
}

/// The Latin letter that a letter of another script looks like, or the letter itself.
pub(crate) fn latin_letter(ch: char) -> char {
    letters::latin_twin(ch).unwrap_or(ch)
}

fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> Folder {
        Folder::new(["gift", "card", "cards", "irs", "paypal", "arrest", "bitcoin", "pay", "wire", "account"])
    }

    fn fold(text: &str) -> Folded {
        folder().fold(text)
    }

    fn disguises(text: &str) -> Vec<Disguise> {
        let mut all: Vec<_> = fold(text).undone.iter().map(|u| u.disguise).collect();
        all.dedup();
        all
    }

    #[test]
    fn lower_case_accents_and_quotes() {
        assert_eq!(fold("El Año — “Señor” l’été…").text, "el ano - \"senor\" l'ete...");
        assert_eq!(fold("straße Łódź Ærø").text, "strasse lodz aero");
        assert!(fold("El Año Señor naïve café").undone.is_empty());
    }

    #[test]
    fn spans_lead_back_to_the_original() {
        let text = "Págale con  una Gift\u{200b} Cárd hoy";
        let folded = fold(text);
        let at = folded.text.find("gift card").expect("folded");
        assert_eq!(&text[folded.original(at..at + 9)], "Gift\u{200b} Cárd");
        assert_eq!(folded.folded_at(0), 0);
    }

    #[test]
    fn invisible_characters_count_only_inside_words() {
        assert_eq!(fold("g\u{200b}i\u{ad}ft").text, "gift");
        assert_eq!(disguises("g\u{200b}ift"), [Disguise::ZeroWidth]);
        assert_eq!(disguises("hello\u{200c} \u{200c} world\u{feff}"), []);
        assert_eq!(disguises("invoice\u{202e}fdp.exe"), [Disguise::Bidi]);
    }

    #[test]
    fn look_alike_letters() {
        assert_eq!(fold("Раураl аccount").text, "paypal account");
        assert_eq!(disguises("your аccount"), [Disguise::LookAlike]);
        assert_eq!(fold("𝐈𝐑𝐒 ｇｉｆｔ ᴄᴀʀᴅ Ⓟⓐⓨ").text, "irs gift card pay");
        assert_eq!(disguises("ᴠᴇʀɪғʏ now"), [Disguise::LookAlike]);
    }

    #[test]
    fn honest_other_scripts_stay() {
        assert_eq!(fold("Привет, как дела").text, "привет, как дела");
        assert!(fold("Привет, это банк. Оплатите счет сегодня").undone.is_empty());
        assert!(fold("the value of β is 5 µm, x², 100 ℃ ™").undone.is_empty());
    }

    #[test]
    fn leet_only_when_a_known_word_comes_out() {
        assert_eq!(fold("g1ft c4rds p@ypal 1RS b1tc0in").text, "gift cards paypal irs bitcoin");
        assert_eq!(disguises("g1ft"), [Disguise::Leet]);
        for same in [
            "cp14",
            "cp2000",
            "5071c",
            "1z999aa10123456784",
            "w2",
            "covid19",
            "me@card.example",
            "1st",
            "b2b",
        ] {
            assert_eq!(fold(same).text, same);
            assert!(fold(same).undone.is_empty(), "{same}");
        }
    }

    #[test]
    fn spaced_letters() {
        assert_eq!(fold("buy g i f t  c a r d s now").text, "buy gift cards now");
        assert_eq!(fold("buy g i f t c a r d s now").text, "buy gift cards now");
        assert_eq!(fold("G-I-F-T").text, "gift");
        assert_eq!(fold("gi*ft ca_rd").text, "gift card");
        assert_eq!(fold("the I.R.S. wrote").text, "the irs wrote");
        assert!(fold("the I.R.S. wrote").undone.is_empty());
        assert_eq!(fold("a b c d e f").text, "a b c d e f");
        assert_eq!(disguises("g i f t"), [Disguise::Spaced]);
    }

    #[test]
    fn lines_join_into_sentences() {
        assert_eq!(fold("buy a gift\ncard today.\nThanks").text, "buy a gift card today.\nthanks");
        assert_eq!(fold("we never:\n- call\n- write\n\n\nBye").text, "we never:\n- call\n- write\nbye");
        assert_eq!(fold("a  \t b\r\n\r\nc").text, "a b\nc");
    }

    #[test]
    fn long_disguised_text_is_linear() {
        let text = "g i f t ".repeat(50_000);
        assert_eq!(fold(&text).undone.len(), MAX_UNDONE);
        let marks = format!("a{}", "\u{0301}".repeat(200_000));
        assert!(fold(&marks).text.len() < 10);
    }
}
