//! Every test that needs the whole engine, as one program: it is built and loaded once.

#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod bounds;
mod cli;

mod corpora;
mod data;
mod golden;
mod inbox;
mod invariants;
mod replies;
mod rooms;
mod train;

use std::sync::OnceLock;

use bypost::engine::Engine;
use bypost::sources::Sources;

/// The engine as shipped, shared by all tests.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(&Sources::embedded()).unwrap_or_else(|e| panic!("{e}")))
}
