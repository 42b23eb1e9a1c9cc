//! `retirements`: the log.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;

use chrono::{DateTime, Local, TimeZone, Timelike, Utc};
use clap::{Args, ValueEnum};
use session_pool::inspect::Opened;
use session_pool::{LogEntry, PoolEntry, PoolName, Reason, Sequence, Timestamp, inspect};

use super::{Result, has_pool, hint_shown, note_unreadable, widest_name};
use crate::choices::{self, ReasonChoice, widest_reason};
use crate::context::Context;
use crate::moment::{self, Moment};
use crate::output::{Cell, Column, Rows, Worth, Zone, style};
use crate::source::Source;

/// Shows the retirement log: which sessions were retired, when and why; the newest last.
///
/// Example: session-pool retirements sessions --since 2h --by reason
#[derive(Args)]
#[command(after_help = moment::HELP)]
pub(crate) struct Retirements {
    #[command(flatten)]
    source: Source,
    /// Those of this pool.
    #[arg(long, value_name = "NAME")]
    pool: Option<PoolName>,
    /// Those for this reason.
    #[arg(long, value_enum)]
    reason: Option<ReasonChoice>,
    /// Those then or later: `2h` for the last two hours.
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Those before then.
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Those behind this sequence number of their pool: what a program has not seen yet.
    #[arg(
        long,
        value_name = "SEQUENCE",
        default_value_t = 0,
        value_parser = choices::count::<u64>,
        allow_negative_numbers = true
    )]
    after: u64,
    /// The newest of them, this many at most; with --by, the newest hours or days, and the reasons or pools with the most.
    #[arg(long, value_name = "COUNT", value_parser = choices::count::<usize>, allow_negative_numbers = true)]
    limit: Option<usize>,
    /// Count them instead, by this.
    #[arg(long, value_enum)]
    by: Option<By>,
}

/// What they are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
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

/// A retirement as it is shown.
struct Logged {
    pool: PoolName,
    sequence: Sequence,
    entry: LogEntry,
}

/// How wide is what stands in the columns: all of it is known before the first row is written.
struct Widest {
    pool: usize,
    id: usize,
    sequence: usize,
    uses: usize,
    errors: usize,
}

impl Widest {
    fn of(pools: &[PoolEntry], found: &[(usize, Sequence, LogEntry)]) -> Self {
        let most = |count: fn(&LogEntry) -> u32| {
            digits(found.iter().map(|(_, _, entry)| count(entry).into()).max().unwrap_or_default())
        };
        Self {
            pool: widest_name(pools),
            id: found.iter().map(|(_, _, entry)| entry.id.as_str().len()).max().unwrap_or_default(),
            sequence: digits(found.iter().map(|(_, sequence, _)| sequence.0).max().unwrap_or_default()),
            uses: most(|entry| entry.usage_count),
            errors: most(|entry| entry.error_count),
        }
    }
}

fn digits(count: u64) -> usize {
    count.to_string().len()
}

fn columns(widest: &Widest) -> Vec<Column<Logged>> {
    let count = |field, cell| Column::new(field, cell).right();
    vec![
        Column::new("retired_at", |logged: &Logged| Cell::At(logged.entry.retired_at))
            .headed("retired")
            .worth(Worth::Most),
        Column::new("pool", |logged: &Logged| Cell::text(logged.pool.as_str()))
            .shrinking_to(8)
            .no_wider_than(widest.pool),
        Column::new("reason", |logged: &Logged| Cell::text(logged.entry.reason.as_str()))
            .no_wider_than(widest_reason())
            .styled(|logged| reason_style(logged.entry.reason)),
        Column::new("id", |logged: &Logged| Cell::text(logged.entry.id.as_str()))
            .of_ids()
            .no_wider_than(widest.id),
        count("sequence", |logged: &Logged| Cell::Count(logged.sequence.0))
            .no_wider_than(widest.sequence)
            .worth(Worth::Little),
        count("usage_count", |logged: &Logged| Cell::Count(logged.entry.usage_count.into()))
            .headed("uses")
            .no_wider_than(widest.uses),
        count("error_count", |logged: &Logged| Cell::Count(logged.entry.error_count.into()))
            .headed("errors")
            .no_wider_than(widest.errors),
        count("error_score", |logged: &Logged| Cell::Number(logged.entry.error_score.to_f64()))
            .headed("score"),
        Column::new("created_at", |logged: &Logged| Cell::At(logged.entry.created_at))
            .headed("created")
            .worth(Worth::Little),
    ]
}

