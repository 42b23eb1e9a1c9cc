//! Opening a store with a million sessions and the log of a million retired ones, and the engine alone for comparison.

use std::path::Path;
use std::time::{Duration, Instant};

use session_pool::Retention;

use crate::support::{
    Goal, builder, copy_engine, fill, in_turn, middle, open_engine, print_figure, print_ratio, print_time,
    temporary, use_once,
};

const LIVE: usize = 1_000_000;
const RETIRED: usize = 1_000_000;

pub(crate) fn benchmark() {
    let directory = temporary();
    let path = directory.path();
    make_store(path);
    let copy = copy_engine(path);
    let [ours, raw] = in_turn(5, [Box::new(|| reopen(path)), Box::new(|| scan(copy.path()))]);
    print_time("reopen: the pool", middle(&ours));
    print_time("reopen: sled's open + a scan of the sessions", middle(&raw));
    print_ratio("reopen: the pool : sled's open + a scan", &ours, &raw, Goal::AtMost(3.0));
    print_figure("reopen: the pool", middle(&ours), " s", Goal::AtMost(2.0), "");
}

/// Retired ones first: their ids are the lower ones.
fn make_store(path: &Path) {
    let pool = builder(LIVE).retired_retention(Retention::UNLIMITED).log_retention(Retention::UNLIMITED);
    let pool = pool.open(path).expect("the temporary directory can be written");
    for _ in 0..RETIRED {
        let _ = pool.acquire().expect("there is room").retire().expect("it is open");
    }
    fill(&pool, LIVE);
    pool.close().expect("it can be written");
}

fn reopen(path: &Path) -> Duration {
    let pool = builder(LIVE).retired_retention(Retention::UNLIMITED).log_retention(Retention::UNLIMITED);
    let began = Instant::now();
    let pool = pool.open(path).expect("the store is sound");
    use_once(&pool);
    let elapsed = began.elapsed();
    assert_eq!(pool.stats().live, LIVE);
    elapsed
}

fn scan(path: &Path) -> Duration {
    let began = Instant::now();
    let database = open_engine(path);
    let sessions = database.open_tree("sessions").expect("it is there");
    let opened = began.elapsed();
    let (first, _) = sessions.iter().nth(RETIRED).expect("there are as many").expect("it is sound");
    let began = Instant::now();
    assert_eq!(sessions.range(first..).map_while(Result::ok).count(), LIVE);
    opened + began.elapsed()
}
