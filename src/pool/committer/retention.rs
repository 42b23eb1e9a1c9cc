//! Forgetting what is over: retired sessions, then their log entries.
//!
//! Both go by the log, oldest first: each entry names its session, so nothing has to be searched or counted.

use std::ops::ControlFlow;
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::MutexGuard;

use super::Committer;
use crate::pool::config::Retention;
use crate::pool::core::PoolCore;
use crate::session::Timestamp;
use crate::store::cost::{COMES_OR_GOES, UNSYNCED, USED};
use crate::store::{Batch, Change, LogEntry, PoolEntry, PoolNumber, Sequence, StoreError};

/// How much was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Retired sessions.
    pub sessions: u64,
    /// Log entries.
    pub log_entries: u64,
}

/// How many entries are gone through in one transaction: as many as fit between two syncs, where the session of each is
/// forgotten, and each is too.
const PAGE: usize = (UNSYNCED - USED) / (COMES_OR_GOES + USED);

/// The pools that are gone through by and by, between the rounds: whoever waits for one of those does not wait for all that is to
/// be forgotten.
#[derive(Default)]
pub(super) struct Forgetting {
    pools: Vec<Weak<PoolCore>>,
    current: Option<(Weak<PoolCore>, Over)>,
}

/// What is beyond the retention of a pool.
#[derive(Clone, Copy)]
struct Over {
    sessions: Sequence,
    log: Sequence,
}

impl Forgetting {
    pub(super) fn is_done(&self) -> bool {
        self.pools.is_empty() && self.current.is_none()
    }

    /// Begins with all pools, unless it is still at it.
    pub(super) fn begin(&mut self, pools: &[Arc<PoolCore>]) {
        if self.is_done() {
            self.pools = pools.iter().map(Arc::downgrade).collect();
        }
    }

    /// Goes on until that time, by one page at least.
    pub(super) fn go_on(&mut self, committer: &Committer, until: Instant) -> Result<(), StoreError> {
        while !self.is_done() {
            self.current = match self.current.take() {
                Some((pool, over)) => {
                    let known = pool.upgrade();
                    let page = known.map(|pool| committer.forget_page(&pool, over)).transpose()?.flatten();
                    page.map(|_| (pool, over))
                }
                None => match self.pools.pop() {
                    Some(pool) => {
                        let known = pool.upgrade();
                        known.map(|known| committer.over(&known)).transpose()?.map(|over| (pool, over))
                    }
                    None => None,
                },
            };
            if Instant::now() >= until {
                break;
            }
        }
        Ok(())
    }
}

impl Committer {
    /// Forgets what is beyond the retention of a pool.
    pub(crate) fn forget_in(&self, pool: &Arc<PoolCore>) -> Result<Forgotten, StoreError> {
        let mut forgotten = Forgotten::default();
        let over = self.over(pool)?;
        while let Some(page) = self.forget_page(pool, over)? {
            forgotten.sessions += page.sessions;
            forgotten.log_entries += page.log_entries;
        }
        Ok(forgotten)
    }

    fn over(&self, pool: &PoolCore) -> Result<Over, StoreError> {
        let now = pool.now();
        let known = pool.entry.lock().pool.clone();
        Ok(Over {
            sessions: self.over_through(pool.retired_retention, &known, known.purged_through, now)?,
            log: self.over_through(pool.log_retention, &known, known.trimmed_through, now)?,
        })
    }

    /// Forgets the next of what is over; `None` where nothing is left.
    fn forget_page(&self, pool: &PoolCore, over: Over) -> Result<Option<Forgotten>, StoreError> {
        let mut cuts = self.writing.lock();
        if self.check().is_err() || pool.directory.lock().is_closed {
            // Its entry is no longer ours to change.
            return Ok(None);
        }
        let mut forgotten = Forgotten::default();
        let mut entry = pool.entry.lock().pool.clone();
        let mut batch = Batch::default();

        for (sequence, told) in self.page(pool.number, entry.purged_through, over.sessions)? {
            if let Some(LogEntry { id, reason, .. }) = told {
                batch.changes.push(Change::Purge { pool: pool.number, id, reason });
                forgotten.sessions += 1;
            }
            entry.purged_through = sequence;
        }

        let trimmed = entry.trimmed_through;
        let page = self.page(pool.number, trimmed, over.log.min(entry.purged_through))?;
        if let Some((through, _)) = page.last() {
            batch.changes.push(Change::TrimLog { pool: pool.number, first: trimmed.next(), last: *through });
            forgotten.log_entries += page.len() as u64;
            entry.trimmed_through = *through;
        }

        if batch.changes.is_empty() && entry == pool.entry.lock().pool {
            return Ok(None);
        }
        batch.changes.push(Change::Pool(entry.clone()));
        let forgetting = pool.forgetting.write();
        self.write(&batch, &mut cuts)?;
        drop(forgetting);
        for change in &batch.changes {
            if let Change::Purge { pool, id, .. } = change {
                self.recent_payloads.remove(*pool, id);
            }
        }
        self.store.sync()?;
        pool.entry.lock().pool = entry;
        // A round may be waiting for it.
        MutexGuard::unlock_fair(cuts);
        Ok(Some(forgotten))
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
    fn over_through(
        &self,
        retention: Retention,
        pool: &PoolEntry,
        after: Sequence,
        now: Timestamp,
    ) -> Result<Sequence, StoreError> {
        let mut over = after.max(pool.behind_all_but(retention.max_count));
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::pool::SessionPool;

    #[test]
    fn what_is_over_is_forgotten_page_by_page_so_that_rounds_come_in_between() {
        let retention = Retention { max_count: 10, ..Retention::UNLIMITED };
        let builder = SessionPool::builder().retired_retention(retention).log_retention(retention);
        let pool = builder.open_in_memory().unwrap();
        let retired = 10 + 3 * PAGE as u64;
        for _ in 0..retired {
            let _ = pool.acquire().unwrap().retire().unwrap();
        }
        pool.flush().unwrap();

        let core = &pool.handle.core;
        let mut forgetting = Forgetting::default();
        forgetting.begin(&[Arc::clone(core)]);
        let over = core.committer.over(core).unwrap();
        let page = core.committer.forget_page(core, over).unwrap().unwrap();
        let bytes = page.sessions * COMES_OR_GOES as u64 + page.log_entries * USED as u64 + USED as u64;
        assert!(bytes <= UNSYNCED as u64, "{page:?}: more than may be written between two syncs");

        let mut known = vec![0, 1];
        while !forgetting.is_done() {
            forgetting.go_on(&core.committer, Instant::now()).unwrap();
            let PoolEntry { purged_through, trimmed_through, .. } = core.entry.lock().pool;
            assert_eq!(purged_through, trimmed_through);
            known.push(purged_through.0 / PAGE as u64);
        }
        known.dedup();
        assert_eq!(known, [0, 1, 2, 3], "one page in a go");
        assert_eq!(pool.retirement_log(Sequence::START).count(), 10);
    }
}
