//! SIP messages: what they are, whether they may be believed, whom they are for.

use bytes::Bytes;

use super::View;
use super::address::{Device, domain, to_jid};
use crate::codec::mime::ContentCoding;
use crate::codec::sip::{
    HeaderName, HeaderValue, Headers, Malformed, Message, Method, NameAddr, Request, Response,
    Scheme, Status, Text, Uri, parse_datagram_within,
};
use crate::codec::xmpp::{Jid, xmpp_uri};
use crate::config::{DomainPair, Side};
use crate::flow::{Counter, Flow, Hop, Inbound, LinkId, Refusal, Routed};
use crate::rules::Messages;
use crate::state::branch_of;
use crate::state::ids::Purpose;

/// The methods that the gateway serves (RFC 3261 §20.5).
const ALLOW: &str = "MESSAGE, OPTIONS";

/// Whether the domains that a request names are served, and by which link.
struct Parties<'a> {
    link: LinkId,
    from: &'a DomainPair,
    to: &'a DomainPair,
    to_address: NameAddr,
}

/// One datagram or framed message.
pub(super) fn message(view: View<'_>, flow: Flow, octets: Bytes) -> Routed {
    match parse_datagram_within(octets, &view.config.limits.sip()) {
        Ok(None) => Routed::Drop(Counter::SipKeepAlive),
        Ok(Some(Message::Response(response))) => response_routed(view, response),
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

/// A response belongs to the client transaction that its branch names (RFC 3261 §17.1.3).
fn response_routed(view: View<'_>, response: Response) -> Routed {
    let branch = response.via.first().and_then(|via| branch_of(via.branch()?));
    let Some((branch, client)) = branch.and_then(|b| view.state.client(b).map(|c| (b, c))) else {
        return Routed::Drop(Counter::SipStray);
    };
    let asked = view.state.challenged(branch, &response);
    if !asked.is_empty() {
        return Routed::Challenged { branch, asked };
    }
    // A success needs no words, and so no message to answer.
    let failed = client.delivery().filter(|_| !response.status.is_success());
    let outbound = failed.and_then(|id| view.state.deliveries().get(id));
    let outbound = outbound.map(|delivery| delivery.outbound.clone());
    let sender = outbound.as_ref().map_or("", |outbound| outbound.sender.domain());
    let contact = redirection(view, sender, &response);
    Routed::Response { branch, outbound, response: Box::new(response), contact }
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
        Method::Options => return answer(flow, request, options(view)),
        Method::Cancel => {
            let refusal = trusted(view, &flow).err().unwrap_or_else(|| cancel(view, &request));
            return answer(flow, request, refusal);
        }
        _ => {}
    }
    if let Some(routed) = unknown_yet(view, &flow) {
        return routed.unwrap_or_else(|| answer(flow, request, Refusal::out_of_service()));
    }
    let key = transaction_key(view, &request, &request.method);
    if view.state.servers().known(key).is_some() {
        return Routed::Retransmission { flow, key, request };
    }
    match accept(view, &flow, &request, key) {
        Ok(Accepted { parties, from, to, merge_key }) => {
            let from_tag = request.from.tag().unwrap_or_default();
            let cseq = request.cseq.number.to_be_bytes();
            let parts = [from_tag.as_bytes(), request.call_id.as_bytes(), &cseq];
            let id = format!("s{:016x}", view.state.hash(Purpose::Stanza, &parts));
            Routed::Inbound(Box::new(Inbound {
                correlation: crate::flow::Correlation(key),
                flow,
                key,
                merge_key,
                request,
                link: parties.link,
                from,
                to,
                id,
                max_stanza_octets: view.config.limits.stanza_octets,
            }))
        }
        Err(refusal) => answer(flow, request, refusal),
    }
}

fn answer(flow: Flow, request: Box<Request>, refusal: Refusal) -> Routed {
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
/// gateway serves (RFC 3261 §11.2).
fn options(view: View<'_>) -> Refusal {
    if !view.state.in_service(view.now.instant) {
        return Refusal::out_of_service();
    }
    Refusal::new(Status::OK)
        .with(HeaderName::Allow, ALLOW)
        .with(HeaderName::Accept, Messages::ACCEPT)
        .with(HeaderName::AcceptEncoding, ContentCoding::ACCEPTED)
        // No extension is served (RFC 3261 §20.37).
        .with(HeaderName::Supported, "")
}

/// RFC 3261 §9.2: what it would end is known and goes on, since it is no INVITE; or it is not
/// known, as everything else that the gateway answers is answered at once.
fn cancel(view: View<'_>, request: &Request) -> Refusal {
    let key = transaction_key(view, request, &Method::Message);
    Refusal::new(match view.state.servers().known(key) {
        Some(_) => Status::OK,
        None => Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
    })
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

struct Accepted<'a> {
    parties: Parties<'a>,
    from: Jid,
    to: Jid,
    merge_key: u64,
}

/// The checks of RFC 3261 §8.2 in their order, and who may use the gateway.
fn accept<'a>(
    view: View<'a>,
    flow: &Flow,
    request: &Request,
    key: u64,
) -> Result<Accepted<'a>, Refusal> {
    trusted(view, flow)?;
    method(&request.method)?;
    schemes(request)?;
    let parties = parties(view, request)?;
    loops(view, request)?;
    extensions(request)?;
    let merge_key = merge(view, request, key)?;
    let from = to_jid(&view.rules.addresses, parties.from, &request.from, Device::ByRule, None);
    let from = from.map_err(|error| {
        Refusal::new(Status::FORBIDDEN).warning(&format!("From has no XMPP address: {error}"))
    })?;
    let to = addressee(view, &parties)?;
    Ok(Accepted { parties, from, to, merge_key })
}

