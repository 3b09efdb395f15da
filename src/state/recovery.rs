//! Messages to SIP over the death of a process: what an earlier one left is taken up again.

use std::time::Duration;

use super::attempt::NextHop;
use super::client::Owner;
use super::locator::Target;
use super::{State, peer, request};
use crate::flow::{
    Counter, DeliveryId, Effect, Entry, Event, Failure, Forms, Now, PeerId, Profile, Sent,
};

/// What the last CSeq number counts as at least, for a process that takes a conversation up again. The journal
/// does not know every request that an earlier process sent there, and a number used twice looks
/// like a merged request (RFC 3261 §8.2.2.2). The clock rises over every restart, as §8.1.1.5
/// proposes: in units of 16 ms it stays below 2^30, and starts anew after 198 days.
fn least_cseq(now: Now) -> u32 {
    u32::try_from((now.unix_ms / 16) % (1 << 30)).unwrap_or(0)
}

impl State {
    /// Notes that a message has its outcome and that its sender was told, where one had to be.
    pub(super) fn record_ended(&mut self, id: DeliveryId, effects: &mut Vec<Effect>) {
        effects.push(Effect::Journal(Entry::Ended(id)));
    }

    /// A message of an earlier process ends without a word: nobody is left whom it concerns.
    pub(super) fn abandon(&mut self, id: DeliveryId, effects: &mut Vec<Effect>) {
        self.counters.count(Counter::OutboundUntold);
        effects.push(Effect::Event(Event::Abandoned(id)));
        self.record_ended(id, effects);
    }

    /// Goes on with a request of an earlier process. While the peer may still have its
    /// transaction (64 × T1, RFC 3261 §17.2.2), the same octets under the same branch are no
    /// second message to it, and its answer tells what became of the first. Later the outcome
    /// cannot be found out, and the request might deliver twice: it is not sent any more.
    pub(super) fn resume(
        &mut self,
        now: Now,
        id: DeliveryId,
        sent: Sent,
        effects: &mut Vec<Effect>,
    ) {
        self.counters.count(Counter::OutboundRecovered);
        let target = Target { transport: sent.transport, remote: sent.remote };
        let age = now.unix_ms.saturating_sub(sent.unix_ms);
        let rest = self.timing.lifetime().saturating_sub(Duration::from_millis(age));
        let found = request::known(&sent.octets).filter(|_| !rest.is_zero());
        let hop = peer::hop(&self.config.sip, target);
        let (Some(found), Some(hop)) = (found, hop) else {
            return self.again_fail(id, Failure::Unknown);
        };
        let request::Known { branch, dialogue, profile } = found;
        // What must be asked anew stays in the conversation, with a higher CSeq.
        if let Some(delivery) = self.deliveries.get_mut(id) {
            let from = delivery.outbound.from.uri().as_str();
            let least = least_cseq(now);
            delivery.request_ids =
                Some(self.conversations.resume(&self.ids, dialogue, from, least));
            delivery.outbound.profile = profile;
            // Whether it was turned already is not known.
            if profile == Profile::Text {
                delivery.outbound.forms = Forms::Turned;
            }
        }
        let is_there = |peer: &peer::PeerState| {
            peer.servers.iter().any(|server| server.candidate.target == target)
        };
        let peer = PeerId(self.peers.iter().position(is_there).unwrap_or(0));
        let way = NextHop { peer, hop };
        self.begin_client(now, Owner::Delivery(id), branch, way, sent.octets, effects);
        self.end_client_by(branch, now.instant + rest);
    }

    /// Notes the request that carries a message.
    pub(super) fn note_sent(&mut self, now: Now, branch: u64, effects: &mut Vec<Effect>) {
        let Some(client) = self.clients.get(&branch) else { return };
        let Owner::Delivery(id) = client.owner else { return };
        if self.deliveries.get(id).is_some_and(|delivery| delivery.outbound.notice) {
            return;
        }
        let sent = Sent {
            octets: client.octets.clone(),
            transport: client.hop.transport,
            remote: client.hop.remote,
            unix_ms: now.unix_ms,
        };
        effects.push(Effect::Journal(Entry::Sent(id, sent)));
    }
}
