//! One direction of an ordered stream: what is in flight arrives in order until the cut.

use crate::agenda::Micros;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    last: Micros,
    /// What would arrive later than this never does.
    pub(crate) dead_after: Micros,
}

impl Way {
    pub(crate) fn new(from: Micros) -> Self {
        Way { last: from, dead_after: Micros::MAX }
    }

    /// When something that left to arrive at `at` does arrive: never before what left earlier.
    pub(crate) fn arrival(&mut self, at: Micros) -> Micros {
        self.last = self.last.max(at);
        self.last
    }

    pub(crate) fn carries(&self, at: Micros) -> bool {
        at <= self.dead_after
    }

    /// Whether its end is decided.
    pub(crate) fn ends(&self) -> bool {
        self.dead_after != Micros::MAX
    }

    /// Ends at a moment, unless it has ended before.
    pub(crate) fn cut(&mut self, at: Micros) {
        self.dead_after = self.dead_after.min(at);
    }
}
