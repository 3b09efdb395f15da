//! The filter between `quick-xml` and the stanza types.
//!
//! `quick-xml` finds the tokens and matches end tags; it is lenient about
//! nearly everything else. This reader adds what XML 1.0, XML Namespaces 1.0
//! and RFC 6120 §11 demand: legal characters and names, no DTD, processing
//! instruction or comment, no `]]>` in text, no `<` in attributes, unique
//! expanded attribute names, declared prefixes, known entities, one root, and
//! bounds on depth and attributes.

use std::borrow::Cow;

use quick_xml::events::Event as Token;

use super::accumulator::Accumulator;
use super::element::{Attr, Element, Node};
use super::escape::first_illegal;
use super::lexical::{
    is_space, is_space_char, normalise_attribute, normalise_line_ends, resolve, split_attribute,
    split_name,
};
use super::stream::Namespaces;
use super::{Limits, Text, ns};

/// What is wrong with a piece of XML; always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlFault {
    /// RFC 6120 §11.6.
    #[error("not UTF-8")]
    NotUtf8,
    /// XML 1.0 §2.2 `Char`, raw or as a character reference.
    #[error("a character that XML cannot carry")]
    IllegalCharacter,
    /// RFC 6120 §11.1.
    #[error("a comment")]
    Comment,
    /// RFC 6120 §11.1.
    #[error("a processing instruction")]
    ProcessingInstruction,
    /// RFC 6120 §11.1.
    #[error("a document type declaration")]
    Dtd,
    /// XML 1.0 §2.4.
    #[error("`]]>` in character data")]
    CdataEnd,
    /// XML 1.0 §3.1.
    #[error("`<` in an attribute value")]
    LessThanInAttribute,
    /// XML 1.0 §3.1, XML Namespaces 1.0 §6.3.
    #[error("the same attribute twice")]
    DuplicateAttribute,
    /// XML Namespaces 1.0 §5.
    #[error("an undeclared namespace prefix")]
    UndeclaredPrefix,
    /// XML Namespaces 1.0 §3: `xml`, `xmlns` or an empty name bound wrongly.
    #[error("a forbidden namespace declaration")]
    BadNamespace,
    /// XML Namespaces 1.0 §4.
    #[error("an illegal name")]
    BadName,
    /// RFC 6120 §11.1: only the five predefined entities exist.
    #[error("an unknown entity or a broken reference")]
    BadReference,
    /// XML 1.0 §2.1.
    #[error("content outside of the one root element")]
    TwoRoots,
    /// Everything else that XML 1.0 forbids.
    #[error("not well-formed")]
    NotWellFormed,
    /// `Limits::max_depth`.
    #[error("elements nested too deeply")]
    TooDeep,
    /// `Limits::max_attributes`.
    #[error("too many attributes")]
    TooManyAttributes,
    /// `Limits::max_stanza_octets`.
    #[error("too large")]
    TooLarge,
}

/// Which constructs a piece of XML may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// A stanza: RFC 6120 §11.1.
    Stanza,
    /// A document carried in a body (PIDF and the like): a declaration,
    /// comments and processing instructions are skipped, a DTD is refused.
    Document,
}

/// A pull event; names and text are slices of the source.
#[derive(Debug, PartialEq)]
pub(crate) enum Event<'a> {
    /// A start tag; its attributes are asked for with [`Reader::attribute`].
    Start {
        /// Local name.
        name: &'a str,
        /// Namespace name, empty if none.
        ns: Text,
    },
    /// The end of the innermost open element.
    End,
    /// Character data or a CDATA section, line ends normalised.
    Text(Cow<'a, str>),
    /// A character that was written as a reference.
    Char(char),
    /// The root element has been closed and nothing followed.
    Eof,
}

/// One attribute of the start tag just read; declarations are left out.
#[derive(Debug)]
pub(crate) struct RawAttr<'a> {
    /// Namespace name; `None` for an attribute without prefix.
    pub(crate) ns: Option<Text>,
    /// Local name.
    pub(crate) name: &'a str,
    /// Normalised value.
    pub(crate) value: Cow<'a, str>,
    prefix: Option<&'a str>,
}

