//! Strategies, growth, waiting, and what else there is to handing out.

use std::thread;
use std::time::{Duration, Instant};

use session_pool::{Error, Growth, Lease, Refusal, SessionOptions, SessionPool, Strategy};

use crate::support::{Place, SECOND, clock, expired_after_sweep, id, named, options, pool};

fn manual(strategy: Strategy, names: &[&str]) -> SessionPool {
    let (pool, _) = pool(|b| b.growth(Growth::Manual).strategy(strategy));
    for name in names {
        pool.add(SessionOptions { max_usage_count: 1000, ..named(name) }).unwrap();
    }
    pool
}

fn name(lease: &Lease) -> String {
    lease.id().to_string()
}

fn use_once(pool: &SessionPool) -> String {
    let lease = pool.acquire().unwrap();
    let name = name(&lease);
    let _ = lease.reclaim().unwrap();
    name
}

fn fail_once(pool: &SessionPool) -> String {
    let lease = pool.acquire().unwrap();
    let name = name(&lease);
    let _ = lease.fail().unwrap();
    name
}

#[test]
fn random_gives_everyone_the_same_chance() {
    let pool = manual(Strategy::Random, &["a", "b", "c", "d"]);
    let mut counts = std::collections::HashMap::new();
    for _ in 0..2000 {
        *counts.entry(use_once(&pool)).or_insert(0) += 1;
    }
    // 500 expected; 99.99 % of all runs are within 420 to 580.
    assert!(counts.len() == 4 && counts.values().all(|count| (400..600).contains(count)), "{counts:?}");
}

#[test]
fn round_robin_takes_each_in_its_turn() {
    let pool = manual(Strategy::RoundRobin, &["a", "b", "c"]);
    let order: String = (0..7).map(|_| use_once(&pool)).collect();
    assert_eq!(order, "abcabca");
    // Whoever is in use keeps its turn: it was handed out, so it is at the end.
    let (b, c) = (pool.acquire().unwrap(), pool.acquire().unwrap());
    assert_eq!((name(&b), name(&c)), ("b".into(), "c".into()));
    let _ = (c.reclaim().unwrap(), b.reclaim().unwrap());
    assert_eq!((0..3).map(|_| use_once(&pool)).collect::<String>(), "abc");
}

#[test]
fn least_recently_used_takes_whoever_has_been_idle_longest() {
    let pool = manual(Strategy::LeastRecentlyUsed, &["a", "b", "c"]);
    let (a, b) = (pool.acquire().unwrap(), pool.acquire().unwrap());
    assert_eq!((name(&a), name(&b)), ("a".into(), "b".into()));
    let _ = (b.reclaim().unwrap(), a.reclaim().unwrap());
    assert_eq!((0..4).map(|_| use_once(&pool)).collect::<String>(), "cbac", "b came back before a");
}

#[test]
fn until_failure_stays_with_one_until_it_fails() {
    let pool = manual(Strategy::UntilFailure, &["a", "b", "c"]);
    assert_eq!((0..3).map(|_| use_once(&pool)).collect::<String>(), "aaa");
    assert_eq!(fail_once(&pool), "a");
    assert_eq!((0..2).map(|_| use_once(&pool)).collect::<String>(), "bb");
    let lease = pool.acquire().unwrap();
    let _ = lease.rest_for(SECOND).unwrap();
    assert_eq!(use_once(&pool), "c", "a rest is a reason too");
    let _ = pool.acquire().unwrap().retire().unwrap();
    assert_eq!(use_once(&pool), "a", "c is retired, b is resting, a failed longest ago");
}

#[test]
fn until_failure_comes_back_to_its_favourite_when_that_was_only_busy() {
    let (pool, _) = pool(|b| b.growth(Growth::Manual).strategy(Strategy::UntilFailure));
    for name in ["a", "b"] {
        pool.add(SessionOptions { max_concurrent_uses: Some(1), ..named(name) }).unwrap();
    }
    let (a, b) = (pool.acquire().unwrap(), pool.acquire().unwrap());
    assert_eq!((name(&a), name(&b)), ("a".into(), "b".into()));
    let _ = (b.reclaim().unwrap(), a.reclaim().unwrap());
    assert_eq!(use_once(&pool), "a");
}

#[test]
fn the_order_goes_on_after_a_restart() {
    for (strategy, expected) in
        [(Strategy::RoundRobin, "bc"), (Strategy::LeastRecentlyUsed, "bc"), (Strategy::UntilFailure, "aa")]
    {
        for place in Place::both() {
            let clock = clock();
            let open = || place.open(|b| b.clock(clock.clone()).growth(Growth::Manual).strategy(strategy));
            let pool = open();
            for name in ["c", "b", "a"] {
                pool.add(named(name)).unwrap();
                clock.advance(SECOND);
            }
            for name in ["b", "c", "a"] {
                let _ = pool.acquire_by_id(&id(name)).unwrap().reclaim().unwrap();
                clock.advance(SECOND);
            }
            drop(pool);
            let pool = open();
            assert_eq!((0..2).map(|_| use_once(&pool)).collect::<String>(), expected, "{strategy:?}");
        }
    }
}

