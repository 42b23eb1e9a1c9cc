//! What is in a store, at a glance.

mod distribution;
mod figures;
mod quantiles;
mod reasons;
mod tally;
mod timeline;

use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use serde::Serialize;

pub use distribution::{CountBucket, ErrorScores, Expiries, Spans, Tenths, Usage};
pub use figures::{Figures, Retirements, RetirementsOf, Unusable};
pub use reasons::ByReason;
use tally::{LogTally, Tally};
pub use timeline::Timeline;
use timeline::{Reach, Sparse};

use super::query::all_pools;
use crate::session::{Reason, Timestamp};
use crate::store::{PoolEntry, PoolName, PoolNumber, ReadStore, StoreError};

/// What of a store an [`Overview`] is of. The default is all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scope {
    /// This pool alone. Default: every pool.
    pub pool: Option<PoolName>,
    /// Of retirements, what happened at this time or later, as the log tells it: [`Figures::retired`] counts those then, and
    /// [`Figures::retirements`] is about them. Default: all.
    pub retired_since: Option<Timestamp>,
}

/// What is in a store, at a glance: each pool, and all together.
///
/// As JSON it has the fields named here and in the types within, in `snake_case`; those names stay. Times are RFC 3339
/// in UTC.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Overview {
    /// The time at which the sessions are looked at: what has expired or rests is so at this time.
    pub at: Timestamp,
    /// From when on retirements are told, as the [`Scope`] says; `None` for all.
    pub retired_since: Option<Timestamp>,
    /// All pools together.
    pub total: Figures,
    /// Each pool, by name; one without sessions too.
    pub pools: Vec<PoolFigures>,
    /// Pools that are there and cannot be read. Nothing of them is in the figures.
    pub unreadable_pools: u64,
}

/// What is in one pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PoolFigures {
    /// Its name.
    pub pool: PoolName,
    /// What is in it. As JSON these fields stand beside the name.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Counts what is in a store, as it is at the time `now`. A pool that is not there has nothing in it.
///
/// It reads the hot part of each session and each entry of the log once. What it takes in memory does not grow with
/// their number.
///
/// # Errors
///
/// [`StoreError`] where the engine fails. What merely cannot be read is counted as such.
pub fn overview(store: &dyn ReadStore, scope: &Scope, now: DateTime<Utc>) -> Result<Overview, StoreError> {
    let (pools, unreadable) = all_pools(store)?;
    let mut pass = Pass::new(store, scope, now.into());
    let mut counted = Vec::new();
    for pool in pools.iter().filter(|pool| scope.pool.as_ref().is_none_or(|name| *name == pool.name)) {
        counted.push((pool.number, pass.pool(pool)?));
    }
    Ok(pass.finish(counted, unreadable.len().try_into().unwrap_or(u64::MAX)))
}

/// One pass over a store.
struct Pass<'a> {
    store: &'a dyn ReadStore,
    scope: &'a Scope,
    now: Timestamp,
    total: Tally,
    total_log: LogTally,
    /// What is counted of one pool's log; empty between two pools.
    log: LogTally,
    retirements: Sparse<{ Reason::ALL.len() }>,
    expiries: Sparse<1>,
}

impl<'a> Pass<'a> {
    fn new(store: &'a dyn ReadStore, scope: &'a Scope, now: Timestamp) -> Self {
        Self {
            store,
            scope,
            now,
            total: Tally::new(now),
            total_log: LogTally::default(),
            log: LogTally::default(),
            retirements: Sparse::default(),
            expiries: Sparse::default(),
        }
    }

    /// What is in one pool, but for what is over time: that has one axis for all.
    fn pool(&mut self, pool: &PoolEntry) -> Result<PoolFigures, StoreError> {
        let mut tally = Tally::new(self.now);
        let expiries = &mut self.expiries;
        self.store.visit_sessions(pool.number, None, &mut |item| {
            match item {
                Ok((_, record)) => {
                    if let Some(at) = tally.session(&record) {
                        expiries.note(pool.number, at, 0);
                    }
                }
                Err(_) => tally.unreadable_sessions += 1,
            }
            ControlFlow::Continue(())
        })?;
        tally.retired_ever = pool.retired_ever();

        let (since, log, retirements) = (self.scope.retired_since, &mut self.log, &mut self.retirements);
        self.store.visit_log(pool.number, pool.trimmed_through, &mut |item| {
            match item {
                Ok((_, entry)) if since.is_none_or(|since| entry.retired_at >= since) => {
                    log.entry(&entry);
                    retirements.note(pool.number, entry.retired_at, entry.reason as usize);
                }
                Ok(_) => {}
                Err(_) => log.unreadable += 1,
            }
            ControlFlow::Continue(())
        })?;
        if since.is_some() {
            // The log remembers those too that are not kept any more.
            tally.retired = self.log.counts();
        }
        self.total.add(&tally);
        let figures = tally.figures(&self.log);
        self.total_log.add(&self.log);
        self.log.clear();
        Ok(PoolFigures { pool: pool.name.clone(), figures })
    }

    fn finish(self, counted: Vec<(PoolNumber, PoolFigures)>, unreadable_pools: u64) -> Overview {
        let Self { scope, now, total, total_log, retirements, expiries, .. } = self;
        let numbers = || counted.iter().map(|(number, _)| *number);
        let (all_retirements, retirements) = retirements.series(numbers(), Reach::Back, now);
        let (all_expiries, expiries) = expiries.series(numbers(), Reach::Ahead, now);
        let mut total = total.figures(&total_log);
        total.retirements.over_time = all_retirements.into();
        total.expiries.over_time = all_expiries.into();
        let over_time = retirements.into_iter().zip(expiries);
        let pools = counted.into_iter().zip(over_time).map(|((_, mut pool), (retirements, expiries))| {
            pool.figures.retirements.over_time = retirements.into();
            pool.figures.expiries.over_time = expiries.into();
            pool
        });
        let retired_since = scope.retired_since;
        Overview { at: now, retired_since, total, pools: pools.collect(), unreadable_pools }
    }
}

#[cfg(test)]
mod tests;
