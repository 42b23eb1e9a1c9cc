//! Writing much into a store, in batches that are durable one after the other.

use std::sync::Arc;

use super::{Batch, Change, PoolEntry, PoolNumber, Sequence, SessionChange, Store, StoreError};
use crate::session::{Payload, SessionId, SessionRecord};

/// How many changes, and how many bytes of payloads, go into one batch, or a few more.
const BATCH: usize = 512;
const BATCH_PAYLOADS: usize = 4 << 20;

/// Gathers changes, and commits them batch by batch.
pub(crate) struct Filling<'a> {
    store: &'a dyn Store,
    batch: Batch,
    payload_bytes: usize,
    /// A pool whose counters move on with the changes: it goes along with each batch.
    pool: Option<PoolEntry>,
}

impl<'a> Filling<'a> {
    pub(crate) fn of(store: &'a dyn Store) -> Self {
        Self { store, batch: Batch::default(), payload_bytes: 0, pool: None }
    }

    /// The same, for sessions of one pool, whose entry moves on with its log.
    pub(crate) fn of_pool(store: &'a dyn Store, pool: PoolEntry) -> Self {
        Self { pool: Some(pool), ..Self::of(store) }
    }

    /// A new session. `retirement`: where it comes with an entry in the log, its place there.
    pub(crate) fn session(
        &mut self,
        (pool, id): (PoolNumber, SessionId),
        record: SessionRecord,
        payload: Payload,
        retirement: Option<Sequence>,
    ) -> Result<(), StoreError> {
        self.payload_bytes += payload.check().unwrap_or_default();
        if let (Some(entry), Some(sequence)) = (&mut self.pool, retirement) {
            entry.last_sequence = entry.last_sequence.max(sequence);
        }
        self.change(Change::Session(SessionChange {
            pool,
            id,
            record,
            is_new: true,
            payload: Some(Arc::new(payload)),
            retirement,
        }))
    }

    pub(crate) fn change(&mut self, change: Change) -> Result<(), StoreError> {
        self.batch.changes.push(change);
        if self.batch.changes.len() >= BATCH || self.payload_bytes >= BATCH_PAYLOADS {
            self.flush()?;
        }
        Ok(())
    }

    /// Commits what was gathered, durably.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        if let Some(entry) = &self.pool {
            self.batch.changes.push(Change::Pool(entry.clone()));
        }
        self.store.commit(&self.batch)?;
        self.store.sync()?;
        self.batch.changes.clear();
        self.payload_bytes = 0;
        Ok(())
    }
}
