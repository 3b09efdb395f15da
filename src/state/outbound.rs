//! Messages to SIP: queues, client transactions, outcomes.

use std::sync::Arc;

use bytes::Bytes;

use super::attempt::{NextHop, UDP_MOST};
use super::client::{Attempt, Client, Lost, Owner};
use super::delivery::{Place, RequestIds, Slot};
use super::ids::Purpose;
use super::timer::{Lane, Timer};
use super::transaction::client::{Due, NonInviteClient};
use super::{State, request};
use crate::codec::sip::CallId;
use crate::codec::xmpp::Stanza;
use crate::config::Service;
use crate::flow::{
    Counter, DeliveryId, Effect, Entry, Event, Failure, Followup, Forms, Hop, Now, Origin,
    Outbound, Outcome, Rendered, SubscriptionResponse,
};

impl State {
    /// Sends a message, or lets it wait in its queue.
    pub(super) fn send(
        &mut self,
        now: Now,
        outbound: Box<Outbound>,
        rendered: Rendered,
        origin: Origin,
        effects: &mut Vec<Effect>,
    ) {
        let id = match origin {
            Origin::Again(id) => {
                let Some(delivery) = self.deliveries.get_mut(id) else { return };
                delivery.outbound = outbound;
                id
            }
            Origin::New(taken) => {
                let id = DeliveryId(self.deliveries.last() + 1);
                effects.push(Effect::Journal(Entry::Taken(id, taken)));
                match self.enqueue(id, outbound, effects) {
                    true => id,
                    false => return,
                }
            }
            Origin::Recovered(id, sent) => {
                let turn = self.enqueue(id, outbound, effects);
                let Some(delivery) = self.deliveries.get_mut(id) else { return };
                delivery.resume = sent;
                if !turn {
                    return;
                }
                id
            }
        };
        let Some(delivery) = self.deliveries.get_mut(id) else { return };
        delivery.max_request_octets = rendered.max_request_octets;
        delivery.splits = rendered.long.is_some();
        match delivery.resume.take() {
            Some(sent) => self.resume(now, id, sent, effects),
            None => self.send_first(now, id, &rendered, effects),
        }
    }

    /// Makes the first request of a delivery, or the first in another form.
    pub(super) fn send_first(
        &mut self,
        now: Now,
        id: DeliveryId,
        rendered: &Rendered,
        effects: &mut Vec<Effect>,
    ) {
        let tried = self.deliveries.get(id).map(|it| it.tried.clone()).unwrap_or_default();
        let Some(way) = self.next_hop(now, Service::Im, &tried, false) else {
            // The DNS has not said yet where the peers are; it has a deadline.
            if self.peers.iter().any(|peer| !peer.located) {
                return self.unrouted.push(id);
            }
            return self.again_fail(id, Failure::NoPeer);
        };
        let Some(dialogue) = self.request_ids(id, rendered.conversation.clone()) else { return };
        let branch = self.ids.random();
        let config = Arc::clone(&self.config);
        let listener = |hop: Hop| config.sip.listen.get(hop.listener.0);
        let Some(delivery) = self.deliveries.get_mut(id) else { return };
        delivery.request_ids = Some(dialogue.clone());
        let request = listener(way.hop).and_then(|listener| {
            request::message(&delivery.outbound, rendered, &dialogue, listener, branch)
        });
        let Some(mut request) = request else { return self.again_fail(id, Failure::NoPeer) };
        self.authorize(way.peer, &mut request);
        let octets = request.to_bytes();
        if octets.len() > rendered.max_request_octets || rendered.is_shown_in_part() {
            return self.too_long(id, octets.len(), rendered.max_request_octets, rendered, effects);
        }
        if octets.len() <= UDP_MOST || way.hop.transport.reliable() {
            return self.carry(now, id, branch, way, octets, effects);
        }
        // RFC 3261 §18.1.1: the transport changes, and the Via with it.
        let Some(way) = self.next_hop(now, Service::Im, &tried, true) else {
            return self.too_long(id, octets.len(), UDP_MOST, rendered, effects);
        };
        let Some(via) = listener(way.hop).and_then(|listener| request::via(listener, branch))
        else {
            return self.again_fail(id, Failure::NoPeer);
        };
        request.via = vec![via];
        self.authorize(way.peer, &mut request);
        let octets = request.to_bytes();
        if octets.len() > way.most() {
            return self.too_long(id, octets.len(), way.most(), rendered, effects);
        }
        self.carry(now, id, branch, way, octets, effects);
    }

