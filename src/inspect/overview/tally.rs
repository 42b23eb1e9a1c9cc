//! Counting: what has been seen so far of a pool, or of all.

use super::distribution::UsageTally;
use super::quantiles::Histogram;
use super::{
    ByReason, ErrorScores, Expiries, Figures, Retirements, RetirementsOf, Spans, Timeline, Unusable,
};
use crate::session::{Reason, SessionRecord, Timestamp};
use crate::store::LogEntry;

/// What was counted of sessions.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    now: Timestamp,
    ready: u64,
    resting: u64,
    unusable: Unusable,
    pub(super) retired: ByReason<u64>,
    uses: u64,
    errors: u64,
    last_created_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    usage: UsageTally,
    error_scores: ErrorScores,
    ages: Spans,
    next_expiry_at: Option<Timestamp>,
    expiries_ahead: Spans,
    never_expire: u64,
    pub(super) unreadable_sessions: u64,
    pub(super) retired_ever: u64,
}

impl Tally {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            ready: 0,
            resting: 0,
            unusable: Unusable::default(),
            retired: ByReason::default(),
            uses: 0,
            errors: 0,
            last_created_at: None,
            last_used_at: None,
            usage: UsageTally::default(),
            error_scores: ErrorScores::default(),
            ages: Spans::default(),
            next_expiry_at: None,
            expiries_ahead: Spans::default(),
            never_expire: 0,
            unreadable_sessions: 0,
            retired_ever: 0,
        }
    }

    /// Counts a session, and answers when it will expire, where it is usable and ever does.
    pub(super) fn session(&mut self, record: &SessionRecord) -> Option<Timestamp> {
        self.uses += u64::from(record.usage_count);
        self.errors += u64::from(record.error_count);
        self.last_created_at = self.last_created_at.max(Some(record.created_at));
        self.last_used_at = self.last_used_at.max(record.last_used_at);
        match record.retired {
            Some(retired) => {
                self.retired[retired.reason] += 1;
                None
            }
            None => self.live(record),
        }
    }

    fn live(&mut self, record: &SessionRecord) -> Option<Timestamp> {
        self.usage.note(record.usage_count, record.limits.max_usage_count);
        self.error_scores.note(record.error_score, record.limits.max_error_score);
        self.ages.note(self.now.since(record.created_at));
        match record.unusable_because(self.now) {
            Some(Reason::Blocked) => self.unusable.blocked += 1,
            Some(Reason::Exhausted) => self.unusable.exhausted += 1,
            // Nothing else makes a live session unusable.
            Some(Reason::Expired | Reason::Retired) => self.unusable.expired += 1,
            None => return self.usable(record),
        }
        None
    }

    fn usable(&mut self, record: &SessionRecord) -> Option<Timestamp> {
        let state = if record.is_resting(self.now) { &mut self.resting } else { &mut self.ready };
        *state += 1;
        // The end of time stands for never.
        let Some(at) = Some(record.expires_at).filter(|at| *at < Timestamp::MAX) else {
            self.never_expire += 1;
            return None;
        };
        self.expiries_ahead.note(at.since(self.now));
        self.next_expiry_at = earlier(self.next_expiry_at, Some(at));
        Some(at)
    }

    /// Puts another pool's to this one's.
    pub(super) fn add(&mut self, other: &Self) {
        let Self {
            now: _,
            ready,
            resting,
            unusable,
            retired,
            uses,
            errors,
            last_created_at,
            last_used_at,
            usage,
            error_scores,
            ages,
            next_expiry_at,
            expiries_ahead,
            never_expire,
            unreadable_sessions,
            retired_ever,
        } = other;
        self.ready += ready;
        self.resting += resting;
        self.unusable.add(unusable);
        self.retired.add(retired);
        self.uses += uses;
        self.errors += errors;
        self.last_created_at = self.last_created_at.max(*last_created_at);
        self.last_used_at = self.last_used_at.max(*last_used_at);
        self.usage.add(usage);
        self.error_scores.add(error_scores);
        self.ages.add(ages);
        self.next_expiry_at = earlier(self.next_expiry_at, *next_expiry_at);
        self.expiries_ahead.add(expiries_ahead);
        self.never_expire += never_expire;
        self.unreadable_sessions += unreadable_sessions;
        // It is not counted here, but read, and may be anything.
        self.retired_ever = self.retired_ever.saturating_add(*retired_ever);
    }

    /// What was counted, and what the log tells; nothing yet of what is over time.
    pub(super) fn figures(&self, log: &LogTally) -> Figures {
        let Self { ready, resting, unusable, uses, errors, .. } = *self;
        Figures {
            live: ready + resting + unusable.sum(),
            ready,
            resting,
            unusable,
            retired: self.retired,
            uses,
            errors,
            error_rate: rate(errors, uses),
            last_created_at: self.last_created_at,
            last_used_at: self.last_used_at,
            usage: self.usage.usage(),
            error_scores: self.error_scores,
            ages: self.ages,
            expiries: Expiries {
                next_at: self.next_expiry_at,
                ahead: self.expiries_ahead,
                never: self.never_expire,
                over_time: Timeline::default(),
            },
            retirements: Retirements {
                ever: self.retired_ever,
                first_at: log.first_at,
                last_at: log.last_at,
                by_reason: log.by_reason(),
                over_time: Timeline::default(),
                unreadable: log.unreadable,
            },
            unreadable_sessions: self.unreadable_sessions,
        }
    }
}

