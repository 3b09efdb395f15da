//! SUBSCRIBE and NOTIFY: whether they may pass, and which subscription they are of.

use std::sync::Arc;

use super::admission::{Accepted, accept, extensions, loops, method, trusted};
use super::peer::{first_peer, peer_at};
use super::presence::{is_native, pair};
use super::sip::{answer, stanza_id};
use super::{View, target};
use crate::codec::pidf;
use crate::codec::sip::{Event, HeaderName, Method, NameAddr, Request, Scheme, Uri};
use crate::config::Service;
use crate::flow::{
    AcceptedTypes, BodyRequest, Cause, Correlation, Device, DialogId, Document, Fault, Flow,
    LocalResponse, NotifyRequest, PairId, PresenceRouted, Routed, SubscribeRequest, UserPair,
};
use crate::state::presence::notifier::{Reason, State as NotifierState};
use crate::state::presence::pair::{NotifierSide, Subscription};
use crate::state::presence::request::PRESENCE;

/// Either request.
pub(super) fn routed(view: View<'_>, flow: Flow, key: u64, request: Box<Request>) -> Routed {
    let routed = match (&request.method, request.to.tag()) {
        (Method::Notify, _) => notify(view, flow, key, &request),
        (_, None) => first(view, flow, key, &request),
        (_, Some(_)) => again(view, flow, key, &request),
    };
    routed.unwrap_or_else(|refusal| answer(flow, request, *refusal))
}

type Refused = Box<LocalResponse>;

/// Proxies between a watcher and the gateway that may record their route.
const ROUTES: usize = 10;

/// The checks of a request in a dialog.
fn in_dialog(view: View<'_>, flow: &Flow, request: &Request) -> Result<DialogId, Refused> {
    trusted(view, flow)?;
    method(&request.method)?;
    loops(view, request)?;
    extensions(request)?;
    small(view, request)?;
    let tag = request.to.tag().unwrap_or_default();
    Ok(view.state.dialog_id(&request.call_id, tag))
}

fn unknown() -> Refused {
    Box::new(LocalResponse::unknown_subscription())
}

/// RFC 6665 §4.1.3: a NOTIFY belongs to a subscription, by Call-ID, tag and Event.
fn notify(view: View<'_>, flow: Flow, key: u64, request: &Request) -> Result<Routed, Refused> {
    let dialog = in_dialog(view, &flow, request)?;
    let event = event(request)?;
    let state = match request.headers.subscription_state() {
        Some(Ok(state)) => state,
        Some(Err(_)) => return Err(bad("Subscription-State cannot be read")),
        None => return Err(bad("there is no Subscription-State")),
    };
    let known = view.state.presence().of_dialog(dialog).ok_or_else(unknown)?;
    let watching = known.subscriber_side.as_ref();
    let fetch = known.poll.as_ref().map(|fetch| fetch.dialog.0);
    let current = watching.and_then(|watching| Some(watching.dialog.as_ref()?.0));
    if event.id().is_some() || (fetch != Some(dialog) && current != Some(dialog)) {
        return Err(unknown());
    }
    let before = match fetch == Some(dialog) {
        true => Vec::new(),
        false => watching.map(|watching| watching.devices.clone()).unwrap_or_default(),
    };
    let pair = known.pair();
    let notified = Box::new(NotifyRequest {
        flow,
        key,
        request: Box::new(request.clone()),
        correlation: Correlation(key),
        id: stanza_id(view, request),
        native: is_native(view, &pair),
        max_stanza_octets: view.config.limits.stanza_octets,
        flag: None,
        pair,
        peer: peer_at(view, &flow),
        dialog,
        state,
        contact: contact(request),
        document: Document::None,
    });
    Ok(Routed::Presence(PresenceRouted::Notify { notified, before }))
}

/// A SUBSCRIBE that makes a dialog, or asks without one.
fn first(view: View<'_>, flow: Flow, key: u64, request: &Request) -> Result<Routed, Refused> {
    let Accepted { parties, from, to, merge_key } = accept(view, &flow, request, key)?;
    small(view, request)?;
    let event = event(request)?;
    let contact = one_contact(request)?;
    let expires = expires(view, request)?;
    // A domain shows no presence to anybody here: what it says would be dropped.
    if to.node().is_none() {
        return Err(Box::new(LocalResponse::new(Cause::NoUser)));
    }
    let pair = pair(view, parties.link, (parties.from, &from), (parties.to, &to));
    let pair = pair.ok_or_else(|| Box::new(LocalResponse::new(Cause::NoXmppForm)))?;
    accepts(view, &pair, request)?;
    let learnt = target::of_request(view, &from, request);
    let request = Box::new(request.clone());
    let routed = Routed::Presence(PresenceRouted::Subscribe(Box::new(SubscribeRequest {
        flow,
        key,
        merge_key,
        request,
        pair,
        dialog: None,
        event,
        expires,
        contact,
        nick: None,
    })));
    Ok(target::beside(learnt, routed))
}

