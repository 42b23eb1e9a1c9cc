//! Retiring by hand.

use session_pool::maintenance::{MaintenanceError, RetirePlan};
use session_pool::{
    Growth, Outcome, Reason, SessionId, SessionOptions, SessionPool, Settlement, StoreError, Timestamp,
};

use super::{log, name, record, two_pools};
use crate::support::{FaultyStore, Place, SECOND, assert_sound, clock, id, named};

fn now() -> chrono::DateTime<chrono::Utc> {
    session_pool::Clock::now(&clock()) + chrono::TimeDelta::seconds(60)
}

#[test]
fn a_session_is_retired_as_a_running_pool_does_it_and_the_pool_goes_on_from_there() {
    for place in Place::both() {
        two_pools(&place);
        let before = place.look(|store| record(store, "a", id("a1")).unwrap());
        place.change(|store| {
            let plan = RetirePlan::new(store, None, &[id("a1"), id("b2"), id("a1")], now()).unwrap();
            let planned: Vec<_> = plan.sessions().map(|(pool, id, _)| (pool.to_string(), id)).collect();
            assert_eq!(planned, [("a".to_owned(), id("a1")), ("b".to_owned(), id("b2"))]);
            assert!(record(store, "a", id("a1")).unwrap().retired.is_none(), "nothing was written yet");
            plan.apply(store, &mut |_| {}).unwrap();

            let (expected, outcome) = before.settle(Settlement::Retire, now().into());
            assert_eq!(outcome, Outcome::Retired(Reason::Retired));
            assert_eq!(record(store, "a", id("a1")), Some(expected));
            let [(1, entry)] = log(store, "a")[..] else { panic!() };
            assert_eq!((entry.id, entry.reason, entry.retired_at), (id("a1"), Reason::Retired, now().into()));
            assert_eq!((entry.usage_count, entry.error_count, entry.error_score.to_f64()), (1, 1, 3.0));
            assert_sound(store);
        });
        // A crawler goes on: it finds it retired, and its own next retirement is the second one.
        let store = place.open_store();
        let open = |name: &str| SessionPool::builder().name(name).clock(clock()).growth(Growth::Manual);
        let pool = open("a").open_in(&store).unwrap();
        assert_eq!(pool.open_report().restored, 2);
        assert!(pool.acquire_by_id(&id("a1")).is_err());
        assert_eq!(pool.get(&id("a1")).unwrap().retire().unwrap(), Outcome::AlreadyRetired(Reason::Retired));
        let _ = pool.get(&id("a2")).unwrap().retire().unwrap();
        pool.flush().unwrap();
        let told: Vec<_> = pool.retirement_log(session_pool::Sequence::START).map(Result::unwrap).collect();
        assert_eq!(
            told.iter().map(|told| (told.sequence.0, told.id)).collect::<Vec<_>>(),
            [(1, id("a1")), (2, id("a2"))]
        );
        assert_sound(pool.session_store().store());
    }
}

#[test]
fn r3_a_session_that_is_retired_already_stays_as_it_is_and_is_told() {
    let place = Place::memory();
    two_pools(&place);
    place.change(|store| {
        let retire = |ids: &[SessionId], later: u32| {
            let time = now() + SECOND * later;
            let plan = RetirePlan::new(store, Some(&name("a")), ids, time).unwrap();
            plan.apply(store, &mut |_| {}).unwrap();
            plan
        };
        retire(&[id("both")], 0);
        let (before, told) = (record(store, "a", id("both")), log(store, "a"));
        let plan = retire(&[id("both")], 60);
        assert!(plan.is_empty());
        let [already] = plan.already_retired() else { panic!() };
        assert_eq!((already.id, already.retired.at), (id("both"), Timestamp::from(now())));
        assert_eq!((record(store, "a", id("both")), log(store, "a")), (before, told));
        retire(&[id("both"), id("a1")], 60);
        assert_eq!(log(store, "a").len(), 2);
        assert!(record(store, "b", id("both")).unwrap().retired.is_none(), "the other pool's");
        assert_sound(store);
    });
}

