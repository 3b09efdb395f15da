//! Transactions (RFC 3261 §17, RFC 4320): one file for each machine.

pub mod client;
mod finished;
pub mod server;

use std::time::Duration;

/// The timers of RFC 3261 §17 that a deployment may set.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The round trip estimate (500 ms by default).
    pub t1: Duration,
    /// The longest pause between retransmissions (4 s by default).
    pub t2: Duration,
}

impl Timing {
    /// Timers F and J: 64 × T1.
    #[must_use]
    pub fn lifetime(self) -> Duration {
        self.t1 * 64
    }

    /// When Timer E would be reset to T2, counted from the request: the earliest moment for a 100
    /// over UDP (RFC 4320 §4.1), 3.5 s with the default timers.
    #[must_use]
    pub fn trying(self) -> Duration {
        let mut interval = self.t1;
        let mut elapsed = Duration::ZERO;
        while interval < self.t2 {
            elapsed += interval;
            interval *= 2;
        }
        elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_100_is_at_three_and_a_half_seconds() {
        let timing = Timing { t1: Duration::from_millis(500), t2: Duration::from_secs(4) };
        assert_eq!(timing.trying(), Duration::from_millis(3_500));
        assert_eq!(timing.lifetime(), Duration::from_secs(32));
    }
}
