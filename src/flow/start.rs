//! What a core is started with.

use super::Record;

/// What makes the ids of one process: the seed is an input, the key lives in the store.
#[derive(Debug, Clone)]
pub struct IdSource {
    /// Seed of the generator: fresh for every start.
    pub seed: [u8; 32],
    /// Key of the hashes: the same over restarts, so that an id made twice is the same id.
    pub key: [u8; 16],
}

/// What the store knew at the start.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// All records.
    pub records: Vec<Record>,
    /// A store was lost not long ago: who watches whom is to be learnt again.
    pub lost: bool,
}
