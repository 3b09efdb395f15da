//! Messages in one direction: whose turn it is, what is in flight, what became of each.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::Serialize;

use crate::measure::latency::Latency;
use crate::measure::tally::{Place, Tally};

/// Which way messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From XMPP users to SIP users.
    XmppToSip,
    /// From SIP users to XMPP users.
    SipToXmpp,
}

/// When the next message is sent.
#[derive(Debug, Clone, Copy)]
pub enum Pacing {
    /// As soon as fewer than so many are in flight.
    Window(usize),
    /// So many in a second, however long they take: latency counts from the time when a message
    /// should have been sent.
    Rate(f64),
}

/// A message to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Its conversation, and so its sender and its recipient.
    pub conversation: usize,
    /// Its mark.
    pub key: u64,
}

/// What is in flight.
#[derive(Debug)]
struct Flying {
    sequence: u32,
    intended: Instant,
    arrived: bool,
    answered: bool,
}

#[derive(Debug, Default)]
struct Conversation {
    next: u32,
    flying: VecDeque<Flying>,
}

/// One direction.
pub struct Flow {
    /// Which one.
    pub direction: Direction,
    /// From intended sending to arrival.
    pub latency: Latency,
    /// From intended sending to the final response, for messages from SIP.
    pub answers: Latency,
    /// What arrived.
    pub tally: Tally,
    /// What was refused, by status or condition.
    pub refused: BTreeMap<String, u64>,
    /// Messages whose place in flight was given up.
    pub overdue: u64,
    /// Requests that got no final response.
    pub unanswered: u64,
    pacing: Pacing,
    /// In flight in one conversation at most.
    each: usize,
    conversations: Vec<Conversation>,
    ready: VecDeque<usize>,
    in_flight: usize,
    sent: u64,
    begun: Option<Instant>,
    paced: u64,
    last_arrival: Option<Instant>,
    patience: Duration,
}

impl Flow {
    /// Nothing sent yet.
    pub fn new(
        direction: Direction,
        pacing: Pacing,
        conversations: usize,
        each: usize,
        patience: Duration,
    ) -> Self {
        Flow {
            direction,
            latency: Latency::default(),
            answers: Latency::default(),
            tally: Tally::new(conversations),
            refused: BTreeMap::new(),
            overdue: 0,
            unanswered: 0,
            pacing,
            each,
            conversations: (0..conversations).map(|_| Conversation::default()).collect(),
            ready: (0..conversations).collect(),
            in_flight: 0,
            sent: 0,
            begun: None,
            paced: 0,
            last_arrival: None,
            patience,
        }
    }

    /// How many were sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// How many were sent and have no outcome yet.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// When a message arrived last.
    pub fn last_arrival(&self) -> Option<Instant> {
        self.last_arrival
    }

    /// When the next message is due, if it waits for its time and not for another one.
    pub fn due(&self) -> Option<Instant> {
        match self.pacing {
            Pacing::Rate(rate) if !self.ready.is_empty() => {
                Some(self.begun? + Duration::from_secs_f64(self.paced as f64 / rate))
            }
            _ => None,
        }
    }

    /// The message that may be sent now, if one may; it counts as sent.
    pub fn next(&mut self, now: Instant) -> Option<Next> {
        self.begun.get_or_insert(now);
        let intended = match self.pacing {
            Pacing::Window(window) => (self.in_flight < window).then_some(now)?,
            Pacing::Rate(_) => self.due().filter(|due| *due <= now)?,
        };
        let number = self.ready.pop_front()?;
        let conversation = &mut self.conversations[number];
        let sequence = conversation.next;
        conversation.next += 1;
        let flying = Flying { sequence, intended, arrived: false, answered: false };
        conversation.flying.push_back(flying);
        if conversation.flying.len() < self.each {
            self.ready.push_back(number);
        }
        self.in_flight += 1;
        self.sent += 1;
        self.paced += 1;
        let key = Place { conversation: number, sequence }.key(self.direction);
        Some(Next { conversation: number, key })
    }

    /// After a pause: the next message is due at once, and what was not sent in it never is.
    pub fn begin_again(&mut self) {
        (self.begun, self.paced) = (None, 0);
    }

