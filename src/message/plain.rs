//! Texts and transcripts: bytes to words.

use std::borrow::Cow;

use super::Address;
use super::rendered::Rendered;

/// Decodes text of unknown encoding: byte-order marks, UTF-8, else Windows-1252, which has a letter for every byte.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => decode(rest),
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(error) if error.valid_up_to() * 10 > bytes.len() * 9 && error.valid_up_to() > 64 => {
                String::from_utf8_lossy(bytes)
            }
            Err(_) => Cow::Owned(bytes.iter().map(|b| windows_1252(*b)).collect()),
        },
    }
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// The upper half of Windows-1252 (WHATWG encoding standard); unassigned bytes become control characters.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// Lines end in `\n`; control characters are taken out, so that they neither split words nor reach anyone.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(ch) = chars.next() {
        match ch {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\n' | '\t' => out.push(ch),
            _ if ch.is_control() => {}
            _ => out.push(ch),
        }
    }
    out
}

/// A text with its sender, if the first line names one (`From: +1 202-555-0100`).
pub(super) fn read(bytes: &[u8]) -> (Option<Address>, Rendered) {
    let text = clean(&decode(bytes));
    let (from, text) = match sender_line(&text) {
        Some((from, rest)) => (Some(from), rest.to_owned()),
        None => (None, text),
    };
    (from, Rendered { text: text.trim().to_owned(), ..Rendered::default() })
}

fn sender_line(text: &str) -> Option<(Address, &str)> {
    let (first, rest) = text.trim_start_matches(['\n', ' ', '\u{feff}']).split_once('\n')?;
    let (label, value) = first.split_once(':')?;
    let known = ["from", "sender", "de", "remitente", "caller", "number"]
        .contains(&label.trim().to_lowercase().as_str());
    let value = value.trim();
    (known && !value.is_empty() && value.len() < 80)
        .then(|| (Address { name: String::new(), address: value.to_owned() }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        assert_eq!(decode(b"caf\xc3\xa9"), "café");
        assert_eq!(decode(b"caf\xe9 \x80"), "café €");
        assert_eq!(decode(b"\xff\xfeh\0i\0"), "hi");
        assert_eq!(decode(b"\xef\xbb\xbfhi"), "hi");
    }

    #[test]
    fn lines_and_controls() {
        assert_eq!(clean("a\r\nb\rc\nd\0e\u{7}"), "a\nb\nc\nde");
    }

    #[test]
    fn a_first_line_may_name_the_sender() {
        let (from, body) = read(b"From: +1 202-555-0100\nPay now");
        assert_eq!(from.map(|f| f.address).as_deref(), Some("+1 202-555-0100"));
        assert_eq!(body.text, "Pay now");
        assert_eq!(read(b"Dear: all\nhello").0, None);
    }
}
