//! After a session could not be created, others are not tried at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use session_pool::{
    BackOff, Clock, Error, Growth, Lease, ManualClock, PoolBuilder, Proxies, Refusal, Result, SessionPool,
};

use crate::support::{SECOND, named, options, pool};

/// A pool whose create function counts how often it is called, and fails while it is told to.
fn failing(
    change: impl FnOnce(PoolBuilder) -> PoolBuilder,
) -> (SessionPool, ManualClock, Arc<AtomicU32>, Arc<AtomicBool>) {
    let (calls, fails) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(true)));
    let (pool, clock) = pool(|b| {
        let (calls, fails) = (Arc::clone(&calls), Arc::clone(&fails));
        let exclusive = options(|o| o.max_concurrent_uses = Some(1));
        change(b.max_pool_size(3).session_options(exclusive)).create_with(move |options| {
            calls.fetch_add(1, Ordering::SeqCst);
            if fails.load(Ordering::SeqCst) { Err("wrong password".into()) } else { Ok(options) }
        })
    });
    (pool, clock, calls, fails)
}

fn has_failed(answer: &Result<Lease>) -> bool {
    matches!(answer, Err(Error::CreateFailed { .. }))
}

fn waits(answer: &Result<Lease>) -> bool {
    matches!(answer, Err(Error::Refused(Refusal::NoneAvailable { next_creation: Some(_), .. })))
}

#[test]
fn creating_is_left_alone_for_twice_as_long_after_each_failure_in_a_row() {
    let (pool, clock, calls, fails) = failing(|b| b);
    for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        assert!(has_failed(&pool.acquire()));
        clock.advance(SECOND * (seconds - 1) + SECOND / 2);
        assert!(waits(&pool.acquire()), "after a failure, for {seconds} s");
        clock.advance(SECOND / 2);
    }
    assert_eq!((calls.load(Ordering::SeqCst), pool.stats().creations_failed), (11, 11));
    fails.store(false, Ordering::SeqCst);
    let _first = pool.acquire().unwrap();
    fails.store(true, Ordering::SeqCst);
    assert!(has_failed(&pool.acquire()));
    clock.advance(SECOND);
    assert!(has_failed(&pool.acquire()), "a success begins anew");
}

#[test]
fn whoever_is_refused_is_told_when_sessions_are_created_again() {
    let (pool, clock, ..) = failing(|b| b);
    let again = clock.now() + SECOND;
    assert!(has_failed(&pool.acquire()));
    match pool.acquire() {
        Err(Error::Refused(Refusal::NoneAvailable { next_creation, .. })) => {
            assert_eq!(next_creation, Some(again));
        }
        other => panic!("{other:?}"),
    }
    let once = |name| session_pool::SessionOptions { id: named(name).id, ..pool.session_options() };
    let _leases = ["a", "b", "c"].map(|name| {
        pool.add(once(name)).unwrap();
        pool.acquire().unwrap()
    });
    let full = pool.acquire();
    let is_full =
        |refusal: &Refusal| matches!(refusal, Refusal::NoneAvailable { leased: 3, next_creation: None, .. });
    assert!(matches!(full, Err(Error::Refused(refusal)) if is_full(&refusal)), "there is no room for one");
}