#[test]
fn fill_first_creates_while_there_is_room_then_reuses() {
    let (pool, _) = pool(|b| b.max_pool_size(3));
    for _ in 0..10 {
        use_once(&pool);
    }
    assert_eq!((pool.stats().created, pool.stats().live), (3, 3));
}

#[test]
fn reuse_first_creates_only_when_nobody_is_free() {
    let one_at_a_time = options(|o| o.max_concurrent_uses = Some(1));
    let (pool, _) = pool(|b| b.max_pool_size(2).growth(Growth::ReuseFirst).session_options(one_at_a_time));
    for _ in 0..5 {
        use_once(&pool);
    }
    assert_eq!(pool.stats().created, 1);
    let (first, second) = (pool.acquire().unwrap(), pool.acquire().unwrap());
    assert_eq!(pool.stats().created, 2);
    assert!(pool.acquire().is_err());
    let _ = (first.reclaim().unwrap(), second.reclaim().unwrap());
}

#[test]
fn manual_never_creates() {
    let (pool, _) = pool(|b| b.growth(Growth::Manual));
    let refused = pool.acquire().unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::NoneAvailable { live: 0, .. })), "{refused}");
}

#[test]
fn an_expired_session_is_never_handed_out_but_replaced() {
    let (pool, clock) = pool(|b| b.max_pool_size(2));
    let (a, b) = (pool.acquire().unwrap(), pool.acquire().unwrap());
    let old = [*a.id(), *b.id()];
    let _ = (a.reclaim().unwrap(), b.reclaim().unwrap());
    clock.advance(3000 * SECOND);
    let fresh = pool.acquire().unwrap();
    assert!(!old.contains(fresh.id()));
    // One of them made room; the other waits for the sweeper.
    assert_eq!(expired_after_sweep(&pool), 2);
}

#[test]
fn acquire_timeout_waits_for_whoever_comes_back() {
    let (pool, _) =
        pool(|b| b.max_pool_size(1).session_options(options(|o| o.max_concurrent_uses = Some(1))));
    let lease = pool.acquire().unwrap();
    let waiter = thread::spawn({
        let pool = pool.clone();
        move || pool.acquire_timeout(60 * SECOND).map(|lease| *lease.id())
    });
    while pool.stats().leased == 0 {
        thread::yield_now();
    }
    thread::sleep(Duration::from_millis(20));
    let id = *lease.id();
    let _ = lease.reclaim().unwrap();
    assert_eq!(waiter.join().unwrap().unwrap(), id);
}

#[test]
fn acquire_timeout_waits_for_the_end_of_a_rest() {
    let pool = SessionPool::builder().max_pool_size(1).open_in_memory().unwrap();
    let _ = pool.acquire().unwrap().rest_for(Duration::from_millis(50)).unwrap();
    assert!(pool.acquire().is_err());
    let _ = pool.acquire_timeout(60 * SECOND).unwrap().reclaim().unwrap();
}

#[test]
fn acquire_timeout_gives_up_in_time_and_says_why() {
    let (pool, _) =
        pool(|b| b.max_pool_size(1).session_options(options(|o| o.max_concurrent_uses = Some(1))));
    let _lease = pool.acquire().unwrap();
    let began = Instant::now();
    let refused = pool.acquire_timeout(Duration::from_millis(30)).unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::NoneAvailable { leased: 1, .. })), "{refused}");
    assert!(began.elapsed() >= Duration::from_millis(30));
}

#[test]
fn acquire_timeout_takes_the_place_of_a_retired_session() {
    let (pool, _) =
        pool(|b| b.max_pool_size(1).session_options(options(|o| o.max_concurrent_uses = Some(1))));
    let lease = pool.acquire().unwrap();
    let old = *lease.id();
    let waiter = thread::spawn({
        let pool = pool.clone();
        move || pool.acquire_timeout(60 * SECOND).map(|lease| *lease.id())
    });
    thread::sleep(Duration::from_millis(20));
    let _ = lease.retire().unwrap();
    assert_ne!(waiter.join().unwrap().unwrap(), old);
}

#[test]
fn a_waiter_is_told_when_the_pool_closes() {
    let (pool, _) =
        pool(|b| b.max_pool_size(1).session_options(options(|o| o.max_concurrent_uses = Some(1))));
    let _lease = pool.acquire().unwrap();
    let waiter = thread::spawn({
        let pool = pool.clone();
        move || pool.acquire_timeout(60 * SECOND).map(drop)
    });
    thread::sleep(Duration::from_millis(20));
    pool.close().unwrap();
    assert!(matches!(waiter.join().unwrap(), Err(Error::Closed { .. })));
}

