//! Conversations: what the MESSAGEs of one thread share.
//!
//! A thread becomes a Call-ID (RFC 7572 Table 1), and a thread is chosen by a user: it is not
//! unique. So each sender has a From tag of its own in it, and a CSeq that rises with every
//! request, or a user agent would take a later message for a copy of an earlier one
//! (RFC 3261 §8.2.2.2).

use std::collections::VecDeque;

use super::delivery::Dialogue;
use super::ids::{Ids, Purpose};
use crate::codec::sip::CallId;
use crate::flow::{Map, Seed};

/// How many conversations are remembered; the one that began first is forgotten first. A forgotten
/// one goes on under a new From tag.
const REMEMBERED: usize = 10_000;

/// The conversations.
#[derive(Debug)]
pub struct Conversations {
    known: Map<u64, (String, u32)>,
    order: VecDeque<u64>,
}

impl Conversations {
    /// None yet.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Conversations { known: Map::with_hasher(seed), order: VecDeque::new() }
    }

    /// The Call-ID, From tag and CSeq of the next request. Without a Call-ID of its own a message
    /// is a conversation for itself, and is not remembered.
    pub fn next(&mut self, ids: &mut Ids, call_id: Option<CallId>, from: &str) -> Dialogue {
        let Some(call_id) = call_id else {
            return Dialogue { call_id: ids.call_id(), tag: ids.token(), cseq: 1 };
        };
        let key = Self::key(ids, &call_id, from);
        if let Some((tag, cseq)) = self.known.get_mut(&key) {
            *cseq += 1;
            return Dialogue { call_id, tag: tag.clone(), cseq: *cseq };
        }
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        let tag = ids.token();
        self.known.insert(key, (tag.clone(), 1));
        self.order.push_back(key);
        Dialogue { call_id, tag, cseq: 1 }
    }

    /// The next CSeq for a request that is made once more (RFC 3261 §8.1.3.5): same Call-ID, same
    /// From tag.
    pub fn again(&mut self, ids: &Ids, before: &Dialogue, from: &str) -> Dialogue {
        let known = self.known.get_mut(&Self::key(ids, &before.call_id, from));
        let cseq = match known.filter(|(tag, _)| *tag == before.tag) {
            Some((_, last)) => {
                *last += 1;
                *last
            }
            None => before.cseq + 1,
        };
        Dialogue { cseq, ..before.clone() }
    }

    fn key(ids: &Ids, call_id: &CallId, from: &str) -> u64 {
        ids.hash(Purpose::Conversation, &[call_id.as_bytes(), from.as_bytes()])
    }
}
