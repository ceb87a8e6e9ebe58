//! Inline forwards: telling the forwarded message from what the forwarder wrote around it.
//!
//! What mail programs and languages write is data (`data/forwards.toml`, read by `table`); the code knows only shapes:
//! a separator line, a block of labelled lines, labels glued into one line, and "On … wrote:". The steps are
//! `lines` (content and quoting depth of each line) → `find` (where the forward begins) → `cut` (where it ends,
//! what is note and what is body) → `slice`.

mod address;
mod block;
mod cut;
mod find;
mod glued;
mod labels;
mod lazy;
mod lines;
mod slice;
mod subject;
mod table;
#[cfg(test)]
mod tests;
mod wrote;

pub use lazy::Forwards;
pub use table::ForwardTable;

use super::Address;
use super::rendered::Rendered;

/// A mail taken apart at its outermost inline forward.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Split {
    /// Style id from `data/forwards.toml`.
    pub(super) style: String,
    /// How sure we are that this is a forward and that it was taken apart at the right places, 0 to 1.
    pub(super) confidence: f32,
    /// What the forward keeps of the original's header.
    pub(super) header: ForwardedHeader,
    /// The forwarded text, without the quoting marks that the forward added.
    pub(super) body: Rendered,
    /// What the forwarder wrote above and below.
    pub(super) note: String,
}

/// The header lines of the original as the forward shows them; nothing of the outer mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ForwardedHeader {
    /// Who the original says it is from.
    pub(super) from: Option<Address>,
    /// Every To and Cc address.
    pub(super) to: Vec<Address>,
    /// Every Reply-To address.
    pub(super) reply_to: Vec<Address>,
    /// The date as written.
    pub(super) date: Option<String>,
    /// The subject; `None` when the line is missing or empty.
    pub(super) subject: Option<String>,
}

impl ForwardTable {
    /// Takes a mail apart at its outermost inline forward; `None` when it is not one (a reply, or mail of its own).
    ///
    /// Forwards of forwards: call it again with the body and the forwarded subject.
    pub(super) fn split(&self, subject: &str, rendered: &Rendered) -> Option<Split> {
        let mail = find::Mail::new(self, subject, rendered);
        let found = mail.find()?;
        Some(cut::cut(&mail, found))
    }
}
