//! SIP messages: what they are, whether they may be believed, whom they are for.

use bytes::Bytes;

use super::View;
use super::address::{Device, domain, to_jid};
use super::admission::{Accepted, accept, sent_by_us, trusted, unknown_yet};
use super::peer::{peer_at, peer_of};
use super::{subscription, target};
use crate::codec::mime::ContentCoding;
use crate::codec::sip::{
    HeaderName, Headers, Malformed, Message, Method, NameAddr, Request, Response, Status, Text,
    parse_datagram_within,
};
use crate::codec::xmpp::xmpp_uri;
use crate::flow::{
    Counter, Fault, Flow, Hop, Inbound, LocalResponse, PresenceRouted, Responded, Routed,
};
use crate::rules::Messages;
use crate::state::branch_of;
use crate::state::client::Client;
use crate::state::ids::Purpose;
use crate::state::presence::request::PRESENCE;

/// The methods that the gateway serves (RFC 3261 §20.5).
pub(super) const ALLOW: &str = "MESSAGE, OPTIONS, SUBSCRIBE, NOTIFY";

/// One datagram or framed message.
pub(super) fn message(view: View<'_>, flow: Flow, octets: Bytes) -> Routed {
    match parse_datagram_within(octets, &view.config.limits.sip()) {
        Ok(None) => Routed::Drop(Counter::SipKeepAlive),
        Ok(Some(Message::Response(response))) => response_routed(view, &flow, response),
        Ok(Some(Message::Request(request))) => request_routed(view, flow, Box::new(request)),
        Err(malformed) => unreadable(view, flow, malformed),
    }
}

/// A request that cannot be read is answered from what could be read of it.
pub(super) fn unreadable(view: View<'_>, flow: Flow, malformed: Malformed) -> Routed {
    let malformed = malformed.received_from(flow.remote);
    let mut remote = flow.remote;
    let Some(via) = malformed.top_via() else { return Routed::Drop(Counter::SipMalformed) };
    if flow.transport.reliable() || via.rport().is_none() {
        remote.set_port(via.port().unwrap_or(5_060));
    }
    let status = malformed.status();
    let tag = format!("{:016x}", view.state.hash(Purpose::Tag, &[malformed.octets()]));
    let hop = Hop {
        transport: flow.transport,
        listener: flow.listener,
        remote,
        connection: flow.connection,
    };
    match malformed.answer(status, &tag, &Headers::default()) {
        Some(answer) => Routed::Malformed { hop, answer, status: status.code() },
        None => Routed::Drop(Counter::SipMalformed),
    }
}

/// Whether a response is one to the request that its branch names: our sent-by in the Via (RFC 3261
/// §18.1.2), Call-ID and CSeq with the method of the request (§17.1.3), from where the request went
/// or from another address of a peer.
fn belongs(view: View<'_>, flow: &Flow, client: &Client, response: &Response) -> bool {
    let same_address = flow.remote.ip().to_canonical() == client.hop.remote.ip().to_canonical();
    flow.transport == client.hop.transport
        && (same_address || trusted(view, flow).is_ok())
        && response.via.first().is_some_and(|via| sent_by_us(view, via))
        && client.is_answered_by(response)
}

