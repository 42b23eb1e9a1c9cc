//! One round: collect, commit, sync, tell. Those that were retired go first, also between two batches of a long round: somebody
//! may be waiting for the news.

use std::sync::Arc;
use std::task::Waker;

use parking_lot::MutexGuard;

use super::{Committer, Cuts};
use crate::outside;
use crate::pool::core::PoolCore;
use crate::pool::directory::{Collected, SlotIndex};
use crate::pool::observe;
use crate::retirement::Retirement;
use crate::session::{Payload, SessionId, Timestamp};
use crate::store::cost::{COMES_OR_GOES, PAYLOAD, UNSYNCED, USED};
use crate::store::{Batch, Change, LogEntry, SessionChange, StoreError};

/// How many sessions are copied in one go, while their pool's lock is held.
const COLLECT: usize = 64;
/// How many sessions go into one transaction, about.
const BATCH: usize = 512;

/// What has been collected and not yet told.
#[derive(Default)]
struct Work {
    batch: Batch,
    /// How many sessions were committed in this round.
    committed: usize,
    /// How much it is, and how much was committed since the last sync.
    bytes: usize,
    unsynced: usize,
    /// When the first of the new sessions in it expires, pool by pool.
    expiries: Vec<(Arc<PoolCore>, Timestamp)>,
    /// What is to be done when it is durable, pool by pool.
    followups: Vec<Followup>,
    /// A list for those that go first, kept for its memory.
    retired: Vec<SlotIndex>,
}

struct Followup {
    pool: Arc<PoolCore>,
    retirements: Vec<Retirement>,
    retired: Vec<(SlotIndex, SessionId)>,
    payloads: Vec<(SessionId, Arc<Payload>)>,
}

impl Committer {
    /// Answers how many sessions were written.
    pub(super) fn run_round(&self, pools: &[Arc<PoolCore>]) -> Result<usize, StoreError> {
        let mut cuts = self.writing.lock();
        let mut work = Work::default();
        self.retired_first(pools, &mut work, &mut cuts)?;
        for pool in pools {
            let dirty = pool.take_dirty();
            for slots in dirty.chunks(COLLECT) {
                collect(pool, slots, &mut work);
                if work.batch.changes.len() >= BATCH || work.bytes >= UNSYNCED {
                    self.commit(&mut work, &mut cuts)?;
                    self.retired_first(&self.queue.urgent(), &mut work, &mut cuts)?;
                }
            }
            if dirty.is_empty() {
                // A pool that was just opened, and has no session yet.
                collect(pool, &[], &mut work);
            }
            pool.give_back(dirty);
        }
        self.commit(&mut work, &mut cuts)?;
        self.sync(&mut work, &mut cuts)?;
        Ok(work.committed)
    }

    /// Commits what was retired in some pools, durably, and tells of it.
    fn retired_first(
        &self,
        pools: &[Arc<PoolCore>],
        work: &mut Work,
        cuts: &mut MutexGuard<'_, Cuts>,
    ) -> Result<(), StoreError> {
        for pool in pools {
            let mut retired = std::mem::take(&mut work.retired);
            pool.take_retired(&mut retired);
            for slots in retired.chunks(COLLECT) {
                collect(pool, slots, work);
                if work.batch.changes.len() >= BATCH || work.bytes >= UNSYNCED {
                    self.commit(work, cuts)?;
                }
            }
            let is_empty = retired.is_empty();
            work.retired = retired;
            if !is_empty {
                self.commit(work, cuts)?;
                self.sync(work, cuts)?;
            }
        }
        Ok(())
    }

    fn commit(&self, work: &mut Work, cuts: &mut MutexGuard<'_, Cuts>) -> Result<(), StoreError> {
        if work.batch.changes.is_empty() {
            return Ok(());
        }
        self.write(&work.batch, cuts)?;
        for (pool, time) in work.expiries.drain(..) {
            pool.sweep_from(time);
        }
        work.batch.changes.clear();
        work.unsynced += work.bytes;
        work.bytes = 0;
        if work.unsynced >= UNSYNCED { self.sync(work, cuts) } else { Ok(()) }
    }

