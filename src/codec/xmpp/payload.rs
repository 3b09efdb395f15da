//! What a child of a message carries, by its name and namespace: one closed list for all of them.

use super::{Message, MessageKind, ns};
use crate::codec::xml::Element;

/// What a child of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Payload {
    /// The same text with its formatting, XEP-0071.
    Html,
    /// A file and where it lies, XEP-0447, XEP-0385.
    File,
    /// A link, XEP-0066.
    Link,
    /// A place, XEP-0080.
    Location,
    /// An invitation to a room, from the one who invites, XEP-0249.
    Invitation,
    /// An invitation to a room, from the room, XEP-0045 §7.8.2.
    MediatedInvitation,
    /// Reactions to a message, XEP-0444.
    Reactions,
    /// A wish to be noticed, XEP-0224.
    Attention,
    /// The proposal of a call, XEP-0353, XEP-0482.
    Call,
    /// A message is taken back, XEP-0424.
    Retraction,
    /// A message takes the place of another one, XEP-0308.
    Correction,
    /// A form, XEP-0004.
    Form,
    /// What a client or a server sends or adds by itself.
    Automatic,
    /// Anything else.
    Unknown,
}

/// Namespaces of what people write, choose or do, with the name of the element.
const BY_NAME: [(&str, &str, Payload); 14] = [
    ("html", ns::XHTML_IM, Payload::Html),
    ("file-sharing", ns::FILE_SHARING, Payload::File),
    ("sources", ns::FILE_SHARING, Payload::File),
    ("x", ns::OOB, Payload::Link),
    ("geoloc", ns::GEOLOC, Payload::Location),
    ("x", ns::CONFERENCE, Payload::Invitation),
    ("reactions", ns::REACTIONS, Payload::Reactions),
    ("attention", ns::ATTENTION, Payload::Attention),
    ("propose", "urn:xmpp:jingle-message:0", Payload::Call),
    ("propose", "urn:xmpp:jingle-message:1", Payload::Call),
    ("invite", "urn:xmpp:call-invites:0", Payload::Call),
    ("retract", "urn:xmpp:message-retract:0", Payload::Retraction),
    ("retract", "urn:xmpp:message-retract:1", Payload::Retraction),
    ("replace", ns::CORRECT, Payload::Correction),
];

/// Namespaces of what a client or a server sends by itself, or adds to what a person wrote.
const AUTOMATIC: [&str; 45] = [
    // What a person does and a client tells: typing, received, read.
    ns::CHAT_STATES,
    ns::RECEIPTS,
    ns::MARKERS,
    ns::EVENT,
    "urn:xmpp:rtt:0",
    "urn:xmpp:mds:displayed:0",
    // What follows the proposal of a call; the proposal itself stands above.
    "urn:xmpp:jingle-message:0",
    "urn:xmpp:jingle-message:1",
    "urn:xmpp:call-invites:0",
    // Publications that were subscribed to (XEP-0163).
    "http://jabber.org/protocol/pubsub#event",
    "http://jabber.org/protocol/pubsub",
    // Copies and archives.
    ns::CARBONS,
    ns::FORWARD,
    "urn:xmpp:mam:1",
    "urn:xmpp:mam:2",
    "urn:xmpp:archive",
    "http://jabber.org/protocol/archive",
    "google:nosave",
    // How a message is to be handled, and on which way it came.
    ns::HINTS,
    ns::STANZA_ID,
    ns::DELAY,
    "jabber:x:delay",
    ns::SHIM,
    ns::PRIVILEGE,
    "http://jabber.org/protocol/amp",
    "http://jabber.org/protocol/address",
    "urn:xmpp:ephemeral:0",
    "urn:xmpp:sec-label:0",
    // What says something about the text beside it.
    ns::FALLBACK,
    ns::EME,
    ns::PGP_SIGNED,
    "urn:xmpp:reply:0",
    "urn:xmpp:reference:0",
    "urn:xmpp:styling:0",
    "urn:xmpp:markup:0",
    "urn:xmpp:spoiler:0",
    "urn:xmpp:stickers:0",
    "urn:xmpp:bob",
    "urn:xmpp:thread:0",
    // What says something about the sender.
    ns::NICK,
    ns::CAPS,
    ns::IDLE,
    ns::MUC_USER,
    "vcard-temp:x:update",
    "urn:xmpp:occupant-id:0",
];

