//! HTML as a reader sees it: visible text with its lines, links, hidden text apart, and the elements that mail programs
//! wrap around forwards.
//!
//! One pass over html5gum's tokens with a stack of open elements. No tree is built, so nesting costs nothing.

mod colour;
mod sheet;
mod style;

use std::borrow::Cow;

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

use super::rendered::{Container, Rendered};
use super::{Hidden, HiddenWhy, Limits, Link, LinkOrigin};
use colour::Paint;
use sheet::Sheet;
use style::Style;

/// Open elements remembered; deeper ones are rendered with their parent's style.
const MAX_DEPTH: usize = 512;

/// Containers remembered.
const MAX_CONTAINERS: usize = 256;

/// Style attributes longer than this say nothing about a word.
const MAX_ATTRIBUTE: usize = 16 * 1024;

/// What came out of an HTML part.
#[derive(Debug, Default)]
pub(super) struct Html {
    pub(super) rendered: Rendered,
    /// Words that were split by comments or empty elements.
    pub(super) comment_splits: usize,
    /// Links met in all; `rendered` keeps at most the limit.
    pub(super) links_met: usize,
    /// The text was cut at the limit.
    pub(super) cut: bool,
}

/// Renders an HTML document.
pub(super) fn render(html: &str, limits: &Limits) -> Html {
    let mut renderer = Renderer::new(limits);
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let tokens = Tokenizer::new_with_emitter(html, emitter);
    for token in tokens {
        // Nothing beyond is kept: reading on would only cost time.
        if renderer.out.cut || renderer.out.links_met > limits.links * 25 {
            renderer.out.cut = true;
            break;
        }
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => renderer.start(&tag),
            Token::EndTag(tag) => renderer.end(&lossy(&tag.name)),
            Token::String(text) => renderer.characters(&lossy(&text.value)),
            Token::Comment(text) => renderer.comment(&lossy(&text.value)),
            Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    renderer.finish()
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// An open element.
struct Open {
    tag: String,
    /// Why text inside is not seen.
    hidden: Option<HiddenWhy>,
    font: f32,
    ink: Paint,
    ground: Paint,
    pre: bool,
    block: bool,
    /// Number of its container entry.
    container: Option<usize>,
    /// Its text is no content at all (style, script).
    silent: bool,
}

/// An open link.
struct OpenLink {
    at: usize,
    target: String,
    from: usize,
    image: bool,
    alt: String,
}

struct Renderer<'a> {
    limits: &'a Limits,
    out: Html,
    stack: Vec<Open>,
    depth_beyond: usize,
    sheet: Sheet,
    css: String,
    link: Option<OpenLink>,
    base: Option<String>,
    /// A line break, or a space, is due before the next word.
    due: Due,
    /// The last thing inside a word was a comment or an empty element.
    split: bool,
    hidden_text: Option<(usize, HiddenWhy, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Nothing,
    Space,
    Cell,
    Line,
    Paragraph,
}

impl<'a> Renderer<'a> {
    fn new(limits: &'a Limits) -> Self {
        let root = Open {
            tag: String::new(),
            hidden: None,
            font: 16.0,
            ink: colour::BLACK,
            ground: colour::WHITE,
            pre: false,
            block: true,
            container: None,
            silent: false,
        };
        Self {
            limits,
            out: Html::default(),
            stack: vec![root],
            depth_beyond: 0,
            sheet: Sheet::default(),
            css: String::new(),
            link: None,
            base: None,
            due: Due::Nothing,
            split: false,
            hidden_text: None,
        }
    }

    /// The innermost element. Invariant: the root is never popped.
    fn top(&self) -> &Open {
        &self.stack[self.stack.len() - 1]
    }

    fn start(&mut self, tag: &StartTag<()>) {
        let name = lossy(&tag.name).into_owned();
        match name.as_str() {
            "br" => self.break_line(Due::Line, true),
            "hr" => self.break_line(Due::Line, false),
            "img" => self.image(tag),
            "base" => self.base = attribute(tag, "href"),
            "meta" => self.refresh(tag),
            "area" => self.add_link(String::new(), attribute(tag, "href"), LinkOrigin::Anchor),
            "form" => self.add_link(String::new(), attribute(tag, "action"), LinkOrigin::Form),
            "input" => self.input(tag),
            _ => {}
        }
        if is_void(&name) || tag.self_closing && !is_known_block(&name) {
            return;
        }
        self.close_implied(&name);
        if name == "a" {
            self.close_link();
        }
        let open = self.open(&name, tag);
        self.enter(&name, open, tag);
    }

    fn open(&mut self, name: &str, tag: &StartTag<()>) -> Open {
        let style = self.style(name, tag);
        let container = self.container(name, tag, &style);
        let parent = self.top();
        let font = style.font.map_or(parent.font, |f| f.under(parent.font));
        let ground = match style.background {
            None | Some(Paint::Clear) => parent.ground,
            Some(paint) => paint,
        };
        let ink = style.colour.unwrap_or(parent.ink);
        let unseen = if style::unreadable(font) {
            Some(HiddenWhy::ZeroSize)
        } else if style.colour.is_some() && ink.vanishes_on(ground)
            || parent.hidden == Some(HiddenWhy::SameColour) && ink.vanishes_on(ground)
        {
            Some(HiddenWhy::SameColour)
        } else {
            None
        };
        let inherited = parent.hidden.filter(|why| !matches!(why, HiddenWhy::SameColour));
        let hidden = inherited
            .or_else(|| style.hides())
            .or_else(|| has(tag, "hidden").then_some(HiddenWhy::NotDisplayed));
        Open {
            tag: name.to_owned(),
            hidden: hidden.or(unseen),
            font,
            ink,
            ground,
            pre: style.pre.unwrap_or(parent.pre || name == "pre" || name == "textarea"),
            block: style.block.unwrap_or_else(|| is_block(name)),
            container,
            silent: parent.silent || is_silent(name),
        }
    }

    fn enter(&mut self, name: &str, open: Open, tag: &StartTag<()>) {
        if open.block {
            self.break_line(if name == "p" { Due::Paragraph } else { Due::Line }, false);
        } else if matches!(name, "td" | "th") {
            self.due = self.due.max(Due::Cell);
        }
        let visible = open.hidden.is_none() && !open.silent;
        if name == "a" {
            self.link = attribute(tag, "href").map(|target| OpenLink {
                at: self.out.rendered.text.len(),
                from: self.out.rendered.text.len(),
                target,
                image: false,
                alt: String::new(),
            });
        }
        if self.stack.len() < MAX_DEPTH {
            self.stack.push(open)
        } else {
            self.depth_beyond += 1
        }
        if name == "li" && visible {
            self.text("- ");
        }
    }

    /// The style of an element: sheets, presentational attributes, then its own declarations.
    fn style(&self, name: &str, tag: &StartTag<()>) -> Style {
        let classes = attribute(tag, "class").unwrap_or_default();
        let id = attribute(tag, "id").unwrap_or_default();
        let mut style = self.sheet.style_of(name, &classes, &id);
        let presentational = [("bgcolor", "background-color"), ("color", "color")]
            .iter()
            .filter_map(|(from, to)| attribute(tag, from).map(|value| format!("{to}:{value}")));
        for declaration in presentational {
            style.overlay(&Style::read(&declaration));
        }
        if name == "font" && attribute(tag, "size").is_some_and(|s| s.trim() == "0") {
            style.overlay(&Style::read("font-size:0"));
        }
        if let Some(own) = attribute(tag, "style").filter(|s| s.len() <= MAX_ATTRIBUTE) {
            style.overlay(&Style::read(&own));
        }
        style
    }

    /// Records an element that may mark forwarded or quoted text.
    fn container(&mut self, name: &str, tag: &StartTag<()>, style: &Style) -> Option<usize> {
        if self.out.rendered.containers.len() >= MAX_CONTAINERS
            || !matches!(name, "div" | "blockquote" | "table" | "section" | "hr")
        {
            return None;
        }
        let mut names: Vec<String> = Vec::new();
        let classes = attribute(tag, "class").unwrap_or_default();
        names
            .extend(classes.split_ascii_whitespace().take(8).map(|c| format!("{name}.{}", c.to_lowercase())));
        names.extend(attribute(tag, "id").map(|id| format!("{name}#{}", id.to_lowercase())));
        if name == "blockquote" && attribute(tag, "type").is_some_and(|t| t.eq_ignore_ascii_case("cite")) {
            names.push("blockquote[type=cite]".into());
        }
        if style.outlook_rule {
            names.push("div.outlook-border".into());
        }
        if names.is_empty() && name == "blockquote" {
            names.push("blockquote".into());
        }
        if names.is_empty() {
            return None;
        }
        let at = self.out.rendered.text.len();
        self.out.rendered.containers.push(Container { names, range: at..usize::MAX });
        Some(self.out.rendered.containers.len() - 1)
    }

    fn end(&mut self, name: &str) {
        match name {
            "a" => self.close_link(),
            "p" | "br" => self.break_line(Due::Line, name == "br"),
            _ => {}
        }
        if self.depth_beyond > 0 {
            self.depth_beyond -= 1;
            return;
        }
        if let Some(at) = self.stack.iter().rposition(|open| open.tag == name).filter(|at| *at > 0) {
            self.pop_to(at);
        }
    }

    /// Closes every element from number `at` upwards.
    fn pop_to(&mut self, at: usize) {
        let end = self.out.rendered.text.len();
        let mut block = false;
        for open in self.stack.drain(at..) {
            if let Some(container) = open.container {
                self.out.rendered.containers[container].range.end = end;
            }
            block |= open.block;
            if open.tag == "style" {
                self.sheet.add(&std::mem::take(&mut self.css));
            }
        }
        if block {
            self.break_line(Due::Line, false);
        }
    }

    /// Elements that a following one closes without an end tag.
    fn close_implied(&mut self, name: &str) {
        let in_head = matches!(name, "title" | "style" | "script" | "noscript" | "template" | "object");
        let closes: &[&str] = match name {
            _ if self.top().tag == "head" && !in_head => &["head"],
            "li" => &["li"],
            "tr" => &["tr", "td", "th"],
            "td" | "th" => &["td", "th"],
            "option" => &["option"],
            _ => return,
        };
        let top = self.top();
        if closes.contains(&top.tag.as_str()) {
            let at = self.stack.len() - 1;
            self.pop_to(at);
        }
    }

    fn characters(&mut self, text: &str) {
        let top = self.top();
        if top.tag == "style" {
            if self.css.len() < 512 * 1024 {
                self.css.push_str(text);
            }
            return;
        }
        if top.silent {
            return;
        }
        match top.hidden {
            Some(why) => self.hide(why, text),
            None if top.pre => self.preformatted(text),
            None => self.text(text),
        }
    }

    fn preformatted(&mut self, text: &str) {
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                self.break_line(Due::Line, true);
            }
            self.text(line);
        }
    }

    /// Visible text, white space collapsed.
    fn text(&mut self, text: &str) {
        let mut first = true;
        for word in text.split(is_space) {
            if !first {
                self.due = self.due.max(Due::Space);
            }
            first = false;
            if !word.is_empty() {
                self.word(word);
            }
        }
    }

    fn word(&mut self, word: &str) {
        self.flush_hidden();
        if self.out.rendered.text.len() >= self.limits.text_bytes {
            self.out.cut = true;
            return;
        }
        let inside = self.due == Due::Nothing && self.split;
        let joins = |c: Option<char>| c.is_some_and(char::is_alphabetic);
        if inside && joins(self.out.rendered.text.chars().next_back()) && joins(word.chars().next()) {
            self.out.comment_splits += 1;
        }
        self.split = false;
        self.settle();
        self.out.rendered.text.push_str(word);
    }

    /// Writes the space or line break that is due.
    fn settle(&mut self) {
        let text = &mut self.out.rendered.text;
        if !text.is_empty() {
            let ends_line = text.ends_with('\n');
            match self.due {
                Due::Nothing => {}
                Due::Space if ends_line => {}
                Due::Space => text.push(' '),
                Due::Cell if ends_line => {}
                Due::Cell => text.push_str("  "),
                Due::Line if ends_line => {}
                Due::Line => text.push('\n'),
                Due::Paragraph if text.ends_with("\n\n") => {}
                Due::Paragraph if ends_line => text.push('\n'),
                Due::Paragraph => text.push_str("\n\n"),
            }
        }
        self.due = Due::Nothing;
        if let Some(link) = &mut self.link
            && link.from == link.at
        {
            link.at = text.len();
            link.from = usize::MAX;
        }
    }

    /// A block begins or ends, or (`hard`) a line is broken: two hard ones make a blank line.
    fn break_line(&mut self, due: Due, hard: bool) {
        if self.top().hidden.is_some() || self.top().silent {
            return;
        }
        let blank = hard && self.due == Due::Line;
        self.due = self.due.max(if blank { Due::Paragraph } else { due });
        self.split = false;
    }

    fn hide(&mut self, why: HiddenWhy, text: &str) {
        self.split = true;
        if text.chars().all(|c| !c.is_alphanumeric()) {
            return;
        }
        let at = self.out.rendered.text.len();
        match &mut self.hidden_text {
            Some((_, same, words)) if *same == why && words.len() < 64 * 1024 => {
                words.push(' ');
                words.push_str(text.trim());
            }
            _ => {
                self.flush_hidden();
                self.hidden_text = Some((at, why, text.trim().to_owned()));
            }
        }
    }

    fn flush_hidden(&mut self) {
        if let Some((at, why, text)) = self.hidden_text.take()
            && self.out.rendered.hidden.len() < self.limits.hidden
        {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            self.out.rendered.hidden.push((at, Hidden { text, why, leads: false }));
        }
    }

    fn comment(&mut self, text: &str) {
        self.split = true;
        let conditional = text.contains("[if ") || text.contains("[endif]");
        let words = text
            .split_whitespace()
            .filter(|w| w.len() > 2 && w.chars().all(char::is_alphabetic))
            .take(3)
            .count();
        if !conditional && words >= 3 && self.out.rendered.hidden.len() < self.limits.hidden {
            let at = self.out.rendered.text.len();
            let text: String = text.chars().take(4096).collect();
            self.out.rendered.hidden.push((at, Hidden { text, why: HiddenWhy::Comment, leads: false }));
        }
    }

    /// A picture: its replacement text is read when it is more than a word, or stands for a link.
    fn image(&mut self, tag: &StartTag<()>) {
        let alt = attribute(tag, "alt").unwrap_or_default();
        let alt = alt.trim();
        let top = self.top();
        if top.hidden.is_some() || top.silent {
            return;
        }
        if let Some(link) = &mut self.link {
            link.image = true;
            if link.alt.is_empty() {
                link.alt = alt.chars().take(200).collect();
            }
        }
        if alt.contains(' ') || (self.link.is_some() && !alt.is_empty()) {
            let alt = alt.to_owned();
            self.due = self.due.max(Due::Space);
            self.text(&alt);
            self.due = self.due.max(Due::Space);
        }
    }

    /// A form's button carries its words in an attribute.
    fn input(&mut self, tag: &StartTag<()>) {
        let button = attribute(tag, "type")
            .is_some_and(|t| matches!(t.to_ascii_lowercase().as_str(), "submit" | "button"));
        if let Some(value) = attribute(tag, "value").filter(|_| button && self.top().hidden.is_none()) {
            self.due = self.due.max(Due::Space);
            self.text(&value);
        }
    }

    /// `<meta http-equiv=refresh content="0; url=…">` leads away without a click.
    fn refresh(&mut self, tag: &StartTag<()>) {
        if attribute(tag, "http-equiv").is_some_and(|e| e.eq_ignore_ascii_case("refresh"))
            && let Some(content) = attribute(tag, "content")
            && let Some(at) = content.to_ascii_lowercase().find("url=")
        {
            let target = content[at + 4..].trim_matches(['\'', '"', ' ']).to_owned();
            self.add_link(String::new(), Some(target), LinkOrigin::Anchor);
        }
    }

    fn close_link(&mut self) {
        let Some(link) = self.link.take() else { return };
        let text = &self.out.rendered.text;
        let from = if link.from == usize::MAX { link.at } else { text.len() };
        let shown = text.get(from..).unwrap_or_default().trim();
        let (shown, origin) = match (shown.is_empty(), link.image) {
            (_, true) if shown.is_empty() || shown == link.alt => (link.alt.clone(), LinkOrigin::Image),
            _ => (shown.chars().take(500).collect(), LinkOrigin::Anchor),
        };
        self.push_link(from, shown, &link.target, origin);
    }

    fn add_link(&mut self, shown: String, target: Option<String>, origin: LinkOrigin) {
        let at = self.out.rendered.text.len();
        if let Some(target) = target {
            self.push_link(at, shown, &target, origin);
        }
    }

    fn push_link(&mut self, at: usize, shown: String, target: &str, origin: LinkOrigin) {
        let target = clean_target(target, self.base.as_deref());
        if target.is_empty() || target.starts_with('#') {
            return;
        }
        self.out.links_met += 1;
        if self.out.rendered.links.len() < self.limits.links {
            self.out.rendered.links.push((at, Link { shown, target, origin }));
        }
    }

    fn finish(mut self) -> Html {
        self.close_link();
        self.flush_hidden();
        let end = self.out.rendered.text.len();
        for container in &mut self.out.rendered.containers {
            container.range.end = container.range.end.min(end);
        }
        self.out
    }
}

