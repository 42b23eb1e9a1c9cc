//! Things that happen between two steps of something else: a store that calls back at its operations makes them happen
//! there.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use session_pool::{
    Clock, Durability, Error, Growth, ManualClock, Refusal, Retention, SessionPool, SessionStore,
};

use crate::support::{FaultyStore, Place, SECOND, clock, id, named, options, pool};

#[test]
fn a_pool_whose_create_function_holds_another_pool_can_be_dropped_during_a_sweep() {
    let store = Arc::new(FaultyStore::default());
    let sessions = SessionStore::with_store(Arc::clone(&store)).unwrap();
    let other = SessionPool::builder().name("other").open_in(&sessions).unwrap();
    let (sweeping, swept) = mpsc::channel();
    store.set_hook(move |operation| {
        if operation == "visit_expiring" {
            let _ = sweeping.send(());
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    let builder = SessionPool::builder().name("a");
    let pool = builder
        .create_with(move |options| {
            let _ = other.name();
            Ok(options)
        })
        .open_in(&sessions)
        .unwrap();
    // The sweep holds the pool while its last handle is dropped, and with it the last handle of the other one.
    swept.recv_timeout(60 * SECOND).unwrap();
    drop(pool);
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || {
        sessions.flush().unwrap();
        done.send(()).unwrap();
    });
    is_done.recv_timeout(60 * SECOND).expect("the committer waits for itself");
}

#[test]
fn a_pool_whose_first_opening_failed_is_new_the_second_time() {
    let store = Arc::new(FaultyStore::default());
    let open_store = || SessionStore::with_store(Arc::clone(&store)).unwrap();
    let sessions = open_store();
    store.fails_restore.store(true, Ordering::SeqCst);
    assert!(SessionPool::builder().name("shop").open_in(&sessions).is_err());
    let shop = SessionPool::builder().name("shop").open_in(&sessions).unwrap();
    shop.add(named("a")).unwrap();
    drop((shop, sessions));
    let sessions = open_store();
    assert_eq!(sessions.pool_names(), ["shop".parse().unwrap()]);
    let bank = SessionPool::builder().name("bank").open_in(&sessions).unwrap();
    assert!(bank.get(&id("a")).is_err(), "one site's identities are never another's");
}

#[test]
fn a_session_is_never_looked_up_as_one_that_had_its_id_before() {
    let store = Arc::new(FaultyStore::default());
    let sessions = SessionStore::with_store(Arc::clone(&store)).unwrap();
    let keep_none = Retention { max_count: 0, max_age: SECOND };
    let pool = SessionPool::builder()
        .growth(Growth::Manual)
        .retired_retention(keep_none)
        .open_in(&sessions)
        .unwrap();
    let _ = pool.add(named("a")).unwrap().retire().unwrap();
    pool.flush().unwrap();
    // While somebody reads the retired session, it is forgotten, and its id is given again, as far as they come.
    let (reading, is_reading) = mpsc::channel();
    store.set_hook(move |operation| {
        if operation == "record" {
            let _ = reading.send(());
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    std::thread::scope(|scope| {
        let looked_up = scope.spawn(|| drop(pool.get(&id("a"))));
        is_reading.recv().unwrap();
        pool.forget().unwrap();
        looked_up.join().unwrap();
    });
    store.set_hook(|_| {});
    pool.add(named("a")).unwrap();
    assert!(!pool.get(&id("a")).unwrap().is_retired());
    let _ = pool.acquire_by_id(&id("a")).unwrap().reclaim().unwrap();
}

#[test]
fn nobody_waits_for_whoever_reads_a_session_that_is_no_longer_live() {
    let store = Arc::new(FaultyStore::default());
    let sessions = SessionStore::with_store(Arc::clone(&store)).unwrap();
    let pool = SessionPool::builder().growth(Growth::Manual).open_in(&sessions).unwrap();
    let _ = pool.add(named("retired")).unwrap().retire().unwrap();
    pool.add(named("live")).unwrap();
    pool.flush().unwrap();
    let lease = pool.acquire().unwrap();
    let (settled, is_settled) = mpsc::channel();
    let (reading, is_reading) = mpsc::channel();
    let is_settled = parking_lot::Mutex::new(is_settled);
    store.set_hook(move |operation| {
        if operation == "record" {
            let _ = reading.send(());
            assert!(is_settled.lock().recv_timeout(60 * SECOND).is_ok(), "the outcome waits");
        }
    });
    std::thread::scope(|scope| {
        let read = scope.spawn(|| pool.get(&id("retired")).map(|session| session.is_retired()));
        is_reading.recv().unwrap();
        let _ = lease.reclaim().unwrap();
        settled.send(()).unwrap();
        assert!(read.join().unwrap().unwrap());
    });
    store.set_hook(|_| {});
    assert!(matches!(pool.get(&id("nobody")), Err(Error::Refused(Refusal::NotFound { .. }))));
}

#[test]
fn an_id_that_is_forgotten_while_somebody_looks_at_its_session_is_not_given_to_another() {
    let store = Arc::new(FaultyStore::default());
    let sessions = SessionStore::with_store(Arc::clone(&store)).unwrap();
    let keep_none = Retention { max_count: 0, max_age: SECOND };
    let builder = SessionPool::builder().growth(Growth::Manual).retired_retention(keep_none);
    let pool = builder.open_in(&sessions).unwrap();
    let _ = pool.add(named("a")).unwrap().retire().unwrap();
    pool.flush().unwrap();
    // Its id is asked for, then somebody looks at it, then it is forgotten, and only then the store is asked.
    let (looked_at, other) = (Arc::new(parking_lot::Mutex::new(None)), pool.clone());
    let looking = Arc::clone(&looked_at);
    store.set_hook(move |operation| {
        if operation == "before contains" {
            *looking.lock() = Some(other.get(&id("a")).unwrap());
            other.forget().unwrap();
        }
    });
    assert!(matches!(pool.add(named("a")), Err(Error::Refused(Refusal::DuplicateId { .. }))));
    store.set_hook(|_| {});
    drop(looked_at.lock().take());
    let session = pool.add(named("a")).unwrap();
    assert!(!session.is_retired() && !pool.get(&id("a")).unwrap().is_retired());
}

/// A clock whose first answer is followed by a sweep 20 s later.
#[derive(Clone)]
struct LateClock {
    clock: ManualClock,
    calls: Arc<AtomicUsize>,
    other: SessionPool,
}

impl Clock for LateClock {
    fn now(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        if self.calls.fetch_add(1, Ordering::SeqCst) == 0 {
            self.clock.advance(20 * SECOND);
            self.other.sweep().unwrap();
        }
        now
    }
}

#[test]
fn a_session_that_expires_while_its_pool_is_opened_is_found() {
    let clock = clock();
    let sessions = SessionStore::in_memory().unwrap();
    let other = SessionPool::builder().name("other").clock(clock.clone()).open_in(&sessions).unwrap();
    let builder = || SessionPool::builder().name("a").growth(Growth::Manual);
    let pool = builder().clock(clock.clone()).open_in(&sessions).unwrap();
    pool.add(options(|o| o.max_age = 10 * SECOND)).unwrap();
    drop(pool);
    let late = LateClock { clock: clock.clone(), calls: Arc::default(), other: other.clone() };
    let pool = builder().clock(late).open_in(&sessions).unwrap();
    pool.sweep().unwrap();
    assert_eq!(pool.stats().live, 0);
}

#[test]
fn a_payload_is_never_read_half_old_and_half_new() {
    let at_once = Durability::Buffered { max_delay: Duration::ZERO };
    let pool = Place::disk().open(|b| b.growth(Growth::Manual).durability(at_once));
    let session = pool.add(named("a")).unwrap();
    session.set_user_data("k", "a".repeat(60_000)).unwrap();
    pool.flush().unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let text = session.user_data::<String>("k").unwrap().unwrap();
                    assert!(text.bytes().all(|byte| byte == text.as_bytes()[0]), "torn");
                }
            });
        }
        for n in 0..250 {
            session.set_user_data("k", ["a", "b"][n % 2].repeat(60_000)).unwrap();
            pool.flush().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_failed_write_of_the_retention_poisons_too() {
    let store = Arc::new(FaultyStore::default());
    let sessions = SessionStore::with_store(Arc::clone(&store)).unwrap();
    let keep_none = Retention { max_count: 0, max_age: SECOND };
    let pool = SessionPool::builder()
        .growth(Growth::Manual)
        .retired_retention(keep_none)
        .open_in(&sessions)
        .unwrap();
    let _ = pool.add(named("a")).unwrap().retire().unwrap();
    pool.flush().unwrap();
    let events = pool.retirements();
    store.fails_sync.store(true, Ordering::SeqCst);
    assert!(matches!(pool.forget(), Err(Error::Poisoned { .. })));
    store.fails_sync.store(false, Ordering::SeqCst);
    assert!(matches!(pool.add(named("b")), Err(Error::Poisoned { .. })));
    assert!(matches!(pool.flush(), Err(Error::Poisoned { .. })));
    assert!(events.recv().is_err(), "a poisoned pool has nothing more to tell");
}

#[test]
fn an_engine_that_panics_in_a_sweep_poisons_too() {
    let store = Arc::new(FaultyStore::default());
    let sessions = SessionStore::with_store(Arc::clone(&store)).unwrap();
    let clock = clock();
    let pool = SessionPool::builder().clock(clock.clone()).open_in(&sessions).unwrap();
    store.set_hook(|operation| assert!(operation != "visit_expiring", "as this test wants it to"));
    clock.advance(SECOND);
    assert!(matches!(pool.sweep(), Err(Error::Poisoned { .. })));
    assert!(matches!(pool.acquire(), Err(Error::Poisoned { .. })));
}

#[test]
fn whoever_subscribes_to_a_closed_pool_hears_the_end() {
    let (pool, _) = pool(|b| b);
    pool.close().unwrap();
    assert_eq!(pool.retirements().iter().count(), 0);
}

#[test]
fn one_session_for_many_wakes_all_who_wait() {
    let pool = SessionPool::builder().growth(Growth::Manual).open_in_memory().unwrap();
    std::thread::scope(|scope| {
        let (leased, is_leased) = mpsc::channel();
        for _ in 0..4 {
            let leased = leased.clone();
            let pool = &pool;
            scope.spawn(move || {
                let lease = pool.acquire_timeout(60 * SECOND).unwrap();
                leased.send(lease).unwrap();
            });
        }
        std::thread::sleep(Duration::from_millis(50));
        let began = Instant::now();
        pool.add(named("a")).unwrap();
        let leases: Vec<_> = (0..4).map(|_| is_leased.recv().unwrap()).collect();
        assert!(began.elapsed() < 10 * SECOND);
        drop(leases);
    });
}

#[test]
fn a_refusal_names_the_end_of_the_first_rest_as_it_is_now() {
    let (pool, clock) = pool(|b| b.growth(Growth::Manual));
    let session = pool.add(named("a")).unwrap();
    let next_rest_ends = || match pool.acquire() {
        Err(Error::Refused(Refusal::NoneAvailable { next_rest_ends, .. })) => next_rest_ends,
        other => panic!("{other:?}"),
    };
    session.rest_for(10 * SECOND).unwrap();
    session.rest_for(60 * SECOND).unwrap();
    assert_eq!(next_rest_ends(), Some(clock.now() + 60 * SECOND));
    let later = pool.add(named("b")).unwrap();
    later.rest_for(70 * SECOND).unwrap();
    let _ = session.retire().unwrap();
    assert_eq!(next_rest_ends(), Some(clock.now() + 70 * SECOND));
    let _ = later.retire().unwrap();
    assert_eq!(next_rest_ends(), None);
}
