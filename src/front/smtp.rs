//! The SMTP and LMTP door (RFC 5321, RFC 2033).
//!
//! [`Session`] is the protocol without any I/O; [`Server`] gives it connections, limits and time-outs. A message is
//! acknowledged only when the journal has it on disk.

mod connection;
mod server;
mod session;
mod transaction;

pub use server::{Protocol, Server, ServerParts, tls_acceptor};
pub use session::{Envelope, Rules, Session, Step};
