//! The requests of the gateway that carry messages to SIP: which may be made, which may be
//! repeated, and what ends them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::Bytes;
use stox::codec::sip::{HeaderName, Message, Request, Response};
use stox::config::Transport;

use crate::agenda::{Micros, Packet, S};
use crate::checks::addressed;
use crate::plan::Plan;
use crate::stage::Stage;
use crate::text_memory::TextMemory;
use crate::words::{number, text_of};

/// RFC 3428 §8.
const MAX_REQUEST: usize = 1_300;
/// Timer F (RFC 3261 §17.1.2.2), and how long a request may be sent again by a later process.
const LIFETIME: Micros = 32 * S;
/// The pauses of Timer E (RFC 3261 §17.1.2.2).
const PAUSES: [Micros; 4] = [500_000, S, 2 * S, 4 * S];
/// Requests that one message may need: servers and challenges are bounded.
const REQUESTS: u32 = 16;

/// Where a request went.
type Place = (Transport, SocketAddr);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Answered(u16),
    /// Timer F, or the transport.
    Failed,
    /// Its process ended.
    Left,
}

#[derive(Debug)]
struct Sent {
    number: u32,
    octets: Bytes,
    request: Request,
    /// When it was sent first, when its client transaction began, and when it was sent last.
    first: Micros,
    since: Micros,
    last: Micros,
    place: Place,
    cpim: bool,
    state: State,
    /// A connection that carried it was lost once, and it may go once more.
    lost: bool,
    may_repeat: bool,
}

#[derive(Debug)]
pub(crate) struct Requests {
    outstanding_per_target: usize,
    /// All servers, if they need not be looked up.
    servers: Option<usize>,
    sent: BTreeMap<String, Sent>,
    /// The last branch of each message; none if it must begin anew.
    latest: BTreeMap<u32, String>,
    /// Where the present request of each message failed, before the last time.
    tried: BTreeMap<u32, BTreeSet<Place>>,
    /// Messages that were taken up with a request that did not go yet.
    left: BTreeSet<u32>,
    /// The last CSeq of each Call-ID and From tag.
    cseq: BTreeMap<(String, String), u32>,
    pub(crate) text: TextMemory,
}

impl Requests {
    pub(crate) fn new(plan: &Plan) -> Self {
        let limit = plan.limits.map_or(8, |limits| limits.outstanding_per_target as usize);
        Requests {
            outstanding_per_target: limit,
            servers: (!plan.naming.asks()).then_some(plan.proxies),
            sent: BTreeMap::new(),
            latest: BTreeMap::new(),
            tried: BTreeMap::new(),
            left: BTreeSet::new(),
            cseq: BTreeMap::new(),
            text: TextMemory::default(),
        }
    }

    /// The process ended.
    pub(crate) fn died(&mut self, stage: &mut Stage) {
        for sent in self.sent.values_mut().filter(|sent| sent.state == State::Open) {
            give_up(stage, sent, State::Left);
        }
    }

    /// A later process has a message, with the request that the journal knows. `window` is what
    /// the journal may lack before the end of the process at `died`.
    pub(crate) fn taken_up(
        &mut self,
        stage: &mut Stage,
        number: u32,
        request: Option<&Bytes>,
        (died, window): (Micros, Micros),
    ) {
        self.tried.remove(&number);
        self.left.remove(&number);
        let last = self.latest.remove(&number);
        let known = request.map(|octets| Packet::new(octets.clone()));
        let known = known.and_then(|packet| match packet.message.as_deref() {
            Some(Message::Request(request)) => Some(request.clone()),
            _ => None,
        });
        let branch = known.as_ref().and_then(|request| request.via[0].branch());
        if let Some(last) = last.filter(|last| Some(&**last) != branch)
            && let Some(sent) = self.sent.get(&last)
        {
            if sent.state != State::Left
                && let Some(message) = stage.ledger.to_sip.get_mut(number as usize)
            {
                message.given_up += 1;
            }
            let late = sent.first + window >= died;
            stage.demand(late, || format!("x{number}: the journal does not know its request"));
            stage.coverage.hit("journal.older_request");
        }
        let Some(request) = known else { return };
        self.cseq.insert(conversation(&request), request.cseq.number);
        self.latest.insert(number, branch_of(&request).to_owned());
        self.left.insert(number);
    }

    /// The branches of a message to SIP.
    pub(crate) fn branches_of(&self, number: u32) -> impl Iterator<Item = &str> {
        self.sent.iter().filter(move |(_, sent)| sent.number == number).map(|(branch, _)| &**branch)
    }

    // Inputs.

    pub(crate) fn response_in(&mut self, stage: &mut Stage, response: &Response) {
        let branch = response.via.first().and_then(|via| via.branch()).unwrap_or_default();
        let status = response.status.code();
        let Some(sent) = self.sent.get_mut(branch).filter(|sent| sent.state == State::Open) else {
            return;
        };
        if status < 200 {
            return;
        }
        sent.state = State::Answered(status);
        if let Some(message) = stage.ledger.to_sip.get_mut(sent.number as usize) {
            if sent.cpim && matches!(status, 406 | 415 | 488) {
                self.text.refused(message.said.to);
            }
            message.success |= status < 300;
            message.success_here |= status < 300;
        }
    }

