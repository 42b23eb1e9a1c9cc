//! Forgetting by hand.

use std::time::Duration;

use session_pool::maintenance::{Kept, MaintenanceError, PurgeFilter, PurgePlan};
use session_pool::{Growth, ManualClock, Reason, Retention, Sequence, SessionOptions, SessionPool, Store};

use super::{log, name, record};
use crate::support::{Place, SECOND, assert_sound, clock, id, named};

const HOUR: Duration = Duration::from_secs(3600);

/// A pool in which a session was retired each hour: `s1` to `s6`, the third and the sixth blocked, and one lives.
fn a_day(place: &Place, pool: &str) -> ManualClock {
    let clock = clock();
    let store = place.open_store();
    let builder = SessionPool::builder().name(pool).clock(clock.clone()).growth(Growth::Manual);
    let builder = builder.retired_retention(Retention::UNLIMITED).log_retention(Retention::UNLIMITED);
    let pool = builder.open_in(&store).unwrap();
    let long = |id: &str| SessionOptions { max_age: 48 * HOUR, max_error_score: 1.0, ..named(id) };
    pool.add(long("alive")).unwrap();
    for n in 1..=6 {
        let session = pool.add(long(&format!("s{n}")).user_data("k", "x".repeat(9000))).unwrap();
        let _ = if n % 3 == 0 { session.fail() } else { session.retire() }.unwrap();
        pool.flush().unwrap();
        clock.advance(HOUR);
    }
    clock
}

fn now(clock: &ManualClock) -> chrono::DateTime<chrono::Utc> {
    session_pool::Clock::now(clock)
}

fn older_than(older_than: Duration) -> PurgeFilter {
    PurgeFilter { older_than, ..PurgeFilter::default() }
}

fn there(store: &dyn Store) -> Vec<u32> {
    (1..=6).filter(|n| record(store, "a", id(&format!("s{n}"))).is_some()).collect()
}

#[test]
fn sessions_that_were_retired_long_ago_are_forgotten_and_their_log_entries_stay() {
    for place in Place::both() {
        let clock = a_day(&place, "a");
        place.change(|store| {
            // The fourth was retired exactly three hours ago: not longer.
            let plan = PurgePlan::new(store, &older_than(3 * HOUR), now(&clock)).unwrap();
            assert_eq!(there(store), [1, 2, 3, 4, 5, 6], "nothing was written yet");
            let [pool] = plan.pools() else { panic!() };
            assert_eq!((plan.sessions(), pool.sessions, pool.held_back), (3, 3, 0));
            assert_eq!(
                pool.by_reason.clone().into_iter().collect::<Vec<_>>(),
                [(Reason::Blocked, 1), (Reason::Retired, 2)]
            );
            assert_eq!((pool.purged_through, &pool.held_by), (Sequence(3), &None));
            plan.apply(store, &mut |_| {}).unwrap();
            assert_eq!(there(store), [4, 5, 6]);
            assert_eq!(log(store, "a").len(), 6);
            assert_sound(store);
            assert!(PurgePlan::new(store, &older_than(3 * HOUR), now(&clock)).unwrap().is_empty());
        });
        place.assert_sound();
        // A crawler opens it, and its own retention goes on from there.
        let keep = Retention { max_age: Duration::MAX, max_count: 1 };
        let pool = place.open(|b| {
            b.name("a").clock(clock.clone()).retired_retention(keep).log_retention(Retention::UNLIMITED)
        });
        assert_eq!(pool.open_report().restored, 1);
        assert_eq!(pool.forget().unwrap().sessions, 2);
        pool.add(named("s1")).unwrap();
        pool.flush().unwrap();
        assert_sound(pool.session_store().store());
    }
}

#[test]
fn one_that_is_not_asked_for_keeps_those_behind_it() {
    let place = Place::memory();
    let clock = a_day(&place, "a");
    place.change(|store| {
        let filter = PurgeFilter { reasons: vec![Reason::Retired], ..older_than(Duration::ZERO) };
        let plan = PurgePlan::new(store, &filter, now(&clock)).unwrap();
        let [pool] = plan.pools() else { panic!() };
        assert_eq!((pool.sessions, pool.held_back, pool.purged_through), (2, 2, Sequence(2)));
        let held_by = pool.held_by.as_ref().unwrap();
        assert_eq!((held_by.sequence, held_by.id), (Sequence(3), id("s3")));
        assert_eq!(held_by.why, Kept::OtherReason(Reason::Blocked));
        plan.apply(store, &mut |_| {}).unwrap();
        assert_eq!(there(store), [3, 4, 5, 6]);
        assert_sound(store);
        let filter = PurgeFilter { reasons: vec![Reason::Blocked], ..older_than(Duration::ZERO) };
        let plan = PurgePlan::new(store, &filter, now(&clock)).unwrap();
        assert_eq!((plan.sessions(), plan.pools()[0].held_back), (1, 1));
        let both = vec![Reason::Blocked, Reason::Retired];
        let filter = PurgeFilter { reasons: both, ..older_than(Duration::ZERO) };
        PurgePlan::new(store, &filter, now(&clock)).unwrap().apply(store, &mut |_| {}).unwrap();
        assert!(there(store).is_empty() && record(store, "a", id("alive")).is_some());
        assert_sound(store);
    });
}

