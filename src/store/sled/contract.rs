//! The store's contract, kept by the engine.

use super::commit::COMMIT;
use super::engine::{located, store_error};
use super::read::{self, ReadTrees};
use super::{SledStore, Tree, watch};
use crate::encryption::Cipher;
use crate::session::{Payload, SessionId, SessionRecord, State, Timestamp};
use crate::store::{
    Batch, LogEntry, PoolEntry, PoolNumber, ReadStore, Sequence, Store, StoreError, StoreReport, Visitor,
};

/// What a sync does where it fails; the path follows.
const WRITE: &str = "write what was committed to the store in";

impl ReadTrees for SledStore {
    type Bytes = sled::IVec;
    type Error = sled::Error;
    type Walk<'a> = sled::Iter;

    fn get(&self, tree: Tree, key: &[u8]) -> sled::Result<Option<sled::IVec>> {
        self.trees().tree(tree).get(key)
    }

    fn walk(&self, tree: Tree, from: &[u8]) -> sled::Iter {
        self.trees().tree(tree).range(from..)
    }

    fn fault(&self, operation: &'static str, error: sled::Error) -> StoreError {
        store_error(&self.path, operation, error)
    }

    fn cipher(&self) -> Option<&Cipher> {
        self.cipher.as_ref()
    }

    fn hold_payloads(&self) -> impl Sized {
        self.payload_parts.read()
    }
}

read::read_store!(SledStore);

impl Store for SledStore {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        // What cannot be encoded has not failed to be written.
        let plan = || self.plan(batch).map_err(located(&self.path));
        let plan = self.engine.contain(&self.path, COMMIT, plan)?;
        self.try_writing(COMMIT, || self.write(plan, batch.changes.len()).map_err(located(&self.path)))
    }

    fn sync(&self) -> Result<(), StoreError> {
        // The engine's flush hands its buffers to the system and waits for them, but makes neither the file's length
        // nor the disk's own cache durable; this does.
        let mark = self.try_writing(WRITE, || {
            let mark = self.mark().map_err(located(&self.path))?;
            watch::flush(self.engine.db()).map_err(|error| store_error(&self.path, WRITE, error))?;
            let synced = self.database_file.sync_data();
            synced.map_err(StoreError::io("sync the database in", &self.path))?;
            Ok(mark)
        })?;
        self.witness.note(mark);
        self.floors.note(&self.database_file);
        Ok(())
    }

    fn open_report(&self) -> StoreReport {
        self.report.clone()
    }
}
