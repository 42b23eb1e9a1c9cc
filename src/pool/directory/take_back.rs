//! Taking back: what outcomes and rests do.

use super::available::End;
use super::{Directory, SlotIndex};
use crate::pool::config::Strategy;
use crate::session::{Outcome, Reason, Settlement, Timestamp};

impl Directory {
    /// What a use, or a call on a handle, does to a session. `is_leased`: it ends a lease.
    pub(crate) fn settle(
        &mut self,
        slot: SlotIndex,
        settlement: Settlement,
        now: Timestamp,
        is_leased: bool,
    ) -> Outcome {
        let this = &mut self.slots[slot.at()];
        if is_leased {
            this.in_flight -= 1;
            self.leased -= usize::from(this.in_flight == 0);
        }
        let (record, outcome) = this.record.settle(settlement, now);
        this.record = record;
        if let Outcome::AlreadyRetired(_) = outcome {
            return outcome;
        }
        self.mark_dirty(slot);
        match settlement {
            Settlement::Reclaim => self.tally.reclaimed += 1,
            Settlement::Fail => self.tally.failed += 1,
            Settlement::Rest { .. } => self.tally.rested += 1,
            Settlement::Release => self.tally.released += 1,
            Settlement::Retire => {}
        }
        match outcome {
            Outcome::Retired(reason) => self.leave(slot, reason),
            Outcome::Live | Outcome::AlreadyRetired(_) => {
                if self.slots[slot.at()].record.is_resting(now) {
                    self.rest_slot(slot, now);
                }
                let end = match (self.strategy, settlement) {
                    (Strategy::UntilFailure, Settlement::Reclaim | Settlement::Release) => End::Front,
                    _ => End::Back,
                };
                let moves = match self.strategy {
                    Strategy::Random | Strategy::RoundRobin => false,
                    Strategy::LeastRecentlyUsed => true,
                    Strategy::UntilFailure => {
                        !matches!(settlement, Settlement::Reclaim | Settlement::Release)
                    }
                };
                if moves {
                    self.available.remove(slot);
                }
                self.refresh(slot, end);
            }
        }
        outcome
    }

    /// Ends a lease that is given no outcome: nothing can be written any more.
    pub(crate) fn abandon(&mut self, slot: SlotIndex) {
        let this = &mut self.slots[slot.at()];
        this.in_flight -= 1;
        self.leased -= usize::from(this.in_flight == 0);
    }

    /// Takes back a session that was handed out and never used.
    pub(crate) fn hand_back(&mut self, slot: SlotIndex) {
        self.slots[slot.at()].is_checking = false;
        self.abandon(slot);
        self.refresh(slot, End::Front);
    }

    /// Lets a session rest, without a use. `None` where it was retired.
    pub(crate) fn rest(&mut self, slot: SlotIndex, until: Timestamp, now: Timestamp) -> Option<Reason> {
        let this = &mut self.slots[slot.at()];
        if let Some(retired) = this.record.retired {
            return Some(retired.reason);
        }
        this.record = this.record.rest(until);
        self.mark_dirty(slot);
        if self.slots[slot.at()].record.is_resting(now) {
            self.rest_slot(slot, now);
        }
        None
    }

    pub(super) fn rest_slot(&mut self, slot: SlotIndex, now: Timestamp) {
        let until = self.slots[slot.at()].record.resting_until;
        self.set_rest(slot, until.filter(|until| *until > now));
        self.refresh(slot, End::Back);
    }

    /// Retires a session that has become too old, or whose limits were changed.
    pub(crate) fn retire_if_unusable(&mut self, slot: SlotIndex, now: Timestamp) -> bool {
        let (record, outcome) = self.slots[slot.at()].record.retire_if_unusable(now);
        let Outcome::Retired(reason) = outcome else { return false };
        self.slots[slot.at()].record = record;
        self.mark_dirty(slot);
        self.leave(slot, reason);
        true
    }

    /// A session has just been retired.
    pub(super) fn leave(&mut self, slot: SlotIndex, reason: Reason) {
        self.live -= 1;
        self.tally.retired[reason as usize] += 1;
        self.set_rest(slot, None);
        self.available.remove(slot);
        if self.slots[slot.at()].is_awaited {
            self.waiters.wake_all_for(slot);
        }
        self.just_retired.push(slot);
        self.signals.has_retired = true;
        self.signals.has_freed = true;
    }
}
