//! Stanzas: what they are and whom they are for.

use bytes::Bytes;

use super::address::{Device, domain, is_refused, to_jid, to_uri, written};
use super::invitation;
use super::peer::{first_peer, peer_at};
use super::{View, target};
use crate::codec::sip::{NameAddr, Uri};
use crate::codec::xml;
use crate::codec::xml::{Text, XmlFault};
use crate::codec::xmpp::{
    self, Condition, Iq, IqKind, Jid, Malformed, Message, MessageKind, Stanza, StanzaError,
    StreamContext, xmpp_uri,
};
use crate::config::{DomainPair, Service, Side};
use crate::flow::{
    Correlation, Counter, Forms, LinkId, Origin, Outbound, Parties, Profile, Returned, Routed,
    Taken, Unfinished,
};
use crate::rules::{AddressScheme, Saying, im_uri};
use crate::state::link::UnackedStanza;

/// One stanza of a component stream.
pub(super) fn stanza(
    view: View<'_>,
    link: LinkId,
    context: &StreamContext,
    octets: Bytes,
) -> Routed {
    match xmpp::parse(context, octets.clone()) {
        Ok(mut stanza) => {
            let ends = match &mut stanza {
                Stanza::Message(message) => Some((&message.from, &mut message.to)),
                Stanza::Iq(iq) => Some((&iq.from, &mut iq.to)),
                Stanza::Presence(presence) => Some((&presence.from, &mut presence.to)),
                // The stream itself is the link's affair.
                Stanza::StreamError(_) | Stanza::Handshake | Stanza::Other(_) => None,
            };
            // A server stamps each stanza with its sender; one without cannot be answered.
            let Some((Some(_), to)) = ends else { return Routed::Drop(Counter::XmppMalformed) };
            if to.is_none() {
                *to = own(view, link);
            }
            addressed(view, link, context, octets, stanza)
        }
        Err(malformed) => malformed_routed(view, link, malformed),
    }
}

/// A stanza that was skipped, as it was too large: its sender is told (RFC 6120 §8.3), as far as
/// its start tag says who that is.
pub(super) fn oversized(view: View<'_>, link: LinkId, head: &[u8]) -> Routed {
    malformed_routed(view, link, Malformed::salvage(XmlFault::TooLarge.into(), head))
}

fn addressed(
    view: View<'_>,
    link: LinkId,
    context: &StreamContext,
    octets: Bytes,
    stanza: Stanza,
) -> Routed {
    match stanza {
        Stanza::Message(message) => {
            let taken = |message: &Message| taken(view, context, octets, message);
            message_routed(view, link, message, taken)
        }
        Stanza::Iq(iq) => iq_routed(view, link, iq),
        Stanza::Presence(presence) => super::presence::routed(view, link, presence),
        _ => Routed::Drop(Counter::XmppMalformed),
    }
}

/// The component's own address.
fn own(view: View<'_>, link: LinkId) -> Option<Jid> {
    let component = view.config.components.get(link.0)?;
    Jid::parse(&component.name).ok()
}

/// A stanza that cannot be read is answered from the component's own name, since the address it
/// was sent to may be the very thing that is wrong (RFC 6120 §8.3.1).
fn malformed_routed(view: View<'_>, link: LinkId, malformed: Malformed) -> Routed {
    match own(view, link) {
        Some(own) => Routed::Unreadable { link, own, malformed: Box::new(malformed) },
        None => Routed::Drop(Counter::XmppMalformed),
    }
}

/// The message as it outlives the process: its own octets, unless the stream's header declared
/// something that they lean on.
fn taken(view: View<'_>, context: &StreamContext, octets: Bytes, message: &Message) -> Taken {
    let plain = StreamContext::component(context.limits);
    let lang = context.lang.as_ref().map(|lang| lang.as_bytes().clone()).unwrap_or_default();
    let unix_ms = view.now.unix_ms;
    if context.namespaces == plain.namespaces {
        return Taken { stanza: octets, lang, unix_ms };
    }
    let mut whole = Vec::new();
    message.write(&mut whole);
    Taken { stanza: whole.into(), lang, unix_ms }
}

