//! Ids: keyed hashes for what may be made twice, a seeded generator for all else.

use std::hash::Hasher;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use siphasher::sip::SipHasher13;

use crate::codec::sip::CallId;
use crate::flow::{IdSource, Seed};

/// The id maker.
#[derive(Debug)]
pub struct Ids {
    random: ChaCha8Rng,
    key: [u8; 16],
}

/// What a keyed hash stands for: two purposes never share a hash.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub enum Purpose {
    /// The id of a stanza made from a SIP request.
    Stanza,
    /// The To tag of a response.
    Tag,
    /// A server transaction (RFC 3261 §17.2.3).
    Transaction,
    /// A request whatever path it took (RFC 3261 §8.2.2.2).
    Merge,
    /// A queue of one sender for one target.
    Line,
    /// A target of messages.
    Target,
    /// A SIP user as a target: localpart and SIP domain.
    Address,
    /// A device, by its full JID.
    Device,
    /// The log lines of one message.
    Correlation,
    /// A conversation: Call-ID and From URI.
    Conversation,
    /// A SIP user, by the bare JID.
    SipSpelling,
    /// An XMPP user, by user and host of the SIP URI.
    XmppSpelling,
    /// A stanza of the gateway's own: id and text.
    Echo,
    /// A nonce.
    Nonce,
    /// A SIP user and an XMPP user.
    Pair,
    /// A dialog: Call-ID and our tag.
    Dialog,
    /// An XMPP user.
    User,
    /// A user of either side who holds a share.
    Holder,
    /// A SIP user who was there, by the bare JID.
    Seen,
    /// Who was told of whom that an encrypted message was refused.
    Notice,
    /// A stanza that nobody waits for, by its octets.
    Fingerprint,
}

impl Ids {
    /// An id maker.
    #[must_use]
    pub fn new(source: &IdSource) -> Self {
        Ids { random: ChaCha8Rng::from_seed(source.seed), key: source.key }
    }

    /// 64 unpredictable bits.
    pub fn random(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// A fresh token of 16 hexadecimal digits.
    pub fn token(&mut self) -> String {
        format!("{:016x}", self.random())
    }

    /// A fresh Call-ID.
    pub fn call_id(&mut self) -> CallId {
        CallId::new(self.token().into()).expect("hexadecimal digits are legal in a Call-ID")
    }

    /// A fresh seed for a map.
    pub fn map_seed(&mut self) -> Seed {
        Seed(self.random(), self.random())
    }

    /// A keyed hash over parts; their boundaries count.
    #[must_use]
    pub fn hash(&self, purpose: Purpose, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write_u8(purpose as u8);
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        hasher.finish()
    }
}
