//! Rewriting a store into a smaller one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::copy::{Content, content, copy};
use super::owner::Owner;
use super::place::{self, Places};
use super::{MaintenanceError, Progress};
use crate::archive::checkpoints;
use crate::inspect::check_with;
use crate::path_text;
use crate::recovery;
use crate::store::{ReadOptions, ReadStore, SledReader, SledStoreOptions};

/// How far a compaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactProgress {
    /// What is being done.
    pub step: CompactStep,
    /// Sessions done in this step; 0 where that is not known.
    pub sessions: u64,
    /// Sessions there are; 0 as long as that is not known.
    pub total: u64,
}

/// What a compaction does, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompactStep {
    /// Verifies the old store.
    Check,
    /// Writes the new one.
    Copy,
    /// Verifies the new one, and compares.
    Verify,
}

/// What a compaction did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CompactReport {
    /// The store that was compacted.
    #[serde(serialize_with = "path_text::path")]
    pub store: PathBuf,
    /// Where the new one is: the same place where it was replaced. `None` where it would not have been smaller by a
    /// tenth, and the old one is still in its place.
    #[serde(serialize_with = "path_text::maybe")]
    pub compacted: Option<PathBuf>,
    /// Where the old one is now; `None` where it was deleted.
    #[serde(serialize_with = "path_text::maybe")]
    pub old: Option<PathBuf>,
    /// How many bytes the old one takes: its files, without checkpoints and what was set aside.
    pub bytes_before: u64,
    /// How many bytes the new one takes.
    pub bytes_after: u64,
    /// Pools in it.
    pub pools: u64,
    /// Live sessions in it.
    pub live: u64,
    /// Retired sessions in it.
    pub retired: u64,
    /// Log entries in it.
    pub log_entries: u64,
}

/// What becomes of the old store when a new one has taken its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OldStore {
    /// It is kept beside it, as `NAME.before-compact`.
    #[default]
    Keep,
    /// It is deleted, with everything that is in its directory.
    Delete,
}

/// How many tenths of the old store's size a new one may have at most to take its place. What is gained is less in smaller
/// stores than what two equal ones differ by.
const WORTH_IT: u64 = 9;

/// Whoever hears how far a compaction has come.
type OnProgress<'a> = dyn FnMut(CompactProgress) + 'a;

/// Rewrites the store in the directory `path` into a new one in the directory `into`, which must be empty or missing.
///
/// The old one is verified first ([`check`](crate::inspect::check)), then everything in it is copied as it is: pools with their numbers, sequences
/// and gaps, sessions with their payloads, logs. The new one is verified too, and both are compared, by counts and by a digest
/// of all that they hold. Only then is the new one finished: before, and where anything fails, it is none, and removed. The old
/// one is only read. Nobody can open it meanwhile.
///
/// What makes it smaller is that the engine's log is written anew, without what was overwritten or forgotten in it. A store
/// that is hardly used may not get any smaller.
///
/// `options` say how the new one is made; it gets the key that the old one has, which is the one in them.
///
/// # Errors
///
/// - [`MaintenanceError::Store`]: the old one cannot be opened or read, or the new one cannot be written.
/// - [`MaintenanceError::Place`]: `into` lies in the old store.
/// - [`MaintenanceError::Unsound`]: the old one is not sound. [`repair`](crate::recovery::repair) makes a sound one of it.
/// - [`MaintenanceError::Different`]: the new one is not equal to the old one, or not sound.
/// - [`MaintenanceError::Io`]: the size of one of them cannot be told.
pub fn compact(
    path: impl AsRef<Path>,
    into: impl AsRef<Path>,
    options: SledStoreOptions,
    progress: &mut OnProgress<'_>,
) -> Result<CompactReport, MaintenanceError> {
    let (path, into) = (path.as_ref(), into.as_ref());
    if into.ancestors().any(|above| is_same_place(above, path)) {
        let rule = "must not lie in the store that is compacted";
        return Err(MaintenanceError::Place { path: into.to_owned(), rule });
    }
    let source = open(path, &options)?;
    let bytes_before = size_on_disk(path)?;
    let content = write(&source, into, options, progress, &|| carry_report(path, into))?;
    drop(source);
    Ok(report(path, Some(into), Some(path), bytes_before, size_on_disk(into)?, content))
}

