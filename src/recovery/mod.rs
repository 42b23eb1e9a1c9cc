//! Making a store of an archive, or of what is left of a damaged store and its checkpoints.
//!
//! Both make a *new* store, in a directory of its own, and touch nothing else. What is there twice, in a damaged store
//! and in archives of it for instance, is merged:
//!
//! - of each session the newest version wins: a retired one before a live one, then the one with more uses, then the
//!   one used last, then the one of the source named first, which is the store;
//! - a retirement that any source knows of stands, also where it is known from the log alone;
//! - pools are the same where their names are; log entries keep their sequence numbers, and those that are lost are named,
//!   in the report and in the new store;
//! - where a repair cannot be certain that it knows how far the retirement log of a pool had come, it goes on well behind
//!   what it knows ([`Lost::LogEnd`]): no number is given twice, so a reader that had come further than what is left misses
//!   none of the next retirements. After a restore the log goes on where the archive ends;
//! - a store whose log is whole, and certain to be the newest, has all that there is: what only an archive has was forgotten
//!   since, unless an index of the store still has it;
//! - a live session whose cookies, proxy and user data no source has is left out, and named: it would go out as somebody
//!   else. A retired one comes back without them;
//! - the indexes are made anew.
//!
//! Where not all could be brought back, the new store remembers what: the report is kept in it ([`REPORT`]).

mod merge;
mod report;
mod sessions;
mod sources;
mod write;

use std::path::{Path, PathBuf};

use merge::Merged;
pub use report::{FromSource, Lost, RecoveryReport};
use sources::{ArchiveSource, DamagedStore, Source};

use crate::archive::{ArchiveError, ArchiveOptions, ArchiveReader};
use crate::error::Result;
use crate::session::Invalid;
use crate::store::SledStoreOptions;

/// The file in a store that tells, as JSON, what a repair or a restore could not bring back: the [`RecoveryReport`]. It is
/// there where something was damaged or is lost.
pub const REPORT: &str = "RECOVERY.json";

/// How a store is restored or repaired.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let (old, archive, new) = (directory.path().join("old"), directory.path().join("a"), directory.path().join("new"));
/// use session_pool::recovery::{RecoveryOptions, repair, restore};
/// use session_pool::SessionPool;
///
/// let pool = SessionPool::open(&old)?;
/// let id = *pool.acquire()?.id();
/// pool.session_store().backup_to(&archive)?;
/// drop(pool);
///
/// restore(&archive, &new, RecoveryOptions::new())?;
/// assert!(SessionPool::open(&new)?.get(&id).is_ok());
///
/// // Of a store that does not open any more, with the checkpoints in it.
/// let report = repair(&old, directory.path().join("repaired"), RecoveryOptions::new())?;
/// assert!(report.lost.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct RecoveryOptions {
    archives: Vec<PathBuf>,
    allow_damaged: bool,
    read: ArchiveOptions,
    write: SledStoreOptions,
}

impl RecoveryOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another archive to take from, besides the checkpoints in a store, or the archive that is restored. Those given
    /// first come first where versions are equal. Default: none.
    #[must_use]
    pub fn archive(mut self, path: impl Into<PathBuf>) -> Self {
        self.archives.push(path.into());
        self
    }

    /// Whether an archive that is damaged or cut short is restored as far as it can be read. Default: no, it is an
    /// error. A repair always takes what there is.
    #[must_use]
    pub fn allow_damaged(mut self, allow: bool) -> Self {
        self.allow_damaged = allow;
        self
    }

    /// How what is read is encrypted: its key. Default: not at all.
    #[must_use]
    pub fn read_with(mut self, options: ArchiveOptions) -> Self {
        self.read = options;
        self
    }

    /// How the new store is made: under which key, for instance, which need not be the one it is read with. Default: the
    /// defaults of [`SledStoreOptions`], in clear.
    #[must_use]
    pub fn write_with(mut self, options: SledStoreOptions) -> Self {
        self.write = options;
        self
    }
}

/// Makes a new store in the directory `path` of an archive.
///
/// # Errors
///
/// - [`Error::Archive`](crate::Error::Archive): the archive cannot be read, or not all of it
///   ([`RecoveryOptions::allow_damaged`]).
/// - [`Error::Store`](crate::Error::Store): [`StoreError::AlreadyExists`](crate::StoreError::AlreadyExists);
///   [`StoreError::InUse`](crate::StoreError::InUse) where somebody else is making a store there, which is left alone; or
///   the new store cannot be written. Then nothing is left of it.
pub fn restore(
    archive: impl AsRef<Path>,
    path: impl AsRef<Path>,
    options: RecoveryOptions,
) -> Result<RecoveryReport> {
    let RecoveryOptions { archives, allow_damaged, read, write } = options;
    let archives = std::iter::once(archive.as_ref().to_owned()).chain(archives);
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for archive in archives {
        sources.push(Box::new(ArchiveSource::new(archive, read.clone(), allow_damaged)));
    }
    recover(sources, path.as_ref(), write, Purpose::Restore)
}

