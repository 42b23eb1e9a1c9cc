//! How many there were over time, in steps that fit the time they span.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use serde::Serialize;

use super::ByReason;
use crate::session::{Reason, Timestamp};
use crate::store::PoolNumber;

/// How many there were over time. Within an overview, all timelines of the same thing have the same steps.
///
/// Times that lie so far off that they would hide the others are counted as `earlier` or `later`: a hundredth of all at most
/// on each side, a fifth of what is still to come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Timeline<T> {
    /// When the first step begins; `None` where there are no steps, since there is nothing to count.
    pub from: Option<Timestamp>,
    /// How long each step is, in seconds: a minute, 5, 15, an hour, 3, 6, 12, a day, a week, or more. They begin at whole
    /// minutes, hours and days of UTC, weeks on Mondays.
    pub step_seconds: u64,
    /// How many in each step, one after the other; 60 steps at most.
    pub counts: T,
    /// How many there were before the first step.
    pub earlier: u64,
    /// How many there are behind the last step.
    pub later: u64,
}

impl Timeline<ByReason<Vec<u64>>> {
    /// How many in each step, whatever the reason.
    pub fn sums(&self) -> Vec<u64> {
        let ByReason { blocked, exhausted, expired, retired } = &self.counts;
        let others = exhausted.iter().zip(expired).zip(retired);
        blocked.iter().zip(others).map(|(b, ((e, x), r))| b + e + x + r).collect()
    }
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// How long a step can be, in seconds: each a whole number of those before it, so that they can be put together. Sixty of
/// the last are more than all the years there are.
const STEPS: [i64; 13] = [
    60,
    300,
    900,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    WEEK,
    4 * WEEK,
    52 * WEEK,
    520 * WEEK,
    10_400 * WEEK,
];

/// From where steps are counted: 1970-01-05, a Monday.
const ORIGIN_MILLIS: i64 = 4 * DAY * 1000;

/// The most steps of a timeline.
const MOST: i64 = 60;
/// The fewest, unless they had to be put together: so that a chart of a few minutes is not one bar.
const FEWEST: i64 = 12;

/// The number of the step that a time is in. Times are within the years 0 to 9999: nothing overflows.
fn step_of(at: Timestamp, step_seconds: i64) -> i64 {
    (at.as_millis() - ORIGIN_MILLIS).div_euclid(step_seconds * 1000)
}

/// Which way a timeline goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// What has been: up to now, unless that would be mostly empty.
    Back,
    /// What will be: from now on.
    Ahead,
}

/// Counts things of `N` kinds over time, by pool, in steps as short as memory allows.
#[derive(Debug, Default)]
pub(super) struct Sparse<const N: usize> {
    /// How long steps are: the place in [`STEPS`].
    step: usize,
    counts: HashMap<(PoolNumber, i64), [u64; N], RandomState>,
    /// What was counted last, since the next is often in the same step.
    last: Option<((PoolNumber, i64), [u64; N])>,
}

impl<const N: usize> Sparse<N> {
    /// How many counts are kept: some megabytes of them.
    const CAPACITY: usize = 1 << 17;

    /// Counts one of the kind `kind`, which is below `N`.
    pub(super) fn note(&mut self, pool: PoolNumber, at: Timestamp, kind: usize) {
        let key = (pool, step_of(at, STEPS[self.step]));
        let counts = match &mut self.last {
            Some((last, counts)) if *last == key => counts,
            _ => {
                self.settle();
                // Settling may have made the steps longer.
                let key = (pool, step_of(at, STEPS[self.step]));
                &mut self.last.insert((key, [0; N])).1
            }
        };
        if let Some(count) = counts.get_mut(kind) {
            *count += 1;
        }
    }

    /// Puts what was counted last to the rest.
    fn settle(&mut self) {
        let Some((key, counts)) = self.last.take() else { return };
        add(self.counts.entry(key).or_insert([0; N]), &counts);
        while self.counts.len() > Self::CAPACITY && self.step + 1 < STEPS.len() {
            let ratio = STEPS[self.step + 1] / STEPS[self.step];
            self.step += 1;
            for ((pool, step), counts) in std::mem::take(&mut self.counts) {
                add(self.counts.entry((pool, step.div_euclid(ratio))).or_insert([0; N]), &counts);
            }
        }
    }

