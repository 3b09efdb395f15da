//! The clocks.

use std::time::{Duration, Instant as StdInstant, SystemTime, UNIX_EPOCH};

use crate::flow::{Instant, Now};

/// The process's time line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start: StdInstant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Clock { start: StdInstant::now() }
    }

    pub(super) fn now(&self) -> Now {
        let instant = Instant(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX));
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { instant, unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX) }
    }

    /// A point of the time line as the runtime's timers know it.
    pub(super) fn at(&self, instant: Instant) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.start + Duration::from_micros(instant.0))
    }
}
