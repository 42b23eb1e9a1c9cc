//! `retire`: sessions, by hand.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use session_pool::maintenance::RetirePlan;
use session_pool::{PoolName, Reason, Retired, SessionId, Timestamp};

use super::{Result, has_pool};
use crate::consent::{Consent, counted, first_of};
use crate::context::{Context, note};
use crate::given_id::GivenId;
use crate::output::{Cell, Column, Rows};
use crate::progress::Progress;
use crate::source::{open_store, read_store};

/// Retires sessions: they are never handed out again.
///
/// Each is retired as a crawler does it: it counts a use and an error, and stands in the log with the reason `retired`. One that
/// is retired already stays as it is, and is told. Where one of the ids is not found, or is in several pools and --pool does not
/// say in which, nothing is changed.
///
/// Example: session-pool retire sessions 01a205549d4f7057a9bb985239832f51 alice --pool shop.example
#[derive(Args)]
pub(crate) struct Retire {
    /// The store's directory. No crawler may have it open.
    store: PathBuf,
    /// The sessions' ids. Where no other is like that, what a narrow table shows of one will do, or a `*` in the place of what is
    /// left out: `01a215b2*94446b09`.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<GivenId>,
    /// In this pool.
    #[arg(long, allow_hyphen_values = true)]
    pool: Option<PoolName>,
    /// Tell what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
}

/// What became of a session.
struct Row {
    pool: PoolName,
    id: SessionId,
    outcome: &'static str,
    reason: Reason,
    retired_at: Timestamp,
}

fn columns() -> Vec<Column<Row>> {
    vec![
        Column::new("pool", |row: &Row| Cell::text(row.pool.as_str())).shrinking_to(12),
        Column::new("id", |row: &Row| Cell::text(row.id.as_str())).of_ids(),
        Column::new("outcome", |row: &Row| Cell::text(row.outcome)),
        Column::new("reason", |row: &Row| Cell::text(row.reason.as_str())),
        Column::new("retired_at", |row: &Row| Cell::Away(row.retired_at)),
    ]
}

impl Retire {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { store, ids, pool, dry_run, consent } = self;
        let now = context.now.to_datetime();
        let reader = read_store(&store, context)?;
        has_pool(&reader, pool.as_ref())?;
        let ids: Vec<SessionId> =
            ids.iter().map(|id| id.resolve(&reader, pool.as_ref())).collect::<Result<_>>()?;
        let plan = RetirePlan::new(&reader, pool.as_ref(), &ids, now)?;
        // It is read by whoever writes it now.
        drop(reader);
        if !dry_run && !plan.is_empty() {
            consent.ask(|| Ok(summary(&plan, context)))?;
            let store = open_store(&store, context)?;
            let (bar, total) = (Progress::new("retiring"), plan.sessions().count() as u64);
            plan.apply(&store, &mut |done| bar.set(done, total))?;
        }
        let outcome = if dry_run { "would be retired" } else { "retired" };
        let mut rows = Rows::new(columns(), context, out)?;
        for (pool, id, Retired { reason, at }) in plan.retirements() {
            rows.row(&Row { pool: pool.clone(), id, outcome, reason, retired_at: at })?;
        }
        for already in plan.already_retired() {
            let (pool, id, retired) = (already.pool.clone(), already.id, already.retired);
            let (reason, retired_at) = (retired.reason, retired.at);
            rows.row(&Row { pool, id, outcome: "retired already", reason, retired_at })?;
        }
        rows.end()?;
        if plan.is_empty() {
            note("there is nothing to do: who was retired once stays so");
        }
        Ok(())
    }
}

/// What is about to be done, for people.
fn summary(plan: &RetirePlan, context: &Context) -> Vec<String> {
    let sessions: Vec<String> = plan
        .sessions()
        .map(|(pool, id, record)| {
            let when = crate::output::relative(record.expires_at, context.now);
            let uses = counted(record.usage_count.into(), "use");
            let expires = if record.is_expired(context.now) { "expired" } else { "expires" };
            format!("    {id} of the pool {pool}: {uses}, {expires} {when}")
        })
        .collect();
    let mut lines = vec![format!("{}, to be retired for good:", counted(sessions.len() as u64, "session"))];
    lines.extend(first_of(sessions.into_iter(), 20));
    let already = plan.already_retired().len() as u64;
    if already > 0 {
        lines.push(format!(
            "{} retired already, left as {}",
            counted(already, "session"),
            if already == 1 { "it is" } else { "they are" }
        ));
    }
    lines
}
