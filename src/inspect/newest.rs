//! What time it was last.

use std::ops::ControlFlow;

use crate::session::Timestamp;
use crate::store::{PoolEntry, ReadStore, Sequence, StoreError};

/// When the last of the retirements happened that a pool's log still has.
pub(crate) fn newest_retirement(store: &dyn ReadStore, pool: &PoolEntry) -> Result<Timestamp, StoreError> {
    let mut newest = Timestamp::MIN;
    let before = Sequence(pool.last_sequence.0.saturating_sub(1));
    store.visit_log(pool.number, before, &mut |item| {
        // What cannot be read is the business of whoever reads the log.
        newest = item.map_or(newest, |(_, told)| newest.max(told.retired_at));
        ControlFlow::Continue(())
    })?;
    Ok(newest)
}