/// Makes a new store in the directory `into` of everything that can be read in the damaged store in the directory `path`
/// and in its checkpoints. The damaged store is not touched.
///
/// The store's log is read without the engine, message by message; of its checkpoints, all from the newest to the first
/// that is whole.
///
/// # Errors
///
/// - [`Error::Store`](crate::Error::Store): [`StoreError::NotFound`](crate::StoreError::NotFound) where there is neither
///   a log nor a checkpoint, [`StoreError::InUse`](crate::StoreError::InUse) for either of the two,
///   [`StoreError::AlreadyExists`](crate::StoreError::AlreadyExists), or the new store cannot be written. Then nothing is
///   left of it.
/// - [`Error::Invalid`](crate::Error::Invalid): `into` lies in the damaged store.
/// - [`Error::Archive`](crate::Error::Archive): an archive given by [`RecoveryOptions::archive`] is none, or needs another
///   key.
pub fn repair(
    path: impl AsRef<Path>,
    into: impl AsRef<Path>,
    options: RecoveryOptions,
) -> Result<RecoveryReport> {
    let RecoveryOptions { archives, allow_damaged: _, read, write } = options;
    let damaged = DamagedStore::look(path.as_ref())?;
    if into.as_ref().ancestors().any(|above| same_place(above, path.as_ref())) {
        let rule = "must not lie in the damaged store";
        return Err(Invalid::new("into", into.as_ref().display(), rule).into());
    }
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    if let Some(log) = damaged.log(&read)? {
        sources.push(Box::new(log));
    }
    let mut passed_over = Vec::new();
    for checkpoint in damaged.checkpoints() {
        match is_whole(&checkpoint, &read) {
            Ok(whole) => {
                sources.push(Box::new(ArchiveSource::new(checkpoint, read.clone(), true)));
                if whole {
                    break;
                }
            }
            Err(error) => passed_over.push((checkpoint, error.to_string())),
        }
    }
    for archive in archives {
        // One that was asked for and is none is a mistake.
        is_whole(&archive, &read)?;
        sources.push(Box::new(ArchiveSource::new(archive, read.clone(), true)));
    }
    if sources.is_empty() {
        return Err(crate::store::StoreError::NotFound { path: path.as_ref().to_owned() }.into());
    }
    recover(sources, into.as_ref(), write, Purpose::StandIn { passed_over })
}

/// Whether an archive can be read to its end without an error, and nothing was missing when it was written; an error where
/// it is none at all.
fn is_whole(path: &Path, options: &ArchiveOptions) -> Result<bool, ArchiveError> {
    let mut reader = ArchiveReader::open(path, options)?;
    let is_whole = reader.all(|item| item.is_ok());
    Ok(is_whole && reader.summary().is_some_and(|summary| summary.unreadable == 0))
}

fn same_place(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// What a new store is for.
enum Purpose {
    /// To be what an archive was.
    Restore,
    /// To take the place of a damaged store.
    StandIn {
        /// Checkpoints that are none, and why.
        passed_over: Vec<(PathBuf, String)>,
    },
}

fn recover(
    mut sources: Vec<Box<dyn Source>>,
    path: &Path,
    write: SledStoreOptions,
    purpose: Purpose,
) -> Result<RecoveryReport> {
    let mut merged = Merged::default();
    for (number, source) in sources.iter_mut().enumerate() {
        merged.begin(number);
        source.gather(&mut |found| merged.take(found))?;
        merged.end(source.knows());
    }
    let mut report = RecoveryReport { path: path.to_owned(), ..RecoveryReport::default() };
    if !sources.iter().any(|source| source.knows().all) {
        report.lost.extend(sources.iter().filter_map(|source| source.unread()));
    }
    let stands_in = match purpose {
        Purpose::Restore => false,
        Purpose::StandIn { passed_over } => {
            report.passed_over = passed_over;
            true
        }
    };
    let mut settled = merged.settle(stands_in, &mut report)?;
    let taken = std::mem::take(&mut settled.taken);
    write.create_filled(path, |store| {
        write::fill(store, settled, &mut sources, &mut report)?;
        report.sources = sources.iter().map(|source| source.report()).collect();
        for (source, taken) in report.sources.iter_mut().zip(taken) {
            source.sessions_taken = taken;
        }
        if report.is_whole() { Ok(()) } else { report.keep() }
    })?;
    Ok(report)
}
