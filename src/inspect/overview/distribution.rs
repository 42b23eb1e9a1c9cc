//! How sessions are spread over what can be counted of them.

use std::time::Duration;

use serde::Serialize;

use super::timeline::Timeline;
use crate::session::{ErrorScore, Timestamp};

/// Sessions by how near they are to a limit, in tenths of it.
///
/// As JSON an array of 11 numbers: those below a tenth, those from there to below two tenths, and so on; the last are
/// those that have reached the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Tenths(pub [u64; 11]);

impl Tenths {
    /// Counts one that is at `value`. A limit of 0 is reached.
    pub(super) fn note(&mut self, value: u32, limit: u32) {
        let tenth = (u64::from(value) * 10).checked_div(u64::from(limit)).unwrap_or(10).min(10);
        // At most 10, just made so.
        if let Some(count) = usize::try_from(tenth).ok().and_then(|tenth| self.0.get_mut(tenth)) {
            *count += 1;
        }
    }

    fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// All of them together.
    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// How much live sessions have been used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Usage {
    /// Those that have never been used.
    pub unused: u64,
    /// By their `usage_count`, in tenths of their `max_usage_count`.
    pub tenths: Tenths,
    /// By their `usage_count`: each of these up to the largest that there is.
    pub counts: Vec<CountBucket>,
}

/// Sessions that have been used about as often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CountBucket {
    /// As often as this at least.
    pub from: u32,
    /// And as often as this at most.
    pub to: u32,
    /// How many sessions.
    pub sessions: u64,
}

impl Usage {
    /// The most uses that each bucket takes, but for the last, which takes all others.
    const BOUNDS: [u32; 14] = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];
}

/// The same while it is counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UsageTally {
    tenths: Tenths,
    counts: [u64; Usage::BOUNDS.len() + 1],
}

impl UsageTally {
    pub(super) fn note(&mut self, usage_count: u32, max_usage_count: u32) {
        self.tenths.note(usage_count, max_usage_count);
        self.counts[Usage::BOUNDS.partition_point(|bound| *bound < usage_count)] += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.tenths.add(&other.tenths);
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    pub(super) fn usage(&self) -> Usage {
        let mut from = 0;
        let bounds = Usage::BOUNDS.into_iter().chain([u32::MAX]);
        let mut counts: Vec<CountBucket> = bounds
            .zip(self.counts)
            .map(|(to, sessions)| {
                let bucket = CountBucket { from, to, sessions };
                from = to.saturating_add(1);
                bucket
            })
            .collect();
        while counts.last().is_some_and(|bucket| bucket.sessions == 0) {
            counts.pop();
        }
        Usage { unused: self.counts[0], tenths: self.tenths, counts }
    }
}

/// How badly live sessions are treated of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ErrorScores {
    /// Those whose error score is 0.
    pub zero: u64,
    /// By their error score, in tenths of their `max_error_score`. Those of score 0 are among the first.
    pub tenths: Tenths,
}

impl ErrorScores {
    pub(super) fn note(&mut self, score: ErrorScore, max: ErrorScore) {
        self.zero += u64::from(score == ErrorScore::default());
        self.tenths.note(score.thousandths(), max.thousandths());
    }

    pub(super) fn add(&mut self, other: &Self) {
        let Self { zero, tenths } = other;
        self.zero += zero;
        self.tenths.add(tenths);
    }
}

/// Sessions by a length of time. Each field counts those that are not in the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Spans {
    /// Up to 10 minutes.
    pub within_10_minutes: u64,
    /// Up to an hour.
    pub within_1_hour: u64,
    /// Up to 6 hours.
    pub within_6_hours: u64,
    /// Up to a day.
    pub within_1_day: u64,
    /// Up to 3 days.
    pub within_3_days: u64,
    /// Up to 7 days.
    pub within_1_week: u64,
    /// Longer than that.
    pub beyond: u64,
}

impl Spans {
    /// How long each of the spans is, but for the last.
    pub const LIMITS: [Duration; 6] = [
        Duration::from_secs(600),
        Duration::from_secs(3600),
        Duration::from_secs(6 * 3600),
        Duration::from_secs(86_400),
        Duration::from_secs(3 * 86_400),
        Duration::from_secs(7 * 86_400),
    ];

    /// The counts in order; the last is [`Spans::beyond`].
    pub fn counts(&self) -> [u64; 7] {
        let Self {
            within_10_minutes,
            within_1_hour,
            within_6_hours,
            within_1_day,
            within_3_days,
            within_1_week,
            beyond,
        } = *self;
        [within_10_minutes, within_1_hour, within_6_hours, within_1_day, within_3_days, within_1_week, beyond]
    }

    pub(super) fn note(&mut self, length: Duration) {
        let count = match Self::LIMITS.iter().position(|limit| length <= *limit) {
            Some(0) => &mut self.within_10_minutes,
            Some(1) => &mut self.within_1_hour,
            Some(2) => &mut self.within_6_hours,
            Some(3) => &mut self.within_1_day,
            Some(4) => &mut self.within_3_days,
            Some(5) => &mut self.within_1_week,
            _ => &mut self.beyond,
        };
        *count += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        let Self {
            within_10_minutes,
            within_1_hour,
            within_6_hours,
            within_1_day,
            within_3_days,
            within_1_week,
            beyond,
        } = other;
        self.within_10_minutes += within_10_minutes;
        self.within_1_hour += within_1_hour;
        self.within_6_hours += within_6_hours;
        self.within_1_day += within_1_day;
        self.within_3_days += within_3_days;
        self.within_1_week += within_1_week;
        self.beyond += beyond;
    }
}

/// When the usable sessions will expire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Expiries {
    /// The first of them; `None` where none ever does.
    pub next_at: Option<Timestamp>,
    /// By how long it is until then.
    pub ahead: Spans,
    /// Those that never do.
    pub never: u64,
    /// The same over time.
    pub over_time: Timeline<Vec<u64>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_begin_where_they_say() {
        let mut tenths = Tenths::default();
        for (value, limit) in
            [(0, 50), (4, 50), (5, 50), (49, 50), (50, 50), (51, 50), (u32::MAX, u32::MAX), (7, 0)]
        {
            tenths.note(value, limit);
        }
        assert_eq!(tenths.0, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 4]);
    }

    #[test]
    fn counts_of_uses_end_with_the_largest_there_is() {
        let mut tally = UsageTally::default();
        for count in [0, 0, 1, 3, 5, 6] {
            tally.note(count, 50);
        }
        let usage = tally.usage();
        let counts: Vec<_> =
            usage.counts.iter().map(|bucket| (bucket.from, bucket.to, bucket.sessions)).collect();
        assert_eq!(counts, [(0, 0, 2), (1, 1, 1), (2, 2, 0), (3, 5, 2), (6, 10, 1)]);
        assert_eq!(usage.unused, 2);
        tally.note(u32::MAX, u32::MAX);
        let last = *tally.usage().counts.last().unwrap();
        assert_eq!(last, CountBucket { from: 10_001, to: u32::MAX, sessions: 1 });
        assert!(UsageTally::default().usage().counts.is_empty());
    }

    #[test]
    fn a_span_ends_with_its_limit() {
        let mut spans = Spans::default();
        for limit in Spans::LIMITS {
            spans.note(limit);
            spans.note(limit + Duration::from_millis(1));
        }
        spans.note(Duration::ZERO);
        spans.note(Duration::MAX);
        assert_eq!(spans.counts(), [2, 2, 2, 2, 2, 2, 2]);
    }
}