impl Payload {
    /// What an element is.
    #[must_use]
    pub fn of(element: &Element) -> Self {
        let Element { name, ns, .. } = element;
        if let Some((.., payload)) = BY_NAME.iter().find(|(of, in_ns, _)| name == of && ns == in_ns)
        {
            return *payload;
        }
        match (&**name, &**ns) {
            ("x", ns::MUC_USER) if element.child("invite", ns::MUC_USER).is_some() => {
                Payload::MediatedInvitation
            }
            ("x", ns::MUC_USER) if element.child("decline", ns::MUC_USER).is_some() => {
                Payload::Unknown
            }
            ("reference", _) if element.child("media-sharing", ns::MEDIA_SHARING).is_some() => {
                Payload::File
            }
            // XEP-0424 before its version 0.4 fastened a retraction (XEP-0422).
            ("apply-to", "urn:xmpp:fasten:0") => {
                let retracts = element.elements().any(|child| child.name == "retract");
                if retracts { Payload::Retraction } else { Payload::Unknown }
            }
            ("x", ns::DATA_FORMS) => Payload::Form,
            (_, ns) if AUTOMATIC.contains(&ns) => Payload::Automatic,
            _ => Payload::Unknown,
        }
    }
}

impl Message {
    /// Whether nothing in it was written, chosen or done by a person: who sent it expects nothing
    /// of it, not even an error.
    #[must_use]
    pub fn is_automatic(&self) -> bool {
        let said = |texts: &[super::LangText]| texts.iter().any(|text| !text.text.is_empty());
        let by_itself = |child: &Element| Payload::of(child) == Payload::Automatic;
        !self.has_text() && !said(&self.subjects) && self.extensions.iter().all(by_itself)
    }

    /// Whether an error may answer it: a headline expects no reply (RFC 6121 §5.2.2), an error
    /// must have none (RFC 6120 §8.3.1).
    #[must_use]
    pub fn may_be_answered(&self) -> bool {
        !matches!(self.kind, MessageKind::Headline | MessageKind::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::xml::Limits;
    use crate::codec::xmpp::{Stanza, StreamContext, parse};

    fn message(children: &str) -> Message {
        let context = StreamContext::component(Limits::default());
        match parse(&context, format!("<message>{children}</message>").into()) {
            Ok(Stanza::Message(message)) => *message,
            other => panic!("{other:?}"),
        }
    }

    fn payload(child: &str) -> Payload {
        Payload::of(&message(child).extensions[0])
    }

    #[test]
    fn a_name_counts_in_its_namespace_alone() {
        assert_eq!(payload("<x xmlns='jabber:x:oob'/>"), Payload::Link);
        assert_eq!(payload("<x xmlns='jabber:x:conference'/>"), Payload::Invitation);
        assert_eq!(payload("<x xmlns='jabber:x:data'/>"), Payload::Form);
        assert_eq!(payload("<x xmlns='urn:example:x'/>"), Payload::Unknown);
        assert_eq!(payload("<propose xmlns='urn:xmpp:jingle-message:0'/>"), Payload::Call);
        assert_eq!(payload("<ringing xmlns='urn:xmpp:jingle-message:0'/>"), Payload::Automatic);
    }

    #[test]
    fn what_a_room_tells_is_automatic_and_its_invitation_is_not() {
        let muc = |inner: &str| format!("<x xmlns='{}'>{inner}</x>", ns::MUC_USER);
        assert_eq!(payload(&muc("")), Payload::Automatic);
        assert_eq!(payload(&muc("<status code='104'/>")), Payload::Automatic);
        assert_eq!(payload(&muc("<invite from='a@b'/>")), Payload::MediatedInvitation);
        assert_eq!(payload(&muc("<decline from='a@b'/>")), Payload::Unknown);
    }

    #[test]
    fn what_a_person_said_is_not_automatic() {
        let state = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
        for silent in ["", state, "<body/>", "<subject/><thread>t</thread>"] {
            assert!(message(silent).is_automatic(), "{silent}");
        }
        for said in ["<body>x</body>", "<subject>x</subject>", "<foo xmlns='urn:x'/>"] {
            assert!(!message(&format!("{state}{said}")).is_automatic(), "{said}");
        }
    }
}
