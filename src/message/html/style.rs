//! The few CSS declarations that decide whether text can be seen.

use super::super::HiddenWhy;
use super::colour::{Paint, alpha};

/// Longest declaration list that is looked at.
const MAX_STYLE: usize = 4096;
/// Text at or below this size cannot be read.
const UNREADABLE_PX: f32 = 2.0;
/// Further left or up than this is off the page.
const OFF_PAGE_PX: f32 = -500.0;

/// A font size: absolute, or relative to the parent's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum FontSize {
    /// Pixels.
    Px(f32),
    /// Times the parent's size.
    Times(f32),
}

impl FontSize {
    /// The size in pixels under a parent of `parent` pixels.
    pub(super) fn under(self, parent: f32) -> f32 {
        match self {
            Self::Px(px) => px,
            // A child of unreadable text that asks for a share of it must not divide down to nonsense.
            Self::Times(times) => (parent * times).clamp(0.0, 1000.0),
        }
    }
}

/// True if text of this size cannot be read.
pub(super) fn unreadable(px: f32) -> bool {
    px <= UNREADABLE_PX
}

/// What a list of declarations says, as far as it matters here. `None`: says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Style {
    /// `display:none`.
    pub(super) gone: Option<bool>,
    /// `visibility:hidden`.
    pub(super) invisible: Option<bool>,
    /// `mso-hide:all`.
    pub(super) mso_hide: Option<bool>,
    /// Opacity next to nothing.
    pub(super) faint: Option<bool>,
    /// Font size.
    pub(super) font: Option<FontSize>,
    /// Line height of zero.
    pub(super) no_line: Option<bool>,
    /// Overflow is cut.
    pub(super) cut: Option<bool>,
    /// Width, height, or a maximum of them is at most one pixel.
    pub(super) no_box: Option<bool>,
    /// Ink.
    pub(super) colour: Option<Paint>,
    /// Ground.
    pub(super) background: Option<Paint>,
    /// Positioned absolutely.
    pub(super) positioned: Option<bool>,
    /// Left or top is far outside.
    pub(super) far: Option<bool>,
    /// Indented far outside.
    pub(super) indented: Option<bool>,
    /// Clipped or scaled to nothing.
    pub(super) clipped: Option<bool>,
    /// White space is kept.
    pub(super) pre: Option<bool>,
    /// `display:block` (true) or `display:inline` (false).
    pub(super) block: Option<bool>,
    /// No margin: paragraphs that are plain lines.
    pub(super) flat: Option<bool>,
    /// The grey rule that Outlook puts above a forwarded header.
    pub(super) outlook_rule: bool,
}

impl Style {
    /// Reads a declaration list.
    pub(super) fn read(declarations: &str) -> Self {
        let mut style = Self::default();
        let lower = prepared(declarations);
        for declaration in lower.split(';') {
            if let Some((property, value)) = declaration.split_once(':') {
                style.declare(property.trim(), important_off(value));
            }
        }
        style
    }

    /// One declaration.
    fn declare(&mut self, property: &str, value: &str) {
        match property {
            "display" => self.display(value),
            "visibility" => self.invisible = Some(matches!(value, "hidden" | "collapse")),
            "mso-hide" => self.mso_hide = Some(value == "all"),
            "opacity" => self.faint = alpha(value).map(|level| level < 0.1),
            "font-size" => self.font = font_size(value).or(self.font),
            "font" => self.font = value.split([' ', '/']).find_map(font_size).or(self.font),
            "line-height" => self.no_line = pixels(value).map(|px| px < 1.0 && !value.ends_with("em")),
            "overflow" | "overflow-x" | "overflow-y" => self.cut = Some(matches!(value, "hidden" | "clip")),
            "width" | "height" | "max-height" | "max-width" => self.size(value),
            "color" => self.colour = ink(value).or(self.colour),
            "background-color" => self.background = Some(Paint::read(value)),
            "background" => self.background = Some(ground(value)),
            "background-image" if value != "none" => self.background = Some(Paint::Unknown),
            "position" => self.positioned = Some(matches!(value, "absolute" | "fixed")),
            _ => self.declare_place(property, value),
        }
    }

