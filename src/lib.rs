//! bypost reads messages that frighten people and says which are scams, why, and what to do instead.
//!
//! The library is one path, and each module makes one step of it:
//!
//! ```text
//! bytes → RawMessage → Message → Evidence → Features → Score ┐
//!                      message/  evidence/  features   model ├→ Verdict → Judgement → reply
//!                                    └────→ rules ───────────┘  verdict   engine
//! ```
//!
//! Everything here is synchronous, does no I/O and reads no clock: the same message, data and model give the same
//! judgement. `ARCHITECTURE.md` explains the order and the invariants.

mod counterfactual;
mod json;
mod language;
mod wording;

pub mod cli;
pub mod config;
pub mod engine;
pub mod eval;
pub mod evidence;
pub mod features;
pub mod front;
pub mod guards;
pub mod guidance;
pub mod inbox;
pub mod journal;
pub mod mask;
pub mod message;
pub mod model;
pub mod outbox;
pub mod reply;
pub mod rules;
pub mod serve;
pub mod service;
pub mod sources;
pub mod text;
pub mod train;
pub mod verdict;

pub use counterfactual::Counterfactual;
pub use json::quote;
