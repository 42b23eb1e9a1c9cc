//! Retiring what has grown too old, found by the index of expiries.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::Committer;
use crate::pool::core::PoolCore;
use crate::session::{SessionId, Timestamp};
use crate::store::{PoolNumber, StoreError};

impl Committer {
    /// How many expired sessions are gathered before their pools are told.
    const SWEEP: usize = 1024;

    /// Retires the expired sessions of the open pools, and answers how many those were.
    ///
    /// It goes on where the last sweep ended. Before that there is nothing to find: sessions of pools that are opened
    /// later are looked at then, and [`Committer::sweep_from`] notes those that were committed when already old.
    pub(crate) fn sweep(&self) -> Result<usize, StoreError> {
        let pools = self.open_pools();
        let times = || pools.iter().map(|pool| pool.now());
        let (Some(earliest), Some(latest)) = (times().min(), times().max()) else { return Ok(0) };
        let mut swept_through = self.swept_through.lock();
        // A clock that was set back may have had sessions created that expire before the last sweep.
        let mut after = (*swept_through).min(earliest);
        let mut swept = 0;
        loop {
            let expired = self.expired(after, latest)?;
            let last = expired.last().map(|(at, ..)| *at);
            swept += retire(&pools, &expired);
            match last {
                // All sessions of one millisecond may be more than one go takes; they are gone from the second.
                Some(at) if expired.len() >= Self::SWEEP => after = at,
                _ => break,
            }
        }
        *swept_through = earliest;
        Ok(swept)
    }

    /// Sees to it that the next sweep finds what expires at `time`.
    pub(crate) fn sweep_from(&self, time: Timestamp) {
        let mut swept_through = self.swept_through.lock();
        *swept_through = (*swept_through).min(time.minus(Duration::from_millis(1)));
    }

    /// Whole milliseconds of expired sessions: [`Committer::SWEEP`] of them, or a few more.
    fn expired(
        &self,
        after: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, PoolNumber, SessionId)>, StoreError> {
        let mut expired: Vec<(Timestamp, PoolNumber, SessionId)> = Vec::new();
        self.store.visit_expiring(after, until, &mut |item| {
            // What cannot be read is the business of a check.
            let Ok(item) = item else { return ControlFlow::Continue(()) };
            if expired.len() >= Self::SWEEP && expired.last().is_some_and(|(at, ..)| *at != item.0) {
                return ControlFlow::Break(());
            }
            expired.push(item);
            ControlFlow::Continue(())
        })?;
        Ok(expired)
    }
}

fn retire(pools: &[Arc<PoolCore>], expired: &[(Timestamp, PoolNumber, SessionId)]) -> usize {
    let mut by_pool: HashMap<PoolNumber, Vec<SessionId>> = HashMap::new();
    for (_, pool, id) in expired {
        by_pool.entry(*pool).or_default().push(*id);
    }
    let swept = pools.iter().filter_map(|pool| by_pool.get(&pool.number).map(|ids| pool.retire_expired(ids)));
    swept.sum()
}