    /// Declarations about place and shape.
    fn declare_place(&mut self, property: &str, value: &str) {
        let off = || pixels(value).is_some_and(|px| px <= OFF_PAGE_PX);
        match property {
            "left" | "top" | "right" if off() => self.far = Some(true),
            "text-indent" => self.indented = Some(off()),
            "margin-left" | "margin-top" if off() => self.indented = Some(true),
            "clip" => self.clipped = Some(value.starts_with("rect(0") || value.starts_with("rect(1px")),
            "transform" => self.clipped = Some(value.starts_with("scale(0)") || value == "scale(0,0)"),
            "white-space" => self.pre = Some(value.starts_with("pre") || value == "break-spaces"),
            "margin" | "margin-bottom" => self.flat = pixels(value).map(|px| px < 1.0),
            "border" | "border-top" => self.outlook_rule |= outlook_rule(value),
            _ => {}
        }
    }

    /// `display`.
    fn display(&mut self, value: &str) {
        self.gone = Some(value == "none");
        self.block = match value {
            "block" | "flex" | "grid" | "list-item" | "table" | "table-row" => Some(true),
            "inline" => Some(false),
            _ => None,
        };
    }

    /// A side of the box; one that is next to nothing decides.
    fn size(&mut self, value: &str) {
        if let Some(px) = pixels(value) {
            self.no_box = Some(self.no_box == Some(true) || (px <= 1.0 && !value.ends_with('%')));
        }
    }

    /// Lays `over` upon this.
    pub(super) fn overlay(&mut self, over: &Self) {
        macro_rules! take {
            ($($field:ident)+) => { $( self.$field = over.$field.or(self.$field); )+ };
        }
        take!(gone invisible mso_hide faint font no_line cut no_box colour background positioned far indented
              clipped pre block flat);
        self.outlook_rule |= over.outlook_rule;
    }

    /// Why everything inside such an element is unseen, whatever it says itself.
    pub(super) fn hides(&self) -> Option<HiddenWhy> {
        let yes = |flag: Option<bool>| flag == Some(true);
        if yes(self.gone) || yes(self.invisible) || yes(self.mso_hide) {
            Some(HiddenWhy::NotDisplayed)
        } else if yes(self.faint)
            || yes(self.clipped)
            || yes(self.cut) && (yes(self.no_box) || yes(self.no_line))
        {
            Some(HiddenWhy::ZeroSize)
        } else if yes(self.positioned) && yes(self.far) || yes(self.indented) {
            Some(HiddenWhy::OffScreen)
        } else {
            None
        }
    }
}

/// Lower case, bounded, without CSS comments.
fn prepared(declarations: &str) -> String {
    let end = declarations.floor_char_boundary(MAX_STYLE);
    let lower = declarations[..end].to_ascii_lowercase();
    if lower.contains("/*") { without_comments(&lower) } else { lower }
}

/// Without `/* … */`; an unclosed comment swallows the rest.
pub(super) fn without_comments(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, tail)| tail);
    }
    out.push_str(rest);
    out
}

/// The value without `!important`.
fn important_off(value: &str) -> &str {
    value.split('!').next().unwrap_or(value).trim()
}

/// A length in pixels; percentages count as they stand.
fn pixels(value: &str) -> Option<f32> {
    let value = value.split(' ').next().unwrap_or(value);
    let end = value.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+')).unwrap_or(value.len());
    let number: f32 = value[..end].parse().ok()?;
    Some(match &value[end..] {
        "em" | "rem" => number * 16.0,
        "pt" => number * 4.0 / 3.0,
        "in" => number * 96.0,
        "cm" => number * 37.8,
        _ => number,
    })
}

/// A font size, if this is one.
fn font_size(value: &str) -> Option<FontSize> {
    let end = value.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+')).unwrap_or(value.len());
    if end == 0 {
        return font_keyword(value);
    }
    let number: f32 = value[..end].parse().ok()?;
    Some(match &value[end..] {
        "px" => FontSize::Px(number),
        "pt" => FontSize::Px(number * 4.0 / 3.0),
        "rem" => FontSize::Px(number * 16.0),
        "em" => FontSize::Times(number),
        "%" => FontSize::Times(number / 100.0),
        "" if number == 0.0 => FontSize::Px(0.0),
        "" if number > 4.0 => FontSize::Px(number),
        "vw" | "vh" => FontSize::Px(number * 8.0),
        _ => return None,
    })
}

