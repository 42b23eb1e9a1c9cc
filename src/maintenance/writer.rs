//! Writing in portions: each is one commit, and durable before the next.

use std::collections::BTreeMap;

use crate::store::cost::{UNSYNCED, USED};
use crate::store::{Batch, Change, PoolEntry, PoolNumber, Store, StoreError};

/// Gathers changes until they are a portion.
pub(super) struct Writer<'a> {
    store: &'a dyn Store,
    batch: Batch,
    /// The pools as the changes so far leave them.
    pools: BTreeMap<PoolNumber, PoolEntry>,
    bytes: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(store: &'a dyn Store) -> Self {
        Self { store, batch: Batch::default(), pools: BTreeMap::new(), bytes: 0 }
    }

    /// Adds a change of so many bytes, as the engine writes them, that leaves its pool like that.
    pub(super) fn change(&mut self, change: Change, bytes: usize, pool: &PoolEntry) {
        self.push(change, bytes);
        self.pool(pool);
    }

    /// Adds a change of so many bytes that leaves its pool as it is.
    pub(super) fn push(&mut self, change: Change, bytes: usize) {
        self.batch.changes.push(change);
        self.bytes += bytes;
    }

    /// Adds a pool as it is from now on.
    pub(super) fn pool(&mut self, pool: &PoolEntry) {
        if self.pools.insert(pool.number, pool.clone()).is_none() {
            self.bytes += USED;
        }
    }

    /// Writes what is gathered if it is a portion. Answers whether it was.
    pub(super) fn write_if_full(&mut self) -> Result<bool, StoreError> {
        let is_full = self.bytes >= UNSYNCED;
        if is_full {
            self.write()?;
        }
        Ok(is_full)
    }

    /// Writes what is gathered, durably.
    pub(super) fn write(&mut self) -> Result<(), StoreError> {
        self.batch.changes.extend(std::mem::take(&mut self.pools).into_values().map(Change::Pool));
        if !self.batch.changes.is_empty() {
            self.store.commit(&self.batch)?;
            self.store.sync()?;
        }
        self.batch.changes.clear();
        self.bytes = 0;
        Ok(())
    }
}
