//! The embedded store: one file, one thread, group commits.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition,
};
use tokio::sync::mpsc::UnboundedSender;

use crate::flow::{CommitId, PairId, Record, Stored};

/// Names of single values: the format's version, the key of the hashes.
const VALUES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("values");
/// What is known of the user agents behind addresses of SIP users, as JSON by the bare JID.
const TARGETS: TableDefinition<'_, &str, &str> = TableDefinition::new("targets");
/// Addresses that took bare text alone: of earlier versions, for which an object was the rule.
const TEXT_PROFILES: TableDefinition<'_, &str, u64> = TableDefinition::new("text_profiles");

/// What is known of pairs of users, as JSON.
const PAIRS: TableDefinition<'_, u64, &str> = TableDefinition::new("pairs");

/// The version of this file format.
const FORMAT: &[u8] = b"1";
/// How long what a lost store held is learnt again: until everybody has logged in once.
const LOST_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// The store's cache: the working set is small, and redb would take a gibibyte.
const CACHE_OCTETS: usize = 8 * 1_024 * 1_024;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Its directory cannot be made.
    #[error("store.path: cannot make the directory: {0}")]
    Directory(std::io::Error),
    /// The file cannot be opened, or is no store.
    #[error("store.path: cannot open the store: {0}")]
    Open(#[from] DatabaseError),
    /// It cannot be read or written.
    #[error("store.path: cannot use the store: {0}")]
    Use(#[from] redb::Error),
    /// The file is something else.
    #[error("store.path: {0} is no store: move it away, or name another file")]
    Foreign(PathBuf),
    /// It was written by a later version.
    #[error("store.path: the file has format {0}, and this version reads format 1")]
    Format(String),
}

macro_rules! from_redb {
    ($($error:ident),+) => {
        $(impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                StoreError::Use(error.into())
            }
        })+
    };
}
from_redb!(TransactionError, TableError, StorageError, CommitError, SetDurabilityError);

impl StoreError {
    /// Whether the file itself is wrong, and not the way to it.
    fn is_damage(&self) -> bool {
        let storage = match self {
            StoreError::Open(DatabaseError::Storage(storage)) => storage,
            StoreError::Open(DatabaseError::UpgradeRequired(_)) => return true,
            StoreError::Use(redb::Error::Corrupted(_)) => return true,
            _ => return false,
        };
        match storage {
            StorageError::Corrupted(_) => true,
            StorageError::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
            _ => false,
        }
    }
}

/// Whether a file begins as a store does.
fn is_store(path: &Path) -> std::io::Result<bool> {
    let mut head = [0; MAGIC.len()];
    let length = File::open(path)?.read(&mut head)?;
    Ok(head.get(..length) == Some(MAGIC))
}

/// The first octets of a redb file.
const MAGIC: &[u8] = b"redb\x1A\x0A\xA9\x0D\x0A";

/// An open store.
pub(super) struct Store {
    database: Database,
}

/// What the store knew when it was opened.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) key: [u8; 16],
    pub(super) stored: Stored,
    /// Whether there was none before.
    pub(super) fresh: bool,
    /// A damaged file that was set aside.
    pub(super) damaged: Option<PathBuf>,
}

