//! One session in memory.

use super::short_id::ShortId;
use crate::session::{SessionId, SessionRecord, Timestamp};

/// The number of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SlotIndex(pub(super) u32);

impl SlotIndex {
    pub(crate) const FIRST: Self = Self(0);

    /// The one behind it.
    pub(crate) fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    pub(super) fn at(self) -> usize {
        self.0 as usize
    }
}

/// One session in memory: its record, and what its pool needs to know of it now. Two cache lines, and no part of a third.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Slot {
    id: ShortId,
    pub(crate) record: SessionRecord,
    /// Its leases.
    pub(crate) in_flight: u32,
    /// The handles that look at it: while there are any, the slot is not given to another session.
    pub(super) handles: u32,
    /// Until when it rests, as far as anybody has looked; its entry among the resting ones.
    pub(super) rests_until: Option<Timestamp>,
    /// Whether somebody waits for this very session: then it is not among those that may be handed out to anybody.
    pub(super) is_awaited: bool,
    /// Whether it came back with its pool, and is to be checked before it is handed out.
    pub(super) awaits_check: bool,
    /// Whether it is being checked, by whoever holds its only lease.
    pub(super) is_checking: bool,
    /// How many checks in a row it has failed.
    pub(super) failed_checks: u8,
    /// Whether it awaits the next commit.
    pub(super) is_dirty: bool,
    /// Whether its retirement is being committed.
    pub(super) is_committing: bool,
    /// Whether the store does not have it yet.
    pub(super) is_new: bool,
    /// Whether its payload awaits the next commit.
    pub(super) is_payload_dirty: bool,
}

impl Slot {
    pub(super) fn new(id: SessionId, record: SessionRecord) -> Self {
        Self {
            id: id.into(),
            record,
            in_flight: 0,
            handles: 0,
            rests_until: None,
            is_awaited: false,
            awaits_check: false,
            is_checking: false,
            failed_checks: 0,
            is_dirty: false,
            is_committing: false,
            is_new: false,
            is_payload_dirty: false,
        }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.id.get()
    }

    /// Lets the processor fetch all of it from memory, without waiting for that.
    pub(super) fn fetch(&self) {
        // Each is in a cache line of its own.
        std::hint::black_box(matches!(self.id, ShortId::Chosen(_)) ^ (self.in_flight == 0));
    }

    pub(crate) fn is_live(&self) -> bool {
        self.record.retired.is_none()
    }

    /// Whether its limits allow one more lease.
    pub(super) fn has_room(&self) -> bool {
        let limits = &self.record.limits;
        self.in_flight < limits.max_concurrent_uses
            && self.record.usage_count.saturating_add(self.in_flight) < limits.max_usage_count
    }

    /// Whether it may be handed out, but for its age.
    pub(super) fn is_available(&self) -> bool {
        self.is_live() && self.rests_until.is_none() && self.has_room() && !self.is_checking
    }

    /// Whether nobody needs it in memory any more: the store has all of it, and no handle looks at it.
    pub(super) fn is_disposable(&self) -> bool {
        !self.is_live() && !self.is_dirty && !self.is_committing && self.handles == 0 && self.in_flight == 0
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn a_session_takes_little_memory() {
        assert_eq!(size_of::<Slot>(), 128);
        // As `fetch` takes for granted.
        assert_eq!((offset_of!(Slot, id) / 64, offset_of!(Slot, in_flight) / 64), (0, 1));
    }
}