/// The addressee: with the device only if it was seen lately, since a server may silently drop
/// what goes to a full JID that does not match (RFC 6121 §8.5.3.2.1).
fn addressee(view: View<'_>, parties: &Parties<'_>) -> Result<Jid, Refusal> {
    let rules = &view.rules.addresses;
    let spelling = view.state.xmpp_spelling(parties.to_address.uri());
    let full = to_jid(rules, parties.to, &parties.to_address, Device::ByRule, spelling);
    let full = full.map_err(|error| {
        Refusal::new(Status::NOT_FOUND).warning(&format!("no XMPP address: {error}"))
    })?;
    Ok(if view.state.knows_device(&full) { full } else { full.bare() })
}

/// Whether nobody can say yet if an address is a peer's, since a peer's name is being looked up for
/// the first time. A datagram comes again; a stream does not, and gets an answer: the inner `None`.
fn unknown_yet(view: View<'_>, flow: &Flow) -> Option<Option<Routed>> {
    let searching = view.state.peers().iter().any(|peer| !peer.located);
    if !searching || trusted(view, flow).is_ok() {
        return None;
    }
    let datagram = !flow.transport.reliable();
    Some(datagram.then_some(Routed::Drop(Counter::SipUntrusted)))
}

/// SIP is served to configured peers alone.
fn trusted(view: View<'_>, flow: &Flow) -> Result<(), Refusal> {
    let ip = flow.remote.ip().to_canonical();
    let settings = view.config.sip.peers.iter();
    let mut peers = settings.zip(view.state.peers());
    let known = peers.any(|(peer, state)| state.is_at(ip) || peer.addresses.contains(&ip));
    match known {
        true => Ok(()),
        false => Err(Refusal::new(Status::FORBIDDEN).warning("this address is no peer's")),
    }
}

/// RFC 3261 §8.2.1: 405 for what is known and not served, 501 for what is unknown.
fn method(method: &Method) -> Result<(), Refusal> {
    match method {
        Method::Message => Ok(()),
        Method::Other(_) => {
            Err(Refusal::new(Status::NOT_IMPLEMENTED).with(HeaderName::Allow, ALLOW))
        }
        _ => Err(Refusal::new(Status::METHOD_NOT_ALLOWED).with(HeaderName::Allow, ALLOW)),
    }
}

/// RFC 3261 §8.2.2.1, and RFC 7247 §8: what demands TLS on every hop must not be translated.
fn schemes(request: &Request) -> Result<(), Refusal> {
    if [request.uri.scheme(), request.to.uri().scheme()].contains(&Scheme::Sips) {
        let warning = HeaderValue::text("380 stox \"SIPS Not Allowed\"");
        let mut refusal = Refusal::new(Status::TEMPORARILY_UNAVAILABLE);
        refusal.headers.push(HeaderName::Warning, warning);
        return Err(refusal);
    }
    match request.uri.scheme() {
        Scheme::Sip | Scheme::Im | Scheme::Pres => Ok(()),
        _ => Err(Refusal::new(Status::UNSUPPORTED_URI_SCHEME)),
    }
}

