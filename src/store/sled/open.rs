//! Opening: find out what is there, lock it, start the engine, bring the schema up to date.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use parking_lot::RwLock;

use super::directory::{self, DATABASE, ENGINE, Found, Marker, StoreLock};
use super::engine::{Engine, located, store_error};
use super::floors::Floors;
use super::health::Log;
use super::salvage::Ended;
use super::seal::{self, Sealed};
use super::verified::{self, fault_in};
use super::witness::{self, Witness};
use super::{
    MigrationProgress, SledStore, commit, floors, health, migrate, migrations, schema_version, watch,
};
use crate::encryption::Cipher;
use crate::store::{Healed, StoreError, StoreReport};

type OnMigration = Box<dyn FnMut(MigrationProgress) + Send>;

/// How to open a [`SledStore`].
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("sessions");
/// use session_pool::SledStoreOptions;
///
/// let store = SledStoreOptions::new().cache_capacity(16 << 20).open(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SledStoreOptions {
    create: bool,
    cache_capacity: u64,
    on_migration: Option<OnMigration>,
    cipher: Option<Cipher>,
}

impl Default for SledStoreOptions {
    fn default() -> Self {
        Self { create: true, cache_capacity: Self::DEFAULT_CACHE_CAPACITY, on_migration: None, cipher: None }
    }
}

impl SledStoreOptions {
    /// The memory that the engine's cache may take where nothing else is said, in bytes: 64 MiB.
    pub const DEFAULT_CACHE_CAPACITY: u64 = 64 << 20;

    /// The defaults: create what is missing, a cache of 64 MiB.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a missing store is created. Default: yes.
    #[must_use]
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// How much memory the engine's cache may take, in bytes. Default: 64 MiB. Less than 1 MiB counts as 1 MiB.
    #[must_use]
    pub fn cache_capacity(mut self, bytes: u64) -> Self {
        self.cache_capacity = bytes.max(1 << 20);
        self
    }

    /// Hears how a migration goes on. Default: nobody does.
    #[must_use]
    pub fn on_migration(mut self, callback: impl FnMut(MigrationProgress) + Send + 'static) -> Self {
        self.on_migration = Some(Box::new(callback));
        self
    }

    /// The key that payloads are encrypted with: cookies, user data, proxies and fingerprints. Default: none, they are in
    /// clear. A store is made with a key or without one, and stays so; [`restore`](crate::recovery::restore) rewrites it
    /// under another. Ids, counters, times and the names of pools are in clear in any case.
    #[cfg(feature = "encryption")]
    #[must_use]
    pub fn encryption_key(mut self, key: &crate::encryption::EncryptionKey) -> Self {
        self.cipher = Some(Cipher::new(key));
        self
    }

    pub(crate) fn cipher(&self) -> Option<Cipher> {
        self.cipher.clone()
    }

    /// Opens the store in the directory `path`. The directory gets mode 0700, the files in it 0600.
    ///
    /// Before the engine sees its files they are verified: the log as a whole where the store was closed, else as far
    /// as it tells by itself. Damaged files beside the log are kept in `set-aside`, and made anew;
    /// [`SledStore::open_report`] tells.
    ///
    /// # Errors
    ///
    /// - [`StoreError::NotFound`]: there is none, and [`SledStoreOptions::create`] was switched off.
    /// - [`StoreError::NotADirectory`], [`StoreError::NotAStore`]: something else is there. It is left as it is.
    /// - [`StoreError::InUse`]: it is open already, in this process or another.
    /// - [`StoreError::NewerSchema`]: a newer version of this crate wrote it. It is left as it is (I-8).
    /// - [`StoreError::KeyNeeded`], [`StoreError::WrongKey`], [`StoreError::NotEncrypted`]: the key does not fit.
    /// - [`StoreError::Damaged`]: its log is not what was written, or the file that says what it is is missing. It is left as it is;
    ///   [`repair`](crate::recovery::repair) makes a new store of what can be read.
    /// - [`StoreError::Io`], [`StoreError::Engine`]: the disk or the engine failed.
    pub fn open(self, path: impl AsRef<Path>) -> Result<SledStore, StoreError> {
        let path = path.as_ref();
        let opening = self.begin(path)?;
        if opening.report.is_new {
            opening.finish()?;
        }
        Ok(opening.store)
    }

    /// The same, but a new store is left unfinished: whoever finds it before [`Opening::finish`] makes it anew.
    pub(super) fn begin(self, path: &Path) -> Result<Opening, StoreError> {
        let (lock, found) = self.lock(path)?;
        self.start(path, lock, found)
    }

    /// Keeps others off the store in the directory `path`, and answers what is there.
    fn lock(&self, path: &Path) -> Result<(Arc<StoreLock>, Found), StoreError> {
        // Looked at before anything is touched, and again once nobody else can change it.
        self.refuse(path)?;
        directory::create(path)?;
        let lock = directory::lock(path)?;
        Ok((Arc::new(lock), self.refuse(path)?))
    }

