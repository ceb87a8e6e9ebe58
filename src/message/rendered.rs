//! A body as a reader sees it, before anyone asks whether it is a forward.

use std::ops::Range;

use super::{Hidden, Link};

/// A body part rendered to visible text, with everything else kept by its place in that text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rendered {
    /// Visible text, lines separated by `\n`.
    pub(super) text: String,
    /// Links with the byte offset in `text` at which each begins, in reading order.
    pub(super) links: Vec<(usize, Link)>,
    /// Text that is not seen, with the offset in `text` where it stands.
    pub(super) hidden: Vec<(usize, Hidden)>,
    /// HTML elements that mail programs wrap around forwarded or quoted text, outermost first.
    pub(super) containers: Vec<Container>,
}

/// An HTML element that a mail program marks forwarded or quoted text with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Container {
    /// `tag`, `tag.class`, `tag#id` in lower case, one for every class and id (`div.gmail_quote`, `div#divRplyFwdMsg` as
    /// `div#divrplyfwdmsg`, `blockquote[type=cite]`).
    pub(super) names: Vec<String>,
    /// The bytes of `text` inside the element.
    pub(super) range: Range<usize>,
}
