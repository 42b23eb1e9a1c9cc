//! What the tests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
#[cfg(feature = "async")]
use parking_lot::{Condvar, MutexGuard};
use session_pool::archive::{ArchiveOptions, ArchiveReader};
use session_pool::{
    Batch, LogEntry, ManualClock, MemoryStore, Payload, PoolBuilder, PoolEntry, PoolNumber, ReadStore,
    Sequence, SessionId, SessionOptions, SessionPool, SessionRecord, SessionStore, SledStoreOptions, State,
    Store, StoreError, Timestamp, Visitor, inspect,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn clock() -> ManualClock {
    ManualClock::new("2026-03-01T12:00:00Z".parse().unwrap())
}

/// A pool in memory on a clock of its own.
pub(crate) fn pool(change: impl FnOnce(PoolBuilder) -> PoolBuilder) -> (SessionPool, ManualClock) {
    let clock = clock();
    let pool = change(SessionPool::builder().clock(clock.clone())).open_in_memory().unwrap();
    (pool, clock)
}

pub(crate) fn options(change: impl FnOnce(&mut SessionOptions)) -> SessionOptions {
    let mut options = SessionOptions::default();
    change(&mut options);
    options
}

pub(crate) fn named(id: &str) -> SessionOptions {
    options(|o| o.id = Some(id.parse().unwrap()))
}

pub(crate) fn id(text: &str) -> SessionId {
    text.parse().unwrap()
}

/// I-1, I-2: every index and the log agree with the sessions.
pub(crate) fn assert_sound(store: &dyn ReadStore) {
    let report = inspect::check(store).unwrap();
    assert!(report.is_sound(), "I-1, I-2: {:#?}", report.findings);
}

/// A place that outlives the pools in it: on disk, or in memory.
pub(crate) enum Place {
    Disk(tempfile::TempDir),
    Memory(Arc<MemoryStore>),
}

impl Place {
    pub(crate) fn disk() -> Self {
        Self::Disk(tempfile::tempdir().unwrap())
    }

    pub(crate) fn memory() -> Self {
        Self::Memory(Arc::default())
    }

    pub(crate) fn both() -> [Self; 2] {
        [Self::disk(), Self::memory()]
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        match self {
            Self::Disk(directory) => directory.path().join("sessions"),
            Self::Memory(_) => panic!("it has no path"),
        }
    }

    pub(crate) fn open_store(&self) -> SessionStore {
        match self {
            Self::Disk(_) => SessionStore::open(self.path()).unwrap(),
            Self::Memory(store) => SessionStore::with_store(Arc::clone(store)).unwrap(),
        }
    }

    pub(crate) fn open(&self, change: impl FnOnce(PoolBuilder) -> PoolBuilder) -> SessionPool {
        change(SessionPool::builder()).open_in(&self.open_store()).unwrap()
    }

    /// Looks into it while no pool is open.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&dyn ReadStore) -> T) -> T {
        match self {
            Self::Disk(_) => look(&SledStoreOptions::new().create(false).open(self.path()).unwrap()),
            Self::Memory(store) => look(store),
        }
    }

    /// Changes it while no pool is open.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&dyn Store) -> T) -> T {
        match self {
            Self::Disk(_) => change(&SledStoreOptions::new().create(false).open(self.path()).unwrap()),
            Self::Memory(store) => change(store),
        }
    }

    pub(crate) fn assert_sound(&self) {
        self.look(assert_sound);
    }
}

type Hook = dyn Fn(&str) + Send + Sync;

/// A store whose operations can be made to fail, and that calls a hook by the name of an operation: after `contains` and
/// `record`, before `visit_expiring` and `commit`, and as `before contains`.
#[derive(Default)]
pub(crate) struct FaultyStore {
    hook: Mutex<Option<Arc<Hook>>>,
    /// Fails the next visit by state only.
    pub(crate) fails_restore: AtomicBool,
    pub inner: MemoryStore,
    pub fails_commit: AtomicBool,
    pub fails_sync: AtomicBool,
    pub panics: AtomicBool,
    /// What was committed, and how often; and how often it was made durable.
    pub changes: AtomicU64,
    pub commits: AtomicU64,
    pub syncs: AtomicU64,
}

impl FaultyStore {
    pub(crate) fn set_hook(&self, hook: impl Fn(&str) + Send + Sync + 'static) {
        *self.hook.lock() = Some(Arc::new(hook));
    }