#[derive(Debug)]
struct Binding<'a> {
    depth: u32,
    prefix: &'a str,
    uri: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    Inside,
    After,
}

/// Strict pull reader over one element.
pub(crate) struct Reader<'a> {
    source: &'a Text,
    tokens: quick_xml::Reader<&'a [u8]>,
    outer: &'a Namespaces,
    bindings: Vec<Binding<'a>>,
    attributes: Vec<RawAttr<'a>>,
    limits: Limits,
    depth: u32,
    stage: Stage,
    /// The start tag just given out was an empty-element tag.
    empty: bool,
    dialect: Dialect,
}

impl<'a> Reader<'a> {
    /// Checks the characters of `source` and makes a reader over it.
    ///
    /// `outer` holds the declarations in force around the element.
    pub(crate) fn new(
        source: &'a Text,
        outer: &'a Namespaces,
        limits: Limits,
        dialect: Dialect,
    ) -> Result<Self, XmlFault> {
        if first_illegal(source.as_bytes()).is_some() {
            return Err(XmlFault::IllegalCharacter);
        }
        // quick-xml would skip a byte order mark in silence.
        if dialect == Dialect::Stanza && source.starts_with('\u{FEFF}') {
            return Err(XmlFault::TwoRoots);
        }
        Ok(Self {
            source,
            tokens: quick_xml::Reader::from_str(source),
            outer,
            bindings: Vec::new(),
            attributes: Vec::new(),
            limits,
            depth: 0,
            stage: Stage::Before,
            empty: false,
            dialect,
        })
    }

    /// The value as text that shares the source's memory where it can.
    pub(crate) fn share(&self, value: &Cow<'a, str>) -> Text {
        match value {
            Cow::Borrowed(slice) => self.source.slice_ref(slice),
            Cow::Owned(owned) => Text::from(owned.as_str()),
        }
    }

