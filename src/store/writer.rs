//! Writing in portions: each is one commit, and durable before the next.

use std::collections::BTreeMap;

use super::cost::{UNSYNCED, USED, of_change};
use super::{Batch, Change, PoolEntry, PoolNumber, Store, StoreError};

/// Gathers changes until they are a portion: as much as may be written between two syncs. Also in a new store that nobody
/// asks for anything before it is finished: one rule is simpler than two.
pub(crate) struct Writer<'a> {
    store: &'a dyn Store,
    batch: Batch,
    /// The pools as the changes so far leave them.
    pools: BTreeMap<PoolNumber, PoolEntry>,
    bytes: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(store: &'a dyn Store) -> Self {
        Self { store, batch: Batch::default(), pools: BTreeMap::new(), bytes: 0 }
    }

    /// Adds a change. One that moves the counters of its pool on is to be followed by [`Writer::pool`].
    pub(crate) fn push(&mut self, change: Change) {
        self.bytes += of_change(&change);
        self.batch.changes.push(change);
    }

    /// Adds a pool as it is from now on.
    pub(crate) fn pool(&mut self, pool: &PoolEntry) {
        if self.pools.insert(pool.number, pool.clone()).is_none() {
            self.bytes += USED;
        }
    }

    /// Whether what is gathered is a portion.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= UNSYNCED
    }

    /// Writes what is gathered if it is a portion. Answers whether it was.
    pub(crate) fn write_if_full(&mut self) -> Result<bool, StoreError> {
        let is_full = self.is_full();
        if is_full {
            self.write()?;
        }
        Ok(is_full)
    }

    /// Writes what is gathered, durably.
    pub(crate) fn write(&mut self) -> Result<(), StoreError> {
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
