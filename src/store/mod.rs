//! What it takes to keep sessions: the trait [`Store`], and two that keep it.
//!
//! A store knows sessions, pools by name and number, and batches. It knows nothing of leases, limits or channels,
//! and decides nothing: what to write is in the [`Batch`].

mod batch;
mod error;
mod filling;
mod memory;
mod name;
mod report;
mod sled;

use std::ops::ControlFlow;
use std::sync::Arc;

#[cfg(any(fuzzing, test))]
pub(crate) use self::sled::fuzzing;
/// The bytes of records, payloads, log entries and pools, as they are stored. Archives hold the same.
pub(crate) use self::sled::values as format;
pub(crate) use self::sled::{ReadLock, SalvagedStore, TakePayload};
pub use batch::{Batch, Change, LogEntry, PoolEntry, SessionChange};
pub use error::{StoreError, Unreadable};
pub(crate) use filling::Filling;
pub use memory::MemoryStore;
pub use name::{PoolName, PoolNumber, Sequence};
pub use report::{Healed, StoreReport};
pub use sled::{MigrationProgress, SledStore, SledStoreOptions, schema_version};

use crate::session::{Payload, SessionId, SessionRecord, State, Timestamp};

/// What a visitor is handed: an item, or what could not be read in its place.
pub type Visited<T> = Result<T, Unreadable>;

/// Whoever is shown the items of a store, one after the other, and says when it has seen enough.
pub type Visitor<'a, T> = dyn FnMut(Visited<T>) -> ControlFlow<()> + 'a;

/// A place that keeps sessions.
///
/// # Contract
///
/// - [`Store::commit`] writes all of a batch or nothing, also across a crash (I-3), in the order of its changes. It is
///   called by one thread at a time. Once it has returned, every reader sees it.
/// - [`Store::sync`] returns when all that was committed before survives a power cut (I-4).
/// - For every session there is exactly one entry in the index by state, and one in the index by expiry if and only if
///   it is live (I-1); an entry in the log if and only if it is retired (I-2). A batch tells whether a session is new,
///   so a store need not look.
/// - One unreadable item never keeps the others from being visited (I-7).
///
/// Visitors are called in the order of the keys and end the visit by `ControlFlow::Break`. They may call the store's
/// reading methods, and not `commit`.
pub trait Store: Send + Sync + 'static {
    /// Visits the pools there are.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn visit_pools(&self, visit: &mut Visitor<'_, PoolEntry>) -> Result<(), StoreError>;

    /// Writes a batch: all of it, or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError>;

    /// What opening it found. Default: nothing worth telling.
    fn open_report(&self) -> StoreReport {
        StoreReport::default()
    }

    /// Makes what was committed durable.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine or the disk fails.
    fn sync(&self) -> Result<(), StoreError>;

    /// The hot part of a session; `None` where there is no such session.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreadable`] where it is there and cannot be decoded, others where the engine fails.
    fn record(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// The cold part of a session; `None` where there is no such session.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreadable`] where it is there and cannot be decoded, others where the engine fails.
    fn payload(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<Payload>, StoreError>;

    /// Whether anything is kept under that id, readable or not.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn contains(&self, pool: PoolNumber, id: &SessionId) -> Result<bool, StoreError>;

    /// Visits the sessions of a pool that are in `state`, by the index.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn visit_by_state(
        &self,
        pool: PoolNumber,
        state: State,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError>;

    /// Visits the sessions of a pool, whatever the indexes say: all of them, or those behind the id `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn visit_sessions(
        &self,
        pool: PoolNumber,
        after: Option<&SessionId>,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError>;

    /// Visits the index by state itself, of all pools.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn visit_state_index(
        &self,
        visit: &mut Visitor<'_, (PoolNumber, State, SessionId)>,
    ) -> Result<(), StoreError>;

    /// Visits the index by expiry, of all pools: what expires after `after` and at `until` or before, earliest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn visit_expiring(
        &self,
        after: Timestamp,
        until: Timestamp,
        visit: &mut Visitor<'_, (Timestamp, PoolNumber, SessionId)>,
    ) -> Result<(), StoreError>;

    /// Visits the retirement log of a pool behind `after`, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn visit_log(
        &self,
        pool: PoolNumber,
        after: Sequence,
        visit: &mut Visitor<'_, (Sequence, LogEntry)>,
    ) -> Result<(), StoreError>;
}

/// A shared store is one: what several handles keep, for instance to look into it while a pool is open.
impl<S: Store + ?Sized> Store for Arc<S> {
    fn visit_pools(&self, visit: &mut Visitor<'_, PoolEntry>) -> Result<(), StoreError> {
        (**self).visit_pools(visit)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        (**self).commit(batch)
    }

    fn open_report(&self) -> StoreReport {
        (**self).open_report()
    }

    fn sync(&self) -> Result<(), StoreError> {
        (**self).sync()
    }

    fn record(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        (**self).record(pool, id)
    }

    fn payload(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<Payload>, StoreError> {
        (**self).payload(pool, id)
    }

    fn contains(&self, pool: PoolNumber, id: &SessionId) -> Result<bool, StoreError> {
        (**self).contains(pool, id)
    }

    fn visit_by_state(
        &self,
        pool: PoolNumber,
        state: State,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        (**self).visit_by_state(pool, state, visit)
    }

    fn visit_sessions(
        &self,
        pool: PoolNumber,
        after: Option<&SessionId>,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        (**self).visit_sessions(pool, after, visit)
    }

    fn visit_state_index(
        &self,
        visit: &mut Visitor<'_, (PoolNumber, State, SessionId)>,
    ) -> Result<(), StoreError> {
        (**self).visit_state_index(visit)
    }

    fn visit_expiring(
        &self,
        after: Timestamp,
        until: Timestamp,
        visit: &mut Visitor<'_, (Timestamp, PoolNumber, SessionId)>,
    ) -> Result<(), StoreError> {
        (**self).visit_expiring(after, until, visit)
    }

    fn visit_log(
        &self,
        pool: PoolNumber,
        after: Sequence,
        visit: &mut Visitor<'_, (Sequence, LogEntry)>,
    ) -> Result<(), StoreError> {
        (**self).visit_log(pool, after, visit)
    }
}
