//! Archives that a store writes by itself, so that a damaged disk costs little.

mod schedule;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use schedule::Checkpointer;

use super::committer::Committer;
use crate::archive::{ArchiveError, ArchiveOptions, ArchiveSummary, ArchiveWriter, checkpoints};
use crate::session::{Invalid, Timestamp};

/// When a store writes an archive of itself, and how many it keeps.
///
/// A checkpoint is an [archive](crate::archive) of everything in the store, as it was at one moment. It is written by a
/// thread of its own, which takes at most a twentieth of one processor's time however large the store is, and it appears
/// under its name when it is whole and durable. Nothing is written while nothing changes. The oldest are deleted
/// only after a new one is there. [`CheckpointStatus`] tells how it goes; a checkpoint that fails, on a full disk for
/// instance, fails alone, and is tried again when the next one is due.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("sessions");
/// use std::time::Duration;
/// use session_pool::{Checkpoints, SessionPool};
///
/// // Every hour, the last 24 of them; `None` switches them off.
/// let checkpoints = Checkpoints { every: Duration::from_secs(3600), keep: 24, ..Default::default() };
/// let pool = SessionPool::builder().checkpoints(Some(checkpoints)).open(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoints {
    /// How long after the last one began. Default: 15 minutes. At least 1 second.
    pub every: Duration,
    /// How many are kept, from 1 to 1000. Default: 3.
    pub keep: usize,
    /// The directory they are in, of this store alone, better on another disk; a repair has to be told of it
    /// ([`RecoveryOptions::archive`](crate::recovery::RecoveryOptions::archive)). Default: `checkpoints` in the store's
    /// directory.
    pub directory: Option<PathBuf>,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self { every: Duration::from_secs(15 * 60), keep: 3, directory: None }
    }
}

impl Checkpoints {
    /// The directory in a store's directory that they are in, unless they are told another: `checkpoints`.
    pub const DIRECTORY: &str = checkpoints::DIRECTORY;
    /// The shortest time between two of them.
    pub const MIN_EVERY: Duration = Duration::from_secs(1);
    /// How many may be kept at most.
    pub const MAX_KEEP: usize = 1000;

    pub(super) fn check(&self) -> Result<(), Invalid> {
        if self.every < Self::MIN_EVERY {
            return Err(Invalid::new(
                "checkpoints.every",
                format_args!("{:?}", self.every),
                "must be at least 1 s",
            ));
        }
        if !(1..=Self::MAX_KEEP).contains(&self.keep) {
            return Err(Invalid::new("checkpoints.keep", self.keep, "must be from 1 to 1000"));
        }
        Ok(())
    }
}

/// How the checkpoints of a store go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckpointStatus {
    /// How many were written since the store was opened.
    pub written: u64,
    /// The last of them.
    pub last: Option<PathBuf>,
    /// When that was begun: what it holds was so at that moment.
    pub last_at: Option<Timestamp>,
    /// How many failed since the store was opened.
    pub failed: u64,
    /// Why the last one failed; `None` where it did not.
    pub last_error: Option<String>,
}

/// Whoever writes an archive and gives way to others.
pub(super) trait Pace {
    /// Is told after each page how long that took; answers whether to go on.
    fn go_on(&self, worked: Duration, waiting_bytes: &dyn Fn() -> usize) -> bool;
}

/// As fast as it goes.
pub(super) struct AtOnce;

impl Pace for AtOnce {
    fn go_on(&self, _worked: Duration, _waiting_bytes: &dyn Fn() -> usize) -> bool {
        true
    }
}

/// Writes an archive of the store as it is now, while it goes on changing. `None` where it was told not to go on.
pub(super) fn write_archive<W: Write>(
    committer: &Arc<Committer>,
    out: W,
    now: Timestamp,
    options: &ArchiveOptions,
    pace: &dyn Pace,
) -> Result<Option<(W, ArchiveSummary)>, ArchiveError> {
    let mut writer = ArchiveWriter::new(out, now, options)?;
    let reading = committer.begin_cut()?;
    loop {
        let begun = Instant::now();
        let Some(items) = reading.next_page()? else { break };
        for item in &items {
            writer.item(item)?;
        }
        if !pace.go_on(begun.elapsed(), &|| reading.waiting_bytes()) {
            return Ok(None);
        }
    }
    writer.finish(reading.unreadable()).map(Some)
}
