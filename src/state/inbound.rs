//! Requests from SIP that wait for the XMPP server.

use bytes::Bytes;

use super::State;
use super::ids::Purpose;
use super::link::{Action, Ended, Link, Waiter};
use super::timer::{Lane, Timer};
use super::transaction::server::{self, Detail, Finished, Known, Live};
use crate::codec::sip::{Headers, Method, Request, Response, Status};
use crate::codec::xml::Element;
use crate::codec::xmpp::{Iq, IqKind, Jid, Message, Stanza, ns};
use crate::flow::{
    Cause, Correlation, Counter, DeliveryId, Effect, Event, Flow, Hop, Inbound, LinkId,
    LocalResponse, Now,
};

impl State {
    /// Takes on a request: its stanza goes to the link, its answer waits.
    pub(super) fn deliver(
        &mut self,
        now: Now,
        inbound: Inbound,
        stanza: Box<Message>,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(refusal) = self.unavailable_reason(now, inbound.link) {
            return self.refuse(&inbound, refusal, effects);
        }
        self.note_sip_user(inbound.request.from.uri(), &inbound.from);
        self.contact_heard(now, &inbound.from, effects);
        let text = stanza.bodies.first().map(|body| body.text.clone()).unwrap_or_default();
        let Some(octets) = self.measured(&Stanza::Message(stanza), effects) else {
            return self.refuse(&inbound, LocalResponse::new(Cause::TooLong), effects);
        };
        self.note_written(&inbound.id, &text, now.instant);
        let Some(link) = self.links.get_mut(inbound.link.0) else { return };
        let to_full = inbound.to.resource().is_some();
        let Inbound { id, key, correlation, flow, .. } = inbound;
        let waits = Waiter::Request(key);
        link.hold(now.instant, id, octets, waits, to_full, correlation);
        if self.verbose {
            let route = format!("{} -> {} by SIP {}", inbound.from, inbound.to, flow.remote);
            effects.push(Effect::Event(Event::Carried { correlation, route }));
        }
        let mut request = inbound.request;
        let languages = request.headers.languages();
        request.body = Bytes::new();
        request.headers = Headers::default();
        let live = Live {
            state: server::State::Trying,
            flow,
            request,
            merge_key: inbound.merge_key,
            correlation,
            languages,
        };
        self.servers.begin(key, live);
        let trying = now.instant + self.timing.trying();
        self.timers.set_in(Lane::Trying, trying, Timer::Trying(key));
        self.pump(now, inbound.link, effects);
        self.set_timer(inbound.link);
    }

    /// Tells an XMPP user what became of a message: the answer is held until the server has
    /// it, over a loss of the link as well.
    pub(super) fn report_outcome(
        &mut self,
        now: Now,
        id: LinkId,
        delivery: DeliveryId,
        correlation: Correlation,
        answer: &Stanza,
        effects: &mut Vec<Effect>,
    ) {
        let bound = self.config.limits.unconfirmed;
        let octets = self.measured(answer, effects);
        let print = octets.as_ref().map(|octets| self.fingerprint(octets.as_bytes()));
        let takes = |link: &&mut Link| {
            link.held() < bound && print.is_some_and(|print| !link.is_aside(print))
        };
        let link = self.links.get_mut(id.0).filter(takes);
        let (Some(link), Some(octets)) = (link, octets) else {
            self.counters.count(Counter::OutboundUntold);
            return self.record_ended(delivery, effects);
        };
        let waits = Waiter::Answer(delivery);
        link.hold(now.instant, String::new(), octets, waits, true, correlation);
        self.pump(now, id, effects);
        self.set_timer(id);
    }

    /// Why nothing is taken on for a link. One that is down for longer than the grace refuses: the
    /// whole gateway with 503 so that a proxy fails over, one domain of several with 480.
    pub(super) fn unavailable_reason(&self, now: Now, id: LinkId) -> Option<LocalResponse> {
        let Some(link) = self.link(id).filter(|_| !self.draining) else {
            return Some(LocalResponse::out_of_service());
        };
        if !link.serves(now.instant) {
            return Some(self.link_refusal(now.instant));
        }
        (link.held() >= self.config.limits.unconfirmed).then(LocalResponse::out_of_service)
    }

    /// Refuses a request for a reason that passes. It is remembered as any final response is, or
    /// a copy that comes when the reason is gone would be delivered after its sender was refused.
    fn refuse(&mut self, inbound: &Inbound, refusal: LocalResponse, effects: &mut Vec<Effect>) {
        self.respond_and_remember(&inbound.flow, inbound.key, &inbound.request, refusal, effects);
    }

    /// Answers a request that had an effect, and remembers the answer for its copies.
    pub(super) fn respond_and_remember(
        &mut self,
        flow: &Flow,
        key: u64,
        request: &Request,
        refusal: LocalResponse,
        effects: &mut Vec<Effect>,
    ) {
        let answered = self.answer(flow, request, refusal, effects);
        self.servers.remember(key, finished(&answered));
    }

