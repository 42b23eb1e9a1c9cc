//! The events, and the log behind them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use session_pool::{
    Durability, Growth, Reason, Sequence, SessionOptions, SessionPool, SessionStore, Strategy,
};

use crate::support::{FaultyStore, Place, SECOND, clock, expired_after_sweep, id, named, options, pool};

#[test]
fn an_event_tells_pool_id_reason_time_counters_and_sequence() {
    let (pool, clock) = pool(|b| b.name("shop.example"));
    let events = pool.retirements();
    let session = pool.add(named("a")).unwrap();
    let created_at = session.record().created_at;
    let _ = session.fail().unwrap();
    clock.advance(SECOND);
    let _ = session.retire().unwrap();
    let event = events.recv_timeout(60 * SECOND).unwrap();
    assert_eq!((event.pool.as_str(), event.id, event.reason), ("shop.example", id("a"), Reason::Retired));
    assert_eq!((event.usage_count, event.error_count, event.error_score.to_f64()), (2, 2, 3.0));
    assert_eq!((event.created_at, event.retired_at), (created_at, created_at.plus(SECOND)));
    assert_eq!(event.sequence, Sequence(1));
    let logged: Vec<_> = pool.retirement_log(Sequence::START).map(Result::unwrap).collect();
    assert_eq!(logged, [event]);
}

#[test]
fn every_reason_is_told_and_logged_with_its_name() {
    let (pool, clock) = pool(|b| b.growth(Growth::Manual));
    let events = pool.retirements();
    let blocked = pool.add(SessionOptions { max_error_score: 1.0, ..named("blocked") }).unwrap();
    let exhausted = pool.add(SessionOptions { max_usage_count: 1, ..named("exhausted") }).unwrap();
    let retired = pool.add(named("retired")).unwrap();
    pool.add(named("expired")).unwrap();
    let _ = (blocked.fail().unwrap(), exhausted.reclaim().unwrap(), retired.retire().unwrap());
    clock.advance(3000 * SECOND);
    assert_eq!(expired_after_sweep(&pool), 1);
    pool.flush().unwrap();
    for event in events.try_iter() {
        assert_eq!(event.reason.as_str(), event.id.as_str());
    }
    let logged: Vec<_> = pool.retirement_log(Sequence::START).map(|entry| entry.unwrap().reason).collect();
    assert_eq!(logged.len(), 4);
    let stats = pool.stats().retired;
    assert_eq!((stats.blocked, stats.exhausted, stats.expired, stats.retired), (1, 1, 1, 1));
}

