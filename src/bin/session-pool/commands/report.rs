//! `report`: a page to send to a colleague.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use session_pool::inspect::{self, Overview, Scope};
use session_pool::{ReadStore, Retirement};

use super::{Result, archived_at, has_no_format, note_later, note_unreadable};
use crate::arguments::no_format;
use crate::context::Context;
use crate::moment::{self, Moment};
use crate::output::escape;
use crate::progress::Progress;
use crate::report::Report;
use crate::source::Source;
use crate::target::Target;

/// How many of the last retirements are in a report.
const RECENT: usize = 200;

/// Writes a page that tells of a store: charts and tables, in one file that needs no network.
///
/// It has the store's path as it is given here, the names of pools, the ids of recently retired sessions and where proxies
/// are, but no cookies, no user data and no passwords.
///
/// Example: session-pool report sessions --html sessions.html
#[derive(Args)]
#[command(after_help = moment::HELP, arg = no_format())]
pub(crate) struct ReportCommand {
    #[command(flatten)]
    source: Source,
    /// The file to write, outside the store; `-` for stdout.
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
    /// Look at the sessions as at this time: for a backup or a copy, the time at which it was made, since what has expired or
    /// rested by now had not then. It does not take back what the store knows of later. Default: now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<Moment>,
    /// Replace the file where it is there already. Whatever else is there, a link or a device, is left as it is.
    #[arg(long)]
    force: bool,
}

impl ReportCommand {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { source, html, at, force } = self;
        has_no_format("report", context)?;
        let target = Target::new(html, force, &source.path)?;
        let store = source.open(context)?;
        let at = at.map_or(context.now, |at| at.ago(context));
        let overview = inspect::overview(&*store, &Scope::default(), at.to_datetime())?;
        note_later(&overview, context);
        let progress = Progress::new("reading sessions");
        let total = overview.total.live + overview.total.retired.sum();
        let proxies =
            inspect::proxy_health_with(&*store, None, &mut |done| progress.set(done.min(total), total))?;
        drop(progress);
        let recent = recent(&*store)?;
        let name = source.path.display().to_string();
        let archived_at = archived_at(&store);
        let report =
            Report { store: &name, archived_at, overview: &overview, proxies: &proxies, recent: &recent };
        let page = report.page()?;
        if let Some(file) = target.write(page.as_bytes(), out)? {
            writeln!(
                out,
                "{}: {} pools, {} live and {} retired sessions",
                escape(&file.display().to_string()),
                overview.pools.len(),
                overview.total.live,
                overview.total.retired.sum()
            )?;
        }
        // Payloads are read for the proxies alone; a session whose record cannot be read is among both.
        let Overview { total, unreadable_pools, .. } = &overview;
        let sessions = total.unreadable_sessions.max(proxies.unreadable);
        note_unreadable(unreadable_pools + sessions + total.retirements.unreadable);
        Ok(())
    }
}

/// The last retirements of all pools, the last one first.
fn recent(store: &dyn ReadStore) -> Result<Vec<Retirement>> {
    let mut recent = Vec::new();
    let keep_the_last = |recent: &mut Vec<Retirement>| {
        recent.sort_by(|a, b| b.retired_at.cmp(&a.retired_at).then(b.sequence.cmp(&a.sequence)));
        recent.truncate(RECENT);
    };
    for pool in inspect::pools(store)? {
        store.visit_log(pool.number, pool.behind_all_but(RECENT as u64), &mut |item| {
            // Those that cannot be read are told of in the figures.
            if let Ok((sequence, entry)) = item {
                recent.push(Retirement::new(pool.name.clone(), sequence, entry));
            }
            if recent.len() > 10 * RECENT {
                keep_the_last(&mut recent);
            }
            ControlFlow::Continue(())
        })?;
    }
    keep_the_last(&mut recent);
    Ok(recent)
}
