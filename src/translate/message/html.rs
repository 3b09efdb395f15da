//! HTML from SIP as XHTML-IM (RFC 7572 §7, XEP-0071).
//!
//! The tokens come from a tokeniser that follows the HTML standard. Nothing of the input is
//! passed on but text and the addresses of links: the elements are ours, out of the short list of
//! [`super::xhtml_im`], so scripts, styles and event handlers have no way through.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

use super::xhtml_im::{Block, Mark, Tree};
use crate::codec::xml::Node;

/// Octets that the XHTML of one text may have, the elements about it included.
const MAX_OCTETS: usize = 262_144;

/// Elements whose content is no text for people, or is none of HTML.
const HIDDEN: [&str; 14] = [
    "script", "style", "template", "title", "noscript", "iframe", "noembed", "noframes", "svg",
    "math", "object", "applet", "audio", "video",
];
/// Elements that are a paragraph of their own.
const PARAGRAPHS: [&str; 35] = [
    "p",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "pre",
    "address",
    "section",
    "article",
    "header",
    "footer",
    "main",
    "nav",
    "aside",
    "figure",
    "figcaption",
    "dl",
    "dt",
    "dd",
    "table",
    "caption",
    "tr",
    "form",
    "fieldset",
    "legend",
    "center",
    "details",
    "summary",
    "hgroup",
    "xmp",
    "listing",
    "plaintext",
];
/// Schemes of links: none of them runs anything.
const SCHEMES: [&str; 10] =
    ["https", "http", "mailto", "xmpp", "sip", "sips", "im", "tel", "ftp", "geo"];
/// Octets that a link may have.
const MAX_LINK: usize = 2_048;