    /// The transport told that an address cannot be reached.
    pub(crate) fn unreachable(&mut self, stage: &mut Stage, place: Place) {
        self.prune(stage);
        for sent in self.open_at(place) {
            give_up(stage, sent, State::Failed);
        }
    }

    /// A connection is gone: what it may have carried goes once more, and fails the second time.
    pub(crate) fn closed(&mut self, stage: &mut Stage, place: Place) {
        self.prune(stage);
        for sent in self.open_at(place) {
            match std::mem::replace(&mut sent.lost, true) {
                false => sent.may_repeat = true,
                true => {
                    stage.coverage.hit("tcp.lost_twice");
                    give_up(stage, sent, State::Failed);
                }
            }
        }
    }

    /// What a lost connection carried is to go at once.
    pub(crate) fn all_repeated(&self, stage: &mut Stage) {
        let left = self.sent.values().find(|sent| sent.may_repeat);
        if let Some(left) = left {
            stage.violated(format!("x{}: its connection is gone and it stays away", left.number));
        }
    }

    fn open_at(&mut self, place: Place) -> impl Iterator<Item = &mut Sent> {
        let open = move |sent: &&mut Sent| sent.place == place && sent.state == State::Open;
        self.sent.values_mut().filter(open)
    }

    /// Ends what Timer F has ended.
    pub(crate) fn prune(&mut self, stage: &mut Stage) {
        let now = stage.now;
        for sent in self.sent.values_mut().filter(|sent| sent.state == State::Open) {
            if now >= sent.since + LIFETIME {
                give_up(stage, sent, State::Failed);
            }
        }
    }

    // Effects.

    pub(crate) fn request_out(
        &mut self,
        stage: &mut Stage,
        request: &Request,
        octets: &Bytes,
        place: Place,
    ) {
        self.prune(stage);
        let Some(number) = number(&text_of(&request.body), 'x') else {
            return stage.violated("a MESSAGE that nobody wrote".to_owned());
        };
        let branch = branch_of(request);
        if self.sent.contains_key(branch) {
            return self.once_more(stage, number, branch, octets, place);
        }
        stage.demand(octets.len() <= MAX_REQUEST, || format!("x{number}: {} octets", octets.len()));
        self.one_at_a_time(stage, number);
        let repeats = self.in_place(stage, number, request, place);
        addressed(stage, request, number);
        let cpim = request.headers.content_type() == Some("message/cpim");
        if let Some(message) = stage.ledger.to_sip.get_mut(number as usize) {
            message.branches += 1;
            let (unwanted, many) =
                (cpim && !repeats && self.text.knows(message.said.to), message.branches > REQUESTS);
            stage.demand(!unwanted, || format!("x{number}: an object for who refused one"));
            stage.demand(!many, || format!("x{number}: no end of requests"));
        }
        let (now, state) = (stage.now, State::Open);
        let (request, octets) = (request.clone(), octets.clone());
        self.latest.insert(number, branch.to_owned());
        let sent = Sent {
            number,
            octets,
            first: now,
            since: now,
            last: now,
            place,
            cpim,
            state,
            lost: false,
            may_repeat: false,
            request,
        };
        let branch = branch_of(&sent.request).to_owned();
        self.sent.insert(branch, sent);
    }

    /// The same branch again: Timer E, a lost connection, or a later process.
    fn once_more(
        &mut self,
        stage: &mut Stage,
        number: u32,
        branch: &str,
        octets: &Bytes,
        place: Place,
    ) {
        let now = stage.now;
        let resumes = self.resumes(number, branch, now);
        if resumes {
            self.one_at_a_time(stage, number);
        }
        let Some(sent) = self.sent.get_mut(branch) else { return };
        let same = sent.octets == octets && sent.place == place;
        let pause = now - std::mem::replace(&mut sent.last, now);
        if resumes {
            stage.coverage.hit("journal.request_sent_again");
            let before = std::mem::replace(&mut sent.state, State::Open);
            if before == State::Left
                && let Some(message) = stage.ledger.to_sip.get_mut(number as usize)
            {
                message.given_up -= 1;
            }
            // Timer F goes on; the journal has milliseconds.
            sent.since = now - (now / 1_000 - sent.first / 1_000) * 1_000;
            sent.lost = false;
            self.left.remove(&number);
            return stage.demand(same, || format!("x{number}: taken up with another request"));
        }
        let due = match place.0.reliable() {
            true => std::mem::take(&mut sent.may_repeat),
            false => PAUSES.contains(&pause),
        };
        if place.0.reliable() && due {
            stage.coverage.hit("tcp.repeated_after_loss");
        }
        let right = sent.state == State::Open && due && same;
        stage.demand(right, || format!("x{number}: a retransmission that should not be"));
    }

