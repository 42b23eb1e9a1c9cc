//! Counting.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::query::{for_each_in, pools};
use crate::session::{Reason, State, Timestamp};
use crate::store::{PoolName, ReadStore, Sequence, StoreError};

/// What is in one pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PoolSummary {
    /// Its name.
    pub pool: PoolName,
    /// Live sessions.
    pub live: u64,
    /// Those of them that are resting.
    pub resting: u64,
    /// Those of them that have grown too old, and will be retired when the pool is opened.
    pub expired: u64,
    /// Retired sessions that are still kept, by reason.
    pub retired: BTreeMap<Reason, u64>,
    /// Uses of the sessions above.
    pub uses: u64,
    /// Those of them that were bad.
    pub errors: u64,
    /// When the next of the live sessions expires.
    pub next_expiry: Option<Timestamp>,
    /// How many sessions have ever been retired in it.
    pub last_sequence: Sequence,
    /// Sessions that cannot be read.
    pub unreadable: u64,
}

/// What is in each pool of a store, by name; a pool without sessions too.
///
/// # Errors
///
/// [`StoreError`] where the engine fails.
pub fn stats(store: &dyn ReadStore, now: DateTime<Utc>) -> Result<Vec<PoolSummary>, StoreError> {
    let now = Timestamp::from(now);
    let mut summaries = Vec::new();
    for pool in pools(store)? {
        let mut summary = PoolSummary {
            pool: pool.name.clone(),
            live: 0,
            resting: 0,
            expired: 0,
            retired: Reason::ALL.into_iter().map(|reason| (reason, 0)).collect(),
            uses: 0,
            errors: 0,
            next_expiry: None,
            last_sequence: pool.last_sequence,
            unreadable: 0,
        };
        let _ = for_each_in(store, &pool, State::ALL, &mut |item| {
            let Ok(found) = item else {
                summary.unreadable += 1;
                return ControlFlow::Continue(());
            };
            let record = found.record;
            match record.retired {
                Some(retired) => *summary.retired.entry(retired.reason).or_default() += 1,
                None => {
                    summary.live += 1;
                    summary.resting += u64::from(record.is_resting(now));
                    summary.expired += u64::from(record.is_expired(now));
                    let earliest =
                        summary.next_expiry.map_or(record.expires_at, |time| time.min(record.expires_at));
                    summary.next_expiry = Some(earliest);
                }
            }
            summary.uses += u64::from(record.usage_count);
            summary.errors += u64::from(record.error_count);
            ControlFlow::Continue(())
        })?;
        summaries.push(summary);
    }
    Ok(summaries)
}
