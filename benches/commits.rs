//! The committer at work: outcomes of ever other sessions, new sessions, and whoever waits for neither.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use session_pool::Strategy;
use sled::Transactional;
use sled::transaction::{ConflictableTransactionError, TransactionalTree};

use crate::support::{
    Goal, LargeStore, builder, copy_engine, fill, full_pool, full_pool_in, in_turn, middle, open_engine,
    open_store, print_figure, print_ratio, print_time, temporary, use_once,
};

const SESSIONS: usize = 100_000;

pub(crate) fn benchmark() {
    sustained();
    creation();
    latencies();
    events();
}

/// Outcomes of sessions of which no two are the same, until all is durable; and the engine alone with the same bytes, as
/// often made durable.
fn sustained() {
    let directories = [temporary(), temporary()];
    drop(full_pool(directories[0].path(), SESSIONS, |b| b));
    let mut engine = Engine::open(copy_engine(directories[0].path()).path(), directories[1].path());
    let pool = full_pool(directories[0].path(), SESSIONS, |b| b.strategy(Strategy::RoundRobin));
    let [ours, raw] = in_turn(
        7,
        [
            Box::new(|| {
                let began = Instant::now();
                (0..SESSIONS).for_each(|_| use_once(&pool));
                pool.flush().expect("it is open");
                began.elapsed() / SESSIONS as u32
            }),
            Box::new(|| engine.writes()),
        ],
    );
    print_time("commits: an outcome, every session's once, until durable", middle(&ours));
    print_time("commits: sled's apply_batch of the same bytes, as durable", middle(&raw));
    print_ratio("commits: outcomes a second : sled's", &raw, &ours, Goal::AtLeast(0.7));
}

/// The engine alone, with what a store of the pool has in its tree of sessions.
struct Engine {
    database: sled::Db,
    tree: sled::Tree,
    records: Vec<(sled::IVec, Vec<u8>)>,
    round: u8,
    file: File,
}

impl Engine {
    /// How much is in a batch, and between two syncs: as the pool does it.
    const BATCH: usize = 512;

    fn open(of_pool: &Path, path: &Path) -> Self {
        let records = open_engine(of_pool).open_tree("sessions").expect("it is there").iter();
        let records = records.map(|record| record.expect("it is sound"));
        let records: Vec<_> = records.map(|(key, value)| (key, value.to_vec())).collect();
        assert_eq!(records.len(), SESSIONS);
        let database = open_engine(path);
        let tree = database.open_tree("sessions").expect("a new tree");
        for (key, value) in &records {
            tree.insert(key, value.as_slice()).expect("it can be written");
        }
        database.flush().expect("it can be flushed");
        let file = OpenOptions::new().write(true).open(path.join("db")).expect("its file");
        Self { database, tree, records, round: 0, file }
    }

    fn writes(&mut self) -> Duration {
        // What is there already is not written again: each value is another one each time.
        self.round = self.round.wrapping_add(1);
        for (_, value) in &mut self.records {
            let last = value.len() - 1;
            value[last] = self.round;
        }
        let began = Instant::now();
        for records in self.records.chunks(Self::BATCH) {
            let mut batch = sled::Batch::default();
            for (key, value) in records {
                batch.insert(key, value.as_slice());
            }
            self.tree.apply_batch(batch).expect("it can be written");
            self.database.flush().expect("it can be flushed");
            self.file.sync_data().expect("it can be synced");
        }
        began.elapsed() / SESSIONS as u32
    }
}

/// New sessions, on demand, until all are durable; and the engine alone with the same bytes in as many trees.
fn creation() {
    let (path, of_million) = LargeStore::get();
    print_figure(
        "commits: creation and a first use, of 1,000,000, until durable",
        of_million.as_secs_f64() * 1e6,
        " us",
        Goal::AtMost(4.0),
        "",
    );
    let trees = Trees::of(&path);
    let [ours, raw, one] = in_turn(
        3,
        [Box::new(|| create(SESSIONS)), Box::new(|| trees.create(true)), Box::new(|| trees.create(false))],
    );
    print_time("commits: creation and a first use, of 100,000", middle(&ours));
    print_time("commits: sled's transactions of the same bytes, as durable", middle(&raw));
    print_time("commits: sled's apply_batch of the records alone, in one tree", middle(&one));
    print_ratio("commits: creation : sled's transactions", &ours, &raw, Goal::AtMost(1.3));
}

fn create(sessions: usize) -> Duration {
    let directory = temporary();
    let pool = builder(sessions).open(directory.path()).expect("the temporary directory can be written");
    let began = Instant::now();
    fill(&pool, sessions);
    pool.flush().expect("it is open");
    began.elapsed() / sessions as u32
}

