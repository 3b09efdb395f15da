//! `<message/>`, RFC 6121 §5.

use serde::{Deserialize, Serialize};

use super::stanza::{Fault, Head, write_head};
use super::stanza_error::StanzaError;
use super::stream::StreamContext;
use super::{Jid, ns};
use crate::codec::xml::{
    Element, Text, XmlFault,
    escape::{write_attribute, write_text},
    strict::{Event, Reader},
};

/// Text with the language it declares itself; `None` means the stanza's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LangText {
    /// `xml:lang` of the element, RFC 6120 §8.1.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<Text>,
    /// The element's character data.
    pub text: Text,
}

/// `type` of a message, RFC 6121 §5.2.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// Also if the attribute is absent or unknown.
    #[default]
    Normal,
    /// One-to-one conversation.
    Chat,
    /// From or to a room.
    Groupchat,
    /// No reply expected.
    Headline,
    /// About an earlier stanza.
    Error,
}

impl MessageKind {
    fn from_name(name: &str) -> Self {
        match name {
            "chat" => Self::Chat,
            "groupchat" => Self::Groupchat,
            "headline" => Self::Headline,
            "error" => Self::Error,
            _ => Self::Normal,
        }
    }

    /// The attribute's value; `None` for the default, which is not written.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Normal => None,
            Self::Chat => Some("chat"),
            Self::Groupchat => Some("groupchat"),
            Self::Headline => Some("headline"),
            Self::Error => Some("error"),
        }
    }
}

/// A message stanza, RFC 6121 §5.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Sender.
    pub from: Option<Jid>,
    /// Recipient.
    pub to: Option<Jid>,
    /// RFC 6120 §8.1.3.
    pub id: Option<Text>,
    /// RFC 6121 §5.2.2.
    pub kind: MessageKind,
    /// The stanza's `xml:lang`, else the stream's.
    pub lang: Option<Text>,
    /// RFC 6121 §5.2.3.
    pub bodies: Vec<LangText>,
    /// RFC 6121 §5.2.4.
    pub subjects: Vec<LangText>,
    /// RFC 6121 §5.2.5.
    pub thread: Option<Text>,
    /// RFC 6120 §8.3.
    pub error: Option<StanzaError>,
    /// Children of other namespaces, RFC 6120 §8.4.
    pub extensions: Vec<Element>,
}

impl Message {
    /// First child `name` of the namespace `ns`.
    #[must_use]
    pub fn extension(&self, name: &str, ns: &str) -> Option<&Element> {
        self.extensions.iter().find(|e| e.is(name, ns))
    }

    /// Whether there is anything to read.
    #[must_use]
    pub fn has_text(&self) -> bool {
        self.bodies.iter().any(|body| !body.text.is_empty())
    }

    /// Whether it is around a copy of a message that was meant for others (XEP-0280, XEP-0297).
    #[must_use]
    pub fn is_wrapped(&self) -> bool {
        self.is_carbon() || self.extensions.iter().any(|child| &*child.ns == ns::FORWARD)
    }

    /// Whether it is around a carbon copy; `<private/>` asks for none (XEP-0280 §9).
    #[must_use]
    pub fn is_carbon(&self) -> bool {
        let is_copy = |child: &Element| {
            &*child.ns == ns::CARBONS && matches!(&*child.name, "sent" | "received")
        };
        self.extensions.iter().any(is_copy)
    }

    pub(super) fn read(reader: &mut Reader<'_>, context: &StreamContext) -> Result<Self, Fault> {
        let Head { from, to, id, lang } = Head::read(reader, context)?;
        let kind = reader.attribute("type").map(|a| MessageKind::from_name(&a.value));
        let mut message =
            Self { from, to, id, lang, kind: kind.unwrap_or_default(), ..Self::default() };
        loop {
            let (name, namespace) = match reader.next()? {
                Event::Start { name, ns } => (name, ns),
                Event::End => return Ok(message),
                Event::Text(_) | Event::Char(_) => continue,
                Event::Eof => return Err(XmlFault::NotWellFormed.into()),
            };
            match name {
                "body" if ns::is_stanza(&namespace) => message.bodies.push(LangText::read(reader)?),
                "subject" if ns::is_stanza(&namespace) => {
                    message.subjects.push(LangText::read(reader)?);
                }
                "thread" if ns::is_stanza(&namespace) => message.thread = Some(reader.read_text()?),
                "error" if ns::is_stanza(&namespace) => {
                    message.error = Some(StanzaError::read(reader)?);
                }
                _ => message.extensions.push(Element::read(reader, name, namespace)?),
            }
        }
    }