    /// The timeline of all pools together, and those of each, in the order in which they are given.
    pub(super) fn series(
        mut self,
        pools: impl Iterator<Item = PoolNumber>,
        reach: Reach,
        now: Timestamp,
    ) -> (Series<N>, Vec<Series<N>>) {
        self.settle();
        let axis = self.axis(reach, now);
        let places: HashMap<PoolNumber, usize, RandomState> = pools.zip(0..).collect();
        let mut total = Series::new(axis);
        let mut of_pools = vec![total.clone(); places.len()];
        let ratio = STEPS[axis.step] / STEPS[self.step];
        for ((pool, step), counts) in &self.counts {
            let place = step.div_euclid(ratio) - axis.first;
            total.add(place, counts);
            if let Some(series) = places.get(pool).and_then(|place| of_pools.get_mut(*place)) {
                series.add(place, counts);
            }
        }
        (total, of_pools)
    }

    fn axis(&self, reach: Reach, now: Timestamp) -> Axis {
        let mut steps: Vec<(i64, u64)> =
            self.counts.iter().map(|((_, step), counts)| (*step, counts.iter().sum())).collect();
        steps.sort_unstable();
        let mut axis = Axis { step: self.step, first: 0, length: 0 };
        // What will be is often of two kinds: soon, and in a month.
        let of_each = match reach {
            Reach::Back => 100,
            Reach::Ahead => 5,
        };
        let Some((mut first, mut last)) = without_outliers(&steps, of_each) else { return axis };
        let now = step_of(now, STEPS[self.step]);
        match reach {
            Reach::Ahead => {
                first = first.min(now);
                last = last.max(first + FEWEST - 1);
            }
            Reach::Back => {
                let length = (last - first + 1).max(FEWEST);
                if (last..first + 2 * length).contains(&now) {
                    last = now;
                }
                first = first.min(last - FEWEST + 1);
            }
        }
        while last - first >= MOST && axis.step + 1 < STEPS.len() {
            let ratio = STEPS[axis.step + 1] / STEPS[axis.step];
            axis.step += 1;
            (first, last) = (first.div_euclid(ratio), last.div_euclid(ratio));
        }
        Axis { first, length: usize::try_from(last - first + 1).unwrap_or_default(), ..axis }
    }
}

fn add<const N: usize>(sums: &mut [u64; N], counts: &[u64; N]) {
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}

/// The first and the last step to show, of those that have something in them, in order; `None` where there are none. One of so
/// many may be left out on each side.
fn without_outliers(steps: &[(i64, u64)], of_each: u64) -> Option<(i64, i64)> {
    let (first, last) = (steps.first()?.0, steps.last()?.0);
    let spare = steps.iter().map(|(_, count)| count).sum::<u64>() / of_each;
    let inner_first = first_beyond(steps.iter(), spare)?;
    let inner_last = first_beyond(steps.iter().rev(), spare)?;
    // It is worth it only where the rest can be seen much better for it.
    let is_worth_it = (inner_last - inner_first + 1) * 4 <= last - first + 1;
    Some(if is_worth_it { (inner_first, inner_last) } else { (first, last) })
}

/// The first step with which there are more than `spare` in all.
fn first_beyond<'a>(mut steps: impl Iterator<Item = &'a (i64, u64)>, spare: u64) -> Option<i64> {
    let mut passed = 0;
    let beyond = steps.find(|(_, count)| {
        passed += count;
        passed > spare
    });
    beyond.map(|(step, _)| *step)
}

/// The steps of a timeline.
#[derive(Debug, Clone, Copy)]
struct Axis {
    /// How long each is: the place in [`STEPS`].
    step: usize,
    first: i64,
    length: usize,
}

/// A timeline of `N` kinds.
#[derive(Debug, Clone)]
pub(super) struct Series<const N: usize> {
    axis: Axis,
    counts: [Vec<u64>; N],
    earlier: u64,
    later: u64,
}