/// A response belongs to the client transaction that its branch names (RFC 3261 §17.1.3).
fn response_routed(view: View<'_>, flow: &Flow, response: Response) -> Routed {
    let branch = response.via.first().and_then(|via| branch_of(via.branch()?));
    let Some((branch, client)) = branch.and_then(|b| view.state.client(b).map(|c| (b, c))) else {
        return Routed::Drop(Counter::SipStray);
    };
    if !belongs(view, flow, client, &response) {
        return Routed::Drop(Counter::SipForeign);
    }
    let asked = view.state.challenged(branch, &response);
    if !asked.is_empty() {
        return Routed::Challenged { branch, asked };
    }
    if let Some((pair, _)) = client.owner.dialog() {
        let known = view.state.presence().pair(pair);
        let secured = view.state.presence().secured(client.owner);
        let contact = redirection(view, "", &response);
        let watching = known.and_then(|known| known.subscriber_side.as_ref());
        let lang = watching.and_then(|watching| watching.lang.clone());
        let seen = known.is_some_and(|known| view.state.has_been_seen(&known.names.contact));
        return Routed::Presence(PresenceRouted::Response(Box::new(Responded {
            pair: known.map(|known| known.pair()),
            peer: peer_of(view, client.peer),
            method: client.owner.method(),
            branch,
            response: Box::new(response),
            contact,
            secured: secured.map(|stanza| Box::new(stanza.clone())),
            lang,
            seen,
        })));
    }
    // A success needs no words, and so no message to answer.
    let failed = client.delivery().filter(|_| !response.status.is_success());
    let outbound = failed.and_then(|id| view.state.deliveries().get(id));
    let outbound = outbound.map(|delivery| delivery.outbound.clone());
    let learnt = client.delivery().and_then(|id| {
        let recipient = &view.state.deliveries().get(id)?.outbound.recipient;
        target::of_response(view, recipient, &response)
    });
    let sender = outbound.as_ref().map_or("", |outbound| outbound.sender.domain());
    let contact = redirection(view, sender, &response);
    let seen =
        outbound.as_ref().is_some_and(|outbound| view.state.has_been_seen(&outbound.recipient));
    let response = Box::new(response);
    target::beside(learnt, Routed::Response { branch, outbound, response, contact, seen })
}

/// The address of a redirection that is wanted most (RFC 3261 §21.3, §20.10), as an XMPP user of
/// the domain `sender` would reach it.
fn redirection(view: View<'_>, sender: &str, response: &Response) -> Option<Text> {
    if !(300..400).contains(&response.status.code()) {
        return None;
    }
    let mut best: Option<(NameAddr, f32)> = None;
    for contact in response.headers.items(&HeaderName::Contact) {
        let Ok(contact) = NameAddr::parse(contact.to_owned().into()) else { continue };
        let q = contact.params().get("q").flatten().and_then(|q| q.parse().ok()).unwrap_or(1.0);
        if best.as_ref().is_none_or(|(_, most)| q > *most) {
            best = Some((contact, q));
        }
    }
    let (contact, _) = best?;
    let domains = &view.config.domains;
    let pair = domain(contact.uri()).and_then(|domain| {
        domains.sip_users(&domain, sender).or_else(|| domains.xmpp_users(&domain))
    });
    let jid = pair
        .and_then(|pair| to_jid(&view.rules.addresses, pair, &contact, Device::Left, None).ok());
    Some(match jid {
        Some(jid) => xmpp_uri::uri_of(&jid).into(),
        None => contact.uri().as_text().clone(),
    })
}

fn request_routed(view: View<'_>, flow: Flow, mut request: Box<Request>) -> Routed {
    stamp(&flow, &mut request);
    match &request.method {
        // An ACK is never answered (RFC 3261 §17).
        Method::Ack => return Routed::Drop(Counter::SipStray),
        Method::Options => {
            let refusal = options(view, &flow);
            return answer(flow, request, refusal);
        }
        Method::Cancel => {
            let refusal = trusted(view, &flow).err().unwrap_or_else(|| cancel(view, &request));
            return answer(flow, request, refusal);
        }
        _ => {}
    }
    if let Some(routed) = unknown_yet(view, &flow) {
        return routed.unwrap_or_else(|| answer(flow, request, LocalResponse::out_of_service()));
    }
    let key = transaction_key(view, &request, &request.method);
    if view.state.servers().known(key).is_some() {
        return Routed::Retransmission { flow, key, request };
    }
    if matches!(request.method, Method::Subscribe | Method::Notify) {
        return subscription::routed(view, flow, key, request);
    }
    match accept(view, &flow, &request, key) {
        Ok(Accepted { parties, from, to, merge_key }) => {
            let id = stanza_id(view, &request);
            let native = super::xmpp::is_native(parties.from) && super::xmpp::is_native(parties.to);
            let inbound = Box::new(Inbound {
                correlation: crate::flow::Correlation(key),
                flow,
                key,
                merge_key,
                request,
                link: parties.link,
                peer: peer_at(view, &flow),
                from,
                to,
                id,
                max_stanza_octets: view.config.limits.stanza_octets,
                native,
            });
            let learnt = target::of_message(view, &inbound);
            target::beside(learnt, Routed::Inbound(inbound))
        }
        Err(refusal) => answer(flow, request, refusal),
    }
}

