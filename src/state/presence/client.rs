//! The client transactions of SUBSCRIBE and NOTIFY.

use std::sync::Arc;

use bytes::Bytes;

use super::State;
use super::dialog::Dialog;
use super::pair::Dirty;
use super::request::{self, Notify};
use crate::codec::sip::{Request, Uri};
use crate::config::{Listener, Service, Transport};
use crate::flow::{
    Counter, DialogId, Effect, Failure, Followup, Now, PairId, PresenceBody, SubscriptionResponse,
    UserPair,
};
use crate::state::attempt::{NextHop, UDP_MOST};
use crate::state::client::{Attempt, Client, Owner};
use crate::state::locator::Target;
use crate::state::peer;

/// Why a request was not made.
#[derive(Debug, Clone, Copy)]
enum Unmade {
    /// There is no next hop.
    NoNextHop,
    /// Its octets, and how many it may have.
    TooLarge(usize, usize),
}

/// The octets that a request of a subscription may have.
const MOST: usize = 65_535;
/// What a watcher is told to wait when the XMPP side cannot be asked, in seconds.
const PROBATION: u32 = 300;

impl State {
    /// Sends SUBSCRIBE in a dialog in which the XMPP user watches, or to make it.
    pub(super) fn send_subscribe(
        &mut self,
        now: Now,
        pair: PairId,
        id: DialogId,
        (seconds, accept): (u32, &str),
        effects: &mut Vec<Effect>,
    ) {
        let owner = Owner::Subscribe(pair, id);
        let made = self.make(now, pair, id, |state, cseq, listener, branch| {
            let (pair, dialog) = state.subscriber_dialog(pair, id)?;
            let asked = (seconds, accept);
            request::subscribe(&pair, dialog, cseq, asked, listener, branch)
        });
        self.launch(now, owner, made, effects);
    }

    /// Sends NOTIFY in a dialog in which the SIP user watches.
    pub(super) fn send_notify(
        &mut self,
        now: Now,
        pair: PairId,
        id: DialogId,
        written: Option<&PresenceBody>,
        effects: &mut Vec<Effect>,
    ) {
        self.launch_notify(now, Owner::Notify(pair, id), written, effects);
    }

    /// Sends NOTIFY, with a document or an object.
    pub(super) fn launch_notify(
        &mut self,
        now: Now,
        owner: Owner,
        written: Option<&PresenceBody>,
        effects: &mut Vec<Effect>,
    ) {
        let Some((pair, id)) = owner.dialog() else { return };
        let made = self.make(now, pair, id, |state, cseq, listener, branch| {
            let known = state.presence.pair(pair)?;
            let subscription =
                known.notifier_side.as_ref()?.dialogs.iter().find(|one| one.id == id)?;
            let what = Notify {
                pair: &known.pair(),
                dialog: &subscription.dialog,
                cseq,
                event_id: subscription.event_id.as_deref(),
                machine: &subscription.machine,
                now: now.instant,
                retry_after: PROBATION,
            };
            request::notify(&what, written, listener, branch)
        });
        self.launch(now, owner, made, effects);
    }

    /// The dialog of the XMPP user's subscription or poll.
    fn subscriber_dialog(&self, pair: PairId, id: DialogId) -> Option<(UserPair, &Dialog)> {
        let known = self.presence.pair(pair)?;
        let subscriber = known.subscriber_side.as_ref().and_then(|side| side.dialog.as_ref());
        let poll = known.poll.as_ref().map(|poll| &poll.dialog);
        let dialog = subscriber.into_iter().chain(poll).find(|(name, _)| *name == id);
        Some((known.pair(), &dialog?.1))
    }

    /// A dialog of a pair, of whichever direction.
    fn dialog_mut(&mut self, pair: PairId, id: DialogId) -> Option<&mut Dialog> {
        let known = self.presence.pairs.get_mut(&pair)?;
        let subscriber = known.subscriber_side.iter_mut().filter_map(|side| side.dialog.as_mut());
        let poll = known.poll.iter_mut().map(|poll| &mut poll.dialog);
        let found = subscriber.chain(poll).find(|(name, _)| *name == id).map(|(_, dialog)| dialog);
        if found.is_some() {
            return found;
        }
        let mut dialogs = known.notifier_side.iter_mut().flat_map(|side| &mut side.dialogs);
        dialogs.find(|one| one.id == id).map(|one| &mut one.dialog)
    }

    /// The next CSeq of a dialog. Where a new reservation is needed, it is stored first.
    fn dialog_cseq(&mut self, pair: PairId, id: DialogId) -> Option<u32> {
        let (cseq, reserves) = self.dialog_mut(pair, id)?.next_cseq();
        if reserves {
            self.mark_dirty(pair, Dirty::BeforeSend);
        }
        Some(cseq)
    }

