//! SIP between octets and types (RFC 3261), without policy, input or output, or a clock.
//!
//! [`parse()`] and [`parse_datagram`] turn octets into a [`Message`] or say, as a [`Malformed`],
//! what is wrong with them and how to answer; [`Framer`] cuts a byte stream into messages; and
//! [`Request::write`] and [`Response::write`] print. A value that exists is legal: no field of a
//! message can carry a line end onto the wire.
//!
//! Text is a zero-copy slice of the received buffer and keeps that buffer alive; state that
//! outlives a transaction holds [`detach`]ed copies.

mod accept;
mod accept_language;
mod addr_spec;
mod auth;
mod chars;
mod cseq;
mod date;
mod digest;
mod event;
mod fields;
mod framing;
#[cfg(test)]
mod grammar_tests;
mod head;
mod header;
mod header_name;
mod header_value;
mod host;
mod list;
mod long_head;
mod malformed;
mod message;
mod method;
mod name_addr;
mod param;
mod parse;
pub mod percent;
#[cfg(test)]
mod properties;
mod reason_phrase;
mod salvage;
mod status;
mod subscription_state;
mod token;
mod transport;
mod uri;
mod uri_builder;
mod uri_equivalence;
mod via;
mod warning;
mod write;

pub(in crate::codec) use accept::quality as thousandths;
pub use accept::{Accept, MediaRange};
pub use auth::{Challenge, Credentials};
pub use cseq::CSeq;
pub use date::Date;
pub use digest::{Account, Asked, Signed, asked, asked_by};
pub use event::Event;
pub use framing::{Frame, Framer, FramingError};
pub use header::{Header, Headers};
pub use header_name::{ExtensionName, HeaderName};
pub use header_value::HeaderValue;
pub use host::Host;
pub use list::Items;
pub use malformed::{Limits, Malformed, MalformedKind};
pub use message::{Message, Request, Response};
pub use method::{ExtensionMethod, Method};
pub use name_addr::NameAddr;
pub use param::{ParamIter, Params};
pub use parse::{parse, parse_datagram, parse_datagram_within, parse_within};
pub use reason_phrase::ReasonPhrase;
pub use status::{Status, StatusClass};
pub use subscription_state::{Subscription, SubscriptionState};
pub use token::{CallId, Token, ValueError};
pub use transport::Transport;
pub use uri::{KeptUri, Scheme, Uri, UriError};
pub use uri_builder::UriBuilder;
pub use via::Via;
pub use warning::Warning;

/// UTF-8 text as a slice of a received buffer: cheap to clone, never copied while parsing.
pub type Text = bytestring::ByteString;

/// The text without SP and HTAB at its ends.
fn trimmed(text: Text) -> Text {
    let inner = chars::trim(&text);
    if inner.len() == text.len() { text } else { text.slice_ref(inner) }
}

/// A copy of `text` which no longer keeps the received buffer alive.
///
/// Dialogs and subscriptions live for hours; a slice of a 64 KiB datagram in each would too.
#[must_use]
pub fn detach(text: &Text) -> Text {
    Text::from(&**text)
}
