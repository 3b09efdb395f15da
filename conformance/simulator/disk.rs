//! The beginnings and ends of the gateway's process, and what of it outlives it: records, and the
//! journal of messages.

use crate::agenda::{End, Event, MS, Micros};
use crate::journal::GROUP;
use crate::ledger;
use crate::process::{Ending, Note};
use crate::simulation::Simulation;

/// What happens to the disk.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Disk {
    /// Records are in the store.
    Committed { group: u64 },
    /// A group of the journal's steps is complete.
    Gathered,
    /// A group is in the journal's file.
    Journalled,
}

impl Simulation {
    pub(crate) fn start(&mut self) {
        if self.process.runs() {
            return;
        }
        let now = self.stage.now;
        self.stage.trace.note(now, b"start", || "the gateway starts".to_owned());
        let outs = self.process.start(now);
        for link in &mut self.links {
            link.begin(&mut self.stage);
        }
        self.outs(outs);
        ledger::all_taken_up(&mut self.stage);
    }

    /// The process ends, and the system closes what it had open.
    pub(crate) fn end_process(&mut self, ending: Ending) {
        self.collect_counters();
        let remains = self.process.end(ending);
        let (kept, lost) = remains.records;
        self.stage.coverage.add("process.records_kept", kept as u64);
        self.stage.coverage.add("process.records_lost_in_kill", lost as u64);
        self.stage.coverage.add("journal.steps_lost_in_kill", remains.steps_lost);
        let incarnation = self.process.incarnation;
        self.monitor.died(&mut self.stage, ending, incarnation, kept);
        for link in &mut self.links {
            link.gateway_closes(&mut self.stage);
            link.fallen();
        }
        self.connections.end_died(&mut self.stage, End::Gateway, None);
    }

    pub(crate) fn collect_counters(&mut self) {
        let Some(status) = self.process.status(self.stage.now) else { return };
        for (name, count) in &status.counters {
            self.stage.coverage.add(&format!("gateway.{name}"), *count);
        }
    }

    pub(crate) fn stopping(&mut self, incarnation: u64, until: Micros) {
        if incarnation != self.process.incarnation || !self.process.runs() {
            return;
        }
        if self.process.idle() || self.stage.now >= until {
            return self.end_process(Ending::Drained);
        }
        let at = self.stage.now + 20 * MS;
        self.stage.agenda.set(at, Event::Stopping { incarnation, until });
    }

    /// The gateway writes a group of records. It is never on disk before the one before it.
    pub(crate) fn commit(&mut self, group: u64, of_text: bool) {
        let now = self.stage.now;
        self.monitor.requests.text.record(group, of_text);
        let at = (now + MS + now % self.plan.disk).max(self.last_commit);
        self.last_commit = at;
        self.disk_later(at, Disk::Committed { group });
    }

    /// The gateway notes a step of a message.
    pub(crate) fn note(&mut self, note: &Note) {
        let Note { number, step, .. } = *note;
        self.monitor.journal(&mut self.stage, number, step, self.process.incarnation);
        if self.sabotage.as_ref().is_some_and(|sabotage| sabotage.loses(step)) {
            return;
        }
        if self.process.note(note) {
            self.disk_later(self.stage.now + GROUP, Disk::Gathered);
        }
    }

    fn disk_later(&mut self, at: Micros, disk: Disk) {
        let incarnation = self.process.incarnation;
        self.stage.agenda.set(at, Event::Disk { incarnation, disk });
    }

    pub(crate) fn disk(&mut self, disk: Disk) {
        let now = self.stage.now;
        match disk {
            Disk::Committed { group } => {
                self.stage.coverage.hit("process.committed");
                self.monitor.requests.text.committed(group);
                self.feed(crate::process::In::Committed { group });
            }
            Disk::Gathered => {
                let (writes, more) = self.process.gather();
                if writes {
                    let at = (now + now % self.plan.journal).max(self.last_journalled);
                    self.last_journalled = at;
                    self.disk_later(at, Disk::Journalled);
                } else {
                    self.stage.coverage.hit("journal.nothing_to_write");
                }
                if more {
                    self.disk_later(now + GROUP, Disk::Gathered);
                }
            }
            Disk::Journalled => {
                self.stage.coverage.hit("journal.group_written");
                self.process.journalled();
            }
        }
    }
}
