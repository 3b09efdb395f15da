//! The presence stanzas that the gateway writes for SIP users; what they carry is translated
//! already.

use super::authorization::Stanza as Kind;
use super::pair::{Dirty, Probe};
use super::{DEVICES, State};
use crate::codec::xml::{Element, Text};
use crate::codec::xmpp::{Condition, Presence, PresenceKind, Stanza, StanzaError, ns};
use crate::flow::{Correlation, Counter, Device, Effect, Now, PairId, Phrasebook, UserPair, stamp};
use crate::state::link::{Link, Waiter};

/// A stanza between the two bare JIDs of a pair (RFC 6121 §3).
fn bare(pair: &UserPair, kind: PresenceKind, id: Option<Text>) -> Presence {
    Presence {
        from: Some(pair.sip_user.clone()),
        to: Some(pair.xmpp_user.clone()),
        id,
        kind,
        ..Presence::default()
    }
}

impl State {
    /// A subscription stanza: it is held until the server has it, over a loss of the link too.
    /// `id` is that of what it answers; one that answers nothing has an id of its own.
    pub(super) fn send_subscription(
        &mut self,
        now: Now,
        pair: &UserPair,
        kind: Kind,
        id: Option<Text>,
        effects: &mut Vec<Effect>,
    ) {
        let kind = match kind {
            Kind::Subscribe => PresenceKind::Subscribe,
            Kind::Subscribed => PresenceKind::Subscribed,
            Kind::Unsubscribe => PresenceKind::Unsubscribe,
            Kind::Unsubscribed => PresenceKind::Unsubscribed,
        };
        let id = id.unwrap_or_else(|| self.ids.token().into());
        let stanza = Stanza::Presence(Box::new(bare(pair, kind, Some(id))));
        self.hold_presence(now, pair, &stanza, effects);
    }

    /// Sends the SIP user's request to see the XMPP user, with a nickname (XEP-0172 §4.1).
    pub(super) fn ask(
        &mut self,
        now: Now,
        pair: &UserPair,
        id: Text,
        nick: Option<&Text>,
        effects: &mut Vec<Effect>,
    ) {
        let mut stanza = bare(pair, PresenceKind::Subscribe, Some(id));
        let element = |nick: &Text| Element::new("nick", ns::NICK).with_text(nick.clone());
        stanza.extensions.extend(nick.map(element));
        self.hold_presence(now, pair, &Stanza::Presence(Box::new(stanza)), effects);
    }

    /// Sends the error that answers the XMPP user's request.
    pub(super) fn send_subscription_error(
        &mut self,
        now: Now,
        pair: &UserPair,
        id: Option<Text>,
        error: StanzaError,
        effects: &mut Vec<Effect>,
    ) {
        let mut stanza = bare(pair, PresenceKind::Error, id);
        stanza.error = Some(error);
        self.hold_presence(now, pair, &Stanza::Presence(Box::new(stanza)), effects);
    }

    fn hold_presence(
        &mut self,
        now: Now,
        pair: &UserPair,
        stanza: &Stanza,
        effects: &mut Vec<Effect>,
    ) {
        let bound = self.config.limits.unconfirmed;
        let id = pair.link;
        let octets = self.measured(stanza, effects);
        let print = octets.as_ref().map(|octets| self.fingerprint(octets.as_bytes()));
        let takes = |link: &&mut Link| {
            link.held() < bound && print.is_some_and(|print| !link.is_aside(print))
        };
        let link = self.links.get_mut(id.0).filter(takes);
        let (Some(link), Some(octets)) = (link, octets) else {
            return self.counters.count(Counter::PresenceUntold);
        };
        let correlation = Correlation(pair.id.0);
        link.hold(now.instant, String::new(), octets, Waiter::Nobody, false, correlation);
        self.pump(now, id, effects);
        self.set_timer(id);
    }

    /// A stanza that is of no use later: while the link is down it is dropped, and what went
    /// meanwhile is told when it is back.
    pub(super) fn send_presence(
        &mut self,
        pair: &UserPair,
        presence: Presence,
        effects: &mut Vec<Effect>,
    ) {
        self.counters.count(Counter::PresenceShown);
        if presence.kind == PresenceKind::Unavailable
            && !self.links.get(pair.link.0).is_some_and(Link::is_up)
        {
            return self.leave_untold(pair, &presence);
        }
        self.write(pair.link, &Stanza::Presence(Box::new(presence)), effects);
    }

