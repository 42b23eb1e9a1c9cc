//! What awaits a commit, and what may go after it.

use std::hash::BuildHasher;

use super::{Directory, SlotIndex};
use crate::session::{SessionId, SessionRecord};

impl Directory {
    pub(super) fn mark_dirty(&mut self, slot: SlotIndex) {
        let this = &mut self.slots[slot.at()];
        if !this.is_dirty {
            this.is_dirty = true;
            self.dirty.push(slot);
        }
        self.signals.is_dirty = true;
    }

    pub(crate) fn mark_payload_dirty(&mut self, slot: SlotIndex) {
        self.slots[slot.at()].is_payload_dirty = true;
        self.mark_dirty(slot);
    }

    /// Hands over what awaits a commit, and takes an empty list for what will.
    pub(crate) fn take_dirty(&mut self, empty: &mut Vec<SlotIndex>) {
        empty.clear();
        empty.reserve(self.slots.len());
        std::mem::swap(&mut self.dirty, empty);
    }

    /// Hands over those of them that are to go first, as they were retired, and takes an empty list for the next.
    pub(crate) fn take_retired(&mut self, empty: &mut Vec<SlotIndex>) {
        empty.clear();
        std::mem::swap(&mut self.just_retired, empty);
    }

    /// One session as it is to be committed; `None` where it has been already, before its turn.
    pub(crate) fn collect(&mut self, slot: SlotIndex) -> Option<Collected> {
        let this = &mut self.slots[slot.at()];
        if !std::mem::take(&mut this.is_dirty) {
            return None;
        }
        this.is_committing = !this.is_live();
        Some(Collected {
            slot,
            id: this.id(),
            record: this.record,
            is_new: std::mem::take(&mut this.is_new),
            is_payload_dirty: std::mem::take(&mut this.is_payload_dirty),
        })
    }

    /// The retirement of a session has been committed.
    pub(crate) fn committed(&mut self, slot: SlotIndex) {
        self.slots[slot.at()].is_committing = false;
        self.dispose(slot);
    }

    /// Keeps a slot for its session while a handle looks at it.
    pub(crate) fn pin(&mut self, slot: SlotIndex) {
        self.slots[slot.at()].handles += 1;
    }

    pub(crate) fn unpin(&mut self, slot: SlotIndex) {
        self.slots[slot.at()].handles -= 1;
        self.dispose(slot);
    }

    pub(super) fn dispose(&mut self, slot: SlotIndex) {
        let this = &self.slots[slot.at()];
        if this.is_disposable() {
            let id = this.id();
            let hash = self.hasher.hash_one(id);
            if let Ok(entry) = self.by_id.find_entry(hash, |other| self.slots[other.at()].id() == id) {
                entry.remove();
            }
            self.free.push(slot);
        }
    }
}

/// One session as it is to be committed.
pub(crate) struct Collected {
    pub(crate) slot: SlotIndex,
    pub(crate) id: SessionId,
    pub(crate) record: SessionRecord,
    pub(crate) is_new: bool,
    pub(crate) is_payload_dirty: bool,
}
