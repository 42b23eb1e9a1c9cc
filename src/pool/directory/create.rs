//! Letting sessions in: new ones, and those that come back.

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;

use super::available::End;
use super::{Directory, Slot, SlotIndex, index};
use crate::error::Refusal;
use crate::pool::back_off::BackOff;
use crate::pool::config::Growth;
use crate::session::{Limits, SessionId, SessionRecord, Timestamp};

/// How creating sessions on demand has gone of late.
#[derive(Debug)]
pub(crate) struct Creations {
    pub(crate) back_off: BackOff,
    /// How often in a row it has failed.
    failures: u32,
    /// From when until when no other is begun.
    pause: Option<(Timestamp, Timestamp)>,
}

impl Creations {
    pub(super) const NEVER_FAILED: Self = Self { back_off: BackOff::NONE, failures: 0, pause: None };

    /// Until when no other is begun. A pause that is still to come was begun before the clock was set back: it is over.
    fn paused_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.pause.filter(|(from, until)| (*from..*until).contains(&now)).map(|(_, until)| until)
    }
}

impl Directory {
    /// Takes the place of a session that is about to be created. [`Directory::end_creation`] gives it back.
    pub(crate) fn begin_creation(&mut self, now: Timestamp) -> bool {
        let begins = self.may_grow() && self.creations.paused_until(now).is_none();
        self.creating += usize::from(begins);
        begins
    }

    /// Whether there is room for a session that is created on demand.
    fn may_grow(&self) -> bool {
        self.growth != Growth::Manual && self.live + self.creating < self.max_pool_size
    }

    /// When sessions are created again, where there is room and they are not because of failures.
    pub(crate) fn next_creation(&self, now: Timestamp) -> Option<Timestamp> {
        self.creations.paused_until(now).filter(|_| self.may_grow())
    }

    /// Creating a session on demand has failed. No other is begun for a while. What was begun before, and fails during that
    /// time, is the same failure.
    pub(crate) fn creation_failed(&mut self, now: Timestamp) {
        self.tally.creations_failed += 1;
        let creations = &mut self.creations;
        if creations.paused_until(now).is_none() {
            creations.failures = creations.failures.saturating_add(1);
            creations.pause = Some((now, now.plus(creations.back_off.after(creations.failures))));
        }
    }

    /// Creating a session on demand has succeeded.
    pub(crate) fn creation_succeeded(&mut self) {
        (self.creations.failures, self.creations.pause) = (0, None);
    }

    /// Takes the place of a session that the caller adds, whatever the growth.
    pub(crate) fn begin_addition(&mut self) -> Result<(), Refusal> {
        if self.live + self.creating < self.max_pool_size {
            self.creating += 1;
            return Ok(());
        }
        let Self { live, creating, max_pool_size, .. } = *self;
        Err(Refusal::PoolFull { live, creating, max_pool_size })
    }

    /// Keeps an id from being given to two sessions that are created at the same time.
    pub(crate) fn reserve(&mut self, id: SessionId) -> Result<(), Refusal> {
        if self.find(&id).is_some() || self.reserved.contains(&id) {
            return Err(Refusal::DuplicateId { id });
        }
        self.reserved.push(id);
        Ok(())
    }

    /// Gives back the place, and the id where one was reserved.
    pub(crate) fn end_creation(&mut self, reserved: Option<SessionId>) {
        self.creating -= 1;
        self.signals.has_freed = true;
        if let Some(id) = reserved {
            self.release(id);
        }
    }

    /// Lets others have an id that was reserved.
    pub(crate) fn release(&mut self, id: SessionId) {
        self.reserved.retain(|other| *other != id);
    }

    /// A session that the store does not have yet.
    pub(crate) fn insert_new(&mut self, id: SessionId, record: SessionRecord) -> SlotIndex {
        self.tally.created += 1;
        let slot = self.insert(id, record);
        self.slots[slot.at()].is_new = true;
        self.slots[slot.at()].is_payload_dirty = true;
        self.mark_dirty(slot);
        slot
    }

    /// A live session that the store has. [`Directory::begin`] must follow.
    pub(crate) fn restore(&mut self, (id, record): (SessionId, SessionRecord)) {
        self.tally.restored += 1;
        let slot = self.insert(id, record);
        self.slots[slot.at()].awaits_check = self.checks.is_some_and(|after| after.restart);
    }

    /// All live sessions that the store has are there, and it is `now`. Those that are no longer usable are retired.
    pub(crate) fn begin(&mut self, limits: Option<Limits>, now: Timestamp) {
        for slot in (0..self.slots.len()).map(index) {
            let record = self.slots[slot.at()].record;
            if let Some(limits) = limits.filter(|limits| *limits != record.limits) {
                self.slots[slot.at()].record.limits = limits;
                self.mark_dirty(slot);
                self.refresh(slot, End::Back);
            }
            self.retire_if_unusable(slot, now);
            if self.slots[slot.at()].is_live() && record.is_resting(now) {
                self.rest_slot(slot, now);
            }
        }
    }

    /// A retired session that somebody wants to look at.
    pub(crate) fn insert_retired(&mut self, id: SessionId, record: SessionRecord) -> SlotIndex {
        self.insert(id, record)
    }

    pub(super) fn insert(&mut self, id: SessionId, record: SessionRecord) -> SlotIndex {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot.at()] = Slot::new(id, record);
                slot
            }
            None => {
                self.slots.push(Slot::new(id, record));
                self.available.grow();
                // One place for every slot, so that marking one never allocates. A slot is there twice where a retired session
                // was committed before its turn, and another one has taken its place.
                self.dirty.reserve(self.slots.len().saturating_sub(self.dirty.len()));
                index(self.slots.len() - 1)
            }
        };
        let Self { by_id, hasher, slots, .. } = self;
        let hash = |slot: &SlotIndex| hasher.hash_one(slots[slot.at()].id());
        if let Entry::Vacant(entry) = by_id.entry(hash(&slot), |other| slots[other.at()].id() == id, hash) {
            entry.insert(slot);
        }
        if self.slots[slot.at()].is_live() {
            self.live += 1;
            self.refresh(slot, End::Back);
        }
        slot
    }
}
