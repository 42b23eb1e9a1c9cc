//! The sessions of a pool in memory: where they are picked and counted.
//!
//! Everything here takes constant time (logarithmic, where sessions rest or are waited for) and happens under the pool's lock. A method
//! notes in [`Signals`] what others have to hear of it; the pool tells them.

mod available;
mod check;
mod commit;
mod create;
mod hand_out;
mod serve;
mod short_id;
mod slot;
mod take_back;
mod waiters;

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use available::Available;
pub(crate) use commit::Collected;
use create::Creations;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
pub(crate) use slot::{Slot, SlotIndex};
pub(crate) use waiters::{Ticket, Waiters, Woken};

use super::CheckAfter;
use super::config::{Growth, Strategy};
use crate::session::{Reason, SessionId, Timestamp};

/// The sessions of a pool that are live, and those retired ones that somebody still looks at.
///
/// What each use writes stands side by side and apart from the rest: a thread that takes the lock after another one has to get no more
/// cache lines from its processor than that.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Directory {
    // --- written by each use
    leased: usize,
    rng: fastrand::Rng,
    available: Available,
    dirty: Vec<SlotIndex>,
    pub(crate) signals: Signals,
    /// Whether the pool is queued for the next commit.
    pub(crate) is_queued: bool,
    pub(crate) tally: Tally,

    // --- read by each use
    slots: Vec<Slot>,
    /// The resting sessions, by the end of their rest.
    rests: BTreeSet<(Timestamp, SlotIndex)>,
    /// When sessions are checked; `None` where they never are.
    pub(crate) checks: Option<CheckAfter>,
    live: usize,
    creating: usize,
    max_pool_size: usize,
    growth: Growth,
    strategy: Strategy,
    /// Whether the pool was closed: nothing changes any more.
    pub(crate) is_closed: bool,
    /// Sessions that have become free and that somebody waits for; empty once those who wait have been served.
    contested: Vec<SlotIndex>,
    pub(crate) waiters: Waiters,

    // --- touched when sessions come and go
    free: Vec<SlotIndex>,
    by_id: HashTable<SlotIndex>,
    hasher: RandomState,
    /// Those that await a commit and were retired since the last, which go first.
    just_retired: Vec<SlotIndex>,
    /// Ids that were asked for by name and are being created.
    reserved: Vec<SessionId>,
    pub(crate) creations: Creations,
    /// The round of the committer in which all is written that has changed so far, or was written already.
    pub(crate) queued_for: u64,
}

/// What has happened since the pool was opened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) created: u64,
    pub(crate) restored: u64,
    pub(crate) reclaimed: u64,
    pub(crate) failed: u64,
    pub(crate) rested: u64,
    pub(crate) released: u64,
    pub(crate) creations_failed: u64,
    pub(crate) checks_passed: u64,
    pub(crate) checks_failed: u64,
    pub(crate) checks_retired: u64,
    pub(crate) checks_rested: u64,
    pub(crate) retired: [u64; Reason::ALL.len()],
}

/// What others have to hear of a change.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Signals {
    /// Something awaits the next commit.
    pub(crate) is_dirty: bool,
    /// A session was retired.
    pub(crate) has_retired: bool,
    /// One session, or one place in the pool, has become free.
    pub(crate) has_freed: bool,
}

/// What a request for a session gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// This one, already leased.
    Leased {
        /// Where it is.
        slot: SlotIndex,
        /// Its id.
        id: SessionId,
        /// Whether it is to be checked first.
        needs_check: bool,
    },
    /// A new one, whose place is taken already: see [`Directory::begin_creation`].
    Create,
    /// None, for now.
    Nothing,
}

/// How many sessions there are of which kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) live: usize,
    pub(crate) available: usize,
    pub(crate) resting: usize,
    pub(crate) leased: usize,
    pub(crate) creating: usize,
    pub(crate) uncommitted: usize,
}

impl Directory {
    pub(crate) fn new(strategy: Strategy, growth: Growth, max_pool_size: usize) -> Self {
        Self {
            strategy,
            growth,
            max_pool_size,
            checks: None,
            slots: Vec::new(),
            free: Vec::new(),
            by_id: HashTable::new(),
            hasher: RandomState::default(),
            available: Available::new(strategy),
            rests: BTreeSet::new(),
            dirty: Vec::new(),
            just_retired: Vec::new(),
            reserved: Vec::new(),
            rng: fastrand::Rng::new(),
            live: 0,
            creating: 0,
            creations: Creations::NEVER_FAILED,
            leased: 0,
            tally: Tally::default(),
            signals: Signals::default(),
            is_closed: false,
            is_queued: false,
            queued_for: 0,
            waiters: Waiters::default(),
            contested: Vec::new(),
        }
    }

    pub(crate) fn slot(&self, slot: SlotIndex) -> &Slot {
        &self.slots[slot.at()]
    }

    pub(crate) fn find(&self, id: &SessionId) -> Option<SlotIndex> {
        let hash = self.hasher.hash_one(id);
        self.by_id.find(hash, |slot| self.slots[slot.at()].id() == *id).copied()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            live: self.live,
            available: self.available.len(),
            resting: self.rests.len(),
            leased: self.leased,
            creating: self.creating,
            uncommitted: self.dirty.len(),
        }
    }

    /// When the first of the resting sessions may be handed out.
    pub(crate) fn next_rest_ends(&self) -> Option<Timestamp> {
        self.rests.first().map(|(until, _)| *until)
    }

    /// The first live session at or behind `slot`, for going through all of them.
    pub(crate) fn live_from(&self, slot: SlotIndex) -> Option<(SlotIndex, SessionId)> {
        let mut behind = self.slots.iter().enumerate().skip(slot.at());
        behind.find(|(_, slot)| slot.is_live()).map(|(at, slot)| (index(at), slot.id()))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a slot has hundreds of bytes: memory ends long before u32 does"
)]
fn index(at: usize) -> SlotIndex {
    SlotIndex(at as u32)
}
