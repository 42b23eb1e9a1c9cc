//! An operator's hand: stores that nobody has open are changed as a pool would change them.

mod add;
mod compact;
mod purge;
mod retire;

use session_pool::{Growth, LogEntry, PoolName, ReadStore, Sequence, SessionId, SessionRecord, inspect};
use std::ops::ControlFlow;

use crate::support::{Place, clock, named};

fn name(text: &str) -> PoolName {
    text.parse().unwrap()
}

/// A store with the pools `a` and `b`, each with live sessions, in both of which there is one called `both`.
fn two_pools(place: &Place) {
    let store = place.open_store();
    for (pool, ids) in [("a", ["a1", "a2", "both"]), ("b", ["b1", "b2", "both"])] {
        let builder = session_pool::SessionPool::builder().name(pool).clock(clock()).growth(Growth::Manual);
        let pool = builder.open_in(&store).unwrap();
        for id in ids {
            pool.add(named(id)).unwrap();
        }
    }
}

fn record(store: &dyn ReadStore, pool: &str, id: SessionId) -> Option<SessionRecord> {
    inspect::find(store, Some(&name(pool)), &id).unwrap().pop().map(|(_, record)| record)
}

fn log(store: &dyn ReadStore, pool: &str) -> Vec<(u64, LogEntry)> {
    let pools = inspect::pools(store).unwrap();
    let pool = pools.iter().find(|entry| entry.name == name(pool)).unwrap();
    let mut log = Vec::new();
    store
        .visit_log(pool.number, Sequence::START, &mut |item| {
            let (sequence, entry) = item.unwrap();
            log.push((sequence.0, entry));
            ControlFlow::Continue(())
        })
        .unwrap();
    log
}
