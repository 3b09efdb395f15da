//! One message may need several requests: with credentials, by another server, by another
//! transport. Each is a client transaction of its own under a new branch.

use std::net::SocketAddr;

use bytes::Bytes;

use super::State;
use super::client::{Client, Owner};
use super::digest;
use super::locator::Target;
use super::outgoing;
use super::peer;
use super::request::branch_of;
use super::timer::Timer;
use super::transaction::client::NonInviteClient;
use crate::codec::sip::{Asked, HeaderName, Message, Request, Response, Signed, asked, parse};
use crate::config::{Service, Transport};
use crate::flow::{Counter, DeliveryId, Effect, Event, Failure, Hop, Instant, Now, PeerId};

/// A request longer than this does not go by UDP (RFC 3261 §18.1.1: the path MTU is unknown).
pub(super) const UDP_MOST: usize = 1_300;
/// Servers that one message is tried at.
const SERVERS: usize = 5;
/// Challenges that are answered for one message.
const CHALLENGES: usize = 4;

/// A way to SIP.
#[derive(Debug, Clone, Copy)]
pub(super) struct NextHop {
    pub(super) peer: PeerId,
    pub(super) hop: Hop,
}

impl NextHop {
    /// The octets that a request may have at all.
    pub(super) fn most(self) -> usize {
        outgoing::most(self.hop.transport)
    }
}

impl State {
    /// The way for a message or for presence that was tried at some servers already. A large one goes by TCP, to
    /// the same address if the peer names no server for TCP (RFC 3261 §18.1.1).
    pub(super) fn next_hop(
        &mut self,
        now: Now,
        what: Service,
        tried: &[Target],
        large: bool,
    ) -> Option<NextHop> {
        let dice = self.ids.random();
        let sip = &self.config.sip;
        let fits = |peer: usize, mut target: Target| {
            if !sip.peers.get(peer)?.place.service.carries(what) {
                return None;
            }
            if large {
                target = self.for_large(now, target);
            }
            (!tried.contains(&target) && peer::hop(sip, target).is_some()).then_some(target)
        };
        let (peer, target) = peer::pick(self.peers.iter(), fits, dice)?;
        Some(NextHop { peer: PeerId(peer), hop: peer::hop(sip, target)? })
    }

    /// Adds the credentials that a peer is known to ask for.
    pub(super) fn authorize(&mut self, peer: PeerId, request: &mut Request) {
        let settings = self.config.sip.peers.get(peer.0);
        let (Some(settings), Some(sessions)) = (settings, self.digests.get_mut(peer.0)) else {
            return;
        };
        request.headers.remove(&HeaderName::Authorization);
        request.headers.remove(&HeaderName::ProxyAuthorization);
        let uri = request.uri.clone();
        let signed = Signed { method: &request.method, uri: uri.as_str(), body: &request.body };
        let ids = &mut self.ids;
        let made = sessions.credentials(&settings.accounts, signed, || ids.token());
        for (header, credentials) in made {
            request.headers.push(header, credentials.to_value());
        }
    }

    /// What a 401 or 407 asks for, as far as it can be answered: there is an account for the
    /// realm, and it was not answered for this message already, unless only the nonce is too old.
    #[must_use]
    pub fn challenged(&self, branch: u64, response: &Response) -> Vec<Asked> {
        let found = self.clients.get(&branch).and_then(|client| {
            let realms = match client.owner {
                Owner::Delivery(id) => &self.deliveries.get(id)?.realms,
                Owner::Subscribe(..) | Owner::Notify(..) | Owner::Object(..) => {
                    &client.attempt.realms
                }
                Owner::Options(..) => return None,
            };
            Some((realms, self.config.sip.peers.get(client.peer.0)?))
        });
        let Some((realms, settings)) = found else { return Vec::new() };
        if settings.accounts.is_empty() || realms.len() >= CHALLENGES {
            return Vec::new();
        }
        let mut asked = asked(response);
        asked.retain(|asked| {
            let answered = realms.contains(&asked.realm);
            digest::account(&settings.accounts, &asked.realm).is_some()
                && (asked.stale || !answered)
        });
        asked
    }