impl<const N: usize> Series<N> {
    fn new(axis: Axis) -> Self {
        Self { axis, counts: std::array::from_fn(|_| vec![0; axis.length]), earlier: 0, later: 0 }
    }

    fn add(&mut self, place: i64, counts: &[u64; N]) {
        for (kind, count) in self.counts.iter_mut().zip(counts) {
            match usize::try_from(place) {
                Err(_) => self.earlier += count,
                Ok(place) => match kind.get_mut(place) {
                    Some(sum) => *sum += count,
                    None => self.later += count,
                },
            }
        }
    }

    fn timeline<T>(self, counts: impl FnOnce([Vec<u64>; N]) -> T) -> Timeline<T> {
        let Self { axis, counts: of_kinds, earlier, later } = self;
        let step_seconds = STEPS[axis.step];
        let from = (axis.length > 0)
            .then(|| Timestamp::from_millis(axis.first * step_seconds * 1000 + ORIGIN_MILLIS));
        Timeline { from, step_seconds: step_seconds.unsigned_abs(), counts: counts(of_kinds), earlier, later }
    }
}

impl From<Series<1>> for Timeline<Vec<u64>> {
    fn from(series: Series<1>) -> Self {
        series.timeline(|[counts]| counts)
    }
}

/// The kinds are the reasons, in the order of [`Reason::ALL`].
impl From<Series<{ Reason::ALL.len() }>> for Timeline<ByReason<Vec<u64>>> {
    fn from(series: Series<{ Reason::ALL.len() }>) -> Self {
        series.timeline(|[blocked, exhausted, expired, retired]| ByReason {
            blocked,
            exhausted,
            expired,
            retired,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: PoolNumber = PoolNumber(1);
    /// 2026-03-01T12:00:00Z, a Sunday.
    const NOW: i64 = 1_772_366_400_000;
    const MINUTE: i64 = 60_000;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(NOW + minutes * MINUTE)
    }

    fn timeline(minutes: &[i64], reach: Reach) -> Timeline<Vec<u64>> {
        let mut sparse = Sparse::<1>::default();
        for minutes in minutes {
            sparse.note(POOL, at(*minutes), 0);
        }
        let (total, pools) = sparse.series([POOL].into_iter(), reach, at(0));
        let total = Timeline::from(total);
        assert!(pools.into_iter().map(Timeline::from).eq(std::iter::once(total.clone())));
        let counted = total.counts.iter().sum::<u64>() + total.earlier + total.later;
        assert_eq!(counted, minutes.len() as u64, "each is counted once");
        assert!(total.counts.len() <= 60);
        total
    }

    #[test]
    fn nothing_has_no_steps() {
        let empty = timeline(&[], Reach::Back);
        assert_eq!((empty.from, empty.counts.len()), (None, 0));
    }

    #[test]
    fn a_few_minutes_are_a_dozen_steps_up_to_now() {
        let few = timeline(&[-2, -2, 0], Reach::Back);
        assert_eq!((few.step_seconds, few.from), (60, Some(at(-11))));
        assert_eq!(few.counts, [0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1]);
    }

    #[test]
    fn steps_grow_with_the_time_they_span_and_begin_at_whole_hours_and_days() {
        for (minutes, seconds, from) in [
            (59, 60, "2026-03-01T11:01:00Z"),
            (60, 300, "2026-03-01T11:00:00Z"),
            (5 * 60, 900, "2026-03-01T07:00:00Z"),
            (15 * 60, 3600, "2026-02-28T21:00:00Z"),
            (3 * 24 * 60, 3 * 3600, "2026-02-26T12:00:00Z"),
            (20 * 24 * 60, 12 * 3600, "2026-02-09T12:00:00Z"),
            (40 * 24 * 60, 24 * 3600, "2026-01-20T00:00:00Z"),
            (90 * 24 * 60, 7 * 24 * 3600, "2025-12-01T00:00:00Z"),
        ] {
            let spread = timeline(&[-minutes, 0], Reach::Back);
            assert_eq!(spread.step_seconds, seconds, "{minutes} minutes");
            assert_eq!(
                spread.from.unwrap().to_datetime(),
                from.parse::<chrono::DateTime<chrono::Utc>>().unwrap()
            );
        }
    }

    #[test]
    fn a_timeline_of_what_has_been_goes_up_to_now_unless_that_is_long_ago() {
        let (hour, day) = (60, 24 * 60);
        let recent = timeline(&[-20 * hour, -8 * hour], Reach::Back);
        assert_eq!((recent.step_seconds, recent.counts.len()), (3600, 21), "{recent:?}");
        let long_ago = timeline(&[-30 * day, -30 * day + 59], Reach::Back);
        assert_eq!((long_ago.step_seconds, long_ago.from), (60, Some(at(-30 * day))));
        assert_eq!(*long_ago.counts.last().unwrap(), 1);
    }

    #[test]
    fn a_timeline_of_what_will_be_begins_now() {
        let ahead = timeline(&[1, 40], Reach::Ahead);
        assert_eq!((ahead.from, ahead.counts.len(), ahead.counts[40]), (Some(at(0)), 41, 1));
    }

    #[test]
    fn a_few_outliers_do_not_hide_the_rest_and_are_counted_beside_it() {
        let mut minutes: Vec<i64> = (0..1000).map(|i| -(i % 50)).collect();
        minutes.extend([-5_000_000, -4_000_000, 900_000_000]);
        let shown = timeline(&minutes, Reach::Back);
        assert_eq!((shown.step_seconds, shown.earlier, shown.later), (60, 2, 1));
        let few = timeline(&[-5_000_000, 0, 0, 0], Reach::Back);
        assert_eq!(few.earlier, 0, "one of four is no outlier");
    }

    #[test]
    fn the_ends_of_time_fit_in() {
        let mut sparse = Sparse::<1>::default();
        for time in [Timestamp::MIN, Timestamp::MAX, Timestamp::from_millis(0)] {
            sparse.note(POOL, time, 0);
        }
        for now in [Timestamp::MIN, Timestamp::MAX] {
            for reach in [Reach::Ahead, Reach::Back] {
                let sparse = Sparse { counts: sparse.counts.clone(), step: sparse.step, last: sparse.last };
                let total = Timeline::from(sparse.series([].into_iter(), reach, now).0);
                assert_eq!(total.counts.iter().sum::<u64>(), 3);
                assert!(total.counts.len() <= 60);
            }
        }
    }

    #[test]
    fn more_counts_than_memory_is_given_to_make_the_steps_longer_and_lose_none() {
        let mut sparse = Sparse::<1>::default();
        let many = i64::try_from(Sparse::<1>::CAPACITY).unwrap() + 1000;
        for minute in 0..many {
            sparse.note(POOL, at(-minute), 0);
        }
        assert!(sparse.step > 0 && sparse.counts.len() <= Sparse::<1>::CAPACITY);
        let total = Timeline::from(sparse.series([POOL].into_iter(), Reach::Back, at(0)).0);
        assert_eq!(total.counts.iter().sum::<u64>(), many.unsigned_abs());
    }

    #[test]
    fn each_pool_has_its_own_counts_on_one_axis() {
        let other = PoolNumber(2);
        let mut sparse = Sparse::<{ Reason::ALL.len() }>::default();
        sparse.note(POOL, at(-30), Reason::Blocked as usize);
        sparse.note(other, at(0), Reason::Retired as usize);
        let (total, pools) = sparse.series([POOL, other].into_iter(), Reach::Back, at(0));
        let total = Timeline::<ByReason<_>>::from(total);
        let pools: Vec<_> = pools.into_iter().map(Timeline::<ByReason<_>>::from).collect();
        assert_eq!((total.counts.blocked[0], total.counts.retired[30]), (1, 1));
        assert_eq!((pools[0].counts.blocked[0], pools[0].counts.retired[30]), (1, 0));
        assert_eq!((pools[1].counts.blocked[0], pools[1].counts.retired[30]), (0, 1));
        assert!(pools.iter().all(|pool| pool.from == total.from));
    }
}
