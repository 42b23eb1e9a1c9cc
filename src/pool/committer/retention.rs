//! Forgetting what is over: retired sessions, then their log entries.
//!
//! Both go by the log, oldest first: each entry names its session, so nothing has to be searched or counted.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Committer;
use crate::pool::config::Retention;
use crate::pool::core::PoolCore;
use crate::session::Timestamp;
use crate::store::{Batch, Change, LogEntry, PoolEntry, PoolNumber, Sequence, StoreError};

/// How much was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Retired sessions.
    pub sessions: u64,
    /// Log entries.
    pub log_entries: u64,
}

/// How many entries are gone through in one transaction.
const PAGE: usize = 256;

impl Committer {
    pub(super) fn forget(&self) -> Result<(), StoreError> {
        for pool in self.open_pools() {
            self.forget_in(&pool)?;
        }
        Ok(())
    }

    /// Forgets what is beyond the retention of a pool.
    pub(crate) fn forget_in(&self, pool: &Arc<PoolCore>) -> Result<Forgotten, StoreError> {
        let mut forgotten = Forgotten::default();
        loop {
            let mut cuts = self.writing.lock();
            if self.check().is_err() || pool.directory.lock().is_closed {
                // Its entry is no longer ours to change.
                return Ok(forgotten);
            }
            let now = pool.now();
            let mut entry = pool.entry.lock().pool.clone();
            let mut batch = Batch::default();

            let latest = entry.last_sequence;
            let behind = |after, through| Behind { pool: pool.number, after, through, latest };
            let page = self.beyond(pool.retired_retention, behind(entry.purged_through, latest), now)?;
            for (sequence, told) in &page {
                if let Some(LogEntry { id, reason, .. }) = told {
                    batch.changes.push(Change::Purge { pool: pool.number, id: *id, reason: *reason });
                    forgotten.sessions += 1;
                }
                entry.purged_through = *sequence;
            }

            let trimmed = entry.trimmed_through;
            let page = self.beyond(pool.log_retention, behind(trimmed, entry.purged_through), now)?;
            if let Some((through, _)) = page.last() {
                batch.changes.push(Change::TrimLog {
                    pool: pool.number,
                    first: trimmed.next(),
                    last: *through,
                });
                forgotten.log_entries += page.len() as u64;
                entry.trimmed_through = *through;
                entry.lost_log.retain(|(_, last)| last > through);
            }

            if batch.changes.is_empty() && entry == pool.entry.lock().pool {
                return Ok(forgotten);
            }
            batch.changes.push(Change::Pool(entry.clone()));
            self.write(&batch, &mut cuts)?;
            self.store.sync()?;
            pool.entry.lock().pool = entry;
        }
    }

    /// What the store knows of a pool that is closed, once nobody is writing it any more.
    pub(crate) fn settled_entry(&self, pool: &PoolCore) -> PoolEntry {
        let _writing = self.writing.lock();
        pool.entry.lock().pool.clone()
    }

    /// The first entries of a part of the log that a retention no longer keeps. `None` for one that cannot be read: it
    /// goes with its neighbours.
    fn beyond(
        &self,
        retention: Retention,
        part: Behind,
        now: Timestamp,
    ) -> Result<Vec<(Sequence, Option<LogEntry>)>, StoreError> {
        let mut beyond = Vec::new();
        if part.after >= part.through {
            return Ok(beyond);
        }
        let oldest_kept = now.minus(retention.max_age);
        // Those that cannot be read are as old as what comes behind them.
        let mut undated = Vec::new();
        self.store.visit_log(part.pool, part.after, &mut |item| {
            let (sequence, entry) = match item {
                Ok((sequence, entry)) => (sequence, Some(entry)),
                Err(unreadable) => match unreadable.log_sequence() {
                    Some(sequence) => (sequence, None),
                    None => return ControlFlow::Continue(()),
                },
            };
            if sequence > part.through || beyond.len() >= PAGE {
                return ControlFlow::Break(());
            }
            let is_too_many = part.latest.0.saturating_sub(sequence.0) >= retention.max_count;
            match entry {
                _ if is_too_many => {}
                Some(entry) if entry.retired_at < oldest_kept => {}
                Some(_) => return ControlFlow::Break(()),
                None => {
                    undated.push((sequence, None));
                    return ControlFlow::Continue(());
                }
            }
            beyond.append(&mut undated);
            beyond.push((sequence, entry));
            ControlFlow::Continue(())
        })?;
        Ok(beyond)
    }
}

/// A part of a pool's log: behind `after`, and up to `through`; the newest entry of all is `latest`.
#[derive(Clone, Copy)]
struct Behind {
    pool: PoolNumber,
    after: Sequence,
    through: Sequence,
    latest: Sequence,
}
