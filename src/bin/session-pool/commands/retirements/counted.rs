//! `retirements --by`: how many there were.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::Write;

use chrono::{DateTime, Local, TimeZone, Timelike, Utc};
use clap::ValueEnum;
use session_pool::inspect::Opened;
use session_pool::{PoolEntry, PoolName, Reason, Timestamp};

use super::Wanted;
use crate::commands::{Result, hint_shown};
use crate::context::Context;
use crate::output::{Cell, Column, Rows, Zone};

/// What they are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum By {
    /// Why they were retired.
    Reason,
    /// The pools.
    Pool,
    /// The hours of the clock in which they were retired.
    Hour,
    /// The days.
    Day,
}

impl By {
    fn name(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::Pool => "pool",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// How many were retired of a kind, by reason.
struct Counted {
    key: CountedBy,
    reasons: [u64; Reason::ALL.len()],
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum CountedBy {
    Reason(Reason),
    Pool(PoolName),
    Hour(Timestamp),
    Day(Timestamp),
}

impl Counted {
    fn total(&self) -> u64 {
        self.reasons.iter().sum()
    }

    fn key(&self) -> Cell<'_> {
        match &self.key {
            CountedBy::Reason(reason) => Cell::text(reason.as_str()),
            CountedBy::Pool(pool) => Cell::text(pool.as_str()),
            CountedBy::Hour(time) => Cell::At(*time),
            CountedBy::Day(time) => Cell::Day(*time),
        }
    }
}

fn counted_columns(by: By) -> Vec<Column<Counted>> {
    let key = Column::new(by.name(), |counted: &Counted| counted.key());
    let key = if by == By::Pool { key.shrinking_to(8) } else { key };
    let mut columns =
        vec![key, Column::new("count", |counted: &Counted| Cell::Count(counted.total())).right()];
    if by != By::Reason {
        // In the order of `Reason::ALL`.
        let reasons: [Column<Counted>; Reason::ALL.len()] = [
            Column::new("blocked", |counted| Cell::Count(counted.reasons[0])),
            Column::new("exhausted", |counted| Cell::Count(counted.reasons[1])),
            Column::new("expired", |counted| Cell::Count(counted.reasons[2])),
            Column::new("retired", |counted| Cell::Count(counted.reasons[3])),
        ];
        columns.extend(reasons.map(Column::right));
    }
    columns
}

pub(super) fn count(
    store: &Opened,
    pools: &[PoolEntry],
    wanted: &Wanted,
    by: By,
    limit: Option<usize>,
    context: &Context,
    out: &mut dyn Write,
) -> Result<u64> {
    let mut counts: BTreeMap<CountedBy, [u64; Reason::ALL.len()]> = BTreeMap::new();
    let unreadable = wanted.visit(store, pools, |pool, _, entry| {
        let key = match by {
            By::Reason => Some(CountedBy::Reason(entry.reason)),
            By::Pool => pools.get(pool).map(|pool| CountedBy::Pool(pool.name.clone())),
            By::Hour => Some(CountedBy::Hour(begin(entry.retired_at, false, context.zone))),
            By::Day => Some(CountedBy::Day(begin(entry.retired_at, true, context.zone))),
        };
        let reason = Reason::ALL.iter().position(|reason| *reason == entry.reason);
        if let (Some(key), Some(reason)) = (key, reason) {
            counts.entry(key).or_default()[reason] += 1;
        }
    })?;
    let mut counts: Vec<Counted> =
        counts.into_iter().map(|(key, reasons)| Counted { key, reasons }).collect();
    let (limit, all) = (limit.unwrap_or(usize::MAX), counts.len() as u64);
    match by {
        By::Hour | By::Day => drop(counts.drain(..counts.len().saturating_sub(limit))),
        By::Reason | By::Pool => {
            counts.sort_by_key(|counted| Reverse(counted.total()));
            counts.truncate(limit);
            counts.sort_by(|a, b| a.key.cmp(&b.key));
        }
    }
    let mut rows = Rows::new(counted_columns(by), context, out)?;
    for counted in counts {
        rows.row(&counted)?;
    }
    let shown = rows.written();
    rows.end()?;
    if all == 0 {
        hint_shown(shown, all, "retirement", context);
    } else if shown < all {
        hint_shown(shown, all, by.name(), context);
    }
    Ok(unreadable)
}

/// When the hour or the day of the clock began in which a time is.
fn begin(time: Timestamp, of_day: bool, zone: Zone) -> Timestamp {
    fn cut<Z: TimeZone>(time: &DateTime<Z>, of_day: bool) -> Option<DateTime<Utc>> {
        let hour = if of_day { 0 } else { time.hour() };
        let zone = time.timezone();
        let date = time.date_naive();
        let begin = date.and_hms_opt(hour, 0, 0)?;
        // A day may begin later than at midnight, where clocks are set ahead then.
        let begin = zone.from_local_datetime(&begin).earliest().unwrap_or_else(|| time.clone());
        Some(begin.with_timezone(&Utc))
    }
    let utc = time.to_datetime();
    let begin = match zone {
        Zone::Utc => cut(&utc, of_day),
        Zone::Local => cut(&utc.with_timezone(&Local), of_day),
    };
    begin.map_or(time, Timestamp::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_days_begin_as_the_clock_says() {
        let time = |text: &str| Timestamp::from(text.parse::<DateTime<Utc>>().unwrap());
        let at = time("2026-03-01T12:34:56.789Z");
        assert_eq!(begin(at, false, Zone::Utc), time("2026-03-01T12:00:00Z"));
        assert_eq!(begin(at, true, Zone::Utc), time("2026-03-01T00:00:00Z"));
        for edge in [Timestamp::MIN, Timestamp::MAX] {
            for zone in [Zone::Utc, Zone::Local] {
                assert!(begin(edge, true, zone) <= edge, "{edge}");
            }
        }
    }
}