#[test]
fn all_ids_are_looked_for_before_anything_is_planned() {
    let place = Place::memory();
    two_pools(&place);
    place.change(|store| {
        let plan = |pool: Option<&str>, ids: &[&str]| {
            let ids: Vec<SessionId> = ids.iter().map(|text| id(text)).collect();
            RetirePlan::new(store, pool.map(name).as_ref(), &ids, now())
        };
        let error = plan(None, &["a1", "x", "b1", "y"]).unwrap_err();
        assert!(matches!(&error, MaintenanceError::NotFound { ids, .. } if *ids == [id("x"), id("y")]));
        assert_eq!(error.to_string(), "there is no session x, y");
        let error = plan(Some("b"), &["a1"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no session a1 in the pool b");
        let error = plan(None, &["both"]).unwrap_err();
        assert!(matches!(&error, MaintenanceError::InSeveralPools { pools, .. } if pools.len() == 2));
        let error = plan(Some("c"), &["a1"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no pool c: the store has a, b");
        assert!(plan(None, &[]).unwrap().is_empty());
    });
}

#[test]
fn a_store_that_has_changed_since_is_left_alone() {
    let place = Place::memory();
    two_pools(&place);
    let plan = place.look(|store| RetirePlan::new(store, None, &[id("a1")], now()).unwrap());
    // Somebody else retires another one meanwhile, or uses this one.
    let pool = place.open(|b| b.name("a").clock(clock()).growth(Growth::Manual));
    let _ = pool.get(&id("a1")).unwrap().fail().unwrap();
    drop(pool);
    place.change(|store| {
        assert!(matches!(plan.apply(store, &mut |_| {}), Err(MaintenanceError::Changed)));
        assert!(record(store, "a", id("a1")).unwrap().retired.is_none());
        let plan = RetirePlan::new(store, None, &[id("a1")], now()).unwrap();
        RetirePlan::new(store, None, &[id("a2")], now()).unwrap().apply(store, &mut |_| {}).unwrap();
        assert!(matches!(plan.apply(store, &mut |_| {}), Err(MaintenanceError::Changed)));
        assert_eq!(log(store, "a").len(), 1);
    });
}

#[test]
fn t3_a_pool_that_is_ahead_of_the_clock_retires_in_its_own_time() {
    let place = Place::memory();
    two_pools(&place);
    // The clock is an hour behind what the sessions tell.
    let behind = now() - chrono::TimeDelta::seconds(3660);
    place.change(|store| {
        let plan = RetirePlan::new(store, None, &[id("a1")], behind).unwrap();
        plan.apply(store, &mut |_| {}).unwrap();
        let created_at = record(store, "a", id("a2")).unwrap().created_at;
        assert_eq!(log(store, "a")[0].1.retired_at, created_at);
    });
}

#[test]
fn many_are_retired_in_portions_each_durable_before_the_next() {
    let store = std::sync::Arc::new(FaultyStore::default());
    {
        let sessions = session_pool::SessionStore::with_store(std::sync::Arc::clone(&store)).unwrap();
        let pool = SessionPool::builder().growth(Growth::Manual).open_in(&sessions).unwrap();
        for n in 0..300 {
            pool.add(SessionOptions { max_age: SECOND * 86400, ..named(&format!("s{n}")) }).unwrap();
        }
    }
    let ids: Vec<_> = (0..300).map(|n| id(&format!("s{n}"))).collect();
    let now = std::time::SystemTime::now().into();
    let plan = RetirePlan::new(&store, None, &ids, now).unwrap();
    let syncs = || store.syncs.load(std::sync::atomic::Ordering::SeqCst);
    let (before, mut done) = (syncs(), Vec::new());
    plan.apply(&store, &mut |count| done.push(count)).unwrap();
    assert!(syncs() - before >= 3 && done.len() >= 3 && done.is_sorted(), "{done:?}");
    assert_eq!(done.last(), Some(&300));
    assert_sound(&store);
    assert_eq!(
        log(&store, "default").iter().map(|(n, _)| *n).collect::<Vec<_>>(),
        (1..=300).collect::<Vec<_>>()
    );

    // Where the disk fails in the middle, what was done is sound.
    let store = std::sync::Arc::new(FaultyStore::default());
    {
        let sessions = session_pool::SessionStore::with_store(std::sync::Arc::clone(&store)).unwrap();
        let pool = SessionPool::builder().growth(Growth::Manual).open_in(&sessions).unwrap();
        for n in 0..300 {
            pool.add(named(&format!("s{n}"))).unwrap();
        }
    }
    let plan = RetirePlan::new(&store, None, &ids, now).unwrap();
    let fails = std::sync::Arc::clone(&store);
    let failed =
        plan.apply(&store, &mut |_| fails.fails_commit.store(true, std::sync::atomic::Ordering::SeqCst));
    assert!(matches!(failed, Err(MaintenanceError::Store(StoreError::Engine { .. }))));
    let retired = log(&store, "default").len();
    assert!((1..300).contains(&retired), "{retired}");
    assert_sound(&store);
}
