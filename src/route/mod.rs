//! Who, and which rule: looks everything up, changes nothing.
//!
//! Transactions and links are looked up read-only, so that retransmissions, responses, bounces
//! and barrier replies never reach the translation.

mod address;
mod admission;
mod invitation;
mod peer;
mod presence;
mod sip;
mod subscription;
mod target;
mod xmpp;

use crate::codec::sip::{NameAddr, Uri};
use crate::codec::xmpp::{Jid, JidError};
use crate::config::{Config, DomainPair};
use crate::flow::{Followup, Input, Now, Origin, PresenceRouted, Routed, TargetStatus};
use crate::rules::{Addresses, Rules};
use crate::state::State;

/// What routing may look at.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The mapping rules.
    pub rules: &'a Rules,
    /// The state, read-only.
    pub state: &'a State,
    /// Now.
    pub now: Now,
}

/// The SIP URI of a JID of a pair's domain, its device with it where the rules say so.
#[must_use]
pub fn uri_of(rules: &Addresses, pair: &DomainPair, jid: &Jid) -> Option<Uri> {
    address::to_uri(rules, pair, jid, address::Device::ByRule, None)
}

/// The JID of a SIP address of a pair's domain, its device with it where the rules say so.
///
/// # Errors
/// When no JID can stand for the address.
pub fn jid_of(rules: &Addresses, pair: &DomainPair, address: &NameAddr) -> Result<Jid, JidError> {
    address::to_jid(rules, pair, address, address::Device::ByRule, None)
}

/// The domain of the JID that a pair of the rules makes of an address.
#[must_use]
pub fn paired_domain(rules: &Addresses, uri: &Uri) -> Option<String> {
    address::paired_jid(rules, uri).map(|(_, domain, ..)| domain)
}

/// What is known of a SIP user as a target of messages.
#[must_use]
pub fn target_status(view: View<'_>, user: &Jid) -> TargetStatus {
    target::status(view, user)
}

/// Finds out what an input is and whom it concerns.
#[must_use]
pub fn route(view: View<'_>, input: Input) -> Routed {
    match input {
        Input::Sip { flow, octets } => sip::message(view, flow, octets),
        Input::Unreadable { flow, malformed } => sip::unreadable(view, flow, *malformed),
        Input::Xmpp { link, octets, context } => xmpp::stanza(view, link, &context, octets),
        Input::Oversized { link, head } => xmpp::oversized(view, link, &head),
        Input::Followup(again) => again_routed(view, again),
        Input::Recovered(unfinished) => xmpp::recovered(view, *unfinished),
        other => Routed::State(other),
    }
}

/// A delivery makes another pass: its form is chosen anew.
fn again_routed(view: View<'_>, again: Followup) -> Routed {
    let id = match again {
        Followup::Send(id) | Followup::Fail(id, _) => id,
        Followup::Notify(pair, dialogs) => return subscription::render(view, pair, &dialogs),
        Followup::Subscribe(pair, dialog, seconds) => {
            return subscription::asking(view, pair, dialog, seconds);
        }
        Followup::Lost(link, stanza, failure) => {
            return Routed::Presence(PresenceRouted::Lost { link, stanza, failure });
        }
        Followup::Unsent(..) | Followup::Object(..) => {
            return Routed::State(Input::Followup(again));
        }
    };
    let Some(delivery) = view.state.deliveries().get(id) else {
        return Routed::State(Input::Followup(again));
    };
    let mut outbound = delivery.outbound.clone();
    match again {
        Followup::Fail(delivery, failure) => {
            let seen = view.state.has_been_seen(&outbound.recipient);
            Routed::Failed { delivery, outbound, failure, seen }
        }
        _ => {
            target::choose_again(view, &mut outbound);
            Routed::Outbound { outbound, origin: Origin::Again(id) }
        }
    }
}
