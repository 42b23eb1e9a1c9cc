//! `backup`: a store as an archive.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::Result;
use crate::context::{Context, note};
use crate::source::open_store;

/// Writes everything in a store as an archive.
///
/// A crawler can do so itself while it runs; and it does, every 15 minutes, into its `checkpoints`.
///
/// Example: session-pool backup sessions sessions.archive
#[derive(Args)]
pub(crate) struct Backup {
    /// The store's directory.
    store: PathBuf,
    /// The archive to write; it must not be there yet.
    file: PathBuf,
}

impl Backup {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { store, file } = self;
        let store = open_store(&store, context)?;
        let sessions = session_pool::SessionStore::builder().checkpoints(None).with_store(store)?;
        // What the archive is encrypted with is what the store is.
        let summary = sessions.backup_to_with(&file, &context.keys.archive()?)?;
        writeln!(
            out,
            "{}: {} pools, {} sessions, {} log entries",
            file.display(),
            summary.pools,
            summary.sessions,
            summary.log_entries
        )?;
        if summary.unreadable > 0 {
            note(&format!("{} items could not be read, and are not in it", summary.unreadable));
        }
        Ok(())
    }
}
