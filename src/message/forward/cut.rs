//! Taking a mail apart once the start of its forward is known.

use super::address::{parse_list, parse_one};
use super::find::{Found, How, Mail};
use super::labels::Fields;
use super::lines::is_blank_char;
use super::{ForwardedHeader, Split};

/// Longest text below a container that is taken for the forwarder's, in bytes.
const MAX_BELOW: usize = 1000;

/// The forwarded text: its place and the quoting marks to take off.
struct Part {
    /// First line.
    first: usize,
    /// Byte after its end.
    end: usize,
    /// Quoting marks that the forward added.
    levels: usize,
}

/// Takes the mail apart.
pub(super) fn cut(mail: &Mail, found: Found) -> Split {
    let part = part(mail, &found);
    let text = mail.lines.text;
    let start = mail.lines.all.get(part.first).map_or(text.len(), |line| line.range.start).min(part.end);
    let above = mail.lines.all.get(found.first).map_or(0, |line| line.range.start);
    Split {
        style: mail.table.styles[found.style].id.clone(),
        confidence: found.confidence,
        header: header(&found.fields),
        body: mail.rendered.slice(start..part.end, part.levels),
        note: note(&text[..above], without_end_line(mail, &text[part.end..])),
    }
}

/// What the header's lines hold.
fn header(fields: &Fields) -> ForwardedHeader {
    let list = |value: &Option<String>| value.as_deref().map(parse_list).unwrap_or_default();
    let line = |value: &Option<String>| value.as_deref().map(one_line).filter(|value| !value.is_empty());
    ForwardedHeader {
        from: fields.from.as_deref().and_then(parse_one),
        to: [list(&fields.to), list(&fields.cc)].concat(),
        reply_to: list(&fields.reply_to),
        date: line(&fields.date),
        subject: line(&fields.subject),
    }
}

/// A value with single blanks.
fn one_line(value: &str) -> String {
    let line = value.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_matches(is_blank_char);
    // Bold marks of plain text go in pairs; a lone one closed the label.
    let lone = line.matches('*').count() == 1;
    line.strip_suffix('*')
        .or_else(|| line.strip_prefix('*'))
        .filter(|_| lone)
        .unwrap_or(line)
        .trim()
        .to_owned()
}

/// What stands above and below the forward.
fn note(above: &str, below: &str) -> String {
    let (above, below) = (above.trim_matches(is_blank_char), below.trim_matches(is_blank_char));
    match (above.is_empty(), below.is_empty()) {
        (false, false) => format!("{above}\n\n{below}"),
        _ => format!("{above}{below}"),
    }
}

/// The line that says the forward ends belongs to nobody.
fn without_end_line<'a>(mail: &Mail, below: &'a str) -> &'a str {
    let below = below.trim_start_matches(is_blank_char);
    let (line, rest) = below.split_once('\n').unwrap_or((below, ""));
    if mail.table.ends.is_match(line.trim_matches(is_blank_char)) { rest } else { below }
}

/// Finds where the forwarded text lies.
fn part(mail: &Mail, found: &Found) -> Part {
    let first = skip_repeat(mail, found);
    let len = mail.lines.text.len();
    let levels = levels(mail, found, first);
    let quoted_end = (levels > 0).then(|| end_of_quotation(mail, first, levels)).flatten();
    let end = quoted_end.or_else(|| marked_end(mail, found, first)).or_else(|| end_line(mail, found, first));
    Part { first, end: end.unwrap_or(len), levels }
}

/// Some programs repeat the separator below the header.
fn skip_repeat(mail: &Mail, found: &Found) -> usize {
    let Some(next) = mail.lines.next_full(found.next, 1) else { return found.next };
    let same = found.how == How::Separator && mail.lines.content(next) == mail.lines.content(found.first);
    // Two forwards of the same style follow each other when the second has a header of its own.
    let header =
        mail.lines.next_full(next + 1, 3).is_some_and(|k| mail.table.labels.is_label(mail.lines.content(k)));
    if same && !header { next + 1 } else { found.next }
}

/// How many quoting marks the forward put before its lines.
fn levels(mail: &Mail, found: &Found, first: usize) -> usize {
    let depth = mail.lines.depth(found.block);
    if depth > 0 {
        return depth;
    }
    let Some(top) = mail.lines.next_full(first, 3) else { return 0 };
    let mut full = mail.lines.all[top..].iter().filter(|line| !line.content.is_empty());
    let all_quoted = full.all(|line| line.depth > 0);
    usize::from(mail.lines.depth(top) > 0 && (all_quoted || found.how == How::Wrote))
}

/// End of the last line that is quoted at least `levels` deep.
fn end_of_quotation(mail: &Mail, first: usize, levels: usize) -> Option<usize> {
    let last = mail.lines.all.iter().rposition(|line| line.depth >= levels)?;
    (last >= first).then(|| mail.lines.all[last].range.end)
}

/// End of the container, unless that leaves no text although there is some, or leaves more below it than a person
/// writes there: HTML that closes the container early must not hide its text in the note.
fn marked_end(mail: &Mail, found: &Found, first: usize) -> Option<usize> {
    let end = found.end?;
    let start = mail.lines.all.get(first)?.range.start;
    let body = mail.lines.text.get(start..end)?;
    let below = mail.lines.text[end..].trim_matches(is_blank_char);
    (!body.trim_matches(is_blank_char).is_empty() && below.len() <= MAX_BELOW).then_some(end)
}

/// Start of the last line that says the forward ends, in styles that write one. The last: the sender may have written
/// others to hide what follows.
fn end_line(mail: &Mail, found: &Found, first: usize) -> Option<usize> {
    if !mail.table.styles[found.style].ends {
        return None;
    }
    let last = (first..mail.lines.len()).rev().find(|&k| mail.table.ends.is_match(mail.lines.content(k)))?;
    Some(mail.lines.all[last].range.start)
}