#[test]
fn acquire_by_id_says_why_not() {
    let (pool, clock) = pool(|b| b.growth(Growth::Manual));
    let refusal = |name: &str| match pool.acquire_by_id(&id(name)) {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal("nobody"), Refusal::NotFound { id: id("nobody") });
    let session = pool.add(SessionOptions { max_concurrent_uses: Some(1), ..named("a") }).unwrap();
    let lease = pool.acquire_by_id(&id("a")).unwrap();
    assert_eq!(refusal("a"), Refusal::Busy { id: id("a"), in_flight: 1 });
    let _ = lease.reclaim().unwrap();
    session.rest_for(SECOND).unwrap();
    assert!(matches!(refusal("a"), Refusal::Resting { .. }));
    clock.advance(SECOND);
    let _ = pool.acquire_by_id(&id("a")).unwrap().retire().unwrap();
    let expected = Refusal::Retired { id: id("a"), reason: session_pool::Reason::Retired };
    assert_eq!(refusal("a"), expected);
    pool.flush().unwrap();
    drop(session);
    assert_eq!(refusal("a"), expected, "also when only the store knows it");
}

#[test]
fn acquire_by_id_timeout_waits_for_one_session_and_gives_up_in_time() {
    let pool = SessionPool::builder().growth(Growth::Manual).open_in_memory().unwrap();
    for name in ["a", "b"] {
        pool.add(SessionOptions { max_concurrent_uses: Some(1), ..named(name) }).unwrap();
    }
    let lease = pool.acquire_by_id(&id("a")).unwrap();
    let began = Instant::now();
    let refused = pool.acquire_by_id_timeout(&id("a"), Duration::from_millis(30)).unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::Busy { in_flight: 1, .. })), "{refused}");
    assert!(began.elapsed() >= Duration::from_millis(30));
    let waiter = thread::spawn({
        let pool = pool.clone();
        move || pool.acquire_by_id_timeout(&id("a"), 60 * SECOND).map(|lease| lease.reclaim().unwrap())
    });
    while pool.stats().waiting == 0 {
        thread::yield_now();
    }
    let began = Instant::now();
    let _ = lease.rest_for(Duration::from_millis(30)).unwrap();
    let _ = waiter.join().unwrap().unwrap();
    assert!(began.elapsed() >= Duration::from_millis(29));
    assert_eq!(pool.stats().waiting, 0);
}

#[test]
fn a_rest_that_is_made_longer_lasts_longer_and_never_shorter() {
    let (pool, clock) = pool(|b| b.growth(Growth::Manual));
    let session = pool.add(named("a")).unwrap();
    session.rest_for(10 * SECOND).unwrap();
    session.rest_for(30 * SECOND).unwrap();
    session.rest_for(20 * SECOND).unwrap();
    for _ in 0..29 {
        clock.advance(SECOND);
        assert!(pool.acquire().is_err());
    }
    assert_eq!(pool.stats().resting, 1);
    clock.advance(SECOND);
    let _ = pool.acquire().unwrap().reclaim().unwrap();
    assert_eq!(pool.stats().resting, 0);
    session.rest_for(5 * SECOND).unwrap();
    assert!(pool.acquire().is_err(), "and again");
    clock.advance(5 * SECOND);
    assert!(pool.acquire().is_ok());
}

#[test]
fn iter_goes_through_the_live_sessions() {
    let pool = manual(Strategy::Random, &["a", "b", "c", "d"]);
    let _ = pool.get(&id("b")).unwrap().retire().unwrap();
    pool.flush().unwrap();
    let mut names: Vec<String> = pool.iter().map(|session| session.id().to_string()).collect();
    names.sort();
    assert_eq!(names, ["a", "c", "d"]);
}

#[test]
fn what_add_and_create_with_give_is_what_the_session_has() {
    let (pool, _) = pool(|b| {
        b.session_options(options(|o| o.max_usage_count = 7))
            .create_with(|options| Ok(options.user_data("token", "from the log-in")))
    });
    let created = pool.acquire().unwrap();
    assert_eq!(created.user_data::<String>("token").unwrap().unwrap(), "from the log-in");
    assert_eq!(created.record().limits.max_usage_count, 7);
    let added = pool.add(SessionOptions { id: Some(id("x")), ..pool.session_options() }).unwrap();
    assert_eq!(added.user_data::<String>("token").unwrap(), None);
    assert_eq!(added.record().limits.max_usage_count, 7);
    let _ = created.reclaim().unwrap();
}