#[test]
fn sessions_that_are_there_are_handed_out_meanwhile_and_others_can_be_added() {
    let (pool, clock, calls, _) = failing(|b| b.growth(Growth::FillFirst));
    assert!(has_failed(&pool.acquire()));
    pool.add(named("a")).unwrap();
    for _ in 0..10 {
        let _ = pool.acquire().unwrap().reclaim().unwrap();
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    clock.advance(SECOND);
    assert!(has_failed(&pool.acquire()), "FillFirst creates first");
}

#[test]
fn proxies_and_options_that_fail_count_and_what_the_caller_adds_does_not() {
    let proxies = || Proxies::from_fn(|_| Err("the vendor is down".into()));
    let (no_proxy, _) = pool(|b| b.proxies(proxies()));
    for _ in 0..3 {
        assert!(matches!(no_proxy.add(session_pool::SessionOptions::default()), Err(Error::NoProxy { .. })));
    }
    assert!(matches!(no_proxy.acquire(), Err(Error::NoProxy { .. })), "adding is the caller's");
    assert!(waits(&no_proxy.acquire()));
    assert_eq!(no_proxy.stats().creations_failed, 1);
    let (invalid, _) = pool(|b| {
        b.create_with(|mut options| {
            options.max_usage_count = 0;
            Ok(options)
        })
    });
    assert!(matches!(invalid.acquire(), Err(Error::Invalid(_))));
    assert!(waits(&invalid.acquire()));
    let (panics, _) = pool(|b| b.proxies(Proxies::from_fn(|_| panic!("as this test wants it to"))));
    assert!(catch_unwind(AssertUnwindSafe(|| panics.add(session_pool::SessionOptions::default()))).is_err());
    assert_eq!(panics.stats().creations_failed, 0);
    let (panics, _) = pool(|b| b.create_with(|_| panic!("as this test wants it to")));
    assert!(catch_unwind(AssertUnwindSafe(|| panics.acquire())).is_err());
    assert!(waits(&panics.acquire()));
}

#[test]
fn an_id_that_another_session_has_is_a_failure() {
    let calls = Arc::new(AtomicU32::new(0));
    let (pool, clock) = pool(|b| {
        let calls = Arc::clone(&calls);
        b.create_with(move |mut options| {
            calls.fetch_add(1, Ordering::SeqCst);
            options.id = named("a").id;
            Ok(options)
        })
    });
    let is_duplicate = |answer| matches!(answer, Err(Error::Refused(Refusal::DuplicateId { .. })));
    let _first = pool.acquire().unwrap();
    assert!(is_duplicate(pool.acquire()));
    for _ in 0..10 {
        let _ = pool.acquire().unwrap().reclaim().unwrap();
    }
    assert_eq!(
        (calls.load(Ordering::SeqCst), pool.stats().creations_failed),
        (2, 1),
        "one log-in for nothing"
    );
    clock.advance(SECOND);
    assert!(is_duplicate(pool.acquire()));
}

#[test]
fn a_clock_that_is_set_back_ends_the_back_off() {
    let (pool, clock, ..) = failing(|b| b);
    assert!(has_failed(&pool.acquire()));
    clock.set(clock.now() - 10 * SECOND);
    assert!(has_failed(&pool.acquire()));
}

#[test]
fn without_a_back_off_each_call_tries_again() {
    let (pool, _, calls, _) = failing(|b| b.back_off(BackOff::NONE));
    for _ in 0..5 {
        assert!(has_failed(&pool.acquire()));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 5);
    let nonsense = BackOff { first: SECOND, max: SECOND / 2 };
    let refused = SessionPool::builder().back_off(nonsense).open_in_memory().unwrap_err();
    assert!(matches!(refused, Error::Invalid(invalid) if invalid.field == "back_off.max"), "R-7");
}

#[test]
fn failures_of_one_moment_are_one_failure() {
    let barrier = Arc::new(std::sync::Barrier::new(3));
    let (pool, clock) = pool(|b| {
        let barrier = Arc::clone(&barrier);
        b.max_pool_size(3).create_with(move |_| {
            barrier.wait();
            Err("the site is down".into())
        })
    });
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert!(has_failed(&pool.acquire())));
        }
    });
    assert_eq!(pool.stats().creations_failed, 3);
    clock.advance(SECOND);
    let refused = std::thread::scope(|scope| {
        let all = [(); 3].map(|()| scope.spawn(|| pool.acquire()));
        all.map(|one| has_failed(&one.join().unwrap()))
    });
    assert_eq!(refused, [true; 3], "after a second, not after four");
}

#[test]
fn whoever_waits_is_served_when_the_back_off_ends() {
    let wait = || {
        let attempts = AtomicU32::new(0);
        let pool = SessionPool::builder()
            .back_off(BackOff { first: Duration::from_millis(60), max: SECOND })
            .create_with(move |options| match attempts.fetch_add(1, Ordering::SeqCst) {
                0 => Err("wrong password".into()),
                _ => Ok(options),
            })
            .open_in_memory()
            .unwrap();
        assert!(has_failed(&pool.acquire()));
        let began = Instant::now();
        let _ = pool.acquire_timeout(60 * SECOND).unwrap().reclaim().unwrap();
        began.elapsed()
    };
    // The best of some: the machine may be busy.
    let shortest = (0..5).map(|_| wait()).min().unwrap();
    assert!(shortest >= Duration::from_millis(40), "{shortest:?}");
    assert!(shortest < Duration::from_millis(240), "it looks at its end, not a quarter of a second later");
}
