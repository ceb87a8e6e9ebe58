//! How much of one message is looked at. What lies beyond is left out with a defect, never silently.

/// Bounds on one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the message as received; a longer one is cut.
    pub message_bytes: usize,
    /// Bytes of visible text.
    pub text_bytes: usize,
    /// MIME parts.
    pub parts: usize,
    /// Levels of nested messages and multiparts.
    pub depth: usize,
    /// Links kept.
    pub links: usize,
    /// Hidden texts kept.
    pub hidden: usize,
    /// Attachments listed.
    pub attachments: usize,
    /// Forwards unwrapped.
    pub hops: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 64 << 20,
            text_bytes: 1 << 20,
            parts: 10_000,
            depth: 100,
            links: 2_000,
            hidden: 500,
            attachments: 200,
            hops: 8,
        }
    }
}
