//! Which pool is meant, and what time it is there.

use std::ops::ControlFlow;
use std::time::Duration;

use super::MaintenanceError;
use crate::clock;
use crate::inspect::{newest_retirement, pools};
use crate::session::{State, Timestamp};
use crate::store::{PoolEntry, PoolName, ReadStore, StoreError};

/// The pool of that name, or all of them.
pub(super) fn select(
    store: &dyn ReadStore,
    pool: Option<&PoolName>,
) -> Result<Vec<PoolEntry>, MaintenanceError> {
    let mut found = pools(store)?;
    if let Some(name) = pool {
        let known = found.iter().map(|entry| entry.name.clone()).collect();
        found.retain(|entry| entry.name == *name);
        if found.is_empty() {
            return Err(MaintenanceError::NoSuchPool { pool: name.clone(), known });
        }
    }
    Ok(found)
}

/// How far a pool is ahead of the clock, which shows `now` (T-3). What cannot be read does not count.
pub(super) fn lead(store: &dyn ReadStore, pool: &PoolEntry, now: Timestamp) -> Result<Duration, StoreError> {
    let mut newest = newest_retirement(store, pool)?;
    store.visit_by_state(pool.number, State::Live, &mut |item| {
        newest = item.map_or(newest, |(_, record)| newest.max(record.newest_time()));
        ControlFlow::Continue(())
    })?;
    Ok(clock::lead(newest, now))
}

/// Whether the pools are still what they were.
pub(super) fn are_unchanged<'a>(
    store: &dyn ReadStore,
    known: impl IntoIterator<Item = &'a PoolEntry>,
) -> Result<bool, StoreError> {
    let found = pools(store)?;
    Ok(known.into_iter().all(|entry| found.contains(entry)))
}
