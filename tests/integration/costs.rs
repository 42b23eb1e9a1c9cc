//! What outcomes and new sessions cost the store, counted: changes, commits, syncs, bytes.
//!
//! What the calls themselves allocate is counted in [`allocations`](super::allocations).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use session_pool::{Durability, SessionPool, SessionStore, Strategy};

use crate::support::{FaultyStore, SECOND, options};

const SESSIONS: usize = 500;

/// A pool that writes when it is told to, all its sessions created; each is used once in a round.
fn pool(store: &SessionStore) -> SessionPool {
    let pool = SessionPool::builder()
        .max_pool_size(SESSIONS)
        .strategy(Strategy::RoundRobin)
        .session_options(options(|o| {
            o.max_usage_count = u32::MAX;
            o.max_error_score = 1e6;
        }))
        .durability(Durability::Buffered { max_delay: 1000 * SECOND })
        .open_in(store)
        .unwrap();
    for _ in 0..SESSIONS {
        let _ = pool.acquire().unwrap().reclaim().unwrap();
    }
    pool.flush().unwrap();
    pool
}

#[test]
fn a_session_is_written_once_however_often_it_changes_between_two_commits() {
    let store = Arc::new(FaultyStore::default());
    let pool = pool(&SessionStore::with_store(Arc::clone(&store)).unwrap());
    let counted = || {
        let counts = [&store.changes, &store.commits, &store.syncs];
        counts.map(|count| count.swap(0, Ordering::SeqCst))
    };
    let _ = counted();
    for _ in 0..50 * SESSIONS {
        let _ = pool.acquire().unwrap().reclaim().unwrap();
        let _ = pool.acquire().unwrap().fail().unwrap();
    }
    assert_eq!(counted(), [0, 0, 0], "nobody asked for it");
    pool.flush().unwrap();
    assert_eq!(counted(), [SESSIONS as u64, 1, 1]);

    let session = pool.acquire().unwrap();
    let _ = session.retire().unwrap();
    pool.flush().unwrap();
    // The session, and the pool's own entry, which names the log's last number.
    assert_eq!(counted(), [2, 1, 1]);
    pool.flush().unwrap();
    assert_eq!(counted(), [0, 0, 0], "nothing was left to write");
}

#[cfg(target_os = "linux")]
mod bytes {
    use std::process::Command;

    use super::*;

    const VARIABLE: &str = "SESSION_POOL_TEST_COSTS_IN";
    const ROUNDS: usize = 40;

    /// What this process has written so far: bytes, and calls to the system.
    fn written() -> [u64; 2] {
        let text = std::fs::read_to_string("/proc/self/io").unwrap();
        ["wchar: ", "syscw: "].map(|name| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().parse::<u64>().unwrap()
        })
    }

    #[test]
    fn child() {
        let Some(path) = std::env::var_os(VARIABLE) else { return };
        let [before, _] = written();
        // A checkpoint would be counted with it.
        let store = SessionStore::builder().checkpoints(None).open(&path).unwrap();
        let pool = pool(&store);
        let [created, calls] = written();
        for _ in 0..ROUNDS {
            for _ in 0..SESSIONS {
                let _ = pool.acquire().unwrap().reclaim().unwrap();
            }
            pool.flush().unwrap();
        }
        let [used, calls_later] = written();
        let (sessions, rounds) = (SESSIONS as u64, ROUNDS as u64);
        let (created, used) = ((created - before) / sessions, (used - created) / (rounds * sessions));
        println!("written: {created} {used} {}", (calls_later - calls) / rounds);
    }

    /// Guards against a store that writes more than it did: 708 bytes a new session, 158 an outcome, 3 calls a commit of 500
    /// outcomes.
    #[test]
    fn new_sessions_and_outcomes_are_written_in_so_many_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["costs::bytes::child", "--exact", "--nocapture", "--test-threads=1"])
            .env(VARIABLE, directory.path().join("sessions"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let (_, figures) = text.split_once("written: ").unwrap_or_else(|| panic!("{output:?}"));
        let figures: Vec<usize> =
            figures.lines().next().unwrap().split(' ').map(|figure| figure.parse().unwrap()).collect();
        let [created, used, calls] = figures[..] else { panic!("{text}") };
        println!("{created} bytes a new session, {used} an outcome, {calls} calls a commit");
        assert!((100..950).contains(&created), "{created} bytes a new session");
        assert!((50..210).contains(&used), "{used} bytes an outcome");
        assert!((1..12).contains(&calls), "{calls} calls to write a commit");
    }
}
