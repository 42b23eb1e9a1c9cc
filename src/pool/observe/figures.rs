//! Figures for `metrics` (feature `metrics`); the crate docs list them.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::pool::core::PoolCore;
use crate::pool::{PoolStats, RetiredCounts};
use crate::store::PoolName;

/// A round of commits is durable.
pub(in crate::pool) fn committed(sessions: usize, elapsed: Duration) {
    histogram!("session_pool_commit_seconds").record(elapsed);
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 sessions")]
    histogram!("session_pool_commit_sessions").record(sessions as f64);
}

/// How some pools are.
pub(in crate::pool) fn pools<'a>(pools: impl Iterator<Item = &'a PoolCore>) {
    // Each time: nobody knows when the program begins to listen.
    describe();
    for core in pools {
        pool(&core.name, &core.stats());
    }
}

fn pool(name: &PoolName, stats: &PoolStats) {
    let pool = name.as_str().to_owned();
    let PoolStats {
        live,
        available,
        resting,
        leased,
        creating,
        waiting,
        uncommitted,
        created,
        restored,
        reclaimed,
        failed,
        rested,
        released,
        checks_passed,
        checks_failed,
        checks_retired,
        checks_rested,
        creations_failed,
        retired: RetiredCounts { blocked, exhausted, expired, retired },
        subscribers,
        missed_events,
        clock: _,
    } = *stats;
    for (name, value) in [
        ("session_pool_live", live),
        ("session_pool_available", available),
        ("session_pool_resting", resting),
        ("session_pool_leased", leased),
        ("session_pool_creating", creating),
        ("session_pool_waiting", waiting),
        ("session_pool_uncommitted", uncommitted),
        ("session_pool_subscribers", subscribers),
    ] {
        #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 sessions")]
        gauge!(name, "pool" => pool.clone()).set(value as f64);
    }
    for (name, value) in [
        ("session_pool_created_total", created),
        ("session_pool_restored_total", restored),
        ("session_pool_missed_events_total", missed_events),
        ("session_pool_creations_failed_total", creations_failed),
    ] {
        counter!(name, "pool" => pool.clone()).absolute(value);
    }
    for (outcome, value) in [
        ("reclaim", reclaimed),
        ("fail", failed),
        ("rest", rested),
        ("release", released),
        // A check is no use.
        ("retire", retired - checks_retired),
    ] {
        counter!("session_pool_uses_total", "pool" => pool.clone(), "outcome" => outcome).absolute(value);
    }
    for (outcome, value) in [
        ("pass", checks_passed),
        ("fail", checks_failed),
        ("retire", checks_retired),
        ("rest", checks_rested),
    ] {
        counter!("session_pool_checks_total", "pool" => pool.clone(), "outcome" => outcome).absolute(value);
    }
    for (reason, value) in
        [("blocked", blocked), ("exhausted", exhausted), ("expired", expired), ("retired", retired)]
    {
        counter!("session_pool_retired_total", "pool" => pool.clone(), "reason" => reason).absolute(value);
    }
}

fn describe() {
    for (name, text) in [
        ("session_pool_live", "live sessions"),
        ("session_pool_available", "sessions that can be handed out now"),
        ("session_pool_resting", "sessions that are resting"),
        ("session_pool_leased", "sessions that are in use"),
        ("session_pool_creating", "sessions being created"),
        ("session_pool_waiting", "threads and tasks that wait for a session"),
        ("session_pool_uncommitted", "sessions with changes that await the next commit"),
        ("session_pool_subscribers", "listeners to retirements"),
    ] {
        describe_gauge!(name, Unit::Count, text);
    }
    for (name, text) in [
        ("session_pool_created_total", "sessions created since the pool was opened"),
        ("session_pool_restored_total", "sessions that came back when the pool was opened"),
        ("session_pool_missed_events_total", "retirements that a listener missed"),
        ("session_pool_creations_failed_total", "sessions that could not be created on demand"),
        ("session_pool_uses_total", "uses, by outcome"),
        ("session_pool_checks_total", "checks of sessions before they were handed out, by outcome"),
        ("session_pool_retired_total", "sessions retired, by reason"),
    ] {
        describe_counter!(name, Unit::Count, text);
    }
    describe_histogram!("session_pool_commit_seconds", Unit::Seconds, "how long a round of commits took");
    describe_histogram!(
        "session_pool_commit_sessions",
        Unit::Count,
        "how many sessions a round of commits wrote"
    );
}
