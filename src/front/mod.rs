//! The doors: each unpacks what its protocol brings, hands the bytes to the one [`Service`](crate::service::Service) and
//! writes the verdict as its protocol says. None judges by itself, and none knows another.
//!
//! A network door is `run(listener, service, config, shutdown)`, so that a test binds port 0. What its doors share is
//! here: [`door`] (from bytes to an answer), [`failure`] (what becomes of what cannot be checked), [`headers`] (the fields
//! that are added), [`listen`] (sockets and their bounds) and [`points`] (the score in the scale of other filters).

pub mod door;
pub mod failure;
pub mod headers;
pub mod http;
pub mod imap;
pub mod listen;
pub mod maildir;
pub mod milter;
pub mod ops;
pub mod pipe;
pub mod points;
pub mod smtp;
pub mod spamd;
pub mod webhook;
mod wire;

/// The system's host name, for trace fields; `localhost` when the system does not say.
pub fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".to_owned() } else { name.trim().to_owned() }
}
