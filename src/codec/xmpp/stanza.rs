//! Stanzas: what they have in common, RFC 6120 §8.

use bytes::Bytes;

use super::iq::Iq;
use super::jid::{Jid, JidError};
use super::message::Message;
use super::ns;
use super::presence::Presence;
use super::stream::{StreamContext, StreamError};
use crate::codec::xml::{
    Element, Text, XmlFault,
    escape::{is_xml_text, write_attribute},
    lexical::{is_space, normalise_attribute},
    strict::{Dialect, Event, Reader},
};

/// A value salvaged from a broken stanza is no longer than this: three parts
/// and two separators, RFC 7622 §3.1.
pub(super) const MAX_SALVAGED: usize = 3 * 1_023 + 2;

/// What a server sends within the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stanza {
    /// RFC 6121 §5.
    Message(Box<Message>),
    /// RFC 6121 §4.
    Presence(Box<Presence>),
    /// RFC 6120 §8.2.3.
    Iq(Box<Iq>),
    /// RFC 6120 §4.9; the stream ends with it.
    StreamError(StreamError),
    /// `<handshake/>`: the server has accepted the component, XEP-0114 §3.
    Handshake,
    /// Any other element, RFC 6120 §4.9.3.24.
    Other(Element),
}

/// The three kinds of stanza, RFC 6120 §8.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StanzaKind {
    /// `<message/>`.
    Message,
    /// `<presence/>`.
    Presence,
    /// `<iq/>`.
    Iq,
}

/// Why a stanza was not understood; always the fault of who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not legal XML.
    #[error("illegal XML: {0}")]
    Xml(#[from] XmlFault),
    /// `from` is no JID.
    #[error("malformed 'from': {0}")]
    From(JidError),
    /// `to` is no JID, RFC 6120 §8.3.3.8.
    #[error("malformed 'to': {0}")]
    To(JidError),
    /// RFC 6120 §8.1.3.
    #[error("iq without id")]
    IqWithoutId,
    /// RFC 6120 §8.2.3, RFC 6121 §4.7.1.
    #[error("missing or unknown type")]
    UnknownType,
    /// RFC 6120 §8.2.3: a get or set has exactly one child, a result at most
    /// one.
    #[error("iq with the wrong number of children")]
    IqPayload,
}

/// A stanza that could not be parsed, with what its start tag tells.
///
/// The values are as they were written, references resolved, checked against
/// XML `Char` but nothing else. The stream itself is unharmed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed stanza: {fault}")]
pub struct Malformed {
    /// What was found first.
    pub fault: Fault,
    /// What kind of stanza it is.
    pub kind: Option<StanzaKind>,
    /// `id`, to be mirrored.
    pub id: Option<Text>,
    /// `from`, whom to answer.
    pub from: Option<Text>,
    /// `to`.
    pub to: Option<Text>,
    /// `type`: errors and results are never answered.
    pub type_: Option<Text>,
}

impl Malformed {
    /// What can be learnt of an element from its first octets, for instance
    /// those of [`Frame::Oversized`](super::Frame::Oversized).
    #[must_use]
    pub fn salvage(fault: Fault, octets: &[u8]) -> Self {
        let mut found = Self { fault, kind: None, id: None, from: None, to: None, type_: None };
        let Some(tag) = start_tag(octets) else { return found };
        let tag = String::from_utf8_lossy(tag);
        let name_end = tag.bytes().position(is_space).unwrap_or(tag.len());
        let (name, mut rest) = tag.split_at(name_end);
        found.kind = match name.trim_end_matches('/') {
            "message" => Some(StanzaKind::Message),
            "presence" => Some(StanzaKind::Presence),
            "iq" => Some(StanzaKind::Iq),
            _ => None,
        };
        while let Some((name, value, tail)) = next_attribute(rest) {
            rest = tail;
            let slot = match name {
                "id" => &mut found.id,
                "from" => &mut found.from,
                "to" => &mut found.to,
                "type" => &mut found.type_,
                _ => continue,
            };
            *slot = salvaged(value);
        }
        found
    }