/// Rewrites the store in the directory `path`, and puts the new one into its place. Where `path` is a link, that is where it
/// leads to.
///
/// The new one is made beside it, as [`compact`] does; checkpoints in the store's directory are carried over, what was set
/// aside is not. Then the two directories are exchanged, in one step: at any instant there is a whole store with everything in
/// it at `path`. The old one is called `NAME.before-compact` from then on. Where the new one is not smaller by a tenth at
/// least, it is removed, and nothing is changed. The new one belongs to whom the old one belongs to, also where somebody else
/// compacts it, `root` for instance.
///
/// # What a crash leaves
///
/// At `path` is a whole store, the old one or the new one, and beside it perhaps a directory `NAME.compacting` or
/// `NAME.before-compact` with a file `COMPACTED` in it, which nobody needs: the next compaction removes it, and so may you.
/// `NAME.before-compact` without that file is the old store, and the compaction is done.
///
/// Some file systems, systems other than Linux and macOS, and builds without the feature `cli`, cannot exchange two
/// directories in one step. There the old one is renamed and then the new one, and a crash between the two leaves nothing at
/// `path`: the next compaction finishes that, and so does renaming `NAME.compacting` to `NAME`. Before, no crawler may be
/// started on it: it would make a new, empty store.
///
/// # Errors
///
/// As [`compact`]; [`MaintenanceError::Place`] where `NAME.before-compact` or `NAME.compacting` is there and is not left by a
/// compaction that was ended in the middle; [`MaintenanceError::Io`] where a directory cannot be renamed, because it is where a
/// disk is mounted for instance, or where the new one cannot be given to the owner of the old one. At `path` is a whole store
/// then, too.
pub fn compact_in_place(
    path: impl AsRef<Path>,
    options: SledStoreOptions,
    old: OldStore,
    progress: &mut OnProgress<'_>,
) -> Result<CompactReport, MaintenanceError> {
    let places = Places::of(path.as_ref())?;
    let Places { store: path, new: into, old: kept } = &places;
    if places.is_between()? {
        places.finish()?;
        let (bytes_before, bytes_after) = (size_on_disk(kept)?, size_on_disk(path)?);
        let content = content(&open(path, &options)?, &mut |_| {})?;
        let kept = places.settle(old)?;
        return Ok(report(path, Some(path), kept, bytes_before, bytes_after, content));
    }
    let source = open(path, &options)?;
    let _claim = places.claim()?;
    places.tidy()?;
    let bytes_before = size_on_disk(path)?;
    let owner = Owner::of(path)?;
    let written = write(&source, into, options, progress, &|| {
        place::mark(into)?;
        // Before all the work is done in vain.
        owner.give(into)?;
        carry_checkpoints(path, into)?;
        carry_report(path, into)
    })
    .and_then(|content| owner.give(into).map(|()| content));
    let content = written.inspect_err(|_| {
        // What is left of it where that fails, too, says that it may be deleted.
        let _ = places.tidy();
    })?;
    let bytes_after = size_on_disk(into)?;
    if bytes_after > bytes_before / 10 * WORTH_IT {
        places.tidy()?;
        return Ok(report(path, None, Some(path), bytes_before, bytes_after, content));
    }
    places.swap().inspect_err(|_| {
        let _ = places.tidy();
    })?;
    drop(source);
    let kept = places.settle(old)?;
    Ok(report(path, Some(path), kept, bytes_before, bytes_after, content))
}

impl Places {
    /// Does with the old store what is to be done with it, and answers where it is.
    fn settle(&self, old: OldStore) -> Result<Option<&Path>, MaintenanceError> {
        match old {
            OldStore::Keep => Ok(Some(&self.old)),
            OldStore::Delete => self.delete_old().map(|()| None),
        }
    }
}

/// Whether there is nothing at `path` because a compaction in that place was ended between two renames, which
/// [`compact_in_place`] finishes.
///
/// # Errors
///
/// [`MaintenanceError::Io`]; [`MaintenanceError::Place`] where `path` has no name; [`MaintenanceError::Store`] where one of the
/// two stores is none any more.
pub fn was_interrupted(path: impl AsRef<Path>) -> Result<bool, MaintenanceError> {
    Places::of(path.as_ref())?.is_between()
}

