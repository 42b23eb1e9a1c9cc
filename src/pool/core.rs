//! What a pool is made of, behind every handle to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard, RwLock};

use super::committer::{Committer, Urgency};
use super::config::{Durability, Retention};
use super::directory::{Directory, Signals, SlotIndex, Woken};
use super::payloads::Payloads;
use super::policy::HostRules;
use super::report::{PoolStats, RetiredCounts};
use super::time::{Now, PoolTime};
use crate::error::Error;
use crate::retirement::Broadcast;
use crate::session::{Invalid, NewSession, Payload, SessionId, SessionOptions, Timestamp};
use crate::store::{PoolEntry, PoolName, PoolNumber};

/// A pool: its sessions in memory, and the way to the store.
pub(crate) struct PoolCore {
    pub(crate) name: PoolName,
    pub(crate) number: PoolNumber,
    pub(crate) committer: Arc<Committer>,
    /// Nothing in a pool asks any other clock for the time of a session.
    pub(crate) time: PoolTime,
    pub(crate) durability: Durability,
    pub(crate) session_options: SessionOptions,
    pub(crate) status_rules: HostRules,
    pub(crate) retired_retention: Retention,
    pub(crate) log_retention: Retention,
    pub(crate) broadcast: Arc<Broadcast>,
    /// Reach it by [`PoolCore::change`], unless nothing is changed that others must hear of.
    pub(crate) directory: Mutex<Directory>,
    pub(crate) payloads: Payloads,
    pub(crate) entry: Mutex<Entry>,
    /// Up to when expired sessions have been looked for, in milliseconds.
    pub(crate) swept_through: AtomicI64,
    /// Held while retired sessions are forgotten, and by those who read one that it must not happen to meanwhile. Taken after
    /// the lock of what is written and before the directory.
    pub(crate) forgetting: RwLock<()>,
    /// The committer's other list of dirty sessions, kept for its memory.
    pub(crate) spare_dirty: Mutex<Vec<SlotIndex>>,
}

/// What the store is to know of the pool itself. Changed by the committer only.
pub(crate) struct Entry {
    pub(crate) pool: PoolEntry,
    pub(crate) is_dirty: bool,
}