/// What a store has in its trees of some sessions that were created: keys and values.
struct Trees(Vec<Vec<(sled::IVec, sled::IVec)>>);

impl Trees {
    /// How many sessions are created in one transaction, and between two syncs: as the pool does it.
    const BATCH: usize = 128;
    const NAMES: [&str; 4] = ["sessions", "payloads", "by_state", "by_expiry"];

    fn of(store: &Path) -> Self {
        let copy = copy_engine(store);
        let engine = open_engine(copy.path());
        let entries = |name| {
            let entries = engine.open_tree(name).expect("it is there").iter().take(SESSIONS);
            entries.map(|entry| entry.expect("it is sound")).collect()
        };
        Self(Self::NAMES.map(entries).into())
    }

    fn create(&self, all: bool) -> Duration {
        let directory = temporary();
        let database = open_engine(directory.path());
        let trees = Self::NAMES.map(|name| database.open_tree(name).expect("a new tree"));
        let file = OpenOptions::new().write(true).open(directory.path().join("db")).expect("its file");
        let began = Instant::now();
        for from in (0..SESSIONS).step_by(Self::BATCH) {
            let batch = |tree: usize| {
                let mut batch = sled::Batch::default();
                for (key, value) in self.0[tree].iter().skip(from).take(Self::BATCH) {
                    batch.insert(key, value);
                }
                batch
            };
            if all {
                let batches: [sled::Batch; 4] = std::array::from_fn(batch);
                let write = |trees: &[TransactionalTree]| {
                    for (tree, batch) in trees.iter().zip(&batches) {
                        tree.apply_batch(batch)?;
                    }
                    Ok::<(), ConflictableTransactionError<()>>(())
                };
                trees.as_slice().transaction(|trees| write(trees)).expect("it can be written");
            } else {
                trees[0].apply_batch(batch(0)).expect("it can be written");
            }
            database.flush().expect("it can be flushed");
            file.sync_data().expect("it can be synced");
        }
        began.elapsed() / SESSIONS as u32
    }
}

/// How long single outcomes take while everything is being written.
fn latencies() {
    const USES: usize = 2_000_000;
    let directory = temporary();
    let pool = full_pool(directory.path(), SESSIONS, |b| b);
    let mut times = Vec::with_capacity(USES);
    for _ in 0..USES {
        let lease = pool.acquire().expect("one is available");
        let began = Instant::now();
        let _ = lease.reclaim().expect("it is open");
        times.push(began.elapsed());
    }
    times.sort_unstable();
    for (name, share) in
        [("median", 0.5), ("99 %", 0.99), ("99.9 %", 0.999), ("99.99 %", 0.9999), ("all", 1.0)]
    {
        let at = ((USES as f64 * share) as usize).min(USES - 1);
        print_time(
            &format!("latency: reclaim while all is being written, {name} within"),
            times[at].as_secs_f64(),
        );
    }
    // A transaction of the engine, with its sync, takes far longer.
    let slow = times.iter().filter(|time| **time > Duration::from_millis(1)).count();
    let note = format!("{slow} of {USES} above 1 ms");
    print_figure(
        "latency: reclaim, 99.9 %",
        times[USES / 1000 * 999].as_secs_f64() * 1e6,
        " us",
        Goal::AtMost(20.0),
        &note,
    );
}

/// How soon a subscriber hears of a retirement, which is durable by then; while another thread uses other sessions.
fn events() {
    const EVENTS: usize = 1_000;
    let directory = temporary();
    let store = open_store(directory.path());
    for (name, is_busy) in [("an idle pool", false), ("a busy pool", true)] {
        let pool = full_pool_in(&store, SESSIONS, |b| b);
        let (is_over, events) = (AtomicBool::new(false), pool.retirements());
        let mut times = Vec::with_capacity(EVENTS);
        thread::scope(|scope| {
            if is_busy {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        use_once(&pool);
                    }
                });
            }
            for _ in 0..EVENTS {
                let lease = pool.acquire().expect("one is available");
                let (id, began) = (*lease.id(), Instant::now());
                let _ = lease.retire().expect("it is open");
                assert_eq!(events.recv().expect("it is told").id, id);
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
            is_over.store(true, Ordering::Relaxed);
        });
        // A batch of outcomes that is being written goes on to its end.
        let goal = if is_busy { 10.0 } else { 1.0 };
        print_figure(
            &format!("latency: from retire to its event, {name}"),
            middle(&times),
            " ms",
            Goal::AtMost(goal),
            "",
        );
    }
}