fn reason_style(reason: Reason) -> anstyle::Style {
    match reason {
        Reason::Blocked | Reason::Retired => style::BAD,
        Reason::Exhausted | Reason::Expired => style::PLAIN,
    }
}

/// Which retirements are asked for.
struct Wanted {
    reason: Option<Reason>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    after: Sequence,
}

impl Wanted {
    fn has(&self, entry: &LogEntry) -> bool {
        self.reason.is_none_or(|reason| reason == entry.reason)
            && self.since.is_none_or(|since| entry.retired_at >= since)
            && self.until.is_none_or(|until| entry.retired_at < until)
    }

    /// Visits them pool by pool, and answers how many entries cannot be read.
    fn visit(
        &self,
        store: &Opened,
        pools: &[PoolEntry],
        mut see: impl FnMut(usize, Sequence, &LogEntry),
    ) -> Result<u64> {
        let mut unreadable = 0;
        for (at, pool) in pools.iter().enumerate() {
            store.visit_log(pool.number, self.after, &mut |item| {
                match item {
                    Ok((sequence, entry)) if self.has(&entry) => see(at, sequence, &entry),
                    Ok(_) => {}
                    Err(_) => unreadable += 1,
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok(unreadable)
    }
}

impl Retirements {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { source, pool, reason, since, until, after, limit, by } = self;
        let wanted = Wanted {
            reason: reason.map(Reason::from),
            since: since.map(|time| time.ago(context)),
            until: until.map(|time| time.ago(context)),
            after: Sequence(after),
        };
        let store = source.open(context)?;
        has_pool(&*store, pool.as_ref())?;
        let mut pools = inspect::pools(&*store)?;
        pools.retain(|entry| pool.as_ref().is_none_or(|name| *name == entry.name));
        let unreadable = match by {
            Some(by) => count(&store, &pools, &wanted, by, limit, context, out)?,
            None => list(&store, &pools, &wanted, limit, context, out)?,
        };
        note_unreadable(unreadable);
        Ok(())
    }
}

fn list(
    store: &Opened,
    pools: &[PoolEntry],
    wanted: &Wanted,
    limit: Option<usize>,
    context: &Context,
    out: &mut dyn Write,
) -> Result<u64> {
    /// How many more than the limit are kept at least before the rest is let go.
    const ROOM: usize = 4096;
    let limit = limit.unwrap_or(usize::MAX);
    let newest_first =
        |(pool, sequence, entry): &(usize, Sequence, LogEntry)| Reverse((entry.retired_at, *pool, *sequence));
    let (mut found, mut all) = (Vec::new(), 0);
    let unreadable = wanted.visit(store, pools, |pool, sequence, entry| {
        all += 1;
        found.push((pool, sequence, *entry));
        if found.len() > limit.saturating_add(limit.max(ROOM)) {
            found.select_nth_unstable_by_key(limit, newest_first);
            found.truncate(limit);
        }
    })?;
    found.sort_unstable_by_key(newest_first);
    found.truncate(limit);
    let mut rows = Rows::new(columns(&Widest::of(pools, &found)), context, out)?;
    for (pool, sequence, entry) in found.into_iter().rev() {
        if let Some(pool) = pools.get(pool) {
            rows.row(&Logged { pool: pool.name.clone(), sequence, entry })?;
        }
    }
    let shown = rows.written();
    rows.end()?;
    hint_shown(shown, all, "retirement", context);
    Ok(unreadable)
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
    From(Timestamp),
}

impl Counted {
    fn total(&self) -> u64 {
        self.reasons.iter().sum()
    }

    fn key(&self) -> Cell<'_> {
        match &self.key {
            CountedBy::Reason(reason) => Cell::text(reason.as_str()),
            CountedBy::Pool(pool) => Cell::text(pool.as_str()),
            CountedBy::From(time) => Cell::At(*time),
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

fn count(
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
            By::Hour | By::Day => Some(CountedBy::From(begin(entry.retired_at, by == By::Day, context.zone))),
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
