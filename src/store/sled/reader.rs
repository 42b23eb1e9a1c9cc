//! Reading a store without touching it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::directory::{self, DATABASE, ENGINE, Found, Marker};
use super::read::{self, ReadTrees};
use super::salvage::{Ended, Fault, LogTrees, Slice, Walk};
use super::seal::{self, Sealed};
use super::verified::{self, fault_in};
use super::{ReadLock, Tree, keys, schema_version, witness};
use crate::encryption::Cipher;
use crate::session::{Payload, SessionId, SessionRecord, State, Timestamp};
use crate::store::{LogEntry, PoolEntry, PoolNumber, ReadOptions, ReadStore, Sequence, StoreError, Visitor};

/// A store on disk that is only read: no file of it changes, neither its content nor its mode nor its times, but for
/// those of the last access.
///
/// Opening a [`SledStore`](crate::SledStore) starts its engine, which writes; this reads the engine's log by itself, once, and
/// verifies it as opening does. It answers what the engine would: of a store whose process was killed, everything that
/// was durable, and what was written behind that up to the first thing that was not. Sessions are read where they lie in the
/// log when they are asked for; what it takes in memory is a place for each page of the log, some 100 bytes for each ten
/// sessions and the pages that are read most.
///
/// As long as it is there nobody can open the store for writing, and others can read it.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("sessions");
/// # session_pool::SessionPool::open(&path)?.acquire()?.reclaim()?;
/// use session_pool::{ReadOptions, SledReader, inspect};
///
/// let store = SledReader::open(&path, &ReadOptions::new())?;
/// assert!(store.was_closed());
/// assert_eq!(inspect::pools(&store)?[0].name.as_str(), "default");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SledReader {
    trees: LogTrees,
    roots: [u64; Tree::ALL.len()],
    path: PathBuf,
    cipher: Option<Cipher>,
    was_closed: bool,
    _lock: Option<ReadLock>,
}

impl SledReader {
    /// Opens the store in the directory `path` for reading.
    ///
    /// # Errors
    ///
    /// - [`StoreError::NotFound`]: there is none.
    /// - [`StoreError::NotADirectory`], [`StoreError::NotAStore`]: something else is there.
    /// - [`StoreError::InUse`]: somebody has it open for writing, a running crawler for instance.
    /// - [`StoreError::NewerSchema`]: a newer version of this crate wrote it.
    /// - [`StoreError::OlderSchema`]: an older version wrote it; opening it for writing migrates it.
    /// - [`StoreError::KeyNeeded`], [`StoreError::WrongKey`], [`StoreError::NotEncrypted`]: the key does not fit.
    /// - [`StoreError::Damaged`]: its log is not what was written, or the file that says what it is is missing; [`repair`](crate::recovery::repair) makes a new store
    ///   of what can be read.
    /// - [`StoreError::Io`]: the disk failed.
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, StoreError> {
        let store = Self::open_any(path.as_ref(), options)?;
        store.check_schema()?;
        Ok(store)
    }

    /// The same, also of one that has an older schema version: its trees can be counted, and not understood.
    pub(super) fn open_any(path: &Path, options: &ReadOptions) -> Result<Self, StoreError> {
        // Looked at before the lock is taken, whose error would say less, and again once nobody else can change it.
        let cipher = options.cipher();
        find(path)?.check_key(path, cipher.as_ref())?;
        let lock = ReadLock::take(path)?;
        find(path)?.check_key(path, cipher.as_ref())?;
        let database = path.join(ENGINE).join(DATABASE);
        if !database.exists() {
            return Err(damaged(path, "its file engine/db is missing"));
        }
        let seal = seal::read(path)?;
        let how = match &seal {
            Some(_) => Ended::Closed,
            None => Ended::Somehow { witnessed: witness::read(path)? },
        };
        let image = verified::read(path, how, &|done, total| options.progress(done, total))?;
        if let Some(seal) = &seal
            && let Sealed::Changed(how) = seal.compare(image.checksums())
        {
            return Err(damaged(path, how));
        }
        let trees = match how {
            Ended::Closed => verified::trees(path, image)?,
            Ended::Somehow { witnessed } => verified::judge(path, image, witnessed)?,
        };
        let mut roots = [0; Tree::ALL.len()];
        for (tree, place) in Tree::ALL.into_iter().zip(&mut roots) {
            *place = trees.root(tree.name()).ok_or_else(|| damaged(path, "its log lacks a tree"))?;
        }
        let was_closed = how == Ended::Closed;
        Ok(Self { trees, roots, path: path.into(), cipher, was_closed, _lock: lock })
    }

    /// The directory it is in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether whoever had it open last closed it, rather than being killed. Its log was then compared with what it was when
    /// it was closed.
    pub fn was_closed(&self) -> bool {
        self.was_closed
    }

    fn read_meta(&self, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        self.get(Tree::Meta, key).map_err(|fault| self.fault("read", fault))
    }

    /// The version that the trees have: a migration that was killed leaves an older one than the directory says.
    pub(super) fn schema(&self) -> Result<u32, StoreError> {
        let value = self.read_meta(keys::SCHEMA)?;
        let found =
            value.and_then(|value| value.as_ref().first_chunk().map(|bytes| u32::from_be_bytes(*bytes)));
        Ok(found.unwrap_or_default())
    }

    fn check_schema(&self) -> Result<(), StoreError> {
        let (found, path) = (self.schema()?, self.path.clone());
        match found.cmp(&schema_version()) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Less => {
                Err(StoreError::OlderSchema { path, found, current: schema_version() })
            }
            std::cmp::Ordering::Greater => {
                Err(StoreError::NewerSchema { path, found, supported: schema_version() })
            }
        }
    }
}

/// What says of a directory that it is a store that can be read.
fn find(path: &Path) -> Result<Marker, StoreError> {
    match directory::inspect(path)? {
        Found::Store(Marker { schema: found, .. }) if found > schema_version() => {
            Err(StoreError::NewerSchema { path: path.into(), found, supported: schema_version() })
        }
        Found::Store(marker) if !marker.is_unfinished => Ok(marker),
        // Nothing was ever kept in it.
        Found::Store(_) | Found::Empty => Err(StoreError::NotFound { path: path.into() }),
    }
}

fn damaged(path: &Path, detail: impl Into<String>) -> StoreError {
    StoreError::Damaged { path: path.into(), detail: detail.into() }
}

impl fmt::Debug for SledReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledReader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ReadTrees for SledReader {
    type Bytes = Slice;
    type Error = Fault;
    type Walk<'a> = Walk<'a>;

    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Slice>, Fault> {
        self.trees.get(self.roots[tree as usize], key)
    }

    fn walk(&self, tree: Tree, from: &[u8]) -> Walk<'_> {
        self.trees.walk(self.roots[tree as usize], from)
    }

    fn fault(&self, operation: &'static str, fault: Fault) -> StoreError {
        fault_in(&self.path, operation, fault)
    }

    fn cipher(&self) -> Option<&Cipher> {
        self.cipher.as_ref()
    }

    /// Nobody rewrites anything.
    fn hold_payloads(&self) -> impl Sized {}
}

read::read_store!(SledReader);
