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

use super::Namespaces;
use super::XmlFault;
use super::accumulator::Accumulator;
use super::escape::first_illegal;
use super::lexical::{
    ScannedName, is_space, normalise_line_ends, resolve, scan_name, scan_value, skip_space,
};
use super::scope::{Ns, Scope};
use super::{Limits, Text};

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
        ns: Ns<'a>,
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
    pub(crate) ns: Option<Ns<'a>>,
    /// Local name.
    pub(crate) name: &'a str,
    /// Normalised value.
    pub(crate) value: Cow<'a, str>,
    prefix: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    Inside,
    After,
}

/// Enough for nearly every start tag: from, to, id, type, xml:lang.
const EXPECTED_ATTRIBUTES: usize = 6;

/// Strict pull reader over one element.
pub(crate) struct Reader<'a> {
    source: &'a Text,
    tokens: quick_xml::Reader<&'a [u8]>,
    scope: Scope<'a>,
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
            scope: Scope::new(outer),
            attributes: Vec::with_capacity(EXPECTED_ATTRIBUTES),
            limits,
            depth: 0,
            stage: Stage::Before,
            empty: false,
            dialect,
        })
    }

    /// The attributes of the start tag just read.
    pub(crate) fn attributes(&self) -> &[RawAttr<'a>] {
        &self.attributes
    }

    /// A slice of the source as text that shares its memory.
    pub(crate) fn slice(&self, slice: &'a str) -> Text {
        self.source.slice_ref(slice)
    }

    /// The value as text that shares the source's memory where it can.
    pub(crate) fn share(&self, value: Cow<'a, str>) -> Text {
        match value {
            Cow::Borrowed(slice) => self.source.slice_ref(slice),
            Cow::Owned(owned) => Text::from(owned),
        }
    }

    /// The namespace name as text.
    pub(crate) fn keep(&self, name: Ns<'a>) -> Text {
        name.into_text(self.source)
    }

    /// The declarations in force at the reader's position.
    pub(crate) fn declarations(&self) -> Namespaces {
        self.scope.declarations(self.source)
    }

    /// Value of the attribute without namespace called `name`.
    pub(crate) fn attribute(&self, name: &str) -> Option<&RawAttr<'a>> {
        self.attributes.iter().find(|a| a.ns.is_none() && a.name == name)
    }

    /// `xml:lang` of the start tag just read, RFC 6120 §8.1.5; empty is none.
    pub(crate) fn lang(&self) -> Option<Text> {
        let is_lang = |a: &&RawAttr<'a>| a.prefix == Some("xml") && a.name == "lang";
        let found = self.attributes.iter().find(is_lang)?;
        (!found.value.is_empty()).then(|| self.share(found.value.clone()))
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
                Event::End if inner == 0 => return Ok(text.finish(self)),
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
        let ScannedName { prefix, local: name, end } = scan_name(content, 0)?;
        self.read_attributes(content, end)?;
        if prefix == Some("xmlns") {
            return Err(XmlFault::BadNamespace);
        }
        let ns = self.scope.lookup(prefix)?;
        Ok(Event::Start { name, ns })
    }

    fn close(&mut self) -> Event<'a> {
        self.scope.leave(self.depth);
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

    fn read_attributes(&mut self, tag: &'a str, mut end: usize) -> Result<(), XmlFault> {
        self.attributes.clear();
        let mut count = 0;
        loop {
            let begin = skip_space(tag.as_bytes(), end);
            if begin == tag.len() {
                break;
            }
            if begin == end {
                return Err(XmlFault::NotWellFormed);
            }
            count += 1;
            if count > self.limits.max_attributes {
                return Err(XmlFault::TooManyAttributes);
            }
            let name = scan_name(tag, begin)?;
            let (value, behind) = scan_value(tag, name.end)?;
            end = behind;
            let ScannedName { prefix, local, .. } = name;
            match prefix {
                None if local == "xmlns" => self.scope.declare(self.depth, "", value)?,
                Some("xmlns") => self.scope.declare(self.depth, local, value)?,
                _ => self.attributes.push(RawAttr { ns: None, name: local, value, prefix }),
            }
        }
        self.resolve_attributes()
    }

    fn resolve_attributes(&mut self) -> Result<(), XmlFault> {
        for at in 0..self.attributes.len() {
            if let Some(prefix) = self.attributes[at].prefix {
                self.attributes[at].ns = Some(self.scope.lookup(Some(prefix))?);
            }
            let (seen, new) = self.attributes.split_at(at);
            let new = &new[0];
            // Most differ in length or at once.
            let is_same = |a: &RawAttr<'_>| {
                a.name.len() == new.name.len()
                    && a.name.as_bytes().first() == new.name.as_bytes().first()
                    && a.name == new.name
                    && a.ns == new.ns
            };
            if seen.iter().any(is_same) {
                return Err(XmlFault::DuplicateAttribute);
            }
        }
        Ok(())
    }
}
