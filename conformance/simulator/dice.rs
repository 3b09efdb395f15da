//! Chance, from the seed alone: each part of the world throws dice of its own, so that a change
//! of one part does not change the throws of another.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::agenda::Micros;

/// Whose dice they are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Throws {
    Plan,
    Network,
    Connections,
    Links,
    Sip,
    Xmpp,
    Process,
    Hostile,
}

/// A seeded generator.
#[derive(Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64, throws: Throws) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(throws as u64);
        Dice(random)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from 0 to `end` - 1; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.number() % end }
    }

    /// A number from `low` to `high`.
    pub(crate) fn between(&mut self, low: Micros, high: Micros) -> Micros {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True so many times of a thousand.
    pub(crate) fn chance(&mut self, permille: u64) -> bool {
        permille > 0 && self.below(1_000) < permille
    }

    pub(crate) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u64) as usize]
    }
}
