//! Invitations through a room (XEP-0045 §7.8.2): whose they are.

use super::View;
use crate::codec::xml::Element;
use crate::codec::xmpp::{Jid, Message, Payload, ns};
use crate::config::Side;
use crate::rules::{Direction, Facts};

/// Whether a message is an invitation through a room.
pub(super) fn is_mediated(message: &Message) -> bool {
    message.extensions.iter().any(|child| Payload::of(child) == Payload::MediatedInvitation)
}

/// A message as it is, or as the direct invitation (XEP-0249) of who invites through a room. SIP
/// users know no rooms: an answer is of use to that user alone, and so is an error.
pub(super) fn attributed(view: View<'_>, mut message: Box<Message>) -> Box<Message> {
    let Some((inviter, invitation)) = direct(view, &message) else { return message };
    message.from = Some(inviter);
    // The text of a mediated invitation is the service's.
    message.bodies.clear();
    message.extensions.retain(|child| !matches!(&*child.ns, ns::MUC_USER | ns::CONFERENCE));
    message.extensions.push(invitation);
    message
}

/// Who invites, and the same as a direct invitation, where the room is believed.
fn direct(view: View<'_>, message: &Message) -> Option<(Jid, Element)> {
    let mediated = |child: &&Element| Payload::of(child) == Payload::MediatedInvitation;
    let told = message.extensions.iter().find(mediated)?;
    let invite = told.child("invite", ns::MUC_USER)?;
    let (room, recipient) = (message.from.as_ref()?, message.to.as_ref()?);
    let inviter = Jid::parse(invite.attr("from")?).ok()?;
    let pair = view.config.domains.of_jid(inviter.domain())?;
    let is_user = pair.side == Side::Xmpp && inviter.node().is_some();
    if !is_user || !is_believed(view, room, &inviter, recipient) {
        return None;
    }
    let text = |parent: &Element, name: &str| {
        let text = parent.child(name, ns::MUC_USER).map(Element::text);
        text.filter(|text| !text.is_empty())
    };
    let mut invitation = Element::new("x", ns::CONFERENCE).with_attr("jid", room.bare_str());
    if let Some(reason) = text(invite, "reason") {
        invitation = invitation.with_attr("reason", reason);
    }
    if let Some(password) = text(told, "password") {
        invitation = invitation.with_attr("password", password);
    }
    Some((inviter, invitation))
}

/// Whether a room may say who invites: one of a service below the user's own domain, or of one that
/// the rules name. Any other domain could write in the name of any user. A room speaks from its bare
/// JID, no client does (RFC 6120 §8.1.2.1).
fn is_believed(view: View<'_>, room: &Jid, inviter: &Jid, recipient: &Jid) -> bool {
    let facts = Facts {
        direction: Direction::ToSip,
        from: inviter.bare_str(),
        to: recipient.bare_str(),
        stanza: "message",
        method: "MESSAGE",
        ..Facts::default()
    };
    let service = room.domain();
    let below = service.strip_suffix(inviter.domain()).is_some_and(|rest| rest.ends_with('.'));
    let named = || view.rules.messages.of(&facts).room_services.iter().any(|it| it == service);
    room.node().is_some() && room.resource().is_none() && (below || named())
}
