//! The core's hash map: its seed is an input, so that a run can be repeated and a peer cannot
//! choose keys that collide.

use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;

/// A map whose order nothing may depend on: effects are never made by walking one.
pub type Map<K, V> = hashbrown::HashMap<K, V, Seed>;

/// The key of the hash function, 128 bits.
#[derive(Debug, Clone, Copy)]
pub struct Seed(pub u64, pub u64);

impl BuildHasher for Seed {
    type Hasher = SipHasher13;
    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}
