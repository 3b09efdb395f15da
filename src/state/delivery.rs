//! Messages on their way to SIP: their queues, their turns and their conversations.
//!
//! One sender has at most one MESSAGE outstanding for one target (RFC 3428 §8); a target has a
//! few from all senders together. What waits keeps its order. A target that turns out dead fails
//! everything that waits for it, in order, so that nobody waits 32 s for each.

use std::collections::VecDeque;

use super::locator;
use crate::codec::sip::CallId;
use crate::config::Limits;
use crate::flow::{DeliveryId, Map, Outbound, Seed, Sent};

/// A message that has no outcome yet.
#[derive(Debug)]
pub struct Delivery {
    /// The message.
    pub outbound: Box<Outbound>,
    /// Its place among the sender's messages for the target.
    pub line: u64,
    /// The target.
    pub target: u64,
    /// Whether it has its turn: a slot of its target and the head of its queue.
    has_turn: bool,
    /// What it takes of what is common, and whose share that is; nothing if it was refused.
    load: Option<(u64, usize)>,
    /// Its place in a conversation, once the first request was sent.
    pub request_ids: Option<RequestIds>,
    /// The servers that its request went to and that did not take care of it (RFC 3263 §4.3).
    pub tried: Vec<locator::Target>,
    /// The realms whose challenge was answered for it.
    pub realms: Vec<String>,
    /// The octets that a request for it may have.
    pub max_request_octets: usize,
    /// Whether it may go in parts.
    pub splits: bool,
    /// Whether its dialogue has a CSeq that was not used, as the request was too long.
    pub unused: bool,
    /// The request of an earlier process that its turn goes on with.
    pub resume: Option<Sent>,
}

impl Delivery {
    /// Its next request is another one: every server may be tried, every challenge answered.
    pub fn begin_anew(&mut self) {
        self.tried.clear();
        self.realms.clear();
    }
}

/// What the requests of one conversation share (RFC 3261 §8.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestIds {
    /// The Call-ID.
    pub call_id: CallId,
    /// The From tag.
    pub tag: String,
    /// The CSeq of the last request.
    pub cseq: u32,
}

/// The messages of one sender for one target.
#[derive(Debug, Default)]
struct SenderQueue {
    busy: bool,
    waiting: VecDeque<DeliveryId>,
}

#[derive(Debug, Default)]
struct Target {
    outstanding: usize,
    /// Queues that have work and no slot.
    ready: VecDeque<u64>,
    /// All queues that have messages waiting, in the order of their first.
    lines: Vec<u64>,
}

/// Where a message has its place, and how large it is.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Its sender.
    pub sender: u64,
    /// The queue of its sender for its target.
    pub line: u64,
    /// Its target.
    pub target: u64,
    /// Octets of its stanza.
    pub octets: usize,
}

/// Messages and their octets.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    messages: usize,
    octets: usize,
}

impl Load {
    fn has_room(self, octets: usize, bounds: (usize, usize)) -> bool {
        self.messages < bounds.0 && self.octets.saturating_add(octets) <= bounds.1
    }

    fn add(&mut self, octets: usize) {
        self.messages += 1;
        self.octets = self.octets.saturating_add(octets);
    }

    fn remove(&mut self, octets: usize) {
        self.messages = self.messages.saturating_sub(1);
        self.octets = self.octets.saturating_sub(octets);
    }
}

/// Whether a message may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Now.
    Now,
    /// Later: it waits for its turn.
    Wait,
    /// Never: a queue is full.
    Full,
    /// Never: its sender has the whole share of one sender.
    Over,
}

/// The bounds.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Outstanding for one target.
    pub outstanding_per_target: usize,
    /// Waiting in one queue.
    pub waiting_per_line: usize,
    /// Messages in all, and their octets.
    pub all: (usize, usize),
    /// The share of one sender.
    pub sender: (usize, usize),
}

impl Bounds {
    /// Those of the configuration.
    #[must_use]
    pub fn of(limits: &Limits) -> Self {
        Bounds {
            outstanding_per_target: limits.outstanding_per_target,
            waiting_per_line: limits.queue_per_target,
            all: (limits.queue, limits.queue_octets),
            sender: (limits.queue_per_sender, limits.queue_octets_per_sender),
        }
    }
}

/// All messages on their way to SIP.
#[derive(Debug)]
pub struct Deliveries {
    bounds: Bounds,
    deliveries: Map<DeliveryId, Delivery>,
    lines: Map<u64, SenderQueue>,
    targets: Map<u64, Target>,
    all: Load,
    senders: Map<u64, Load>,
    last: u64,
}

impl Deliveries {
    /// No messages.
    #[must_use]
    pub fn new(seed: Seed, bounds: Bounds) -> Self {
        Deliveries {
            bounds,
            deliveries: Map::with_hasher(seed),
            lines: Map::with_hasher(seed),
            targets: Map::with_hasher(seed),
            all: Load::default(),
            senders: Map::with_hasher(seed),
            last: 0,
        }
    }

    /// How many messages have no outcome yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// Whether every message has its outcome.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// A message.
    #[must_use]
    pub fn get(&self, id: DeliveryId) -> Option<&Delivery> {
        self.deliveries.get(&id)
    }