/// A message that an earlier process left: as if it came now, with the time at which it came.
pub(super) fn recovered(view: View<'_>, unfinished: Unfinished) -> Routed {
    let Unfinished { delivery, taken, part, sent } = unfinished;
    let octets = taken.stanza.len();
    let limits = xml::Limits {
        max_stanza_octets: view.config.limits.stanza_octets,
        ..xml::Limits::default()
    };
    let mut context = StreamContext::component(limits);
    context.lang = std::str::from_utf8(&taken.lang).ok().filter(|l| !l.is_empty()).map(Text::from);
    let Ok(Stanza::Message(message)) = xmpp::parse(&context, taken.stanza) else {
        return Routed::Abandoned(delivery);
    };
    let message = invitation::attributed(view, message);
    let home = message.to.as_ref().and_then(|to| view.config.domains.of_jid(to.domain()));
    let Some(Side::Sip { component }) = home.map(|pair| pair.side) else {
        return Routed::Abandoned(delivery);
    };
    match address(view, LinkId(component), message) {
        Ok(mut outbound) => {
            outbound.received.unix_ms = taken.unix_ms;
            outbound.octets = octets;
            outbound.part = part.map(Box::new);
            Routed::Outbound { outbound, origin: Origin::Recovered(delivery, sent) }
        }
        Err(_) => Routed::Abandoned(delivery),
    }
}

fn message_routed(
    view: View<'_>,
    link: LinkId,
    message: Box<Message>,
    taken: impl FnOnce(&Message) -> Taken,
) -> Routed {
    if message.kind == MessageKind::Error {
        return bounce(view, link, &message);
    }
    if came_back(view, &message) {
        return Routed::CameBack(Correlation(correlation(view, &message)));
    }
    // What may be encrypted, or hide it, is for the translation to judge.
    if message.is_automatic() && !view.rules.encryption.suspects(&message.extensions) {
        return Routed::Drop(Counter::XmppBodiless);
    }
    let message = invitation::attributed(view, message);
    match address(view, link, message) {
        Ok(mut outbound) => {
            let taken = taken(&outbound.stanza);
            outbound.octets = taken.stanza.len();
            let origin = Origin::New(taken);
            Routed::Outbound { outbound, origin }
        }
        // Who sent a copy did not write to anybody.
        Err(refused) if refused.0.is_wrapped() => Routed::Drop(Counter::XmppWrapped),
        Err(refused) => {
            let (message, refused) = *refused;
            let stanza = Box::new(Stanza::Message(message));
            Routed::Refused { link, stanza, refused, counter: Counter::XmppRefused }
        }
    }
}

/// A stanza of the gateway's own that the server sent back: one from a user of the gateway's, or
/// one that it wrote itself a moment ago. To carry it would be a loop (RFC 7247 §8).
fn came_back(view: View<'_>, message: &Message) -> bool {
    let from = message.from.as_ref().and_then(|from| view.config.domains.of_jid(from.domain()));
    if from.is_some_and(|pair| pair.side != Side::Xmpp) {
        return true;
    }
    let body = message.bodies.first().map_or("", |body| &*body.text);
    message.id.as_deref().is_some_and(|id| view.state.wrote_lately(id, body, view.now.instant))
}

/// An error comes back for a stanza that the link still holds, or for nothing that is known.
fn bounce(view: View<'_>, link: LinkId, message: &Message) -> Routed {
    let held = message.id.as_deref().and_then(|id| view.state.link(link)?.find(id));
    let by_addressee = |held: &&UnackedStanza| is_by_addressee(message.from.as_ref(), held);
    let Some(held) = held.filter(by_addressee) else {
        return Routed::Drop(Counter::XmppStrayError);
    };
    let unknown = || StanzaError::new(Condition::UndefinedCondition);
    let error = message.error.clone().unwrap_or_else(unknown);
    let contact = moved_to(view, &error);
    let challenge = view.state.challenge(held);
    let (sequence, to_full) = (held.sequence, held.to_full);
    let object = memchr::memmem::find(held.octets.as_bytes(), xmpp::ns::E2E.as_bytes()).is_some();
    let peer = view.state.sender_flow(held).and_then(|flow| peer_at(view, &flow));
    let parties = Parties { from: message.to.clone(), to: message.from.clone(), peer };
    let languages = view.state.sender_languages(held).map(Into::into);
    let returned = Returned { to_full, error, contact, challenge, parties, object, languages };
    Routed::Bounce { link, sequence, returned: Box::new(returned) }
}

