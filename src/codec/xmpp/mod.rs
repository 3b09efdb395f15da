//! XMPP as a component speaks it: octets to stanzas and back.
//!
//! RFC 6120 (streams, stanzas), RFC 6121 (message, presence), XEP-0114
//! (components), RFC 7622 and XEP-0106 (addresses). No policy, no I/O, no
//! clock: [`framer::Framer`] cuts the stream, [`parse`] reads a stanza, and
//! each stanza writes itself.

mod domainpart;
pub mod framer;
#[cfg(test)]
mod framer_tests;
pub mod iq;
pub mod jid;
pub mod jid_escaping;
mod lex;
mod localpart;
pub mod message;
pub mod ns;
mod oversized;
pub mod payload;
pub mod presence;
mod resourcepart;
pub mod stanza;
pub mod stanza_error;
pub mod stream;
#[cfg(test)]
mod strict_oracle_tests;
#[cfg(test)]
mod strict_tests;
pub mod xmpp_uri;

pub use framer::{Frame, Framer};
pub use iq::{Iq, IqKind};
pub use jid::{Jid, JidError, domain_to_ascii, domain_to_unicode, localpart_from_user};
pub use message::{LangText, Message, MessageKind};
pub use payload::Payload;
pub use presence::{Presence, PresenceKind, Show};
pub use stanza::{Fault, Malformed, Stanza, StanzaKind, parse};
pub use stanza_error::{Condition, ErrorKind, StanzaError};
pub use stream::{StreamCondition, StreamContext, StreamError, StreamFault, StreamHeader};
