//! `export`: a store as text.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;
use session_pool::exchange::crawlee::{self, CrawleeOptions, CrawleeSummary, Dialect};
use session_pool::exchange::{ExchangeError, ExportOptions, write_jsonl, write_jsonl_file};
use session_pool::{PoolName, ReadStore};

use super::{Result, sessions_of};
use crate::consent::{counted, log_entries};
use crate::context::{Context, note};
use crate::cure::repairing;
use crate::errors::{NotFound, Unsound, Wrong};
use crate::notes::{Notes, ReportArguments};
use crate::output::{Format, Harmless, document, escape};
use crate::progress::Progress;
use crate::source::Source;

/// Writes everything in a store or an archive as JSON Lines, or the sessions of a pool as a state file of Crawlee.
///
/// Secrets are in it in clear: cookies, user data, proxy passwords where it has place for proxies. A file gets mode 0600. What Crawlee has no place for is
/// told on stderr: what is of a kind in one line, and of each session with --report.
///
/// JSON Lines begin with a line of `kind` `header`; then come lines of `pool`, `retirement` and `session`, and one of `end`.
/// The library's documentation of `exchange` has all fields.
///
/// Example: session-pool export sessions sessions.jsonl
#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    source: Source,
    /// The file to write; it must not be there yet. `-`: stdout.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// As what.
    #[arg(long, value_enum, default_value_t = Target::Jsonl)]
    to: Target,
    /// This pool only. A state file of Crawlee holds one: where there are several, it must be named.
    #[arg(long, allow_hyphen_values = true)]
    pool: Option<PoolName>,
    /// Mask secrets, as `show` does. What is written then is for looking at, and cannot be imported.
    #[arg(long)]
    mask: bool,
    #[command(flatten)]
    report: ReportArguments,
}

/// As what it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// JSON Lines of everything, which can be imported without a loss.
    Jsonl,
    /// `SDK_SESSION_POOL_STATE.json` of Crawlee JS 3.
    CrawleeJs,
    /// `CRAWLEE_SESSION_POOL_STATE_0.json` of Crawlee JS 4.
    #[value(name = "crawlee-js-4")]
    CrawleeJs4,
    /// `CRAWLEE_SESSION_POOL_STATE.json` of Crawlee Python.
    CrawleePython,
}

impl Export {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { source, file, to, pool, mask, report } = self;
        let dialect = match to {
            Target::Jsonl => None,
            Target::CrawleeJs => Some(Dialect::Js3),
            Target::CrawleeJs4 => Some(Dialect::Js4),
            Target::CrawleePython => Some(Dialect::Python),
        };
        if mask && dialect.is_some() {
            return Err(Wrong("--mask is for JSON Lines only".to_owned()).into());
        }
        let notes = Notes::new(&report)?;
        let store = source.open(context)?;
        let unreadable = match dialect {
            // Nothing is left out of it, and the report says so.
            None => jsonl(&*store, &file, pool, mask, context, out).and_then(|unreadable| {
                notes.tell_and_keep()?;
                Ok(unreadable)
            }),
            Some(dialect) => state(&*store, &file, pool, dialect, notes, context, out),
        };
        let unreadable = unreadable.map_err(|error| refused(error, &source.path))?;
        if !mask {
            note(match dialect {
                None | Some(Dialect::Js4) => "cookies, user data and proxy passwords are in it in clear",
                // It has no place for proxies.
                Some(_) => "cookies and user data are in it in clear",
            });
        }
        if unreadable > 0 {
            // An archive is as it is.
            let cure = if source.path.is_dir() {
                format!("; repairing makes a store of the rest: {}", repairing(&source.path, &context.keys))
            } else {
                String::new()
            };
            let (items, are) = (counted(unreadable, "item"), if unreadable == 1 { "is" } else { "are" });
            note(&format!("{items} could not be read, and {are} not in it{cure}"));
            return Err(Unsound(source.path).into());
        }
        Ok(())
    }
}

/// The error, with what can be done about it.
fn refused(error: Box<dyn Error>, store: &Path) -> Box<dyn Error> {
    match error.downcast_ref() {
        Some(ExchangeError::WhichPool { .. }) => Wrong(format!("{error}: --pool NAME")).into(),
        Some(ExchangeError::NoSuchPool { .. }) => NotFound(format!("{}: {error}", store.display())).into(),
        _ => error,
    }
}

fn is_stdout(file: &Path) -> bool {
    file == Path::new("-")
}

/// A bar that moves on with what was written.
fn progress() -> impl Fn(u64) + 'static {
    let progress = Progress::new("exporting");
    move |done| progress.set(done, 0)
}

/// Answers how much could not be read.
fn jsonl(
    store: &dyn ReadStore,
    file: &Path,
    pool: Option<PoolName>,
    mask: bool,
    context: &Context,
    out: &mut dyn Write,
) -> Result<u64> {
    let mut options = ExportOptions::new().masked(mask).on_progress(progress());
    if let Some(name) = pool {
        options = options.pool(name);
    }
    if is_stdout(file) {
        return Ok(write_jsonl(store, Harmless::new(out), &options)?.unreadable);
    }
    let summary = write_jsonl_file(store, file, &options)?;
    drop(options);
    if context.format == Format::Table {
        let (pools, sessions, entries) = (summary.pools, summary.sessions, summary.log_entries);
        let name = escape(&file.display().to_string());
        let (pools, sessions) = (counted(pools, "pool"), counted(sessions, "session"));
        writeln!(out, "{name}: {pools}, {sessions}, {}", log_entries(entries))?;
    } else {
        document(&summary, context, out)?;
    }
    Ok(summary.unreadable)
}

fn state(
    store: &dyn ReadStore,
    file: &Path,
    pool: Option<PoolName>,
    dialect: Dialect,
    mut notes: Notes,
    context: &Context,
    out: &mut dyn Write,
) -> Result<u64> {
    let mut options = CrawleeOptions::new(dialect).now(context.now).on_progress(progress());
    if let Some(name) = pool {
        options = options.pool(name);
    }
    let take = &mut |note: &_| notes.take(note);
    let summary = if is_stdout(file) {
        crawlee::write(store, Harmless::new(out), &options, take)?
    } else {
        crawlee::write_file(store, file, &options, take)?
    };
    drop(options);
    let count = notes.count;
    if !is_stdout(file) {
        let CrawleeSummary { usable, expired, retired, unreadable, .. } = summary;
        if context.format == Format::Table {
            let name = escape(&file.display().to_string());
            writeln!(out, "{name}: a state of {dialect}, {}", sessions_of(usable, expired, retired))?;
        } else {
            let told = json!({
                "usable": usable, "expired": expired, "retired": retired, "unreadable": unreadable, "notes": count,
            });
            document(&told, context, out)?;
        }
    }
    notes.tell_and_keep()?;
    Ok(summary.unreadable)
}
