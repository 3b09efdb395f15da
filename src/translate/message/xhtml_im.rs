//! XHTML-IM (XEP-0071): the elements that are written, and the same as plain text.
//!
//! The elements are those of the recommended profile (XEP-0071 §7), without images and styles.

use crate::codec::xml::{Element, Node, Text};
use crate::codec::xmpp::ns;

/// Blocks within each other; what opens deeper flows into the block around it.
const MAX_BLOCKS: usize = 12;
/// Marks on one piece of text; what begins deeper marks nothing.
const MAX_MARKS: usize = 8;
/// What an element costs of the bound of octets, beside its text and its address.
const ELEMENT_OCTETS: usize = 32;

/// A block of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// The body itself.
    Body,
    /// `p`.
    Paragraph,
    /// `blockquote`.
    Quote,
    /// `ul`.
    Bullets,
    /// `ol`.
    Numbers,
    /// `li`.
    Item,
}

impl Block {
    fn name(self) -> &'static str {
        match self {
            Block::Body => "body",
            Block::Paragraph => "p",
            Block::Quote => "blockquote",
            Block::Bullets => "ul",
            Block::Numbers => "ol",
            Block::Item => "li",
        }
    }

    fn is_list(self) -> bool {
        matches!(self, Block::Bullets | Block::Numbers)
    }
}

/// What is done to a piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    Strong,
    Em,
    Cite,
    /// `a` with its address.
    Link(Text),
}

impl Mark {
    fn element(&self) -> Element {
        match self {
            Mark::Strong => Element::new("strong", ns::XHTML),
            Mark::Em => Element::new("em", ns::XHTML),
            Mark::Cite => Element::new("cite", ns::XHTML),
            Mark::Link(href) => Element::new("a", ns::XHTML).with_attr("href", href.clone()),
        }
    }

    /// Whether the element is that of this mark.
    fn made(&self, element: &Element) -> bool {
        match self {
            Mark::Strong => element.name == "strong",
            Mark::Em => element.name == "em",
            Mark::Cite => element.name == "cite",
            Mark::Link(href) => element.name == "a" && element.attr("href") == Some(href),
        }
    }
}

/// The tree that HTML becomes, while it is read.
pub(super) struct Tree {
    /// The open blocks with what is in them; the body is the first and stays.
    open: Vec<(Block, Vec<Node>)>,
    /// The marks that hold, by the names of the elements that end them.
    marks: Vec<(String, Mark)>,
    /// White space has come and is not written yet.
    space: bool,
    /// Nothing but white space would follow from a space here.
    fresh: bool,
    preformatted: bool,
    octets: usize,
}

impl Tree {
    pub(super) fn new() -> Self {
        Tree {
            open: vec![(Block::Body, Vec::new())],
            marks: Vec::new(),
            space: false,
            fresh: true,
            preformatted: false,
            octets: 0,
        }
    }

    /// About how many octets the tree has when written.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// Closes all: the children of the body.
    pub(super) fn finish(mut self) -> Vec<Node> {
        while self.open.len() > 1 {
            self.pop();
        }
        self.open.pop().map(|(_, children)| children).unwrap_or_default()
    }

    /// White space is kept, or is one space each.
    pub(super) fn preformatted(&mut self, on: bool) {
        self.preformatted = on;
    }

    pub(super) fn in_link(&self) -> bool {
        self.marks.iter().any(|(_, mark)| matches!(mark, Mark::Link(_)))
    }

    /// The text that follows has a mark more.
    pub(super) fn begin(&mut self, name: &str, mark: Mark) {
        if self.space && !self.fresh {
            self.append(Node::Text(Text::from_static(" ")));
            self.fresh = true;
        }
        self.space = false;
        if self.marks.len() < MAX_MARKS {
            self.marks.push((name.to_owned(), mark));
        }
    }

