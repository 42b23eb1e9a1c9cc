//! Opening a store with a million sessions and the log of a million retired ones, and the engine alone for comparison.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{
    Goal, LargeStore, MILLION, copy_engine, in_turn, middle, open_engine, print_figure, print_ratio,
    print_time, use_once,
};

pub(crate) fn benchmark() {
    let (path, _) = LargeStore::get();
    let copy = copy_engine(&path);
    let [ours, raw] = in_turn(5, [Box::new(|| reopen(&path)), Box::new(|| scan(copy.path()))]);
    print_time("reopen: the pool", middle(&ours));
    print_time("reopen: sled's open + a scan of the sessions", middle(&raw));
    print_ratio("reopen: the pool : sled's open + a scan", &ours, &raw, Goal::AtMost(3.0));
    print_figure("reopen: the pool", middle(&ours), " s", Goal::AtMost(2.0), "");
}

fn reopen(path: &Path) -> Duration {
    let began = Instant::now();
    let pool = LargeStore::builder().open(path).expect("the store is sound");
    use_once(&pool);
    let elapsed = began.elapsed();
    assert_eq!(pool.stats().live, MILLION);
    elapsed
}

/// Opens the engine alone, and reads a million records.
pub(crate) fn scan(path: &Path) -> Duration {
    let began = Instant::now();
    let database = open_engine(path);
    let sessions = database.open_tree("sessions").expect("it is there");
    // But for one, those that were created first are live: their ids are the lower ones.
    assert_eq!(sessions.iter().map_while(Result::ok).take(MILLION).count(), MILLION);
    began.elapsed()
}
