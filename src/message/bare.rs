//! Addresses that stand in the text without markup.

use linkify::{LinkFinder, LinkKind};

use super::rendered::Rendered;
use super::{Link, LinkOrigin};

/// Adds the bare addresses of `rendered` that are not inside a link already. Returns how many there are in all.
pub(super) fn add(rendered: &mut Rendered, limit: usize) -> usize {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]).url_must_have_scheme(false);
    let mut known = Known::of(rendered);
    let mut found = Vec::new();
    let mut met = 0;
    for link in finder.links(&rendered.text) {
        let (at, text) = (link.start(), link.as_str());
        if known.covers(at, text) || !is_address(text) {
            continue;
        }
        met += 1;
        if rendered.links.len() + found.len() < limit {
            found.push((
                at,
                Link { shown: text.to_owned(), target: text.to_owned(), origin: LinkOrigin::Text },
            ));
        }
    }
    rendered.links.extend(found);
    rendered.links.sort_by_key(|(at, _)| *at);
    met
}

/// Places of marked-up links, so that their words are not taken for further links.
struct Known {
    places: Vec<(usize, usize)>,
    next: usize,
}

impl Known {
    fn of(rendered: &Rendered) -> Self {
        let mut places: Vec<_> =
            rendered.links.iter().map(|(at, link)| (*at, at + link.shown.len())).collect();
        places.sort_unstable();
        Self { places, next: 0 }
    }

    fn covers(&mut self, at: usize, text: &str) -> bool {
        while self.places.get(self.next).is_some_and(|p| p.1 < at + text.len()) {
            self.next += 1;
        }
        self.places.get(self.next).is_some_and(|p| p.0 <= at)
    }
}

/// With a scheme anything is an address; without one the name must end in a real top-level domain (`end.Next` does not).
fn is_address(text: &str) -> bool {
    if text.contains("://") {
        return true;
    }
    let host = text.split(['/', '?', '#', ':']).next().unwrap_or(text).to_lowercase();
    let known = psl::suffix(host.as_bytes())
        .is_some_and(|suffix| suffix.is_known() && suffix.as_bytes().len() < host.len());
    // RFC 2606 keeps some names for examples; with a path they are meant as addresses.
    // A capital after the dot is a sentence without a space; file names are no hosts.
    let sentence = text.split('.').nth(1).is_some_and(|l| l.starts_with(char::is_uppercase))
        && !text.starts_with(char::is_uppercase);
    let file = [".zip", ".mov", ".md", ".sh", ".py", ".rs"].iter().any(|end| host.ends_with(end))
        && !text.contains('/');
    let reserved = [".example", ".test", ".invalid"].iter().any(|end| host.ends_with(end))
        && (text.contains('/') || host.matches('.').count() > 1);
    (known || reserved) && !sentence && !file && !host.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str) -> Vec<String> {
        let mut rendered = Rendered { text: text.into(), ..Rendered::default() };
        add(&mut rendered, 100);
        rendered.links.into_iter().map(|(_, l)| l.target).collect()
    }

    #[test]
    fn bare_addresses() {
        assert_eq!(
            targets("see https://a.example/x, or usps-help.top/pay now"),
            ["https://a.example/x", "usps-help.top/pay"]
        );
        assert_eq!(targets("go to irs.gov."), ["irs.gov"]);
        assert!(targets("the end.Next day, e.g. this, me@irs.gov, notes.md, 3.50").is_empty());
    }

    #[test]
    fn words_of_a_link_are_no_second_link() {
        let link =
            Link { shown: "irs.gov".into(), target: "http://x.example".into(), origin: LinkOrigin::Anchor };
        let mut rendered =
            Rendered { text: "see irs.gov or ssa.gov".into(), links: vec![(4, link)], ..Rendered::default() };
        assert_eq!(add(&mut rendered, 100), 1);
        assert_eq!(rendered.links[1].1.target, "ssa.gov");
    }
}
