//! A pool a site: thousands of pools in one store.

use session_pool::{Growth, SessionPool};

use crate::support::{Place, options};

const POOLS: usize = 5000;
const SESSIONS: usize = 20;

#[cfg(target_os = "linux")]
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[cfg(not(target_os = "linux"))]
fn threads() -> usize {
    0
}

#[test]
fn five_thousand_pools_open_work_come_back_and_cost_no_thread_or_tree_each() {
    let place = Place::disk();
    let before = threads();
    for is_again in [false, true] {
        let store = place.open_store();
        let pools: Vec<SessionPool> = (0..POOLS)
            .map(|n| {
                let limits = options(|o| o.max_usage_count = 1000);
                let builder = SessionPool::builder().name(format!("site{n}.example")).max_pool_size(SESSIONS);
                let growth = if is_again { Growth::Manual } else { Growth::FillFirst };
                builder.session_options(limits).growth(growth).open_in(&store).unwrap()
            })
            .collect();
        for pool in &pools {
            if is_again {
                assert_eq!(pool.open_report().restored, SESSIONS);
            }
            for _ in 0..SESSIONS {
                let _ = pool.acquire().unwrap().reclaim().unwrap();
            }
            assert_eq!(pool.stats().live, SESSIONS);
        }
        store.flush().unwrap();
        assert_eq!(store.pool_names().len(), POOLS);
        // Other tests run beside this one; thousands of threads would show all the same.
        assert!(threads() < before + 100, "{} threads", threads());
    }
    place.assert_sound();
    let trees = crate::support::engine(&place).tree_names().len();
    assert_eq!(trees, 7, "six, and the engine's default one");
}