    /// Puts a message into its queue; the answer says whether it may be sent now.
    pub(super) fn enqueue(
        &mut self,
        id: DeliveryId,
        outbound: Box<Outbound>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        self.note_xmpp_user(&outbound.sender, outbound.from.uri());
        let target_text = outbound.target.as_str().as_bytes();
        let target = self.ids.hash(Purpose::Target, &[target_text]);
        let sender = outbound.sender.bare_str().to_owned();
        let line = self.ids.hash(Purpose::Line, &[sender.as_bytes(), target_text]);
        let sender = self.ids.hash(Purpose::User, &[sender.as_bytes()]);
        let place = Place { sender, line, target, octets: outbound.octets };
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
        match self.deliveries.begin(id, outbound, place) {
            Slot::Now => true,
            Slot::Wait => false,
            Slot::Full => {
                self.again_fail(id, Failure::QueueFull);
                false
            }
            Slot::Over => {
                self.counters.count(Counter::OutboundOverShare);
                self.again_fail(id, Failure::ShareFull);
                false
            }
        }
    }

    /// The identifiers of the next request of a delivery: a retry stays in its conversation with
    /// the next CSeq (RFC 3261 §8.1.3.5).
    fn request_ids(&mut self, id: DeliveryId, conversation: Option<CallId>) -> Option<RequestIds> {
        let delivery = self.deliveries.get_mut(id)?;
        let from = delivery.outbound.from.uri().as_str().to_owned();
        let unused = std::mem::take(&mut delivery.unused);
        match delivery.request_ids.clone() {
            Some(before) if unused => Some(before),
            Some(before) => Some(self.conversations.again(&self.ids, &before, &from)),
            None => Some(self.conversations.next(&mut self.ids, conversation, &from)),
        }
    }

    /// The CSeq of the next request of a delivery.
    pub(super) fn next_cseq(&mut self, id: DeliveryId) -> Option<u32> {
        let dialogue = self.request_ids(id, None)?;
        let cseq = dialogue.cseq;
        self.deliveries.get_mut(id)?.request_ids = Some(dialogue);
        Some(cseq)
    }

    /// Starts a client transaction.
    pub(super) fn begin_client(
        &mut self,
        now: Now,
        owner: Owner,
        branch: u64,
        way: NextHop,
        octets: Bytes,
        effects: &mut Vec<Effect>,
    ) {
        let NextHop { peer, hop } = way;
        let machine = NonInviteClient::new(now.instant, self.timing, hop.transport.reliable());
        let first = machine.deadline();
        match hop.transport.reliable() {
            true => self.timers.set(first, Timer::Client(branch)),
            false => self.timers.set_in(Lane::First, first, Timer::Client(branch)),
        }
        self.send_octets(hop, octets.clone(), "SIP request", effects);
        self.begun += 1;
        let number = self.begun;
        let (lost, unsent, attempt) = (Lost::default(), false, Attempt::default());
        let place = self.takes_place(owner, way);
        let client =
            Client { owner, peer, hop, octets, number, lost, attempt, place, unsent, machine };
        self.clients.insert(branch, client);
    }

    /// Starts the client transaction of a message.
    pub(super) fn carry(
        &mut self,
        now: Now,
        id: DeliveryId,
        branch: u64,
        way: NextHop,
        octets: Bytes,
        effects: &mut Vec<Effect>,
    ) {
        self.begin_client(now, Owner::Delivery(id), branch, way, octets, effects);
        self.note_sent(now, branch, effects);
    }

    /// A provisional response.
    pub(super) fn proceeding(&mut self, branch: u64) {
        if let Some(client) = self.clients.get_mut(&branch) {
            client.machine.provisional();
        }
    }

    /// Takes out a client transaction that is over.
    pub(super) fn end_client(&mut self, branch: u64) -> Option<Client> {
        let mut client = self.clients.remove(&branch)?;
        self.leaves_place(&mut client);
        self.note_left(&mut client);
        Some(client)
    }

    /// Counts a request of a subscription once it is known to have left.
    pub(super) fn note_left(&mut self, client: &mut Client) {
        if let Some(counter) = client.leaves() {
            self.counters.count(counter);
        }
    }

