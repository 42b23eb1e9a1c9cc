//! What is forgotten, and when; and what the sweeper retires.

use std::time::Duration;

use session_pool::{Error, Growth, Refusal, Retention, Sequence, SessionOptions, SessionPool, SessionStore};

use crate::support::{Place, SECOND, assert_sound, clock, expired_after_sweep, id, named, options, pool};

fn retire(pool: &SessionPool, name: &str) {
    let _ = pool.add(named(name)).unwrap().retire().unwrap();
}

fn keep(max_age: Duration, max_count: u64) -> Retention {
    Retention { max_age, max_count }
}

#[test]
fn retired_sessions_and_their_log_are_forgotten_by_number() {
    for place in Place::both() {
        let pool = place.open(|b| {
            b.growth(Growth::Manual)
                .retired_retention(keep(Duration::MAX, 3))
                .log_retention(keep(Duration::MAX, 5))
        });
        for n in 0..10 {
            retire(&pool, &format!("s{n}"));
        }
        let forgotten = pool.forget().unwrap();
        assert_eq!((forgotten.sessions, forgotten.log_entries), (7, 5));
        let logged: Vec<_> =
            pool.retirement_log(Sequence::START).map(|entry| entry.unwrap().sequence.0).collect();
        assert_eq!(logged, [6, 7, 8, 9, 10]);
        assert!(matches!(pool.get(&id("s6")), Err(Error::Refused(Refusal::NotFound { .. }))));
        assert!(pool.get(&id("s7")).unwrap().state().unwrap().retired.is_some());
        assert_eq!(pool.forget().unwrap().sessions, 0);
        assert_sound(pool.session_store().store());
        // Sequences go on, also after a restart, and also where the whole log was forgotten.
        drop(pool);
        let pool = place.open(|b| {
            b.growth(Growth::Manual)
                .retired_retention(keep(Duration::MAX, 0))
                .log_retention(keep(Duration::MAX, 0))
        });
        pool.forget().unwrap();
        assert_eq!(pool.retirement_log(Sequence::START).count(), 0);
        drop(pool);
        let pool = place.open(|b| b.growth(Growth::Manual));
        retire(&pool, "s3");
        pool.flush().unwrap();
        assert_eq!(pool.retirement_log(Sequence::START).next().unwrap().unwrap().sequence, Sequence(11));
        drop(pool);
        place.assert_sound();
    }
}

#[test]
fn retired_sessions_and_their_log_are_forgotten_by_age() {
    let (pool, clock) = pool(|b| {
        b.growth(Growth::Manual)
            .retired_retention(keep(60 * SECOND, 100))
            .log_retention(keep(120 * SECOND, 100))
    });
    retire(&pool, "a");
    clock.advance(30 * SECOND);
    retire(&pool, "b");
    assert_eq!(pool.forget().unwrap().sessions, 0);
    clock.advance(31 * SECOND);
    assert_eq!((pool.forget().unwrap().sessions, pool.retirement_log(Sequence::START).count()), (1, 2));
    clock.advance(60 * SECOND);
    let forgotten = pool.forget().unwrap();
    assert_eq!((forgotten.sessions, forgotten.log_entries), (1, 1));
    assert_sound(pool.session_store().store());
}

#[test]
fn much_that_is_over_is_forgotten_in_one_call() {
    let place = Place::disk();
    let pool = place.open(|b| {
        b.max_pool_size(5000)
            .session_options(options(|o| o.max_usage_count = 1))
            .retired_retention(keep(Duration::MAX, 10))
            .log_retention(keep(Duration::MAX, 20))
    });
    for _ in 0..2000 {
        let _ = pool.acquire().unwrap().reclaim().unwrap();
    }
    let forgotten = pool.forget().unwrap();
    assert_eq!((forgotten.sessions, forgotten.log_entries), (1990, 1980));
    drop(pool);
    place.assert_sound();
}

#[test]
fn i6_opening_forgets_nothing() {
    let place = Place::memory();
    let clock = clock();
    let pool = place.open(|b| b.clock(clock.clone()).growth(Growth::Manual));
    retire(&pool, "a");
    let live = pool.add(SessionOptions { max_age: Duration::MAX, ..named("b") }).unwrap();
    let before = (live.state().unwrap(), pool.get(&id("a")).unwrap().state().unwrap());
    drop((live, pool));
    clock.advance(Duration::from_secs(10 * 365 * 24 * 3600));
    let pool = place.open(|b| b.clock(clock.clone()).growth(Growth::Manual).max_pool_size(1));
    let state = |name| pool.get(&id(name)).unwrap().state().unwrap();
    assert_eq!((state("b"), state("a")), before);
}