    /// True if RFC 6120 §8.3.1 allows an error to be sent back: it is a stanza,
    /// its sender is known, and it is neither an error nor a result.
    #[must_use]
    pub fn may_be_answered(&self) -> bool {
        let type_ = self.type_.as_deref();
        self.kind.is_some() && self.from.is_some() && !matches!(type_, Some("error" | "result"))
    }
}

/// Parses the octets of one element of the stream.
///
/// # Errors
/// [`Malformed`] concerns this stanza alone; the stream goes on.
#[expect(clippy::result_large_err, reason = "no larger than a stanza, and rare")]
pub fn parse(context: &StreamContext, octets: Bytes) -> Result<Stanza, Malformed> {
    let salvage = |fault| Malformed::salvage(fault, &octets);
    if octets.len() > context.limits.max_stanza_octets {
        return Err(salvage(XmlFault::TooLarge.into()));
    }
    let text = Text::try_from(octets.clone()).map_err(|_| salvage(XmlFault::NotUtf8.into()))?;
    parse_text(context, &text).map_err(salvage)
}

fn parse_text(context: &StreamContext, text: &Text) -> Result<Stanza, Fault> {
    let mut reader = Reader::new(text, &context.namespaces, context.limits, Dialect::Stanza)?;
    let Event::Start { name, ns: namespace } = reader.next()? else {
        return Err(XmlFault::NotWellFormed.into());
    };
    let stanza = match name {
        "message" if ns::is_stanza(&namespace) => {
            Stanza::Message(Box::new(Message::read(&mut reader, context)?))
        }
        "presence" if ns::is_stanza(&namespace) => {
            Stanza::Presence(Box::new(Presence::read(&mut reader, context)?))
        }
        "iq" if ns::is_stanza(&namespace) => Stanza::Iq(Box::new(Iq::read(&mut reader, context)?)),
        "handshake" if ns::is_stanza(&namespace) => {
            reader.skip()?;
            Stanza::Handshake
        }
        "error" if &*namespace == ns::STREAMS => Stanza::StreamError(StreamError::from_element(
            &Element::read(&mut reader, name, namespace)?,
        )),
        _ => Stanza::Other(Element::read(&mut reader, name, namespace)?),
    };
    match reader.next()? {
        Event::Eof => Ok(stanza),
        _ => Err(XmlFault::TwoRoots.into()),
    }
}

impl Stanza {
    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Message(message) => message.write(out),
            Self::Presence(presence) => presence.write(out),
            Self::Iq(iq) => iq.write(out),
            Self::StreamError(error) => error.write(out),
            Self::Handshake => out.extend_from_slice(b"<handshake/>"),
            Self::Other(element) => element.write(out, ns::COMPONENT_ACCEPT),
        }
    }
}

/// The common attributes but `type`, RFC 6120 §8.1.
pub(super) struct Head {
    pub(super) from: Option<Jid>,
    pub(super) to: Option<Jid>,
    pub(super) id: Option<Text>,
    pub(super) lang: Option<Text>,
}

impl Head {
    /// Reads the attributes of the start tag just read.
    pub(super) fn read(reader: &Reader<'_>, context: &StreamContext) -> Result<Self, Fault> {
        let mut head = Self { from: None, to: None, id: None, lang: reader.lang() };
        for attribute in reader.attributes().iter().filter(|a| a.ns.is_none()) {
            let value = &attribute.value;
            match attribute.name {
                "to" => head.to = Some(Jid::parse(value).map_err(Fault::To)?),
                "from" => head.from = Some(Jid::parse(value).map_err(Fault::From)?),
                "id" => head.id = Some(reader.share(value.clone())),
                _ => {}
            }
        }
        if head.lang.is_none() {
            head.lang = context.lang.clone();
        }
        Ok(head)
    }
}

type HeadRef<'a> = (Option<&'a Jid>, Option<&'a Jid>, Option<&'a Text>, Option<&'a Text>);

/// Writes the common attributes: `from`, `to`, `id`, `type`, `xml:lang`.
pub(super) fn write_head(
    out: &mut Vec<u8>,
    (from, to, id, lang): HeadRef<'_>,
    type_: Option<&str>,
) {
    let attributes = [
        ("from", from.map(Jid::as_str)),
        ("to", to.map(Jid::as_str)),
        ("id", id.map(|id| &**id)),
        ("type", type_),
        ("xml:lang", lang.map(|lang| &**lang)),
    ];
    for (name, value) in attributes {
        if let Some(value) = value {
            write_attribute(out, name, value);
        }
    }
}

