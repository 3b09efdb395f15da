//! How users write themselves, where the other side has one form for several spellings.
//!
//! JIDs are case-folded and SIP users are not (RFC 3261 §19.1.4); clients may escape a localpart
//! otherwise than XEP-0106 does, and servers know localparts that a SIP user could not be given.
//! So the spelling seen last is remembered, and an answer finds its way back.

use std::collections::VecDeque;

use crate::codec::sip::{Uri, percent};
use crate::codec::xmpp::jid_escaping::unescape;
use crate::codec::xmpp::{Jid, localpart_from_user};
use crate::flow::{Map, Seed};

/// Spellings in bounded memory: who was learnt first is forgotten first.
#[derive(Debug)]
pub struct Spellings {
    known: Map<u64, Box<str>>,
    order: VecDeque<u64>,
    most: usize,
}

impl Spellings {
    /// At most `most` of them.
    #[must_use]
    pub fn new(seed: Seed, most: usize) -> Self {
        Spellings { known: Map::with_hasher(seed), order: VecDeque::new(), most }
    }

    /// Notes what was seen last; `None` for the usual spelling, which needs no memory.
    pub fn note(&mut self, key: u64, spelling: Option<&str>) {
        let Some(spelling) = spelling else {
            // Its place in the order stays, and is of no use to anyone.
            self.known.remove(&key);
            return;
        };
        if self.known.insert(key, spelling.into()).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > self.most {
            let Some(oldest) = self.order.pop_front() else { return };
            self.known.remove(&oldest);
        }
    }

    /// The spelling under a key.
    #[must_use]
    pub fn get(&self, key: u64) -> Option<&str> {
        self.known.get(&key).map(|spelling| &**spelling)
    }
}

/// The localpart of a JID, unless a SIP user of the same name would get just this one.
pub(super) fn of_xmpp_user(jid: &Jid) -> Option<&str> {
    let local = jid.node()?;
    if local.bytes().all(|b| b.is_ascii() && b != b'\\') {
        return None;
    }
    let usual = localpart_from_user(&unescape(local));
    usual.map_or(true, |usual| &*usual != local).then_some(local)
}

/// The user of a SIP URI, unless it is what the JID stands for anyway.
pub(super) fn of_sip_user(uri: &Uri, jid: &Jid) -> Option<Box<str>> {
    let user = percent::decode_utf8(uri.user()?)?;
    let usual = unescape(jid.node()?);
    (user != usual).then(|| user.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_learnt_first_is_forgotten_first() {
        let mut spellings = Spellings::new(Seed(1, 2), 2);
        for (key, spelling) in [(1, "A"), (2, "B"), (1, "a"), (3, "C")] {
            spellings.note(key, Some(spelling));
        }
        assert_eq!((spellings.get(1), spellings.get(2)), (None, Some("B")));
        spellings.note(2, None);
        assert_eq!(spellings.get(2), None);
        (0..1_000).for_each(|key| spellings.note(key % 3, (key % 2 == 0).then_some("x")));
        assert!(spellings.order.len() <= 2 && spellings.known.len() <= 2);
    }

    #[test]
    fn the_usual_spelling_needs_no_memory() {
        let local = |jid: &str| of_xmpp_user(&Jid::parse(jid).unwrap()).map(str::to_owned);
        assert_eq!(local("juliet@h"), None);
        assert_eq!(local("o\\27malley@h"), None);
        assert_eq!(local("a\\5cb@h").as_deref(), Some("a\\5cb"));
        assert_eq!(local("\u{265A}@h").as_deref(), Some("\u{265A}"));
    }
}
