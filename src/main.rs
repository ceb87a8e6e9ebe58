//! The bypost command.
fn main() {}
