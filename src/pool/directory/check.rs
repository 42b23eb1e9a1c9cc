//! Sessions that are checked before they are handed out. A check is no use: it changes no counter.

use super::available::End;
use super::{Directory, SlotIndex};
use crate::pool::config::Strategy;
use crate::session::{Outcome, Timestamp};

impl Directory {
    /// Whether a session that is about to be leased is to be checked first. Nobody else gets it until that is over: the lease
    /// ends by [`Directory::hand_back`], or the check by one of the methods below.
    pub(super) fn begin_check(&mut self, slot: SlotIndex, now: Timestamp) -> bool {
        let Some(after) = self.checks else { return false };
        let this = &mut self.slots[slot.at()];
        let used = this.record.last_used_at.unwrap_or(this.record.created_at);
        let is_due = this.awaits_check || after.idle.is_some_and(|idle| now.since(used) >= idle);
        // Whoever uses it now finds out by itself.
        this.is_checking = is_due && this.in_flight == 0;
        this.is_checking
    }

    /// The session works. Answers whether its lease stands: meanwhile it may have been retired, or told to rest.
    pub(crate) fn check_passed(&mut self, slot: SlotIndex, now: Timestamp) -> bool {
        self.tally.checks_passed += 1;
        let this = &mut self.slots[slot.at()];
        (this.awaits_check, this.failed_checks) = (false, 0);
        self.end_check(slot, now)
    }

    /// The session is burnt. Answers whether its lease stands: never.
    pub(crate) fn check_retired(&mut self, slot: SlotIndex, now: Timestamp) -> bool {
        let (record, outcome) = self.slots[slot.at()].record.discard(now);
        if let Outcome::Retired(reason) = outcome {
            self.tally.checks_retired += 1;
            self.slots[slot.at()].record = record;
            self.mark_dirty(slot);
            self.leave(slot, reason);
        }
        false
    }

    /// The session is to rest. Answers whether its lease stands: where the rest is over at once.
    pub(crate) fn check_rested(&mut self, slot: SlotIndex, until: Timestamp, now: Timestamp) -> bool {
        self.tally.checks_rested += 1;
        self.rest(slot, until, now);
        self.end_check(slot, now)
    }

    /// The session does not work for now, and rests for the back-off. Answers how often in a row it has failed.
    pub(crate) fn check_failed(&mut self, slot: SlotIndex, now: Timestamp) -> u8 {
        self.tally.checks_failed += 1;
        let this = &mut self.slots[slot.at()];
        this.failed_checks = this.failed_checks.saturating_add(1);
        let failed = this.failed_checks;
        let back_off = self.creations.back_off.after(failed.into());
        if !back_off.is_zero() {
            self.rest(slot, now.plus(back_off), now);
        }
        failed
    }

    /// Lets others have it too, where its limits allow that.
    fn end_check(&mut self, slot: SlotIndex, now: Timestamp) -> bool {
        self.slots[slot.at()].is_checking = false;
        self.is_available_at(slot, now);
        let end = if self.strategy == Strategy::UntilFailure { End::Front } else { End::Back };
        self.refresh(slot, end);
        let this = &self.slots[slot.at()];
        this.is_live() && this.rests_until.is_none()
    }
}
