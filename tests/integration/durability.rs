//! When what was done is on disk, and what becomes of a write that fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use session_pool::{Durability, Error, Growth, SessionPool, SessionStore, State, StoreError};

use crate::support::{FaultyStore, Place, SECOND, assert_sound, id, named};

/// Looks at the store of an open pool.
fn stored_usage(pool: &SessionPool, name: &str) -> Option<u32> {
    let store = pool.session_store().store();
    let mut usage = None;
    store
        .visit_pools(&mut |pool| {
            usage = store.record(pool.unwrap().number, &id(name)).unwrap().map(|record| record.usage_count);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    usage
}

#[test]
fn i4_immediate_returns_when_it_is_in_the_store() {
    for place in Place::both() {
        let pool = place.open(|b| b.durability(Durability::Immediate).growth(Growth::Manual));
        let session = pool.add(named("a")).unwrap();
        assert_eq!(stored_usage(&pool, "a"), Some(0));
        for uses in 1..4 {
            let _ = session.reclaim().unwrap();
            assert_eq!(stored_usage(&pool, "a"), Some(uses));
        }
        // Nobody hears of a dropped lease, so nobody waits for it; it is written at once all the same.
        drop(pool.acquire().unwrap());
        let began = Instant::now();
        while stored_usage(&pool, "a") != Some(4) {
            assert!(began.elapsed() < 60 * SECOND, "it is never written");
            std::thread::yield_now();
        }
        session.set_user_data("k", 1).unwrap();
        assert_eq!(pool.stats().uncommitted, 0);
    }
}

#[test]
fn buffered_commits_by_itself_within_its_delay() {
    let place = Place::disk();
    let delay = Duration::from_millis(20);
    let pool = place.open(|b| b.durability(Durability::Buffered { max_delay: delay }).growth(Growth::Manual));
    let session = pool.add(named("a")).unwrap();
    let _ = session.reclaim().unwrap();
    let began = Instant::now();
    while stored_usage(&pool, "a") != Some(1) {
        assert!(began.elapsed() < 60 * SECOND, "it is never written");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_retirement_does_not_wait_for_the_delay() {
    let place = Place::disk();
    let delay = Durability::Buffered { max_delay: 3600 * SECOND };
    let pool = place.open(|b| b.durability(delay).growth(Growth::Manual));
    let events = pool.retirements();
    let session = pool.add(named("a")).unwrap();
    let _ = session.retire().unwrap();
    assert_eq!(events.recv_timeout(60 * SECOND).unwrap().id, id("a"));
    let _ = pool.add(named("b")).unwrap();
    assert_eq!(stored_usage(&pool, "b"), None, "anything else does");
    let session = pool.add(named("c")).unwrap();
    let _ = session.retire().unwrap();
    assert_eq!(events.recv_timeout(60 * SECOND).unwrap().id, id("c"), "also where others wait already");
}

#[test]
fn a_long_delay_is_kept() {
    let place = Place::disk();
    let delay = Durability::Buffered { max_delay: 3600 * SECOND };
    let pool = place.open(|b| b.durability(delay).growth(Growth::Manual));
    // The pool itself is new, which counts as a change.
    pool.flush().unwrap();
    pool.add(named("a")).unwrap();
    // The committer looks for expired sessions once a second meanwhile.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(stored_usage(&pool, "a"), None);
}

#[test]
fn flush_close_and_the_last_drop_commit_what_is_pending() {
    for place in Place::both() {
        let open = || {
            let delay = Durability::Buffered { max_delay: 3600 * SECOND };
            place.open(|b| b.durability(delay).growth(Growth::Manual))
        };
        let pool = open();
        let session = pool.add(named("a")).unwrap();
        pool.flush().unwrap();
        assert_eq!(stored_usage(&pool, "a"), Some(0));
        let _ = session.reclaim().unwrap();
        pool.close().unwrap();
        assert_eq!(stored_usage(&pool, "a"), Some(1));
        drop((session, pool));

        let pool = open();
        let session = pool.get(&id("a")).unwrap();
        let _ = session.reclaim().unwrap();
        drop(pool);
        let _ = session.reclaim().unwrap();
        drop(session);
        assert_eq!(open().get(&id("a")).unwrap().record().usage_count, 3);
        place.assert_sound();
    }
}

#[test]
fn a_closed_pool_answers_questions_and_changes_nothing() {
    let pool = Place::memory().open(|b| b.growth(Growth::Manual));
    let session = pool.add(named("a")).unwrap();
    let lease = pool.acquire().unwrap();
    pool.close().unwrap();
    let is_closed = |error: Error| matches!(error, Error::Closed { .. });
    assert!(is_closed(pool.acquire().unwrap_err()));
    assert!(is_closed(pool.acquire_by_id(&id("a")).unwrap_err()));
    assert!(is_closed(pool.add(named("b")).unwrap_err()));
    assert!(is_closed(session.reclaim().unwrap_err()));
    assert!(is_closed(session.set_user_data("k", 1).unwrap_err()));
    assert!(is_closed(lease.retire().unwrap_err()));
    assert_eq!(session.state().unwrap().usage_count, 0);
    assert_eq!(pool.get(&id("a")).unwrap().status(), State::Live);
    pool.close().unwrap();
}

/// A pool on a store whose writes fail from now on, with one session.
fn faulty() -> (Arc<FaultyStore>, SessionPool) {
    let store = Arc::new(FaultyStore::default());
    let sessions = SessionStore::with_store(Arc::clone(&store)).unwrap();
    let pool = SessionPool::builder().growth(Growth::Manual).open_in(&sessions).unwrap();
    pool.add(named("a")).unwrap();
    pool.flush().unwrap();
    (store, pool)
}

fn poisoned_by(error: &Error) -> String {
    let Error::Poisoned { cause } = error else { panic!("{error}") };
    let StoreError::Engine { source, .. } = &**cause else { panic!("{cause}") };
    source.to_string()
}

#[test]
fn i5_a_failed_write_poisons_the_pool_and_tells_nobody_of_what_was_not_written() {
    for fails_sync in [false, true] {
        let (store, pool) = faulty();
        let events = pool.retirements();
        let switch = if fails_sync { &store.fails_sync } else { &store.fails_commit };
        switch.store(true, Ordering::SeqCst);
        let session = pool.get(&id("a")).unwrap();
        let _ = session.retire().unwrap();
        let error = pool.flush().unwrap_err();
        assert_eq!(poisoned_by(&error), "no space left on device");
        // Also once the cause is gone: only reopening helps.
        switch.store(false, Ordering::SeqCst);
        for error in [
            pool.acquire().unwrap_err(),
            pool.acquire_timeout(60 * SECOND).unwrap_err(),
            pool.add(named("b")).unwrap_err(),
            session.reclaim().unwrap_err(),
            session.set_user_data("k", 1).unwrap_err(),
            pool.flush().unwrap_err(),
            pool.sweep().unwrap_err(),
            pool.forget().unwrap_err(),
            pool.close().unwrap_err(),
        ] {
            assert_eq!(poisoned_by(&error), "no space left on device");
        }
        assert_eq!(events.try_iter().count(), 0, "I-5");
        drop((session, pool));
        if !fails_sync {
            let sessions = SessionStore::with_store(Arc::clone(&store)).unwrap();
            let pool = SessionPool::builder().open_in(&sessions).unwrap();
            assert_eq!(pool.get(&id("a")).unwrap().status(), State::Live, "what was durable is there");
        }
        assert_sound(&store.inner);
    }
}

#[test]
fn whoever_waits_for_a_write_that_fails_hears_of_it() {
    let store = Arc::new(FaultyStore::default());
    let sessions = SessionStore::with_store(Arc::clone(&store)).unwrap();
    let builder = SessionPool::builder().growth(Growth::Manual).durability(Durability::Immediate);
    let pool = builder.open_in(&sessions).unwrap();
    let session = pool.add(named("a")).unwrap();
    store.fails_commit.store(true, Ordering::SeqCst);
    std::thread::scope(|scope| {
        let waiters: Vec<_> = (0..8).map(|_| scope.spawn(|| session.reclaim())).collect();
        for waiter in waiters {
            assert_eq!(poisoned_by(&waiter.join().unwrap().unwrap_err()), "no space left on device");
        }
    });
}

#[test]
fn an_engine_that_panics_poisons_like_one_that_fails() {
    let (store, pool) = faulty();
    store.panics.store(true, Ordering::SeqCst);
    let _ = pool.get(&id("a")).unwrap().reclaim().unwrap();
    let error = pool.flush().unwrap_err();
    assert!(poisoned_by(&error).contains("gave up"));
}

#[test]
fn large_payloads_stay_in_the_one_file_that_is_synced() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    let text = "x".repeat(1_000_000);
    for n in 0..40 {
        let session = pool.add(named(&format!("s{n}"))).unwrap();
        session.set_user_data("large", &text[..1_000_000 - n * 20_000]).unwrap();
        if n % 2 == 0 {
            pool.flush().unwrap();
            session.set_user_data("large", "small").unwrap();
        }
    }
    drop(pool);
    let blobs = std::fs::read_dir(place.path().join("engine/blobs")).unwrap().count();
    assert_eq!(blobs, 0, "I-4: the engine never syncs its blobs");
    let pool = place.open(|b| b.growth(Growth::Manual));
    for n in 0..40_usize {
        let session = pool.get(&id(&format!("s{n}"))).unwrap();
        let expected = if n.is_multiple_of(2) { "small".len() } else { 1_000_000 - n * 20_000 };
        assert_eq!(session.user_data::<String>("large").unwrap().unwrap().len(), expected);
    }
    drop(pool);
    place.assert_sound();
}