/// What stands between the first `<` and its `>`, or the end of the octets.
fn start_tag(octets: &[u8]) -> Option<&[u8]> {
    let tag = &octets[memchr::memchr(b'<', octets)? + 1..];
    let mut quote = None;
    for (at, &b) in tag.iter().enumerate() {
        match (b, quote) {
            (b'>', None) => return Some(&tag[..at]),
            (b'\'' | b'"', None) => quote = Some(b),
            (b, Some(open)) if b == open => quote = None,
            _ => {}
        }
    }
    Some(tag)
}

/// The next `name='value'`, whatever else is wrong with the tag.
fn next_attribute(text: &str) -> Option<(&str, &str, &str)> {
    let (name, after) = text.split_once('=')?;
    let is_outside = |c: char| !c.is_ascii_alphanumeric() && !"_-.:".contains(c);
    let name = name.trim_ascii_end().rsplit(is_outside).next()?;
    let after = after.trim_ascii_start();
    let quote = after.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (value, tail) = after[1..].split_once(quote)?;
    Some((name, value, tail))
}

/// A value that can be shown and sent back, or nothing.
fn salvaged(value: &str) -> Option<Text> {
    if value.is_empty() || value.len() > MAX_SALVAGED || value.contains('\u{FFFD}') {
        return None;
    }
    let value = normalise_attribute(value).ok()?;
    is_xml_text(&value).then(|| Text::from(value.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::xml::Limits;

    #[expect(clippy::result_large_err, reason = "as for parse")]
    fn read(text: &str) -> Result<Stanza, Malformed> {
        parse(&StreamContext::component(Limits::default()), text.to_owned().into())
    }

    #[test]
    fn elements_of_the_xml_namespace_keep_their_prefix() {
        for text in [
            "<xml:odd a='b'><x xmlns='y'><xml:z/></x>t</xml:odd>",
            "<message from='a@b' to='c@d'><xml:odd><body>x</body></xml:odd></message>",
        ] {
            let stanza = read(text).unwrap();
            let mut written = Vec::new();
            stanza.write(&mut written);
            let written = String::from_utf8(written).unwrap();
            assert!(written.contains("<xml:odd") && written.contains("</xml:odd>"), "{written}");
            assert!(!written.contains(crate::codec::xml::XML), "{written}");
            assert_eq!(read(&written), Ok(stanza));
        }
    }

    #[test]
    fn handshake_and_unknown_elements() {
        assert_eq!(read("<handshake/>"), Ok(Stanza::Handshake));
        assert_eq!(read("<handshake>x</handshake>"), Ok(Stanza::Handshake));
        let Ok(Stanza::Other(other)) = read("<message xmlns='urn:x'/>") else { panic!() };
        assert!(other.is("message", "urn:x"));
    }

    #[test]
    fn addr_055_malformed_addresses_concern_one_stanza_alone() {
        let malformed =
            read("<message to='juliet@' from='a@b/c' id='7'><body>x</body></message>").unwrap_err();
        assert_eq!(malformed.fault, Fault::To(JidError::Domainpart));
        assert_eq!(
            (malformed.id.as_deref(), malformed.from.as_deref()),
            (Some("7"), Some("a@b/c"))
        );
        assert!(malformed.may_be_answered());
        assert!(matches!(read("<iq from='a b@c'/>").unwrap_err().fault, Fault::From(_)));
    }

    #[test]
    fn sec_026_twenty_thousand_octets_are_accepted_by_default() {
        let text = format!("<message><body>{}</body></message>", "x".repeat(20_000));
        assert!(read(&text).is_ok());
        let text = format!("<message><body>{}</body></message>", "x".repeat(262_144));
        assert_eq!(read(&text).unwrap_err().fault, Fault::Xml(XmlFault::TooLarge));
    }

    #[test]
    fn every_kind_writes_itself() {
        for text in [
            "<message id='1'/>",
            "<presence/>",
            "<iq id='1' type='result'/>",
            "<handshake/>",
            "<a xmlns='u'/>",
        ] {
            let mut out = Vec::new();
            read(text).unwrap().write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