#[test]
fn peer_17_a_slow_listener_never_holds_up_the_pool_and_can_read_what_it_missed() {
    let (pool, _) = pool(|b| b.channel_capacity(4).max_pool_size(100));
    let (slow, quick) = (pool.retirements(), pool.retirements());
    for _ in 0..10 {
        let _ = pool.acquire().unwrap().retire().unwrap();
        pool.flush().unwrap();
        assert!(quick.try_recv().is_ok());
    }
    assert_eq!((slow.missed(), quick.missed(), pool.stats().missed_events), (6, 0, 6));
    let heard: Vec<_> = slow.try_iter().collect();
    assert_eq!(heard.iter().map(|event| event.sequence.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let missed: Vec<_> =
        pool.retirement_log(heard[3].sequence).map(|entry| entry.unwrap().sequence.0).collect();
    assert_eq!(missed, [5, 6, 7, 8, 9, 10]);
}

#[test]
fn peer_17_listeners_that_are_gone_leave_nothing_behind() {
    let (pool, _) = pool(|b| b);
    for _ in 0..1000 {
        drop(pool.retirements());
    }
    let kept = pool.retirements();
    assert_eq!(pool.stats().subscribers, 1);
    drop(kept);
    assert_eq!(pool.stats().subscribers, 0);
}

#[test]
fn a_listener_hears_everything_and_then_the_end() {
    let (pool, _) = pool(|b| b.max_pool_size(100));
    let listener = thread::spawn({
        let events = pool.retirements();
        move || events.iter().count()
    });
    for _ in 0..50 {
        let _ = pool.acquire().unwrap().retire().unwrap();
    }
    pool.close().unwrap();
    assert_eq!(listener.join().unwrap(), 50);
}

#[test]
fn a_store_tells_of_all_its_pools_and_each_has_its_own_sequence() {
    let store = SessionStore::in_memory().unwrap();
    let events = store.retirements();
    let pools: Vec<_> =
        ["a", "b"].iter().map(|name| SessionPool::builder().name(*name).open_in(&store).unwrap()).collect();
    for pool in &pools {
        for _ in 0..3 {
            let _ = pool.acquire().unwrap().retire().unwrap();
        }
    }
    store.flush().unwrap();
    let mut heard: Vec<_> =
        events.try_iter().map(|event| (event.pool.to_string(), event.sequence.0)).collect();
    heard.sort();
    let expected: Vec<_> =
        ["a", "b"].iter().flat_map(|pool| (1..=3).map(|n| ((*pool).to_owned(), n))).collect();
    assert_eq!(heard, expected);
}

#[test]
fn i2_the_log_goes_on_across_restarts_and_tells_what_happened_while_nobody_listened() {
    for place in Place::both() {
        let clock = clock();
        let open = || place.open(|b| b.clock(clock.clone()).max_pool_size(10));
        for round in 0..3_u64 {
            let pool = open();
            for _ in 0..2 {
                let _ = pool.acquire().unwrap().retire().unwrap();
            }
            pool.flush().unwrap();
            let sequences: Vec<_> = pool
                .retirement_log(Sequence::START)
                .map(|entry| {
                    let entry = entry.unwrap();
                    assert!(pool.get(&entry.id).unwrap().is_retired(), "I-2");
                    entry.sequence.0
                })
                .collect();
            assert_eq!(sequences, (1..=2 * (round + 1)).collect::<Vec<_>>());
            assert_eq!(pool.retirement_log(Sequence(2 * round)).count(), 2);
        }
        place.assert_sound();
    }
}

#[test]
fn the_log_is_read_page_by_page() {
    for place in Place::both() {
        let pool = place.open(|b| b.max_pool_size(2000).session_options(options(|o| o.max_usage_count = 1)));
        for _ in 0..1000 {
            let _ = pool.acquire().unwrap().reclaim().unwrap();
        }
        pool.flush().unwrap();
        let sequences: Vec<_> =
            pool.retirement_log(Sequence(100)).map(|entry| entry.unwrap().sequence.0).collect();
        assert_eq!(sequences, (101..=1000).collect::<Vec<_>>());
    }
}

#[test]
fn whoever_is_retired_while_a_long_round_is_written_is_told_before_the_rest_of_it() {
    const SESSIONS: usize = 5_000;
    let store = Arc::new(FaultyStore::default());
    let pool = SessionPool::builder()
        .max_pool_size(SESSIONS)
        .strategy(Strategy::RoundRobin)
        .durability(Durability::Buffered { max_delay: 1000 * SECOND })
        .open_in(&SessionStore::with_store(Arc::clone(&store)).unwrap())
        .unwrap();
    for _ in 0..SESSIONS {
        let _ = pool.acquire().unwrap().reclaim().unwrap();
    }
    pool.flush().unwrap();
    let events = pool.retirements();
    let session = pool.acquire().unwrap().session().clone();
    for _ in 0..SESSIONS {
        let _ = pool.acquire().unwrap().reclaim().unwrap();
    }
    let commits = AtomicUsize::new(0);
    let told = Arc::new(AtomicUsize::new(usize::MAX));
    let hook_told = Arc::clone(&told);
    store.set_hook(move |operation| {
        if operation == "commit" {
            match commits.fetch_add(1, Ordering::SeqCst) {
                2 => drop(session.retire().unwrap()),
                // The next one is that of the retirement.
                4 => hook_told.store(events.try_iter().count(), Ordering::SeqCst),
                _ => {}
            }
        }
    });
    pool.flush().unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 1);
    store.set_hook(|_| {});
}
