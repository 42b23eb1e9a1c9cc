//! `backup`: a store as an archive.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use session_pool::archive;

use super::Result;
use crate::consent::{counted, log_entries};
use crate::context::{Context, note};
use crate::errors::Unsound;
use crate::output::{Format, document, escape};
use crate::source::Source;

/// Writes everything in a store as an archive.
///
/// A crawler can do so itself while it runs; and it does, every 15 minutes, into its `checkpoints`.
///
/// Example: session-pool backup sessions sessions.archive
#[derive(Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    source: Source,
    /// The archive to write; it must not be there yet.
    file: PathBuf,
}

impl Backup {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { source, file } = self;
        let store = source.open(context)?;
        // What the archive is encrypted with is what the store is.
        let summary = archive::write_to(&*store, &file, &context.keys.archive()?)?;
        if context.format == Format::Table {
            writeln!(
                out,
                "{}: {}, {}, {}",
                escape(&file.display().to_string()),
                counted(summary.pools, "pool"),
                counted(summary.sessions, "session"),
                log_entries(summary.log_entries)
            )?;
        } else {
            document(&summary, context, out)?;
        }
        if summary.unreadable > 0 {
            let are = if summary.unreadable == 1 { "is" } else { "are" };
            note(&format!("{} could not be read, and {are} not in it", counted(summary.unreadable, "item")));
            return Err(Unsound(source.path).into());
        }
        Ok(())
    }
}
