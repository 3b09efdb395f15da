//! Messages to SIP: turns, client transactions, outcomes.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::State;
use super::delivery::{Dialogue, Turn};
use super::ids::Purpose;
use super::timer::Timer;
use super::transaction::client::{Due, NonInviteClient};
use crate::codec::sip::CallId;
use crate::codec::xmpp::Stanza;
use crate::config::Transport;
use crate::flow::{
    Again, CommitId, Counter, DeliveryId, Effect, Event, Failure, Hop, Now, Outbound, Outcome,
    PeerId, Profile, Record, Rendered,
};

/// Whose request a client transaction carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A message.
    Delivery(DeliveryId),
    /// OPTIONS to a peer.
    Peer(PeerId),
}

/// A client transaction with its octets.
#[derive(Debug)]
pub struct Client {
    /// Whose request it is.
    pub owner: Owner,
    machine: NonInviteClient,
    hop: Hop,
    octets: Bytes,
}

impl Client {
    /// The delivery that it carries; none for the gateway's own requests.
    #[must_use]
    pub fn delivery(&self) -> Option<DeliveryId> {
        match self.owner {
            Owner::Delivery(id) => Some(id),
            Owner::Peer(_) => None,
        }
    }
}

impl State {
    /// Sends a message, or lets it wait for its turn.
    pub(super) fn send(
        &mut self,
        now: Now,
        outbound: Box<Outbound>,
        rendered: Rendered,
        again: Option<DeliveryId>,
        effects: &mut Vec<Effect>,
    ) {
        let id = match again {
            Some(id) => {
                let Some(delivery) = self.deliveries.get_mut(id) else { return };
                delivery.outbound = outbound;
                id
            }
            None => {
                let Some(id) = self.take_on(outbound, effects) else { return };
                id
            }
        };
        let Some(delivery) = self.deliveries.get(id) else { return };
        let Some(hop) = self.hop(delivery.outbound.peer) else {
            return self.again_fail(id, Failure::NoPeer);
        };
        let Some(dialogue) = self.dialogue(id, rendered.conversation.clone()) else { return };
        let Some(delivery) = self.deliveries.get_mut(id) else { return };
        delivery.dialogue = Some(dialogue.clone());
        let branch = self.ids.random();
        let listener = self.config.sip.listen.get(hop.listener.0);
        let Some(listener) = listener else { return self.again_fail(id, Failure::NoPeer) };
        let octets =
            super::request::message(&delivery.outbound, &rendered, &dialogue, listener, branch);
        let Some(octets) = octets else { return self.again_fail(id, Failure::NoPeer) };
        // RFC 3428 §8: the whole request is bounded, and bare text is the shorter form.
        if octets.len() > rendered.max_request_octets {
            let shorter = delivery.outbound.may_retry && delivery.outbound.profile == Profile::Cpim;
            if shorter {
                delivery.outbound.profile = Profile::Text;
                return self.again(Again::Send(id));
            }
            return self.again_fail(id, Failure::TooLarge);
        }
        self.begin_client(now, Owner::Delivery(id), branch, hop, octets, effects);
    }

    /// Puts a new message into its line; the answer is its id when its turn is now.
    fn take_on(
        &mut self,
        outbound: Box<Outbound>,
        effects: &mut Vec<Effect>,
    ) -> Option<DeliveryId> {
        self.note_device(&outbound.sender);
        let target_text = outbound.target.as_str().as_bytes();
        let target = self.ids.hash(Purpose::Target, &[target_text]);
        let sender = outbound.sender.bare_str().to_owned();
        let line = self.ids.hash(Purpose::Line, &[sender.as_bytes(), target_text]);
        if self.verbose {
            let route = format!(
                "{} -> {} to SIP {}",
                outbound.sender,
                outbound.recipient,
                outbound.target.as_str()
            );
            let correlation = outbound.correlation;
            effects.push(Effect::Event(Event::Carried { correlation, route }));
        }
        match self.deliveries.begin(outbound, line, target) {
            (id, Turn::Now) => Some(id),
            (_, Turn::Wait) => None,
            (id, Turn::Full) => {
                self.again_fail(id, Failure::QueueFull);
                None
            }
        }
    }

    /// The identifiers of the next request of a delivery: a retry stays in its conversation with
    /// the next CSeq (RFC 3261 §8.1.3.5).
    fn dialogue(&mut self, id: DeliveryId, conversation: Option<CallId>) -> Option<Dialogue> {
        let delivery = self.deliveries.get(id)?;
        if let (None, Some(before)) = (&conversation, &delivery.dialogue) {
            return Some(Dialogue { cseq: before.cseq + 1, ..before.clone() });
        }
        let from = delivery.outbound.from.uri().as_str().to_owned();
        Some(self.conversations.next(&mut self.ids, conversation, &from))
    }

    /// Starts a client transaction.
    pub(super) fn begin_client(
        &mut self,
        now: Now,
        owner: Owner,
        branch: u64,
        hop: Hop,
        octets: Bytes,
        effects: &mut Vec<Effect>,
    ) {
        let machine = NonInviteClient::new(now.instant, self.timing, hop.transport.reliable());
        self.timers.set(machine.deadline(), Timer::Client(branch));
        effects.push(Effect::Sip { hop, octets: octets.clone() });
        self.clients.insert(branch, Client { owner, machine, hop, octets });
    }