    fn call(&self, operation: &str) {
        let hook = self.hook.lock().clone();
        if let Some(hook) = hook {
            hook(operation);
        }
    }

    fn fail(&self, operation: &'static str, switch: &AtomicBool) -> Result<(), StoreError> {
        assert!(!self.panics.load(Ordering::SeqCst), "the engine gives up, as a test asked for");
        if switch.load(Ordering::SeqCst) {
            return Err(StoreError::Engine { operation, source: "no space left on device".into() });
        }
        Ok(())
    }
}

impl ReadStore for FaultyStore {
    fn visit_pools(&self, visit: &mut Visitor<'_, PoolEntry>) -> Result<(), StoreError> {
        self.inner.visit_pools(visit)
    }

    fn record(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let record = self.inner.record(pool, id);
        self.call("record");
        record
    }

    fn payload(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<Payload>, StoreError> {
        self.inner.payload(pool, id)
    }

    fn contains(&self, pool: PoolNumber, id: &SessionId) -> Result<bool, StoreError> {
        self.call("before contains");
        let found = self.inner.contains(pool, id);
        self.call("contains");
        found
    }

    fn visit_by_state(
        &self,
        pool: PoolNumber,
        state: State,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        if self.fails_restore.swap(false, Ordering::SeqCst) {
            return Err(StoreError::Engine { operation: "read", source: "interrupted".into() });
        }
        self.inner.visit_by_state(pool, state, visit)
    }

    fn visit_sessions(
        &self,
        pool: PoolNumber,
        after: Option<&SessionId>,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        self.inner.visit_sessions(pool, after, visit)
    }

    fn visit_state_index(
        &self,
        visit: &mut Visitor<'_, (PoolNumber, State, SessionId)>,
    ) -> Result<(), StoreError> {
        self.inner.visit_state_index(visit)
    }

    fn visit_expiring(
        &self,
        after: Timestamp,
        until: Timestamp,
        visit: &mut Visitor<'_, (Timestamp, PoolNumber, SessionId)>,
    ) -> Result<(), StoreError> {
        self.call("visit_expiring");
        self.inner.visit_expiring(after, until, visit)
    }

    fn visit_log(
        &self,
        pool: PoolNumber,
        after: Sequence,
        visit: &mut Visitor<'_, (Sequence, LogEntry)>,
    ) -> Result<(), StoreError> {
        self.inner.visit_log(pool, after, visit)
    }
}

impl Store for FaultyStore {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.call("commit");
        self.fail("commit a batch", &self.fails_commit)?;
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.changes.fetch_add(batch.changes.len() as u64, Ordering::SeqCst);
        self.inner.commit(batch)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        self.fail("sync", &self.fails_sync)
    }
}

/// What holds up whoever comes by, for a minute at most.
#[cfg(feature = "async")]
#[derive(Default)]
pub(crate) struct Hold {
    held: Mutex<Held>,
    changed: Condvar,
}

#[cfg(feature = "async")]
#[derive(Default)]
struct Held {
    is_shut: bool,
    here: usize,
    may_go: usize,
}

#[cfg(feature = "async")]
impl Hold {
    pub(crate) fn begin(&self) {
        self.held.lock().is_shut = true;
    }

    pub(crate) fn end(&self) {
        self.held.lock().is_shut = false;
        self.changed.notify_all();
    }

    /// Lets one go on who is held.
    pub(crate) fn let_one_go(&self) {
        let mut held = self.held.lock();
        held.may_go += 1;
        self.changed.notify_all();
        self.wait_while(&mut held, |held| held.may_go > 0);
    }

    /// Waits until somebody is held.
    pub(crate) fn wait_for_one(&self) {
        self.wait_while(&mut self.held.lock(), |held| held.here == 0);
    }

    pub(crate) fn come_by(&self) {
        let mut held = self.held.lock();
        held.here += 1;
        self.changed.notify_all();
        self.wait_while(&mut held, |held| held.is_shut && held.may_go == 0);
        held.may_go = held.may_go.saturating_sub(1);
        held.here -= 1;
        self.changed.notify_all();
    }

    fn wait_while(&self, held: &mut MutexGuard<'_, Held>, goes_on: impl FnMut(&mut Held) -> bool) {
        assert!(!self.changed.wait_while_for(held, goes_on, 60 * SECOND).timed_out(), "nothing happens");
    }
}

