//! The embedded store: one file of redb. Whatever is wrong with it is an error: a damaged file is
//! noticed when it is opened, and a panic of the library is caught.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition,
};

use super::{guard, private_file};
use crate::flow::{PairId, Record, Stored};

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
    /// The library panicked over it.
    #[error("store.path: cannot use the store: it is damaged, or its library is wrong: {0}")]
    Panicked(String),
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
    pub(super) fn is_damage(&self) -> bool {
        let storage = match self {
            StoreError::Open(DatabaseError::Storage(storage)) => storage,
            StoreError::Open(DatabaseError::UpgradeRequired(_)) => return true,
            StoreError::Use(redb::Error::Corrupted(_)) | StoreError::Panicked(_) => return true,
            StoreError::Use(redb::Error::Io(error)) => return is_damage(error),
            // Tables of other types than theirs.
            StoreError::Use(
                redb::Error::TableTypeMismatch { .. } | redb::Error::TypeDefinitionChanged { .. },
            ) => return true,
            _ => return false,
        };
        match storage {
            StorageError::Corrupted(_) => true,
            StorageError::Io(error) => is_damage(error),
            _ => false,
        }
    }
}

/// Whether an error is about what is in the file: it ends too early, or is none of redb's.
fn is_damage(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    matches!(error.kind(), InvalidData | UnexpectedEof)
}

/// Whether a file begins as a store does, or did before it was damaged or cut; redb writes these
/// octets last, and a full disk leaves zeros in their place.
fn is_store(path: &Path) -> std::io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut head)?;
    let same = head.iter().zip(MAGIC).filter(|(found, wanted)| found == wanted).count();
    Ok(same * 3 >= head.len() * 2 || head.iter().all(|octet| *octet == 0))
}