    /// Sends a request once more, with credentials (RFC 3261 §22.2): same Call-ID and From tag,
    /// the next CSeq.
    pub(super) fn authorized(
        &mut self,
        now: Now,
        branch: u64,
        asked: Vec<Asked>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(mut client) = self.end_client(branch) else { return };
        for asked in asked {
            match client.owner {
                Owner::Delivery(id) => {
                    if let Some(delivery) = self.deliveries.get_mut(id) {
                        delivery.realms.push(asked.realm.clone());
                    }
                }
                _ => client.attempt.realms.push(asked.realm.clone()),
            }
            if let Some(sessions) = self.digests.get_mut(client.peer.0) {
                sessions.begin(asked);
            }
        }
        let Owner::Delivery(id) = client.owner else {
            return self.subscription_authorized(now, &client, effects);
        };
        let Some(cseq) = self.next_cseq(id) else { return };
        self.counters.count(Counter::SipAuthorized);
        let way = NextHop { peer: client.peer, hop: client.hop };
        if !self.once_more(now, id, &client, way, Some(cseq), effects) {
            self.too_large(id);
        }
    }

    /// Tries the next server after one failed (RFC 3263 §4.3); false when there is none.
    pub(super) fn try_next(
        &mut self,
        now: Now,
        id: DeliveryId,
        client: &Client,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(delivery) = self.deliveries.get_mut(id) else { return false };
        let Hop { transport, remote, .. } = client.hop;
        delivery.tried.push(Target { transport, remote });
        if delivery.tried.len() >= SERVERS {
            return false;
        }
        let tried = delivery.tried.clone();
        let large = client.octets.len() > UDP_MOST;
        let Some(way) = self.next_hop(now, Service::Im, &tried, large) else {
            return false;
        };
        self.counters.count(Counter::OutboundRerouted);
        if !self.once_more(now, id, client, way, None, effects) {
            self.too_large(id);
        }
        true
    }

    /// Sends a request as a transaction of its own; false when credentials have made it too large.
    pub(super) fn once_more(
        &mut self,
        now: Now,
        id: DeliveryId,
        client: &Client,
        mut way: NextHop,
        cseq: Option<u32>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let branch = self.ids.random();
        let Some(delivery) = self.deliveries.get(id) else { return false };
        let most = delivery.max_request_octets;
        let mut made = self.made_again(client, way, branch, cseq);
        let large = |octets: &Bytes| (UDP_MOST + 1..=most).contains(&octets.len());
        if !way.hop.transport.reliable() && made.as_ref().is_some_and(large) {
            // RFC 3261 §18.1.1: to the same address by TCP.
            let target = Target { transport: way.hop.transport, remote: way.hop.remote };
            let target = self.for_large(now, target);
            let Some(hop) = peer::hop(&self.config.sip, target) else { return false };
            way = NextHop { hop, ..way };
            made = self.made_again(client, way, branch, cseq);
        }
        let most = most.min(way.most());
        let Some(octets) = made.filter(|octets| octets.len() <= most) else { return false };
        self.carry(now, id, branch, way, octets, effects);
        true
    }

    pub(super) fn made_again(
        &mut self,
        client: &Client,
        way: NextHop,
        branch: u64,
        cseq: Option<u32>,
    ) -> Option<Bytes> {
        let config = std::sync::Arc::clone(&self.config);
        let listener = config.sip.listen.get(way.hop.listener.0)?;
        super::request::once_more(&client.octets, listener, branch, |request| {
            if let Some(cseq) = cseq {
                request.cseq.number = cseq;
            }
            self.authorize(way.peer, request);
        })
    }

    /// A connection is gone. What it carried and is not answered goes once more, by a new
    /// connection and under the same branch, so that a server that has it knows it again
    /// (RFC 3261 §17.2.3); what was lost with two connections has failed.
    ///
    /// Peers close a connection for one message that is too large for them. So the largest request
    /// is suspected, if it is over 1300 octets: it goes last by the new connection, and if that is
    /// closed too, it alone fails.
    pub(super) fn closed(
        &mut self,
        now: Now,
        remote: SocketAddr,
        transport: Transport,
        effects: &mut Vec<Effect>,
    ) {
        let mut branches = self.clients_at(remote, transport);
        let suspected = self.suspect(now, &mut branches, effects);
        for branch in branches {
            let Some(client) = self.clients.get_mut(&branch) else { continue };
            if let Some(counter) = client.leaves() {
                self.counters.count(counter);
            }
            if !suspected && std::mem::replace(&mut client.lost.repeated, true) {
                self.client_lost(now, branch, effects);
                continue;
            }
            let (hop, octets) = (client.hop, client.octets.clone());
            self.counters.count(Counter::SipRetransmissions);
            self.send_octets(hop, octets, "SIP request", effects);
        }
    }

