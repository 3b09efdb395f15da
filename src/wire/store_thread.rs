//! The store's thread: groups of records are written together. What a disk refuses is kept and
//! tried again, with the store opened anew, until it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::store::{Opening, Store, StoreError};
use crate::flow::{CommitId, PairId, Record};

/// How long after a failure the store is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What the thread tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The groups up to this one are on disk.
    Safe(CommitId),
    /// The groups up to this one are not, for a reason; their records are tried again.
    Failed(CommitId, String),
    /// The store was lost and a new one begun: all that is known must be written. With the old
    /// file, where it was kept.
    Lost(Option<PathBuf>),
}

/// What is not on disk at the end: how many records, and why.
pub(super) type Unsaved = (usize, String);

/// The way to the thread.
pub(super) struct StoreHandle {
    groups: Option<Sender<(CommitId, Vec<Record>)>>,
    ended: Option<oneshot::Receiver<Option<Unsaved>>>,
}

impl StoreHandle {
    /// Moves an open store to a thread of its own.
    pub(super) fn serve(
        store: Store,
        path: PathBuf,
        key: [u8; 16],
        told: UnboundedSender<Told>,
    ) -> std::io::Result<StoreHandle> {
        let (groups, receiver) = channel();
        let (end, ended) = oneshot::channel();
        let worker = Worker {
            path,
            key,
            store: Some(store),
            doubted: false,
            waiting: BTreeMap::new(),
            last: CommitId(0),
            failed: None,
            told,
        };
        let work = move || drop(end.send(worker.work(&receiver)));
        thread::Builder::new().name("store".into()).spawn(work)?;
        Ok(StoreHandle { groups: Some(groups), ended: Some(ended) })
    }

    pub(super) fn commit(&self, id: CommitId, records: Vec<Record>) {
        if let Some(groups) = &self.groups {
            // The thread ends only with this handle.
            let _ = groups.send((id, records));
        }
    }

    /// Writes what waits and closes the store; what is not on disk then comes back. Whoever does
    /// not want to wait for a disk that stands still goes on without the answer.
    pub(super) fn close(&mut self) -> Option<oneshot::Receiver<Option<Unsaved>>> {
        self.groups = None;
        self.ended.take()
    }
}

/// What a record is of: of two records of one thing the later one counts.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Target(String),
    Pair(PairId),
}

struct Worker {
    path: PathBuf,
    key: [u8; 16],
    /// None after a failure: redb takes nothing more then, and must be opened again.
    store: Option<Store>,
    /// Whether the last failure was damage, and not a disk that refuses.
    doubted: bool,
    /// What is not on disk: one record at most for each thing that the gateway knows.
    waiting: BTreeMap<Key, Record>,
    /// The last group that came.
    last: CommitId,
    failed: Option<Failure>,
    told: UnboundedSender<Told>,
}

/// A disk that refuses.
#[derive(Debug)]
struct Failure {
    /// When it was tried last.
    at: Instant,
    /// Why it refused first: what is to be mended.
    first: String,
    /// The same, and why it refuses now where that differs.
    cause: String,
}

impl Worker {
    fn work(mut self, groups: &Receiver<(CommitId, Vec<Record>)>) -> Option<Unsaved> {
        while let Some(group) = self.next(groups) {
            group.into_iter().chain(groups.try_iter()).for_each(|group| self.take(group));
            let told = match &self.failed {
                Some(failure) if failure.at.elapsed() < AGAIN => {
                    Told::Failed(self.last, failure.cause.clone())
                }
                _ => self.attempt(),
            };
            // Nobody listens at the end.
            let _ = self.told.send(told);
        }
        if !self.waiting.is_empty() {
            self.attempt();
        }
        let unsaved = self.failed.take().map(|failure| (self.waiting.len(), failure.cause));
        self.close();
        unsaved.filter(|(records, _)| *records > 0)
    }

