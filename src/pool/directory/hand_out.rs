//! Handing out, and waking those whose rest is over.

use std::cmp::Reverse;

use super::available::End;
use super::{Directory, Next, Slot, SlotIndex};
use crate::error::Refusal;
use crate::pool::config::{Growth, Strategy};
use crate::session::Timestamp;

impl Directory {
    /// A session for whoever asks, or what else to do.
    pub(crate) fn next(&mut self, now: Timestamp) -> Next {
        self.wake(now);
        if self.growth == Growth::FillFirst && self.begin_creation() {
            return Next::Create;
        }
        while let Some(slot) = self.available.next(&mut self.rng) {
            if self.slots[slot.at()].record.is_expired(now) {
                self.retire_if_unusable(slot, now);
                if self.growth == Growth::FillFirst && self.begin_creation() {
                    return Next::Create;
                }
                continue;
            }
            self.lease(slot);
            return Next::Leased(slot, self.slots[slot.at()].id);
        }
        if self.growth == Growth::ReuseFirst && self.begin_creation() {
            return Next::Create;
        }
        Next::Nothing
    }

    /// Leases one session, if its limits and its rest allow it.
    pub(crate) fn lease_by_id(&mut self, slot: SlotIndex, now: Timestamp) -> Result<(), Refusal> {
        self.wake(now);
        let Slot { id, record, in_flight, .. } = self.slots[slot.at()];
        if record.retired.is_none() && record.is_expired(now) {
            self.retire_if_unusable(slot, now);
        }
        let this = &self.slots[slot.at()];
        if let Some(retired) = this.record.retired {
            Err(Refusal::Retired { id, reason: retired.reason })
        } else if let Some(until) = this.record.resting_until.filter(|_| this.is_resting) {
            Err(Refusal::Resting { id, until: until.to_datetime() })
        } else if !this.has_room() {
            Err(Refusal::Busy { id, in_flight })
        } else {
            self.lease(slot);
            Ok(())
        }
    }

    pub(crate) fn lease(&mut self, slot: SlotIndex) {
        let this = &mut self.slots[slot.at()];
        if this.in_flight == 0 {
            self.leased += 1;
        }
        this.in_flight += 1;
        if !this.is_available() {
            self.available.remove(slot);
        } else if matches!(self.strategy, Strategy::RoundRobin | Strategy::LeastRecentlyUsed) {
            self.available.remove(slot);
            self.available.insert(slot, End::Back);
        }
    }

    /// Makes sessions available whose rest is over.
    pub(super) fn wake(&mut self, now: Timestamp) {
        while let Some(Reverse((until, slot))) =
            self.rests.peek().copied().filter(|Reverse((until, _))| *until <= now)
        {
            self.rests.pop();
            let this = &mut self.slots[slot.at()];
            if this.rest_entry == until {
                this.rest_entry = Timestamp::MAX;
            }
            if !this.is_resting {
                continue;
            }
            match this.record.resting_until.filter(|until| *until > now) {
                Some(later) => self.await_rest(slot, later),
                None => {
                    this.is_resting = false;
                    self.resting -= 1;
                    self.refresh(slot, End::Back);
                }
            }
        }
    }

    /// Sees to it that a resting session is looked at again when its rest is over, and at no later time.
    pub(super) fn await_rest(&mut self, slot: SlotIndex, until: Timestamp) {
        let this = &mut self.slots[slot.at()];
        if until < this.rest_entry {
            this.rest_entry = until;
            self.rests.push(Reverse((until, slot)));
        }
    }

    /// Puts a session among those that may be handed out, or takes it away.
    pub(super) fn refresh(&mut self, slot: SlotIndex, end: End) {
        if self.slots[slot.at()].is_available() {
            self.available.insert(slot, end);
            self.signals.has_freed = true;
        } else {
            self.available.remove(slot);
        }
    }
}