/// A pool, and what holds up its commits.
#[cfg(feature = "async")]
pub(crate) fn held(change: impl FnOnce(PoolBuilder) -> PoolBuilder) -> (SessionPool, Arc<Hold>) {
    let (store, hold) = (Arc::new(FaultyStore::default()), Arc::new(Hold::default()));
    let pool = change(SessionPool::builder());
    let pool = pool.open_in(&SessionStore::with_store(Arc::clone(&store)).unwrap()).unwrap();
    pool.flush().unwrap();
    let holds = Arc::clone(&hold);
    store.set_hook(move |operation| {
        if operation == "commit" {
            holds.come_by();
        }
    });
    (pool, hold)
}

/// The engine itself, below a store that is not open. It lets go of its files a little after it is dropped.
pub(crate) fn engine(place: &Place) -> sled::Db {
    // What is done to it is no damage.
    let _ = std::fs::remove_file(place.path().join("SEAL"));
    let path = place.path().join("engine");
    for _ in 0..100 {
        match sled::open(&path) {
            Ok(engine) => return engine,
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    sled::open(path).unwrap()
}

/// Sweeps, and answers how many sessions have expired in the pool by now. (A store also sweeps by itself, now and then.)
pub(crate) fn expired_after_sweep(pool: &SessionPool) -> u64 {
    pool.sweep().unwrap();
    pool.stats().retired.expired
}

/// Everything in a store, in an order that does not depend on how it came there.
pub(crate) fn content(store: &dyn ReadStore) -> Vec<String> {
    let mut bytes = Vec::new();
    session_pool::archive::write(store, &mut bytes, &ArchiveOptions::new()).unwrap();
    let items = ArchiveReader::new(bytes.as_slice(), &ArchiveOptions::new()).unwrap();
    let mut items: Vec<String> = items.map(|item| format!("{:?}", item.unwrap())).collect();
    items.sort();
    items
}

/// A store with two pools in which all has happened that can: sessions in every state, payloads of all sizes, forgotten
/// sessions and log entries.
pub(crate) fn worked_store(place: &Place, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let store = place.open_store();
    for name in ["a", "b"] {
        let clock = clock();
        let forget = |count| session_pool::Retention { max_age: Duration::MAX, max_count: count };
        let pool = SessionPool::builder().name(name).clock(clock.clone()).max_pool_size(60);
        let pool = pool.retired_retention(forget(30)).log_retention(forget(45)).open_in(&store).unwrap();
        for turn in 0..600 {
            let Ok(lease) = pool.acquire() else { continue };
            if random.u8(..6) == 0 {
                lease.set_user_data("k", "x".repeat(random.usize(..9000))).unwrap();
                lease
                    .set_cookies([session_pool::Cookie::new("c", format!("{turn}"), "example.com")])
                    .unwrap();
            }
            let _ = match random.u8(..12) {
                0 => lease.retire(),
                1..4 => lease.fail(),
                4 => lease.rest_for(SECOND),
                _ => lease.reclaim(),
            };
            if random.u8(..40) == 0 {
                pool.flush().unwrap();
                clock.advance(SECOND * random.u32(..600));
                pool.sweep().unwrap();
                pool.forget().unwrap();
            }
        }
        pool.forget().unwrap();
    }
}

/// Every file and directory below a path: its bytes, its mode, and when it was last written to.
pub(crate) fn files(
    path: &std::path::Path,
) -> std::collections::BTreeMap<std::path::PathBuf, (Vec<u8>, u32, std::time::SystemTime)> {
    let (mut files, mut left) = (std::collections::BTreeMap::new(), vec![path.to_owned()]);
    while let Some(path) = left.pop() {
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        #[cfg(unix)]
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        #[cfg(not(unix))]
        let mode = u32::from(metadata.permissions().readonly());
        let bytes = if metadata.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else {
            std::fs::read(&path).unwrap()
        };
        files.insert(path, (bytes, mode, metadata.modified().unwrap()));
    }
    files
}

/// A copy of a directory and everything in it, as it is at the moment: of a store that is open, what a killed process leaves.
pub(crate) fn copy_directory(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The text of a file STORE, with its last line.
pub(crate) fn with_checksum(text: &str) -> String {
    format!("{text}checksum {:08x}\n", crc32fast::hash(text.as_bytes()))
}

/// The example that cargo built beside this test.
pub(crate) fn example(name: &str) -> std::path::PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(std::path::Path::parent).unwrap();
    let example = profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(example.exists(), "{name} is not built: run `cargo test` without naming a test target");
    example
}
