//! `<presence/>`, RFC 6121 §3 and §4.

use serde::{Deserialize, Serialize};

use super::message::LangText;
use super::stanza::{Fault, Head, write_head};
use super::stanza_error::StanzaError;
use super::stream::StreamContext;
use super::{Jid, ns};
use crate::codec::xml::{
    Element, Text, XmlFault,
    strict::{Event, Reader},
};

/// `type` of a presence stanza, RFC 6121 §4.7.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PresenceKind {
    /// No `type`.
    #[default]
    Available,
    /// RFC 6121 §4.5.
    Unavailable,
    /// RFC 6121 §3.1.
    Subscribe,
    /// RFC 6121 §3.1.
    Subscribed,
    /// RFC 6121 §3.3.
    Unsubscribe,
    /// RFC 6121 §3.2.
    Unsubscribed,
    /// RFC 6121 §4.3.
    Probe,
    /// RFC 6120 §8.3.
    Error,
}

impl PresenceKind {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "unavailable" => Self::Unavailable,
            "subscribe" => Self::Subscribe,
            "subscribed" => Self::Subscribed,
            "unsubscribe" => Self::Unsubscribe,
            "unsubscribed" => Self::Unsubscribed,
            "probe" => Self::Probe,
            "error" => Self::Error,
            _ => return None,
        })
    }

    /// The attribute's value; `None` for available, which has none.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Available => return None,
            Self::Unavailable => "unavailable",
            Self::Subscribe => "subscribe",
            Self::Subscribed => "subscribed",
            Self::Unsubscribe => "unsubscribe",
            Self::Unsubscribed => "unsubscribed",
            Self::Probe => "probe",
            Self::Error => "error",
        })
    }
}

/// `<show/>`, RFC 6121 §4.7.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Show {
    /// Temporarily away.
    Away,
    /// Interested in chatting.
    Chat,
    /// Do not disturb.
    Dnd,
    /// Away for long.
    Xa,
}

impl Show {
    /// The value of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "away" => Self::Away,
            "chat" => Self::Chat,
            "dnd" => Self::Dnd,
            "xa" => Self::Xa,
            _ => return None,
        })
    }

    /// The element's content.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Chat => "chat",
            Self::Dnd => "dnd",
            Self::Xa => "xa",
        }
    }
}

/// A presence stanza, RFC 6121 §4.7.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// Sender.
    pub from: Option<Jid>,
    /// Recipient.
    pub to: Option<Jid>,
    /// RFC 6120 §8.1.3.
    pub id: Option<Text>,
    /// RFC 6121 §4.7.1.
    pub kind: PresenceKind,
    /// The stanza's `xml:lang`, else the stream's.
    pub lang: Option<Text>,
    /// RFC 6121 §4.7.2.1; unknown values count as absent.
    pub show: Option<Show>,
    /// RFC 6121 §4.7.2.2.
    pub statuses: Vec<LangText>,
    /// RFC 6121 §4.7.2.3; a value outside of -128..=127 counts as absent.
    pub priority: Option<i8>,
    /// RFC 6120 §8.3.
    pub error: Option<StanzaError>,
    /// Children of other namespaces, RFC 6120 §8.4.
    pub extensions: Vec<Element>,
}

impl Presence {
    /// First child `name` of the namespace `ns`.
    #[must_use]
    pub fn extension(&self, name: &str, ns: &str) -> Option<&Element> {
        self.extensions.iter().find(|e| e.is(name, ns))
    }

