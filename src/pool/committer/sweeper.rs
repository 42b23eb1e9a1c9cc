//! Retiring what has grown too old, found by the index of expiries.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::Committer;
use crate::error::Error;
use crate::pool::core::PoolCore;
use crate::pool::directory::Woken;
use crate::session::{SessionId, Timestamp};
use crate::store::{PoolNumber, StoreError};

impl Committer {
    /// How many expired sessions are gathered before their pools are told.
    const SWEEP: usize = 1024;

    /// Retires the expired sessions of the open pools, and answers how many those were.
    ///
    /// It goes on, pool by pool, where the last sweep ended. Before that there is nothing to find: what had expired when
    /// a pool was opened was retired then, and [`PoolCore::sweep_from`] notes what was committed when already old.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`].
    pub(crate) fn sweep(&self) -> Result<usize, Error> {
        let mut served = Vec::new();
        let swept = self.or_poison(|| {
            let _sweeping = self.sweeping.lock();
            self.sweep_now(&mut served)
        });
        // They run what is not ours, which may sweep, too.
        served.into_iter().for_each(Woken::wake);
        swept
    }

    fn sweep_now(&self, served: &mut Vec<Woken>) -> Result<usize, StoreError> {
        let pools = self.open_pools();
        // Noted before it is done, so that what is committed meanwhile is noted on top.
        let spans: Vec<Span> = pools
            .iter()
            .map(|pool| {
                let until = pool.now();
                Span { after: pool.begin_sweep(until), until }
            })
            .collect();
        let mut swept = 0;
        for span in joined(spans.clone()) {
            swept += self.sweep_span(&pools, span, served).inspect_err(|_| {
                for (pool, span) in pools.iter().zip(&spans) {
                    pool.sweep_after(span.after);
                }
            })?;
        }
        Ok(swept)
    }

    fn sweep_span(
        &self,
        pools: &[Arc<PoolCore>],
        Span { mut after, until }: Span,
        served: &mut Vec<Woken>,
    ) -> Result<usize, StoreError> {
        let mut swept = 0;
        loop {
            let expired = self.expired(after, until)?;
            let last = expired.last().map(|(at, ..)| *at);
            swept += retire(pools, &expired, served);
            match last {
                // All sessions of one millisecond may be more than one go takes; they are gone from the second.
                Some(at) if expired.len() >= Self::SWEEP => after = at,
                _ => return Ok(swept),
            }
        }
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

/// What expires after one time, and at another or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    after: Timestamp,
    until: Timestamp,
}

/// The same spans with those joined that overlap. Pools of one clock have about the same; where the clocks of two are a
/// year apart, nobody looks at all that expires within that year.
fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable_by_key(|span| span.after);
    let mut joined: Vec<Span> = Vec::new();
    for span in spans.into_iter().filter(|span| span.after < span.until) {
        match joined.last_mut() {
            Some(last) if span.after <= last.until => last.until = last.until.max(span.until),
            _ => joined.push(span),
        }
    }
    joined
}

fn retire(
    pools: &[Arc<PoolCore>],
    expired: &[(Timestamp, PoolNumber, SessionId)],
    served: &mut Vec<Woken>,
) -> usize {
    let mut by_pool: HashMap<PoolNumber, Vec<SessionId>> = HashMap::new();
    for (_, pool, id) in expired {
        by_pool.entry(*pool).or_default().push(*id);
    }
    let swept =
        pools.iter().filter_map(|pool| by_pool.get(&pool.number).map(|ids| pool.retire_expired(ids, served)));
    swept.sum()
}