/// Sizes by name.
fn font_keyword(value: &str) -> Option<FontSize> {
    Some(match value {
        "medium" | "initial" => FontSize::Px(16.0),
        "xx-small" | "x-small" | "small" => FontSize::Px(10.0),
        "large" | "x-large" | "xx-large" => FontSize::Px(20.0),
        "smaller" => FontSize::Times(0.83),
        "larger" => FontSize::Times(1.2),
        _ => return None,
    })
}

/// A text colour; `inherit` and the like say nothing.
fn ink(value: &str) -> Option<Paint> {
    match value {
        "inherit" | "currentcolor" | "unset" => None,
        _ => Some(Paint::read(value)),
    }
}

/// The `background` shorthand: a picture or gradient cannot be told, else the first colour in it.
fn ground(value: &str) -> Paint {
    if value.contains("url(") || value.contains("gradient") {
        return Paint::Unknown;
    }
    if value == "none" {
        return Paint::Clear;
    }
    if value.starts_with("rgb") {
        return Paint::read(value.split_inclusive(')').next().unwrap_or(value));
    }
    value.split(' ').map(Paint::read).find(|paint| *paint != Paint::Unknown).unwrap_or(Paint::Unknown)
}

/// The thin grey or blue line that Outlook draws above the header of what it forwards.
fn outlook_rule(value: &str) -> bool {
    value.contains("solid") && (value.contains("#e1e1e1") || value.contains("#b5c4df"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(style: &str) -> Option<HiddenWhy> {
        Style::read(style).hides()
    }

    #[test]
    fn every_way_of_hiding_a_box_is_seen() {
        use HiddenWhy::*;
        for (style, expected) in [
            ("display:none", NotDisplayed),
            ("DISPLAY : NONE !important", NotDisplayed),
            ("dis/* x */play:none", NotDisplayed),
            ("visibility:hidden", NotDisplayed),
            ("mso-hide:all", NotDisplayed),
            ("opacity:0", ZeroSize),
            ("opacity:0.01", ZeroSize),
            ("max-height:0;overflow:hidden", ZeroSize),
            ("height:1px;width:1px;overflow:hidden", ZeroSize),
            ("line-height:0;overflow:hidden", ZeroSize),
            ("clip:rect(0 0 0 0);position:absolute", ZeroSize),
            ("transform:scale(0)", ZeroSize),
            ("position:absolute;left:-9999px", OffScreen),
            ("position:fixed;top:-60em", OffScreen),
            ("text-indent:-999em", OffScreen),
        ] {
            assert_eq!(why(style), Some(expected), "{style}");
        }
    }

    #[test]
    fn ordinary_layout_hides_nothing() {
        for style in [
            "display:block",
            "display:none;display:block",
            "max-height:0",
            "overflow:hidden;height:40px",
            "overflow:hidden;width:100%",
            "position:absolute;left:-5px",
            "left:-9999px",
            "opacity:.8",
            "line-height:0",
            "text-indent:2em",
            "margin:0 auto",
        ] {
            assert_eq!(why(style), None, "{style}");
        }
    }

    #[test]
    fn font_sizes_follow_their_parent() {
        assert!(unreadable(Style::read("font-size:0").font.unwrap().under(16.0)));
        assert!(unreadable(Style::read("font-size:.1em").font.unwrap().under(16.0)));
        assert!(unreadable(Style::read("font:1px/1px Arial").font.unwrap().under(16.0)));
        assert!(!unreadable(Style::read("font-size:14px").font.unwrap().under(0.0)));
        assert!(!unreadable(Style::read("font-size:80%").font.unwrap().under(16.0)));
        assert_eq!(Style::read("font-size:inherit").font, None);
    }

    #[test]
    fn backgrounds_that_cannot_be_told_are_unknown() {
        assert_eq!(Style::read("background:url(x.png) #fff").background, Some(Paint::Unknown));
        assert_eq!(Style::read("background:#000 none").background, Some(Paint::Solid([0; 3])));
        assert_eq!(Style::read("background:rgb(0, 0, 0) repeat").background, Some(Paint::Solid([0; 3])));
    }
}