    /// Writes what can be written to a link.
    pub(super) fn pump(&mut self, now: Now, id: LinkId, effects: &mut Vec<Effect>) {
        let Some(link) = self.links.get_mut(id.0) else { return };
        for action in link.pump(now.instant) {
            self.act(now, id, action, effects);
        }
    }

    fn act(&mut self, now: Now, id: LinkId, action: Action, effects: &mut Vec<Effect>) {
        match action {
            Action::Write { octets, replay } => {
                if replay {
                    self.counters.count(Counter::Replayed);
                }
                self.put(id, octets, effects);
            }
            Action::Barrier => {
                let token = format!("barrier-{}", self.ids.token());
                let Some(ping) = self.barrier(id, &token) else { return };
                // What it confirms waits for it: it waits for nothing itself.
                if let Some(octets) = self.measured(&Stanza::Iq(Box::new(ping)), effects) {
                    self.put(id, octets, effects);
                }
                if let Some(link) = self.links.get_mut(id.0) {
                    link.barrier_sent(now.instant, token);
                }
            }
            Action::Dead => {
                let reason = "the server answers no ping";
                effects.push(Effect::Reopen { link: id, reason });
            }
        }
    }

    /// The ping (XEP-0199) of a barrier.
    fn barrier(&self, id: LinkId, token: &str) -> Option<Iq> {
        let component = self.config.components.get(id.0)?;
        let to = component.ping.as_deref().unwrap_or(&component.name);
        Some(Iq {
            from: Some(Jid::parse(&component.name).ok()?),
            to: Some(Jid::parse(to).ok()?),
            id: token.to_owned().into(),
            kind: IqKind::Get,
            lang: None,
            payload: Some(Element::new("ping", ns::PING)),
            error: None,
        })
    }

    /// The barrier was answered.
    pub(super) fn confirmed(
        &mut self,
        now: Now,
        id: LinkId,
        success: Status,
        effects: &mut Vec<Effect>,
    ) {
        let Some(link) = self.links.get_mut(id.0) else { return };
        for held in link.barrier_answered(now.instant) {
            match held.waiter {
                Waiter::Request(key) => {
                    self.counters.count(Counter::InboundConfirmed);
                    self.finish(key, LocalResponse::success(success), effects);
                }
                Waiter::Answer(id) => self.record_ended(id, effects),
                Waiter::Nobody | Waiter::Passing(_) => {}
            }
        }
        self.pump(now, id, effects);
        self.set_timer(id);
    }

    /// A bounce came before the barrier's reply.
    pub(super) fn bounced(
        &mut self,
        id: LinkId,
        sequence: u64,
        refusal: Option<LocalResponse>,
        effects: &mut Vec<Effect>,
    ) {
        // An error that says "processed, with a warning" leaves the stanza to its barrier.
        let Some(refusal) = refusal else { return };
        let Some(held) = self.links.get_mut(id.0).and_then(|link| link.take(sequence)) else {
            return;
        };
        let Waiter::Request(key) = held.waiter else { return };
        self.counters.count(Counter::InboundBounced);
        self.finish(key, refusal, effects);
    }

    /// A held stanza has its fate.
    pub(super) fn ended(
        &mut self,
        now: Now,
        link: LinkId,
        ended: Ended,
        effects: &mut Vec<Effect>,
    ) {
        let (held, refusal, counter) = match ended {
            Ended::Unconfirmed(held) => {
                let refusal = LocalResponse::new(Cause::Unconfirmed);
                (held, refusal, Counter::InboundUnconfirmed)
            }
            Ended::Unwritten(held) => {
                (held, self.link_refusal(now.instant), Counter::InboundUnavailable)
            }
            Ended::Quarantined(held) => {
                let (correlation, stanza) =
                    (held.correlation, super::passing::named(held.octets.as_bytes()));
                effects.push(Effect::Event(Event::Quarantined { link, correlation, stanza }));
                self.put_aside(now, link, &held);
                (held, LocalResponse::new(Cause::PutAside), Counter::Quarantined)
            }
        };
        self.counters.count(counter);
        match held.waiter {
            Waiter::Request(key) => self.finish(key, refusal, effects),
            Waiter::Answer(id) => {
                self.counters.count(Counter::OutboundUntold);
                self.record_ended(id, effects);
            }
            Waiter::Nobody => self.counters.count(Counter::PresenceUntold),
            Waiter::Passing(_) => {}
        }
    }

    /// Sends the final response of a server transaction.
    fn finish(&mut self, key: u64, mut refusal: LocalResponse, effects: &mut Vec<Effect>) {
        if refusal.lacks_words()
            && let Some(Known::Live(live)) = self.servers.known(key)
        {
            refusal.put_in_words(&self.phrases, live.languages.as_deref());
        }
        let Some(live) = self.servers.finish(key, finished(&refusal)) else { return };
        let failed = refusal.status.code() >= 300;
        if self.verbose || failed {
            let outcome = format!("SIP sender answered {}", refusal.status.code());
            let correlation = live.correlation;
            effects.push(Effect::Event(Event::Ended { correlation, outcome, failed }));
        }
        let response = self.render(&live.request, &refusal);
        self.respond(response_hop(&live.flow, &live.request), response, effects);
    }

