//! The inbox: from a message that was taken to an answer that went out.
//!
//! ```text
//! doors → journal → examine (judge, prove the sender, compose) → guards → outbox
//! ```
//!
//! Every step ends with a change in the journal, so that a crash at any point only means that a step is made again.

mod content;
mod desk;
mod examine;
pub mod sender;
mod stages;

pub use desk::{Desk, DeskParts, Refused, Settings};