    /// Timer E or F.
    pub(super) fn fire_client(&mut self, now: Now, branch: u64, effects: &mut Vec<Effect>) {
        if self.clients.get(&branch).is_some_and(|client| client.unsent) {
            return;
        }
        let Some(mut client) = self.clients.remove(&branch) else { return };
        match client.machine.fire(now.instant) {
            Due::Retransmit => {
                self.counters.count(Counter::SipRetransmissions);
                self.send_octets(client.hop, client.octets.clone(), "SIP request", effects);
                self.leaves_place(&mut client);
            }
            Due::Nothing => {}
            Due::Timeout => {
                self.note_left(&mut client);
                return self.client_failed(now, client, Failure::Timeout, effects);
            }
        }
        self.timers.set(client.machine.deadline(), Timer::Client(branch));
        self.clients.insert(branch, client);
    }

    /// A transaction ended without a response: the next server, if there is one, has its turn.
    pub(super) fn client_failed(
        &mut self,
        now: Now,
        mut client: Client,
        failure: Failure,
        effects: &mut Vec<Effect>,
    ) {
        self.leaves_place(&mut client);
        let id = match client.owner {
            Owner::Delivery(id) => id,
            Owner::Options(peer, target) => {
                let why = match failure {
                    Failure::Timeout => "it does not answer OPTIONS",
                    _ => "it cannot be reached",
                };
                return self.server_failed(peer, target, why, effects);
            }
            Owner::Subscribe(..) | Owner::Notify(..) | Owner::Object(..) => {
                self.probe_server(now, client.hop, effects);
                return self.subscription_failed(now, &client, failure, effects);
            }
        };
        self.probe_server(now, client.hop, effects);
        if self.try_next(now, id, &client, effects) {
            return;
        }
        self.again_fail(id, failure);
        let status = if failure == Failure::Timeout { 408 } else { 503 };
        self.give_up_behind(id, status);
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
        let Some(client) = self.end_client(branch) else { return };
        let id = match client.owner {
            Owner::Options(peer, target) => {
                return self.server_answered(peer, target, status, effects);
            }
            // Its responses are of another kind.
            Owner::Subscribe(..) | Owner::Notify(..) | Owner::Object(..) => return,
            Owner::Delivery(id) => id,
        };
        self.note_taken(id, status);
        match outcome {
            Outcome::Retry { profile } => {
                self.counters.count(Counter::OutboundRetried);
                if let Some(delivery) = self.deliveries.get_mut(id) {
                    delivery.outbound.profile = profile;
                    delivery.outbound.forms = Forms::Turned;
                    delivery.outbound.part.iter_mut().for_each(|part| part.rejoin());
                    delivery.begin_anew();
                }
                self.again(Followup::Send(id));
            }
            Outcome::Failed(answer) => {
                if status == 503 {
                    // It may be one user's trouble, told wrongly: OPTIONS will show.
                    self.probe_server(now, client.hop, effects);
                    if self.try_next(now, id, &client, effects) {
                        return;
                    }
                }
                if matches!(status, 408 | 480 | 503) {
                    self.give_up_behind(id, status);
                }
                self.fail(now, id, &answer, &format!("SIP answered {status}"), effects);
            }
            Outcome::Silent if self.next_part(id, effects) => {}
            Outcome::Silent => {
                self.counters.count(Counter::OutboundTaken);
                self.record_ended(id, effects);
                self.end(id, "SIP took it", false, effects);
            }
        }
    }

    /// A SUBSCRIBE or NOTIFY has its final response.
    pub(super) fn answered(
        &mut self,
        now: Now,
        answered: &SubscriptionResponse,
        effects: &mut Vec<Effect>,
    ) {
        let Some(client) = self.end_client(answered.branch) else { return };
        self.subscription_answered(now, client.owner, answered, effects);
    }

    /// Tells a sender that the message failed, and ends it.
    pub(super) fn fail(
        &mut self,
        now: Now,
        id: DeliveryId,
        answer: &Stanza,
        why: &str,
        effects: &mut Vec<Effect>,
    ) {
        let Some(delivery) = self.deliveries.get(id) else { return };
        let (link, correlation) = (delivery.outbound.link, delivery.outbound.correlation);
        if delivery.outbound.notice {
            return self.end(id, why, true, effects);
        }
        self.counters.count(Counter::OutboundFailed);
        self.report_outcome(now, link, id, correlation, answer, effects);
        self.end(id, why, true, effects);
    }

    fn end(&mut self, id: DeliveryId, outcome: &str, failed: bool, effects: &mut Vec<Effect>) {
        let (delivery, turns) = self.deliveries.end(id);
        if let Some(delivery) = delivery
            && (self.verbose || failed)
        {
            let correlation = delivery.outbound.correlation;
            effects.push(Effect::Event(Event::Ended {
                correlation,
                outcome: outcome.to_owned(),
                failed,
            }));
        }
        for next in turns {
            self.again(Followup::Send(next));
        }
    }
}