    /// Value of the attribute without namespace called `name`.
    pub(crate) fn attribute(&self, name: &str) -> Option<&RawAttr<'a>> {
        self.attributes.iter().find(|a| a.ns.is_none() && a.name == name)
    }

    /// `xml:lang` of the start tag just read, RFC 6120 §8.1.5; empty is none.
    pub(crate) fn lang(&self) -> Option<Text> {
        let is_lang = |a: &&RawAttr<'a>| a.prefix == Some("xml") && a.name == "lang";
        let found = self.attributes.iter().find(is_lang)?;
        (!found.value.is_empty()).then(|| self.share(&found.value))
    }

    /// The declarations in force at the reader's position.
    pub(crate) fn declarations(&self) -> Namespaces {
        let mut all = Namespaces { default: Text::new(), prefixes: Vec::new() };
        for binding in &self.bindings {
            if binding.prefix.is_empty() {
                all.default = binding.uri.clone();
            } else {
                all.prefixes.push((self.source.slice_ref(binding.prefix), binding.uri.clone()));
            }
        }
        all
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Result<Event<'a>, XmlFault> {
        if self.empty {
            self.empty = false;
            return Ok(self.close());
        }
        loop {
            let token = self.tokens.read_event().map_err(|_| XmlFault::NotWellFormed)?;
            match token {
                Token::Start(tag) => return self.open(tag.len(), 1),
                Token::Empty(tag) => return self.open(tag.len(), 2),
                Token::End(_) => return Ok(self.close()),
                Token::Text(text) => {
                    let Cow::Borrowed(text) = text.into_inner() else {
                        return Err(XmlFault::NotWellFormed);
                    };
                    if let Some(event) = self.text(text)? {
                        return Ok(event);
                    }
                }
                Token::CData(text) => {
                    if self.stage != Stage::Inside {
                        return Err(XmlFault::TwoRoots);
                    }
                    let Cow::Borrowed(text) = text.into_inner() else {
                        return Err(XmlFault::NotWellFormed);
                    };
                    return Ok(Event::Text(normalise_line_ends(text)));
                }
                Token::GeneralRef(name) => {
                    if self.stage != Stage::Inside {
                        return Err(XmlFault::TwoRoots);
                    }
                    return resolve(&name).map(Event::Char);
                }
                Token::Eof => return self.finish(),
                Token::DocType(_) => return Err(XmlFault::Dtd),
                Token::Decl(_) if self.dialect == Dialect::Document && self.is_at_start() => {}
                Token::Comment(_) | Token::PI(_) if self.dialect == Dialect::Document => {}
                Token::Comment(_) => return Err(XmlFault::Comment),
                Token::Decl(_) | Token::PI(_) => return Err(XmlFault::ProcessingInstruction),
            }
        }
    }

    /// Reads the text of the element just opened, up to its end; elements
    /// within are skipped.
    pub(crate) fn read_text(&mut self) -> Result<Text, XmlFault> {
        let mut text = Accumulator::Empty;
        let mut inner = 0_u32;
        loop {
            match self.next()? {
                Event::Start { .. } => inner += 1,
                Event::End if inner == 0 => return Ok(text.finish(self.source)),
                Event::End => inner -= 1,
                Event::Text(piece) if inner == 0 => text.push(piece),
                Event::Char(c) if inner == 0 => text.push_char(c),
                Event::Text(_) | Event::Char(_) => {}
                Event::Eof => return Err(XmlFault::NotWellFormed),
            }
        }
    }

    /// Skips to the end of the element just opened.
    pub(crate) fn skip(&mut self) -> Result<(), XmlFault> {
        let mut inner = 0_u32;
        loop {
            match self.next()? {
                Event::Start { .. } => inner += 1,
                Event::End if inner == 0 => return Ok(()),
                Event::End => inner -= 1,
                Event::Text(_) | Event::Char(_) => {}
                Event::Eof => return Err(XmlFault::NotWellFormed),
            }
        }
    }

    /// Reads the element just opened into a tree; the depth limit bounds the
    /// recursion.
    pub(crate) fn read_element(&mut self, name: &'a str, ns: Text) -> Result<Element, XmlFault> {
        let mut element = Element {
            name: self.source.slice_ref(name),
            ns,
            attrs: Vec::new(),
            children: Vec::new(),
        };
        if !self.attributes.is_empty() {
            let source = self.source;
            let share = |a: RawAttr<'a>| Attr {
                ns: a.ns,
                name: source.slice_ref(a.name),
                value: match a.value {
                    Cow::Borrowed(slice) => source.slice_ref(slice),
                    Cow::Owned(owned) => Text::from(owned),
                },
            };
            element.attrs = self.attributes.drain(..).map(share).collect();
        }
        let mut text = Accumulator::Empty;
        loop {
            match self.next()? {
                Event::Start { name, ns } => {
                    text.flush(self.source, &mut element.children);
                    let child = self.read_element(name, ns)?;
                    element.children.push(Node::Element(child));
                }
                Event::End => {
                    text.flush(self.source, &mut element.children);
                    return Ok(element);
                }
                Event::Text(piece) => text.push(piece),
                Event::Char(c) => text.push_char(c),
                Event::Eof => return Err(XmlFault::NotWellFormed),
            }
        }
    }

    /// The name exactly as written in the start tag that ends at the
    /// reader's position; `skip` octets close the tag.
    fn open(&mut self, len: usize, skip: usize) -> Result<Event<'a>, XmlFault> {
        match self.stage {
            Stage::Before => self.stage = Stage::Inside,
            Stage::Inside => {}
            Stage::After => return Err(XmlFault::TwoRoots),
        }
        let end =
            usize::try_from(self.tokens.buffer_position()).ok().and_then(|at| at.checked_sub(skip));
        let source: &'a str = self.source;
        let content = end.and_then(|end| source.get(end.checked_sub(len)?..end));
        let content = content.ok_or(XmlFault::NotWellFormed)?;
        self.depth += 1;
        if self.depth > self.limits.max_depth {
            return Err(XmlFault::TooDeep);
        }
        self.empty = skip == 2;
        let name_end = content.bytes().position(is_space).unwrap_or(content.len());
        let (prefix, name) = split_name(&content[..name_end])?;
        self.read_attributes(&content[name_end..])?;
        if prefix == Some("xmlns") {
            return Err(XmlFault::BadNamespace);
        }
        let ns = self.lookup(prefix)?;
        Ok(Event::Start { name, ns })
    }

    fn close(&mut self) -> Event<'a> {
        while self.bindings.last().is_some_and(|b| b.depth == self.depth) {
            self.bindings.pop();
        }
        self.depth -= 1;
        if self.depth == 0 {
            self.stage = Stage::After;
        }
        Event::End
    }

    fn text(&mut self, text: &'a str) -> Result<Option<Event<'a>>, XmlFault> {
        if self.stage != Stage::Inside {
            return if text.bytes().all(is_space) { Ok(None) } else { Err(XmlFault::TwoRoots) };
        }
        let mut from = 0;
        while let Some(at) = memchr::memchr(b']', &text.as_bytes()[from..]) {
            from += at + 1;
            if text.as_bytes()[from..].starts_with(b"]>") {
                return Err(XmlFault::CdataEnd);
            }
        }
        Ok(Some(Event::Text(normalise_line_ends(text))))
    }

    fn finish(&self) -> Result<Event<'a>, XmlFault> {
        match self.stage {
            Stage::After => Ok(Event::Eof),
            Stage::Before | Stage::Inside => Err(XmlFault::NotWellFormed),
        }
    }

    fn is_at_start(&self) -> bool {
        self.stage == Stage::Before && self.source.starts_with("<?xml")
    }

    fn read_attributes(&mut self, mut rest: &'a str) -> Result<(), XmlFault> {
        self.attributes.clear();
        let mut count = 0;
        loop {
            let trimmed = rest.trim_start_matches(is_space_char);
            if trimmed.is_empty() {
                break;
            }
            if trimmed.len() == rest.len() {
                return Err(XmlFault::NotWellFormed);
            }
            count += 1;
            if count > self.limits.max_attributes {
                return Err(XmlFault::TooManyAttributes);
            }
            let (name, value, tail) = split_attribute(trimmed)?;
            rest = tail;
            let (prefix, local) = split_name(name)?;
            let value = normalise_attribute(value)?;
            match prefix {
                None if local == "xmlns" => self.declare("", value)?,
                Some("xmlns") => self.declare(local, value)?,
                _ => self.attributes.push(RawAttr { ns: None, name: local, value, prefix }),
            }
        }
        self.resolve_attributes()
    }

    fn resolve_attributes(&mut self) -> Result<(), XmlFault> {
        for at in 0..self.attributes.len() {
            if let Some(prefix) = self.attributes[at].prefix {
                self.attributes[at].ns = Some(self.lookup(Some(prefix))?);
            }
            let (seen, new) = self.attributes.split_at(at);
            let is_same = |a: &RawAttr<'_>| a.name == new[0].name && a.ns == new[0].ns;
            if seen.iter().any(is_same) {
                return Err(XmlFault::DuplicateAttribute);
            }
        }
        Ok(())
    }

    fn declare(&mut self, prefix: &'a str, uri: Cow<'a, str>) -> Result<(), XmlFault> {
        let is_twice = |b: &Binding<'_>| b.depth == self.depth && b.prefix == prefix;
        if self.bindings.iter().rev().any(is_twice) {
            return Err(XmlFault::DuplicateAttribute);
        }
        let legal = match (prefix, uri.as_ref()) {
            ("xml", uri) => uri == ns::XML,
            ("xmlns", _) | (_, ns::XML | ns::XMLNS) => false,
            (prefix, uri) => prefix.is_empty() || !uri.is_empty(),
        };
        if !legal {
            return Err(XmlFault::BadNamespace);
        }
        let uri = self.share(&uri);
        self.bindings.push(Binding { depth: self.depth, prefix, uri });
        Ok(())
    }

    fn lookup(&self, prefix: Option<&str>) -> Result<Text, XmlFault> {
        let wanted = prefix.unwrap_or("");
        if let Some(binding) = self.bindings.iter().rev().find(|b| b.prefix == wanted) {
            return Ok(binding.uri.clone());
        }
        match prefix {
            None => Ok(self.outer.default.clone()),
            Some("xml") => Ok(Text::from_static(ns::XML)),
            Some(prefix) => self.outer.get(prefix).ok_or(XmlFault::UndeclaredPrefix),
        }
    }
}