    /// A message.
    pub fn get_mut(&mut self, id: DeliveryId) -> Option<&mut Delivery> {
        self.deliveries.get_mut(&id)
    }

    /// The highest id so far.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Takes on a message under an id of its own, and says whether it may be sent. A message that
    /// may never be sent is kept as well, until its sender has been told.
    pub fn begin(&mut self, id: DeliveryId, outbound: Box<Outbound>, place: Place) -> Slot {
        self.last = self.last.max(id.0);
        let Place { sender, line, target, octets } = place;
        let own = self.senders.get(&sender).copied().unwrap_or_default();
        let over = !own.has_room(octets, self.bounds.sender);
        let waiting = self.lines.get(&line).map_or(0, |queue| queue.waiting.len());
        let full =
            !self.all.has_room(octets, self.bounds.all) || waiting >= self.bounds.waiting_per_line;
        let taken = !over && !full;
        let delivery = Delivery {
            outbound,
            line,
            target,
            has_turn: false,
            load: taken.then_some((sender, octets)),
            request_ids: None,
            tried: Vec::new(),
            realms: Vec::new(),
            max_request_octets: 0,
            splits: false,
            unused: false,
            resume: None,
        };
        self.deliveries.insert(id, delivery);
        if !taken {
            return if over { Slot::Over } else { Slot::Full };
        }
        self.all.add(octets);
        self.senders.entry(sender).or_default().add(octets);
        self.queue(id, line, target)
    }

    /// Puts a message into its queue.
    fn queue(&mut self, id: DeliveryId, line: u64, target: u64) -> Slot {
        let place = self.targets.entry(target).or_default();
        let queue = self.lines.entry(line).or_default();
        let slot = place.outstanding < self.bounds.outstanding_per_target;
        if !queue.busy && queue.waiting.is_empty() && slot {
            queue.busy = true;
            place.outstanding += 1;
            self.give_turn(id);
            return Slot::Now;
        }
        if queue.waiting.is_empty() {
            place.lines.push(line);
            if !queue.busy {
                place.ready.push_back(line);
            }
        }
        queue.waiting.push_back(id);
        Slot::Wait
    }

    fn give_turn(&mut self, id: DeliveryId) {
        if let Some(delivery) = self.deliveries.get_mut(&id) {
            delivery.has_turn = true;
        }
    }

    /// Ends a message; if it had its turn, the answer is whose turn has come.
    pub fn end(&mut self, id: DeliveryId) -> (Option<Delivery>, Vec<DeliveryId>) {
        let Some(delivery) = self.deliveries.remove(&id) else { return (None, Vec::new()) };
        if let Some((sender, octets)) = delivery.load {
            self.all.remove(octets);
            let own = self.senders.entry(sender).or_default();
            own.remove(octets);
            if own.messages == 0 {
                self.senders.remove(&sender);
            }
        }
        if !delivery.has_turn {
            return (Some(delivery), Vec::new());
        }
        let (line, target) = (delivery.line, delivery.target);
        if let Some(queue) = self.lines.get_mut(&line) {
            queue.busy = false;
            let waits = !queue.waiting.is_empty();
            if let Some(place) = self.targets.get_mut(&target) {
                place.outstanding = place.outstanding.saturating_sub(1);
                if waits {
                    place.ready.push_back(line);
                }
            }
        }
        let next = self.next_turns(target);
        self.tidy(line, target);
        (Some(delivery), next)
    }

    /// Empties all queues of a target: what waited there, in order.
    pub fn give_up(&mut self, target: u64) -> Vec<DeliveryId> {
        let Some(place) = self.targets.get_mut(&target) else { return Vec::new() };
        place.ready.clear();
        let mut waited = Vec::new();
        for line in std::mem::take(&mut place.lines) {
            if let Some(queue) = self.lines.get_mut(&line) {
                waited.extend(queue.waiting.drain(..));
                if !queue.busy {
                    self.lines.remove(&line);
                }
            }
        }
        waited.sort_unstable();
        if place.outstanding == 0 {
            self.targets.remove(&target);
        }
        waited
    }

    fn next_turns(&mut self, target: u64) -> Vec<DeliveryId> {
        let mut turns = Vec::new();
        let Some(place) = self.targets.get_mut(&target) else { return turns };
        while place.outstanding < self.bounds.outstanding_per_target {
            let Some(line) = place.ready.pop_front() else { break };
            let Some(queue) = self.lines.get_mut(&line) else { continue };
            let Some(id) = queue.waiting.pop_front() else { continue };
            queue.busy = true;
            place.outstanding += 1;
            if queue.waiting.is_empty() {
                place.lines.retain(|listed| *listed != line);
            }
            turns.push(id);
        }
        for id in &turns {
            self.give_turn(*id);
        }
        turns
    }

    fn tidy(&mut self, line: u64, target: u64) {
        if self.lines.get(&line).is_some_and(|queue| !queue.busy && queue.waiting.is_empty()) {
            self.lines.remove(&line);
        }
        let idle = |place: &Target| place.outstanding == 0 && place.lines.is_empty();
        if self.targets.get(&target).is_some_and(idle) {
            self.targets.remove(&target);
        }
    }
}