    /// Appends the stanza, unprefixed, for a `jabber:component:accept` stream.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<message");
        let head = (self.from.as_ref(), self.to.as_ref(), self.id.as_ref(), self.lang.as_ref());
        write_head(out, head, self.kind.name());
        let has_children = !(self.bodies.is_empty()
            && self.subjects.is_empty()
            && self.thread.is_none()
            && self.error.is_none()
            && self.extensions.is_empty());
        if !has_children {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        self.subjects.iter().for_each(|subject| subject.write(out, "subject"));
        self.bodies.iter().for_each(|body| body.write(out, "body"));
        if let Some(thread) = &self.thread {
            out.extend_from_slice(b"<thread>");
            write_text(out, thread);
            out.extend_from_slice(b"</thread>");
        }
        for extension in &self.extensions {
            extension.write(out, ns::COMPONENT_ACCEPT);
        }
        if let Some(error) = &self.error {
            error.write(out);
        }
        out.extend_from_slice(b"</message>");
    }
}

impl LangText {
    /// Text in the language of the stanza.
    #[must_use]
    pub fn plain(text: impl Into<Text>) -> Self {
        Self { lang: None, text: text.into() }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, XmlFault> {
        let lang = reader.lang();
        Ok(Self { lang, text: reader.read_text()? })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, name: &str) {
        out.push(b'<');
        out.extend_from_slice(name.as_bytes());
        if let Some(lang) = &self.lang {
            write_attribute(out, "xml:lang", lang);
        }
        out.push(b'>');
        write_text(out, &self.text);
        out.extend_from_slice(b"</");
        out.extend_from_slice(name.as_bytes());
        out.push(b'>');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::xml::Limits;
    use crate::codec::xmpp::{Condition, Stanza, parse};
    use proptest::prelude::*;

    fn parsed(text: &str) -> Message {
        let mut context = StreamContext::component(Limits::default());
        context.lang = Some("en".into());
        match parse(&context, text.to_owned().into()) {
            Ok(Stanza::Message(message)) => *message,
            other => panic!("{other:?}"),
        }
    }

    fn written(message: &Message) -> String {
        let mut out = Vec::new();
        message.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_field_is_read_and_written() {
        let text = "<message from='juliet@example.com/balcony' to='romeo@example.net' id='ktx72v49' \
            type='chat' xml:lang='cs'><subject xml:lang='en'>s</subject><body>Pro\u{10D}e\u{17E} &amp;</body>\
            <body xml:lang='en'>why</body><thread>e0ffe42b</thread>\
            <active xmlns='http://jabber.org/protocol/chatstates'/></message>";
        let message = parsed(text);
        assert_eq!(message.from.as_ref().unwrap().resource(), Some("balcony"));
        assert_eq!(message.lang.as_deref(), Some("cs"));
        assert_eq!(message.bodies[0], LangText::plain("Pro\u{10D}e\u{17E} &"));
        assert_eq!(message.bodies[1].lang.as_deref(), Some("en"));
        assert!(message.extension("active", ns::CHAT_STATES).is_some());
        assert_eq!(written(&message), text);
    }

    #[test]
    fn stream_language_is_the_default() {
        assert_eq!(parsed("<message/>").lang.as_deref(), Some("en"));
        assert_eq!(parsed("<message xml:lang=''/>").lang.as_deref(), Some("en"));
        assert_eq!(parsed("<message><body>x</body></message>").bodies[0].lang, None);
    }

    #[test]
    fn unknown_type_is_normal() {
        assert_eq!(parsed("<message type='novel'/>").kind, MessageKind::Normal);
        for kind in ["chat", "groupchat", "headline", "error"] {
            assert_eq!(parsed(&format!("<message type='{kind}'/>")).kind.name(), Some(kind));
        }
    }

    #[test]
    fn children_of_other_namespaces_are_extensions() {
        let message = parsed(
            "<message><body xmlns='http://www.w3.org/1999/xhtml'>x</body><x/>\
             <body xmlns='jabber:client'>y</body> stray </message>",
        );
        assert_eq!(message.bodies, [LangText::plain("y")]);
        assert!(message.extensions[0].is("body", "http://www.w3.org/1999/xhtml"));
        assert!(message.extensions[1].is("x", ns::COMPONENT_ACCEPT));
        assert_eq!(parsed(&written(&message)).extensions, message.extensions);
    }

    #[test]
    fn elements_within_a_body_are_skipped() {
        assert_eq!(parsed("<message><body>a<b>c</b>d</body></message>").bodies[0].text, "ad");
    }

    #[test]
    fn msg_051_illegal_characters_never_reach_the_stream() {
        let message = Message {
            bodies: vec![LangText::plain("a\u{1}b\u{ffff}")],
            id: Some("i\u{0}d".into()),
            thread: Some("t\u{fffe}".into()),
            ..Message::default()
        };
        let text = written(&message);
        assert_eq!(
            text,
            "<message id='i\u{fffd}d'><body>a\u{fffd}b\u{fffd}</body><thread>t\u{fffd}</thread></message>"
        );
        parsed(&text);
    }

    #[test]
    fn foreign_attributes_keep_their_namespace() {
        let message = parsed(
            "<message xmlns:y='urn:y'><x xmlns='urn:x' y:a='1' a='2' xml:lang='de'><z xmlns=''>t</z></x></message>",
        );
        assert_eq!(parsed(&written(&message)).extensions, message.extensions);
    }

    fn text() -> impl Strategy<Value = Text> {
        "[a-z &<>'\"\\]\t\n\u{e9}\u{1F600}]{0,12}|\\PC{0,8}".prop_map(Text::from)
    }

    fn lang_text() -> impl Strategy<Value = LangText> {
        let lang = prop::option::of("[a-z]{2}".prop_map(Text::from));
        (lang, text()).prop_map(|(lang, text)| LangText { lang, text })
    }

    fn element() -> impl Strategy<Value = Element> {
        let leaf = ("[a-z]{1,4}", "(urn:[a-z])?", prop::collection::vec(text(), 0..2)).prop_map(
            |(name, ns, texts)| {
                let element = Element { name: name.into(), ns: ns.into(), ..Element::default() };
                texts
                    .into_iter()
                    .filter(|t| !t.is_empty())
                    .take(1)
                    .fold(element, Element::with_text)
            },
        );
        leaf.prop_recursive(3, 8, 3, |inner| {
            let attrs = prop::collection::btree_map("[a-z]{1,3}", text(), 0..3);
            ("[a-z]{1,4}", "urn:[a-z]", attrs, prop::collection::vec(inner, 0..3)).prop_map(
                |(name, ns, attrs, children)| {
                    let attr = |(name, value): (String, Text)| crate::codec::xml::Attr {
                        ns: None,
                        name: name.into(),
                        value,
                    };
                    Element {
                        name: name.into(),
                        ns: ns.into(),
                        attrs: attrs.into_iter().map(attr).collect(),
                        children: children
                            .into_iter()
                            .map(crate::codec::xml::Node::Element)
                            .collect(),
                    }
                },
            )
        })
    }

    prop_compose! {
        fn message()(
            id in prop::option::of(text()),
            lang in "[a-z]{2}",
            bodies in prop::collection::vec(lang_text(), 0..3),
            subjects in prop::collection::vec(lang_text(), 0..2),
            thread in prop::option::of(text()),
            extensions in prop::collection::vec(element(), 0..3),
            is_error in any::<bool>(),
        ) -> Message {
            let error = || StanzaError::new(Condition::Gone(Some("xmpp:a@b".into()))).with_text("x");
            Message {
                from: Some(Jid::parse("a@b/c'd").unwrap()),
                to: Some(Jid::parse("\u{3c0}@b").unwrap()),
                id, bodies, subjects, thread, extensions,
                lang: Some(lang.into()),
                kind: if is_error { MessageKind::Error } else { MessageKind::Chat },
                error: is_error.then(error),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_and_is_written_the_same(message in message()) {
            let text = written(&message);
            let read = parsed(&text);
            prop_assert_eq!(&written(&read), &text);
            prop_assert_eq!(read, message);
        }
    }
}
