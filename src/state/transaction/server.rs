//! The non-INVITE server transaction (RFC 3261 §17.2.2, RFC 4320).
//!
//! Only requests that have an effect get one: a request that the gateway answers out of hand is
//! answered again in the same way when it comes again (RFC 3261 §8.2.7).
//!
//! What Timer J keeps of a finished transaction is a keyed hash of its key and the status: the
//! response to a retransmission is made again from the retransmission itself.

use std::time::Duration;

use super::finished::Generation;
use crate::codec::sip::{Header, HeaderName, HeaderValue, Headers, ReasonPhrase, Request};
use crate::flow::{Correlation, Flow, Instant, Map, Seed};

/// RFC 3261 §17.2.2, Figure 8; Completed is [`Finished`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing was answered yet.
    Trying,
    /// A 100 was sent.
    Proceeding,
}

/// A transaction that waits for its final response.
#[derive(Debug)]
pub struct Live {
    /// Its state.
    pub state: State,
    /// Where responses go.
    pub flow: Flow,
    /// The request, without its body.
    pub request: Box<Request>,
    /// The key under which further copies by other paths are known.
    pub merge_key: u64,
    /// Joins the log lines of both legs.
    pub correlation: Correlation,
    /// The languages that its sender reads, with commas between them (RFC 3261 §20.3).
    pub languages: Option<Box<str>>,
}

/// What is remembered of a final response.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Its status.
    pub status: u16,
    /// What a plain answer would not have; none for a success.
    pub detail: Option<Box<Detail>>,
}

/// Reason and companion headers of a response, in one piece: there may be a hundred thousand.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// A reason of its own.
    pub reason: Option<ReasonPhrase>,
    /// The headers, a line for each.
    lines: Box<str>,
}

impl Detail {
    /// What is to be remembered; none where there is nothing beside the status.
    #[must_use]
    pub fn of(reason: Option<&ReasonPhrase>, headers: &Headers) -> Option<Box<Self>> {
        if reason.is_none() && headers.is_empty() {
            return None;
        }
        let line =
            |header: &Header| [header.name.as_str(), ":", &*header.value.to_text(), "\n"].concat();
        let lines = headers.iter().map(line).collect::<String>().into_boxed_str();
        Some(Box::new(Detail { reason: reason.cloned(), lines }))
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> Headers {
        let mut headers = Headers::new();
        for line in self.lines.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            if let Some(name) = HeaderName::new(&name.into()) {
                headers.push(name, HeaderValue::text(value));
            }
        }
        headers
    }
}

/// What is known of a request by its key.
#[derive(Debug)]
pub enum Known<'a> {
    /// It waits for its final response.
    Live(&'a Live),
    /// It got this one.
    Finished(Finished),
}

/// All server transactions.
#[derive(Debug)]
pub struct Servers {
    live: Map<u64, Live>,
    merges: Map<u64, u64>,
    /// Generations of Timer J: the newest first.
    finished: [Generation; GENERATIONS],
    generation_length: Duration,
}

/// A response is kept for at least two whole generations.
const GENERATIONS: usize = 3;

impl Servers {
    /// No transactions; `timer_j` is how long a response is kept at least.
    #[must_use]
    pub fn new(seed: Seed, timer_j: Duration) -> Self {
        Servers {
            live: Map::with_hasher(seed),
            merges: Map::with_hasher(seed),
            finished: std::array::from_fn(|_| Generation::new(seed)),
            generation_length: timer_j / (GENERATIONS as u32 - 1),
        }
    }

    /// What is known under a key.
    #[must_use]
    pub fn known(&self, key: u64) -> Option<Known<'_>> {
        if let Some(live) = self.live.get(&key) {
            return Some(Known::Live(live));
        }
        let mut generations = self.finished.iter();
        generations.find_map(|generation| generation.get(key)).map(Known::Finished)
    }

    /// Whether this request came already by another path (RFC 3261 §8.2.2.2).
    #[must_use]
    pub fn merged(&self, merge_key: u64) -> bool {
        self.merges.contains_key(&merge_key)
            || self.finished.iter().any(|generation| generation.knows(merge_key))
    }

    /// Whether a transaction waits for its final response.
    #[must_use]
    pub fn waits(&self, key: u64) -> bool {
        self.live.contains_key(&key)
    }

    /// How many wait for their final response.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.live.len()
    }

    /// Takes on a request.
    pub fn begin(&mut self, key: u64, live: Live) {
        self.merges.insert(live.merge_key, key);
        self.live.insert(key, live);
    }

    /// The transaction that waits under a key.
    pub fn live_mut(&mut self, key: u64) -> Option<&mut Live> {
        self.live.get_mut(&key)
    }

    /// Ends a transaction with its final response, and remembers that response until Timer J.
    /// §17.2.2 has zero for it on a reliable transport; but a peer that lost its connection before
    /// it read the response, or that fails over to another transport, sends the request again.
    pub fn finish(&mut self, key: u64, finished: Finished) -> Option<Live> {
        let live = self.live.remove(&key)?;
        self.merges.remove(&live.merge_key);
        let [newest, ..] = &mut self.finished;
        newest.insert(key, finished);
        newest.mark(live.merge_key);
        Some(live)
    }

    /// Remembers the final response of a request that was refused at once, until Timer J.
    pub fn remember(&mut self, key: u64, finished: Finished) {
        let [newest, ..] = &mut self.finished;
        newest.insert(key, finished);
    }

    /// Drops the oldest generation and begins a new one; the next change is due at the answer.
    pub fn turn_generation(&mut self, now: Instant) -> Instant {
        self.finished.rotate_right(1);
        let [newest, ..] = &mut self.finished;
        newest.clear();
        now + self.generation_length
    }
}
