//! `restore`: an archive as a new store.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use session_pool::recovery::restore;

use super::{Result, recovered};
use crate::context::Context;
use crate::keys::NewKeys;
use crate::source::of_archive;

/// Makes a new store of an archive.
///
/// Example: session-pool restore sessions.archive sessions
#[derive(Args)]
pub(crate) struct Restore {
    /// The archive.
    file: PathBuf,
    /// The new store's directory; it must not be there yet, or be empty.
    store: PathBuf,
    /// Restore what can be read of an archive that is damaged or cut short.
    #[arg(long)]
    damaged: bool,
    #[command(flatten)]
    new_keys: NewKeys,
}

impl Restore {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { file, store, damaged, new_keys } = self;
        let options = context.keys.recovery(&new_keys)?.allow_damaged(damaged);
        let report = restore(&file, store, options).map_err(|error| of_archive(&file, error))?;
        recovered::tell(&report, context, out)
    }
}
