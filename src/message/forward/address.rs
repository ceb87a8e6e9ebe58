//! Addresses as mail programs print them in a forward.

use super::super::Address;
use super::lines::is_invisible;

/// Most addresses taken from one header line.
const MAX_ADDRESSES: usize = 200;

/// Reads one sender: `Name <addr>`, `addr`, `Name [mailto:addr]`, `Name (addr)`, or a name alone.
///
/// In `X on behalf of Y` the first, who truly sent, is taken. `None` when nothing is left.
pub(super) fn parse_one(value: &str) -> Option<Address> {
    let cleaned = without_markdown(&clean(value));
    let value = cleaned.split(" on behalf of ").next().unwrap_or_default();
    let (name, address) = match bracketed(value) {
        Some((start, address)) => (&value[..start], address),
        None => bare(value),
    };
    let name = tidy_name(name);
    let name = if name.eq_ignore_ascii_case(address) { String::new() } else { name };
    (!name.is_empty() || !address.is_empty()).then(|| Address { name, address: address.to_owned() })
}

/// `[addr](mailto:addr)` as `addr`: how some programs write links into plain text.
fn without_markdown(value: &str) -> String {
    let Some(middle) = find_ignoring_case(value, "](mailto:") else { return value.to_owned() };
    let (before, after) = (&value[..middle], &value[middle + 2..]);
    let (Some(open), Some(close)) = (before.rfind('['), after.find(')')) else { return value.to_owned() };
    format!("{}{}{}", &before[..open], &before[open + 1..], &after[close + 1..])
}

/// Reads a list separated by `,` or `;`, with names that hold commas of their own.
pub(super) fn parse_list(value: &str) -> Vec<Address> {
    pieces(value).into_iter().take(MAX_ADDRESSES).filter_map(|piece| parse_one(&piece)).collect()
}

/// Splits a list. A piece without an address before a comma belongs to the next piece (`Doe, Jane <jane@…>`).
fn pieces(value: &str) -> Vec<String> {
    let (mut all, mut piece) = (Vec::new(), String::new());
    let (mut quoted, mut depth) = (false, 0_usize);
    for c in value.chars() {
        match c {
            '"' => quoted = !quoted,
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let open = quoted || depth > 0;
        let ends = !open && (c == ';' || c == '；' || (c == ',' && piece.contains('@')));
        if ends {
            all.push(std::mem::take(&mut piece));
        } else {
            piece.push(c);
        }
    }
    all.push(piece);
    all
}

/// Takes out what mail programs add to addresses: `<mailto:…>` echoes, bold marks, invisible characters.
fn clean(value: &str) -> String {
    let value: String =
        value.chars().filter(|&c| !is_invisible(c)).map(|c| if c == '\u{a0}' { ' ' } else { c }).collect();
    let mut out = String::with_capacity(value.len());
    let mut rest = value.as_str();
    while let Some(at) = find_ignoring_case(rest, "<mailto:") {
        let Some(len) = rest[at..].find('>') else { break };
        // An echo follows the text it repeats; standing alone it is the address itself.
        let repeats =
            rest[..at].trim_end().rsplit([' ', '<', '[']).next().is_some_and(|word| word.contains('@'));
        let alone = !repeats && !rest[at + len + 1..].contains('@');
        out.push_str(&rest[..at]);
        if alone {
            out.push('<');
            out.push_str(&rest[at + "<mailto:".len()..=at + len]);
        }
        rest = &rest[at + len + 1..];
    }
    out.push_str(rest);
    out
}

/// Byte offset of ASCII `needle` (lower case) in `text`, whatever its case.
fn find_ignoring_case(text: &str, needle: &str) -> Option<usize> {
    text.to_ascii_lowercase().find(needle)
}

/// The last bracketed address and where its bracket opens: `<a@b>`, `[mailto:a@b]`, `(a@b)`.
fn bracketed(value: &str) -> Option<(usize, &str)> {
    let mut end = value.len();
    while let Some(start) = value[..end].rfind(['<', '[', '(']) {
        let inner = value[start + 1..].trim_start_matches(['<', '[', '(']);
        let inner = inner.split(['>', ']', ')']).next().unwrap_or_default();
        let inner = inner.trim().trim_matches(['\'', '"']);
        let inner = strip_scheme(inner);
        if looks_like_address(inner) {
            let before = value[..start].trim_end_matches(['<', '[', '(', ' ']);
            return Some((before.len(), inner));
        }
        end = start;
    }
    None
}

/// Takes `mailto:` off.
fn strip_scheme(value: &str) -> &str {
    match value.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => {
            value[7..].split('?').next().unwrap_or_default()
        }
        _ => value,
    }
}

/// An address without brackets, or a name alone.
fn bare(value: &str) -> (&str, &str) {
    let mut words = value.split([' ', '\t', ',', ';', '<', '>', '[', ']', '(', ')']);
    let found = words.find_map(|word| {
        let word = strip_scheme(word.trim_matches(['\'', '"', '*', '_', '“', '”']));
        looks_like_address(word).then_some(word)
    });
    let Some(address) = found else { return (value, "") };
    let at = value.find(address).unwrap_or(0);
    (&value[..at], address)
}

/// `local@domain` without blanks, both sides there.
fn looks_like_address(word: &str) -> bool {
    let Some((local, domain)) = word.rsplit_once('@') else { return false };
    !local.is_empty() && !domain.is_empty() && !word.contains(char::is_whitespace) && word.len() <= 320
}

/// A display name without quotes, bold marks and doubled blanks.
fn tidy_name(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    let joined = words.join(" ");
    let mut name = joined.trim_matches([' ', '*', '"', '“', '”', ',', ';', ':', '<', '>', '[', ']']);
    // Only a pair of apostrophes is quoting: `'Jane' via Desk` keeps its own.
    while name.len() > 2 && name.starts_with('\'') && name.ends_with('\'') {
        name = name[1..name.len() - 1].trim();
    }
    name.replace("\\\"", "\"")
}
