//! `list`: sessions, one a row.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::io::Write;
use std::ops::ControlFlow;

use clap::Args;
use session_pool::inspect::{self, Filter, Found, Opened};
use session_pool::{PoolEntry, SessionId, SessionRecord, StoreError};

use super::{Result, has_pool, note_unreadable};
use crate::context::Context;
use crate::errors::Wrong;
use crate::filters::Filters;
use crate::listed::{self, Compared, Listed, Sort};
use crate::moment;
use crate::output::Rows;
use crate::progress::Progress;
use crate::source::Source;

/// Lists sessions.
///
/// Without --sort they come pool by pool, live ones first, as they are found.
///
/// Example: session-pool list sessions --state retired --reason blocked --retired-since 2h --sort retired_at:desc
#[derive(Args)]
#[command(after_help = moment::HELP)]
pub(crate) struct List {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    filters: Filters,
    /// Sort by this field, from low to high, or with `:desc` behind it from high to low. Those without a value come last.
    #[arg(long, value_name = "FIELD[:desc]")]
    sort: Option<Sort>,
    /// This many at most.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// The fields to show, with commas between them, in that order. `proxy` and `cookies` read the payload of each session.
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', value_parser = listed::fields())]
    columns: Vec<String>,
}

impl List {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { source, filters, sort, limit, columns } = self;
        let filter = filters.filter(context);
        if let Some(twice) = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name)) {
            return Err(Wrong(format!("--columns has {} twice", twice.1)).into());
        }
        let columns = listed::columns(&columns);
        let needs_payload = columns.iter().any(|column| listed::needs_payload(column.field));
        let store = source.open(context)?;
        has_pool(&*store, filter.pool.as_ref())?;
        let query = Query { store: &store, filter: &filter, needs_payload, context };

        let mut rows = Rows::new(columns, context, out)?;
        let limit = limit.unwrap_or(usize::MAX);
        let unreadable = match sort {
            None => query.stream(limit, &mut rows)?,
            Some(sort) => query.sorted(&sort, limit, &mut |session| rows.row(session))?,
        };
        rows.end()?;
        note_unreadable(unreadable);
        Ok(())
    }
}

/// Writes a session.
type Show<'a> = dyn FnMut(&Listed) -> std::io::Result<()> + 'a;

struct Query<'a> {
    store: &'a Opened,
    filter: &'a Filter,
    needs_payload: bool,
    context: &'a Context,
}

/// A session that waits for its place in the order: as little as can be, since there may be millions.
struct Waiting {
    /// The place of its pool in a list.
    pool: u32,
    id: SessionId,
    record: SessionRecord,
}

impl Query<'_> {
    /// Shows them as they are found, and answers how many cannot be read.
    fn stream(&self, limit: usize, rows: &mut Rows<'_, Listed>) -> Result<u64> {
        /// After how many that are not asked for it is looked at whether rows have waited for long.
        const STEP: u64 = 256;
        let (mut shown, mut unreadable, mut passed_over) = (0, 0, 0);
        if limit == 0 {
            return Ok(0);
        }
        let (rows, done) = (RefCell::new(rows), RefCell::new(Ok(())));
        let goes_on = |written: Result| {
            let is_written = written.is_ok();
            *done.borrow_mut() = written;
            if is_written { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        inspect::for_each_with(
            &**self.store,
            self.filter,
            &mut || {
                passed_over += 1;
                if passed_over % STEP > 0 {
                    return ControlFlow::Continue(());
                }
                goes_on(rows.borrow_mut().show_waiting().map_err(Into::into))
            },
            &mut |item| {
                let Ok(found) = item else {
                    unreadable += 1;
                    return ControlFlow::Continue(());
                };
                goes_on(self.show(found, &mut |session| rows.borrow_mut().row(session)))?;
                shown += 1;
                if shown < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            },
        )?;
        done.into_inner().map(|()| unreadable)
    }

    /// Shows the first of them in an order, and answers how many cannot be read.
    fn sorted(&self, sort: &Sort, limit: usize, show: &mut Show<'_>) -> Result<u64> {
        /// How many more than the limit are kept at least before the rest is let go.
        const ROOM: usize = 4096;
        if limit == 0 {
            return Ok(0);
        }
        let pools = inspect::pools(&**self.store)?;
        let compared = |waiting: &'_ Waiting| -> Option<(&PoolEntry, SessionId, SessionRecord)> {
            Some((pools.get(waiting.pool as usize)?, waiting.id, waiting.record))
        };
        let now = self.context.now;
        let order = |a: &Waiting, b: &Waiting| match (pools.get(a.pool as usize), pools.get(b.pool as usize))
        {
            (Some(of_a), Some(of_b)) => sort.compare(
                Compared { pool: &of_a.name, id: &a.id, record: &a.record, now },
                Compared { pool: &of_b.name, id: &b.id, record: &b.record, now },
            ),
            _ => Ordering::Equal,
        };
        let progress = Progress::new("sorting");
        let (mut waiting, mut seen, mut unreadable) = (Vec::new(), 0, 0);
        inspect::for_each(&**self.store, self.filter, &mut |item| {
            seen += 1;
            progress.set(seen, 0);
            let Ok(found) = item else {
                unreadable += 1;
                return ControlFlow::Continue(());
            };
            let pool = pools.iter().position(|pool| pool.number == found.pool.number);
            if let Some(pool) = pool.and_then(|pool| u32::try_from(pool).ok()) {
                waiting.push(Waiting { pool, id: found.id, record: found.record });
            }
            if waiting.len() >= limit.saturating_add(limit.max(ROOM)) {
                waiting.select_nth_unstable_by(limit - 1, order);
                waiting.truncate(limit);
            }
            ControlFlow::Continue(())
        })?;
        waiting.sort_unstable_by(order);
        drop(progress);
        for (pool, id, record) in waiting.iter().take(limit).filter_map(compared) {
            self.show(Found { pool, id, record }, show)?;
        }
        Ok(unreadable)
    }

    fn show(&self, found: Found<'_>, show: &mut Show<'_>) -> Result {
        let payload = if self.needs_payload {
            match self.store.payload(found.pool.number, &found.id) {
                Ok(payload) => payload,
                // It is missing in its row, as if there were none.
                Err(StoreError::Unreadable(_)) => None,
                Err(error) => return Err(error.into()),
            }
        } else {
            None
        };
        let Found { pool, id, record, .. } = found;
        Ok(show(&Listed { pool: pool.name.clone(), id, record, payload, now: self.context.now })?)
    }
}
