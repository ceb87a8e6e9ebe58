//! What the subject's first prefix says: forwarded, replied, or neither.

use std::collections::HashMap;

use super::lines::{clip, is_blank_char};

/// What a subject says about its mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first prefix means "forwarded".
    Forward,
    /// The first prefix means "reply".
    Reply,
    /// No prefix, or one that means either by language.
    Plain,
}

/// Subject prefixes of all languages, in lower case without the colon.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    /// Prefix to meaning.
    map: HashMap<String, Kind>,
}

impl Prefixes {
    /// Adds a prefix; one that means both by language means neither.
    pub(super) fn add(&mut self, prefix: &str, kind: Kind) {
        let entry = self.map.entry(prefix.to_lowercase()).or_insert(kind);
        if *entry != kind {
            *entry = Kind::Plain;
        }
    }

    /// Reads the first prefix of `subject`, after any `[tag]`.
    pub(super) fn read(&self, subject: &str) -> Kind {
        let subject = clip(subject, 400).trim_matches(is_blank_char);
        if subject.to_lowercase().ends_with("(fwd)") {
            return Kind::Forward;
        }
        let mut rest = subject;
        loop {
            match self.first(rest) {
                Some(kind) => return kind,
                None => match skip_tag(rest) {
                    Some(next) => rest = next,
                    None => return Kind::Plain,
                },
            }
        }
    }

    /// The prefix at the very start of `text`, also inside a bracket: `[Fwd: …]`.
    fn first(&self, text: &str) -> Option<Kind> {
        let text = text.trim_start_matches(['[', '(', ' ']);
        let colon = clip(text, 80).find([':', '：'])?;
        let word = text[..colon].trim_matches(is_blank_char);
        let counter = word.find(['[', '(', '*', '^']).filter(|_| word.chars().any(|c| c.is_ascii_digit()));
        let word = counter.map_or(word, |at| word[..at].trim_end());
        self.map.get(&word.to_lowercase()).copied()
    }
}

/// What follows a tag that servers put before subjects: `[External]`, `***SPAM***`, `{Spam?}`.
fn skip_tag(text: &str) -> Option<&str> {
    let close = match text.chars().next()? {
        '[' => "]",
        '{' => "}",
        '(' => ")",
        '*' => {
            let inner = text.trim_start_matches('*');
            let end = inner.find('*')?;
            return Some(inner[end..].trim_start_matches('*').trim_start());
        }
        _ => return None,
    };
    Some(text[text.find(close)? + close.len()..].trim_start_matches([' ', ':', '-']))
}