/// A SUBSCRIBE in a dialog.
fn again(view: View<'_>, flow: Flow, key: u64, request: &Request) -> Result<Routed, Refused> {
    let dialog = in_dialog(view, &flow, request)?;
    let event = event(request)?;
    let known = view.state.presence().of_dialog(dialog).ok_or_else(unknown)?;
    let side = known.notifier_side.as_ref();
    let subscription = side.and_then(|side| subscription(side, dialog)).ok_or_else(unknown)?;
    if event.id() != subscription.event_id.as_deref() {
        return Err(unknown());
    }
    let pair = known.pair();
    accepts(view, &pair, request)?;
    let contact = one_contact(request)?;
    let expires = expires(view, request)?;
    Ok(Routed::Presence(PresenceRouted::Subscribe(Box::new(SubscribeRequest {
        flow,
        key,
        merge_key: key,
        request: Box::new(request.clone()),
        pair,
        dialog: Some(dialog),
        event,
        expires,
        contact,
        nick: None,
    }))))
}

fn subscription(watched: &NotifierSide, id: DialogId) -> Option<&Subscription> {
    watched.dialogs.iter().find(|one| one.id == id)
}

fn bad(why: &str) -> Refused {
    Box::new(LocalResponse::explained(Fault::Malformed, why))
}

/// What a dialog keeps of a request is bounded (`limits.dialog_octets`): it is kept for years, on disk
/// too, and goes with each request.
fn small(view: View<'_>, request: &Request) -> Result<(), Refused> {
    let headers = &request.headers;
    let items = |name: &HeaderName| -> (usize, usize) {
        headers.items(name).fold((0, 0), |(count, octets), item| (count + 1, octets + item.len()))
    };
    let (routes, route_octets) = items(&HeaderName::RecordRoute);
    if routes > ROUTES {
        return Err(bad(&format!("{routes} proxies record their route; {ROUTES} are the most")));
    }
    let tags = [request.from.tag(), request.to.tag()].into_iter().flatten().map(str::len);
    let event = headers.get_text(&HeaderName::Event).map_or(0, str::len);
    let octets = route_octets
        + items(&HeaderName::Contact).1
        + tags.sum::<usize>()
        + request.call_id.as_str().len()
        + request.from.uri().as_str().len()
        + event;
    let most = view.config.limits.dialog_octets;
    if octets > most {
        return Err(bad(&format!(
            "Call-ID, tags, From, Contact, Record-Route and Event have {octets} octets; a dialog keeps {most}"
        )));
    }
    Ok(())
}

/// RFC 6665 §8.2.1: the package is compared octet by octet.
fn event(request: &Request) -> Result<Event, Refused> {
    let unsupported = || {
        let refusal = LocalResponse::fault(Fault::Event, "Only presence can be watched here");
        Box::new(refusal.with(HeaderName::AllowEvents, PRESENCE))
    };
    match request.headers.event() {
        Some(Ok(event)) if event.is(PRESENCE) => Ok(event),
        Some(Ok(_)) | None => Err(unsupported()),
        Some(Err(_)) => Err(bad("Event cannot be read")),
    }
}

/// RFC 3856 §6.5: no Accept stands for PIDF. Objects count where documents are put into such.
fn accepts(view: View<'_>, pair: &UserPair, request: &Request) -> Result<(), Refused> {
    let accept = match request.headers.accept() {
        None => return Ok(()),
        Some(Ok(accept)) => accept,
        Some(Err(_)) => return Err(bad("Accept cannot be read")),
    };
    let objects = view.rules.presence.of(&pair.facts()).cpim && AcceptedTypes::of(request).cpim;
    match objects || accept.accepts(pidf::MEDIA_TYPE) {
        true => Ok(()),
        false => {
            let words = "Presence is shown in PIDF documents alone";
            let refusal = LocalResponse::fault(Fault::NotShown, words);
            Err(Box::new(refusal.with(HeaderName::Accept, pidf::MEDIA_TYPE)))
        }
    }
}

/// Where requests go: an address that a request can be sent to.
fn usable(contact: &NameAddr) -> bool {
    // Headers have no place in the Contact of a dialog (RFC 3261 §19.1.1): requests to it would have them.
    matches!(contact.uri().scheme(), Scheme::Sip) && !contact.uri().has_headers()
}

fn contact(request: &Request) -> Option<Uri> {
    let contact = request.headers.contacts().next()?.ok()?;
    usable(&contact).then(|| contact.uri().clone())
}

/// SUB-120: exactly one.
fn one_contact(request: &Request) -> Result<Uri, Refused> {
    let mut contacts = request.headers.contacts();
    match (contacts.next(), contacts.next()) {
        (Some(Ok(contact)), None) if usable(&contact) => Ok(contact.uri().clone()),
        _ => Err(bad("exactly one Contact with a SIP URI without headers is needed")),
    }
}