    fn start(mut self, path: &Path, lock: Arc<StoreLock>, found: Found) -> Result<Opening, StoreError> {
        // The mark goes ahead of the work: whoever finds it half done knows what it is, and an older version of this
        // crate keeps off a store that is being migrated. One that was killed while it was being made is made anew.
        let is_new = !found.is_finished();
        let finished = match &found {
            Found::Store(marker) if !is_new => {
                marker.check_key(path, self.cipher.as_ref())?;
                Marker { schema: schema_version(), ..marker.clone() }
            }
            _ => {
                let key_check = self.cipher.as_ref().map(Cipher::key_check);
                Marker { schema: schema_version(), key_check, is_unfinished: false }
            }
        };
        let mut report = StoreReport { is_new, ..StoreReport::default() };
        let engine_path = path.join(ENGINE);
        // The last sync that the engine must know of.
        let mut expected = 0;
        if is_new {
            directory::mark(path, &Marker { is_unfinished: true, ..finished.clone() })?;
            seal::remove(path)?;
            witness::remove(path)?;
            floors::remove(path)?;
            directory::clear_engine(path)?;
        } else {
            let log = verify(path, &mut report)?;
            if let Log::Verified(trees) = &log {
                expected = verified::marked(trees).map_err(|fault| fault_in(path, "read", fault))?;
            }
            if !matches!(found, Found::Store(marker) if marker == finished) {
                directory::mark(path, &finished)?;
            }
            health::heal(path, &engine_path, &log, &mut report)?;
            seal::remove(path)?;
        }
        let engine = Engine::start(&engine_path, self.cache_capacity)?;
        // Starting, the engine went through its log and wrote a snapshot, under a new name that it did not make durable.
        // From now on it writes over parts of the log that only an older snapshot, or none, would still ask for.
        directory::sync_directory(&engine_path)?;
        let database = engine_path.join(DATABASE);
        let database_file = OpenOptions::new().read(true).write(true).open(&database);
        let database_file = database_file.map_err(StoreError::io("open", &database))?;
        // What the engine wrote when it started: the next mark says that it is durable.
        database_file.sync_data().map_err(StoreError::io("sync", &database))?;
        let (was_open, not_private) = directory::make_private(path)?;
        report.made_private.extend(was_open.then(|| path.to_owned()));
        report.not_private = not_private;

        let found = migrate::version(engine.trees()).map_err(located(path))?;
        if found > schema_version() {
            return Err(StoreError::NewerSchema { path: path.into(), found, supported: schema_version() });
        }
        let mut ignore = |_| {};
        let progress: &mut dyn FnMut(MigrationProgress) = match &mut self.on_migration {
            Some(callback) => &mut **callback,
            None => &mut ignore,
        };
        let sync = || {
            watch::flush(engine.db()).map_err(|error| store_error(path, "migrate the store in", error))?;
            database_file.sync_data().map_err(StoreError::io("sync", &database))
        };
        let from =
            migrate::migrate(engine.trees(), migrations::STEPS, &sync, progress).map_err(located(path))?;
        let is_migrated = from != schema_version();
        report.migrated_from = (is_migrated && !is_new).then_some(from);
        let marked = commit::marked(engine.trees()).map_err(located(path))?;
        if marked < expected {
            let detail = format!("the engine has gone back to mark {marked}, from mark {expected}");
            return Err(StoreError::Damaged { path: path.into(), detail });
        }
        let store = SledStore {
            engine,
            database_file,
            path: path.to_owned(),
            cipher: self.cipher,
            payload_parts: RwLock::new(()),
            has_failed: AtomicBool::new(false),
            has_written: AtomicBool::new(true),
            marked: AtomicU64::new(marked),
            witness: Witness::open(path)?,
            floors: Floors::open(path)?,
            report: report.clone(),
            _lock: lock,
        };
        if is_migrated {
            crate::store::Store::sync(&store)?;
        }
        Ok(Opening { store, report, finished })
    }

    /// Makes a new store in the directory `path`, which must be empty or missing, and fills it. Where that fails,
    /// nothing is left of it; where the process is killed meanwhile, nobody takes what is left for a store. Where somebody
    /// else is making one there, that is left alone.
    pub(crate) fn create_filled<E: From<StoreError>>(
        self,
        path: &Path,
        fill: impl FnOnce(&SledStore) -> Result<(), E>,
    ) -> Result<(), E> {
        let was_there = path.exists();
        let already_exists = || StoreError::AlreadyExists { path: path.into() };
        match directory::inspect(path) {
            Ok(found) if !found.is_finished() => {}
            Ok(_)
            | Err(
                StoreError::NotADirectory { .. } | StoreError::NotAStore { .. } | StoreError::Damaged { .. },
            ) => return Err(already_exists().into()),
            Err(error) => return Err(error.into()),
        }
        let options = self.create(true);
        // Somebody else may be making a store there: then it is theirs, until the lock falls, and after that.
        let (lock, found) = options.lock(path)?;
        if found.is_finished() {
            return Err(already_exists().into());
        }
        let filled = options.start(path, Arc::clone(&lock), found).map_err(E::from).and_then(|opening| {
            fill(&opening.store)?;
            Ok(opening.finish()?)
        });
        if filled.is_err() {
            directory::remove(path, was_there);
        }
        drop(lock);
        filled
    }

