//! The rules, as a pool keeps them. Those that need no pool are tested beside the pure functions.

use std::time::Duration;

use session_pool::{
    BackOff, Clock, Error, Growth, Outcome, Reason, Refusal, RestoredLimits, SessionOptions, SessionPool,
    SessionStore, State,
};

use crate::support::{Place, SECOND, clock, id, named, options, pool};

#[test]
fn r1_the_questions_a_session_answers() {
    let (pool, clock) = pool(|b| b.growth(Growth::Manual));
    let session = pool.add(SessionOptions { max_usage_count: 2, ..named("a") }).unwrap();
    assert!(session.is_usable());
    assert_eq!(session.reclaim().unwrap(), Outcome::Live);
    assert!(!session.is_max_usage_count_reached());
    assert_eq!(session.reclaim().unwrap(), Outcome::Retired(Reason::Exhausted));
    assert!(session.is_max_usage_count_reached() && !session.is_usable() && session.is_retired());

    let session = pool.add(named("b")).unwrap();
    clock.advance(2999 * SECOND + Duration::from_millis(999));
    assert!(session.is_usable() && !session.is_expired());
    clock.advance(Duration::from_millis(1));
    assert!(session.is_expired() && !session.is_usable() && !session.is_retired());

    let session = pool.add(SessionOptions { max_error_score: 1.0, ..named("c") }).unwrap();
    assert_eq!(session.fail().unwrap(), Outcome::Retired(Reason::Blocked));
    assert!(session.is_blocked() && !session.is_usable());
}

#[test]
fn r2_a_restart_never_lengthens_a_life() {
    for place in Place::both() {
        let clock = clock();
        let open = || place.open(|b| b.clock(clock.clone()).growth(Growth::Manual));
        let mut pool = open();
        let expires_at = pool.add(named("a")).unwrap().record().expires_at;
        for _ in 0..3 {
            clock.advance(600 * SECOND);
            drop(pool);
            pool = open();
        }
        assert_eq!(pool.get(&id("a")).unwrap().record().expires_at, expires_at);
        clock.advance(1200 * SECOND);
        assert!(matches!(
            pool.acquire_by_id(&id("a")),
            Err(Error::Refused(Refusal::Retired { reason: Reason::Expired, .. }))
        ));
    }
}

#[test]
fn r3_nothing_changes_a_retired_session_and_saying_so_is_no_error() {
    let (pool, clock) = pool(|b| b);
    let session = pool.add(named("a")).unwrap();
    let events = pool.retirements();
    assert_eq!(session.retire().unwrap(), Outcome::Retired(Reason::Retired));
    let before = session.record();
    clock.advance(SECOND);
    for outcome in [session.reclaim(), session.fail(), session.retire()] {
        assert_eq!(outcome.unwrap(), Outcome::AlreadyRetired(Reason::Retired));
    }
    assert!(matches!(session.rest_for(SECOND), Err(Error::Refused(Refusal::Retired { .. }))));
    assert!(matches!(session.set_user_data("k", 1), Err(Error::Refused(Refusal::Retired { .. }))));
    assert_eq!(session.record(), before);
    pool.flush().unwrap();
    assert_eq!(events.try_iter().count(), 1, "R-4");
}

#[test]
fn r4_each_retirement_is_told_once_whatever_caused_it() {
    let (pool, clock) = pool(|b| b.max_pool_size(10));
    let events = pool.retirements();
    let leases: Vec<_> = (0..4).map(|_| pool.acquire().unwrap()).collect();
    let session = leases[0].session().clone();
    for lease in leases {
        let _ = lease.session().clone().retire().unwrap();
        let _ = lease.retire().unwrap();
    }
    clock.advance(4000 * SECOND);
    pool.sweep().unwrap();
    let _ = session.reclaim().unwrap();
    pool.flush().unwrap();
    let told: Vec<_> = events.try_iter().collect();
    assert_eq!(told.len(), 4);
    assert!(told.iter().enumerate().all(|(n, event)| event.sequence.0 == n as u64 + 1), "without a gap");
}

#[test]
fn r5_each_use_counts_once_however_it_ends() {
    let (pool, _clock) = pool(|b| b.max_pool_size(1).session_options(options(|o| o.max_error_score = 100.0)));
    let session = pool.acquire().unwrap().session().clone();
    assert_eq!(session.record().usage_count, 1, "dropped");
    let _ = pool.acquire().unwrap().reclaim().unwrap();
    let _ = pool.acquire().unwrap().fail().unwrap();
    let _ = pool.acquire().unwrap().settle_status(200, None).unwrap();
    let _ = pool.acquire().unwrap().rest_for(Duration::ZERO).unwrap();
    assert_eq!(session.record().usage_count, 5);
    assert_eq!(session.record().error_count, 2);
    let _ = pool.acquire().unwrap().retire().unwrap();
    assert_eq!(session.record().usage_count, 6);
}

