//! The requests that the gateway makes (RFC 3261 §8.1.1).

use bytes::Bytes;

use super::delivery::RequestIds;
use crate::codec::sip::{
    CallId, HeaderName, HeaderValue, Message, Method, NameAddr, Request, Transport, Uri, Via, parse,
};
use crate::config::{self, Listener, Peer};
use crate::flow::{Outbound, Profile, Rendered};

/// The hop of a request of ours (RFC 3261 §8.1.1.7). `None` for an address that no Via can hold,
/// which the configuration has ruled out.
pub(super) fn via(listener: &Listener, branch: u64) -> Option<Via> {
    let transport = match listener.transport {
        config::Transport::Udp => Transport::Udp,
        config::Transport::Tcp => Transport::Tcp,
    };
    let (host, port) = (&listener.advertise.host, listener.advertise.port);
    let mut text = String::with_capacity(Via::COOKIE.len() + 16);
    text.push_str(Via::COOKIE);
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    for octet in branch.to_be_bytes() {
        text.push(digit(octet >> 4));
        text.push(digit(octet & 15));
    }
    Via::new(transport, host, Some(port), &text).ok()
}

/// The client transaction that a branch of ours names.
pub(crate) fn branch_of(branch: &str) -> Option<u64> {
    let digits = branch.strip_prefix(Via::COOKIE)?;
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// A request of ours, as it is read back.
pub(super) struct Known {
    /// Its client transaction.
    pub(super) branch: u64,
    /// Its place in its conversation.
    pub(super) dialogue: RequestIds,
    /// The form of its body.
    pub(super) profile: Profile,
}

/// Reads a MESSAGE of ours back.
pub(super) fn known(octets: &Bytes) -> Option<Known> {
    let Ok(Message::Request(request)) = parse(octets.clone()) else { return None };
    let branch = branch_of(request.via.first()?.branch()?)?;
    let tag = request.from.tag()?.to_owned();
    let profile = match request.headers.content_type() {
        Some("message/cpim") => Profile::Cpim,
        _ => Profile::Text,
    };
    let dialogue = RequestIds { call_id: request.call_id, tag, cseq: request.cseq.number };
    Some(Known { branch, dialogue, profile })
}

/// A MESSAGE (RFC 3428 §4).
pub(super) fn message(
    outbound: &Outbound,
    rendered: &Rendered,
    dialogue: &RequestIds,
    listener: &Listener,
    branch: u64,
) -> Option<Request> {
    let mut request = Request::new(
        Method::Message,
        outbound.target.clone(),
        via(listener, branch)?,
        outbound.from.with_tag(&dialogue.tag),
        outbound.to.clone(),
        dialogue.call_id.clone(),
        dialogue.cseq,
    );
    request.max_forwards = Some(rendered.max_forwards);
    request.headers = rendered.headers.clone();
    request.body = rendered.body.clone();
    Some(request)
}

/// A request of ours once more, as a transaction of its own.
pub(super) fn once_more(
    octets: &Bytes,
    listener: &Listener,
    branch: u64,
    change: impl FnOnce(&mut Request),
) -> Option<Bytes> {
    let Ok(Message::Request(mut request)) = parse(octets.clone()) else { return None };
    request.via = vec![via(listener, branch)?];
    change(&mut request);
    Some(request.to_bytes())
}

/// OPTIONS to a peer (RFC 3261 §11.1).
pub(super) fn options(
    peer: &Peer,
    listener: &Listener,
    call_id: CallId,
    tag: &str,
    branch: u64,
) -> Option<Bytes> {
    let from = Uri::parse(format!("sip:{}", listener.advertise).into()).ok()?;
    let mut request = Request::new(
        Method::Options,
        peer.uri.clone(),
        via(listener, branch)?,
        NameAddr::new(from).with_tag(tag),
        NameAddr::new(peer.uri.clone()),
        call_id,
        1,
    );
    request.headers.push(HeaderName::Accept, HeaderValue::text("text/plain, message/cpim"));
    let agent = concat!("stox/", env!("CARGO_PKG_VERSION"));
    request.headers.push(HeaderName::UserAgent, HeaderValue::text(agent));
    Some(request.to_bytes())
}

/// OPTIONS outside any state, to try a peer once.
pub(crate) fn single_options(peer: &Peer, listener: &Listener) -> Option<Bytes> {
    options(peer, listener, CallId::new("check".into()).ok()?, "check", 0)
}
