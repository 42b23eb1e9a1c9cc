//! `retirements`: the log.

mod counted;

use std::cmp::Reverse;
use std::io::Write;
use std::ops::ControlFlow;

use clap::Args;
use counted::By;
use session_pool::inspect::Opened;
use session_pool::{LogEntry, PoolEntry, PoolName, Reason, Sequence, Timestamp, inspect};

use super::{Result, has_pool, hint_shown, note_unreadable, widest_name};
use crate::choices::{self, ReasonChoice, widest_reason};
use crate::context::Context;
use crate::moment::{self, Moment};
use crate::output::{Cell, Column, Rows, Worth, style};
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
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pool: Option<PoolName>,
    /// Those for this reason.
    #[arg(long, value_enum)]
    reason: Option<ReasonChoice>,
    /// Those then or later: `2h` for the last two hours.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<Moment>,
    /// Those before then.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
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
            Some(by) => counted::count(&store, &pools, &wanted, by, limit, context, out)?,
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
