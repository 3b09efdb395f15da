//! Max-Forwards as a stanza header (XEP-0131 §3, RFC 7247 §8): it ends loops over gateways.

use crate::codec::sip::Request;
use crate::codec::xml::Element;
use crate::codec::xmpp::{Message, ns};

/// What a stanza says of the hops that it may still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::translate) enum Hops {
    /// None is left.
    Spent,
    /// The Max-Forwards of the request that it becomes.
    Left(u8),
}

/// Reads the header; without one, and with one that is no number, a request has what every new
/// request has.
pub(in crate::translate) fn hops(stanza: &Message) -> Hops {
    let headers = stanza.extension("headers", ns::SHIM);
    let mut headers = headers.into_iter().flat_map(Element::elements);
    let is_max_forwards = |header: &&Element| {
        let name = header.attr("name");
        header.is("header", ns::SHIM)
            && name.is_some_and(|name| name.eq_ignore_ascii_case("Max-Forwards"))
    };
    let value = headers.find(is_max_forwards).map(Element::text);
    match value.and_then(|value| value.trim().parse::<u32>().ok()) {
        Some(0) => Hops::Spent,
        // Never more than a request begins with (RFC 3261 §8.1.1.6): a user must not lengthen a loop.
        Some(hops) => {
            let left = u8::try_from(hops - 1).unwrap_or(u8::MAX);
            Hops::Left(left.min(Request::MAX_FORWARDS))
        }
        None => Hops::Left(Request::MAX_FORWARDS),
    }
}

/// The header with one hop less than the request had.
pub(super) fn element(max_forwards: Option<u8>) -> Element {
    let left = max_forwards.unwrap_or(Request::MAX_FORWARDS).saturating_sub(1);
    let header = Element::new("header", ns::SHIM)
        .with_attr("name", "Max-Forwards")
        .with_text(left.to_string());
    Element::new("headers", ns::SHIM).with_child(header)
}
