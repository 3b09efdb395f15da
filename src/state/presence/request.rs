//! SUBSCRIBE and NOTIFY as the gateway makes them (RFC 6665 §4.1.2, §4.2.2).

use super::dialog::Dialog;
use super::notifier::{self, Notifier};
use crate::codec::sip::Subscription as SubscriptionValue;
use crate::codec::sip::{
    CallId, HeaderName, HeaderValue, Method, NameAddr, Request, Scheme, SubscriptionState, Uri,
    UriBuilder,
};
use crate::config::{Listener, Transport};
use crate::flow::{Instant, PairId, PresenceBody, UserPair};
use crate::state::request::via;

/// The event package (RFC 3856).
pub(crate) const PRESENCE: &str = "presence";

/// The address of the gateway for one pair: its `gr` is the gateway's own, and tells nothing of
/// a device (RFC 5627).
pub(crate) fn contact(pair: PairId, user: &Uri, listener: &Listener) -> Option<NameAddr> {
    let (host, port) = (&listener.advertise.host, listener.advertise.port);
    let user = user.user_octets().unwrap_or_default();
    let mut builder = UriBuilder::new(Scheme::Sip, &user, host).port(port);
    if listener.transport == Transport::Tcp {
        builder = builder.param("transport", Some("tcp"));
    }
    Some(NameAddr::new(builder.gr(&format!("{:016x}", pair.0)).build().ok()?))
}

/// A request of a dialog, or the one that is to make it (RFC 3261 §12.2.1.1).
fn request(
    method: Method,
    pair: &UserPair,
    dialog: &Dialog,
    cseq: u32,
    listener: &Listener,
    branch: u64,
) -> Option<Request> {
    let to = dialog.remote_uri().unwrap_or_else(|| pair.sip_user_uri.clone());
    let mut to = NameAddr::new(to);
    let mut uri = pair.sip_user_uri.clone();
    let mut routes = Vec::new();
    if let Some(tag) = dialog.remote_tag() {
        to = to.with_tag(tag);
        routes = dialog.routes().collect();
        uri = dialog.target().unwrap_or(uri);
        // §12.2.1.1: a strict router has its own URI as the Request-URI, the target as last route.
        if let Some(first) = routes.first().filter(|first| !first.uri().is_loose_router()) {
            let first = first.uri().clone();
            routes.remove(0);
            routes.push(NameAddr::new(std::mem::replace(&mut uri, first)));
        }
    }
    let from = NameAddr::new(pair.xmpp_user_uri.clone()).with_tag(dialog.local_tag());
    let call_id = CallId::new(dialog.call_id().into()).ok()?;
    let mut request = Request::new(method, uri, via(listener, branch)?, from, to, call_id, cseq);
    for route in routes {
        request.headers.push(HeaderName::Route, route.to_value());
    }
    let contact = contact(pair.id, &pair.xmpp_user_uri, listener)?;
    request.headers.push(HeaderName::Contact, contact.to_value());
    Some(request)
}

/// SUBSCRIBE, for so many seconds and these media types.
pub(super) fn subscribe(
    pair: &UserPair,
    dialog: &Dialog,
    cseq: u32,
    (seconds, accept): (u32, &str),
    listener: &Listener,
    branch: u64,
) -> Option<Request> {
    let mut request = request(Method::Subscribe, pair, dialog, cseq, listener, branch)?;
    let headers = &mut request.headers;
    headers.push(HeaderName::Event, HeaderValue::text(PRESENCE));
    headers.push(HeaderName::Accept, HeaderValue::text(accept));
    headers.push(HeaderName::Expires, HeaderValue::text(&seconds.to_string()));
    Some(request)
}

/// Where a NOTIFY goes and what it is of.
pub(super) struct Notify<'a> {
    pub(super) pair: &'a UserPair,
    pub(super) dialog: &'a Dialog,
    pub(super) cseq: u32,
    pub(super) event_id: Option<&'a str>,
    pub(super) machine: &'a Notifier,
    pub(super) now: Instant,
    /// With a probation: when the SIP user may try again, in seconds.
    pub(super) retry_after: u32,
}

/// NOTIFY, with a document or without.
pub(super) fn notify(
    what: &Notify<'_>,
    written: Option<&PresenceBody>,
    listener: &Listener,
    branch: u64,
) -> Option<Request> {
    let Notify { pair, dialog, cseq, machine, .. } = *what;
    let mut request = request(Method::Notify, pair, dialog, cseq, listener, branch)?;
    let event = match what.event_id {
        Some(id) => format!("{PRESENCE};id={id}"),
        None => PRESENCE.to_owned(),
    };
    request.headers.push(HeaderName::Event, HeaderValue::text(&event));
    let left = u32::try_from((machine.expiry() - what.now).as_secs()).unwrap_or(u32::MAX);
    let state = match machine.state() {
        notifier::State::Pending => {
            SubscriptionValue::new(SubscriptionState::Pending).with_expires(left)
        }
        notifier::State::Active => {
            SubscriptionValue::new(SubscriptionState::Active).with_expires(left)
        }
        notifier::State::Terminated => {
            let reason = machine.reason();
            let state =
                SubscriptionValue::new(SubscriptionState::Terminated).with_reason(reason.name());
            match reason {
                notifier::Reason::Probation | notifier::Reason::GiveUp => {
                    state.with_retry_after(what.retry_after)
                }
                _ => state,
            }
        }
    };
    request.headers.push(HeaderName::SubscriptionState, &state);
    if let Some(written) = written {
        for header in written.headers.iter() {
            request.headers.push(header.name.clone(), header.value.clone());
        }
        request.body = written.body.clone();
    }
    Some(request)
}