impl Store {
    /// Opens a store, or makes one; `fresh_key` becomes the key of a new one. A damaged store is
    /// set aside and a new one begun: what it held is learnt again. A file that never was a store
    /// is left alone.
    pub(super) fn open(
        path: &Path,
        fresh_key: [u8; 16],
        unix_ms: u64,
    ) -> Result<Opened, StoreError> {
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(StoreError::Directory)?;
        }
        let fresh = !path.exists();
        match Self::open_file(path, fresh_key, unix_ms) {
            Err(error) if error.is_damage() => {
                if !is_store(path).map_err(StoreError::Directory)? {
                    return Err(StoreError::Foreign(path.to_owned()));
                }
                let aside = path.with_extension(format!("redb.damaged-{unix_ms}"));
                std::fs::rename(path, &aside).map_err(StoreError::Directory)?;
                let mut opened = Self::open_file(path, fresh_key, unix_ms)?;
                opened.store.note_loss(unix_ms)?;
                opened.stored.lost = true;
                Ok(Opened { damaged: Some(aside), ..opened })
            }
            Ok(opened) => Ok(Opened { fresh, ..opened }),
            failed => failed,
        }
    }

    fn open_file(path: &Path, fresh_key: [u8; 16], unix_ms: u64) -> Result<Opened, StoreError> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_OCTETS);
        let database = builder.create(path)?;
        let mut store = Store { database };
        let key = store.begin(fresh_key)?;
        let stored = store.read(unix_ms)?;
        Ok(Opened { store, key, stored, fresh: false, damaged: None })
    }

    /// Checks the format, makes the tables, drops that of an earlier version, and reads or sets the key.
    fn begin(&mut self, fresh_key: [u8; 16]) -> Result<[u8; 16], StoreError> {
        let transaction = self.database.begin_write()?;
        let key = {
            let mut values = transaction.open_table(VALUES)?;
            let format = values.get("format")?.map(|format| format.value().to_vec());
            if let Some(other) = format.filter(|format| format != FORMAT) {
                return Err(StoreError::Format(String::from_utf8_lossy(&other).into_owned()));
            }
            values.insert("format", FORMAT)?;
            let known = values.get("key")?.and_then(|key| key.value().try_into().ok());
            if known.is_none() {
                values.insert("key", fresh_key.as_slice())?;
            }
            transaction.open_table(PAIRS)?;
            transaction.open_table(TARGETS)?;
            known.unwrap_or(fresh_key)
        };
        transaction.delete_table(TEXT_PROFILES)?;
        transaction.commit()?;
        Ok(key)
    }

    /// What the store before this one held is not here.
    fn note_loss(&self, unix_ms: u64) -> Result<(), StoreError> {
        let transaction = self.database.begin_write()?;
        transaction.open_table(VALUES)?.insert("lost", unix_ms.to_be_bytes().as_slice())?;
        transaction.commit()?;
        Ok(())
    }

    fn read(&self, unix_ms: u64) -> Result<Stored, StoreError> {
        let transaction = self.database.begin_read()?;
        let lost_at = transaction.open_table(VALUES)?.get("lost")?;
        let lost_at = lost_at.and_then(|at| at.value().try_into().ok()).map(u64::from_be_bytes);
        let lost = lost_at.is_some_and(|at| unix_ms.saturating_sub(at) < LOST_MS);
        let mut records = Vec::new();
        for entry in transaction.open_table(TARGETS)?.iter()? {
            let (address, value) = entry?;
            let (address, value) = (address.value().to_owned(), Some(value.value().to_owned()));
            records.push(Record::Target { address, value });
        }
        for entry in transaction.open_table(PAIRS)?.iter()? {
            let (id, value) = entry?;
            let value = Some(value.value().to_owned());
            records.push(Record::Pair { id: PairId(id.value()), value });
        }
        Ok(Stored { records, lost })
    }

    /// Puts groups of records on disk together.
    fn write(&self, groups: &[(CommitId, Vec<Record>)]) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let mut targets = transaction.open_table(TARGETS)?;
            let mut pairs = transaction.open_table(PAIRS)?;
            for record in groups.iter().flat_map(|(_, records)| records) {
                match record {
                    Record::Target { address, value: Some(value) } => {
                        targets.insert(address.as_str(), value.as_str())?;
                    }
                    Record::Target { address, value: None } => {
                        targets.remove(address.as_str())?;
                    }
                    Record::Pair { id, value: Some(value) } => {
                        pairs.insert(id.0, value.as_str())?;
                    }
                    Record::Pair { id, value: None } => {
                        pairs.remove(id.0)?;
                    }
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Moves the store to its thread. What is on disk is told through `committed`; a failure is
    /// told there too, once, and the records are kept to be tried with the next ones.
    pub(super) fn serve(
        self,
        committed: UnboundedSender<Result<CommitId, StoreError>>,
    ) -> std::io::Result<StoreHandle> {
        let (sender, receiver) = mpsc::channel::<(CommitId, Vec<Record>)>();
        let work = move || {
            let mut waiting = Vec::new();
            while let Ok(group) = receiver.recv() {
                waiting.push(group);
                waiting.extend(receiver.try_iter());
                let Some(last) = waiting.last().map(|(id, _)| *id) else { continue };
                let told = match self.write(&waiting) {
                    Ok(()) => {
                        waiting.clear();
                        committed.send(Ok(last))
                    }
                    Err(error) => committed.send(Err(error)),
                };
                if told.is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("store".into()).spawn(work)?;
        Ok(StoreHandle { sender: Some(sender), thread: Some(thread) })
    }
}

/// The way to the store's thread; when it is dropped, what waits is written first.
pub(super) struct StoreHandle {
    sender: Option<mpsc::Sender<(CommitId, Vec<Record>)>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl StoreHandle {
    pub(super) fn commit(&self, id: CommitId, records: Vec<Record>) {
        if let Some(sender) = &self.sender {
            // The thread ends only with this handle.
            let _ = sender.send((id, records));
        }
    }
}

impl Drop for StoreHandle {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