impl PoolCore {
    /// The pool's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.moment().pool()
    }

    /// The pool's time, and the clock's.
    pub(crate) fn moment(&self) -> Now {
        self.time.now()
    }

    /// The session that some options describe, created now. The times in them are the clock's.
    pub(crate) fn build(&self, options: SessionOptions) -> Result<NewSession, Invalid> {
        let now = self.moment();
        options.build_ahead(now.clock, now.ahead)
    }

    /// Changes the directory, then lets others hear of it.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], [`Error::Poisoned`].
    pub(crate) fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut Directory) -> T) -> Result<T, Error> {
        let mut directory = self.lock_open()?;
        let answer = change(&mut directory);
        let woken = self.tell(&mut directory);
        drop(directory);
        woken.wake();
        Ok(answer)
    }

    pub(crate) fn lock_open(&self) -> Result<MutexGuard<'_, Directory>, Error> {
        self.committer.check()?;
        let directory = self.directory.lock();
        if directory.is_closed { Err(Error::Closed { pool: self.name.clone() }) } else { Ok(directory) }
    }

    /// Lets others hear of what has happened in the directory. Those who wait for a session, and got one, are to be woken
    /// once it is no longer locked.
    pub(crate) fn tell(self: &Arc<Self>, directory: &mut Directory) -> Woken {
        if directory.has_something_to_serve() {
            directory.serve(self.now());
        }
        let Signals { is_dirty, has_retired, has_freed: _ } = std::mem::take(&mut directory.signals);
        if is_dirty && !std::mem::replace(&mut directory.is_queued, true) {
            // Under the lock: whoever sees the change afterwards finds the pool queued.
            let urgency = match self.durability {
                Durability::Buffered { max_delay } if !has_retired => Urgency::Within(max_delay),
                Durability::Buffered { .. } | Durability::Immediate => Urgency::Now,
            };
            directory.queued_for = self.committer.enqueue(Arc::clone(self), urgency);
        } else if has_retired {
            self.committer.hurry();
        }
        directory.waiters.take_woken()
    }

    /// Waits until what was changed before is durable, where the pool promises that.
    pub(crate) fn settle_durably(&self) -> Result<(), Error> {
        match self.round_to_wait_for() {
            Some(round) => self.committer.wait_for(round),
            None => Ok(()),
        }
    }

    /// The round in which everything is written that was changed before, where the pool promises to wait for it.
    pub(crate) fn round_to_wait_for(&self) -> Option<u64> {
        match self.durability {
            Durability::Immediate => Some(self.directory.lock().queued_for),
            Durability::Buffered { .. } => None,
        }
    }

    /// Queues what opening the pool has left to be written: the pool itself where it is new, and who was retired.
    pub(crate) fn announce(self: &Arc<Self>) {
        let mut directory = self.directory.lock();
        directory.signals.is_dirty |= self.entry.lock().is_dirty;
        let woken = self.tell(&mut directory);
        drop(directory);
        woken.wake();
    }

    /// Lets everyone who waits look again.
    pub(crate) fn wake_all(&self) {
        let mut directory = self.directory.lock();
        directory.waiters.wake_all();
        let woken = directory.waiters.take_woken();
        drop(directory);
        woken.wake();
    }

    /// How it is, and what has happened in it since it was opened.
    pub(crate) fn stats(&self) -> PoolStats {
        let directory = self.directory.lock();
        let (counts, tally) = (directory.counts(), directory.tally);
        let waiting = directory.waiters.count();
        drop(directory);
        PoolStats {
            live: counts.live,
            available: counts.available,
            resting: counts.resting,
            leased: counts.leased,
            creating: counts.creating,
            uncommitted: counts.uncommitted,
            created: tally.created,
            restored: tally.restored,
            reclaimed: tally.reclaimed,
            failed: tally.failed,
            rested: tally.rested,
            released: tally.released,
            checks_passed: tally.checks_passed,
            checks_failed: tally.checks_failed,
            checks_retired: tally.checks_retired,
            checks_rested: tally.checks_rested,
            creations_failed: tally.creations_failed,
            waiting,
            retired: RetiredCounts::of(tally.retired),
            subscribers: self.broadcast.subscribers(),
            missed_events: self.broadcast.missed(),
            clock: self.time.steps(),
        }
    }

    /// Retires those of some sessions that are too old. Adds who is to be woken.
    pub(crate) fn retire_expired(self: &Arc<Self>, ids: &[SessionId], served: &mut Vec<Woken>) -> usize {
        /// How many sessions are looked at while the lock is held.
        const CHUNK: usize = 64;
        let mut retired = 0;
        for ids in ids.chunks(CHUNK) {
            let now = self.now();
            // A pool that was closed meanwhile is none of the sweeper's business.
            let Ok(mut directory) = self.lock_open() else { break };
            for id in ids {
                if let Some(slot) = directory.find(id)
                    && directory.slot(slot).record.is_expired(now)
                {
                    retired += usize::from(directory.retire_if_unusable(slot, now));
                }
            }
            served.push(self.tell(&mut directory));
        }
        retired
    }

    // --- for the committer

    /// Sees to it that the next sweep finds what expires at `time`.
    pub(crate) fn sweep_from(&self, time: Timestamp) {
        self.sweep_after(time.minus(Duration::from_millis(1)));
    }

    /// The same for what expires after `time`.
    pub(crate) fn sweep_after(&self, time: Timestamp) {
        self.swept_through.fetch_min(time.as_millis(), Ordering::SeqCst);
    }

    /// What a sweep at `now` has to look for: what expires after the time that is answered. The next one goes on from
    /// `now`, also where the clock has gone back.
    pub(crate) fn begin_sweep(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(self.swept_through.swap(now.as_millis(), Ordering::SeqCst)).min(now)
    }

    /// The sessions that await a commit, in a list to be given back.
    pub(crate) fn take_dirty(&self) -> Vec<SlotIndex> {
        let mut list = std::mem::take(&mut *self.spare_dirty.lock());
        let mut directory = self.directory.lock();
        directory.is_queued = false;
        directory.take_dirty(&mut list);
        list
    }

    /// Those of them that were retired, which go first.
    pub(crate) fn take_retired(&self, empty: &mut Vec<SlotIndex>) {
        self.directory.lock().take_retired(empty);
    }

    pub(crate) fn give_back(&self, list: Vec<SlotIndex>) {
        *self.spare_dirty.lock() = list;
    }

    /// What was collected is durable.
    pub(crate) fn committed(
        &self,
        retired: &[(SlotIndex, SessionId)],
        payloads: &[(SessionId, Arc<Payload>)],
    ) {
        for (id, payload) in payloads {
            self.payloads.committed(id, payload);
        }
        if !retired.is_empty() {
            // As long as the directory has them, no other session gets their ids.
            self.payloads.retired(retired.iter().map(|(_, id)| id));
            let mut directory = self.directory.lock();
            for (slot, _) in retired {
                directory.committed(*slot);
            }
        }
    }
}
