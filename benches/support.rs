//! What the workloads share: pools, and figures that are compared.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use session_pool::{PoolBuilder, Retention, SessionOptions, SessionPool, SessionStore, Strategy};
use tempfile::TempDir;

/// How many sessions are in the [large store](LargeStore): so many live ones, and so many retired ones.
pub(crate) const MILLION: usize = 1_000_000;

/// Numbers of sessions.
pub(crate) const SIZES: [usize; 3] = [1_000, 100_000, MILLION];

/// Sessions that no use retires.
pub(crate) fn options() -> SessionOptions {
    SessionOptions {
        max_usage_count: u32::MAX,
        max_age: Duration::from_secs(1_000_000),
        ..SessionOptions::default()
    }
}

/// A pool of such sessions, random.
pub(crate) fn builder(sessions: usize) -> PoolBuilder {
    SessionPool::builder().max_pool_size(sessions).strategy(Strategy::Random).session_options(options())
}

/// Opens a full pool: where the directory holds none yet, with new sessions.
pub(crate) fn full_pool(
    path: &Path,
    sessions: usize,
    change: impl FnOnce(PoolBuilder) -> PoolBuilder,
) -> SessionPool {
    full_pool_in(&open_store(path), sessions, change)
}

/// The same in a store that is open.
pub(crate) fn full_pool_in(
    store: &SessionStore,
    sessions: usize,
    change: impl FnOnce(PoolBuilder) -> PoolBuilder,
) -> SessionPool {
    let filled = builder(sessions).open_in(store).expect("the store is sound");
    fill(&filled, sessions);
    filled.close().expect("it can be written");
    drop(filled);
    change(builder(sessions)).open_in(store).expect("the store is sound")
}

pub(crate) fn open_store(path: &Path) -> SessionStore {
    SessionStore::open(path).expect("the temporary directory can be written")
}

/// Creates sessions, on demand, until there are so many.
pub(crate) fn fill(pool: &SessionPool, sessions: usize) {
    while pool.stats().live < sessions {
        use_once(pool);
    }
}

/// Acquire and reclaim.
pub(crate) fn use_once(pool: &SessionPool) {
    let _ = pool.acquire().expect("one is available").reclaim().expect("it is open");
}

/// A store with a million live sessions and a million retired ones. It takes minutes to make, so all workloads share one.
pub(crate) struct LargeStore {
    directory: TempDir,
    /// How long a session took to be created and used once, until all of them were durable.
    pub(crate) creation: Duration,
}

static LARGE_STORE: Mutex<Option<LargeStore>> = Mutex::new(None);

impl LargeStore {
    fn make() -> Self {
        let directory = temporary();
        let pool = Self::builder().open(directory.path()).expect("the temporary directory can be written");
        let began = Instant::now();
        fill(&pool, MILLION);
        pool.flush().expect("it is open");
        let creation = began.elapsed() / MILLION as u32;
        // While there is room, each is a new one.
        for _ in 0..=MILLION {
            let _ = pool.acquire().expect("one is available").retire().expect("it is open");
        }
        fill(&pool, MILLION);
        pool.close().expect("it can be written");
        Self { directory, creation }
    }

    /// A pool that forgets none of them.
    pub(crate) fn builder() -> PoolBuilder {
        builder(MILLION).retired_retention(Retention::UNLIMITED).log_retention(Retention::UNLIMITED)
    }

    /// Where it is, and how long a session took to be created.
    pub(crate) fn get() -> (PathBuf, Duration) {
        let mut store = LARGE_STORE.lock().expect("a benchmark ends where something is wrong");
        let store = store.get_or_insert_with(Self::make);
        (store.directory.path().to_owned(), store.creation)
    }

    /// Removes it.
    pub(crate) fn remove() {
        drop(LARGE_STORE.lock().map(|mut store| store.take()));
    }
}

pub(crate) fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is a temporary directory")
}

/// A copy of the engine's files of a store that is closed.
pub(crate) fn copy_engine(store: &Path) -> tempfile::TempDir {
    let copy = temporary();
    for file in std::fs::read_dir(store.join("engine")).expect("it is there") {
        let file = file.expect("it can be read");
        if file.file_type().expect("it has one").is_file() {
            std::fs::copy(file.path(), copy.path().join(file.file_name())).expect("it can be copied");
        }
    }
    copy
}

/// The engine alone.
pub(crate) fn open_engine(path: &Path) -> sled::Db {
    loop {
        match sled::Config::new().path(path).flush_every_ms(None).open() {
            Ok(database) => return database,
            // One that was just dropped lets go of its files a little later.
            Err(sled::Error::Io(_)) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// How many bytes of this process are in memory.
pub(crate) fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it is there");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<usize>().ok()).expect("a number")
        * 1024
}

/// One of the things that are compared: it does what it does some times, and answers how long that took.
pub(crate) type Case<'a> = Box<dyn FnMut() -> Duration + 'a>;

/// How long each of some cases takes, in seconds. They take turns, so that each round has the same of whatever else the
/// machine does.
pub(crate) fn in_turn<const N: usize>(rounds: usize, mut cases: [Case<'_>; N]) -> [Vec<f64>; N] {
    let mut times = [const { Vec::new() }; N];
    for round in 0..rounds {
        // Whoever goes after another finds a machine that is busy differently: each does.
        for at in 0..N {
            let at = (at + round) % N;
            times[at].push(cases[at]().as_secs_f64());
        }
    }
    times
}

/// What a ratio is to be.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// Prints how much longer `ours` takes than `theirs`, round by round.
pub(crate) fn print_ratio(name: &str, ours: &[f64], theirs: &[f64], goal: Goal) {
    let ratios = sorted(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect());
    let spread = format!("{:.2} to {:.2}", ratios[ratios.len() / 4], ratios[ratios.len() * 3 / 4]);
    print_figure(name, median(&ratios), "", goal, &spread);
}

/// Prints a figure, and whether it is what it is to be.
pub(crate) fn print_figure(name: &str, figure: f64, unit: &str, goal: Goal, note: &str) {
    let (is_met, goal) = match goal {
        Goal::AtLeast(goal) => (figure >= goal, format!(">= {goal}")),
        Goal::AtMost(goal) => (figure <= goal, format!("<= {goal}")),
    };
    let met = if is_met { "met" } else { "MISSED" };
    let (figure, goal) = (format!("{figure:.2}{unit}"), format!("{goal}{unit}"));
    println!("{name:<64} {figure:>12}  goal {goal:<12} {met:<7} {note}");
}

/// Prints a time, a call.
pub(crate) fn print_time(name: &str, seconds: f64) {
    let (time, unit) = match seconds {
        s if s < 1e-6 => (s * 1e9, "ns"),
        s if s < 1e-3 => (s * 1e6, "us"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    println!("{name:<64} {time:>9.2} {unit}");
}

pub(crate) fn sorted(mut figures: Vec<f64>) -> Vec<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    figures
}

/// The middle one of figures that are in order.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// The middle one.
pub(crate) fn middle(figures: &[f64]) -> f64 {
    median(&sorted(figures.to_vec()))
}