/// Both domains must be configured, each on its own side: never an open relay.
fn parties<'a>(view: View<'a>, request: &Request) -> Result<Parties<'a>, Refusal> {
    let not_here = || Refusal::new(Status::NOT_FOUND).warning("this domain is not served here");
    let to_uri = recipient(view, request);
    let to = domain(to_uri).ok_or_else(not_here)?;
    let to = view.config.domains.xmpp_users(&to).ok_or_else(not_here)?;
    let forbidden =
        || Refusal::new(Status::FORBIDDEN).warning("this sender's domain is not served here");
    let from = request.from.uri();
    if from.host_str().eq_ignore_ascii_case("anonymous.invalid") || hides_user(request) {
        return Err(Refusal::new(Status::ANONYMITY_DISALLOWED)
            .warning("XMPP users are told who writes: no anonymous message crosses"));
    }
    if !matches!(from.scheme(), Scheme::Sip | Scheme::Sips | Scheme::Im | Scheme::Pres) {
        return Err(forbidden());
    }
    let from = domain(from).ok_or_else(forbidden)?;
    let from = view.config.domains.sip_users(&from, &to.xmpp).ok_or_else(forbidden)?;
    let Side::Sip { component } = from.side else { return Err(forbidden()) };
    let to_address = NameAddr::new(to_uri.clone());
    Ok(Parties { link: LinkId(component), from, to, to_address })
}

/// Whether the sender asks that From is not shown (RFC 3323 §4.2, `user`). Asserted identities and
/// what the other kinds of privacy hide never cross.
fn hides_user(request: &Request) -> bool {
    let mut wanted = request.headers.items(&HeaderName::Privacy).flat_map(|item| item.split(';'));
    wanted.any(|kind| kind.trim().eq_ignore_ascii_case("user"))
}

/// The Request-URI says who is meant; To only when the Request-URI is the gateway itself.
fn recipient<'a>(view: View<'_>, request: &'a Request) -> &'a Uri {
    let own = |host: &str| {
        view.config.sip.listen.iter().any(|listener| {
            listener.advertise.host.trim_matches(['[', ']']) == host.trim_matches(['[', ']'])
        })
    };
    match request.uri.user().is_none() && own(request.uri.host_str()) {
        true => request.to.uri(),
        false => &request.uri,
    }
}

/// Max-Forwards as a proxy checks it (RFC 7332 §5), and our own hop in the Via list.
fn loops(view: View<'_>, request: &Request) -> Result<(), Refusal> {
    if request.max_forwards == Some(0) {
        return Err(Refusal::new(Status::TOO_MANY_HOPS));
    }
    let ours = |host: &str, port: u16| {
        view.config.sip.listen.iter().any(|listener| {
            listener.advertise.port == port && listener.advertise.host.eq_ignore_ascii_case(host)
        })
    };
    match request.via.iter().any(|via| ours(via.host_str(), via.port().unwrap_or(5_060))) {
        true => Err(Refusal::new(Status::LOOP_DETECTED)),
        false => Ok(()),
    }
}

/// RFC 3261 §8.2.2.3: no extension is required that is not served, and none is.
fn extensions(request: &Request) -> Result<(), Refusal> {
    let mut refusal = Refusal::new(Status::BAD_EXTENSION);
    for tag in request.headers.items(&HeaderName::Require) {
        refusal = refusal.with(HeaderName::Unsupported, tag);
    }
    if refusal.headers.is_empty() { Ok(()) } else { Err(refusal) }
}

/// RFC 3261 §8.2.2.2: the same request by another path.
fn merge(view: View<'_>, request: &Request, key: u64) -> Result<u64, Refusal> {
    let from_tag = request.from.tag().unwrap_or_default();
    let cseq = request.cseq.number.to_be_bytes();
    let parts = [
        from_tag.as_bytes(),
        request.call_id.as_bytes(),
        &cseq,
        request.method.as_str().as_bytes(),
    ];
    if request.to.tag().is_some() || from_tag.is_empty() {
        return Ok(key);
    }
    let merge_key = view.state.hash(Purpose::Merge, &parts);
    match view.state.servers().merged(merge_key) {
        true => Err(Refusal::new(Status::LOOP_DETECTED)),
        false => Ok(merge_key),
    }
}
