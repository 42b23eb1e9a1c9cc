//! `stats`: how many there are of what.

use std::io::Write;

use clap::Args;
use session_pool::Reason;
use session_pool::inspect::{self, PoolSummary};

use super::Result;
use crate::context::Context;
use crate::output::{Cell, Column, Format, Rows, document, style};
use crate::source::Source;

/// Counts the sessions of each pool, by state and reason.
///
/// Example: session-pool stats sessions
#[derive(Args)]
pub(crate) struct Stats {
    #[command(flatten)]
    source: Source,
}

fn retired(pool: &PoolSummary, reason: Reason) -> Cell<'static> {
    Cell::Count(pool.retired.get(&reason).copied().unwrap_or_default())
}

fn columns() -> Vec<Column<PoolSummary>> {
    vec![
        Column::new("pool", |pool: &PoolSummary| Cell::text(pool.pool.as_str())).shrinking_to(12),
        Column::new("live", |pool: &PoolSummary| Cell::Count(pool.live)).right().styled(|_| style::GOOD),
        Column::new("resting", |pool: &PoolSummary| Cell::Count(pool.resting)).right(),
        Column::new("expired", |pool: &PoolSummary| Cell::Count(pool.expired)).right(),
        Column::new("retired_blocked", |pool| retired(pool, Reason::Blocked)).right(),
        Column::new("retired_exhausted", |pool| retired(pool, Reason::Exhausted)).right(),
        Column::new("retired_expired", |pool| retired(pool, Reason::Expired)).right(),
        Column::new("retired_by_caller", |pool| retired(pool, Reason::Retired)).right(),
        Column::new("uses", |pool: &PoolSummary| Cell::Count(pool.uses)).right(),
        Column::new("errors", |pool: &PoolSummary| Cell::Count(pool.errors)).right(),
        Column::new("unreadable", |pool: &PoolSummary| Cell::Count(pool.unreadable)).right(),
        Column::new("next_expiry", |pool: &PoolSummary| Cell::maybe(pool.next_expiry, Cell::Away)),
        Column::new("last_sequence", |pool: &PoolSummary| Cell::Count(pool.last_sequence.0)).right(),
    ]
}

impl Stats {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let store = self.source.open(context)?;
        let summaries = inspect::stats(&*store, context.now.to_datetime())?;
        match context.format {
            Format::Json => return Ok(document(&summaries, context.format, out)?),
            Format::Jsonl => {
                for pool in &summaries {
                    document(pool, context.format, out)?;
                }
                return Ok(());
            }
            Format::Table | Format::Csv => {}
        }
        let mut rows = Rows::new(columns(), context, out)?;
        for pool in &summaries {
            rows.row(pool)?;
        }
        Ok(rows.end()?)
    }
}