/// The XHTML would have more octets than [`MAX_OCTETS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// The children of the XHTML-IM body that says what an HTML text says.
pub(super) fn read(html: &str) -> Result<Vec<Node>, TooLarge> {
    let mut emitter = DefaultEmitter::default();
    // Without it the content of a script would be read as HTML.
    emitter.naively_switch_states(true);
    let mut tree = Tree::new();
    let mut hidden: Option<Hidden> = None;
    let tokens = Tokenizer::new_with_emitter(html, emitter).map_while(Result::ok);
    for token in tokens {
        if let Some(inside) = &mut hidden {
            if inside.ends_with(&token) {
                hidden = None;
            }
            continue;
        }
        match token {
            Token::StartTag(tag) => hidden = start(&mut tree, &tag),
            Token::EndTag(tag) => end(&mut tree, &String::from_utf8_lossy(&tag.name)),
            Token::String(text) => tree.text(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
        if tree.octets() > MAX_OCTETS {
            return Err(TooLarge);
        }
    }
    Ok(tree.finish())
}

/// An element whose content is left out.
struct Hidden {
    name: String,
    depth: usize,
}

impl Hidden {
    /// Whether this token closes the element.
    fn ends_with(&mut self, token: &Token) -> bool {
        match token {
            Token::StartTag(tag) if *tag.name == self.name.as_bytes() && !tag.self_closing => {
                self.depth += 1;
            }
            Token::EndTag(tag) if *tag.name == self.name.as_bytes() => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }
}

fn start(tree: &mut Tree, tag: &StartTag<()>) -> Option<Hidden> {
    let name = String::from_utf8_lossy(&tag.name).into_owned();
    let name = name.as_str();
    if HIDDEN.contains(&name) {
        // A slash closes elements of SVG and MathML alone.
        let is_closed = tag.self_closing && matches!(name, "svg" | "math");
        return (!is_closed).then(|| Hidden { name: name.to_owned(), depth: 1 });
    }
    if let Some(mark) = mark(name) {
        tree.begin(name, mark);
        return None;
    }
    match name {
        "a" => {
            tree.end("a");
            if let Some(href) = attribute(tag, "href").and_then(|href| link(&href)) {
                tree.begin("a", Mark::Link(href.into()));
            }
        }
        "blockquote" => tree.open(Block::Quote),
        "ul" | "menu" | "dir" => tree.open(Block::Bullets),
        "ol" => tree.open(Block::Numbers),
        "li" => tree.item(),
        "br" => tree.line_break(),
        "hr" => tree.close_paragraph(),
        "td" | "th" => tree.text(" "),
        "img" => image(tree, tag),
        name if PARAGRAPHS.contains(&name) => {
            tree.open(Block::Paragraph);
            match name {
                "pre" | "xmp" | "listing" | "plaintext" => tree.preformatted(true),
                "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => tree.begin(name, Mark::Strong),
                _ => {}
            }
        }
        _ => {}
    }
    None
}

fn end(tree: &mut Tree, name: &str) {
    if name == "a" || mark(name).is_some() {
        return tree.end(name);
    }
    match name {
        "blockquote" => tree.close(Block::Quote),
        "ul" | "menu" | "dir" => tree.close(Block::Bullets),
        "ol" => tree.close(Block::Numbers),
        "li" => tree.close(Block::Item),
        name if PARAGRAPHS.contains(&name) => {
            match name {
                "pre" | "xmp" | "listing" => tree.preformatted(false),
                "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => tree.end(name),
                _ => {}
            }
            tree.close_paragraph();
        }
        _ => {}
    }
}

fn mark(name: &str) -> Option<Mark> {
    match name {
        "b" | "strong" => Some(Mark::Strong),
        "i" | "em" | "dfn" | "var" => Some(Mark::Em),
        "cite" => Some(Mark::Cite),
        _ => None,
    }
}

/// An image is its text, as a link to it: a client that fetched it unasked would tell the sender
/// who reads when and where.
fn image(tree: &mut Tree, tag: &StartTag<()>) {
    let alt = attribute(tag, "alt").filter(|alt| !alt.trim().is_empty());
    let source = attribute(tag, "src").and_then(|source| link(&source));
    let source = source.filter(|source| source.starts_with("http"));
    match (alt, source) {
        (alt, Some(source)) => {
            let text = alt.unwrap_or_else(|| source.clone());
            let within_link = !tree.in_link();
            if within_link {
                tree.begin("img", Mark::Link(source.into()));
            }
            tree.text(&text);
            if within_link {
                tree.end("img");
            }
        }
        (Some(alt), None) => tree.text(&alt),
        (None, None) => {}
    }
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// An address that may be offered for a click: absolute, and of a scheme that runs nothing.
fn link(address: &str) -> Option<String> {
    // A browser drops these, wherever they stand: `java&#10;script:` is a script.
    let address: String = address.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let address = address.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    let (scheme, rest) = address.split_once(':')?;
    let is_known = SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    let is_clean = !address.contains(char::is_control) && address.len() <= MAX_LINK;
    (is_known && is_clean && !rest.is_empty()).then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translate::message::xhtml_im;
    use proptest::prelude::*;

    /// The XHTML as it is written, and the plain text.
    fn both(html: &str) -> (String, String) {
        let nodes = read(html).unwrap();
        if nodes.is_empty() {
            return (String::new(), xhtml_im::plain_text(&nodes));
        }
        let plain = xhtml_im::plain_text(&nodes);
        let mut out = Vec::new();
        let body = xhtml_im::element(nodes);
        body.write(&mut out, "");
        let text = String::from_utf8(out).unwrap();
        let head = "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>";
        let text = text.strip_prefix(head).unwrap_or(&text);
        (text.strip_suffix("</body></html>").unwrap_or(text).to_owned(), plain)
    }

    #[track_caller]
    fn becomes(html: &str, xhtml: &str, plain: &str) {
        assert_eq!(both(html), (xhtml.to_owned(), plain.to_owned()), "{html}");
    }

    #[test]
    fn formatting_that_xhtml_im_has_stays() {
        becomes("<b>x</b><script>", "<strong>x</strong>", "x");
        becomes("a <i>b</i> <B>c</B>.", "a <em>b</em> <strong>c</strong>.", "a b c.");
        becomes("<u>a</u><font color=red>b</font>", "ab", "ab");
        becomes("<b><i>x</b>y</i>", "<strong><em>x</em></strong><em>y</em>", "xy");
        becomes("<p>a<p>b</p>c", "<p>a</p><p>b</p>c", "a\nb\nc");
        becomes(
            "<h1>T</h1><div>x<br>y</div>",
            "<p><strong>T</strong></p><p>x<br/>y</p>",
            "T\nx\ny",
        );
        becomes("<p> a \r\n\t b </p>", "<p>a b</p>", "a b");
        becomes("<pre>a\n  b</pre>", "<p>a<br/>  b</p>", "a\n  b");
    }

    #[test]
    fn lists_and_quotes() {
        becomes(
            "<ul><li>a<li>b<ol><li>c</ol></ul>d",
            "<ul><li>a</li><li>b<ol><li>c</li></ol></li></ul>d",
            "- a\n- b\n  1. c\nd",
        );
        becomes("<ol>x<p>y</ol>", "<ol><li>x<p>y</p></li></ol>", "1. x\n   y");
        becomes(
            "<blockquote>a<br>b</blockquote>c",
            "<blockquote>a<br/>b</blockquote>c",
            "> a\n> b\nc",
        );
        becomes("<table><tr><td>a<td>b<tr><td>c</table>", "<p>a b</p><p>c</p>", "a b\nc");
    }

    #[test]
    fn links_are_kept_when_they_run_nothing() {
        becomes(
            "<a href='https://h/?a&amp;b' onclick=x>t</a>",
            "<a href='https://h/?a&amp;b'>t</a>",
            "t <https://h/?a&b>",
        );
        becomes(
            "<a href=https://h/>https://h/</a>",
            "<a href='https://h/'>https://h/</a>",
            "https://h/",
        );
        becomes("<a href=mailto:a@b>a@b</a>", "<a href='mailto:a@b'>a@b</a>", "a@b");
        for evil in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java&#10;script:alert(1)",
            "&#1;javascript:alert(1)",
            " javascript&colon;alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "/relative",
            "",
        ] {
            becomes(&format!("<a href=\"{evil}\">t</a>"), "t", "t");
        }
        becomes(
            "<a href=https://a/>x<a href=https://b/>y",
            "<a href='https://a/'>x</a><a href='https://b/'>y</a>",
            "x <https://a/>y <https://b/>",
        );
    }

    #[test]
    fn images_are_links_and_never_fetched() {
        becomes(
            "<img src=http://h/x.png alt=cat onerror=x>",
            "<a href='http://h/x.png'>cat</a>",
            "cat <http://h/x.png>",
        );
        becomes("<img src=cid:1 alt=cat>", "cat", "cat");
        becomes("<img src=data:image/png;base64,x>", "", "");
        becomes(
            "<a href=http://a/><img src=http://b/ alt=c></a>",
            "<a href='http://a/'>c</a>",
            "c <http://a/>",
        );
    }

    #[test]
    fn active_and_hidden_content_is_gone() {
        for html in [
            "a<script>if (1 < 2) { x('</b>') }</script>b",
            "a<style>p { color: red }</style>b",
            "a<svg><script>x</script><a href='javascript:x'>t</a></svg>b",
            "a<svg/>b",
            "a<iframe src=x><b>t</b></iframe>b",
            "a<template><b>t</b></template>b",
            "a<object data=x>t<object>u</object></object>b",
            "a<!-- <b> -->b",
            "<!DOCTYPE html><html onload=x><head><title>t</title><meta http-equiv=refresh></head><body style='x'>ab",
        ] {
            becomes(html, "ab", "ab");
        }
        becomes("a<script>b", "a", "a");
        becomes("<script>x</script>", "", "");
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = format!("{}x", "<blockquote><b><ul><li>".repeat(2_000));
        let (xhtml, plain) = both(&deep);
        assert!(xhtml.matches('<').count() < 80, "{xhtml}");
        assert!(plain.ends_with('x'));
        let wide = format!("<a href='http://h/{}'>{}", "y".repeat(2_000), "<p>x".repeat(500));
        assert_eq!(read(&wide), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn whatever_comes_in_only_the_short_list_comes_out(
            html in "(<(b|i|a href=x:y|a href=http:x|p|ul|ol|li|div|pre|script|style|svg|blockquote|br|img src=http:x|td)/?>|</(b|a|p|ul|li|pre|script|svg|blockquote|div)>|x| |\n|&amp;|<|&#1;|'){0,40}"
        ) {
            let nodes = read(&html).unwrap();
            let _ = xhtml_im::plain_text(&nodes);
            let mut out = Vec::new();
            xhtml_im::element(nodes).write(&mut out, "");
            let written = String::from_utf8(out).unwrap();
            let text = crate::codec::xml::Text::from(written.clone());
            let read = crate::codec::xml::Element::parse_document(&text, crate::codec::xml::Limits::default());
            let root = read.unwrap();
            let mut open = vec![&root];
            while let Some(element) = open.pop() {
                prop_assert!(["html", "body", "p", "strong", "em", "cite", "a", "br", "ul", "ol", "li", "blockquote"].contains(&&*element.name));
                prop_assert!(element.attrs.iter().all(|attr| attr.name == "href" && attr.value.starts_with("http:")));
                if matches!(&*element.name, "ul" | "ol") {
                    prop_assert!(element.elements().all(|child| child.name == "li"));
                }
                open.extend(element.elements());
            }
        }
    }
}