    pub(super) fn read(reader: &mut Reader<'_>, context: &StreamContext) -> Result<Self, Fault> {
        let Head { from, to, id, lang } = Head::read(reader, context)?;
        let kind = match reader.attribute("type") {
            None => PresenceKind::Available,
            Some(kind) => PresenceKind::from_name(&kind.value).ok_or(Fault::UnknownType)?,
        };
        let mut presence = Self { from, to, id, kind, lang, ..Self::default() };
        loop {
            let (name, namespace) = match reader.next()? {
                Event::Start { name, ns } => (name, ns),
                Event::End => return Ok(presence),
                Event::Text(_) | Event::Char(_) => continue,
                Event::Eof => return Err(XmlFault::NotWellFormed.into()),
            };
            match name {
                "show" if ns::is_stanza(&namespace) => {
                    presence.show = Show::from_name(reader.read_text()?.trim());
                }
                "status" if ns::is_stanza(&namespace) => {
                    presence.statuses.push(LangText::read(reader)?);
                }
                "priority" if ns::is_stanza(&namespace) => {
                    presence.priority = reader.read_text()?.trim().parse().ok();
                }
                "error" if ns::is_stanza(&namespace) => {
                    presence.error = Some(StanzaError::read(reader)?);
                }
                _ => presence.extensions.push(Element::read(reader, name, namespace)?),
            }
        }
    }

    /// Appends the stanza, unprefixed, for a `jabber:component:accept` stream.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<presence");
        let head = (self.from.as_ref(), self.to.as_ref(), self.id.as_ref(), self.lang.as_ref());
        write_head(out, head, self.kind.name());
        let has_children = !(self.show.is_none()
            && self.statuses.is_empty()
            && self.priority.is_none()
            && self.error.is_none()
            && self.extensions.is_empty());
        if !has_children {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        if let Some(show) = self.show {
            out.extend_from_slice(b"<show>");
            out.extend_from_slice(show.name().as_bytes());
            out.extend_from_slice(b"</show>");
        }
        self.statuses.iter().for_each(|status| status.write(out, "status"));
        if let Some(priority) = self.priority {
            out.extend_from_slice(b"<priority>");
            out.extend_from_slice(priority.to_string().as_bytes());
            out.extend_from_slice(b"</priority>");
        }
        for extension in &self.extensions {
            extension.write(out, ns::COMPONENT_ACCEPT);
        }
        if let Some(error) = &self.error {
            error.write(out);
        }
        out.extend_from_slice(b"</presence>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::xml::Limits;
    use crate::codec::xmpp::{Stanza, parse};

    fn read(text: &str) -> Result<Presence, Fault> {
        let context = StreamContext::component(Limits::default());
        match parse(&context, text.to_owned().into()) {
            Ok(Stanza::Presence(presence)) => Ok(*presence),
            Ok(other) => panic!("{other:?}"),
            Err(malformed) => Err(malformed.fault),
        }
    }

    #[test]
    fn every_field_is_read_and_written() {
        let text = "<presence from='juliet@example.com/balcony' to='romeo@example.net' xml:lang='en'>\
            <show>away</show><status>be right back</status><status xml:lang='cs'>hned</status>\
            <priority>-1</priority><c xmlns='http://jabber.org/protocol/caps' ver='x'/></presence>";
        let presence = read(text).unwrap();
        assert_eq!((presence.show, presence.priority), (Some(Show::Away), Some(-1)));
        assert_eq!(presence.statuses.len(), 2);
        assert!(presence.extension("c", ns::CAPS).is_some());
        let mut out = Vec::new();
        presence.write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }

    #[test]
    fn all_types_read_and_written() {
        let types = [
            "unavailable",
            "subscribe",
            "subscribed",
            "unsubscribe",
            "unsubscribed",
            "probe",
            "error",
        ];
        for name in types {
            let text = format!("<presence type='{name}'/>");
            let presence = read(&text).unwrap();
            assert_eq!(presence.kind.name(), Some(name));
            let mut out = Vec::new();
            presence.write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        assert_eq!(read("<presence/>").unwrap().kind, PresenceKind::Available);
        assert_eq!(read("<presence type='available'/>"), Err(Fault::UnknownType));
    }

    #[test]
    fn odd_show_and_priority_count_as_absent() {
        for (text, show, priority) in [
            ("<show> dnd\n</show><priority> 127 </priority>", Some(Show::Dnd), Some(127)),
            ("<show>online</show><priority>128</priority>", None, None),
            ("<show/><priority/>", None, None),
            ("<priority>+5</priority>", None, Some(5)),
        ] {
            let presence = read(&format!("<presence>{text}</presence>")).unwrap();
            assert_eq!((presence.show, presence.priority), (show, priority), "{text}");
        }
    }
}
