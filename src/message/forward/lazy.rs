//! The forward table, compiled when the first mail needs it: most mails are no forwards, and a filter judges only one.

use std::sync::OnceLock;

use super::super::rendered::Rendered;
use super::{ForwardTable, Split};

/// The table's source and, once needed, the table.
#[derive(Debug)]
pub struct Forwards {
    file: String,
    text: String,
    /// Labels of the sender's line in every language, lower case.
    senders: Vec<String>,
    table: OnceLock<Option<ForwardTable>>,
}

impl Forwards {
    /// Takes the table's source. With `eager` it is compiled at once, so that a mistake in it is found now.
    ///
    /// # Errors
    /// Names file and line of what is wrong.
    pub fn new(file: &str, text: &str, eager: bool) -> Result<Self, String> {
        let senders = sender_labels(file, text)?;
        let table = OnceLock::new();
        if eager {
            let _ = table.set(Some(ForwardTable::parse(file, text)?));
        }
        Ok(Self { file: file.to_owned(), text: text.to_owned(), senders, table })
    }

    /// Compiles the table if that has not been done.
    ///
    /// # Errors
    /// Names file and line of what is wrong.
    pub fn check(&self) -> Result<(), String> {
        ForwardTable::parse(&self.file, &self.text).map(|_| ())
    }

    /// Takes a mail apart at its outermost inline forward, if it is one.
    pub(in super::super) fn split(&self, subject: &str, rendered: &Rendered) -> Option<Split> {
        if !self.may_be_forward(&rendered.text) {
            return None;
        }
        // A table that does not compile was refused when it came from an operator; the built-in one is tested.
        let table = self.table.get_or_init(|| ForwardTable::parse(&self.file, &self.text).ok()).as_ref()?;
        table.split(subject, rendered)
    }

    /// Every forward names its sender: a line with such a label and a colon, or one that ends in a colon and has an
    /// address or a date in it.
    fn may_be_forward(&self, text: &str) -> bool {
        text.lines().any(|line| {
            let Some(colon) = line.find([':', '：']) else { return false };
            let label = line[..colon].trim_matches(|c: char| !c.is_alphabetic());
            let labelled = label.len() <= 60 && self.is_sender(label);
            labelled || line.trim_end().ends_with([':', '：'])
        })
    }

    /// The label itself, or one glued to what stands before it (`Forwarded Message ----- From`).
    fn is_sender(&self, label: &str) -> bool {
        let label = label.to_lowercase();
        self.senders.iter().any(|s| label.ends_with(s.as_str()))
    }
}

fn sender_labels(file: &str, text: &str) -> Result<Vec<String>, String> {
    let value: toml::Table = toml::from_str(text).map_err(|e| format!("{file}: {}", e.message()))?;
    let labels = value.get("label").and_then(toml::Value::as_array).into_iter().flatten();
    let names = labels.filter_map(|l| l.get("from").and_then(toml::Value::as_array)).flatten();
    Ok(names.filter_map(toml::Value::as_str).map(str::to_lowercase).collect())
}
