//! `<iq/>`, RFC 6120 §8.2.3.

use super::stanza::{Fault, Head, write_head};
use super::stanza_error::StanzaError;
use super::stream::StreamContext;
use super::{Jid, ns};
use crate::codec::xml::{
    Element, Text, XmlFault,
    strict::{Event, Reader},
};

/// `type` of an iq, RFC 6120 §8.2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IqKind {
    /// A question.
    Get,
    /// A change asked for.
    Set,
    /// The answer.
    Result,
    /// The refusal.
    Error,
}

impl IqKind {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "get" => Self::Get,
            "set" => Self::Set,
            "result" => Self::Result,
            "error" => Self::Error,
            _ => return None,
        })
    }

    /// The attribute's value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Result => "result",
            Self::Error => "error",
        }
    }
}

/// An info/query stanza, RFC 6120 §8.2.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iq {
    /// Sender.
    pub from: Option<Jid>,
    /// Recipient.
    pub to: Option<Jid>,
    /// RFC 6120 §8.1.3: an iq without one is malformed.
    pub id: Text,
    /// RFC 6120 §8.2.3.
    pub kind: IqKind,
    /// The stanza's `xml:lang`, else the stream's.
    pub lang: Option<Text>,
    /// The one child; a get or a set always has one.
    pub payload: Option<Element>,
    /// RFC 6120 §8.3.
    pub error: Option<StanzaError>,
}

impl Iq {
    pub(super) fn read(reader: &mut Reader<'_>, context: &StreamContext) -> Result<Self, Fault> {
        let Head { from, to, id, lang } = Head::read(reader, context)?;
        let id = id.ok_or(Fault::IqWithoutId)?;
        let kind = reader.attribute("type").and_then(|a| IqKind::from_name(&a.value));
        let kind = kind.ok_or(Fault::UnknownType)?;
        let mut iq = Self { from, to, id, kind, lang, payload: None, error: None };
        loop {
            let (name, namespace) = match reader.next()? {
                Event::Start { name, ns } => (name, ns),
                Event::End => break,
                Event::Text(_) | Event::Char(_) => continue,
                Event::Eof => return Err(XmlFault::NotWellFormed.into()),
            };
            if name == "error" && ns::is_stanza(&namespace) {
                iq.error = Some(StanzaError::read(reader)?);
            } else if iq.payload.is_some() {
                return Err(Fault::IqPayload);
            } else {
                iq.payload = Some(Element::read(reader, name, namespace)?);
            }
        }
        if matches!(kind, IqKind::Get | IqKind::Set) && iq.payload.is_none() {
            return Err(Fault::IqPayload);
        }
        Ok(iq)
    }

    /// Appends the stanza, unprefixed, for a `jabber:component:accept` stream.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<iq");
        let head = (self.from.as_ref(), self.to.as_ref(), Some(&self.id), self.lang.as_ref());
        write_head(out, head, Some(self.kind.name()));
        if self.payload.is_none() && self.error.is_none() {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        if let Some(payload) = &self.payload {
            payload.write(out, ns::COMPONENT_ACCEPT);
        }
        if let Some(error) = &self.error {
            error.write(out);
        }
        out.extend_from_slice(b"</iq>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::xml::Limits;
    use crate::codec::xmpp::{Stanza, parse};

    fn read(text: &str) -> Result<Iq, Fault> {
        let context = StreamContext::component(Limits::default());
        match parse(&context, text.to_owned().into()) {
            Ok(Stanza::Iq(iq)) => Ok(*iq),
            Ok(other) => panic!("{other:?}"),
            Err(malformed) => Err(malformed.fault),
        }
    }

    #[test]
    fn requests_and_answers_read_and_written() {
        for text in [
            "<iq from='a@b' to='c' id='1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq from='c' to='a@b' id='1' type='result'/>",
            "<iq id='' type='set'><query xmlns='jabber:iq:gateway'><prompt>sip:a</prompt></query></iq>",
            "<iq id='2' type='error'><ping xmlns='urn:xmpp:ping'/><error type='cancel'>\
             <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        ] {
            let mut out = Vec::new();
            read(text).unwrap().write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn what_rfc_6120_section_8_2_3_demands() {
        assert_eq!(read("<iq type='get'><a xmlns='u'/></iq>"), Err(Fault::IqWithoutId));
        assert_eq!(read("<iq id='1'><a xmlns='u'/></iq>"), Err(Fault::UnknownType));
        assert_eq!(read("<iq id='1' type='put'><a xmlns='u'/></iq>"), Err(Fault::UnknownType));
        assert_eq!(read("<iq id='1' type='get'/>"), Err(Fault::IqPayload));
        assert_eq!(
            read("<iq id='1' type='set'><a xmlns='u'/><b xmlns='u'/></iq>"),
            Err(Fault::IqPayload)
        );
    }
}
