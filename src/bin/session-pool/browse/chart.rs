//! Retirements over time: how many for each reason in each stretch of time.

use session_pool::{Reason, Timestamp};

use super::data::place;

/// How many retirements there were in stretches of time of the same length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chart {
    /// When the first stretch begins.
    pub(super) start: Timestamp,
    /// How long each is, in milliseconds.
    pub(super) length: i64,
    /// Of each stretch, in the order of [`Reason::ALL`].
    pub(super) stretches: Vec<[u32; Reason::ALL.len()]>,
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Lengths that people can name.
const LENGTHS: [i64; 30] = [
    SECOND,
    2 * SECOND,
    3 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    20 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    3 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    40 * MINUTE,
    HOUR,
    90 * MINUTE,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    8 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    3 * DAY,
    5 * DAY,
    7 * DAY,
];

impl Chart {
    /// That of so many stretches at most.
    pub(super) fn of(entries: impl Iterator<Item = (Timestamp, Reason)> + Clone, columns: usize) -> Self {
        let columns = i64::try_from(columns).unwrap_or(i64::MAX).clamp(1, 10_000);
        let mut span: Option<(i64, i64)> = None;
        for (time, _) in entries.clone() {
            let time = time.as_millis();
            span = Some(span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        }
        let Some((first, last)) = span else {
            return Self { start: Timestamp::from_millis(0), length: SECOND, stretches: Vec::new() };
        };
        let fits = |length: i64| last.div_euclid(length) - first.div_euclid(length) < columns;
        let (start, length) = match LENGTHS.into_iter().find(|length| fits(*length)) {
            Some(length) => (first.div_euclid(length) * length, length),
            // No length has a name: as long as it takes, from the first on.
            None => (first, (last - first) / columns + 1),
        };
        let count = usize::try_from((last - start) / length + 1).unwrap_or(1);
        let mut stretches = vec![[0; Reason::ALL.len()]; count];
        for (time, reason) in entries {
            let at = usize::try_from((time.as_millis() - start) / length).unwrap_or(0);
            if let Some(stretch) = stretches.get_mut(at) {
                let count: &mut u32 = &mut stretch[place(reason)];
                *count = count.saturating_add(1);
            }
        }
        Self { start: Timestamp::from_millis(start), length, stretches }
    }

    /// How many of a reason there were.
    pub(super) fn total(&self, reason: Reason) -> u64 {
        self.stretches.iter().map(|stretch| u64::from(stretch[place(reason)])).sum()
    }

    /// The most of a reason in one stretch.
    pub(super) fn highest(&self, reason: Reason) -> u32 {
        self.stretches.iter().map(|stretch| stretch[place(reason)]).max().unwrap_or(0)
    }

    /// When the stretch of that number begins.
    pub(super) fn time(&self, stretch: usize) -> Timestamp {
        let stretch = i64::try_from(stretch).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.start.as_millis().saturating_add(self.length.saturating_mul(stretch)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(seconds: &[i64], columns: usize) -> Chart {
        let entries: Vec<(Timestamp, Reason)> = seconds
            .iter()
            .map(|second| (Timestamp::from_millis(second * 1000), Reason::ALL[usize::from(second % 2 == 1)]))
            .collect();
        Chart::of(entries.iter().copied(), columns)
    }

    #[test]
    fn stretches_are_as_long_as_people_name_them_and_every_retirement_is_in_one() {
        let minutes = chart(&[60, 61, 119, 120, 1000], 20);
        assert_eq!((minutes.length, minutes.start.as_millis()), (MINUTE, MINUTE));
        assert_eq!(minutes.stretches[0], [1, 2, 0, 0]);
        assert_eq!((minutes.stretches.len(), minutes.highest(Reason::Exhausted)), (16, 2));
        assert_eq!((minutes.total(Reason::Blocked), minutes.total(Reason::Exhausted)), (3, 2));
        assert_eq!(minutes.time(1).as_millis(), 2 * MINUTE);
    }

    #[test]
    fn no_chart_is_wider_than_there_is_room() {
        let ages = [Timestamp::MIN, Timestamp::from_millis(-1), Timestamp::from_millis(0), Timestamp::MAX];
        for columns in [0, 1, 2, 7, 80, 100_000] {
            let chart = Chart::of(ages.iter().map(|time| (*time, Reason::Expired)), columns);
            assert!(chart.stretches.len() <= columns.max(1), "{columns}: {}", chart.stretches.len());
            assert_eq!(chart.total(Reason::Expired), 4);
        }
        assert!(chart(&[], 10).stretches.is_empty());
        assert_eq!(chart(&[7], 10).stretches, [[0, 1, 0, 0]]);
    }
}
