//! Times from sending to arriving.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Nanoseconds, from 100 ns to 100 s, to three digits.
pub struct Latency {
    times: Histogram<u64>,
    stalls: u64,
}

/// From here on a latency is a stall: the delayed acknowledgement of TCP, which a stack that
/// forgets TCP_NODELAY waits for, takes this long.
const STALL: Duration = Duration::from_millis(40);

/// Quantiles, milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Median.
    pub p50: f64,
    /// 90 of 100 were faster.
    pub p90: f64,
    /// 99 of 100 were faster.
    pub p99: f64,
    /// 999 of 1000 were faster.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
    /// How many took 40 ms or longer.
    pub over_40_ms: u64,
}

impl Default for Latency {
    fn default() -> Self {
        let times = Histogram::new_with_bounds(100, 100_000_000_000, 3);
        Latency { times: times.expect("the bounds are constants that fit"), stalls: 0 }
    }
}

impl Latency {
    /// Notes one.
    pub fn record(&mut self, time: Duration) {
        self.times.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        self.stalls += u64::from(time >= STALL);
    }

    /// How many were noted.
    pub fn count(&self) -> u64 {
        self.times.len()
    }

    /// Forgets what was noted.
    pub fn clear(&mut self) {
        self.times.reset();
        self.stalls = 0;
    }

    /// The quantiles.
    pub fn summary(&self) -> Summary {
        let at = |quantile| self.times.value_at_quantile(quantile) as f64 / 1e6;
        Summary {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: if self.times.is_empty() { 0.0 } else { self.times.max() as f64 / 1e6 },
            over_40_ms: self.stalls,
        }
    }
}
