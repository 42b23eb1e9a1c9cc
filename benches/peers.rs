//! What `benches/peers/run` compares with the pools of others.

use std::time::Instant;

use crate::support::{builder, fill, resident, temporary, use_once};

/// Says for how many sessions.
const SESSIONS: &str = "SESSION_POOL_BENCH_SESSIONS";

/// Prints one line of JSON, where this process was started to do that; answers whether it was.
pub(crate) fn is_wanted() -> bool {
    let Ok(sessions) = std::env::var(SESSIONS) else { return false };
    let sessions: usize = sessions.parse().expect("a number of sessions");
    let uses = 3_000_000;
    let directory = temporary();
    let (before, began) = (resident(), Instant::now());
    let pool = builder(sessions).open(directory.path()).expect("the temporary directory can be written");
    fill(&pool, sessions);
    // Theirs are in memory only by then.
    pool.flush().expect("it is open");
    let create = began.elapsed().as_secs_f64() / sessions as f64;
    let began = Instant::now();
    for _ in 0..uses {
        use_once(&pool);
    }
    let each = began.elapsed().as_secs_f64() / f64::from(uses);
    let began = Instant::now();
    pool.flush().expect("it is open");
    let persist = began.elapsed().as_secs_f64();
    let resident = resident().saturating_sub(before) as f64 / sessions as f64;
    pool.close().expect("it can be written");
    drop(pool);
    let began = Instant::now();
    let pool = builder(sessions).open(directory.path()).expect("the store is sound");
    let reopen = began.elapsed().as_secs_f64();
    assert_eq!(pool.stats().live, sessions);
    println!(
        r#"{{"create": {create:e}, "use": {each:e}, "persist": {persist:e}, "reopen": {reopen:e}, "resident": {resident}}}"#
    );
    true
}
