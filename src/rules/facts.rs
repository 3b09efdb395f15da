//! What is known of a message, and so what a rule can ask for.

use crate::codec::sip::{HeaderName, Headers};
use crate::codec::xml::Element;

/// Which way something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// From XMPP to SIP.
    #[default]
    ToSip,
    /// From SIP to XMPP.
    ToXmpp,
}

impl Direction {
    /// The word in a rule.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Direction::ToSip => "to_sip",
            Direction::ToXmpp => "to_xmpp",
        }
    }
}

/// What a rule can ask for. Everything is borrowed: where no rule asks, nothing is computed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// Which way it goes.
    pub direction: Direction,
    /// The operator's name for the SIP peer.
    pub peer: Option<&'a str>,
    /// The sender's bare JID.
    pub from: &'a str,
    /// The addressee's bare JID.
    pub to: &'a str,
    /// `message`, `presence` or `iq`.
    pub stanza: &'static str,
    /// The type of the stanza.
    pub kind: &'a str,
    /// The method of the request.
    pub method: &'a str,
    /// The header of the request.
    pub headers: Option<&'a Headers>,
    /// The child elements of the stanza.
    pub children: &'a [Element],
    /// The status of the response.
    pub status: &'a str,
    /// The condition of the stanza error.
    pub condition: &'a str,
    /// The XMPP domain of an address.
    pub domain: &'a str,
    /// The key of a scheme of encryption, and its name with its number.
    pub scheme: [&'a str; 2],
}

/// One thing that a rule can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The sender.
    From,
    /// The addressee.
    To,
    /// The sender's domain.
    FromDomain,
    /// The addressee's domain.
    ToDomain,
    /// The peer.
    Peer,
    /// The status.
    Status,
    /// The condition.
    Condition,
    /// The user agent.
    Agent,
    /// The media type.
    ContentType,
    /// A namespace.
    Namespace,
    /// The method.
    Method,
    /// The stanza.
    Stanza,
    /// The type.
    Type,
    /// The direction.
    Direction,
    /// The XMPP domain of an address.
    Domain,
    /// The scheme of encryption.
    Scheme,
}

/// A field as an operator knows it.
pub(super) struct Described {
    pub(super) field: Field,
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    /// The words that it may be, where these are few.
    pub(super) words: &'static [&'static str],
}

const ANY: &[&str] = &[];

/// All fields, in the order of the reference.
pub(super) const FIELDS: [Described; 16] = [
    Described {
        field: Field::Direction,
        name: "direction",
        doc: "which way it goes",
        words: &["to_sip", "to_xmpp"],
    },
    Described {
        field: Field::Peer,
        name: "peer",
        doc: "the name of the SIP peer that it comes from, or that would be tried first",
        words: ANY,
    },
    Described { field: Field::From, name: "from", doc: "the sender's bare JID", words: ANY },
    Described { field: Field::To, name: "to", doc: "the addressee's bare JID", words: ANY },
    Described {
        field: Field::FromDomain,
        name: "from_domain",
        doc: "the domain of the sender's JID",
        words: ANY,
    },
    Described {
        field: Field::ToDomain,
        name: "to_domain",
        doc: "the domain of the addressee's JID",
        words: ANY,
    },
    Described {
        field: Field::Stanza,
        name: "stanza",
        doc: "the stanza, from XMPP",
        words: &["message", "presence", "iq"],
    },
    Described {
        field: Field::Type,
        name: "type",
        doc: "the type of the stanza, from XMPP; one without a type is `normal` or `available`. A presence document is `available` while a device in it is there",
        words: ANY,
    },
    Described {
        field: Field::Method,
        name: "method",
        doc: "the method of the request, in any case: of that which comes or goes, of an error of that which is refused",
        words: ANY,
    },
    Described {
        field: Field::ContentType,
        name: "content_type",
        doc: "the media type of the body without parameters, from SIP, in any case",
        words: ANY,
    },
    Described {
        field: Field::Agent,
        name: "agent",
        doc: "the User-Agent, from SIP, in any case",
        words: ANY,
    },
    Described {
        field: Field::Namespace,
        name: "namespace",
        doc: "the namespace of any child element of the stanza, from XMPP",
        words: ANY,
    },
    Described {
        field: Field::Status,
        name: "status",
        doc: "the status code of the response that is told to XMPP",
        words: ANY,
    },
    Described {
        field: Field::Condition,
        name: "condition",
        doc: "the condition of the stanza error that is told to SIP",
        words: ANY,
    },
    Described {
        field: Field::Domain,
        name: "domain",
        doc: "the domain of the JID that the address is, or becomes",
        words: ANY,
    },
    Described {
        field: Field::Scheme,
        name: "scheme",
        doc: "the scheme of encryption or signature that was met: its key, or that with its number, `omemo:2`",
        words: ANY,
    },
];

impl Field {
    /// Whether capital and small letters are the same in it.
    pub(super) fn folds(self) -> bool {
        matches!(self, Field::Agent | Field::ContentType | Field::Method)
    }

    /// The key in a rule.
    #[must_use]
    pub fn name(self) -> &'static str {
        let of = FIELDS.iter().find(|described| described.field == self);
        of.map_or("", |described| described.name)
    }
}

impl Facts<'_> {
    /// Whether some value of a field passes a test; a field without a value passes none.
    pub(super) fn any(&self, field: Field, mut test: impl FnMut(&str) -> bool) -> bool {
        let given = |text: &str, test: &mut dyn FnMut(&str) -> bool| !text.is_empty() && test(text);
        match field {
            Field::Direction => test(self.direction.name()),
            Field::Peer => self.peer.is_some_and(test),
            Field::From => given(self.from, &mut test),
            Field::To => given(self.to, &mut test),
            Field::FromDomain => given(domain(self.from), &mut test),
            Field::ToDomain => given(domain(self.to), &mut test),
            Field::Stanza => given(self.stanza, &mut test),
            Field::Type => given(self.kind, &mut test),
            Field::Method => given(self.method, &mut test),
            Field::Status => given(self.status, &mut test),
            Field::Condition => given(self.condition, &mut test),
            Field::Domain => given(self.domain, &mut test),
            Field::Scheme => self.scheme.iter().any(|name| given(name, &mut test)),
            Field::Namespace => self.children.iter().any(|child| test(&child.ns)),
            Field::ContentType => {
                let value = self.headers.and_then(Headers::content_type).unwrap_or_default();
                given(value.split(';').next().unwrap_or_default().trim(), &mut test)
            }
            Field::Agent => {
                let agent = self.headers.and_then(|headers| headers.get(&HeaderName::UserAgent));
                agent.is_some_and(|agent| given(&agent.to_text(), &mut test))
            }
        }
    }
}

fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain)
}