/// RFC 6665 §4.2.1.1: none stands for an hour (RFC 3856 §6.4); what is too short is refused,
/// unless it is zero.
fn expires(view: View<'_>, request: &Request) -> Result<u32, Refused> {
    let least = u32::try_from(view.config.presence.min_expires.as_secs()).unwrap_or(u32::MAX);
    match request.headers.expires() {
        None => Ok(3_600),
        Some(Ok(seconds)) if (1..least.min(3_600)).contains(&seconds) => {
            let words = "Subscriptions as short as this are not kept";
            let refusal = LocalResponse::fault(Fault::TooBrief, words);
            Err(Box::new(refusal.with(HeaderName::MinExpires, &least.to_string())))
        }
        Some(Ok(seconds)) => Ok(seconds),
        Some(Err(_)) => Err(bad("Expires cannot be read")),
    }
}

/// A SUBSCRIBE of the XMPP user that is due.
pub(super) fn asking(view: View<'_>, id: PairId, dialog: DialogId, seconds: u32) -> Routed {
    let Some(known) = view.state.presence().pair(id) else {
        return Routed::Drop(crate::flow::Counter::XmppPresence);
    };
    let pair = known.pair();
    let native = is_native(view, &pair);
    Routed::Presence(PresenceRouted::Asking { pair, native, dialog, seconds })
}

/// What the SIP user's subscriptions are to be told: those that are told the same share a document.
pub(super) fn render(view: View<'_>, id: PairId, dialogs: &[DialogId]) -> Routed {
    let Some(known) = view.state.presence().pair(id) else {
        return Routed::Drop(crate::flow::Counter::XmppPresence);
    };
    let Some(watched) = &known.notifier_side else {
        return Routed::Drop(crate::flow::Counter::XmppPresence);
    };
    let mut renderings: Vec<BodyRequest> = Vec::new();
    for dialog in dialogs {
        let Some(one) = subscription(watched, *dialog) else { continue };
        let devices = match one.machine.state() {
            NotifierState::Pending => waiting(view, one),
            _ => shown(view, known.authorization.to, watched, one),
        };
        let (objects, peer) = (one.takes.cpim, first_peer(view, Service::Pres, Some(&one.dialog)));
        let alike = |it: &&mut BodyRequest| {
            it.objects == objects && it.peer == peer && it.devices == devices
        };
        match renderings.iter_mut().find(alike) {
            Some(rendering) => rendering.dialogs.push(*dialog),
            None => {
                let (dialogs, most) = (vec![*dialog], view.config.limits.document_octets);
                renderings.push(BodyRequest { dialogs, peer, devices, objects, most });
            }
        }
    }
    Routed::Presence(PresenceRouted::Render { pair: known.pair(), renderings })
}

/// What one subscription shows of the XMPP user.
fn shown(
    view: View<'_>,
    granted: bool,
    watched: &NotifierSide,
    one: &Subscription,
) -> Vec<Arc<Device>> {
    let over = one.machine.state() == NotifierState::Terminated && !one.fetch;
    if !granted {
        // Who is refused without being told so sees the user as gone (RFC 3856 §6.6.2).
        let gone = view.config.presence.polite_blocking && (one.closed || !over);
        return if gone { vec![Arc::new(nobody(view))] } else { Vec::new() };
    }
    if !over {
        return watched.devices.clone();
    }
    if !one.closed || one.machine.reason() != Reason::Timeout {
        return Vec::new();
    }
    // The watcher ended it: the last document says that the user is gone (RFC 8048 §5.3.3).
    let close = |device: &Arc<Device>| match device.available {
        true => Arc::new(Device {
            resource: device.resource.clone(),
            available: false,
            facts: crate::flow::Facts::default(),
            changed_us: (view.now.unix_ms * 1_000).max(device.changed_us + 1_000),
            contact: 0,
        }),
        false => Arc::clone(device),
    };
    match watched.devices.is_empty() {
        true => vec![Arc::new(nobody(view))],
        false => watched.devices.iter().map(close).collect(),
    }
}

/// What is shown of one who has not decided: nothing, or words that say so (RFC 3856 §6.6.2).
fn waiting(view: View<'_>, one: &Subscription) -> Vec<Arc<Device>> {
    if !view.config.presence.pending_note || one.fetch {
        return Vec::new();
    }
    let text = "the request is not answered yet".into();
    let mut device = nobody(view);
    device.facts.statuses.push(crate::codec::xmpp::LangText { lang: Some("en".into()), text });
    vec![Arc::new(device)]
}

/// A device without a name that is gone.
fn nobody(view: View<'_>) -> Device {
    Device {
        resource: "".into(),
        available: false,
        facts: crate::flow::Facts::default(),
        changed_us: view.now.unix_ms * 1_000,
        contact: 0,
    }
}
