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
        let now = pool.now();
        let known = pool.entry.lock().pool.clone();
        let sessions = self.over(pool.retired_retention, &known, known.purged_through, now)?;
        let log = self.over(pool.log_retention, &known, known.trimmed_through, now)?;
        loop {
            let mut cuts = self.writing.lock();
            if self.check().is_err() || pool.directory.lock().is_closed {
                // Its entry is no longer ours to change.
                return Ok(forgotten);
            }
            let mut entry = pool.entry.lock().pool.clone();
            let mut batch = Batch::default();

            for (sequence, told) in self.page(pool.number, entry.purged_through, sessions)? {
                if let Some(LogEntry { id, reason, .. }) = told {
                    batch.changes.push(Change::Purge { pool: pool.number, id, reason });
                    forgotten.sessions += 1;
                }
                entry.purged_through = sequence;
            }

            let trimmed = entry.trimmed_through;
            let page = self.page(pool.number, trimmed, log.min(entry.purged_through))?;
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
            for change in &batch.changes {
                if let Change::Purge { pool, id, .. } = change {
                    self.recent_payloads.remove(*pool, id);
                }
            }
            self.store.sync()?;
            pool.entry.lock().pool = entry;
        }
    }

    /// What the store knows of a pool that is closed, once nobody is writing it any more.
    pub(crate) fn settled_entry(&self, pool: &PoolCore) -> PoolEntry {
        let _writing = self.writing.lock();
        pool.entry.lock().pool.clone()
    }

    /// Up to where a retention no longer keeps the log of a pool behind `after`: up to the last entry that is beyond it
    /// by its number, or by its age without a younger one before it.
    ///
    /// The order is that of the sequence numbers. An entry without a time, because it cannot be read, and one of a time
    /// to come, from before the clock was set back, is as old at least as what comes behind it: it keeps nothing from
    /// being forgotten, and goes with its neighbours.
    fn over(
        &self,
        retention: Retention,
        pool: &PoolEntry,
        after: Sequence,
        now: Timestamp,
    ) -> Result<Sequence, StoreError> {
        let by_number = Sequence(pool.last_sequence.0.saturating_sub(retention.max_count));
        let mut over = after.max(by_number);
        let oldest_kept = now.minus(retention.max_age);
        self.store.visit_log(pool.number, over, &mut |item| {
            match item {
                Ok((sequence, _)) if sequence > pool.last_sequence => return ControlFlow::Break(()),
                Ok((sequence, told)) if told.retired_at < oldest_kept => over = sequence,
                Ok((_, told)) if told.retired_at <= now => return ControlFlow::Break(()),
                Ok(_) | Err(_) => {}
            }
            ControlFlow::Continue(())
        })?;
        Ok(over)
    }

    /// The next entries of the log behind `after` and up to `through`. `None` for one that cannot be read.
    fn page(
        &self,
        pool: PoolNumber,
        after: Sequence,
        through: Sequence,
    ) -> Result<Vec<(Sequence, Option<LogEntry>)>, StoreError> {
        let mut page = Vec::new();
        if after >= through {
            return Ok(page);
        }
        self.store.visit_log(pool, after, &mut |item| {
            let (sequence, told) = match item {
                Ok((sequence, told)) => (sequence, Some(told)),
                Err(unreadable) => match unreadable.log_sequence() {
                    Some(sequence) => (sequence, None),
                    None => return ControlFlow::Continue(()),
                },
            };
            if sequence > through || page.len() >= PAGE {
                return ControlFlow::Break(());
            }
            page.push((sequence, told));
            ControlFlow::Continue(())
        })?;
        Ok(page)
    }
}
