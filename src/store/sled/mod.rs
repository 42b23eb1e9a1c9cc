//! The store on disk: sled trees, bincode values. Only this room names either.

mod ahead;
mod codec;
mod commit;
mod content;
mod contract;
mod directory;
mod engine;
mod floors;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod health;
mod keys;
mod migrate;
#[path = "../../../migrations/mod.rs"]
mod migrations;
mod open;
mod outlook;
mod read;
mod reader;
mod salvage;
mod salvaged;
mod seal;
pub(crate) mod values;
mod verified;
mod watch;
mod witness;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use directory::StoreLock;
pub(crate) use directory::{ReadLock, is_store};
use engine::Engine;
use floors::Floors;
pub use migrate::MigrationProgress;
pub use open::SledStoreOptions;
pub use outlook::MigrationStep;
pub(crate) use outlook::outlook;
use parking_lot::RwLock;
pub use reader::SledReader;
pub(crate) use salvaged::{SalvagedStore, TakePayload};
use witness::Witness;

use super::{Store, StoreError, StoreReport};
use crate::encryption::Cipher;

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
///   SEAL              of a closed store: the checksums of its log
///   WITNESS           up to which mark in the log it is durable
///   FLOORS            how new the pages in the log must be
///   engine/           sled's files: the log `db`, and what can be made from it
///   checkpoints/      archives that it writes by itself
///   set-aside/        damaged files that it does without
/// ```
///
/// Once a write or a sync has failed, it takes no more of them ([`StoreError::HasFailed`]); what was durable is there when
/// it is opened again.
///
/// Dropping it makes everything that was committed durable, seals the log, which means to read it once, and gives the
/// directory free.
#[derive(Debug)]
pub struct SledStore {
    // In this order: the engine lets go of its files before the lock falls.
    engine: Engine,
    database_file: File,
    path: PathBuf,
    cipher: Option<Cipher>,
    /// Held while payloads are written, and while one is read part by part: its parts belong together.
    payload_parts: RwLock<()>,
    /// Whether the engine or the disk has failed: what is on disk is not what it should be.
    has_failed: AtomicBool,
    /// Whether something was written since the last mark, and its number.
    has_written: AtomicBool,
    marked: AtomicU64,
    witness: Witness,
    floors: Floors,
    report: StoreReport,
    _lock: Arc<StoreLock>,
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

/// One of the trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tree {
    Sessions,
    Payloads,
    ByState,
    ByExpiry,
    Retirements,
    Meta,
}

impl Tree {
    const ALL: [Self; 6] =
        [Self::Sessions, Self::Payloads, Self::ByState, Self::ByExpiry, Self::Retirements, Self::Meta];

    /// What the engine calls it.
    const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Payloads => "payloads",
            Self::ByState => "by_state",
            Self::ByExpiry => "by_expiry",
            Self::Retirements => "retirements",
            Self::Meta => "meta",
        }
    }
}

impl Trees {
    fn open(db: &sled::Db) -> sled::Result<Self> {
        let open = |tree: Tree| db.open_tree(tree.name());
        Ok(Self {
            sessions: open(Tree::Sessions)?,
            payloads: open(Tree::Payloads)?,
            by_state: open(Tree::ByState)?,
            by_expiry: open(Tree::ByExpiry)?,
            retirements: open(Tree::Retirements)?,
            meta: open(Tree::Meta)?,
        })
    }

    fn tree(&self, tree: Tree) -> &sled::Tree {
        match tree {
            Tree::Sessions => &self.sessions,
            Tree::Payloads => &self.payloads,
            Tree::ByState => &self.by_state,
            Tree::ByExpiry => &self.by_expiry,
            Tree::Retirements => &self.retirements,
            Tree::Meta => &self.meta,
        }
    }
}

impl SledStore {
    /// The directory it is in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What opening it found, and did about it.
    pub fn open_report(&self) -> &StoreReport {
        &self.report
    }

    fn trees(&self) -> &Trees {
        self.engine.trees()
    }

    /// Runs something that writes, and notes where it fails. From then on nothing is written: what a failed write or sync
    /// left undone is not known, and a later sync that succeeds does not make up for it.
    fn try_writing<T>(
        &self,
        operation: &'static str,
        write: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.has_failed.load(Ordering::Acquire) {
            return Err(StoreError::HasFailed { path: self.path.clone() });
        }
        let answer = self.engine.contain(&self.path, operation, write);
        if answer.is_err() {
            self.has_failed.store(true, Ordering::Release);
        }
        answer
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        // Nobody is left to hear of an error: without a seal, the next opener looks more closely. After one, there is
        // nothing that could still be made durable.
        if !self.has_failed.load(Ordering::Acquire) && Store::sync(self).is_ok() {
            let _ = seal::seal(&self.path);
        }
        // What the engine has made meanwhile has the modes that the process gives its files.
        let _ = directory::make_private(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Batch, Change, PoolEntry, PoolNumber};

    #[test]
    fn a_store_whose_sync_failed_acknowledges_nothing_any_more() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        let mut store = SledStoreOptions::new().open(&path).unwrap();
        let batch = |number| {
            let name = format!("pool{number}").parse().unwrap();
            Batch { changes: vec![Change::Pool(PoolEntry::new(PoolNumber(number), name))] }
        };
        store.commit(&batch(1)).unwrap();
        // Of that, nothing can be synced.
        let file = std::mem::replace(&mut store.database_file, File::open("/dev/null").unwrap());
        assert!(matches!(Store::sync(&store), Err(StoreError::Io { .. })));
        store.database_file = file;
        assert!(matches!(Store::sync(&store), Err(StoreError::HasFailed { .. })));
        assert!(matches!(store.commit(&batch(2)), Err(StoreError::HasFailed { .. })));
        drop(store);
        assert!(!seal::is_there(&path));
        assert!(SledStoreOptions::new().open(&path).is_ok());
    }
}
