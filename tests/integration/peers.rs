//! What other session pools got wrong, and this one must not. The numbers in the names of tests are those of this list;
//! those that belong to another subject are tested there.
//!
//! 1. A retired session was revived by a later good mark.
//! 2. Several retired events were sent for one session.
//! 3. Self-retirement counted a further bad use. (`transition.rs`)
//! 4. The error score fell below zero. (`transition.rs`)
//! 5. A session past its limit stayed usable until somebody looked. (`retention.rs`, and R-6)
//! 6. An error in a handler left its session untouched.
//! 7. A retirement inside a handler that then succeeded was ignored.
//! 8. The pool grew beyond its size under concurrent gets.
//! 9. A maximum of uses was exceeded under concurrency.
//! 10. A limit was lost on restoring. (`restart.rs`)
//! 11. The create function was skipped on restoring. (`restart.rs`)
//! 12. Starting wiped the stored state before reading it; a late flush undid a reset.
//! 13. The stored state grew with each run. (`restart.rs`)
//! 14. Two pools under one key corrupted each other. (`bad_input.rs`)
//! 15. One corrupt record kept everything from loading. (`bad_input.rs`)
//! 16. A restart lengthened lives. (`restart.rs`, and R-2)
//! 17. Listeners leaked, or held up the pool. (`retirements.rs`)
//! 18. Expiries of cookies were misread. (`payload.rs`)
//! 19. A past-dated cookie did not delete the older one. (`payload.rs`)
//! 20. One ban counted once for each request in flight.
//! 21. A proxy was silently dropped when its record was gone (`bad_input.rs`), or by a log-in. (`identity.rs`)

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use session_pool::{Durability, Growth, Outcome, Reason, SessionPool};

use crate::support::{Place, id, named, options, pool};

#[test]
fn peer_1_a_retired_session_is_never_revived() {
    let (pool, _) = pool(|b| b.growth(Growth::Manual));
    let session = pool.add(named("a")).unwrap();
    let _ = session.retire().unwrap();
    for _ in 0..20 {
        assert_eq!(session.reclaim().unwrap(), Outcome::AlreadyRetired(Reason::Retired));
    }
    assert!(session.is_retired() && !session.is_usable());
    assert!(pool.acquire().is_err());
}

#[test]
fn peer_2_one_session_is_told_retired_once() {
    let (pool, _) = pool(|b| b.growth(Growth::Manual));
    let events = pool.retirements();
    let session = pool.add(named("a")).unwrap();
    for _ in 0..5 {
        let _ = session.fail().unwrap();
        let _ = session.retire().unwrap();
    }
    pool.flush().unwrap();
    assert_eq!(events.try_iter().count(), 1);
}

#[test]
fn peer_6_a_handler_that_ends_in_an_error_marks_its_session() {
    fn handler(pool: &SessionPool) -> Result<(), Box<dyn std::error::Error>> {
        let lease = pool.acquire()?;
        let _page: u32 = "not a number".parse()?;
        let _ = lease.reclaim()?;
        Ok(())
    }
    let (pool, _) = pool(|b| b.max_pool_size(1));
    assert!(handler(&pool).is_err());
    let session = pool.iter().next().unwrap();
    assert_eq!((session.record().usage_count, session.record().error_count), (1, 1));
}

#[test]
fn peer_7_a_retirement_inside_a_handler_that_then_succeeds_stands() {
    let (pool, _) = pool(|b| b.max_pool_size(1));
    // By the session of the lease itself, and by a handle of its own.
    let lease = pool.acquire().unwrap();
    let session = lease.session().clone();
    assert_eq!(session.retire().unwrap(), Outcome::Retired(Reason::Retired));
    assert_eq!(lease.reclaim().unwrap(), Outcome::AlreadyRetired(Reason::Retired));
    assert_eq!((session.is_retired(), session.record().usage_count), (true, 1));
    let lease = pool.acquire().unwrap();
    let session = lease.session().clone();
    assert_eq!(lease.session().retire().unwrap(), Outcome::Retired(Reason::Retired));
    assert_eq!(lease.reclaim().unwrap(), Outcome::AlreadyRetired(Reason::Retired));
    assert!(session.is_retired());
    assert_eq!(session.record().usage_count, 1);
}

#[test]
fn peer_8_concurrent_acquires_never_overrun_the_size_of_the_pool() {
    let (pool, _) = pool(|b| {
        b.max_pool_size(5).session_options(options(|o| o.max_usage_count = 1000)).create_with(|options| {
            thread::sleep(Duration::from_millis(1));
            Ok(options)
        })
    });
    let barrier = Barrier::new(16);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..20 {
                    if let Ok(lease) = pool.acquire() {
                        let stats = pool.stats();
                        assert!(stats.live + stats.creating <= 5, "R-10: {stats:?}");
                        let _ = lease.reclaim().unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(pool.stats().created, 5);
}

#[test]
fn peer_9_a_maximum_of_one_use_means_one_use() {
    let once = options(|o| o.max_usage_count = 1);
    let (pool, _) = pool(|b| b.max_pool_size(2000).session_options(once));
    let barrier = Barrier::new(8);
    let mut used: Vec<_> = thread::scope(|scope| {
        let users: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    (0..100)
                        .map(|_| {
                            let lease = pool.acquire().unwrap();
                            let id = *lease.id();
                            let _ = lease.reclaim().unwrap();
                            id
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        users.into_iter().flat_map(|user| user.join().unwrap()).collect()
    });
    used.sort();
    used.dedup();
    assert_eq!(used.len(), 800);
}

#[test]
fn peer_12_opening_reads_before_it_writes_and_a_closed_pool_writes_nothing_later() {
    let place = Place::disk();
    for uses in 0..5 {
        let pool = place.open(|b| b.growth(Growth::Manual).durability(Durability::default()));
        if uses == 0 {
            pool.add(named("a")).unwrap();
        }
        let session = pool.get(&id("a")).unwrap();
        assert_eq!(session.record().usage_count, uses);
        let _ = session.reclaim().unwrap();
        pool.close().unwrap();
        assert!(session.reclaim().is_err());
    }
}

#[test]
fn peer_20_one_ban_counts_once_for_all_requests_in_flight() {
    let (pool, _) = pool(|b| b.max_pool_size(1));
    let events = pool.retirements();
    let leases: Vec<_> = (0..10).map(|_| pool.acquire().unwrap()).collect();
    let session = leases[0].session().clone();
    assert!(leases.iter().all(|lease| lease.id() == session.id()));
    let outcomes: Vec<_> = leases.into_iter().map(|lease| lease.settle_status(403, None).unwrap()).collect();
    assert_eq!(outcomes[0], Outcome::Retired(Reason::Retired));
    assert!(outcomes[1..].iter().all(|outcome| *outcome == Outcome::AlreadyRetired(Reason::Retired)));
    assert_eq!((session.record().usage_count, session.record().error_count), (1, 1));
    pool.flush().unwrap();
    assert_eq!(events.try_iter().count(), 1);
}