/// The id of the stanza that a request becomes: the same for every copy of it.
pub(super) fn stanza_id(view: View<'_>, request: &Request) -> String {
    let from_tag = request.from.tag().unwrap_or_default();
    let cseq = request.cseq.number.to_be_bytes();
    let parts = [from_tag.as_bytes(), request.call_id.as_bytes(), &cseq];
    format!("s{:016x}", view.state.hash(Purpose::Stanza, &parts))
}

pub(super) fn answer(flow: Flow, request: Box<Request>, refusal: LocalResponse) -> Routed {
    Routed::Answer { flow, request, refusal }
}

/// RFC 3261 §18.2.1 and RFC 3581 §4: the top Via says where the request really came from.
fn stamp(flow: &Flow, request: &mut Request) {
    let Some(via) = request.via.first_mut() else { return };
    let ip = flow.remote.ip();
    let asked = via.rport().is_some();
    if asked {
        *via = via.clone().with_rport(flow.remote.port());
    }
    if asked || via.host().ip() != Some(ip.to_canonical()) {
        *via = via.clone().with_received(ip);
    }
}

/// OPTIONS is answered to anyone who reaches the socket; a dispatcher learns by it whether the
/// gateway serves (RFC 3261 §11.2). What it serves is told to peers, as nobody else can use it: the
/// answer to a made up source is as small as the question.
fn options(view: View<'_>, flow: &Flow) -> LocalResponse {
    if !view.state.in_service(view.now.instant) {
        return LocalResponse::out_of_service();
    }
    if trusted(view, flow).is_err() {
        return LocalResponse::success(Status::OK);
    }
    LocalResponse::success(Status::OK)
        .with(HeaderName::Allow, ALLOW)
        .with(HeaderName::AllowEvents, PRESENCE)
        .with(HeaderName::Accept, Messages::ACCEPT)
        .with(HeaderName::AcceptEncoding, ContentCoding::ACCEPTED)
        // No extension is served (RFC 3261 §20.37).
        .with(HeaderName::Supported, "")
}

/// RFC 3261 §9.2: what it would end is known and goes on, since it is no INVITE; or it is not
/// known, as everything else that the gateway answers is answered at once.
fn cancel(view: View<'_>, request: &Request) -> LocalResponse {
    let known = [Method::Message, Method::Subscribe, Method::Notify].iter().any(|method| {
        let key = transaction_key(view, request, method);
        view.state.servers().known(key).is_some()
    });
    match known {
        true => LocalResponse::success(Status::OK),
        false => {
            let words = "There is nothing left to cancel";
            LocalResponse::fault(Fault::Unknown, words)
        }
    }
}

/// RFC 3261 §17.2.3: branch, sent-by and method; without the magic cookie what RFC 2543 had.
fn transaction_key(view: View<'_>, request: &Request, method: &Method) -> u64 {
    let method = method.as_str().as_bytes();
    let via = request.via.first();
    if let Some(via) = via.filter(|via| via.has_unique_branch()) {
        let branch = via.branch().unwrap_or_default().as_bytes();
        let port = via.port().unwrap_or(5_060).to_be_bytes();
        let host = via.host_str().to_ascii_lowercase();
        let parts = [branch, host.as_bytes(), &port, method];
        return view.state.hash(Purpose::Transaction, &parts);
    }
    let cseq = request.cseq.number.to_be_bytes();
    let tags = [request.to.tag().unwrap_or_default(), request.from.tag().unwrap_or_default()];
    let parts = [
        request.uri.as_str().as_bytes(),
        tags[0].as_bytes(),
        tags[1].as_bytes(),
        request.call_id.as_bytes(),
        &cseq,
        via.map(|via| via.as_str()).unwrap_or_default().as_bytes(),
        method,
    ];
    view.state.hash(Purpose::Transaction, &parts)
}