    /// It arrived.
    pub fn arrived(&mut self, now: Instant, place: Place) {
        if !self.tally.arrived(place) {
            return;
        }
        self.last_arrival = Some(now);
        let from_sip = self.direction == Direction::SipToXmpp;
        let Some(flying) = self.flying(place) else { return };
        let time = now - flying.intended;
        flying.arrived = true;
        let done = flying.answered || !from_sip;
        self.latency.record(time);
        if done {
            self.land(place);
        }
    }

    /// The recipient's side has taken responsibility for it, as far as its sender was told.
    pub fn answered(&mut self, now: Instant, place: Place) {
        let Some(flying) = self.flying(place) else { return };
        flying.answered = true;
        let (time, done) = (now - flying.intended, flying.arrived);
        self.answers.record(time);
        if done {
            self.land(place);
        }
    }

    /// Its sender was told that it did not arrive.
    pub fn refused(&mut self, place: Place, why: &str) {
        self.tally.refused(place);
        *self.refused.entry(why.to_owned()).or_default() += 1;
        self.land(place);
    }

    /// Its request got no final response.
    pub fn expired(&mut self, place: Place) {
        if self.flying(place).is_some() {
            self.unanswered += 1;
            self.land(place);
        }
    }

    /// Gives up what is in flight for too long: its place is free for another one. Whether it is
    /// lost is decided at the end.
    pub fn give_up(&mut self, now: Instant) {
        let mut late = Vec::new();
        for (number, conversation) in self.conversations.iter().enumerate() {
            let old =
                |flying: &&Flying| now.saturating_duration_since(flying.intended) > self.patience;
            late.extend(conversation.flying.iter().filter(old).map(|flying| {
                (flying.arrived, Place { conversation: number, sequence: flying.sequence })
            }));
        }
        for (arrived, place) in late {
            self.overdue += u64::from(!arrived);
            self.unanswered += u64::from(arrived);
            self.land(place);
        }
    }

    fn flying(&mut self, place: Place) -> Option<&mut Flying> {
        let conversation = self.conversations.get_mut(place.conversation)?;
        conversation.flying.iter_mut().find(|flying| flying.sequence == place.sequence)
    }

    /// Its place in flight is free.
    fn land(&mut self, place: Place) {
        let Some(conversation) = self.conversations.get_mut(place.conversation) else { return };
        let before = conversation.flying.len();
        conversation.flying.retain(|flying| flying.sequence != place.sequence);
        if conversation.flying.len() < before {
            self.in_flight -= 1;
            if before == self.each {
                self.ready.push_back(place.conversation);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(pacing: Pacing) -> Flow {
        Flow::new(Direction::SipToXmpp, pacing, 3, 1, Duration::from_secs(5))
    }

    fn place(next: Next) -> Place {
        Place::of(next.key).expect("a key of ours").1
    }

    #[test]
    fn a_window_is_never_exceeded_and_a_conversation_has_one_in_flight() {
        let now = Instant::now();
        let mut flow = flow(Pacing::Window(2));
        let first = flow.next(now).expect("the window is open");
        let second = flow.next(now).expect("the window is open");
        assert_eq!(flow.next(now), None);
        assert_ne!(first.conversation, second.conversation);
        flow.arrived(now, place(first));
        assert_eq!(flow.next(now), None, "a message from SIP is in flight until it is answered");
        flow.answered(now, place(first));
        let third = flow.next(now).expect("the window is open");
        assert_eq!(third.conversation, 2);
    }

    #[test]
    fn latency_counts_from_the_time_when_it_should_have_been_sent() {
        let now = Instant::now();
        let mut flow = flow(Pacing::Rate(1_000.0));
        let late = now + Duration::from_millis(50);
        let first = flow.next(now).expect("due at once");
        assert_eq!(flow.next(now), None, "the next is due in a millisecond");
        let second = flow.next(late).expect("overdue");
        flow.arrived(late, place(first));
        flow.arrived(late, place(second));
        assert!((49.0..51.0).contains(&flow.latency.summary().p50));
        assert!((49.9..50.1).contains(&flow.latency.summary().max));
    }

    #[test]
    fn what_is_given_up_frees_its_place() {
        let now = Instant::now();
        let mut flow = flow(Pacing::Window(1));
        let first = flow.next(now).expect("the window is open");
        let later = now + Duration::from_secs(6);
        flow.give_up(later);
        assert_eq!((flow.overdue, flow.in_flight()), (1, 0));
        flow.arrived(later, place(first));
        assert_eq!(flow.tally.lost(flow.sent()), 0);
    }
}
