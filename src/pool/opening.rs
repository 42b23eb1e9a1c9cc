//! What opening a pool takes beside its options.

use std::ops::ControlFlow;

use super::session_store::SessionStore;
use crate::session::Timestamp;
use crate::store::{PoolEntry, PoolName, ReadStore, Sequence, StoreError};

/// When the last of the retirements happened that a pool's log still has.
pub(super) fn newest_retirement(store: &dyn ReadStore, entry: &PoolEntry) -> Result<Timestamp, StoreError> {
    let mut newest = Timestamp::MIN;
    let before = Sequence(entry.last_sequence.0.saturating_sub(1));
    store.visit_log(entry.number, before, &mut |item| {
        // What cannot be read is the business of whoever reads the log.
        newest = item.map_or(newest, |(_, told)| newest.max(told.retired_at));
        ControlFlow::Continue(())
    })?;
    Ok(newest)
}

/// A pool that has been taken from its store and is being opened. Where that fails, by an error or a panic of the clock,
/// it is given back.
pub(super) struct Opening<'a> {
    pub(super) store: &'a SessionStore,
    pub(super) name: &'a PoolName,
    pub(super) is_new: bool,
    pub(super) is_done: bool,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.store.release_unopened(self.name, self.is_new);
        }
    }
}
