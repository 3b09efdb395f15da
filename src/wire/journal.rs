//! The journal of messages on their way to SIP: what a killed process leaves to the next one.
//!
//! Nothing waits for it. What happened in a few milliseconds is written in one piece by a thread of
//! its own, and a message that got its outcome within them is not written at all. The file survives
//! the death of the process at any instant, not that of the machine: it is not synced.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, oneshot};

use super::journal_file::{self, Job, JournalError, Writer};
use super::runner::Runner;
use crate::flow::{DeliveryId, Entry, Part, Sent, Taken, Unfinished};

/// How long steps are gathered before they are written together.
const GROUP: Duration = Duration::from_millis(5);
/// How long after a failure the journal is tried anew.
const AGAIN: Duration = Duration::from_secs(1);
/// The file is written anew, without what has ended, when it is longer than this and twice as long
/// as what is unfinished.
const LONG: usize = 16 * 1_024 * 1_024;
/// The file is written anew, too, when what has ended is in it for so long; with much that is
/// unfinished for so long for each [`LONG`] of it.
const KEPT: Duration = Duration::from_secs(60);
/// Octets that may wait for the disk; beyond them nothing is journalled until it has caught up.
const WAITING: usize = 64 * 1_024 * 1_024;

/// A message without an outcome.
#[derive(Debug)]
struct Live {
    taken: Taken,
    part: Option<Part>,
    sent: Option<Sent>,
    /// Whether the file has it.
    written: bool,
    /// Whether its part is not in the file.
    part_is_new: bool,
    /// Whether its last request is not in the file.
    sent_is_new: bool,
}

impl Live {
    fn new(taken: Taken) -> Self {
        Live {
            taken,
            part: None,
            sent: None,
            written: false,
            part_is_new: false,
            sent_is_new: false,
        }
    }
}

/// The journal.
#[derive(Debug)]
pub(super) struct Journal {
    live: RefCell<HashMap<DeliveryId, Live>>,
    /// What changed since the last group.
    dirty: RefCell<Vec<DeliveryId>>,
    /// What ended since the last group and is in the file.
    ended: RefCell<Vec<DeliveryId>>,
    more: Notify,
    writer: RefCell<Option<Writer>>,
    length: Cell<usize>,
    /// Since when there is something in the file that has ended.
    ended_since: Cell<Option<Instant>>,
    failed: Cell<bool>,
    results: RefCell<Option<UnboundedReceiver<io::Result<()>>>>,
}

/// A journal with what it held.
pub(super) struct Opened {
    pub(super) journal: Journal,
    pub(super) unfinished: Vec<Unfinished>,
    /// A damaged journal that was set aside.
    pub(super) damaged: Option<PathBuf>,
}

impl Journal {
    /// Opens the journal beside a store, or makes one. What is unfinished is written anew.
    pub(super) fn open(store: &Path, unix_ms: u64) -> Result<Opened, JournalError> {
        let path = store.with_extension("journal");
        let read = journal_file::read(&path, unix_ms)?;
        let (told, results) = unbounded_channel();
        let live: HashMap<DeliveryId, Live> = read
            .unfinished
            .iter()
            .map(|left| {
                let Unfinished { delivery, taken, part, sent } = left.clone();
                (delivery, Live { part, sent, written: true, ..Live::new(taken) })
            })
            .collect();
        let octets = snapshot(&live);
        let length = octets.len();
        let writer = Writer::start(path, octets, told)?;
        let journal = Journal {
            live: RefCell::new(live),
            dirty: RefCell::default(),
            ended: RefCell::default(),
            more: Notify::new(),
            writer: RefCell::new(Some(writer)),
            length: Cell::new(length),
            ended_since: Cell::new(None),
            failed: Cell::new(false),
            results: RefCell::new(Some(results)),
        };
        Ok(Opened { journal, unfinished: read.unfinished, damaged: read.damaged })
    }

    /// Notes a step.
    pub(super) fn note(&self, entry: Entry) {
        let id = match entry {
            Entry::Taken(id, taken) => {
                self.live.borrow_mut().insert(id, Live::new(taken));
                id
            }
            Entry::Part(id, part) => {
                let mut all = self.live.borrow_mut();
                let Some(live) = all.get_mut(&id) else { return };
                (live.part, live.part_is_new) = (Some(part), true);
                (live.sent, live.sent_is_new) = (None, false);
                id
            }
            Entry::Sent(id, sent) => {
                let mut all = self.live.borrow_mut();
                let Some(live) = all.get_mut(&id) else { return };
                live.sent = Some(sent);
                live.sent_is_new = true;
                id
            }
            Entry::Ended(id) => {
                if self.live.borrow_mut().remove(&id).is_some_and(|live| live.written) {
                    self.ended.borrow_mut().push(id);
                    if self.ended_since.get().is_none() {
                        self.ended_since.set(Some(Instant::now()));
                    }
                    self.more.notify_one();
                }
                return;
            }
        };
        self.dirty.borrow_mut().push(id);
        self.more.notify_one();
    }

