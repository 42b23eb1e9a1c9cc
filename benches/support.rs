//! What the workloads share.

use std::path::Path;
use std::time::Duration;

use session_pool::{PoolBuilder, SessionOptions, SessionPool, SessionStore, Strategy};

/// Numbers of sessions.
pub(crate) const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

/// Sessions that no use retires.
pub(crate) fn builder(sessions: usize) -> PoolBuilder {
    SessionPool::builder().max_pool_size(sessions).strategy(Strategy::Random).session_options(
        SessionOptions {
            max_usage_count: u32::MAX,
            max_age: Duration::from_secs(1_000_000),
            ..SessionOptions::default()
        },
    )
}

/// Opens a full pool: where the directory holds none yet, with new sessions.
pub(crate) fn full_pool(
    path: &Path,
    sessions: usize,
    change: impl FnOnce(PoolBuilder) -> PoolBuilder,
) -> SessionPool {
    let store = SessionStore::open(path).expect("the temporary directory can be written");
    let filled = builder(sessions).open_in(&store).expect("the store is sound");
    while filled.stats().live < sessions {
        let _ = filled.acquire().expect("there is room").reclaim().expect("it is open");
    }
    filled.close().expect("it can be written");
    drop(filled);
    change(builder(sessions)).open_in(&store).expect("the store is sound")
}