/// Whether an error comes from where the stanza went: the addressee, a device of it, or a server of
/// its domain (RFC 6120 §8.3.1). An id alone proves nothing: others may have seen it, or guess.
fn is_by_addressee(from: Option<&Jid>, held: &UnackedStanza) -> bool {
    let known = Malformed::salvage(XmlFault::TooLarge.into(), held.octets.as_bytes());
    let addressee = known.to.and_then(|to| Jid::parse(&to).ok());
    let (Some(from), Some(addressee)) = (from, addressee) else { return true };
    match from.node() {
        Some(_) => from.bare_str() == addressee.bare_str(),
        None => from.domain() == addressee.domain(),
    }
}

/// The new address that an error names (RFC 6120 §8.3.3.5, §8.3.3.14): an XMPP address as SIP
/// users reach it, any other URI as it is, unless it would have them send headers or a method of
/// its choice (RFC 3261 §19.1.5).
fn moved_to(view: View<'_>, error: &StanzaError) -> Option<Uri> {
    let (Condition::Gone(address) | Condition::Redirect(address)) = &error.condition else {
        return None;
    };
    let address = address.as_deref()?.trim();
    let as_it_is = || {
        let uri = Uri::parse(address.to_owned().into()).ok()?;
        (!uri.has_headers() && uri.param("method").is_none()).then_some(uri)
    };
    if !xmpp_uri::is_xmpp(address) {
        return as_it_is();
    }
    let jid = xmpp_uri::jid_of(address)?;
    let Some(pair) = view.config.domains.of_jid(jid.domain()) else { return as_it_is() };
    to_uri(&view.rules.addresses, pair, &jid, Device::Left, view.state.sip_spelling(&jid))
}

/// Why something does not cross: the condition, and what is said of it.
type Why = (Condition, Saying);

/// A message that does not cross, and why; boxed, as it is the rarer case.
type Refused = Box<(Box<Message>, Why)>;

/// The pairs of the two domains of a message, if the gateway serves both.
struct Pairs<'a> {
    from: &'a DomainPair,
    to: &'a DomainPair,
}

/// Whether a message may cross at all.
fn admit<'a>(
    view: View<'a>,
    link: LinkId,
    message: &Message,
    sender: &Jid,
    recipient: &Jid,
) -> Result<Pairs<'a>, Why> {
    let domains = &view.config.domains;
    let Some(from) = domains.of_jid(sender.domain()).filter(|pair| pair.side == Side::Xmpp) else {
        let saying = match invitation::is_mediated(message) {
            true => Saying::RoomInvitation,
            false => Saying::ForeignDomain,
        };
        return Err((Condition::Forbidden, saying));
    };
    let home = domains.of_jid(recipient.domain());
    let Some(to) = home.filter(|pair| pair.side == Side::Sip { component: link.0 }) else {
        return Err((Condition::ItemNotFound, Saying::UnservedDomain));
    };
    if recipient.node().is_none() {
        return Err((Condition::ServiceUnavailable, Saying::ToGateway));
    }
    if message.kind == MessageKind::Groupchat {
        return Err((Condition::ServiceUnavailable, Saying::NoRoom));
    }
    if view.state.draining() {
        return Err((Condition::ResourceConstraint, Saying::Stopping));
    }
    Ok(Pairs { from, to })
}

