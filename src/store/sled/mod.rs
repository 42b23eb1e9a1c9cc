//! The store on disk: sled trees, bincode values. Only this room names either.

mod codec;
mod commit;
mod directory;
mod keys;
mod migrate;
#[path = "../../../migrations/mod.rs"]
mod migrations;
mod open;
mod read;
mod values;

use std::fs::File;
use std::path::{Path, PathBuf};

use directory::StoreLock;
pub use migrate::MigrationProgress;
pub use open::SledStoreOptions;
use parking_lot::RwLock;

/// The schema version that this version of the crate writes, and the newest that it reads.
#[expect(clippy::cast_possible_truncation, reason = "a handful of steps")]
pub const fn schema_version() -> u32 {
    migrations::STEPS.len() as u32
}

/// Sessions in a directory on disk.
///
/// ```text
/// sessions/           mode 0700
///   STORE             what it is, and its schema version: text
///   LOCK              held while it is open; the process that holds it
///   engine/           sled's files
/// ```
///
/// Dropping it makes everything that was committed durable and gives the directory free.
#[derive(Debug)]
pub struct SledStore {
    // In this order: the engine lets go of its files before the lock falls.
    trees: Trees,
    db: sled::Db,
    database_file: File,
    path: PathBuf,
    /// Held while payloads are written, and while one is read part by part: its parts belong together.
    payload_parts: RwLock<()>,
    _lock: StoreLock,
}

/// The trees of a store, one meaning each; keys and values are described in `migrations/`.
#[derive(Debug, Clone)]
pub(super) struct Trees {
    sessions: sled::Tree,
    payloads: sled::Tree,
    by_state: sled::Tree,
    by_expiry: sled::Tree,
    retirements: sled::Tree,
    meta: sled::Tree,
}

impl Trees {
    fn open(db: &sled::Db) -> sled::Result<Self> {
        Ok(Self {
            sessions: db.open_tree("sessions")?,
            payloads: db.open_tree("payloads")?,
            by_state: db.open_tree("by_state")?,
            by_expiry: db.open_tree("by_expiry")?,
            retirements: db.open_tree("retirements")?,
            meta: db.open_tree("meta")?,
        })
    }
}

impl SledStore {
    /// The directory it is in.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
