//! A generic element: extension children and unknown stanzas.

use std::borrow::Cow;

use super::Namespaces;
use super::XmlFault;
use super::accumulator::Accumulator;
use super::escape::{write_attribute, write_cdata, write_text};
use super::scope::Ns;
use super::strict::{Dialect, Event, RawAttr, Reader};
use super::{Limits, Text};

/// The element of RFC 3923, whose text is written as CDATA.
const E2E: &str = "urn:ietf:params:xml:ns:xmpp-e2e";

/// An attribute with its expanded name, XML Namespaces 1.0 §6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attr {
    /// Namespace name; `None` for an attribute without prefix.
    pub ns: Option<Text>,
    /// Local name.
    pub name: Text,
    /// Value, references resolved.
    pub value: Text,
}

/// Content of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Character data, references resolved.
    Text(Text),
}

/// An element with its expanded name, XML Namespaces 1.0 §5.
///
/// Texts are slices of the octets it was parsed from and keep them alive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Local name.
    pub name: Text,
    /// Namespace name, empty if none.
    pub ns: Text,
    /// Attributes without the namespace declarations.
    pub attrs: Vec<Attr>,
    /// Child nodes in order.
    pub children: Vec<Node>,
}

impl Element {
    /// An empty element.
    #[must_use]
    pub fn new(name: &'static str, ns: &'static str) -> Self {
        Self { name: Text::from_static(name), ns: Text::from_static(ns), ..Self::default() }
    }

    /// Adds an attribute without namespace.
    #[must_use]
    pub fn with_attr(mut self, name: &'static str, value: impl Into<Text>) -> Self {
        self.attrs.push(Attr { ns: None, name: Text::from_static(name), value: value.into() });
        self
    }

    /// Adds a child element.
    #[must_use]
    pub fn with_child(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// Adds character data.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<Text>) -> Self {
        self.children.push(Node::Text(text.into()));
        self
    }

    /// True if this is the element `name` of the namespace `ns`.
    #[must_use]
    pub fn is(&self, name: &str, ns: &str) -> bool {
        self.name == name && self.ns == ns
    }

    /// Value of the attribute without namespace called `name`.
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<&Text> {
        self.attrs.iter().find(|a| a.ns.is_none() && a.name == name).map(|a| &a.value)
    }

    /// `xml:lang` of this element itself, RFC 6120 §8.1.5.
    #[must_use]
    pub fn lang(&self) -> Option<&Text> {
        let is_lang = |a: &&Attr| a.name == "lang" && a.ns.as_deref() == Some(super::XML);
        self.attrs.iter().find(is_lang).map(|a| &a.value)
    }

    /// Child elements in order.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// First child element `name` of the namespace `ns`.
    #[must_use]
    pub fn child(&self, name: &str, ns: &str) -> Option<&Self> {
        self.elements().find(|e| e.is(name, ns))
    }

    /// The element's own character data, without that of its children.
    #[must_use]
    pub fn text(&self) -> Text {
        let mut texts = self.children.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text),
            Node::Element(_) => None,
        });
        match (texts.next(), texts.next()) {
            (None, _) => Text::new(),
            (Some(only), None) => only.clone(),
            (Some(first), Some(second)) => {
                let mut all = format!("{first}{second}");
                texts.for_each(|text| all.push_str(text));
                Text::from(all)
            }
        }
    }

    /// Parses one XML document that came in a body (PIDF and the like).
    ///
    /// Prolog, comments and processing instructions are skipped; a DTD, any
    /// entity beyond the five and everything [`XmlFault`] names are refused.
    ///
    /// # Errors
    /// The first fault found.
    pub fn parse_document(document: &Text, limits: Limits) -> Result<Self, XmlFault> {
        if document.len() > limits.max_stanza_octets {
            return Err(XmlFault::TooLarge);
        }
        let outer = Namespaces::default();
        let mut reader = Reader::new(document, &outer, limits, Dialect::Document)?;
        let Event::Start { name, ns } = reader.next()? else {
            return Err(XmlFault::NotWellFormed);
        };
        let element = Self::read(&mut reader, name, ns)?;
        reader.next()?;
        Ok(element)
    }

    /// Reads the element just opened; the reader's depth limit bounds the
    /// recursion.
    pub(in crate::codec) fn read<'a>(
        reader: &mut Reader<'a>,
        name: &'a str,
        ns: Ns<'a>,
    ) -> Result<Self, XmlFault> {
        let attr = |attribute: &RawAttr<'a>| Attr {
            ns: attribute.ns.clone().map(|ns| reader.keep(ns)),
            name: reader.slice(attribute.name),
            value: reader.share(attribute.value.clone()),
        };
        let attrs = reader.attributes().iter().map(attr).collect();
        let mut element =
            Self { name: reader.slice(name), ns: reader.keep(ns), attrs, children: Vec::new() };
        let mut text = Accumulator::Empty;
        loop {
            match reader.next()? {
                Event::Start { name, ns } => {
                    text.flush(reader, &mut element.children);
                    let child = Self::read(reader, name, ns)?;
                    element.children.push(Node::Element(child));
                }
                Event::End => {
                    text.flush(reader, &mut element.children);
                    return Ok(element);
                }
                Event::Text(piece) => text.push(piece),
                Event::Char(c) => text.push_char(c),
                Event::Eof => return Err(XmlFault::NotWellFormed),
            }
        }
    }

    /// Appends the element; `outer_ns` is the default namespace around it.
    ///
    /// Only attributes of foreign namespaces need prefixes: `ns0`, `ns1` and
    /// so on are declared where they are used.
    pub fn write(&self, out: &mut Vec<u8>, outer_ns: &str) {
        // The namespace of `xml:` has that prefix and no declaration (Namespaces in XML 1.0 §3).
        let (prefix, inner_ns) =
            if self.ns == super::XML { ("xml:", outer_ns) } else { ("", &*self.ns) };
        out.push(b'<');
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(self.name.as_bytes());
        if inner_ns != outer_ns {
            write_attribute(out, "xmlns", inner_ns);
        }
        for (index, attr) in self.attrs.iter().enumerate() {
            attr.write(out, index);
        }
        if self.children.is_empty() {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        // RFC 3923 §3.1 wants the object of this element alone in a CDATA section.
        let is_object = self.is("e2e", E2E);
        for node in &self.children {
            match node {
                Node::Element(child) => child.write(out, inner_ns),
                Node::Text(text) if is_object => write_cdata(out, text),
                Node::Text(text) => write_text(out, text),
            }
        }
        out.extend_from_slice(b"</");
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(self.name.as_bytes());
        out.push(b'>');
    }
}

impl Attr {
    fn write(&self, out: &mut Vec<u8>, index: usize) {
        let name: Cow<'_, str> = match self.ns.as_deref() {
            None => Cow::Borrowed(&self.name),
            Some(super::XML) => Cow::Owned(format!("xml:{}", self.name)),
            Some(foreign) => {
                write_attribute(out, &format!("xmlns:ns{index}"), foreign);
                Cow::Owned(format!("ns{index}:{}", self.name))
            }
        };
        write_attribute(out, &name, &self.value);
    }
}
