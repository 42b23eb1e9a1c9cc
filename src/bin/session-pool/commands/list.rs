//! `list`: sessions, one a row.

use std::io::Write;
use std::ops::ControlFlow;

use clap::{Args, ValueEnum};
use session_pool::inspect::{self, Filter};
use session_pool::{PoolName, Reason, SessionId, SessionRecord};

use super::{Result, note_unreadable};
use crate::choices::ReasonChoice;
use crate::context::Context;
use crate::output::{Cell, Column, Rows, style};
use crate::source::Source;

/// Lists sessions.
///
/// Example: session-pool list sessions --state retired --reason blocked
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    source: Source,
    /// Those of this pool only.
    #[arg(long)]
    pool: Option<PoolName>,
    /// Those in this state only.
    #[arg(long, value_enum)]
    state: Option<StateChoice>,
    /// Those retired for this reason only.
    #[arg(long, value_enum)]
    reason: Option<ReasonChoice>,
    /// This many at most.
    #[arg(long)]
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StateChoice {
    Live,
    Retired,
}

/// A session as it is listed.
struct Listed {
    pool: PoolName,
    id: SessionId,
    record: SessionRecord,
}

impl Listed {
    fn reason(&self) -> Option<Reason> {
        self.record.retired.map(|retired| retired.reason)
    }

    fn state(&self) -> &'static str {
        if self.record.retired.is_none() { "live" } else { "retired" }
    }
}

fn columns() -> Vec<Column<Listed>> {
    let state = |session: &Listed| if session.reason().is_none() { style::GOOD } else { style::BAD };
    vec![
        Column::new("pool", |session: &Listed| Cell::text(session.pool.as_str())).shrinking_to(12),
        Column::new("id", |session: &Listed| Cell::text(session.id.as_str())),
        Column::new("state", |session: &Listed| Cell::text(session.state())).styled(state),
        Column::new("reason", |session: &Listed| {
            Cell::maybe(session.reason(), |reason| Cell::text(reason.as_str()))
        }),
        Column::new("usage_count", |session: &Listed| Cell::Count(session.record.usage_count.into())).right(),
        Column::new("error_count", |session: &Listed| Cell::Count(session.record.error_count.into())).right(),
        Column::new("error_score", |session: &Listed| Cell::Number(session.record.error_score.to_f64()))
            .right(),
        Column::new("created_at", |session: &Listed| Cell::Away(session.record.created_at)),
        Column::new("expires_at", |session: &Listed| Cell::Away(session.record.expires_at)),
        Column::new("last_used_at", |session: &Listed| Cell::maybe(session.record.last_used_at, Cell::Away)),
        Column::new("resting_until", |session: &Listed| {
            Cell::maybe(session.record.resting_until, Cell::Away)
        }),
        Column::new("retired_at", |session: &Listed| {
            Cell::maybe(session.record.retired, |retired| Cell::Away(retired.at))
        }),
    ]
}

impl List {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { source, pool, state, reason, limit } = self;
        let mut filter = Filter::default();
        filter.pool = pool;
        filter.live = state.map(|state| state == StateChoice::Live);
        filter.reason = reason.map(Reason::from);
        let store = source.open(context)?;

        let mut rows = Rows::new(columns(), context, out)?;
        let limit = limit.unwrap_or(usize::MAX);
        let (mut listed, mut unreadable, mut written) = (0, 0, Ok(()));
        if limit > 0 {
            inspect::for_each(&*store, &filter, &mut |item| {
                let Ok(found) = item else {
                    unreadable += 1;
                    return ControlFlow::Continue(());
                };
                let pool = found.pool.name.clone();
                written = rows.row(&Listed { pool, id: found.id, record: found.record });
                listed += 1;
                if written.is_ok() && listed < limit {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
        }
        written?;
        rows.end()?;
        note_unreadable(unreadable);
        Ok(())
    }
}
