//! XMPP as a component speaks it: octets to stanzas and back.
//!
//! RFC 6120 (streams, stanzas), RFC 6121 (message, presence), XEP-0114
//! (components), RFC 7622 and XEP-0106 (addresses). No policy, no I/O, no
//! clock: [`framer::Framer`] cuts the stream, [`parse`] reads a stanza, and
//! each stanza writes itself.

mod accumulator;
mod domainpart;
pub mod element;
pub mod escape;
pub mod framer;
#[cfg(test)]
mod framer_tests;
pub mod iq;
pub mod jid;
pub mod jid_escaping;
mod lex;
mod lexical;
mod localpart;
pub mod message;
pub mod ns;
mod oversized;
pub mod payload;
pub mod presence;
mod resourcepart;
mod scope;
pub mod stanza;
pub mod stanza_error;
pub mod stream;
pub(crate) mod strict;
#[cfg(test)]
mod strict_oracle_tests;
#[cfg(test)]
mod strict_tests;
mod xml_fault;
pub mod xmpp_uri;

pub use element::{Attr, Element, Node};
pub use framer::{Frame, Framer};
pub use iq::{Iq, IqKind};
pub use jid::{Jid, JidError, domain_to_ascii, domain_to_unicode, localpart_from_user};
pub use message::{LangText, Message, MessageKind};
pub use payload::Payload;
pub use presence::{Presence, PresenceKind, Show};
pub use stanza::{Fault, Malformed, Stanza, StanzaKind, parse};
pub use stanza_error::{Condition, ErrorKind, StanzaError};
pub use stream::{StreamCondition, StreamContext, StreamError, StreamFault, StreamHeader};
pub use xml_fault::XmlFault;

/// Text of a stanza: a slice of the octets it came in, cheap to clone.
///
/// It keeps the whole stanza alive. State that outlives the handling of the
/// stanza copies what it needs: [`detach`].
pub type Text = bytestring::ByteString;

/// A copy of `text` that no longer shares memory with a stanza.
#[must_use]
pub fn detach(text: &Text) -> Text {
    Text::from(&**text)
}

/// Bounds on what the peer may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of one stanza. RFC 6120 §13.12 asks for at least 10,000.
    pub max_stanza_octets: usize,
    /// Octets before and of the stream header.
    pub max_header_octets: usize,
    /// Depth of nested elements, the stanza itself being 1.
    pub max_depth: u32,
    /// Attributes and namespace declarations of one element.
    pub max_attributes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Prosody's limit for server streams is 512 KiB, for clients 256 KiB.
            max_stanza_octets: 262_144,
            max_header_octets: 8_192,
            max_depth: 32,
            max_attributes: 64,
        }
    }
}
