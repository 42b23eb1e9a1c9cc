//! What it takes to keep sessions: the traits [`ReadStore`] and [`Store`], and two that keep it.
//!
//! A store knows sessions, pools by name and number, and batches. It knows nothing of leases, limits or channels,
//! and decides nothing: what to write is in the [`Batch`].

mod batch;
pub(crate) mod cost;
mod error;
mod memory;
mod name;
pub(crate) mod ranges;
mod read;
mod read_options;
mod report;
mod sled;
mod writer;

use std::sync::Arc;

#[cfg(any(fuzzing, test))]
pub(crate) use self::sled::fuzzing;
/// The bytes of records, payloads, log entries and pools, as they are stored. Archives hold the same.
pub(crate) use self::sled::values as format;
pub(crate) use self::sled::{ReadLock, SalvagedStore, TakePayload, is_store, outlook};
pub use batch::{Batch, Change, LogEntry, PoolEntry, SessionChange};
pub use error::{StoreError, Unreadable};
pub use memory::MemoryStore;
pub use name::{PoolName, PoolNumber, Sequence};
pub(crate) use read::next_pool_number;
pub use read::{ReadStore, Visited, Visitor};
pub use read_options::ReadOptions;
pub use report::{Healed, StoreReport};
pub use sled::{MigrationProgress, MigrationStep, SledReader, SledStore, SledStoreOptions, schema_version};
pub(crate) use writer::Writer;

/// A place that keeps sessions: it is read ([`ReadStore`]), and written to.
///
/// # Contract
///
/// - [`Store::commit`] writes all of a batch or nothing, also across a crash (I-3), in the order of its changes. It is
///   called by one thread at a time. Once it has returned, every reader sees it.
/// - [`Store::sync`] returns when all that was committed before survives a power cut (I-4).
/// - The indexes and the log follow what is committed, as [`ReadStore`] says they must. A batch tells whether a session is
///   new, so a store need not look.
pub trait Store: ReadStore + 'static {
    /// Writes a batch: all of it, or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails, [`StoreError::HasFailed`] where it has failed before.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Makes what was committed durable.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine or the disk fails, [`StoreError::HasFailed`] where it has failed before: what was lost
    /// then is not made durable by another sync.
    fn sync(&self) -> Result<(), StoreError>;

    /// What opening it found. Default: nothing worth telling.
    fn open_report(&self) -> StoreReport {
        StoreReport::default()
    }
}

/// A shared store is one.
impl<S: Store + ?Sized> Store for Arc<S> {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        (**self).commit(batch)
    }

    fn sync(&self) -> Result<(), StoreError> {
        (**self).sync()
    }

    fn open_report(&self) -> StoreReport {
        (**self).open_report()
    }
}
