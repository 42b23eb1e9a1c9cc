//! What a pool tells of itself.

use std::time::Duration;

use crate::clock::ClockSteps;
use crate::session::Reason;
use crate::store::{StoreReport, Unreadable};

/// What opening a pool found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenReport {
    /// What opening the store found: files that were healed or set aside, a migration, modes that were too wide.
    pub store: StoreReport,
    /// How many sessions came back.
    pub restored: usize,
    /// How many others were retired on opening: they had grown too old, or were beyond today's limits. A clock that went
    /// far ahead between two runs is seen here, and nowhere else (T-4).
    pub retired: usize,
    /// How far the newest time in the store lay ahead of the clock, where that was more than a minute: the clock had been
    /// set back. The pool's time goes on from there, ahead of the clock by so much (T-3). Zero: it is the clock's.
    pub ahead_of_clock: Duration,
    /// How many items could not be read: sessions, index entries, and entries of pools of which this may have been one.
    /// They were left as they are.
    pub unreadable: usize,
    /// The first of those, and why.
    pub unreadable_items: Vec<Unreadable>,
}

impl OpenReport {
    /// How many unreadable items a report names.
    pub const MAX_UNREADABLE_ITEMS: usize = 100;

    pub(super) fn note_unreadable(&mut self, item: Unreadable) {
        self.unreadable += 1;
        if self.unreadable_items.len() < Self::MAX_UNREADABLE_ITEMS {
            self.unreadable_items.push(item);
        }
    }
}

/// How a pool is, and what has happened in it since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PoolStats {
    /// Live sessions.
    pub live: usize,
    /// Those of them that can be handed out now; some may turn out to have expired.
    pub available: usize,
    /// Those of them that are resting, as far as anybody has looked.
    pub resting: usize,
    /// Sessions that are in use; those that were retired meanwhile included.
    pub leased: usize,
    /// Sessions being created.
    pub creating: usize,
    /// Threads and tasks that wait for a session.
    pub waiting: usize,
    /// Sessions with changes that await the next commit.
    pub uncommitted: usize,
    /// Sessions created since the pool was opened.
    pub created: u64,
    /// Sessions that were read when it was opened, those that were retired at once included.
    pub restored: u64,
    /// Uses that ended well.
    pub reclaimed: u64,
    /// Uses that ended badly.
    pub failed: u64,
    /// Uses that ended with a rest.
    pub rested: u64,
    /// Uses that ended in a way that says nothing about the session.
    pub released: u64,
    /// Checks of sessions that worked.
    pub checks_passed: u64,
    /// Checks that failed, so that their session rested for the back-off.
    pub checks_failed: u64,
    /// Checks that retired their session. They are no uses, but count in `retired` too.
    pub checks_retired: u64,
    /// Checks that met a rate limit.
    pub checks_rested: u64,
    /// Sessions that could not be created on demand: the create function, the proxies or the fingerprints failed.
    pub creations_failed: u64,
    /// Sessions retired since the pool was opened.
    pub retired: RetiredCounts,
    /// Listeners to its retirements.
    pub subscribers: usize,
    /// Retirements that a listener missed, all listeners together.
    pub missed_events: u64,
    /// Which steps its clock has met since that began, for instance those of the wall clock (T-1, T-2).
    pub clock: ClockSteps,
}

/// Numbers of retired sessions, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RetiredCounts {
    /// Their error score had reached the maximum.
    pub blocked: u64,
    /// They had been used as often as they might be.
    pub exhausted: u64,
    /// They were too old.
    pub expired: u64,
    /// The caller had said so.
    pub retired: u64,
}

impl RetiredCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.blocked + self.exhausted + self.expired + self.retired
    }

    pub(super) fn of(by_reason: [u64; Reason::ALL.len()]) -> Self {
        let [blocked, exhausted, expired, retired] = by_reason;
        Self { blocked, exhausted, expired, retired }
    }
}
