//! A store, opened, with the pools in it.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use super::checkpoint::{AtOnce, CheckpointStatus, Checkpointer, write_archive};
use super::committer::Committer;
use super::core::PoolCore;
use super::store_builder::SessionStoreBuilder;
use crate::archive::{ArchiveOptions, ArchiveSummary, NewFile};
use crate::error::{Error, Result};
use crate::retirement::Subscription;
use crate::store::{
    MemoryStore, PoolEntry, PoolName, PoolNumber, Store, StoreError, StoreReport, Unreadable,
};

/// An opened store that many pools share: one directory, one lock, one thread that commits.
///
/// One pool opens its own with [`SessionPool::open`]; a crawler with a pool a site opens this, and each pool in it with
/// [`PoolBuilder::open_in`]. A pool costs no thread and no tree of the database, so thousands of them are cheap.
///
/// A store has two threads, one that commits and one that writes checkpoints; all stores of a process share a third, which
/// looks whether the disk has failed while something is being made durable.
///
/// Clones share the store. When the last of them and of the handles of its pools is dropped, what is pending is
/// committed, and the directory is free for others.
///
/// [`SessionPool::open`]: crate::SessionPool::open
/// [`PoolBuilder::open_in`]: crate::PoolBuilder::open_in
#[derive(Clone)]
pub struct SessionStore {
    shared: Arc<Shared>,
}

struct Shared {
    /// Ends before the committer does.
    checkpointer: Option<Checkpointer>,
    archives: ArchiveOptions,
    committer: Arc<Committer>,
    thread: Mutex<Option<JoinHandle<()>>>,
    pools: Mutex<Pools>,
    unreadable: Vec<Unreadable>,
}

/// The pools that the store knows.
struct Pools {
    by_name: HashMap<PoolName, Known>,
    next_number: PoolNumber,
}

struct Known {
    entry: PoolEntry,
    is_open: bool,
}

impl SessionStore {
    /// How many events a subscriber of the store can be behind.
    const CHANNEL_CAPACITY: usize = 4096;

