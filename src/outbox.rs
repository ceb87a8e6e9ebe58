//! Answers on their way out. The only room that knows lettre.

mod compose;
mod maildir;
mod relay;
mod sign;

use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use compose::{Draft, compose, is_ours, message_id};
pub use sign::Signer;

use crate::config::{OutboxConfig, Route};

/// Why an answer did not go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Later may work.
    Later(String),
    /// It will never work.
    Never(String),
}

/// An answer as it goes out.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Journal id: the same answer always has the same.
    pub id: String,
    /// Envelope recipient. The envelope sender is always null.
    pub to: String,
    /// The message.
    pub bytes: Vec<u8>,
}

/// A way out.
pub trait Carrier: Send + Sync {
    /// Hands an answer over. After success the other side has it for good.
    fn carry(&self, answer: Outgoing) -> BoxFuture<'_, Result<(), Trouble>>;
}

/// The way out that the configuration names.
///
/// # Errors
/// The outbox directory cannot be made, or the relay's settings make no sense.
pub fn carrier(config: &OutboxConfig, hostname: &str) -> Result<Arc<dyn Carrier>, String> {
    match &config.route {
        Route::Maildir(path) => Ok(Arc::new(maildir::Maildir::open(path)?)),
        Route::Sendmail(program) => Ok(Arc::new(relay::Program::new(program, config.timeout))),
        Route::Smtp(server) => Ok(Arc::new(relay::Relay::new(server, config, hostname)?)),
    }
}
