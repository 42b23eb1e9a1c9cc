//! How a use changes a session: pure functions from a record to a record.

use super::{ErrorScore, Reason, Retired, SessionRecord, Timestamp};

/// How a use ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Well: the error score falls by the decrement.
    Reclaim,
    /// Badly: the error score rises by 1.
    Fail,
    /// The session itself is burnt.
    Retire,
    /// Well, but the site asks for a pause: it is not handed out before `until`.
    Rest {
        /// When it may be handed out again.
        until: Timestamp,
    },
    /// In a way that says nothing about the session: the use counts, and the score stays.
    Release,
}

/// What became of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It lives on.
    Live,
    /// This call retired it, for that reason.
    Retired(Reason),
    /// It had been retired before, for that reason, and this call changed nothing.
    AlreadyRetired(Reason),
}

impl SessionRecord {
    /// The record after a use, and what became of the session.
    ///
    /// | | `usage_count` | `error_count` | `error_score` | afterwards |
    /// |---|---|---|---|---|
    /// | [`Settlement::Reclaim`] | +1 | | max(0, score - decrement) | R-6 |
    /// | [`Settlement::Fail`] | +1 | +1 | score + 1 | R-6 |
    /// | [`Settlement::Rest`] | +1 | | | resting; R-6 |
    /// | [`Settlement::Release`] | +1 | | | R-6 |
    /// | [`Settlement::Retire`] | +1 | +1 | max(score, maximum) | retired, [`Reason::Retired`] |
    ///
    /// a session that is no longer usable is retired in the same step; of several reasons the first of
    /// blocked, exhausted, expired is named. A retired session is not changed at all.
    #[inline]
    pub fn settle(mut self, settlement: Settlement, now: Timestamp) -> (Self, Outcome) {
        if let Some(retired) = self.retired {
            return (self, Outcome::AlreadyRetired(retired.reason));
        }
        // A live session has not reached its maximum, so this cannot overflow.
        self.usage_count = self.usage_count.saturating_add(1);
        self.last_used_at = Some(now);
        match settlement {
            Settlement::Reclaim => {
                self.error_score = self.error_score.minus(self.limits.error_score_decrement);
            }
            Settlement::Fail => {
                self.error_count = self.error_count.saturating_add(1);
                self.error_score = self.error_score.plus(ErrorScore::ONE);
            }
            Settlement::Retire => {
                self.error_count = self.error_count.saturating_add(1);
                self.error_score = self.error_score.max(self.limits.max_error_score);
                return self.retire(Reason::Retired, now);
            }
            Settlement::Rest { until } => self = self.rest(until),
            Settlement::Release => {}
        }
        self.retire_if_unusable(now)
    }

    /// Retires a live session that turned out to be burnt without having been used: a check said so. It counts no use
    /// and no error.
    pub fn discard(self, now: Timestamp) -> (Self, Outcome) {
        match self.retired {
            Some(retired) => (self, Outcome::AlreadyRetired(retired.reason)),
            None => self.retire(Reason::Retired, now),
        }
    }

    /// Retires a live session that is no longer usable: it grew too old, or its limits were changed.
    pub fn retire_if_unusable(self, now: Timestamp) -> (Self, Outcome) {
        match (self.retired, self.unusable_because(now)) {
            (Some(retired), _) => (self, Outcome::AlreadyRetired(retired.reason)),
            (None, Some(reason)) => self.retire(reason, now),
            (None, None) => (self, Outcome::Live),
        }
    }

    /// The record of a session that rests until `until`, or longer where it already does. A retired one does not.
    #[must_use]
    pub fn rest(mut self, until: Timestamp) -> Self {
        if self.retired.is_none() {
            self.resting_until = self.resting_until.max(Some(until));
        }
        self
    }