    /// Answers a request that has no effect: a copy of it is answered in the same way. What was
    /// answered is returned.
    pub(super) fn answer(
        &mut self,
        flow: &Flow,
        request: &Request,
        mut refusal: LocalResponse,
        effects: &mut Vec<Effect>,
    ) -> LocalResponse {
        if refusal.lacks_words() {
            refusal.put_in_words(&self.phrases, request.headers.languages().as_deref());
        }
        let (hop, response) = (response_hop(flow, request), self.render(request, &refusal));
        self.note_answered(hop, refusal.status.code(), effects);
        self.respond(hop, response, effects);
        refusal
    }

    /// A final response: the same for the request and for each copy of it.
    fn render(&self, request: &Request, refusal: &LocalResponse) -> Response {
        let mut response = request.response(refusal.status);
        if response.to.tag().is_none() {
            response.to = response.to.with_tag(&self.tag(request));
        }
        if let Some(reason) = &refusal.reason {
            response.reason = reason.clone();
        }
        if !refusal.headers.is_empty() {
            response.headers = refusal.headers.clone();
        }
        response
    }

    /// The To tag of every response to a request, over restarts as well.
    pub(super) fn tag(&self, request: &Request) -> String {
        let from_tag = request.from.tag().unwrap_or_default();
        let parts = [from_tag.as_bytes(), request.call_id.as_bytes()];
        format!("{:016x}", self.ids.hash(Purpose::Tag, &parts))
    }

    /// A request came again (RFC 3261 §17.2.2): what was answered last is answered again.
    pub(super) fn retransmission(
        &mut self,
        flow: Flow,
        key: u64,
        request: &Request,
        effects: &mut Vec<Effect>,
    ) {
        self.counters.count(Counter::SipRetransmitted);
        if request.method == Method::Subscribe {
            let dialog = self.dialog_id(&request.call_id, &self.tag(request));
            // Its answer waits for the disk.
            if self.is_unwritten(self.presence.named(dialog)) {
                return;
            }
        }
        let response = match self.servers.known(key) {
            Some(Known::Finished(finished)) => self.render(request, &again(&finished)),
            Some(Known::Live(live)) if live.state == server::State::Proceeding => {
                request.response(Status::TRYING)
            }
            _ => return,
        };
        self.respond(response_hop(&flow, request), response, effects);
    }

    /// It is time for a 100 (RFC 4320 §4.1).
    pub(super) fn fire_trying(&mut self, key: u64, effects: &mut Vec<Effect>) {
        let Some(live) = self.servers.live_mut(key) else { return };
        live.state = server::State::Proceeding;
        let response = live.request.response(Status::TRYING);
        let hop = response_hop(&live.flow, &live.request);
        self.respond(hop, response, effects);
    }

    /// Deadlines of a link.
    pub(super) fn fire_link(&mut self, now: Now, id: LinkId, effects: &mut Vec<Effect>) {
        let Some(link) = self.links.get_mut(id.0).filter(|link| link.is_due(now.instant)) else {
            return;
        };
        let (ended, action) = link.fire(now.instant);
        for ended in ended {
            self.ended(now, id, ended, effects);
        }
        if let Some(action) = action {
            self.act(now, id, action, effects);
        }
        self.set_timer(id);
    }
}

/// Where a response goes (RFC 3261 §18.2.2, RFC 3581 §4): back by the connection, or to the
/// address that the top Via says after `received` and `rport` were filled in.
pub(crate) fn response_hop(flow: &Flow, request: &Request) -> Hop {
    let mut remote = flow.remote;
    // The port of a connection is the peer's to choose: a new one goes where it listens.
    if let Some(via) = request.via.first()
        && (flow.transport.reliable() || via.rport().flatten().is_none())
    {
        remote.set_port(via.port().unwrap_or(5_060));
    }
    Hop { transport: flow.transport, listener: flow.listener, remote, connection: flow.connection }
}

/// What is remembered of an answer.
fn finished(refusal: &LocalResponse) -> Finished {
    let detail = Detail::of(refusal.reason.as_ref(), &refusal.headers);
    Finished { status: refusal.status.code(), detail }
}

/// What was answered last.
fn again(finished: &Finished) -> LocalResponse {
    let status = Status::new(finished.status).unwrap_or(Status::SERVER_INTERNAL_ERROR);
    let mut refusal = LocalResponse::success(status);
    if let Some(detail) = &finished.detail {
        (refusal.reason, refusal.headers) = (detail.reason.clone(), detail.headers());
    }
    refusal
}