    /// Puts the request last for which a connection may have been closed; one that was suspected
    /// before is put aside. Whether there is any.
    fn suspect(&mut self, now: Now, branches: &mut Vec<u64>, effects: &mut Vec<Effect>) -> bool {
        let mut any = false;
        loop {
            let size = |branch: &u64| self.clients.get(branch).map_or(0, |it| it.octets.len());
            let large = branches.iter().enumerate().filter(|(_, branch)| size(branch) > UDP_MOST);
            let Some((at, _)) = large.max_by_key(|(_, branch)| size(branch)) else { return any };
            any = true;
            let branch = branches.remove(at);
            let Some(client) = self.clients.get_mut(&branch) else { continue };
            if !std::mem::replace(&mut client.lost.suspected, true) {
                branches.push(branch);
                return any;
            }
            let (remote, octets) = (client.hop.remote, client.octets.len());
            self.counters.count(Counter::SipQuarantined);
            effects.push(Effect::Event(Event::ClosedTwice { remote, octets }));
            self.fails_alone(now, branch, effects);
        }
    }

    /// A message could not be sent for a reason of its own. A request fails; for a response its
    /// sender asks again, and no request of ours has to do with it.
    pub(super) fn unsent_alone(&mut self, now: Now, octets: &Bytes, effects: &mut Vec<Effect>) {
        let parsed = parse(octets.clone());
        let most = outgoing::most(Transport::Udp);
        let Ok(Message::Request(request)) = parsed else {
            return self.note_too_large("SIP response", octets.len(), most, effects);
        };
        self.note_too_large("SIP request", octets.len(), most, effects);
        let branch = request.via.first().and_then(|via| branch_of(via.branch()?));
        if let Some(branch) = branch {
            self.fails_alone(now, branch, effects);
        }
    }

    /// A request fails for a reason of its own: neither its server nor what waits behind it is
    /// thought the worse of.
    fn fails_alone(&mut self, now: Now, branch: u64, effects: &mut Vec<Effect>) {
        let Some(client) = self.end_client(branch) else { return };
        match client.owner {
            Owner::Delivery(id) => self.again_fail(id, Failure::TooLarge),
            Owner::Options(peer, target) => {
                self.server_failed(peer, target, "it cannot be reached", effects);
            }
            owner => self.subscription_put_aside(now, owner, effects),
        }
    }

    /// A request that waited for the disk leaves now: its timers begin. Those that were set when
    /// it was made find later deadlines.
    pub(super) fn sent_late(&mut self, now: Now, branch: u64) -> Option<Owner> {
        let client = self.clients.get_mut(&branch)?;
        let fired = client.machine.deadline() <= now.instant;
        let reliable = client.hop.transport.reliable();
        client.unsent = false;
        client.machine = NonInviteClient::new(now.instant, self.timing, reliable);
        if fired {
            self.timers.set(client.machine.deadline(), Timer::Client(branch));
        }
        Some(client.owner)
    }

    /// Ends a client transaction by this time at the latest.
    pub(super) fn end_client_by(&mut self, branch: u64, timer_f: Instant) {
        let Some(client) = self.clients.get_mut(&branch) else { return };
        client.machine.end_by(timer_f);
        self.timers.set(client.machine.deadline(), Timer::Client(branch));
    }

    pub(super) fn client_lost(&mut self, now: Now, branch: u64, effects: &mut Vec<Effect>) {
        if let Some(client) = self.clients.remove(&branch) {
            self.client_failed(now, client, Failure::Unreachable, effects);
        }
    }

    /// The transactions that went to an address, in the order in which they began; those that
    /// wait for the disk have lost nothing.
    pub(super) fn clients_at(&self, remote: SocketAddr, transport: Transport) -> Vec<u64> {
        let there = |hop: &Hop| hop.remote == remote && hop.transport == transport;
        let clients =
            self.clients.iter().filter(|(_, client)| there(&client.hop) && !client.unsent);
        let mut branches: Vec<(u64, u64)> =
            clients.map(|(branch, client)| (client.number, *branch)).collect();
        branches.sort_unstable();
        branches.into_iter().map(|(_, branch)| branch).collect()
    }
}