    /// How many messages have no outcome.
    pub(super) fn unfinished(&self) -> usize {
        self.live.borrow().len()
    }

    /// Writes groups, for ever, and tells of troubles and of their end.
    pub(super) async fn keep_writing(self: Rc<Self>, runner: Rc<Runner>) {
        let Some(mut results) = self.results.borrow_mut().take() else { return };
        loop {
            tokio::select! {
                () = self.more.notified() => {}
                // The texts of messages that have ended do not stay.
                () = tokio::time::sleep(KEPT), if self.ended_since.get().is_some() => {}
                Some(result) = results.recv() => {
                    self.told(&runner, result);
                    continue;
                }
            }
            tokio::time::sleep(if self.failed.get() { AGAIN } else { GROUP }).await;
            if !self.group() {
                let behind = io::Error::other("the disk is too slow");
                self.told(&runner, Err(behind));
            }
        }
    }

    fn told(&self, runner: &Runner, result: io::Result<()>) {
        let failed = result.is_err();
        if self.failed.replace(failed) != failed {
            runner
                .alarm("journal", result.err().map(|error| format!("cannot be written: {error}")));
        }
        if failed {
            self.more.notify_one();
        }
    }

    /// Hands what happened since the last time to the thread; false when too much waits there.
    fn group(&self) -> bool {
        let writer = self.writer.borrow();
        let Some(writer) = &*writer else { return true };
        if writer.waiting() > WAITING {
            return false;
        }
        // After a failure nobody knows how far the file is good.
        if self.failed.get()
            || self.length.get() > LONG.max(2 * self.unfinished_octets())
            || self.holds_what_ended()
        {
            self.dirty.borrow_mut().clear();
            self.ended.borrow_mut().clear();
            let mut live = self.live.borrow_mut();
            for live in live.values_mut() {
                (live.written, live.part_is_new, live.sent_is_new) = (true, false, false);
            }
            let octets = snapshot(&live);
            self.length.set(octets.len());
            self.ended_since.set(None);
            writer.send(Job::Anew(octets));
            return true;
        }
        let octets = self.gather();
        if !octets.is_empty() {
            self.length.set(self.length.get() + octets.len());
            writer.send(Job::Append(octets));
        }
        true
    }

    fn gather(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        let mut all = self.live.borrow_mut();
        for id in self.dirty.borrow_mut().drain(..) {
            let Some(live) = all.get_mut(&id) else { continue };
            if !std::mem::replace(&mut live.written, true) {
                journal_file::taken(&mut octets, id, &live.taken);
            }
            if let (true, Some(part)) =
                (std::mem::replace(&mut live.part_is_new, false), &live.part)
            {
                journal_file::part(&mut octets, id, part);
            }
            if let (true, Some(sent)) =
                (std::mem::replace(&mut live.sent_is_new, false), &live.sent)
            {
                journal_file::sent(&mut octets, id, sent);
            }
        }
        for id in self.ended.borrow_mut().drain(..) {
            journal_file::ended(&mut octets, id);
        }
        octets
    }

    /// Whether something that has ended was in the file for too long.
    fn holds_what_ended(&self) -> bool {
        let Some(since) = self.ended_since.get() else { return false };
        let much = 1 + self.length.get() / LONG;
        since.elapsed() >= KEPT.saturating_mul(u32::try_from(much).unwrap_or(u32::MAX))
    }

    /// A low estimate: it only decides when the file is written anew.
    fn unfinished_octets(&self) -> usize {
        let all = self.live.borrow();
        if self.length.get() <= LONG {
            return 0;
        }
        let octets = |live: &Live| {
            let part = live.part.as_ref().map_or(0, |part| part.text.len() + part.rest.len());
            live.taken.stanza.len() + part + live.sent.as_ref().map_or(0, |sent| sent.octets.len())
        };
        all.values().map(octets).sum()
    }

    /// Writes what is left, and nothing else; what became of it is told when it is in the file.
    pub(super) fn close(&self) -> Option<oneshot::Receiver<io::Result<()>>> {
        self.group();
        let writer = self.writer.borrow_mut().take()?;
        writer.send(Job::Anew(snapshot(&self.live.borrow())));
        Some(writer.close())
    }
}

/// All that is unfinished, in the order of its ids.
fn snapshot(live: &HashMap<DeliveryId, Live>) -> Vec<u8> {
    let mut octets = journal_file::HEADER.to_vec();
    let mut sorted: Vec<(&DeliveryId, &Live)> = live.iter().collect();
    sorted.sort_unstable_by_key(|(id, _)| **id);
    for (id, live) in sorted {
        journal_file::taken(&mut octets, *id, &live.taken);
        if let Some(part) = &live.part {
            journal_file::part(&mut octets, *id, part);
        }
        if let Some(request) = &live.sent {
            journal_file::sent(&mut octets, *id, request);
        }
    }
    octets
}