    /// A provisional response.
    pub(super) fn proceeding(&mut self, branch: u64) {
        if let Some(client) = self.clients.get_mut(&branch) {
            client.machine.provisional();
        }
    }

    /// Timer E or F.
    pub(super) fn fire_client(&mut self, now: Now, branch: u64, effects: &mut Vec<Effect>) {
        let Some(client) = self.clients.get_mut(&branch) else { return };
        match client.machine.fire(now.instant) {
            Due::Retransmit => {
                let (hop, octets) = (client.hop, client.octets.clone());
                let next = client.machine.deadline();
                self.counters.count(Counter::SipRetransmissions);
                effects.push(Effect::Sip { hop, octets });
                self.timers.set(next, Timer::Client(branch));
            }
            Due::Nothing => self.timers.set(client.machine.deadline(), Timer::Client(branch)),
            Due::Timeout => self.client_failed(now, branch, Failure::Timeout, effects),
        }
    }

    /// Octets could not be sent to an address: every transaction that goes there fails.
    pub(super) fn unreachable(
        &mut self,
        now: Now,
        remote: SocketAddr,
        transport: Transport,
        effects: &mut Vec<Effect>,
    ) {
        let there =
            |client: &Client| client.hop.remote == remote && client.hop.transport == transport;
        let mut branches: Vec<(u64, u64)> = self
            .clients
            .iter()
            .filter(|(_, client)| there(client))
            .map(|(branch, client)| (client.machine.deadline().0, *branch))
            .collect();
        branches.sort_unstable();
        for (_, branch) in branches {
            self.client_failed(now, branch, Failure::Unreachable, effects);
        }
    }

    fn client_failed(
        &mut self,
        now: Now,
        branch: u64,
        failure: Failure,
        effects: &mut Vec<Effect>,
    ) {
        let Some(client) = self.clients.remove(&branch) else { return };
        match client.owner {
            Owner::Peer(peer) => self.peer_failed(now, peer, effects),
            Owner::Delivery(id) => {
                self.again_fail(id, failure);
                let status = if failure == Failure::Timeout { 408 } else { 503 };
                self.give_up_behind(id, status);
            }
        }
    }

    /// A dead target does not let its queue wait for as long again: everything behind fails too.
    fn give_up_behind(&mut self, id: DeliveryId, status: u16) {
        let Some(target) = self.deliveries.get(id).map(|delivery| delivery.target) else { return };
        for behind in self.deliveries.give_up(target) {
            self.again_fail(behind, Failure::Behind(status));
        }
    }

    /// A final response.
    pub(super) fn settle(
        &mut self,
        now: Now,
        branch: u64,
        outcome: Outcome,
        status: u16,
        effects: &mut Vec<Effect>,
    ) {
        let Some(client) = self.clients.remove(&branch) else { return };
        let id = match client.owner {
            Owner::Peer(peer) => return self.peer_answered(now, peer, status, effects),
            Owner::Delivery(id) => id,
        };
        match outcome {
            Outcome::Retry { profile, remember } => {
                self.counters.count(Counter::OutboundRetried);
                self.remember(now, id, profile, remember, effects);
                if let Some(delivery) = self.deliveries.get_mut(id) {
                    delivery.outbound.profile = profile;
                }
                self.again(Again::Send(id));
            }
            Outcome::Failed(answer) => {
                if matches!(status, 408 | 480 | 503) {
                    self.give_up_behind(id, status);
                }
                self.fail(id, &answer, &format!("SIP answered {status}"), effects);
            }
            Outcome::Taken | Outcome::Own => {
                self.counters.count(Counter::OutboundTaken);
                self.end(id, "SIP took it", false, effects);
            }
        }
    }

    /// Remembers that a target wants another form, on disk as well.
    fn remember(
        &mut self,
        now: Now,
        id: DeliveryId,
        profile: Profile,
        kept: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let Some(delivery) = self.deliveries.get(id) else { return };
        if profile != Profile::Text {
            return;
        }
        let address = delivery.outbound.target.as_str().to_owned();
        let kept = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
        let until_unix_ms = now.unix_ms.saturating_add(kept);
        self.text_targets.insert(address.as_str().into(), until_unix_ms);
        self.commits += 1;
        effects.push(Effect::Commit {
            id: CommitId(self.commits),
            records: vec![Record::TextProfile { address, until_unix_ms }],
            then: Vec::new(),
        });
    }

    /// Tells a sender that his message failed, and ends it.
    pub(super) fn fail(
        &mut self,
        id: DeliveryId,
        answer: &Stanza,
        why: &str,
        effects: &mut Vec<Effect>,
    ) {
        let Some(link) = self.deliveries.get(id).map(|delivery| delivery.outbound.link) else {
            return;
        };
        self.counters.count(Counter::OutboundFailed);
        self.write(link, answer, effects);
        self.end(id, why, true, effects);
    }

    fn end(&mut self, id: DeliveryId, outcome: &str, failed: bool, effects: &mut Vec<Effect>) {
        let (delivery, turns) = self.deliveries.end(id);
        if let Some(delivery) = delivery
            && (self.verbose || failed)
        {
            let correlation = delivery.outbound.correlation;
            effects.push(Effect::Event(Event::Ended { correlation, outcome: outcome.to_owned() }));
        }
        for next in turns {
            self.again(Again::Send(next));
        }
    }
}