    /// Makes durable what was committed, then tells of it: never the other way round (I-5).
    fn sync(&self, work: &mut Work, cuts: &mut MutexGuard<'_, Cuts>) -> Result<(), StoreError> {
        if work.unsynced == 0 {
            return Ok(());
        }
        self.store.sync()?;
        work.unsynced = 0;
        let mut news = News::default();
        for followup in work.followups.drain(..) {
            followup.pool.committed(&followup.retired, &followup.payloads);
            for retirement in &followup.retirements {
                followup.pool.broadcast.send(retirement, &mut news.tasks);
                self.broadcast.send(retirement, &mut news.tasks);
            }
            news.retirements.extend(followup.retirements);
        }
        if !news.retirements.is_empty() {
            // Whoever gets the lock meanwhile finds nothing half done: all that was collected has been written.
            MutexGuard::unlocked(cuts, || news.tell());
        }
        Ok(())
    }
}

/// What is durable, for code that is not ours.
#[derive(Default)]
struct News {
    retirements: Vec<Retirement>,
    /// Those who wait for them.
    tasks: Vec<Waker>,
}

impl News {
    fn tell(self) {
        for retirement in &self.retirements {
            outside::contain(|| observe::retired(retirement));
        }
        outside::wake(self.tasks);
    }
}

/// Copies what is to be written of some sessions of a pool.
fn collect(pool: &Arc<PoolCore>, slots: &[SlotIndex], work: &mut Work) {
    let mut followup = Followup {
        pool: Arc::clone(pool),
        retirements: Vec::new(),
        retired: Vec::new(),
        payloads: Vec::new(),
    };
    let mut collected: Vec<(Collected, Option<Arc<Payload>>)> = Vec::with_capacity(slots.len());
    {
        let mut directory = pool.directory.lock();
        for session in slots.iter().filter_map(|slot| directory.collect(*slot)) {
            if session.record.retired.is_some() {
                followup.retired.push((session.slot, session.id));
            }
            collected.push((session, None));
        }
    }
    for session in &mut collected {
        // A payload may be flagged that went with an earlier batch: it had changed twice by then.
        let pending = if session.0.is_payload_dirty { pool.payloads.pending(&session.0.id) } else { None };
        if let Some(pending) = pending {
            work.bytes += PAYLOAD * pending.length;
            followup.payloads.push((session.0.id, Arc::clone(&pending.payload)));
            session.1 = Some(pending.payload);
        }
    }
    work.committed += collected.len();
    let mut earliest_expiry: Option<Timestamp> = None;
    let mut entry = pool.entry.lock();
    for (Collected { slot: _, id, record, is_new, is_payload_dirty: _ }, payload) in collected {
        if is_new {
            earliest_expiry = Some(earliest_expiry.map_or(record.expires_at, |t| t.min(record.expires_at)));
        }
        let retirement = LogEntry::of(id, &record).map(|told| {
            entry.pool.last_sequence = entry.pool.last_sequence.next();
            entry.is_dirty = true;
            let sequence = entry.pool.last_sequence;
            followup.retirements.push(Retirement::new(pool.name.clone(), sequence, told));
            sequence
        });
        let change = SessionChange { pool: pool.number, id, record, is_new, payload, retirement };
        work.bytes += if change.is_new || retirement.is_some() { COMES_OR_GOES } else { USED };
        work.batch.changes.push(Change::Session(change));
    }
    work.expiries.extend(earliest_expiry.map(|time| (Arc::clone(pool), time)));
    if std::mem::take(&mut entry.is_dirty) {
        work.bytes += USED;
        work.batch.changes.push(Change::Pool(entry.pool.clone()));
    }
    if !(followup.retired.is_empty() && followup.payloads.is_empty()) {
        work.followups.push(followup);
    }
}
