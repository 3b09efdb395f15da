//! Presence stanzas: whom they are of and for.

use super::View;
use super::address::{Device, to_uri};
use crate::codec::sip::Scheme;
use crate::codec::xmpp::{self, Condition, Jid, Presence, PresenceKind, Stanza};
use crate::config::{DomainPair, Service, Side};
use crate::flow::{Correlation, Counter, LinkId, PresenceRouted, Routed, UserPair, Watchers};
use crate::rules::{Saying, mailbox};
use crate::state::ids::Purpose;

/// A presence stanza of a component stream.
pub(super) fn routed(view: View<'_>, link: LinkId, presence: Box<Presence>) -> Routed {
    let (Some(user), Some(contact)) = (&presence.from, &presence.to) else {
        return Routed::Drop(Counter::XmppMalformed);
    };
    let domains = &view.config.domains;
    let from = domains.of_jid(user.domain());
    let to = domains.of_jid(contact.domain());
    let to = to.filter(|pair| pair.side == Side::Sip { component: link.0 });
    let is_secured = presence.extension("e2e", xmpp::ns::E2E).is_some();
    let own = from.is_some_and(|pair| pair.side != Side::Xmpp);
    let directed = matches!(presence.kind, PresenceKind::Available | PresenceKind::Unavailable);
    if is_secured && !own && directed {
        return secured(view, link, presence, from.zip(to));
    }
    let joins = directed && presence.extension("x", xmpp::ns::MUC).is_some();
    if joins && !own && presence.kind == PresenceKind::Available {
        return no_room(link, presence);
    }
    let (Some(from), Some(to)) = (from, to) else {
        return refused(link, presence, Saying::ForeignDomain);
    };
    // What a SIP user says comes from here: the server sent it back.
    if from.side != Side::Xmpp {
        return Routed::Drop(Counter::XmppPresence);
    }
    // The gateway itself has no presence.
    if contact.node().is_none() || user.node().is_none() {
        return match presence.kind {
            PresenceKind::Unavailable => Routed::Departed(user.clone()),
            PresenceKind::Subscribe => refused(link, presence, Saying::ToGateway),
            _ => Routed::Drop(Counter::XmppPresence),
        };
    }
    match pair(view, link, (to, contact), (from, user)) {
        Some(pair) => Routed::Presence(PresenceRouted::Stanza { pair, presence }),
        None => refused(link, presence, Saying::NoSipForm),
    }
}

/// A presence with an object: who watches its sender, and what each subscription takes.
fn secured(
    view: View<'_>,
    link: LinkId,
    presence: Box<Presence>,
    domains: Option<(&DomainPair, &DomainPair)>,
) -> Routed {
    let id = presence.id.as_deref().unwrap_or_default().as_bytes();
    let parts = [id, &view.now.instant.0.to_be_bytes()];
    let correlation = Correlation(view.state.hash(Purpose::Correlation, &parts));
    let users = presence.from.as_ref().zip(presence.to.as_ref());
    let pair = users.zip(domains).and_then(|((user, contact), (from, to))| {
        user.node().and(contact.node())?;
        pair(view, link, (to, contact), (from, user))
    });
    let sight = pair.map(|pair| {
        let known = view.state.presence().pair(pair.id);
        let dialogs = known.map(|known| known.object_takers().collect()).unwrap_or_default();
        Box::new(Watchers { native: is_native(view, &pair), dialogs, pair })
    });
    Routed::SecuredPresence { link, correlation, presence, sight }
}

/// Who joins a room (XEP-0045 §7.2) waits for an answer: the same as to a message for a room.
fn no_room(link: LinkId, presence: Box<Presence>) -> Routed {
    let refused = (Condition::ServiceUnavailable, Saying::NoRoom);
    let stanza = Box::new(Stanza::Presence(presence));
    Routed::Refused { link, stanza, refused, counter: Counter::XmppRefused }
}

/// Who asks for a subscription is told why there is none; all else needs no answer.
fn refused(link: LinkId, presence: Box<Presence>, saying: Saying) -> Routed {
    if presence.kind != PresenceKind::Subscribe {
        return Routed::Drop(Counter::XmppPresence);
    }
    let (stanza, refused) = (Box::new(Stanza::Presence(presence)), (Condition::Forbidden, saying));
    Routed::Refused { link, stanza, refused, counter: Counter::XmppRefused }
}

/// Whether the domains of both have the same name on both sides (RFC 3923 §6.3).
pub(super) fn is_native(view: View<'_>, pair: &UserPair) -> bool {
    let of = |jid: &Jid| view.config.domains.of_jid(jid.domain());
    [&pair.sip_user, &pair.xmpp_user]
        .into_iter()
        .all(|jid| of(jid).is_some_and(super::xmpp::is_native))
}

/// A SIP user and an XMPP user, each with the pair of their domain. A pair that is known keeps the
/// addresses that it began with.
pub(super) fn pair(
    view: View<'_>,
    link: LinkId,
    (sip, contact): (&DomainPair, &Jid),
    (xmpp, user): (&DomainPair, &Jid),
) -> Option<UserPair> {
    let id = view.state.pair_id(contact, user);
    let (contact, user) = (contact.bare(), user.bare());
    if let Some(known) = view.state.presence().pair(id) {
        // Two pairs never share a hash; if they did, neither would see the other's.
        let same = known.names.contact == contact && *known.names.xmpp_user() == user;
        return same.then(|| known.pair());
    }
    let rules = &view.rules.addresses;
    let spelling = view.state.sip_spelling(&contact);
    let contact_uri = to_uri(rules, sip, &contact, Device::Left, spelling)?;
    let user_uri = to_uri(rules, xmpp, &user, Device::Left, None)?;
    let mut pair = UserPair {
        id,
        link,
        sip_user: contact,
        xmpp_user: user,
        sip_user_uri: contact_uri,
        xmpp_user_uri: user_uri,
    };
    let rules = view.rules.presence.of(&pair.facts());
    let advertised = sip.advertised && view.state.advertises(Service::Pres, &sip.sip);
    let (pres, escaping) = (rules.pres, rules.escaping);
    if pres || advertised {
        pair.sip_user_uri = mailbox(Scheme::Pres, &pair.sip_user_uri, escaping)?;
    }
    if pres {
        pair.xmpp_user_uri = mailbox(Scheme::Pres, &pair.xmpp_user_uri, escaping)?;
    }
    Some(pair)
}