/// Makes the new store. `prepare` is called when its directory is there.
fn write(
    source: &dyn ReadStore,
    into: &Path,
    options: SledStoreOptions,
    progress: &mut OnProgress<'_>,
    prepare: &dyn Fn() -> Result<(), MaintenanceError>,
) -> Result<Content, MaintenanceError> {
    let mut tell = |step, sessions, total| progress(CompactProgress { step, sessions, total });
    let found = check_with(source, &mut |done| tell(CompactStep::Check, done as u64, 0))?;
    if let Some(first) = found.findings.first() {
        return Err(MaintenanceError::Unsound { findings: found.findings.len(), first: first.to_string() });
    }
    let total = found.sessions as u64;
    drop(found);
    let mut written = Content::default();
    options.create_filled(into, |target| {
        prepare()?;
        let copying: &mut Progress<'_> = &mut |done| tell(CompactStep::Copy, done, total);
        written = copy(source, target, copying)?;
        let different = |detail: String| MaintenanceError::Different { detail };
        let found = content(target, &mut |done| tell(CompactStep::Verify, done, total))?;
        if let Some(difference) = found.difference(&written) {
            return Err(different(difference));
        }
        let found = check_with(target, &mut |done| tell(CompactStep::Verify, done as u64, total))?;
        found.findings.first().map_or(Ok(()), |finding| Err(different(finding.to_string())))
    })?;
    Ok(written)
}

fn report(
    store: &Path,
    compacted: Option<&Path>,
    old: Option<&Path>,
    bytes_before: u64,
    bytes_after: u64,
    content: Content,
) -> CompactReport {
    let Content { pools, live, retired, log_entries, .. } = content;
    CompactReport {
        store: store.to_owned(),
        compacted: compacted.map(Path::to_owned),
        old: old.map(Path::to_owned),
        bytes_before,
        bytes_after,
        pools,
        live,
        retired,
        log_entries,
    }
}

/// Opens a store for reading, with the key that another is made with.
fn open(path: &Path, options: &SledStoreOptions) -> Result<SledReader, MaintenanceError> {
    Ok(SledReader::open(path, &ReadOptions::new().with_cipher(options.cipher()))?)
}

fn is_same_place(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// How many bytes the files of the store in the directory `path` take, without checkpoints and what was set aside.
///
/// # Errors
///
/// [`MaintenanceError::Io`].
pub fn size_on_disk(path: impl AsRef<Path>) -> Result<u64, MaintenanceError> {
    let store = path.as_ref();
    let files = |directory: &Path| -> io::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(directory)? {
            let metadata = entry?.metadata()?;
            bytes += if metadata.is_file() { metadata.len() } else { 0 };
        }
        Ok(bytes)
    };
    let engine = store.join("engine");
    let bytes = files(store).and_then(|bytes| Ok(bytes + files(&engine)?));
    bytes.map_err(MaintenanceError::io("look at the files of", store))
}

/// Gives the new store the checkpoints of the old one.
fn carry_checkpoints(from: &Path, to: &Path) -> Result<(), MaintenanceError> {
    let (from, to) = (from.join(checkpoints::DIRECTORY), to.join(checkpoints::DIRECTORY));
    let files = checkpoints::list(&from).map_err(MaintenanceError::io("list", &from))?;
    if files.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(&to).map_err(MaintenanceError::io("create the directory", &to))?;
    for file in files {
        let Some(name) = file.path.file_name() else { continue };
        carry(&file.path, &to.join(name))?;
    }
    place::sync(&to)
}

/// Gives the new store what a repair said of the old one.
fn carry_report(from: &Path, to: &Path) -> Result<(), MaintenanceError> {
    let report = from.join(recovery::REPORT);
    if report.is_file() { carry(&report, &to.join(recovery::REPORT)) } else { Ok(()) }
}

/// Gives a file another name, too: those that are carried over are never written to again.
fn carry(file: &Path, name: &Path) -> Result<(), MaintenanceError> {
    fs::hard_link(file, name)
        .or_else(|_| fs::copy(file, name).and_then(|_| fs::File::open(name)?.sync_all()))
        .map_err(MaintenanceError::io("carry over", file))
}
