//! `<style>` sheets: one linear pass that keeps simple selectors (a tag, a class or an id) and what they say.

use std::collections::HashMap;

use super::colour::Paint;
use super::style::{Style, without_comments};

/// Longest sheet that is read.
const MAX_SHEET: usize = 512 * 1024;
/// Most selectors that are kept.
const MAX_RULES: usize = 5_000;

/// The simple rules of every sheet in a page.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    rules: HashMap<String, Style>,
}

impl Sheet {
    /// Adds the rules of one `<style>` element. Rules inside `@media` and the like never count: they hold on some screens
    /// only, and honest mail hides its desktop or mobile half there.
    pub(super) fn add(&mut self, css: &str) {
        let end = css.floor_char_boundary(MAX_SHEET);
        let lower = css[..end].to_ascii_lowercase();
        let css = without_comments(&lower).replace("<!--", "").replace("-->", "");
        let mut depth = 0_usize;
        let mut selector_from = 0;
        let mut body_from = 0;
        for (at, byte) in css.bytes().enumerate() {
            match byte {
                b'{' => {
                    depth += 1;
                    body_from = at + 1;
                }
                b'}' => {
                    if depth == 1 && body_from > selector_from {
                        self.rule(&css[selector_from..body_from - 1], &css[body_from..at]);
                    }
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        selector_from = at + 1;
                    }
                }
                b';' if depth == 0 => selector_from = at + 1,
                _ => {}
            }
        }
    }

    /// One rule with all its selectors.
    fn rule(&mut self, selectors: &str, declarations: &str) {
        if selectors.trim_start().starts_with('@') {
            return;
        }
        let style = Style::read(declarations);
        if style == Style::default() {
            return;
        }
        for selector in selectors.split(',') {
            self.select(selector.trim(), &style);
        }
    }

    /// One selector: a simple one is kept whole; of a longer one only that it may paint a background we cannot tell.
    fn select(&mut self, selector: &str, style: &Style) {
        if self.rules.len() >= MAX_RULES || selector.is_empty() {
            return;
        }
        let last = selector.rsplit([' ', '>', '+', '~']).next().unwrap_or(selector);
        let simple = last.len() == selector.len();
        if last.contains([':', '[', '*']) {
            return;
        }
        match (simple, key(last)) {
            (true, Some(key)) => self.rules.entry(key).or_default().overlay(style),
            (_, Some(key)) if style.background.is_some() || style.colour.is_some() => {
                let unknown = Some(Paint::Unknown);
                let maybe =
                    Style { background: unknown, colour: style.colour.and(unknown), ..Style::default() };
                self.rules.entry(key).or_default().overlay(&maybe);
            }
            _ => {}
        }
    }

    /// What the sheets say of an element: tag first, then classes, then id.
    pub(super) fn style_of(&self, tag: &str, classes: &str, id: &str) -> Style {
        let mut style = Style::default();
        if self.rules.is_empty() {
            return style;
        }
        let mut apply = |key: &str| {
            if let Some(rule) = self.rules.get(key) {
                style.overlay(rule);
            }
        };
        apply(tag);
        let mut key = String::new();
        for class in classes.split_ascii_whitespace().take(20) {
            key.clear();
            key.push('.');
            key.push_str(class);
            key.make_ascii_lowercase();
            apply(&key);
        }
        if !id.is_empty() {
            apply(&format!("#{}", id.to_ascii_lowercase()));
        }
        style
    }
}

/// The key of a compound selector: its id, else its last class, else its tag.
fn key(compound: &str) -> Option<String> {
    if let Some((_, id)) = compound.split_once('#') {
        return (!id.contains('.')).then(|| format!("#{id}"));
    }
    match compound.split_once('.') {
        Some((_, class)) if !class.contains('.') => Some(format!(".{class}")),
        Some(_) => None,
        None => Some(compound.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(css: &str) -> Sheet {
        let mut sheet = Sheet::default();
        sheet.add(css);
        sheet
    }

    #[test]
    fn grouped_simple_selectors_hide() {
        let sheet = sheet(".a, #B , p.c{display:none} div{color:#fff}");
        assert_eq!(sheet.style_of("span", "x A", "").gone, Some(true));
        assert_eq!(sheet.style_of("span", "", "b").gone, Some(true));
        assert_eq!(sheet.style_of("p", "c", "").gone, Some(true));
        assert_eq!(sheet.style_of("div", "", "").colour, Some(Paint::Solid([255; 3])));
        assert_eq!(sheet.style_of("span", "", ""), Style::default());
    }

    #[test]
    fn media_blocks_do_not_hide() {
        let sheet =
            sheet("@import url(x); @media screen { .m{display:none} .n{display:none} } .o{display:none}");
        assert_eq!(sheet.style_of("p", "m n", "").gone, None);
        assert_eq!(sheet.style_of("p", "o", "").gone, Some(true));
    }

    #[test]
    fn longer_selectors_only_make_backgrounds_unknown() {
        let sheet = sheet(".top td{background:#000;display:none} a:hover{display:none}");
        let style = sheet.style_of("td", "", "");
        assert_eq!((style.background, style.gone), (Some(Paint::Unknown), None));
        assert_eq!(sheet.style_of("a", "", "").gone, None);
    }

    #[test]
    fn broken_sheets_end_quietly() {
        for css in ["}", "{", "}}}{{{", "a{b", "/*", ".x{display:none", "@media{{{}", ",,,{display:none}"] {
            sheet(css);
        }
    }
}
