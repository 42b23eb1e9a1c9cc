//! `purge`: retired sessions are forgotten, by hand.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use session_pool::maintenance::{Kept, PoolPurge, PurgeFilter, PurgePlan};
use session_pool::{PoolName, Reason};

use super::Result;
use crate::choices::ReasonChoice;
use crate::consent::{Consent, counted};
use crate::context::{Context, note};
use crate::moment;
use crate::output::{Cell, Column, Rows, grouped, span};
use crate::progress::Progress;
use crate::source::{open_store, read_store};

/// Forgets retired sessions, with their cookies and user data. Their entries in the retirement log stay.
///
/// Sessions are forgotten in the order in which they were retired: one that is not asked for, because it is too young or was
/// retired for another reason, keeps those behind it. Each pool says how many it holds back so.
///
/// Example: session-pool purge sessions --older-than 7d
#[derive(Args)]
pub(crate) struct Purge {
    /// The store's directory. No crawler may have it open.
    store: PathBuf,
    /// Those that were retired longer ago than this: `7d`, `12h`, `30min`.
    #[arg(long, value_name = "AGE", value_parser = moment::span, allow_hyphen_values = true)]
    older_than: Duration,
    /// Those that were retired for this reason only. Can be given several times.
    #[arg(long, value_enum)]
    reason: Vec<ReasonChoice>,
    /// Those of this pool only.
    #[arg(long, allow_hyphen_values = true)]
    pool: Option<PoolName>,
    /// Tell what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
}

fn by_reason(pool: &PoolPurge, reason: Reason) -> Cell<'static> {
    Cell::Count(pool.by_reason.get(&reason).copied().unwrap_or_default())
}

fn columns() -> Vec<Column<PoolPurge>> {
    vec![
        Column::new("pool", |pool: &PoolPurge| Cell::text(pool.pool.as_str())).shrinking_to(12),
        Column::new("purged", |pool: &PoolPurge| Cell::Count(pool.sessions)).right(),
        Column::new("blocked", |pool| by_reason(pool, Reason::Blocked)).right(),
        Column::new("exhausted", |pool| by_reason(pool, Reason::Exhausted)).right(),
        Column::new("expired", |pool| by_reason(pool, Reason::Expired)).right(),
        Column::new("retired", |pool| by_reason(pool, Reason::Retired)).right(),
        Column::new("held_back", |pool: &PoolPurge| Cell::Count(pool.held_back)).right(),
        Column::new("held_by", |pool: &PoolPurge| {
            Cell::maybe(pool.held_by.as_ref(), |by| Cell::text(by.id.as_str()))
        }),
        Column::new("held_because", |pool: &PoolPurge| {
            Cell::maybe(pool.held_by.as_ref(), |by| Cell::text(because(by.why)))
        }),
        Column::new("purged_through", |pool: &PoolPurge| Cell::Count(pool.purged_through.0)).right(),
    ]
}

fn because(why: Kept) -> &'static str {
    match why {
        Kept::Young => "too young",
        Kept::OtherReason(Reason::Blocked) => "blocked",
        Kept::OtherReason(Reason::Exhausted) => "exhausted",
        Kept::OtherReason(Reason::Expired) => "expired",
        Kept::OtherReason(Reason::Retired) => "retired",
        Kept::Live => "live, says the store",
        _ => "not asked for",
    }
}

impl Purge {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { store, older_than, reason, pool, dry_run, consent } = self;
        let filter =
            PurgeFilter { pool, older_than, reasons: reason.into_iter().map(Reason::from).collect() };
        let plan = PurgePlan::new(&read_store(&store, context)?, &filter, context.now.to_datetime())?;
        if !dry_run && !plan.is_empty() {
            consent.ask(|| Ok(summary(&plan, older_than)))?;
            let store = open_store(&store, context)?;
            let (bar, total) = (Progress::new("forgetting"), plan.sessions());
            plan.apply(&store, &mut |done| bar.set(done.min(total), total))?;
        }
        let mut rows = Rows::new(columns(), context, out)?;
        for pool in plan.pools() {
            rows.row(pool)?;
        }
        rows.end()?;
        if plan.is_empty() {
            note("there is nothing to do: no session that was asked for may be forgotten");
        } else if dry_run {
            note("this is what would be done; nothing was changed");
        }
        Ok(())
    }
}

/// What is about to be done, for people.
fn summary(plan: &PurgePlan, older_than: Duration) -> Vec<String> {
    let sessions = counted(plan.sessions(), "session");
    let mut lines = vec![format!(
        "{sessions}, retired more than {} ago, to be forgotten with their cookies and user data:",
        span(older_than)
    )];
    for pool in plan.pools().iter().filter(|pool| pool.sessions + pool.held_back > 0) {
        let reasons: Vec<String> =
            pool.by_reason.iter().map(|(reason, count)| format!("{} {reason}", grouped(*count))).collect();
        let reasons = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
        let held = pool.held_by.as_ref().map(|by| {
            format!("; {} more stay, behind {} ({})", grouped(pool.held_back), by.id, because(by.why))
        });
        let (sessions, name) = (grouped(pool.sessions), &pool.pool);
        lines.push(format!("    {sessions} of the pool {name}{reasons}{}", held.unwrap_or_default()));
    }
    lines
}
