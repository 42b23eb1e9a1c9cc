//! The commands, one file each: its arguments, a call of the library, and what of the answer is shown.
//!
//! A new one is a file with a struct of arguments that has `run`, its `mod`, its variant of [`Command`], and its arm below.

mod add;
mod backup;
#[cfg(feature = "browse")]
mod browse;
mod check;
mod compact;
mod completions;
mod diff;
mod export;
mod import;
mod list;
mod man;
mod migrate;
mod purge;
mod recovered;
mod repair;
mod report;
mod restore;
mod retire;
mod retirements;
mod show;
mod stats;

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use clap::Subcommand;
use session_pool::inspect::{self, Opened, Overview};
use session_pool::{PoolEntry, PoolName, ReadStore, Timestamp};

use crate::consent::counted;
use crate::context::Context;
use crate::errors::{NotFound, Wrong};
use crate::output::{Format, escape, width};

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

// What each is about, `--help` takes from the struct of its arguments.
#[derive(Subcommand)]
pub(crate) enum Command {
    Stats(stats::Stats),
    List(list::List),
    Show(show::Show),
    Retirements(retirements::Retirements),
    Report(report::ReportCommand),
    #[cfg(feature = "browse")]
    Browse(browse::Browse),
    Check(check::Check),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Repair(repair::Repair),
    Retire(retire::Retire),
    Add(add::Add),
    Purge(purge::Purge),
    Compact(compact::Compact),
    Migrate(migrate::Migrate),
    Completions(completions::Completions),
    Man(man::Man),
    Export(export::Export),
    Import(import::Import),
    Diff(diff::Diff),
}

pub(crate) fn run(command: Command, context: &Context, out: &mut dyn Write) -> Result {
    match command {
        Command::Stats(command) => command.run(context, out),
        Command::List(command) => command.run(context, out),
        Command::Show(command) => command.run(context, out),
        Command::Retirements(command) => command.run(context, out),
        Command::Report(command) => command.run(context, out),
        #[cfg(feature = "browse")]
        Command::Browse(command) => command.run(context, out),
        Command::Check(command) => command.run(context, out),
        Command::Backup(command) => command.run(context, out),
        Command::Restore(command) => command.run(context, out),
        Command::Repair(command) => command.run(context, out),
        Command::Retire(command) => command.run(context, out),
        Command::Add(command) => command.run(context, out),
        Command::Purge(command) => command.run(context, out),
        Command::Compact(command) => command.run(context, out),
        Command::Migrate(command) => command.run(context, out),
        Command::Completions(command) => command.run(context, out),
        Command::Man(command) => command.run(context, out),
        Command::Export(command) => command.run(context, out),
        Command::Import(command) => command.run(context, out),
        Command::Diff(command) => command.run(context, out),
    }
}

/// Of an archive, when it was written.
fn archived_at(opened: &Opened) -> Option<Timestamp> {
    match opened {
        Opened::Archive(archive) => Some(archive.header().created_at),
        _ => None,
    }
}

/// Whether the store has the pool, where one is asked for: a name that is mistyped is not taken for a pool with nothing in it.
///
/// # Errors
///
/// [`NotFound`].
fn has_pool(store: &dyn ReadStore, pool: Option<&PoolName>) -> Result {
    /// How many pools are named that there are.
    const NAMED: usize = 10;
    let Some(pool) = pool else { return Ok(()) };
    let known = inspect::pools(store)?;
    if known.iter().any(|entry| entry.name == *pool) {
        return Ok(());
    }
    let mut names: Vec<&str> = known.iter().take(NAMED).map(|entry| entry.name.as_str()).collect();
    let more = if known.len() > NAMED { format!(" and {} more", known.len() - NAMED) } else { String::new() };
    if names.is_empty() {
        names.push("none");
    }
    Err(NotFound(format!("there is no pool {pool}: the store has {}{more}", names.join(", "))).into())
}

/// How wide the widest name of a pool is, as it is shown.
fn widest_name(pools: &[PoolEntry]) -> usize {
    pools.iter().map(|pool| width(&escape(pool.name.as_str()))).max().unwrap_or_default()
}

/// Says to people how many rows are shown, of how many there are.
fn hint_shown(shown: u64, all: u64, what: &str, context: &Context) {
    context.hint(&match all {
        0 => format!("no {what} found"),
        all if all == shown => counted(all, what),
        all => format!("{shown} of {} shown, by --limit", counted(all, what)),
    });
}

/// Refuses `--format` where there is no choice.
///
/// # Errors
///
/// [`Wrong`].
fn has_no_format(command: &str, context: &Context) -> Result {
    if context.format == Format::Table {
        return Ok(());
    }
    Err(Wrong(format!("{command} has no --format: list, show and retirements do")).into())
}

/// How many sessions went from one program to another, in the words of both ways: what one counts, the other does.
fn sessions_of(usable: u64, expired: u64, retired: u64) -> String {
    let sessions = counted(usable + expired + retired, "session");
    format!("{sessions}: {usable} usable, {expired} expired, {retired} retired")
}

/// Says on stderr what was passed over.
fn note_unreadable(unreadable: u64) {
    if unreadable > 0 {
        crate::context::note(&format!("{unreadable} unreadable items were passed over; check names them"));
    }
}

/// Says on stderr where a store is looked at as at a time that it has gone on from: it has no memory of how it was.
fn note_later(overview: &Overview, context: &Context) {
    /// Times are given in whole seconds.
    const SECOND: Duration = Duration::from_secs(1);
    let (at, total) = (overview.at, &overview.total);
    let newest = total.last_created_at.max(total.last_used_at).max(total.retirements.last_at);
    if let Some(newest) = newest.filter(|newest| newest.since(at) >= SECOND) {
        let (at, newest) = (context.zone.format(at), context.zone.format(newest));
        crate::context::note(&format!(
            "this is told of a store that goes on until {newest}: what was so at {at}, a backup of then has"
        ));
    }
}
