//! What single characters stand for.

use unicode_normalization::UnicodeNormalization;

use super::Disguise;

/// Invisible characters that can split a word without being seen.
pub(super) fn is_invisible(ch: char) -> bool {
    matches!(
        ch,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Direction marks and overrides.
pub(super) fn is_bidi(ch: char) -> bool {
    matches!(ch, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Overrides turn the order of the letters that follow; no honest Latin text needs one.
pub(super) fn is_override(ch: char) -> bool {
    matches!(ch, '\u{202d}' | '\u{202e}')
}

/// The plain form of a punctuation mark or space, if it has one.
pub(super) fn plain_sign(ch: char) -> Option<char> {
    Some(match ch {
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' | '\u{2032}' | '\u{2bc}' | '\u{b4}' | '`' => '\'',
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => '-',
        '\u{2028}' | '\u{2029}' | '\u{85}' => '\n',
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        '\u{2022}' | '\u{25cf}' | '\u{25aa}' | '\u{b7}' | '\u{2023}' => '*',
        _ => return None,
    })
}

/// Latin letters that no decomposition makes plain, as honest languages use them.
fn plain_latin(ch: char) -> Option<&'static str> {
    Some(match ch {
        'ß' | 'ẞ' => "ss",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'ø' | 'Ø' => "o",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'ł' | 'Ł' => "l",
        'ı' => "i",
        'þ' | 'Þ' => "th",
        _ => return None,
    })
}

/// Letter-like symbols and small capitals that NFKC leaves alone.
fn letter_symbol(ch: char) -> Option<char> {
    const SMALL_CAPITALS: &[(char, char)] = &[
        ('ᴀ', 'a'),
        ('ʙ', 'b'),
        ('ᴄ', 'c'),
        ('ᴅ', 'd'),
        ('ᴇ', 'e'),
        ('ꜰ', 'f'),
        ('ғ', 'f'),
        ('ɢ', 'g'),
        ('ʜ', 'h'),
        ('ɪ', 'i'),
        ('ᴊ', 'j'),
        ('ᴋ', 'k'),
        ('ʟ', 'l'),
        ('ᴍ', 'm'),
        ('ɴ', 'n'),
        ('ᴏ', 'o'),
        ('ᴘ', 'p'),
        ('ǫ', 'q'),
        ('ʀ', 'r'),
        ('ꜱ', 's'),
        ('ᴛ', 't'),
        ('ᴜ', 'u'),
        ('ᴠ', 'v'),
        ('ᴡ', 'w'),
        ('ʏ', 'y'),
        ('ᴢ', 'z'),
        ('ɑ', 'a'),
        ('ɡ', 'g'),
        ('ɩ', 'i'),
        ('ʍ', 'm'),
    ];
    let code = ch as u32;
    if (0x1f150..=0x1f169).contains(&code) || (0x1f170..=0x1f189).contains(&code) {
        let index = if code >= 0x1f170 { code - 0x1f170 } else { code - 0x1f150 };
        return char::from_u32('a' as u32 + index);
    }
    SMALL_CAPITALS.iter().find(|(from, _)| *from == ch).map(|(_, to)| *to)
}

/// What a character reads as, and whether that undid a disguise.
pub(super) struct Reading {
    /// At most four characters, lower case; empty for a combining mark.
    pub(super) chars: [char; 4],
    pub(super) len: usize,
    pub(super) disguise: Option<Disguise>,
}

impl Reading {
    fn of(chars: impl Iterator<Item = char>, disguise: Option<Disguise>) -> Self {
        let mut reading = Self { chars: ['\0'; 4], len: 0, disguise };
        for (slot, ch) in reading.chars.iter_mut().zip(chars) {
            *slot = ch;
            reading.len += 1;
        }
        reading
    }
}

/// Reads one character outside ASCII: accents are stripped, styled letters (mathematical bold, full width, circled,
/// small capitals) become plain and count as a disguise. Letters of other scripts stay; words decide about them.
pub(super) fn read(ch: char) -> Reading {
    if let Some(text) = plain_latin(ch) {
        return Reading::of(text.chars(), None);
    }
    if let Some(letter) = letter_symbol(ch) {
        return Reading::of(std::iter::once(letter), Some(Disguise::LookAlike));
    }
    let mut decomposed = Reading::of(
        std::iter::once(ch)
            .nfkd()
            .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
            .flat_map(char::to_lowercase)
            .map(|c| plain_sign(c).unwrap_or(c)),
        None,
    );
    if decomposed.len == 1 && is_styled_letter(ch, decomposed.chars[0]) {
        decomposed.disguise = Some(Disguise::LookAlike);
    }
    decomposed
}

/// A letter that exists only for its style; ordinals, superscripts and unit signs are honest.
fn is_styled_letter(ch: char, reads: char) -> bool {
    reads.is_ascii_alphabetic()
        && matches!(ch as u32, 0x1d400..=0x1d7ff | 0xff21..=0xff5a | 0x24b6..=0x24e9 | 0x1f110..=0x1f149 | 0x249c..=0x24b5)
}

/// The Latin letter that a letter of another script looks like.
pub(super) fn latin_twin(ch: char) -> Option<char> {
    if ch.is_ascii() {
        return None;
    }
    let mut buffer = [0; 4];
    let skeleton = unicode_security::skeleton(ch.encode_utf8(&mut buffer)).next()?;
    let twin = letter_symbol(skeleton).unwrap_or(skeleton).to_ascii_lowercase();
    let twin = if twin == '1' || twin == '|' { 'l' } else { twin };
    (twin.is_ascii_alphabetic()).then_some(own_twin(ch).unwrap_or(twin))
}

/// Where the skeleton's choice is not the letter that a lower-case reader sees.
fn own_twin(ch: char) -> Option<char> {
    Some(match ch {
        'і' | 'І' | 'ι' | 'Ι' | 'ӏ' => 'i',
        'к' | 'К' | 'κ' | 'Κ' => 'k',
        _ => return None,
    })
}