#[test]
fn a_time_to_come_keeps_nothing_and_goes_with_those_behind_it() {
    let place = Place::memory();
    let clock = a_day(&place, "a");
    // The log of a pool whose clock was years ahead for its third hour.
    place.change(|store| {
        let pool = session_pool::inspect::pools(store).unwrap().remove(0);
        let ahead = |sequence: usize| {
            let (_, mut entry) = log(store, "a")[sequence - 1];
            entry.retired_at =
                "2036-01-01T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap().into();
            let sequence = Sequence(sequence as u64);
            session_pool::Change::LogEntry { pool: pool.number, sequence, entry }
        };
        store.commit(&session_pool::Batch { changes: vec![ahead(2), ahead(4)] }).unwrap();
        let plan = PurgePlan::new(store, &older_than(3 * HOUR), now(&clock)).unwrap();
        assert_eq!((plan.sessions(), plan.pools()[0].purged_through), (3, Sequence(3)));
        plan.apply(store, &mut |_| {}).unwrap();
        assert_eq!(there(store), [4, 5, 6]);
        assert_sound(store);
    });
}

#[test]
fn a_session_that_lives_although_the_log_says_otherwise_is_not_forgotten() {
    let place = Place::memory();
    let clock = a_day(&place, "a");
    place.change(|store| {
        let pool = session_pool::inspect::pools(store).unwrap().remove(0);
        let (_, mut entry) = log(store, "a")[1];
        entry.id = id("alive");
        let change = session_pool::Change::LogEntry { pool: pool.number, sequence: Sequence(2), entry };
        store.commit(&session_pool::Batch { changes: vec![change] }).unwrap();
        let plan = PurgePlan::new(store, &older_than(HOUR), now(&clock)).unwrap();
        assert_eq!((plan.sessions(), plan.pools()[0].held_back), (1, 3));
        assert_eq!(plan.pools()[0].held_by.as_ref().unwrap().why, Kept::Live);
        plan.apply(store, &mut |_| {}).unwrap();
        assert!(record(store, "a", id("alive")).is_some());
    });
}

#[test]
fn pools_are_purged_each_by_its_own_log_or_one_alone() {
    let place = Place::disk();
    let clock = a_day(&place, "a");
    a_day(&place, "b");
    place.change(|store| {
        let one = PurgeFilter { pool: Some(name("b")), ..older_than(HOUR) };
        let one = PurgePlan::new(store, &one, now(&clock)).unwrap();
        assert_eq!((one.pools().len(), one.sessions()), (1, 5));
        let both = PurgePlan::new(store, &older_than(HOUR), now(&clock)).unwrap();
        assert_eq!((both.pools().len(), both.sessions()), (2, 10));
        one.apply(store, &mut |_| {}).unwrap();
        assert_eq!(there(store).len(), 6);
        assert!(matches!(both.apply(store, &mut |_| {}), Err(MaintenanceError::Changed)));
        assert_eq!(there(store).len(), 6, "nothing was written");
        let unknown = PurgeFilter { pool: Some(name("c")), ..older_than(HOUR) };
        let error = PurgePlan::new(store, &unknown, now(&clock)).unwrap_err();
        assert!(matches!(error, MaintenanceError::NoSuchPool { .. }));
        assert_sound(store);
    });
}

#[test]
fn t3_a_pool_that_is_ahead_of_the_clock_is_purged_by_its_own_time() {
    let place = Place::memory();
    let clock = a_day(&place, "a");
    let behind = now(&clock) - chrono::TimeDelta::days(300);
    place.change(|store| {
        // Its newest time is that of the sixth retirement, an hour before its end.
        let plan = PurgePlan::new(store, &older_than(3 * HOUR), behind).unwrap();
        assert_eq!(plan.sessions(), 2);
    });
}

#[test]
fn many_are_forgotten_in_portions() {
    let place = Place::disk();
    let clock = clock();
    {
        let pool = place.open(|b| b.name("a").clock(clock.clone()).growth(Growth::Manual));
        for n in 0..700 {
            let _ = pool.add(named(&format!("n{n}"))).unwrap().retire().unwrap();
        }
    }
    clock.advance(SECOND);
    place.change(|store| {
        let plan = PurgePlan::new(store, &older_than(Duration::ZERO), now(&clock)).unwrap();
        let mut done = Vec::new();
        plan.apply(store, &mut |count| done.push(count)).unwrap();
        assert!(done.len() > 4 && done.is_sorted() && done.last() == Some(&700), "{done:?}");
        assert_sound(store);
    });
    place.assert_sound();
}