#[test]
fn r6_the_outcome_names_the_first_reason() {
    let (pool, clock) = pool(|b| b.growth(Growth::Manual));
    let all = |id: &str| SessionOptions { max_error_score: 1.0, max_usage_count: 1, ..named(id) };
    let (blocked, exhausted) = (pool.add(all("a")).unwrap(), pool.add(all("b")).unwrap());
    let expired = pool.add(named("c")).unwrap();
    clock.advance(3000 * SECOND);
    assert_eq!(blocked.fail().unwrap(), Outcome::Retired(Reason::Blocked));
    assert_eq!(exhausted.reclaim().unwrap(), Outcome::Retired(Reason::Exhausted));
    assert_eq!(expired.reclaim().unwrap(), Outcome::Retired(Reason::Expired));
}

#[test]
fn r7_options_are_checked_when_they_are_given() {
    let bad = SessionPool::builder().session_options(options(|o| o.max_error_score = f64::NAN));
    let error = bad.open_in_memory().unwrap_err();
    assert!(matches!(error, Error::Invalid(ref invalid) if invalid.field == "max_error_score"), "{error}");
}

#[test]
fn r8_uses_in_flight_count_against_both_limits() {
    let limits = options(|o| {
        o.max_usage_count = 3;
        o.max_concurrent_uses = Some(2);
    });
    let (pool, _clock) = pool(|b| b.max_pool_size(1).session_options(limits));
    let first = pool.acquire().unwrap();
    let second = pool.acquire().unwrap();
    assert_eq!(first.id(), second.id());
    assert!(matches!(pool.acquire(), Err(Error::Refused(Refusal::NoneAvailable { leased: 1, .. }))));
    assert!(matches!(
        pool.acquire_by_id(first.id()),
        Err(Error::Refused(Refusal::Busy { in_flight: 2, .. }))
    ));
    let session = first.session().clone();
    assert_eq!(first.reclaim().unwrap(), Outcome::Live);
    // One use is over, one under way: there is room for one more, and not for two.
    let third = pool.acquire().unwrap();
    assert_eq!(second.reclaim().unwrap(), Outcome::Live);
    assert!(pool.acquire().is_err(), "two used, one in flight");
    assert_eq!(third.reclaim().unwrap(), Outcome::Retired(Reason::Exhausted));
    assert_eq!(session.record().usage_count, 3);
}

#[test]
fn r9_a_lease_dropped_without_an_outcome_has_failed() {
    let (pool, _clock) = pool(|b| b.max_pool_size(1));
    let session = pool.acquire().unwrap().session().clone();
    assert_eq!((session.record().usage_count, session.record().error_score.to_f64()), (1, 1.0));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _lease = pool.acquire().unwrap();
        panic!("a handler gives up, as this test wants it to");
    }));
    assert!(panicked.is_err());
    assert_eq!((session.record().usage_count, session.record().error_score.to_f64()), (2, 2.0));
    assert_eq!(pool.stats().leased, 0);
}

#[test]
fn r9_an_automatic_outcome_never_overrides_an_explicit_one() {
    let (pool, _clock) = pool(|b| b.max_pool_size(1));
    // A handler that was lent the session says how it went; then the lease is dropped, or its framework says so too.
    let lease = pool.acquire().unwrap();
    let session = lease.session().clone();
    let handler = |session: &session_pool::Session| session.reclaim().unwrap();
    assert_eq!(handler(&lease), Outcome::Live);
    drop(lease);
    assert_eq!((session.record().usage_count, session.record().error_count), (1, 0));
    let lease = pool.acquire().unwrap();
    assert_eq!(lease.session().fail().unwrap(), Outcome::Live);
    assert_eq!(lease.reclaim().unwrap(), Outcome::Live);
    assert_eq!((session.record().usage_count, session.record().error_count), (2, 1), "the first one stands");
    let lease = pool.acquire().unwrap();
    assert_eq!(session.retire().unwrap(), Outcome::Retired(Reason::Retired));
    drop(lease);
    assert_eq!((session.record().usage_count, session.record().error_count), (3, 2));
}

#[test]
fn r9_r11_a_rest_given_to_the_session_of_a_lease_is_how_its_use_ended() {
    let (pool, clock) = pool(|b| b.max_pool_size(1));
    let lease = pool.acquire().unwrap();
    let session = lease.session().clone();
    lease.session().rest_for(SECOND).unwrap();
    drop(lease);
    let record = session.record();
    assert_eq!((record.usage_count, record.error_count, record.is_resting(clock.now().into())), (1, 0, true));
    // A handle of its own counts no use.
    session.rest_for(2 * SECOND).unwrap();
    assert_eq!(session.record().usage_count, 1);
}

