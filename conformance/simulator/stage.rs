//! What all parts of the world share: the time, the agenda, the book-keeping.

use crate::agenda::{Agenda, Micros};
use crate::coverage::Coverage;
use crate::ledger::Ledger;
use crate::trace::Trace;

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) now: Micros,
    pub(crate) agenda: Agenda,
    pub(crate) trace: Trace,
    pub(crate) coverage: Coverage,
    pub(crate) ledger: Ledger,
    /// The first invariant that did not hold.
    pub(crate) violation: Option<String>,
    /// The traffic is over and nothing disturbs any more.
    pub(crate) calm: bool,
}

impl Stage {
    pub(crate) fn new(lines: usize) -> Self {
        Stage {
            now: 1_000_000,
            agenda: Agenda::default(),
            trace: Trace::new(lines),
            coverage: Coverage::default(),
            ledger: Ledger::default(),
            violation: None,
            calm: false,
        }
    }

    /// An invariant does not hold; the first one is what is told.
    pub(crate) fn violated(&mut self, what: String) {
        self.trace.note(self.now, what.as_bytes(), || format!("VIOLATED: {what}"));
        self.violation.get_or_insert(what);
    }

    pub(crate) fn demand(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violated(what());
        }
    }
}
