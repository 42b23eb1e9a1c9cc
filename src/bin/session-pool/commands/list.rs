//! `list`: sessions, one a row.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::io::Write;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use clap::Args;
use session_pool::inspect::{self, Filter, Found, Opened};
use session_pool::{PoolEntry, SessionId, SessionRecord, StoreError};

use super::{Result, has_pool, hint_shown, note_unreadable, widest_name};
use crate::choices::count;
use crate::consent::counted;
use crate::context::Context;
use crate::errors::Wrong;
use crate::filters::Filters;
use crate::listed::{self, Compared, Listed, Sort};
use crate::moment;
use crate::output::{Rows, Worth};
use crate::progress::Progress;
use crate::source::Source;

/// Lists sessions.
///
/// Without --sort they come pool by pool, live ones first, as they are found.
///
/// STATE is the narrowest word for a session: `retired`, `expired`, `resting`, and `live` for the others. --state live has all that
/// are not retired.
///
/// Where the terminal is narrow, columns are left off, but for those that are sorted by or asked for within bounds, and the time
/// that --state is about.
///
/// Example: session-pool list sessions --state retired --reason blocked --retired-since 2h --sort retired_at:desc
///
/// Example, of those that will expire in the next 30 minutes: session-pool list sessions --expires-before 30min --sort expires_at
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
    #[arg(long, value_name = "COUNT", value_parser = count::<usize>, allow_negative_numbers = true)]
    limit: Option<usize>,
    /// The fields to show, with commas between them, in that order. `proxy` and `cookies` read the payload of each session.
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', value_parser = listed::fields())]
    columns: Vec<String>,
}

impl List {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { source, filters, sort, limit, columns } = self;
        let mut asked = filters.bounded_fields();
        asked.extend(sort.map(|sort| sort.field));
        let (about, meaningless) = filters.time_fields();
        asked.extend(about);
        let filter = filters.filter(context);
        if let Some(twice) = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name)) {
            return Err(Wrong(format!("--columns has {} twice", twice.1)).into());
        }
        let store = source.open(context)?;
        has_pool(&*store, filter.pool.as_ref())?;
        let widest_pool = widest_name(&inspect::pools(&*store)?);
        let columns = listed::columns(&columns).into_iter().map(|column| match column.field {
            "pool" => column.no_wider_than(widest_pool),
            field if asked.contains(&field) => column.worth(Worth::Most),
            field if meaningless == Some(field) => column.worth(Worth::Nothing),
            _ => column,
        });
        let columns: Vec<_> = columns.collect();
        let needs_payload = columns.iter().any(|column| listed::needs_payload(column.field));
        let query = Query { store: &store, filter: &filter, needs_payload, context };

        let cure = "--columns chooses, --format jsonl has all";
        let mut rows = Rows::with_cure(cure, columns, context, out)?;
        let most = limit.unwrap_or(usize::MAX);
        let (unreadable, all) = match sort {
            None => query.stream(most, &mut rows)?,
            Some(sort) => query.sorted(&sort, most, &mut |session| rows.row(session))?,
        };
        let shown = rows.written();
        rows.end()?;
        match all {
            All::Known(all) => hint_shown(shown, all, "session", context),
            All::More => {
                context.hint(&format!("{} shown, by --limit: there are more", counted(shown, "session")));
            }
            All::Unknown => {
                context.hint(&format!("{} shown, by --limit: there may be more", counted(shown, "session")));
            }
        }
        note_unreadable(unreadable);
        Ok(())
    }
}

/// How many sessions there are, whether they are shown or not.
#[derive(Debug, Clone, Copy)]
enum All {
    Known(u64),
    /// More than are shown.
    More,
    /// Nobody has looked for long enough.
    Unknown,
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
    /// Shows them as they are found, and answers how many cannot be read, and whether there are more.
    fn stream(&self, limit: usize, rows: &mut Rows<'_, Listed>) -> Result<(u64, All)> {
        /// After how many that are not asked for it is looked at whether rows have waited for long.
        const STEP: u64 = 256;
        /// How long it is looked for one more than are shown, to tell that there is one.
        const CURIOSITY: Duration = Duration::from_millis(100);
        let (mut unreadable, mut passed_over) = (0, 0);
        if limit == 0 {
            return Ok((0, All::Unknown));
        }
        let (shown, unsure) = (Cell::new(0), Cell::new(None));
        let full_since: Cell<Option<Instant>> = Cell::new(None);
        let (rows, done) = (RefCell::new(rows), RefCell::new(Ok(())));
        let goes_on = |written: Result| {
            let is_written = written.is_ok();
            *done.borrow_mut() = written;
            if is_written { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let ends_with = |all: All| {
            unsure.set(Some(all));
            ControlFlow::Break(())
        };
        inspect::for_each_with(
            &**self.store,
            self.filter,
            &mut || {
                passed_over += 1;
                if passed_over % STEP > 0 {
                    return ControlFlow::Continue(());
                }
                if full_since.get().is_some_and(|since| since.elapsed() > CURIOSITY) {
                    return ends_with(All::Unknown);
                }
                goes_on(rows.borrow_mut().show_waiting().map_err(Into::into))
            },
            &mut |item| {
                let Ok(found) = item else {
                    unreadable += 1;
                    return ControlFlow::Continue(());
                };
                if full_since.get().is_some() {
                    return ends_with(All::More);
                }
                goes_on(self.show(found, &mut |session| rows.borrow_mut().row(session)))?;
                shown.set(shown.get() + 1);
                if shown.get() < limit as u64 {
                    return ControlFlow::Continue(());
                }
                full_since.set(Some(Instant::now()));
                if self.context.takes_hints() { ControlFlow::Continue(()) } else { ends_with(All::Unknown) }
            },
        )?;
        done.into_inner().map(|()| (unreadable, unsure.get().unwrap_or(All::Known(shown.get()))))
    }

    /// Shows the first of them in an order, and answers how many cannot be read, and whether there are more.
    fn sorted(&self, sort: &Sort, limit: usize, show: &mut Show<'_>) -> Result<(u64, All)> {
        /// How many more than the limit are kept at least before the rest is let go.
        const ROOM: usize = 4096;
        if limit == 0 {
            return Ok((0, All::Unknown));
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
        let (mut waiting, mut all, mut unreadable) = (Vec::new(), 0, 0);
        inspect::for_each(&**self.store, self.filter, &mut |item| {
            progress.set(all + unreadable, 0);
            let Ok(found) = item else {
                unreadable += 1;
                return ControlFlow::Continue(());
            };
            all += 1;
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
        Ok((unreadable, All::Known(all)))
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