#[test]
fn a_rest_after_the_outcome_of_a_use_changes_nothing() {
    let (pool, _) = pool(|b| b.growth(Growth::Manual));
    let session = pool.add(named("a")).unwrap();
    let lease = pool.acquire().unwrap();
    let _ = lease.session().reclaim().unwrap();
    let before = session.record();
    lease.session().rest_for(60 * SECOND).unwrap();
    assert_eq!((session.record(), pool.stats().rested, pool.stats().resting), (before, 0, 0));
    drop(lease);
    let lease = pool.acquire().unwrap();
    let _ = lease.session().retire().unwrap();
    let refused = lease.session().rest_for(SECOND);
    assert!(matches!(refused, Err(Error::Refused(Refusal::Retired { .. }))), "R-3");
}

#[test]
fn r10_only_live_sessions_count_and_a_failed_creation_frees_its_place() {
    let attempts = std::sync::atomic::AtomicU32::new(0);
    let (pool, _clock) = pool(|b| {
        b.max_pool_size(2).back_off(BackOff::NONE).create_with(move |options| {
            // Every second attempt fails.
            if attempts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 2 == 1 {
                return Err("wrong password".into());
            }
            Ok(options)
        })
    });
    let first = pool.acquire().unwrap();
    let error = pool.acquire().unwrap_err();
    assert!(matches!(&error, Error::CreateFailed { source, .. } if source.to_string() == "wrong password"));
    assert_eq!((pool.stats().live, pool.stats().creating), (1, 0));
    let _second = pool.acquire().unwrap();
    assert!(matches!(pool.add(named("x")), Err(Error::Refused(Refusal::PoolFull { live: 2, .. }))));
    let _ = first.retire().unwrap();
    pool.add(named("x")).unwrap();
}

#[test]
fn r10_a_create_function_that_panics_frees_its_place() {
    let (pool, _clock) = pool(|b| b.max_pool_size(1).create_with(|_| panic!("as this test wants it to")));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.acquire()));
    assert!(panicked.is_err());
    assert_eq!(pool.stats().creating, 0);
    pool.add(named("x")).unwrap();
}

#[test]
fn r11_a_rate_limit_rests_a_session_also_across_a_restart() {
    for place in Place::both() {
        let clock = clock();
        let open = || place.open(|b| b.clock(clock.clone()).growth(Growth::Manual));
        let pool = open();
        pool.add(named("a")).unwrap();
        let lease = pool.acquire().unwrap();
        assert_eq!(lease.settle_status(429, Some(60 * SECOND)).unwrap(), Outcome::Live);
        let refused = pool.acquire().unwrap_err();
        let Error::Refused(Refusal::NoneAvailable { resting: 1, next_rest_ends: Some(_), .. }) = refused
        else {
            panic!("{refused}");
        };
        drop(pool);
        clock.advance(59 * SECOND);
        let pool = open();
        assert!(matches!(pool.acquire_by_id(&id("a")), Err(Error::Refused(Refusal::Resting { .. }))));
        assert_eq!((pool.stats().resting, pool.stats().available), (1, 0));
        clock.advance(SECOND);
        let lease = pool.acquire().unwrap();
        let record = lease.record();
        assert_eq!((record.usage_count, record.error_count, record.error_score.to_f64()), (1, 0, 0.0));
        let _ = lease.reclaim().unwrap();
    }
}

#[test]
fn stored_limits_rule_unless_todays_are_asked_for() {
    for place in Place::both() {
        let clock = clock();
        let of = |max_usage_count| options(|o| o.max_usage_count = max_usage_count);
        let open = |limit, restored| {
            place.open(|b| b.clock(clock.clone()).session_options(of(limit)).restored_limits(restored))
        };
        let pool = open(10, RestoredLimits::Stored);
        for name in ["a", "b"] {
            pool.add(SessionOptions {
                usage_count: 5 * u32::from(name == "b"),
                max_usage_count: 10,
                ..named(name)
            })
            .unwrap();
        }
        drop(pool);
        let pool = open(4, RestoredLimits::Stored);
        assert_eq!(pool.get(&id("a")).unwrap().record().limits.max_usage_count, 10);
        drop(pool);
        let pool = open(4, RestoredLimits::Current);
        assert_eq!(pool.get(&id("a")).unwrap().record().limits.max_usage_count, 4);
        assert_eq!((pool.open_report().restored, pool.open_report().retired), (1, 1));
        assert_eq!(pool.get(&id("b")).unwrap().status(), State::Retired(Reason::Exhausted));
        drop(pool);
        place.assert_sound();
    }
}

#[test]
fn a_store_outlives_its_pools_and_a_pool_can_be_opened_again() {
    let store = SessionStore::in_memory().unwrap();
    for round in 0..3_u32 {
        let pool = SessionPool::builder().growth(Growth::Manual).open_in(&store).unwrap();
        assert_eq!(pool.stats().live, round as usize);
        pool.add(named(&format!("s{round}"))).unwrap();
    }
    assert_eq!(store.pool_names().len(), 1);
}
