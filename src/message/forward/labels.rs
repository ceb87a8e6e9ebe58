//! The words before the colon in a forward's header lines.

use std::collections::HashMap;

use super::lines::{clip, is_blank_char, is_invisible};

/// Longest label with its marks, in bytes.
const MAX_LABEL: usize = 96;

/// What a labelled line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    /// Who it is from.
    From,
    /// Who it is to.
    To,
    /// Copies.
    Cc,
    /// The date, under a word for "date".
    Date,
    /// The date, under a word for "sent", as Outlook and its kin write it.
    Sent,
    /// The subject.
    Subject,
    /// Where answers go.
    ReplyTo,
    /// Lines that may stand in a block and are passed over: attachments, importance, blind copies.
    Other,
}

impl Field {
    /// Whether the line holds addresses.
    pub(super) fn is_addresses(self) -> bool {
        matches!(self, Self::From | Self::To | Self::Cc | Self::ReplyTo)
    }
}

/// Values of the labelled lines of one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    /// From line.
    pub(super) from: Option<String>,
    /// To line.
    pub(super) to: Option<String>,
    /// Cc line.
    pub(super) cc: Option<String>,
    /// Date or Sent line.
    pub(super) date: Option<String>,
    /// Subject line.
    pub(super) subject: Option<String>,
    /// Reply-To line.
    pub(super) reply_to: Option<String>,
    /// The date stood under a word for "sent".
    pub(super) sent: bool,
}

impl Fields {
    /// Whether `field` may still come: each stands once in a block.
    pub(super) fn is_open(&self, field: Field) -> bool {
        match field {
            Field::From => self.from.is_none(),
            Field::To => self.to.is_none(),
            Field::Cc => self.cc.is_none(),
            Field::Date | Field::Sent => self.date.is_none(),
            Field::Subject => self.subject.is_none(),
            Field::ReplyTo => self.reply_to.is_none(),
            Field::Other => true,
        }
    }

    /// Keeps a value.
    pub(super) fn set(&mut self, field: Field, value: String) {
        self.sent |= field == Field::Sent;
        match field {
            Field::From => self.from = Some(value),
            Field::To => self.to = Some(value),
            Field::Cc => self.cc = Some(value),
            Field::Date | Field::Sent => self.date = Some(value),
            Field::Subject => self.subject = Some(value),
            Field::ReplyTo => self.reply_to = Some(value),
            Field::Other => {}
        }
    }

    /// How many of date, subject and to are there.
    pub(super) fn beside_from(&self) -> usize {
        [&self.date, &self.subject, &self.to].into_iter().filter(|value| value.is_some()).count()
    }

    /// Whether this is the header of a message: a From that can be a sender, and one more line.
    pub(super) fn is_header(&self) -> bool {
        self.from.as_deref().is_some_and(can_be_sender) && self.beside_from() > 0
    }

    /// Whether From shows an address, not only a name.
    pub(super) fn has_address(&self) -> bool {
        self.from.as_deref().is_some_and(|from| from.contains('@'))
    }
}

/// Whether `value` can name a sender: an address, or a short name that is not a price, a number or a path.
fn can_be_sender(value: &str) -> bool {
    if value.contains('@') {
        return true;
    }
    let value = value.trim_start_matches(['"', '\'', '*', '<', '[', '“', '(']);
    let starts = value.chars().next().is_some_and(char::is_alphabetic);
    starts && value.chars().count() <= 80 && !value.contains("://")
}

/// Labels of one language as written, for labels that are glued together.
#[derive(Debug, Default)]
pub(super) struct Language {
    /// Words for From.
    pub(super) from: Vec<String>,
    /// Every other word with its meaning.
    pub(super) rest: Vec<(String, Field)>,
}

/// Labels of all languages.
#[derive(Debug, Default)]
pub(super) struct Labels {
    /// Normalised label to what it may mean.
    map: HashMap<String, Vec<Field>>,
    /// Language by language.
    pub(super) languages: Vec<Language>,
}

impl Labels {
    /// Adds one language.
    pub(super) fn add(&mut self, words: &[(Field, Vec<String>)]) {
        let mut language = Language::default();
        for (field, labels) in words {
            for label in labels {
                let meanings = self.map.entry(normalise(label)).or_default();
                if !meanings.contains(field) {
                    meanings.push(*field);
                }
                match field {
                    Field::From => language.from.push(label.clone()),
                    _ => language.rest.push((label.clone(), *field)),
                }
            }
        }
        self.languages.push(language);
    }

    /// Reads `label: value` at the start of a line's content, as a field that `fields` does not have yet.
    pub(super) fn read<'t>(&self, content: &'t str, fields: &Fields) -> Option<(Field, &'t str)> {
        let (meanings, value) = self.look_up(content)?;
        let field = meanings.iter().copied().find(|&field| fields.is_open(field))?;
        Some((field, value))
    }

    /// Whether the line begins with any label.
    pub(super) fn is_label(&self, content: &str) -> bool {
        self.look_up(content).is_some()
    }

    /// What the label of a line may mean, and what follows it.
    fn look_up<'t>(&self, content: &'t str) -> Option<(&[Field], &'t str)> {
        let colon = clip(content, MAX_LABEL).find([':', '：'])?;
        let meanings = self.map.get(&normalise(&content[..colon]))?;
        let width = content[colon..].chars().next().map_or(1, char::len_utf8);
        Some((meanings, tidy_value(&content[colon + width..])))
    }
}

/// A label in lower case without bold marks, invisible characters and doubled blanks.
fn normalise(label: &str) -> String {
    let plain: String = label.chars().filter(|&c| !is_invisible(c) && !matches!(c, '*' | '_')).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A value without blanks and without the bold marks that close its label (`*From:* Jane`).
fn tidy_value(value: &str) -> &str {
    let value = value.trim_matches(is_blank_char);
    let value = value.strip_prefix("**").or_else(|| value.strip_prefix('*')).unwrap_or(value);
    value.trim_start_matches(is_blank_char)
}
