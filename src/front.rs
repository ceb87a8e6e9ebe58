//! The doors. Each hands bytes in and acknowledges what the desk took; none judges by itself.

pub mod imap;
pub mod maildir;
pub mod ops;
pub mod smtp;
pub mod webhook;
