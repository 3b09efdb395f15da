//! Conversations: what the MESSAGEs of one thread share.
//!
//! A thread becomes a Call-ID (RFC 7572 Table 1), and a thread is chosen by a user: it is not
//! unique. So each sender has a From tag of its own in it, and a CSeq that rises with every
//! request, or a user agent would take a later message for a copy of an earlier one
//! (RFC 3261 §8.2.2.2).

use std::collections::VecDeque;

use super::delivery::RequestIds;
use super::ids::{Ids, Purpose};
use crate::codec::sip::CallId;
use crate::flow::{Map, Seed};

/// How many conversations are remembered; the one that began first is forgotten first. A forgotten
/// one goes on under a new From tag.
const REMEMBERED: usize = 10_000;

/// The conversations.
#[derive(Debug)]
pub struct Conversations {
    /// What a sender uses in a conversation: the last for a new message, any before it for the
    /// messages that an earlier process left.
    known: Map<u64, Vec<Numbering>>,
    order: VecDeque<u64>,
}

/// A From tag, and the CSeq that its last request had.
#[derive(Debug)]
struct Numbering {
    tag: String,
    cseq: u32,
}

impl Conversations {
    /// None yet.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Conversations { known: Map::with_hasher(seed), order: VecDeque::new() }
    }

    /// The Call-ID, From tag and CSeq of the next request. Without a Call-ID of its own a message
    /// is a conversation for itself, and is not remembered.
    pub fn next(&mut self, ids: &mut Ids, call_id: Option<CallId>, from: &str) -> RequestIds {
        let Some(call_id) = call_id else {
            return RequestIds { call_id: ids.call_id(), tag: ids.token(), cseq: 1 };
        };
        let key = Self::key(ids, &call_id, from);
        let known = self.remembered(key);
        let (tag, cseq) = match known.last_mut() {
            Some(last) => {
                last.cseq += 1;
                (last.tag.clone(), last.cseq)
            }
            None => {
                let tag = ids.token();
                known.push(Numbering { tag: tag.clone(), cseq: 1 });
                (tag, 1)
            }
        };
        RequestIds { call_id, tag, cseq }
    }

    /// The next CSeq for a request that is made once more (RFC 3261 §8.1.3.5): same Call-ID, same
    /// From tag.
    pub fn again(&mut self, ids: &Ids, before: &RequestIds, from: &str) -> RequestIds {
        let known = self.known.get_mut(&Self::key(ids, &before.call_id, from));
        let cseq = match known.and_then(|known| with_tag(known, &before.tag)) {
            Some(last) => {
                last.cseq += 1;
                last.cseq
            }
            None => before.cseq + 1,
        };
        RequestIds { cseq, ..before.clone() }
    }

    /// Goes on with a request of an earlier process: all its messages of one conversation, which
    /// may be on their way together, count on from one number, which is at least `least`.
    pub fn resume(&mut self, ids: &Ids, before: RequestIds, from: &str, least: u32) -> RequestIds {
        let known = self.remembered(Self::key(ids, &before.call_id, from));
        let least = before.cseq.max(least);
        let cseq = match with_tag(known, &before.tag) {
            Some(last) => {
                last.cseq = last.cseq.max(least);
                last.cseq
            }
            None => {
                known.insert(0, Numbering { tag: before.tag.clone(), cseq: least });
                least
            }
        };
        RequestIds { cseq, ..before }
    }

    fn remembered(&mut self, key: u64) -> &mut Vec<Numbering> {
        if !self.known.contains_key(&key) {
            if self.order.len() >= REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
            self.order.push_back(key);
        }
        self.known.entry(key).or_default()
    }

    fn key(ids: &Ids, call_id: &CallId, from: &str) -> u64 {
        ids.hash(Purpose::Conversation, &[call_id.as_bytes(), from.as_bytes()])
    }
}

fn with_tag<'a>(known: &'a mut [Numbering], tag: &str) -> Option<&'a mut Numbering> {
    known.iter_mut().find(|numbering| numbering.tag == tag)
}