    /// Opens the store in the directory `path`, and creates it where there is none (mode 0700).
    ///
    /// # Errors
    ///
    /// As [`SessionStoreBuilder::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().open(path)
    }

    /// To open a store with options of its own.
    pub fn builder() -> SessionStoreBuilder {
        SessionStoreBuilder::default()
    }

    /// A store in memory, gone with the process: for tests.
    ///
    /// # Errors
    ///
    /// [`Error::Thread`].
    pub fn in_memory() -> Result<Self> {
        Self::with_store(MemoryStore::new())
    }

    /// A store of your own making, or one opened already.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where it cannot be read; [`Error::Thread`].
    pub fn with_store(store: impl Store) -> Result<Self> {
        Self::builder().with_store(store)
    }

    pub(super) fn start(
        store: impl Store,
        archives: ArchiveOptions,
        checkpointer: impl FnOnce(&Arc<Committer>) -> Result<Option<Checkpointer>>,
    ) -> Result<Self> {
        let store: Arc<dyn Store> = Arc::new(store);
        let mut pools = Pools { by_name: HashMap::new(), next_number: PoolNumber(0) };
        let mut unreadable = Vec::new();
        store.visit_pools(&mut |item| {
            let number = match item {
                Ok(entry) => {
                    let number = entry.number;
                    pools.by_name.insert(entry.name.clone(), Known { entry, is_open: false });
                    Some(number)
                }
                Err(item) => {
                    let number = item.pool;
                    unreadable.push(item);
                    number
                }
            };
            // Also the number of an unreadable entry is taken: there may be sessions under it.
            if let Some(number) = number.filter(|number| *number >= pools.next_number) {
                pools.next_number = PoolNumber(number.0.saturating_add(1));
            }
            ControlFlow::Continue(())
        })?;
        let committer = Arc::new(Committer::new(store, Self::CHANNEL_CAPACITY));
        let thread = {
            let committer = Arc::clone(&committer);
            let builder = thread::Builder::new().name("session-pool".to_owned());
            builder.spawn(move || committer.run()).map_err(|source| Error::Thread { source })?
        };
        let mut shared = Shared {
            checkpointer: None,
            archives,
            committer,
            thread: Mutex::new(Some(thread)),
            pools: Mutex::new(pools),
            unreadable,
        };
        shared.checkpointer = checkpointer(&shared.committer)?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The names of its pools, in order.
    pub fn pool_names(&self) -> Vec<PoolName> {
        let mut names: Vec<PoolName> = self.shared.pools.lock().by_name.keys().cloned().collect();
        names.sort();
        names
    }

    /// The entries of pools that could not be read, and so cannot be opened by their names. Nothing of them is touched.
    pub fn unreadable_pools(&self) -> &[Unreadable] {
        &self.shared.unreadable
    }

    /// What opening it found, and did about it.
    pub fn open_report(&self) -> StoreReport {
        self.store().open_report()
    }

    /// Hears the retirements in all pools of this store, from now on. A listener can be 4096 events behind.
    pub fn retirements(&self) -> Subscription {
        self.shared.committer.broadcast.subscribe()
    }

    /// Waits until everything that the pools were told before is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`].
    pub fn flush(&self) -> Result<()> {
        self.committer().check()?;
        self.committer().wait()
    }

    /// Writes everything in it as an [archive](crate::archive), as it is now, while its pools go on working.
    ///
    /// Where the store is encrypted, so is the archive, under the same key.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`], [`Error::Archive`].
    pub fn backup(&self, out: impl Write) -> Result<ArchiveSummary> {
        self.backup_with(out, &self.shared.archives)
    }

    /// The same with other options: under another key, for instance.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`], [`Error::Archive`].
    pub fn backup_with(&self, out: impl Write, options: &ArchiveOptions) -> Result<ArchiveSummary> {
        self.flush()?;
        let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
        let written = write_archive(self.committer(), out, now.into(), options, &AtOnce)?;
        Ok(written.map(|(_, summary)| summary).unwrap_or_default())
    }

    /// The same to a new file, readable for its owner only, which appears when it is whole and durable.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`], [`Error::Archive`], also where there is a file of that name already.
    pub fn backup_to(&self, path: impl AsRef<Path>) -> Result<ArchiveSummary> {
        self.backup_to_with(path, &self.shared.archives)
    }

    /// The same with other options.
    ///
    /// # Errors
    ///
    /// As [`SessionStore::backup_to`].
    pub fn backup_to_with(&self, path: impl AsRef<Path>, options: &ArchiveOptions) -> Result<ArchiveSummary> {
        let mut file = NewFile::create(path.as_ref())?;
        let summary = self.backup_with(&mut file, options).map_err(|error| match error {
            Error::Archive(error) => error.of_file(path.as_ref()).into(),
            error => error,
        })?;
        file.finish()?;
        Ok(summary)
    }

    /// Writes a checkpoint now, besides those that are due, and answers its path; `None` where they are switched off.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`], [`Error::Archive`].
    pub fn checkpoint(&self) -> Result<Option<PathBuf>> {
        self.flush()?;
        let checkpointer = self.shared.checkpointer.as_ref();
        Ok(checkpointer.map(Checkpointer::write_now).transpose()?)
    }

    /// How its checkpoints go; `None` where they are switched off.
    pub fn checkpoint_status(&self) -> Option<CheckpointStatus> {
        self.shared.checkpointer.as_ref().map(Checkpointer::status)
    }

    /// What it is kept in, for reading: see [`inspect`](crate::inspect). Writing to it below open pools is asking for
    /// trouble.
    pub fn store(&self) -> &dyn Store {
        &*self.shared.committer.store
    }

    pub(super) fn committer(&self) -> &Arc<Committer> {
        &self.shared.committer
    }

    /// Takes a pool for one opener, and answers what the store knows of it, and whether it is new.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyOpen`]; [`Error::Store`] where there are 4,294,967,295 pools.
    pub(super) fn take(&self, name: &PoolName) -> Result<(PoolEntry, bool)> {
        let mut pools = self.shared.pools.lock();
        if let Some(known) = pools.by_name.get_mut(name) {
            if std::mem::replace(&mut known.is_open, true) {
                return Err(Error::AlreadyOpen { pool: name.clone() });
            }
            return Ok((known.entry.clone(), false));
        }
        let number = pools.next_number;
        let next = number.0.checked_add(1).ok_or_else(|| StoreError::Engine {
            operation: "number a pool",
            source: "there are 4294967295 of them".into(),
        })?;
        pools.next_number = PoolNumber(next);
        let entry = PoolEntry::new(number, name.clone());
        pools.by_name.insert(name.clone(), Known { entry: entry.clone(), is_open: true });
        Ok((entry, true))
    }

    /// Gives a pool back, so that it can be opened again.
    pub(super) fn release(&self, core: &PoolCore) {
        let entry = core.committer.settled_entry(core);
        self.shared.pools.lock().by_name.insert(core.name.clone(), Known { entry, is_open: false });
    }

    /// The same for one that could not be opened. Where it was new, the store has never heard of it.
    pub(super) fn release_unopened(&self, name: &PoolName, is_new: bool) {
        let mut pools = self.shared.pools.lock();
        if is_new {
            pools.by_name.remove(name);
        } else if let Some(known) = pools.by_name.get_mut(name) {
            known.is_open = false;
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(checkpointer) = self.checkpointer.take() {
            checkpointer.stop(!self.committer.is_own_thread());
        }
        self.committer.stop();
        if let Some(thread) = self.thread.get_mut().take().filter(|_| !self.committer.is_own_thread()) {
            // It contains its panics; and nobody is left to hear of one.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionStore")
            .field("pools", &self.shared.pools.lock().by_name.len())
            .finish_non_exhaustive()
    }
}
