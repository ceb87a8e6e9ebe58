//! Every test that needs the whole engine, as one program: it is built and loaded once.

#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod bounds;
mod cli;
mod corpora;
mod data;
mod doors;
mod filter;
mod golden;
mod hostile;
mod http;
mod inbox;
mod invariants;
mod milter;
mod one_path;
mod replies;
mod rooms;
mod spamd;
mod train;

use std::sync::OnceLock;

use bypost::engine::Engine;
use bypost::sources::Sources;

/// The engine as shipped, shared by all tests.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(&Sources::embedded()).unwrap_or_else(|e| panic!("{e}")))
}