    /// Makes a request of a dialog; one that is too long for UDP takes TCP (RFC 3261 §18.1.1),
    /// where that is to be had.
    fn make(
        &mut self,
        now: Now,
        pair: PairId,
        id: DialogId,
        build: impl Fn(&Self, u32, &Listener, u64) -> Option<Request>,
    ) -> Result<(u64, NextHop, Bytes), Unmade> {
        let cseq = self.dialog_cseq(pair, id).ok_or(Unmade::NoNextHop)?;
        let branch = self.ids.random();
        let mut large = false;
        loop {
            let way = self.dialog_next_hop(now, pair, id, large).ok_or(Unmade::NoNextHop)?;
            let config = Arc::clone(&self.config);
            let listener = config.sip.listen.get(way.hop.listener.0).ok_or(Unmade::NoNextHop)?;
            let request = build(self, cseq, listener, branch);
            let mut request = request.ok_or(Unmade::NoNextHop)?;
            self.authorize(way.peer, &mut request);
            let octets = request.to_bytes();
            if large || octets.len() <= UDP_MOST || way.hop.transport.reliable() {
                let (size, most) = (octets.len(), MOST.min(way.most()));
                let fits = size <= most;
                return fits.then_some((branch, way, octets)).ok_or(Unmade::TooLarge(size, most));
            }
            large = true;
        }
    }

    /// The next hop of a request of a dialog: the server that its route names, else as any other.
    pub(super) fn dialog_next_hop(
        &mut self,
        now: Now,
        pair: PairId,
        id: DialogId,
        large: bool,
    ) -> Option<NextHop> {
        let first = self.dialog_mut(pair, id).and_then(|dialog| {
            let route = dialog.routes().next();
            route.map(|route| route.uri().clone()).or_else(|| dialog.target())
        });
        let named = first.and_then(|uri| self.server_at(now, &uri, large));
        let named = named.or_else(|| self.next_hop(now, Service::Pres, &[], large));
        // Nothing listens for TCP here: better by UDP than not at all.
        named.or_else(|| self.next_hop(now, Service::Pres, &[], false).filter(|_| large))
    }

    /// The server of a peer that a URI names by its address.
    fn server_at(&self, now: Now, uri: &Uri, large: bool) -> Option<NextHop> {
        let ip = uri.host()?.ip()?;
        let port = uri.port().unwrap_or(5_060);
        let tcp = uri.param("transport").flatten() == Some("tcp");
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        for (index, peer) in self.peers.iter().enumerate() {
            let found = peer.servers.iter().map(|server| server.candidate.target).find(|target| {
                target.remote.ip().to_canonical() == ip && target.remote.port() == port
            });
            let Some(target) = found else { continue };
            let wanted = match large {
                true => self.for_large(now, target),
                false => Target { transport, ..target },
            };
            let hop = peer::hop(&self.config.sip, wanted)
                .or_else(|| peer::hop(&self.config.sip, target))?;
            return Some(NextHop { peer: crate::flow::PeerId(index), hop });
        }
        None
    }

    fn launch(
        &mut self,
        now: Now,
        owner: Owner,
        made: Result<(u64, NextHop, Bytes), Unmade>,
        effects: &mut Vec<Effect>,
    ) {
        match made {
            Ok((branch, way, octets)) => {
                self.begin_client(now, owner, branch, way, octets, effects);
                self.presence.launched.push(branch);
                self.note_datagram(branch);
            }
            Err(why) => {
                if let Unmade::TooLarge(octets, most) = why {
                    self.note_too_large(owner.method(), octets, most, effects);
                }
                match (owner, why) {
                    (Owner::Object(..), Unmade::NoNextHop) => {
                        self.subscription_answered(now, owner, &unanswered(503), effects);
                    }
                    (Owner::Object(..), Unmade::TooLarge(..)) => {
                        self.subscription_answered(now, owner, &unanswered(413), effects);
                    }
                    (_, Unmade::NoNextHop) => {
                        self.again(Followup::Unsent(owner.dialog(), Failure::Unreachable));
                    }
                    (_, Unmade::TooLarge(..)) => {
                        self.again(Followup::Unsent(owner.dialog(), Failure::TooLarge));
                    }
                }
            }
        }
    }