    /// Whether a later process may go on with a request: while a peer may know it.
    fn resumes(&self, number: u32, branch: &str, now: Micros) -> bool {
        let latest = self.latest.get(&number).is_some_and(|latest| latest == branch);
        let left = |sent: &Sent| {
            let age = now / 1_000 - sent.first / 1_000;
            age < LIFETIME / 1_000 && sent.state != State::Open
        };
        latest && self.left.contains(&number) && self.sent.get(branch).is_some_and(left)
    }

    /// RFC 3428 §8: one outstanding for a sender and target, a few for a target.
    fn one_at_a_time(&mut self, stage: &mut Stage, number: u32) {
        let said = stage.ledger.to_sip[number as usize].said.clone();
        let (mut line, mut target) = (0, 0);
        for sent in self.sent.values().filter(|sent| sent.state == State::Open) {
            let other = &stage.ledger.to_sip[sent.number as usize].said;
            if other.to == said.to {
                target += 1;
                line += u32::from((other.from, other.server) == (said.from, said.server));
            }
        }
        stage.demand(line == 0, || {
            format!("x{number}: {} has another MESSAGE outstanding for {}", said.from, said.to)
        });
        let limit = self.outstanding_per_target;
        stage.demand(target < limit, || format!("x{number}: {target} outstanding for {}", said.to));
    }

    /// Why a new request may be made, and what it then has in common with the one before.
    /// True if it is the same object once more.
    fn in_place(
        &mut self,
        stage: &mut Stage,
        number: u32,
        request: &Request,
        place: Place,
    ) -> bool {
        let key = conversation(request);
        let cseq = request.cseq.number;
        let before = self.latest.get(&number).and_then(|branch| self.sent.get(branch));
        let (mut fails_over, mut repeats, mut stays, mut right) = (false, false, false, true);
        if let Some(before) = before {
            let same = conversation(&before.request) == key;
            let next = same && cseq > before.request.cseq.number;
            let body = before.request.body == request.body;
            // With credentials an object may be too large, and bare text goes instead.
            let cpim = |request: &Request| request.headers.content_type() == Some("message/cpim");
            let shrinks = before.cpim && !cpim(request);
            repeats = body && cpim(request);
            stays = !matches!(before.state, State::Answered(406 | 415 | 488));
            let header = |name| body && request.headers.contains(name);
            right = match before.state {
                // RFC 3263 §4.3.
                State::Failed | State::Answered(503) => {
                    fails_over = !shrinks;
                    let tried = self.tried.entry(number).or_default();
                    tried.insert(before.place);
                    let new = !tried.contains(&place);
                    stage.coverage.hit(if before.state == State::Failed {
                        "sip.failover_after_silence"
                    } else {
                        "sip.failover_after_503"
                    });
                    let repeated = same && body && cseq == before.request.cseq.number;
                    new && (repeated || (shrinks && next))
                }
                // RFC 3261 §22.2.
                State::Answered(401) => next && (shrinks || header(&HeaderName::Authorization)),
                State::Answered(407) => {
                    next && (shrinks || header(&HeaderName::ProxyAuthorization))
                }
                // RFC 3261 §8.1.3.5.
                State::Answered(406 | 415 | 488) => next && before.cpim,
                State::Open | State::Left | State::Answered(_) => false,
            };
        }
        stage.demand(right, || format!("x{number}: not the next request of this message"));
        let last = self.cseq.insert(key, cseq);
        let rises = last.is_none_or(|last| last < cseq) || fails_over;
        stage.demand(rises, || format!("x{number}: CSeq {cseq} does not rise"));
        if !stays {
            self.tried.remove(&number);
        }
        repeats
    }

    /// A sender is told that nobody could take the message: every server was tried.
    pub(crate) fn told(&self, stage: &mut Stage, number: u32) {
        let Some(servers) = self.servers else { return };
        let Some(sent) = self.latest.get(&number).and_then(|branch| self.sent.get(branch)) else {
            return;
        };
        let failed = matches!(sent.state, State::Failed | State::Answered(503));
        if failed && !self.left.contains(&number) {
            let tried = 1 + self.tried.get(&number).map_or(0, BTreeSet::len);
            stage.demand(tried == servers, || {
                format!("x{number}: given up after {tried} of {servers} servers")
            });
        }
    }
}

fn branch_of(request: &Request) -> &str {
    request.via[0].branch().unwrap_or_default()
}

fn conversation(request: &Request) -> (String, String) {
    let tag = request.from.tag().unwrap_or_default().to_owned();
    (request.call_id.as_str().to_owned(), tag)
}

fn give_up(stage: &mut Stage, sent: &mut Sent, state: State) {
    (sent.state, sent.may_repeat) = (state, false);
    if let Some(message) = stage.ledger.to_sip.get_mut(sent.number as usize) {
        message.given_up += 1;
    }
}