/// The first octets of a redb file; two thirds of them tell a damaged one from another file.
const MAGIC: &[u8] = b"redb\x1A\x0A\xA9\x0D\x0A";

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// By a process that begins: every page is checked, and what is in it is read.
    Start,
    /// By the same process once more, after the disk refused: nothing is checked or read.
    Again,
    /// The same, after damage was met: every page is checked.
    Doubted,
}

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
        opening: Opening,
    ) -> Result<Opened, StoreError> {
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(StoreError::Directory)?;
        }
        let written = path.metadata().is_ok_and(|data| data.is_file() && data.len() > 0);
        if written && !is_store(path).map_err(DatabaseError::from)? {
            return Err(StoreError::Foreign(path.to_owned()));
        }
        match Self::open_file(path, fresh_key, unix_ms, opening) {
            Err(error) if error.is_damage() => {
                let aside = path.with_extension(format!("redb.damaged-{unix_ms}"));
                std::fs::rename(path, &aside).map_err(StoreError::Directory)?;
                let mut opened = Self::open_file(path, fresh_key, unix_ms, opening)?;
                opened.store.note_loss(unix_ms)?;
                opened.stored.lost = true;
                Ok(Opened { damaged: Some(aside), ..opened })
            }
            done => done,
        }
    }

    fn open_file(
        path: &Path,
        fresh_key: [u8; 16],
        unix_ms: u64,
        opening: Opening,
    ) -> Result<Opened, StoreError> {
        guard::caught(|| Self::open_trusted(path, fresh_key, unix_ms, opening))
            .unwrap_or_else(|panic| Err(StoreError::Panicked(panic)))
    }

    fn open_trusted(
        path: &Path,
        fresh_key: [u8; 16],
        unix_ms: u64,
        opening: Opening,
    ) -> Result<Opened, StoreError> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_OCTETS);
        // Else a file that was altered is trusted, and may panic at any time later.
        builder.set_check_integrity_on_open(opening != Opening::Again);
        private_file::open(path).map_err(DatabaseError::from)?;
        let database = builder.create(path)?;
        let mut store = Store { database };
        let (key, fresh) = store.begin(fresh_key)?;
        let stored = match opening {
            Opening::Start => store.read(unix_ms)?,
            Opening::Again | Opening::Doubted => Stored::default(),
        };
        Ok(Opened { store, key, stored, fresh, damaged: None })
    }

    /// Checks the format, makes the tables, drops that of an earlier version, and reads or sets the
    /// key; one without a key is new.
    fn begin(&mut self, fresh_key: [u8; 16]) -> Result<([u8; 16], bool), StoreError> {
        let transaction = self.database.begin_write()?;
        let (key, fresh) = {
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
            (known.unwrap_or(fresh_key), known.is_none())
        };
        transaction.delete_table(TEXT_PROFILES)?;
        transaction.commit()?;
        Ok((key, fresh))
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

    /// Puts records on disk together. After an error the store must be closed and opened again:
    /// redb takes nothing more then.
    pub(super) fn write<'a>(
        &self,
        records: impl Iterator<Item = &'a Record>,
    ) -> Result<(), StoreError> {
        guard::caught(|| self.write_trusted(records))
            .unwrap_or_else(|panic| Err(StoreError::Panicked(panic)))
    }

    /// Closes it; the library may panic over what it could not write.
    pub(super) fn close(self) {
        let _ = guard::caught(|| drop(self));
    }

    fn write_trusted<'a>(
        &self,
        records: impl Iterator<Item = &'a Record>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let mut targets = transaction.open_table(TARGETS)?;
            let mut pairs = transaction.open_table(PAIRS)?;
            for record in records {
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
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    const KEY: [u8; 16] = [7; 16];

    /// A directory of its own, gone at the end.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let directory = format!("stox-store-{name}-{}", std::process::id());
            let directory = std::env::temp_dir().join(directory);
            std::fs::create_dir_all(&directory).expect("a directory");
            Place(directory)
        }

        fn store(&self) -> PathBuf {
            self.0.join("stox.redb")
        }

        fn set_aside(&self) -> usize {
            let names = std::fs::read_dir(&self.0).expect("a directory").flatten();
            names.filter(|it| it.file_name().to_string_lossy().contains("damaged")).count()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn pair(id: u64) -> Record {
        Record::Pair { id: PairId(id), value: Some("x".repeat(200 + id as usize % 50)) }
    }

    /// A store that was written in several groups, as its file.
    fn filled(place: &Place) -> Vec<u8> {
        let store = Store::open(&place.store(), KEY, 1, Opening::Start).expect("a new one").store;
        for group in 0..20 {
            let records: Vec<Record> = (0..20).map(|id| pair(group * 20 + id)).collect();
            store.write(records.iter()).expect("room");
        }
        store.close();
        std::fs::read(place.store()).expect("a file")
    }

    #[test]
    fn what_was_written_is_read_with_its_key() {
        let place = Place::new("read");
        filled(&place);
        let opened = Store::open(&place.store(), [9; 16], 2, Opening::Start).expect("the same");
        assert_eq!((opened.key, opened.stored.records.len(), opened.fresh), (KEY, 400, false));
        assert_eq!((opened.damaged, opened.stored.lost), (None, false));
    }

    /// The program in `conformance/damage` does the same to 200 stores, with the whole process.
    #[test]
    fn whatever_is_damaged_the_store_opens() {
        let place = Place::new("damage");
        let whole = filled(&place);
        let mut random = ChaCha8Rng::from_seed([3; 32]);
        let mut below = |most: usize| random.next_u32() as usize % most;
        for round in 0..40 {
            let mut octets = whole.clone();
            let (flips, within) =
                [(1, octets.len()), (30, octets.len()), (8, 4_096), (300, 65_536)][round % 4];
            for _ in 0..flips {
                let at = below(within.min(octets.len()));
                octets[at] ^= 1 << below(8);
            }
            if round % 5 == 4 {
                octets.truncate(below(octets.len()));
            }
            std::fs::write(place.store(), &octets).expect("room");
            let opened = Store::open(&place.store(), KEY, round as u64, Opening::Start)
                .unwrap_or_else(|error| panic!("round {round}: {error}"));
            opened.store.write([pair(1)].iter()).expect("it can be written");
            opened.store.close();
        }
        assert!(place.set_aside() >= 20, "{}", place.set_aside());
    }

    #[test]
    fn one_that_was_cut_anywhere_is_set_aside_and_another_file_is_not() {
        let place = Place::new("cut");
        let whole = filled(&place);
        for length in [1, 5, 8, 9, 10, 100, 320, 4_095, 4_096, 5_000] {
            std::fs::write(place.store(), &whole[..length]).expect("room");
            let opened =
                Store::open(&place.store(), KEY, length as u64, Opening::Start).expect("a new one");
            assert!(opened.damaged.is_some() && opened.stored.lost, "{length}");
        }
        for other in ["my notes\n", "x", "redis dump 0007 and more\n"] {
            std::fs::write(place.store(), other).expect("room");
            let opened = Store::open(&place.store(), KEY, 99, Opening::Start);
            assert!(matches!(opened, Err(StoreError::Foreign(_))), "{other}");
            assert_eq!(std::fs::read(place.store()).expect("a file"), other.as_bytes());
        }
    }
}