    fn retire(mut self, reason: Reason, now: Timestamp) -> (Self, Outcome) {
        // Also by a clock that has gone back, nothing is retired before it was created or used: what is kept for a time
        // after its retirement would be forgotten too early once the clock is right again.
        let at = now.max(self.created_at).max(self.last_used_at.unwrap_or(now));
        self.retired = Some(Retired { reason, at });
        (self, Outcome::Retired(reason))
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "scores are exact")]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::session::{Limits, SessionOptions};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn record(options: &SessionOptions) -> SessionRecord {
        options.clone().build(NOW).unwrap().record
    }

    fn with(max_error_score: f64, error_score_decrement: f64, max_usage_count: u32) -> SessionRecord {
        record(&SessionOptions {
            max_error_score,
            error_score_decrement,
            max_usage_count,
            ..SessionOptions::default()
        })
    }

    #[test]
    fn r1_usable_means_not_blocked_not_expired_not_used_up_not_retired() {
        let fresh = with(3.0, 0.5, 2);
        assert!(fresh.is_usable(NOW));
        let blocked = SessionRecord { error_score: ErrorScore::from_thousandths(3000), ..fresh };
        assert!(blocked.is_blocked() && !blocked.is_usable(NOW), "at the maximum, not above it");
        let nearly = SessionRecord { error_score: ErrorScore::from_thousandths(2999), ..fresh };
        assert!(!nearly.is_blocked() && nearly.is_usable(NOW));
        let used_up = SessionRecord { usage_count: 2, ..fresh };
        assert!(used_up.is_max_usage_count_reached() && !used_up.is_usable(NOW));
        assert!(
            fresh.is_expired(fresh.expires_at) && !fresh.is_usable(fresh.expires_at),
            "at the very moment"
        );
        assert!(!fresh.is_expired(fresh.expires_at.minus(Duration::from_millis(1))));
        let retired = SessionRecord { retired: Some(Retired { reason: Reason::Retired, at: NOW }), ..fresh };
        assert!(!retired.is_usable(NOW));
    }

    #[test]
    fn r6_a_session_that_is_no_longer_usable_is_retired_in_the_same_step() {
        let (record, outcome) = with(1.0, 0.5, 50).settle(Settlement::Fail, NOW);
        assert_eq!(outcome, Outcome::Retired(Reason::Blocked));
        assert_eq!(record.retired, Some(Retired { reason: Reason::Blocked, at: NOW }));
        let (_, outcome) = with(3.0, 0.5, 1).settle(Settlement::Reclaim, NOW);
        assert_eq!(outcome, Outcome::Retired(Reason::Exhausted));
        let old = with(3.0, 0.5, 50);
        let (_, outcome) = old.settle(Settlement::Reclaim, old.expires_at);
        assert_eq!(outcome, Outcome::Retired(Reason::Expired));
    }

    #[test]
    fn r6_of_several_reasons_the_first_of_blocked_exhausted_expired_is_named() {
        let all = with(1.0, 0.0, 1);
        assert_eq!(all.settle(Settlement::Fail, all.expires_at).1, Outcome::Retired(Reason::Blocked));
        assert_eq!(all.settle(Settlement::Reclaim, all.expires_at).1, Outcome::Retired(Reason::Exhausted));
    }

    #[test]
    fn peer_3_three_bad_marks_give_score_3_and_usage_3() {
        let mut record = with(3.0, 0.5, 50);
        for _ in 0..5 {
            record = record.settle(Settlement::Fail, NOW).0;
        }
        assert_eq!((record.usage_count, record.error_count, record.error_score.to_f64()), (3, 3, 3.0));
        assert_eq!(record.state(), crate::session::State::Retired(Reason::Blocked));
    }

    #[test]
    fn peer_4_the_error_score_is_never_negative_whatever_the_decrement() {
        for decrement in [0.0, 0.3, 0.5, 1000.0] {
            let options = SessionOptions {
                error_score: 0.3,
                error_score_decrement: decrement,
                ..SessionOptions::default()
            };
            let (record, _) = record(&options).settle(Settlement::Reclaim, NOW);
            let expected = if decrement == 0.0 { 0.3 } else { 0.0 };
            assert_eq!(record.error_score.to_f64(), expected, "decrement {decrement}");
        }
    }

    #[test]
    fn retire_counts_one_use_one_error_and_the_maximum_score_and_keeps_a_higher_one() {
        let (record, outcome) = with(3.0, 0.5, 50).settle(Settlement::Retire, NOW);
        assert_eq!(outcome, Outcome::Retired(Reason::Retired));
        assert_eq!((record.usage_count, record.error_count, record.error_score.to_f64()), (1, 1, 3.0));
        let high = SessionRecord { error_score: ErrorScore::from_thousandths(9000), ..with(3.0, 0.5, 50) };
        assert_eq!(high.settle(Settlement::Retire, NOW).0.error_score.to_f64(), 9.0);
    }

    #[test]
    fn r5_a_release_counts_a_use_and_leaves_the_score() {
        let failed = with(3.0, 0.5, 2).settle(Settlement::Fail, NOW).0;
        let (record, outcome) = failed.settle(Settlement::Release, NOW);
        assert_eq!((record.usage_count, record.error_count, record.error_score.to_f64()), (2, 1, 1.0));
        assert_eq!(outcome, Outcome::Retired(Reason::Exhausted), "R-6");
        assert_eq!(record.settle(Settlement::Release, NOW).1, Outcome::AlreadyRetired(Reason::Exhausted));
    }

    #[test]
    fn r11_a_rest_counts_a_use_and_no_error_and_the_longest_rest_stands() {
        let later = NOW.plus(Duration::from_secs(60));
        let (record, outcome) = with(3.0, 0.5, 50).settle(Settlement::Rest { until: later }, NOW);
        assert_eq!(outcome, Outcome::Live);
        assert_eq!((record.usage_count, record.error_count, record.error_score.to_f64()), (1, 0, 0.0));
        assert!(record.is_resting(NOW) && !record.is_resting(later));
        let (record, _) = record.settle(Settlement::Rest { until: NOW }, NOW);
        assert_eq!(record.resting_until, Some(later));
    }

    fn settlements() -> impl Strategy<Value = Settlement> {
        prop_oneof![
            5 => Just(Settlement::Reclaim),
            3 => Just(Settlement::Fail),
            1 => Just(Settlement::Retire),
            1 => Just(Settlement::Release),
            1 => (0..10_000_i64).prop_map(|ms| Settlement::Rest { until: Timestamp::from_millis(NOW.as_millis() + ms) }),
        ]
    }

    proptest! {
        #[test]
        fn r3_r5_r7_hold_for_any_uses(
            max_error_score in 1..5000_u32,
            decrement in 0..8000_u32,
            max_usage_count in 1..30_u32,
            uses in proptest::collection::vec((settlements(), 0..400_000_i64), 0..60),
        ) {
            let mut record = with(3.0, 0.5, 50);
            record.limits = Limits {
                max_usage_count,
                max_error_score: ErrorScore::from_thousandths(max_error_score),
                error_score_decrement: ErrorScore::from_thousandths(decrement),
                ..record.limits
            };
            let mut now = NOW;
            let mut retirements = 0;
            for (settlement, step) in uses {
                now = Timestamp::from_millis(now.as_millis() + step);
                let before = record;
                let (after, outcome) = before.settle(settlement, now);
                if before.retired.is_some() {
                    // terminal, nothing changes.
                    prop_assert_eq!(after, before);
                    prop_assert!(matches!(outcome, Outcome::AlreadyRetired(_)));
                } else {
                    // by exactly one, however it ends. Retired exactly when it is no longer usable.
                    prop_assert_eq!(after.usage_count, before.usage_count + 1);
                    let burnt = settlement == Settlement::Retire || after.unusable_because(now).is_some();
                    prop_assert_eq!(after.retired.is_some(), burnt);
                    prop_assert_eq!(matches!(outcome, Outcome::Retired(_)), burnt);
                }
                retirements += u32::from(matches!(outcome, Outcome::Retired(_)));
                prop_assert!(after.usage_count <= max_usage_count);
                prop_assert!(after.error_count <= after.usage_count);
                record = after;
            }
            // once at most.
            prop_assert!(retirements <= 1);
        }
    }
}