    /// The link is down: that a device is gone is told when it is back; what is there is shown
    /// anew then anyway.
    fn leave_untold(&mut self, pair: &UserPair, presence: &Presence) {
        let Some(known) = self.presence.pairs.get_mut(&pair.id) else { return };
        let Some(side) = known.subscriber_side.as_deref_mut() else { return };
        let resource = presence.from.as_ref().and_then(|from| from.resource());
        let resource: Text = resource.unwrap_or_default().into();
        if !side.untold.contains(&resource) && side.untold.len() < DEVICES {
            side.untold.push(resource);
            known.mark_dirty(Dirty::BeforeSend);
        }
    }

    /// Tells the XMPP user which devices went while the link was down.
    pub(super) fn catch_up(&mut self, id: PairId, effects: &mut Vec<Effect>) {
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let pair = known.pair();
        let Some(side) = known.subscriber_side.as_deref_mut() else { return };
        let there: Vec<Text> = (side.devices.iter().filter(|device| device.available))
            .map(|device| device.resource.clone())
            .collect();
        let untold = std::mem::take(&mut side.untold);
        if !untold.is_empty() {
            known.mark_dirty(Dirty::Deferred);
        }
        // What is gone altogether is not, if a device is there.
        let gone = |resource: &Text| {
            !there.contains(resource) && (there.is_empty() || !resource.is_empty())
        };
        for resource in untold.into_iter().filter(gone) {
            let facts = crate::flow::Facts::default();
            let device = Device { resource, available: false, facts, changed_us: 0, contact: 0 };
            self.show_device(&pair, &device, effects);
        }
    }

    /// Shows a device as it is.
    pub(super) fn show_device(
        &mut self,
        pair: &UserPair,
        device: &Device,
        effects: &mut Vec<Effect>,
    ) {
        self.send_presence(pair, device.stanza(&pair.sip_user, &pair.xmpp_user), effects);
    }

    /// Shows that nobody is there (RFC 6121 §4.3.2), with the time since when that is so.
    pub(super) fn show_gone(
        &mut self,
        pair: &UserPair,
        id: Option<Text>,
        since_us: Option<u64>,
        effects: &mut Vec<Effect>,
    ) {
        let mut presence = bare(pair, PresenceKind::Unavailable, id);
        if let Some(stamp) = since_us.and_then(stamp) {
            let delay = Element::new("delay", ns::DELAY).with_attr("stamp", stamp);
            presence.extensions.push(delay);
        }
        self.send_presence(pair, presence, effects);
    }

    /// Probes the XMPP user (RFC 6121 §4.3).
    pub(super) fn probe(&mut self, pair: &UserPair, id: &Text, effects: &mut Vec<Effect>) {
        let probe = bare(pair, PresenceKind::Probe, Some(id.clone()));
        self.write(pair.link, &Stanza::Presence(Box::new(probe)), effects);
    }

    /// Answers the XMPP user's probe from what is known of the SIP user (RFC 6121 §4.3.2).
    pub(super) fn answer_probe(
        &mut self,
        pair: &UserPair,
        probe: &Probe,
        devices: &[Device],
        gone_us: Option<u64>,
        effects: &mut Vec<Effect>,
    ) {
        let meant = |device: &&Device| {
            device.available
                && probe.resource.as_ref().is_none_or(|resource| *resource == device.resource)
        };
        let mut there = devices.iter().filter(meant).peekable();
        if there.peek().is_none() {
            return self.show_gone(pair, probe.id.clone(), gone_us, effects);
        }
        for device in there {
            match probe.resource {
                None => self.show_device(pair, device, effects),
                // Who asks for one device learns that it is there (RFC 6121 §4.3.2).
                Some(_) => {
                    let facts = crate::flow::Facts::default();
                    self.show_device(pair, &Device { facts, ..device.clone() }, effects);
                }
            }
        }
    }
}

/// What the XMPP user is told when the table of pairs is full.
pub(super) fn pairs_full(phrases: &Phrasebook, lang: Option<&str>) -> StanzaError {
    let mut error = StanzaError::new(Condition::ResourceConstraint);
    error.texts.push(phrases.watches_too_many(lang));
    error
}
