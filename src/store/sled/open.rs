//! Opening: find out what is there, lock it, start the engine, bring the schema up to date.

use std::fmt;
use std::fs::OpenOptions;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use parking_lot::RwLock;

use super::directory::{self, ENGINE, Found, Marker};
use super::{MigrationProgress, SledStore, Trees, migrate, migrations, schema_version};
use crate::store::StoreError;

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
}

impl Default for SledStoreOptions {
    fn default() -> Self {
        Self { create: true, cache_capacity: Self::DEFAULT_CACHE_CAPACITY, on_migration: None }
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

    /// Opens the store in the directory `path`. A new directory gets mode 0700.
    ///
    /// # Errors
    ///
    /// - [`StoreError::NotFound`]: there is none, and [`SledStoreOptions::create`] was switched off.
    /// - [`StoreError::NotADirectory`], [`StoreError::NotAStore`]: something else is there. It is left as it is.
    /// - [`StoreError::InUse`]: it is open already, in this process or another.
    /// - [`StoreError::NewerSchema`]: a newer version of this crate wrote it. It is left as it is (I-8).
    /// - [`StoreError::Damaged`]: the engine cannot read its files.
    /// - [`StoreError::Io`], [`StoreError::Engine`]: the disk or the engine failed.
    pub fn open(mut self, path: impl AsRef<Path>) -> Result<SledStore, StoreError> {
        let path = path.as_ref();
        // Looked at before anything is touched, and again once nobody else can change it.
        self.refuse(path)?;
        directory::create(path)?;
        let lock = directory::lock(path)?;
        let found = self.refuse(path)?;

        // The mark goes ahead of the work: whoever finds it half done knows what it is, and an older version of this
        // crate keeps off a store that is being migrated. One that was killed while it was being made is made anew.
        let finished = Marker { schema: schema_version(), is_unfinished: false };
        let is_new = !matches!(found, Found::Store(Marker { is_unfinished: false, .. }));
        if is_new {
            directory::mark(path, Marker { is_unfinished: true, ..finished })?;
            directory::clear_engine(path)?;
        } else if !matches!(found, Found::Store(marker) if marker == finished) {
            directory::mark(path, finished)?;
        }
        let engine = path.join(ENGINE);
        let database = engine.join("db");
        if !is_new && !database.exists() {
            // The engine would start with an empty one.
            return Err(StoreError::Damaged {
                path: path.into(),
                detail: "its file engine/db is missing".to_owned(),
            });
        }
        directory::clear_unfinished_snapshots(&engine)?;
        let db = start(&engine, self.cache_capacity)?;
        // Starting, the engine went through its log and wrote a snapshot, under a new name that it did not make durable.
        // From now on it writes over parts of the log that only an older snapshot, or none, would still ask for.
        directory::sync_directory(&engine)?;
        let trees = contain(&engine, || Trees::open(&db))?;
        let database_file = OpenOptions::new().read(true).write(true).open(&database);
        let database_file = database_file.map_err(StoreError::io("open", &database))?;
        let payload_parts = RwLock::new(());
        let store = SledStore { trees, db, database_file, path: path.to_owned(), payload_parts, _lock: lock };

        let found = migrate::version(&store.trees)?;
        if found > schema_version() {
            return Err(StoreError::NewerSchema { path: store.path, found, supported: schema_version() });
        }
        let mut ignore = |_| {};
        let progress: &mut dyn FnMut(MigrationProgress) = match &mut self.on_migration {
            Some(callback) => &mut **callback,
            None => &mut ignore,
        };
        let from = migrate::migrate(&store.trees, migrations::STEPS, progress)?;
        if from != schema_version() || is_new {
            crate::store::Store::sync(&store)?;
        }
        if is_new {
            directory::sync_files(&engine)?;
            directory::sync_directory(path)?;
            directory::sync_way_to(path)?;
            directory::mark(path, finished)?;
        }
        Ok(store)
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

/// How often, and how long apart, an engine is tried whose files an earlier engine of this process still holds: it lets
/// go of them a little after it is dropped.
const TRIES: u32 = 250;
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(20);

fn start(path: &Path, cache_capacity: u64) -> Result<sled::Db, StoreError> {
    // The committer says when to flush.
    let config = sled::Config::new().path(path).cache_capacity(cache_capacity).flush_every_ms(None);
    let mut tries = 0;
    loop {
        match contain(path, || config.open()) {
            Err(StoreError::Io { source, .. }) if is_locked(&source) && tries < TRIES => {
                tries += 1;
                thread::sleep(TRY_AGAIN_AFTER);
            }
            opened => return opened,
        }
    }
}

fn is_locked(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}

/// Runs the engine on files that may be damaged: it meets some damage with a panic.
fn contain<T>(path: &Path, run: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    let damaged = |detail: String| StoreError::Damaged { path: PathBuf::from(path), detail };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(error))) => Err(StoreError::io("open the engine in", path)(error)),
        Ok(Err(error @ (sled::Error::Corruption { .. } | sled::Error::Unsupported(_)))) => {
            Err(damaged(error.to_string()))
        }
        Ok(Err(error)) => Err(StoreError::Engine { operation: "open", source: Box::new(error) }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it gave up");
            Err(damaged(format!("the engine gave up: {text}")))
        }
    }
}
