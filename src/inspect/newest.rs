//! What time it was last.

use std::ops::ControlFlow;

use crate::session::Timestamp;
use crate::store::{PoolEntry, ReadStore, StoreError};

/// When the last of the retirements happened that a pool's log still has.
pub(crate) fn newest_retirement(store: &dyn ReadStore, pool: &PoolEntry) -> Result<Timestamp, StoreError> {
    let mut newest = Timestamp::MIN;
    store.visit_log(pool.number, pool.behind_all_but(1), &mut |item| {
        // What cannot be read is the business of whoever reads the log.
        newest = item.map_or(newest, |(_, told)| newest.max(told.retired_at));
        ControlFlow::Continue(())
    })?;
    Ok(newest)
}
