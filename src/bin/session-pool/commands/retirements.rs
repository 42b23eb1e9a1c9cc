//! `retirements`: the log.

use std::io::Write;
use std::ops::ControlFlow;

use clap::Args;
use session_pool::{LogEntry, PoolName, Reason, Sequence, inspect};

use super::{Result, note_unreadable};
use crate::choices::ReasonChoice;
use crate::context::Context;
use crate::output::{Cell, Column, Rows};
use crate::source::Source;

/// Shows the retirement log, oldest first.
///
/// Example: session-pool retirements sessions --reason expired
#[derive(Args)]
pub(crate) struct Retirements {
    #[command(flatten)]
    source: Source,
    /// Of this pool only.
    #[arg(long)]
    pool: Option<PoolName>,
    /// For this reason only.
    #[arg(long, value_enum)]
    reason: Option<ReasonChoice>,
    /// Behind this sequence number only.
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// This many of each pool at most.
    #[arg(long)]
    limit: Option<usize>,
}

/// A retirement as it is shown.
struct Logged {
    pool: PoolName,
    sequence: Sequence,
    entry: LogEntry,
}

fn columns() -> Vec<Column<Logged>> {
    vec![
        Column::new("pool", |logged: &Logged| Cell::text(logged.pool.as_str())).shrinking_to(12),
        Column::new("sequence", |logged: &Logged| Cell::Count(logged.sequence.0)).right(),
        Column::new("retired_at", |logged: &Logged| Cell::At(logged.entry.retired_at)),
        Column::new("reason", |logged: &Logged| Cell::text(logged.entry.reason.as_str())),
        Column::new("id", |logged: &Logged| Cell::text(logged.entry.id.as_str())),
        Column::new("usage_count", |logged: &Logged| Cell::Count(logged.entry.usage_count.into())).right(),
        Column::new("error_count", |logged: &Logged| Cell::Count(logged.entry.error_count.into())).right(),
        Column::new("error_score", |logged: &Logged| Cell::Number(logged.entry.error_score.to_f64())).right(),
        Column::new("created_at", |logged: &Logged| Cell::At(logged.entry.created_at)),
    ]
}

impl Retirements {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { source, pool, reason, after, limit } = self;
        let (reason, limit) = (reason.map(Reason::from), limit.unwrap_or(usize::MAX));
        let store = source.open(context)?;
        let mut rows = Rows::new(columns(), context, out)?;
        let (mut unreadable, mut written) = (0, Ok(()));
        for entry in inspect::pools(&*store)? {
            if limit == 0 || pool.as_ref().is_some_and(|name| *name != entry.name) {
                continue;
            }
            let mut shown = 0;
            store.visit_log(entry.number, Sequence(after), &mut |item| {
                let Ok((sequence, logged)) = item else {
                    unreadable += 1;
                    return ControlFlow::Continue(());
                };
                if reason.is_some_and(|reason| reason != logged.reason) {
                    return ControlFlow::Continue(());
                }
                written = rows.row(&Logged { pool: entry.name.clone(), sequence, entry: logged });
                shown += 1;
                if written.is_ok() && shown < limit {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
            std::mem::replace(&mut written, Ok(()))?;
        }
        rows.end()?;
        note_unreadable(unreadable);
        Ok(())
    }
}
