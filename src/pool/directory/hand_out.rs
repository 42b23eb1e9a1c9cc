//! Handing out, and waking those whose rest is over.

use super::available::End;
use super::{Directory, Next, SlotIndex};
use crate::error::Refusal;
use crate::pool::config::{Growth, Strategy};
use crate::session::Timestamp;

impl Directory {
    /// A session for whoever asks, or what else to do.
    pub(crate) fn next(&mut self, now: Timestamp) -> Next {
        self.wake(now);
        if self.growth == Growth::FillFirst && self.begin_creation(now) {
            return Next::Create;
        }
        while let Some(slot) = self.draw() {
            if self.slots[slot.at()].record.is_expired(now) {
                self.retire_if_unusable(slot, now);
                if self.growth == Growth::FillFirst && self.begin_creation(now) {
                    return Next::Create;
                }
                continue;
            }
            if self.slots[slot.at()].record.is_resting(now) {
                // Its rest was over, and the clock has gone back.
                self.rest_slot(slot, now);
                continue;
            }
            return self.hand_out(slot, now);
        }
        if self.growth == Growth::ReuseFirst && self.begin_creation(now) {
            return Next::Create;
        }
        Next::Nothing
    }

    /// The session whose turn it is.
    fn draw(&mut self) -> Option<SlotIndex> {
        let Self { available, rng, slots, .. } = self;
        available.next(rng, |soon| slots[soon.at()].fetch())
    }

    /// Leases one session, if its limits and its rest allow it.
    pub(crate) fn lease_by_id(&mut self, slot: SlotIndex, now: Timestamp) -> Result<Next, Refusal> {
        self.wake(now);
        if self.is_available_at(slot, now) {
            return Ok(self.hand_out(slot, now));
        }
        let this = &self.slots[slot.at()];
        let (id, in_flight) = (this.id(), this.in_flight);
        Err(if let Some(retired) = this.record.retired {
            Refusal::Retired { id, reason: retired.reason }
        } else if let Some(until) = this.rests_until {
            Refusal::Resting { id, until: until.to_datetime() }
        } else {
            Refusal::Busy { id, in_flight }
        })
    }

    /// Whether a session may be handed out now. One that has grown too old is retired.
    pub(super) fn is_available_at(&mut self, slot: SlotIndex, now: Timestamp) -> bool {
        let record = &self.slots[slot.at()].record;
        if record.retired.is_none() && record.is_expired(now) {
            self.retire_if_unusable(slot, now);
        } else if record.retired.is_none() && record.is_resting(now) {
            // Also where its rest was over, and the clock has gone back.
            self.rest_slot(slot, now);
        }
        self.slots[slot.at()].is_available()
    }

    /// Leases a session that is available, to be checked first if that is due.
    pub(super) fn hand_out(&mut self, slot: SlotIndex, now: Timestamp) -> Next {
        let needs_check = self.begin_check(slot, now);
        self.lease(slot);
        Next::Leased { slot, id: self.slots[slot.at()].id(), needs_check }
    }

    pub(crate) fn lease(&mut self, slot: SlotIndex) {
        let this = &mut self.slots[slot.at()];
        if this.in_flight == 0 {
            self.leased += 1;
        }
        this.in_flight += 1;
        if !this.is_available() || this.is_awaited {
            self.available.remove(slot);
        } else if matches!(self.strategy, Strategy::RoundRobin | Strategy::LeastRecentlyUsed) {
            self.available.remove(slot);
            self.available.insert(slot, End::Back);
        }
    }

    /// Makes sessions available whose rest is over.
    pub(super) fn wake(&mut self, now: Timestamp) {
        while let Some((until, slot)) = self.rests.first().copied().filter(|(until, _)| *until <= now) {
            self.rests.remove(&(until, slot));
            self.slots[slot.at()].rests_until = None;
            self.refresh(slot, End::Back);
        }
    }

    /// Notes until when a session rests; `None` for one that does not.
    pub(super) fn set_rest(&mut self, slot: SlotIndex, until: Option<Timestamp>) {
        let before = std::mem::replace(&mut self.slots[slot.at()].rests_until, until);
        if before == until {
            return;
        }
        if let Some(before) = before {
            self.rests.remove(&(before, slot));
        }
        if let Some(until) = until {
            self.rests.insert((until, slot));
            if self.slots[slot.at()].is_awaited {
                // It looks when that is over.
                self.waiters.wake_first(Some(slot));
            }
        }
    }

    /// Puts a session among those that may be handed out, or takes it away.
    pub(super) fn refresh(&mut self, slot: SlotIndex, end: End) {
        let this = &self.slots[slot.at()];
        if this.is_available() && this.is_awaited {
            self.available.remove(slot);
            self.contested.push(slot);
            self.signals.has_freed = true;
        } else if this.is_available() {
            self.available.insert(slot, end);
            self.signals.has_freed = true;
        } else {
            self.available.remove(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::pool::config::{Growth, Strategy};
    use crate::pool::directory::Directory;
    use crate::session::{SessionOptions, Settlement, Timestamp};

    #[test]
    fn sessions_that_rest_for_years_and_are_retired_leave_nothing_in_memory() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let mut directory = Directory::new(Strategy::Random, Growth::Manual, 10);
        for _ in 0..5000 {
            let new = SessionOptions::default().build(now).unwrap();
            let slot = directory.insert_new(new.id, new.record);
            directory.rest(slot, now.plus(Duration::from_secs(1_000_000_000)), now);
            let _ = directory.settle(slot, Settlement::Retire, now, false);
            directory.take_dirty(&mut Vec::new());
            let _ = directory.collect(slot);
            directory.committed(slot);
        }
        assert!(directory.rests.len() < 100, "{} entries", directory.rests.len());
        assert_eq!((directory.slots.len(), directory.by_id.len(), directory.next_rest_ends()), (1, 0, None));
    }
}