#[test]
fn i6_a_pool_that_is_smaller_than_what_comes_back_keeps_all_of_it() {
    for place in Place::both() {
        let pool = place.open(|b| b.growth(Growth::Manual));
        for n in 0..10 {
            pool.add(named(&format!("s{n}"))).unwrap();
        }
        drop(pool);
        let pool = place.open(|b| b.max_pool_size(3));
        assert_eq!(pool.stats().live, 10);
        let _ = pool.acquire().unwrap().reclaim().unwrap();
        assert_eq!(pool.stats().created, 0, "R-10");
        assert!(matches!(pool.add(named("x")), Err(Error::Refused(Refusal::PoolFull { live: 10, .. }))));
    }
}

#[test]
fn a_forgotten_id_may_be_given_again_and_a_kept_one_may_not() {
    let (pool, clock) = pool(|b| {
        b.growth(Growth::Manual)
            .retired_retention(keep(60 * SECOND, 100))
            .log_retention(keep(60 * SECOND, 100))
    });
    retire(&pool, "a");
    pool.flush().unwrap();
    assert!(matches!(pool.add(named("a")), Err(Error::Refused(Refusal::DuplicateId { .. }))));
    clock.advance(61 * SECOND);
    pool.forget().unwrap();
    let again = pool.add(named("a")).unwrap();
    assert_eq!(again.record().usage_count, 0);
    retire(&pool, "b");
    let _ = again.retire().unwrap();
    pool.flush().unwrap();
    assert_sound(pool.session_store().store());
}

#[test]
fn a_handle_of_a_forgotten_session_still_answers() {
    let (pool, clock) = pool(|b| {
        b.growth(Growth::Manual).retired_retention(keep(SECOND, 100)).log_retention(keep(SECOND, 100))
    });
    let session = pool.add(named("a")).unwrap();
    let _ = session.retire().unwrap();
    clock.advance(2 * SECOND);
    pool.forget().unwrap();
    assert!(session.is_retired() && !session.is_usable());
    assert!(matches!(session.state(), Err(Error::Refused(Refusal::NotFound { .. }))));
}

#[test]
fn peer_5_the_sweeper_retires_what_has_expired_without_anybody_asking() {
    let pool = SessionPool::builder()
        .growth(Growth::Manual)
        .session_options(options(|o| o.max_age = Duration::from_millis(100)))
        .open_in_memory()
        .unwrap();
    let events = pool.retirements();
    pool.add(SessionOptions { id: Some(id("a")), ..pool.session_options() }).unwrap();
    let event = events.recv_timeout(60 * SECOND).unwrap();
    assert_eq!((event.id, event.reason.as_str()), (id("a"), "expired"));
    assert_eq!((pool.stats().live, event.usage_count), (0, 0));
}

#[test]
fn the_sweeper_finds_sessions_of_every_pool_and_of_any_number() {
    for place in Place::both() {
        let clock = clock();
        let store: SessionStore = place.open_store();
        let open = |name: &str| {
            let builder = SessionPool::builder().name(name).max_pool_size(10_000).growth(Growth::Manual);
            builder.clock(clock.clone()).open_in(&store).unwrap()
        };
        let (a, b) = (open("a"), open("b"));
        for n in 0..3000 {
            a.add(named(&format!("s{n}"))).unwrap();
        }
        b.add(SessionOptions { max_age: 10 * SECOND, ..named("short") }).unwrap();
        b.add(named("long")).unwrap();
        assert_eq!(expired_after_sweep(&a), 0);
        clock.advance(10 * SECOND);
        assert_eq!((expired_after_sweep(&a), b.stats().retired.expired), (0, 1));
        clock.advance(2989 * SECOND);
        assert_eq!((expired_after_sweep(&b), a.stats().retired.expired), (1, 0));
        clock.advance(SECOND);
        assert_eq!((expired_after_sweep(&b), a.stats().retired.expired), (2, 3000));
        store.flush().unwrap();
        assert_sound(store.store());
    }
}

#[test]
fn the_sweeper_finds_what_was_created_after_the_clock_was_set_back() {
    let (pool, clock) = pool(|b| b.growth(Growth::Manual));
    clock.advance(100_000 * SECOND);
    pool.sweep().unwrap();
    clock.set("2026-03-01T12:00:00Z".parse().unwrap());
    pool.add(named("a")).unwrap();
    clock.advance(3000 * SECOND);
    assert_eq!(expired_after_sweep(&pool), 1);
}

#[test]
fn a_lease_of_a_session_that_expires_meanwhile_ends_without_changing_it() {
    let (pool, clock) = pool(|b| b.max_pool_size(1));
    let lease = pool.acquire().unwrap();
    clock.advance(3000 * SECOND);
    assert_eq!(expired_after_sweep(&pool), 1);
    let expired = session_pool::Outcome::AlreadyRetired(session_pool::Reason::Expired);
    assert_eq!(lease.reclaim().unwrap(), expired);
    assert_eq!(pool.stats().leased, 0);
}