/// Addresses a message for SIP.
fn address(view: View<'_>, link: LinkId, message: Box<Message>) -> Result<Box<Outbound>, Refused> {
    let (Some(sender), Some(recipient)) = (message.from.clone(), message.to.clone()) else {
        return Err(Box::new((message, (Condition::BadRequest, Saying::ToGateway))));
    };
    let Pairs { from, to } = match admit(view, link, &message, &sender, &recipient) {
        Ok(pairs) => pairs,
        Err(why) => return Err(Box::new((message, why))),
    };
    let rules = &view.rules.addresses;
    let native = is_native(from) && is_native(to);
    if is_refused(rules, &recipient) {
        return Err(Box::new((message, (Condition::ItemNotFound, Saying::Nobody))));
    }
    let spelling = view.state.sip_spelling(&recipient);
    let addresses = (
        to_uri(rules, to, &recipient, known_device(view, &recipient), spelling),
        to_uri(rules, from, &sender, Device::ByRule, None),
    );
    let (Some(target), Some(from)) = addresses else {
        return Err(Box::new((message, (Condition::JidMalformed, Saying::NoSipForm))));
    };
    let mut outbound = Box::new(Outbound {
        correlation: Correlation(correlation(view, &message)),
        link,
        stanza: message,
        sender,
        recipient,
        to: NameAddr::new(target.clone()),
        from: NameAddr::new(from),
        target,
        profile: Profile::Text,
        forms: Forms::One,
        shows: None,
        peer: first_peer(view, Service::Im, None),
        received: view.now,
        octets: 0,
        native,
        notice: false,
        part: None,
    });
    let settings = view.rules.messages.of(&outbound.facts());
    target::choose(view, settings, &mut outbound);
    let im = settings.to_scheme == AddressScheme::Im || has_im(view, to);
    if im && let Some(to) = im_uri(&outbound.target, settings.im_escaping) {
        outbound.to = NameAddr::new(to);
    }
    Ok(outbound)
}

/// Whether the users of a domain have im: addresses, by what it advertises (RFC 3861).
fn has_im(view: View<'_>, pair: &DomainPair) -> bool {
    pair.advertised && view.state.advertises(Service::Im, &pair.sip)
}

/// Whether a domain has the same name on both sides, as a certificate wants it (RFC 3923 §6.3).
pub(super) fn is_native(pair: &DomainPair) -> bool {
    pair.xmpp == pair.sip
}

/// A resource names a device of a SIP user only when that was learnt from the user: a
/// guessed gr makes a registrar answer 404.
fn known_device(view: View<'_>, recipient: &Jid) -> Device {
    if view.state.knows_device(recipient) { Device::Learnt } else { Device::Left }
}

/// A correlation id for a message: from its addresses, its id and the time it came.
fn correlation(view: View<'_>, message: &Message) -> u64 {
    let from = message.from.as_ref().map_or("", |jid| jid.as_str());
    let id = message.id.as_deref().unwrap_or_default();
    let time = view.now.instant.0.to_be_bytes();
    let parts = [from.as_bytes(), id.as_bytes(), &time];
    view.state.hash(crate::state::ids::Purpose::Correlation, &parts)
}

fn iq_routed(view: View<'_>, link: LinkId, iq: Box<Iq>) -> Routed {
    match iq.kind {
        IqKind::Get | IqKind::Set => {
            let named = prompted(view, link, &iq);
            Routed::Query { link, iq, named }
        }
        IqKind::Result | IqKind::Error => {
            let barrier = view.state.link(link).is_some_and(|state| state.is_barrier(&iq.id));
            match barrier {
                true => Routed::Barrier { link },
                false => Routed::Drop(Counter::XmppStrayResult),
            }
        }
    }
}

/// The JID of the SIP address that a user was asked for (XEP-0100, `jabber:iq:gateway`).
fn prompted(view: View<'_>, link: LinkId, iq: &Iq) -> Option<Jid> {
    let query = iq.payload.as_ref().filter(|query| query.is("query", xmpp::ns::GATEWAY))?;
    let address = written(&query.child("prompt", xmpp::ns::GATEWAY)?.text())?;
    let asker = iq.from.as_ref()?.domain();
    let pair = view.config.domains.sip_users(&domain(address.uri())?, asker)?;
    if pair.side != (Side::Sip { component: link.0 }) {
        return None;
    }
    to_jid(&view.rules.addresses, pair, &address, Device::Left, None).ok()
}