    /// The mark of that name holds no longer.
    pub(super) fn end(&mut self, name: &str) {
        if let Some(at) = self.marks.iter().rposition(|(known, _)| known == name) {
            self.marks.remove(at);
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        let mut run = String::new();
        for c in text.chars() {
            match c {
                '\n' if self.preformatted => {
                    self.run(&mut run);
                    self.line_break();
                }
                ' ' | '\t' | '\n' | '\r' | '\u{c}' if !self.preformatted => self.space = true,
                '\r' => {}
                c => {
                    if std::mem::take(&mut self.space) && !self.fresh {
                        run.push(' ');
                    }
                    self.fresh = false;
                    run.push(c);
                }
            }
        }
        self.run(&mut run);
    }

    fn run(&mut self, run: &mut String) {
        if !run.is_empty() {
            self.append(Node::Text(std::mem::take(run).into()));
        }
    }

    pub(super) fn line_break(&mut self) {
        self.append(Node::Element(Element::new("br", ns::XHTML)));
        (self.space, self.fresh) = (false, true);
    }

    /// Opens a block; a paragraph that is open ends before it.
    pub(super) fn open(&mut self, block: Block) {
        self.close_paragraph();
        if self.open.len() > MAX_BLOCKS {
            self.space = true;
            return;
        }
        if self.in_list() && block != Block::Item {
            self.push(Block::Item);
        }
        self.push(block);
    }

    /// A list item; outside of lists it is a paragraph.
    pub(super) fn item(&mut self) {
        let list = self.open.iter().rposition(|(block, _)| block.is_list());
        let Some(list) = list else { return self.open(Block::Paragraph) };
        while self.open.len() > list + 1 {
            self.pop();
        }
        self.open(Block::Item);
    }

    pub(super) fn close_paragraph(&mut self) {
        if self.open.last().is_some_and(|(block, _)| *block == Block::Paragraph) {
            self.pop();
        }
    }

    /// Closes the innermost block of that kind, and what is open within.
    pub(super) fn close(&mut self, block: Block) {
        let Some(at) = self.open.iter().rposition(|(open, _)| *open == block) else { return };
        while at > 0 && self.open.len() > at {
            self.pop();
        }
    }

    fn in_list(&self) -> bool {
        self.open.last().is_some_and(|(block, _)| block.is_list())
    }

    fn push(&mut self, block: Block) {
        self.open.push((block, Vec::new()));
        self.octets += ELEMENT_OCTETS;
        (self.space, self.fresh) = (false, true);
    }

    fn pop(&mut self) {
        let Some((block, children)) = self.open.pop() else { return };
        (self.space, self.fresh) = (false, true);
        if children.is_empty() {
            self.octets = self.octets.saturating_sub(ELEMENT_OCTETS);
        } else if let Some((_, around)) = self.open.last_mut() {
            let element = Element { children, ..Element::new(block.name(), ns::XHTML) };
            around.push(Node::Element(element));
        }
    }

    /// Adds a piece to the innermost block, under the marks that hold.
    fn append(&mut self, node: Node) {
        if self.in_list() {
            let (space, fresh) = (self.space, self.fresh);
            self.push(Block::Item);
            (self.space, self.fresh) = (space, fresh);
        }
        let Some((_, mut at)) = self.open.last_mut().map(|(block, nodes)| (*block, nodes)) else {
            return;
        };
        for (_, mark) in &self.marks {
            let goes_on = matches!(at.last(), Some(Node::Element(last)) if mark.made(last));
            if !goes_on {
                let address = if let Mark::Link(href) = mark { href.len() } else { 0 };
                self.octets += ELEMENT_OCTETS + address;
                at.push(Node::Element(mark.element()));
            }
            let Some(Node::Element(element)) = at.last_mut() else { return };
            at = &mut element.children;
        }
        self.octets += match &node {
            Node::Text(text) => text.len(),
            Node::Element(_) => ELEMENT_OCTETS,
        };
        at.push(node);
    }
}

/// The extension of a message that has these children in its XHTML body (XEP-0071 §4).
pub(super) fn element(children: Vec<Node>) -> Element {
    let body = Element { children, ..Element::new("body", ns::XHTML) };
    Element::new("html", ns::XHTML_IM).with_child(body)
}

/// Plain text as a paragraph.
pub(super) fn paragraph(text: &str) -> Node {
    let mut paragraph = Element::new("p", ns::XHTML);
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            paragraph = paragraph.with_child(Element::new("br", ns::XHTML));
        }
        if !line.is_empty() {
            paragraph = paragraph.with_text(line.to_owned());
        }
    }
    Node::Element(paragraph)
}

/// The same as plain text: quotes with `> `, items with a hyphen or a number, links with their
/// address behind them.
pub(super) fn plain_text(nodes: &[Node]) -> String {
    let mut plain = Plain { out: String::new(), prefix: String::new(), bullet: None, ended: true };
    plain.nodes(nodes);
    plain.out
}

struct Plain {
    out: String,
    /// What each line begins with.
    prefix: String,
    /// What the next line begins with instead.
    bullet: Option<String>,
    /// The line before has ended, and the next one has not begun.
    ended: bool,
}

impl Plain {
    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            match node {
                Node::Text(text) => self.write(text),
                Node::Element(element) => self.element(element),
            }
        }
    }

    fn element(&mut self, element: &Element) {
        match &*element.name {
            "br" => {
                if self.ended {
                    self.write("");
                }
                self.ended = true;
            }
            "a" => {
                let begin = self.out.len();
                self.nodes(&element.children);
                let text = self.out.get(begin..).unwrap_or_default().trim_start().to_owned();
                let href = element.attr("href").cloned().unwrap_or_default();
                let shown = href.strip_prefix("mailto:").unwrap_or(&href);
                if text != *href && text != shown {
                    self.write(&format!(" <{href}>"));
                }
            }
            "blockquote" => self.block(&element.children, None, "> "),
            "ul" => self.items(element, |_| "- ".to_owned()),
            "ol" => self.items(element, |number| format!("{number}. ")),
            "p" => self.block(&element.children, None, ""),
            _ => self.nodes(&element.children),
        }
    }

    fn items(&mut self, list: &Element, bullet: impl Fn(usize) -> String) {
        for (index, item) in list.elements().enumerate() {
            let bullet = bullet(index + 1);
            let indent = " ".repeat(bullet.len());
            self.block(&item.children, Some(bullet), &indent);
        }
    }

    /// Lines of their own, each with `prefix` more.
    fn block(&mut self, children: &[Node], bullet: Option<String>, prefix: &str) {
        self.ended = true;
        if let Some(bullet) = bullet {
            self.bullet = Some(format!("{}{bullet}", self.prefix));
        }
        let outer = self.prefix.len();
        self.prefix.push_str(prefix);
        self.nodes(children);
        self.prefix.truncate(outer);
        self.ended = true;
    }

    fn write(&mut self, text: &str) {
        if std::mem::take(&mut self.ended) {
            if !self.out.is_empty() {
                self.out.push('\n');
            }
            match self.bullet.take() {
                Some(bullet) => self.out.push_str(&bullet),
                None => self.out.push_str(&self.prefix),
            }
        }
        self.out.push_str(text);
    }
}
