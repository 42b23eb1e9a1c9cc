//! `repair`: a damaged store as a new one.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use session_pool::archive::ArchiveReader;
use session_pool::recovery::{RecoveryOptions, repair};

use super::{Result, recovered};
use crate::context::Context;
use crate::keys::NewKeys;
use crate::source::of_archive;

/// Makes a new store of what can be read of a damaged one and its checkpoints. The damaged one is not touched.
///
/// Example: session-pool repair sessions && mv sessions sessions.damaged && mv sessions.repaired sessions
#[derive(Args)]
pub(crate) struct Repair {
    /// The damaged store's directory.
    store: PathBuf,
    /// The new store's directory. Default: the damaged one's name with `.repaired` behind it.
    #[arg(long)]
    into: Option<PathBuf>,
    /// Another archive to take from, besides the checkpoints in the store. Can be given several times.
    #[arg(long)]
    archive: Vec<PathBuf>,
    #[command(flatten)]
    new_keys: NewKeys,
}

impl Repair {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { store, into, archive, new_keys } = self;
        // Whatever way it is named: with a slash behind it, as `.`, by a link.
        let place = store.canonicalize().unwrap_or_else(|_| store.clone());
        let mut name = place.file_name().unwrap_or_default().to_owned();
        name.push(".repaired");
        let into = into.unwrap_or_else(|| place.with_file_name(name));
        let options = archive.iter().fold(context.keys.recovery(&new_keys)?, RecoveryOptions::archive);
        for archive in &archive {
            // One that was asked for and is none is a mistake; which one, only that tells.
            ArchiveReader::open(archive, &context.keys.archive()?)
                .map_err(|error| of_archive(archive, error.into()))?;
        }
        recovered::tell(&repair(store, into, options)?, context, out)
    }
}
