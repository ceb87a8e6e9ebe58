//! The configuration of `bypost serve`: a TOML file, then secrets from the environment, then the command line's flags.
//!
//! `bypost.example.toml` documents every key. What is loaded here is valid: the rest of the program checks nothing again.

mod raw;
mod types;
mod valid;

use std::path::{Path, PathBuf};

pub use types::*;

/// What is wrong in the configuration, where, and what was expected.
pub use crate::sources::DataError as ConfigError;

/// What the command line says about the configuration; flags win over the file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--smtp`.
    pub smtp: Option<String>,
    /// `--lmtp`.
    pub lmtp: Option<String>,
    /// `--http`.
    pub http: Option<String>,
}

/// Reads the environment; injected so that tests need not change the process's own.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// The configuration for `flags`: from the file they name, or the defaults.
    ///
    /// # Errors
    /// The file cannot be read, has a key that is unknown or a value that is not valid; named with its line.
    pub fn load(flags: &Flags, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let (name, text) = match &flags.config {
            Some(path) => (path.display().to_string(), read(path)?),
            None => ("(defaults)".to_owned(), String::new()),
        };
        Self::parse(&name, &text, flags, environment)
    }

    /// The configuration that `text` (of the file `name`) says.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(
        name: &str,
        text: &str,
        flags: &Flags,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let raw: raw::RawConfig = toml::from_str(text).map_err(|e| ConfigError::toml(name, text, &e))?;
        valid::Checker { name, text, environment }.config(raw, flags)
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|e| ConfigError::file(path.display().to_string(), format!("cannot read the file: {e}")))
}

#[cfg(test)]
mod tests;