    /// The next group, or none when it is time to try again; the outer none is the end.
    fn next(
        &self,
        groups: &Receiver<(CommitId, Vec<Record>)>,
    ) -> Option<Option<(CommitId, Vec<Record>)>> {
        if self.failed.is_none() {
            return groups.recv().ok().map(Some);
        }
        match groups.recv_timeout(AGAIN) {
            Ok(group) => Some(Some(group)),
            Err(RecvTimeoutError::Timeout) => Some(None),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn take(&mut self, (id, records): (CommitId, Vec<Record>)) {
        self.last = id;
        for record in records {
            let key = match &record {
                Record::Target { address, .. } => Key::Target(address.clone()),
                Record::Pair { id, .. } => Key::Pair(*id),
            };
            self.waiting.insert(key, record);
        }
    }

    fn attempt(&mut self) -> Told {
        match self.write() {
            Ok(()) => {
                self.waiting.clear();
                self.failed = None;
                Told::Safe(self.last)
            }
            Err(error) => {
                self.close();
                self.doubted = error.is_damage();
                let now = error.to_string();
                let first = self.failed.take().map_or_else(|| now.clone(), |failure| failure.first);
                let cause = if now == first { now } else { format!("{first}; now: {now}") };
                self.failed = Some(Failure { at: Instant::now(), first, cause: cause.clone() });
                Told::Failed(self.last, cause)
            }
        }
    }

    fn write(&mut self) -> Result<(), StoreError> {
        let store = match self.store.take() {
            Some(store) => store,
            None => self.open_again()?,
        };
        self.store.insert(store).write(self.waiting.values())
    }

    fn open_again(&mut self) -> Result<Store, StoreError> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let opening = if self.doubted { Opening::Doubted } else { Opening::Again };
        let opened = Store::open(&self.path, self.key, unix_ms, opening)?;
        if opened.fresh || opened.damaged.is_some() {
            let _ = self.told.send(Told::Lost(opened.damaged));
        }
        Ok(opened.store)
    }

    fn close(&mut self) {
        if let Some(store) = self.store.take() {
            store.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    const KEY: [u8; 16] = [7; 16];

    fn pair(id: u64, value: &str) -> Record {
        Record::Pair { id: PairId(id), value: Some(value.to_owned()) }
    }

    struct Scene {
        place: PathBuf,
        groups: Sender<(CommitId, Vec<Record>)>,
        heard: UnboundedReceiver<Told>,
        thread: thread::JoinHandle<Option<Unsaved>>,
    }

    impl Scene {
        /// A store whose directory cannot be made: a file is in the way.
        fn blocked(name: &str) -> Self {
            let place = std::env::temp_dir();
            let place = place.join(format!("stox-thread-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&place);
            std::fs::create_dir_all(&place).expect("a directory");
            std::fs::write(place.join("var"), "in the way").expect("a file");
            let (told, heard) = unbounded_channel();
            let (groups, receiver) = channel();
            let worker = Worker {
                path: place.join("var/stox.redb"),
                key: KEY,
                store: None,
                doubted: false,
                waiting: BTreeMap::new(),
                last: CommitId(0),
                failed: None,
                told,
            };
            let thread = thread::spawn(move || worker.work(&receiver));
            Scene { place, groups, heard, thread }
        }

        fn commits(&mut self, id: u64, records: Vec<Record>) -> Told {
            self.groups.send((CommitId(id), records)).expect("it listens");
            self.heard.blocking_recv().expect("it tells")
        }
    }

    #[test]
    fn what_a_disk_refuses_is_written_when_it_can_be() {
        let mut scene = Scene::blocked("heals");
        let first = scene.commits(1, vec![pair(1, "old")]);
        let Told::Failed(CommitId(1), cause) = &first else { panic!("{first:?}") };
        let second = scene.commits(2, vec![pair(1, "new"), pair(2, "more")]);
        assert_eq!(second, Told::Failed(CommitId(2), cause.clone()));
        std::fs::remove_file(scene.place.join("var")).expect("it goes");
        // Without a further group.
        let mut heard = Vec::new();
        while heard.last() != Some(&Told::Safe(CommitId(2))) {
            heard.push(scene.heard.blocking_recv().expect("it tells"));
        }
        assert!(heard.contains(&Told::Lost(None)), "{heard:?}");
        assert_eq!(scene.commits(3, vec![pair(3, "later")]), Told::Safe(CommitId(3)));
        drop(scene.groups);
        assert_eq!(scene.thread.join().expect("it ends"), None);
        let path = scene.place.join("var/stox.redb");
        let opened = Store::open(&path, [0; 16], 1, Opening::Start).expect("a store");
        assert_eq!(opened.key, KEY);
        assert_eq!(opened.stored.records, [pair(1, "new"), pair(2, "more"), pair(3, "later")]);
        std::fs::remove_dir_all(&scene.place).expect("it goes");
    }

    #[test]
    fn what_is_not_on_disk_at_the_end_is_told() {
        let mut scene = Scene::blocked("ends");
        scene.commits(1, vec![pair(1, "a"), pair(1, "b"), pair(2, "c")]);
        drop(scene.groups);
        let (records, cause) = scene.thread.join().expect("it ends").expect("something is left");
        assert_eq!(records, 2);
        assert!(cause.contains("cannot make the directory"), "{cause}");
        std::fs::remove_dir_all(&scene.place).expect("it goes");
    }
}