    /// Answers what is at `path` unless it is something that must not be opened.
    fn refuse(&self, path: &Path) -> Result<Found, StoreError> {
        match directory::inspect(path)? {
            Found::Empty if !self.create => Err(StoreError::NotFound { path: path.into() }),
            Found::Store(Marker { schema: found, .. }) if found > schema_version() => {
                Err(StoreError::NewerSchema { path: path.into(), found, supported: schema_version() })
            }
            // Nothing was ever kept in it.
            Found::Store(Marker { is_unfinished: true, .. }) if !self.create => {
                Err(StoreError::NotFound { path: path.into() })
            }
            found => Ok(found),
        }
    }
}

impl fmt::Debug for SledStoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledStoreOptions")
            .field("create", &self.create)
            .field("cache_capacity", &self.cache_capacity)
            .finish_non_exhaustive()
    }
}

/// A store that is open, and perhaps not finished yet.
pub(super) struct Opening {
    pub(super) store: SledStore,
    report: StoreReport,
    finished: Marker,
}

impl Opening {
    /// Makes a new store durable, and says that it is one.
    pub(super) fn finish(&self) -> Result<(), StoreError> {
        let path = &self.store.path;
        crate::store::Store::sync(&self.store)?;
        directory::sync_files(&path.join(ENGINE))?;
        directory::sync_directory(path)?;
        directory::sync_way_to(path)?;
        directory::mark(path, &self.finished)
    }
}

/// Verifies the log before the engine sees it.
fn verify(path: &Path, report: &mut StoreReport) -> Result<Log, StoreError> {
    let damaged = |detail| StoreError::Damaged { path: path.into(), detail };
    let database = path.join(ENGINE).join(DATABASE);
    if !database.exists() {
        // The engine would start with an empty one.
        return Err(damaged("its file engine/db is missing".to_owned()));
    }
    match seal::verify(path)? {
        Sealed::Unchanged(snapshots) => {
            report.was_closed = true;
            return Ok(Log::Sealed(snapshots));
        }
        Sealed::Changed(how) => return Err(damaged(how)),
        Sealed::No => {}
        Sealed::Unreadable => {
            let (file, place) = seal::set_aside(path)?;
            let why = "it does not say what it must".to_owned();
            report.healed.push(Healed { file, why, set_aside: Some(place) });
        }
    }
    let witnessed = witness::read(path)?;
    let image = verified::read(path, Ended::Somehow { witnessed }, &|_, _| {})?;
    let trees = verified::judge(path, image, witnessed)?;
    // What a killed process wrote, and nobody has synced since. A snapshot says that it is durable.
    File::open(&database).and_then(|file| file.sync_data()).map_err(StoreError::io("sync", &database))?;
    Ok(Log::Verified(Box::new(trees)))
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::store::{Batch, Change, PoolEntry, PoolNumber, ReadStore, Store};

    fn fill(store: &SledStore) -> Result<(), StoreError> {
        let entry = PoolEntry::new(PoolNumber(1), "kept".parse().unwrap());
        store.commit(&Batch { changes: vec![Change::Pool(entry)] })
    }

    fn has_pool(path: &Path) -> bool {
        let store = SledStoreOptions::new().create(false).open(path).unwrap();
        let mut pools = 0;
        store
            .visit_pools(&mut |_| {
                pools += 1;
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        pools == 1
    }

    #[test]
    fn a_store_that_is_being_made_is_not_touched_by_another_that_is_to_be_made_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        let other = || SledStoreOptions::new().create_filled(&path, fill);
        let made = SledStoreOptions::new().create_filled(&path, |store| {
            assert!(matches!(other(), Err(StoreError::InUse { .. })));
            fill(store)
        });
        made.unwrap();
        assert!(has_pool(&path));
        assert!(matches!(other(), Err(StoreError::AlreadyExists { .. })));
    }

    #[test]
    fn a_store_that_another_has_just_made_is_not_filled_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        for _ in 0..5 {
            thread::scope(|scope| {
                let mut second = None;
                let made = SledStoreOptions::new().create_filled(&path, |store| {
                    let late = || {
                        SledStoreOptions::new().create_filled(&path, |_| -> Result<(), StoreError> {
                            panic!("it is there already")
                        })
                    };
                    second = Some(scope.spawn(late));
                    // It waits for the lock for a while.
                    thread::sleep(Duration::from_millis(50));
                    fill(store)
                });
                made.unwrap();
                let second = second.unwrap().join().unwrap();
                let is_refused =
                    matches!(second, Err(StoreError::AlreadyExists { .. } | StoreError::InUse { .. }));
                assert!(is_refused, "{second:?}");
            });
            assert!(has_pool(&path));
            std::fs::remove_dir_all(&path).unwrap();
        }
    }
}