/// The earlier of the two that are there.
fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 it is a rate all the same")]
fn rate(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What was counted of the log.
#[derive(Debug, Default)]
pub(super) struct LogTally {
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
    of_reason: ByReason<ReasonTally>,
    pub(super) unreadable: u64,
}

#[derive(Debug, Default)]
struct ReasonTally {
    count: u64,
    uses: u64,
    errors: u64,
    uses_each: Histogram,
    life_seconds: Histogram,
}

impl LogTally {
    pub(super) fn entry(&mut self, entry: &LogEntry) {
        self.first_at = earlier(self.first_at, Some(entry.retired_at));
        self.last_at = self.last_at.max(Some(entry.retired_at));
        let tally = &mut self.of_reason[entry.reason];
        tally.count += 1;
        tally.uses += u64::from(entry.usage_count);
        tally.errors += u64::from(entry.error_count);
        tally.uses_each.note(entry.usage_count.into());
        tally.life_seconds.note(entry.retired_at.since(entry.created_at).as_secs());
    }

    pub(super) fn add(&mut self, other: &Self) {
        let Self { first_at, last_at, of_reason, unreadable } = other;
        self.first_at = earlier(self.first_at, *first_at);
        self.last_at = self.last_at.max(*last_at);
        for (reason, other) in of_reason.iter() {
            let ReasonTally { count, uses, errors, uses_each, life_seconds } = other;
            let tally = &mut self.of_reason[reason];
            tally.count += count;
            tally.uses += uses;
            tally.errors += errors;
            tally.uses_each.add(uses_each);
            tally.life_seconds.add(life_seconds);
        }
        self.unreadable += unreadable;
    }

    pub(super) fn counts(&self) -> ByReason<u64> {
        ByReason::from_fn(|reason| self.of_reason[reason].count)
    }

    fn by_reason(&self) -> ByReason<RetirementsOf> {
        ByReason::from_fn(|reason| {
            let ReasonTally { count, uses, errors, uses_each, life_seconds } = &self.of_reason[reason];
            RetirementsOf {
                count: *count,
                error_rate: rate(*errors, *uses),
                uses_median: uses_each.percentile(50),
                uses_p90: uses_each.percentile(90),
                life_seconds_median: life_seconds.percentile(50),
                life_seconds_p90: life_seconds.percentile(90),
            }
        })
    }

    /// As if nothing had been counted. The memory stays.
    pub(super) fn clear(&mut self) {
        let of_reason = &mut self.of_reason;
        for reason in Reason::ALL {
            let ReasonTally { count, uses, errors, uses_each, life_seconds } = &mut of_reason[reason];
            (*count, *uses, *errors) = (0, 0, 0);
            uses_each.clear();
            life_seconds.clear();
        }
        (self.first_at, self.last_at, self.unreadable) = (None, None, 0);
    }
}