/// The target without white space inside, joined to the page's base.
fn clean_target(target: &str, base: Option<&str>) -> String {
    let target: String =
        target.trim().chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).take(4096).collect();
    let relative = !target.contains(':') && !target.starts_with('#') && !target.is_empty();
    match base {
        Some(base) if relative => {
            let joined = url::Url::parse(base).and_then(|b| b.join(&target));
            joined.map_or(target, |url| url.to_string())
        }
        _ => target,
    }
}

/// An attribute's value, when it is there.
fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    tag.attributes.get(name.as_bytes()).map(|value| lossy(&value.value).into_owned())
}

fn has(tag: &StartTag<()>, name: &str) -> bool {
    tag.attributes.contains_key(name.as_bytes())
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c' | '\u{a0}')
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "source"
            | "track"
            | "wbr"
    )
}

fn is_known_block(name: &str) -> bool {
    is_block(name) || matches!(name, "a" | "span" | "b" | "font" | "td" | "table")
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "center"
            | "dd"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "html"
            | "li"
            | "main"
            | "nav"
            | "ol"
            | "p"
            | "pre"
            | "section"
            | "table"
            | "tbody"
            | "tfoot"
            | "thead"
            | "tr"
            | "ul"
            | "title"
    )
}

/// Elements whose text is not content.
fn is_silent(name: &str) -> bool {
    matches!(
        name,
        "style"
            | "script"
            | "head"
            | "title"
            | "template"
            | "object"
            | "svg"
            | "math"
            | "iframe"
            | "noframes"
    )
}
