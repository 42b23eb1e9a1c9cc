//! `stats`: what is in a store, at a glance.

use std::io::Write;

use clap::Args;
use session_pool::inspect::{self, Overview, PoolFigures, Scope};
use session_pool::{PoolName, Reason};

use super::{Result, archived_at, has_pool, note_later, note_unreadable};
use crate::context::Context;
use crate::moment::{self, Moment};
use crate::output::{Cell, Column, Format, Rows, document};
use crate::source::Source;
use crate::stats::Screen;

/// Shows what is in a store: its sessions by state and by pool, why and when they were retired, how much they are used, when they
/// expire.
///
/// As JSON, one object with `total` and `pools`, which nest; as JSON Lines and CSV, a line for each pool, which does not.
///
/// Example: session-pool stats sessions --since 2d
#[derive(Args)]
#[command(after_help = moment::HELP)]
pub(crate) struct Stats {
    #[command(flatten)]
    source: Source,
    /// Of this pool only.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pool: Option<PoolName>,
    /// Count retirements from then on: `2d` for the last two days. It goes for all that is told of them, in each format: how many
    /// were retired, when, and how they ended. Live sessions, uses and `retired_ever` are told as ever.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<Moment>,
    /// Look at the sessions as at this time: for a backup or a copy, the time at which it was made, since what has expired or
    /// rested by now had not then. It does not take back what the store knows of later. Default: now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<Moment>,
    /// Draw bars of ASCII characters. Without it, the locale decides.
    #[arg(long)]
    ascii: bool,
}

fn retired(pool: &PoolFigures, reason: Reason) -> Cell<'static> {
    Cell::Count(pool.figures.retired[reason])
}

fn columns() -> Vec<Column<PoolFigures>> {
    vec![
        Column::new("pool", |pool: &PoolFigures| Cell::text(pool.pool.as_str())),
        Column::new("live", |pool: &PoolFigures| Cell::Count(pool.figures.live)),
        Column::new("ready", |pool: &PoolFigures| Cell::Count(pool.figures.ready)),
        Column::new("resting", |pool: &PoolFigures| Cell::Count(pool.figures.resting)),
        Column::new("unusable", |pool: &PoolFigures| Cell::Count(pool.figures.unusable.sum())),
        Column::new("retired_blocked", |pool| retired(pool, Reason::Blocked)),
        Column::new("retired_exhausted", |pool| retired(pool, Reason::Exhausted)),
        Column::new("retired_expired", |pool| retired(pool, Reason::Expired)),
        Column::new("retired_retired", |pool| retired(pool, Reason::Retired)),
        Column::new("retired_ever", |pool: &PoolFigures| Cell::Count(pool.figures.retirements.ever)),
        Column::new("uses", |pool: &PoolFigures| Cell::Count(pool.figures.uses)),
        Column::new("errors", |pool: &PoolFigures| Cell::Count(pool.figures.errors)),
        Column::new("error_rate", |pool: &PoolFigures| Cell::Number(pool.figures.error_rate)),
        Column::new("last_used_at", |pool: &PoolFigures| Cell::maybe(pool.figures.last_used_at, Cell::At)),
        Column::new("next_expiry_at", |pool: &PoolFigures| {
            Cell::maybe(pool.figures.expiries.next_at, Cell::At)
        }),
        Column::new("unreadable", |pool: &PoolFigures| {
            Cell::Count(pool.figures.unreadable_sessions + pool.figures.retirements.unreadable)
        }),
    ]
}

impl Stats {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { source, pool, since, at, ascii } = self;
        let store = source.open(context)?;
        has_pool(&*store, pool.as_ref())?;
        let mut scope = Scope::default();
        scope.pool = pool;
        scope.retired_since = since.map(|since| since.ago(context));
        let at = at.map_or(context.now, |at| at.ago(context));
        let overview = inspect::overview(&*store, &scope, at.to_datetime())?;
        note_later(&overview, context);
        match context.format {
            Format::Table => {
                let path = source.path.display().to_string();
                Screen::new(&path, archived_at(&store), &overview, ascii, context).write(out)?;
            }
            Format::Json => document(&overview, context, out)?,
            Format::Jsonl | Format::Csv => {
                let mut rows = Rows::new(columns(), context, out)?;
                for pool in &overview.pools {
                    rows.row(pool)?;
                }
                rows.end()?;
            }
        }
        note_unreadable(unreadable(&overview));
        Ok(())
    }
}

fn unreadable(overview: &Overview) -> u64 {
    let Overview { total, unreadable_pools, .. } = overview;
    unreadable_pools + total.unreadable_sessions + total.retirements.unreadable
}
