//! Domain lists from `data/lists/*.txt`.

use std::collections::HashSet;

use crate::sources::{DataError, Sources};

/// Lists of hosts; an entry stands for the host itself and everything below it.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    freemail: HashSet<String>,
    shorteners: HashSet<String>,
    trackers: HashSet<String>,
    hosting: HashSet<String>,
    risky_tlds: HashSet<String>,
}

impl Lists {
    /// Reads the lists.
    ///
    /// # Errors
    /// A list is missing, or a line is no host name.
    pub fn load(sources: &Sources) -> Result<Self, DataError> {
        let read = |name: &str| read(&format!("data/lists/{name}.txt"), sources);
        Ok(Self {
            freemail: read("freemail")?,
            shorteners: read("shorteners")?,
            trackers: read("trackers")?,
            hosting: read("hosting")?,
            risky_tlds: read("risky-tlds")?,
        })
    }

    /// Anyone can have a mailbox there.
    pub fn is_freemail(&self, domain: &str) -> bool {
        covers(&self.freemail, domain)
    }

    /// Shortens links.
    pub fn is_shortener(&self, host: &str) -> bool {
        covers(&self.shorteners, host)
    }

    /// Carries clicks for senders of bulk mail.
    pub fn is_tracker(&self, host: &str) -> bool {
        covers(&self.trackers, host)
    }

    /// Anyone can put a page there.
    pub fn is_hosting(&self, host: &str) -> bool {
        covers(&self.hosting, host)
    }

    /// Its top-level domain is much abused.
    pub fn is_risky_tld(&self, host: &str) -> bool {
        host.rsplit('.').next().is_some_and(|tld| self.risky_tlds.contains(tld))
    }
}

/// Whether `host` or a domain above it is listed.
fn covers(list: &HashSet<String>, host: &str) -> bool {
    let mut rest = host;
    loop {
        if list.contains(rest) {
            return true;
        }
        match rest.split_once('.') {
            Some((_, parent)) => rest = parent,
            None => return false,
        }
    }
}

fn read(name: &str, sources: &Sources) -> Result<HashSet<String>, DataError> {
    let text = sources.text(name)?;
    let mut list = HashSet::new();
    for (number, line) in text.lines().enumerate() {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        if !entry.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._/".contains(&b)) {
            let what = format!("`{entry}`: expected a host name in lower case, one a line");
            return Err(DataError { file: name.into(), line: Some(number + 1), what });
        }
        // An entry with a path (docs.example/forms) stands for its host; links know no finer.
        list.insert(entry.split('/').next().unwrap_or(entry).to_owned());
    }
    Ok(list)
}