    /// A transaction of a subscription ended without a response: another server is tried, or
    /// the subscription learns that there was none.
    pub(in crate::state) fn subscription_failed(
        &mut self,
        now: Now,
        client: &Client,
        failure: Failure,
        effects: &mut Vec<Effect>,
    ) {
        let mut attempt = client.attempt.clone();
        let (transport, remote) = (client.hop.transport, client.hop.remote);
        attempt.tried.push(Target { transport, remote });
        let way = self.next_hop(now, Service::Pres, &attempt.tried, client.octets.len() > UDP_MOST);
        if let Some(way) = way {
            self.counters.count(Counter::OutboundRerouted);
            // It was sent before, so its record is on disk.
            if self.repeat(now, client, way, None, attempt, effects).is_some() {
                return;
            }
        }
        let status = if failure == Failure::Timeout { 408 } else { 503 };
        self.subscription_answered(now, client.owner, &unanswered(status), effects);
    }

    /// Sends a request of a subscription once more, as a transaction of its own, whose branch is
    /// the answer; none where it cannot go that way.
    pub(in crate::state) fn repeat(
        &mut self,
        now: Now,
        client: &Client,
        way: NextHop,
        cseq: Option<u32>,
        attempt: Attempt,
        effects: &mut Vec<Effect>,
    ) -> Option<u64> {
        let branch = self.ids.random();
        let made = self.made_again(client, way, branch, cseq);
        let most = MOST.min(way.most());
        let octets = made.filter(|octets| octets.len() <= most)?;
        self.begin_client(now, client.owner, branch, way, octets, effects);
        if let Some(client) = self.clients.get_mut(&branch) {
            client.attempt = attempt;
        }
        self.note_datagram(branch);
        Some(branch)
    }

    /// A datagram has left once it is sent; what goes by a connection, once it is answered.
    fn note_datagram(&mut self, branch: u64) {
        let client = self.clients.get_mut(&branch).filter(|it| !it.hop.transport.reliable());
        if let Some(counter) = client.and_then(Client::leaves) {
            self.counters.count(counter);
        }
    }

    /// Sends a request of a subscription with credentials (RFC 3261 §22.2).
    pub(in crate::state) fn subscription_authorized(
        &mut self,
        now: Now,
        client: &Client,
        effects: &mut Vec<Effect>,
    ) {
        let Some((pair, id)) = client.owner.dialog() else { return };
        let way = NextHop { peer: client.peer, hop: client.hop };
        let owner = client.owner;
        let attempt = client.attempt.clone();
        self.with_pair(now, pair, effects, |state, effects| {
            let cseq = state.dialog_cseq(pair, id);
            state.counters.count(Counter::SipAuthorized);
            match state.repeat(now, client, way, cseq, attempt, effects) {
                Some(branch) => state.presence.launched.push(branch),
                None => state.subscription_answered(now, owner, &unanswered(503), effects),
            }
        });
    }

    /// A request of a subscription could not be sent at all. A dialog whose requests are too large
    /// is of no use: it ends as if the other side knew it no more.
    pub(in crate::state) fn unsent(
        &mut self,
        now: Now,
        (pair, id): (PairId, DialogId),
        failure: Failure,
        effects: &mut Vec<Effect>,
    ) {
        let subscribes = self.subscriber_dialog(pair, id).is_some();
        let owner = if subscribes { Owner::Subscribe(pair, id) } else { Owner::Notify(pair, id) };
        let status = if failure == Failure::TooLarge { 481 } else { 503 };
        self.subscription_answered(now, owner, &unanswered(status), effects);
    }

    /// A request of a subscription was put aside. A NOTIFY is not sent again before there is
    /// something new to tell; a subscription begins anew in another dialog, whose SUBSCRIBE is
    /// smaller.
    pub(in crate::state) fn subscription_put_aside(
        &mut self,
        now: Now,
        owner: Owner,
        effects: &mut Vec<Effect>,
    ) {
        let status = if matches!(owner, Owner::Subscribe(..)) { 481 } else { 413 };
        self.subscription_answered(now, owner, &unanswered(status), effects);
    }

    /// A request of a subscription has its final response.
    pub(in crate::state) fn subscription_answered(
        &mut self,
        now: Now,
        owner: Owner,
        answered: &SubscriptionResponse,
        effects: &mut Vec<Effect>,
    ) {
        let Some((pair, id)) = owner.dialog() else { return };
        self.with_pair(now, pair, effects, |state, effects| match owner {
            Owner::Subscribe(..) => state.subscribe_answered(now, pair, id, answered, effects),
            Owner::Notify(..) => {
                state.notify_answered(now, pair, id, (answered.status, false), effects);
            }
            Owner::Object(..) => state.object_answered(now, pair, id, answered, effects),
            Owner::Delivery(_) | Owner::Options(..) => {}
        });
    }
}

/// What counts as the response where none came.
fn unanswered(status: u16) -> SubscriptionResponse {
    SubscriptionResponse { status, ..SubscriptionResponse::default() }
}
