//! Adding by hand.

use session_pool::maintenance::{AddOptions, AddPlan, MaintenanceError};
use session_pool::{Cookie, Growth, PoolName, SessionOptions, SessionPool};

use super::{name, record, two_pools};
use crate::support::{Place, SECOND, assert_sound, clock, id, named, options};

fn now() -> chrono::DateTime<chrono::Utc> {
    session_pool::Clock::now(&clock())
}

fn adding(pool: Option<&str>, create_pool: bool, sessions: Vec<SessionOptions>) -> AddOptions {
    AddOptions { pool: pool.map(name), create_pool, sessions }
}

fn full(name: &str) -> SessionOptions {
    SessionOptions {
        proxy: Some("http://u:p@h:1".parse().unwrap()),
        max_usage_count: 7,
        usage_count: 2,
        error_count: 1,
        error_score: 0.5,
        max_age: 500 * SECOND,
        ..named(name).user_data("token", "t").cookie(Cookie::new("sid", "x", "shop.example"))
    }
}

#[test]
fn what_is_added_is_what_a_pool_would_have_added() {
    for place in Place::both() {
        two_pools(&place);
        let plan = place.look(|store| {
            let plan = AddPlan::new(store, adding(Some("a"), false, vec![full("new")]), now()).unwrap();
            assert_eq!((plan.pool().as_str(), plan.is_new_pool(), plan.sessions().len()), ("a", false, 1));
            assert_eq!(record(store, "a", id("new")), None, "nothing was written yet");
            plan
        });
        place.change(|store| {
            plan.apply(store, &mut |_| {}).unwrap();
            assert_sound(store);
        });
        let pool = place.open(|b| b.name("a").clock(clock()).growth(Growth::Manual));
        assert_eq!(pool.open_report().restored, 4);
        let added = pool.get(&id("new")).unwrap().state().unwrap();
        let other = Place::memory().open(|b| b.clock(clock()).growth(Growth::Manual));
        let expected = other.add(full("new")).unwrap().state().unwrap();
        assert_eq!(added, expected);
        let _ = pool.acquire_by_id(&id("new")).unwrap().reclaim().unwrap();
    }
}

#[test]
fn the_only_pool_is_meant_and_others_are_created_where_that_is_asked_for() {
    let place = Place::memory();
    place.change(|store| {
        let add =
            |pool: Option<&str>, create: bool, id: &str| -> Result<(PoolName, bool), MaintenanceError> {
                let plan = AddPlan::new(store, adding(pool, create, vec![named(id)]), now())?;
                let pool = (plan.pool().clone(), plan.is_new_pool());
                plan.apply(store, &mut |_| {})?;
                Ok(pool)
            };
        let error = add(None, false, "s").unwrap_err();
        assert_eq!(error.to_string(), "name the pool: the store has none");
        assert_eq!(add(None, true, "s0").unwrap(), (PoolName::default(), true));
        assert_eq!(add(None, true, "s1").unwrap(), (PoolName::default(), false));
        let error = add(Some("shop"), false, "s2").unwrap_err();
        assert!(matches!(error, MaintenanceError::NoSuchPool { .. }), "{error}");
        assert_eq!(add(Some("shop"), true, "s2").unwrap(), (name("shop"), true));
        assert_eq!(add(Some("shop"), true, "s3").unwrap(), (name("shop"), false));
        let error = add(None, true, "s4").unwrap_err();
        assert_eq!(error.to_string(), "name the pool: the store has default, shop");
        assert_sound(store);
    });
    let store = place.open_store();
    assert_eq!(store.pool_names().len(), 2);
    for pool in ["default", "shop"] {
        let pool = SessionPool::builder().name(pool).clock(clock()).open_in(&store).unwrap();
        assert_eq!(pool.open_report().restored, 2);
    }
}

#[test]
fn whatever_breaks_a_rule_is_named_and_nothing_is_written() {
    let place = Place::memory();
    two_pools(&place);
    place.change(|store| {
        let plan = |sessions| AddPlan::new(store, adding(Some("a"), false, sessions), now());
        let bad = options(|o| o.max_usage_count = 0);
        let error = plan(vec![named("x"), bad]).unwrap_err();
        assert!(matches!(error, MaintenanceError::Invalid { number: 2, .. }), "{error}");
        let rule = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(rule, "max_usage_count is 0: must be at least 1");
        let expired = SessionOptions { expires_at: Some(now()), ..named("x") };
        assert!(matches!(plan(vec![expired]).unwrap_err(), MaintenanceError::Invalid { number: 1, .. }));
        let error = plan(vec![named("x"), named("a1"), named("both"), named("x")]).unwrap_err();
        assert!(matches!(&error, MaintenanceError::Duplicate { ids, .. }
            if *ids == [id("a1"), id("both")]));
        let error = plan(vec![named("x"), named("x"), named("y")]).unwrap_err();
        assert!(matches!(&error, MaintenanceError::GivenTwice { ids } if *ids == [id("x")]), "{error}");
        // Also a retired one has its id.
        let retire = session_pool::maintenance::RetirePlan::new(store, Some(&name("a")), &[id("a1")], now());
        retire.unwrap().apply(store, &mut |_| {}).unwrap();
        assert!(matches!(plan(vec![named("a1")]), Err(MaintenanceError::Duplicate { .. })));
        assert_eq!(record(store, "a", id("x")), None);
    });
}

#[test]
fn a_store_that_has_changed_since_is_left_alone() {
    let place = Place::memory();
    two_pools(&place);
    place.change(|store| {
        let plan = |pool, id| AddPlan::new(store, adding(Some(pool), true, vec![named(id)]), now()).unwrap();
        let (first, second) = (plan("a", "x"), plan("a", "x"));
        first.apply(store, &mut |_| {}).unwrap();
        assert!(matches!(second.apply(store, &mut |_| {}), Err(MaintenanceError::Changed)));
        let (first, second) = (plan("new", "x"), plan("new", "y"));
        first.apply(store, &mut |_| {}).unwrap();
        assert!(matches!(second.apply(store, &mut |_| {}), Err(MaintenanceError::Changed)));
        assert_eq!(record(store, "new", id("y")), None);
        assert_sound(store);
    });
}

#[test]
fn t3_times_are_those_of_the_clock_also_in_a_pool_that_is_ahead_of_it() {
    let place = Place::memory();
    two_pools(&place);
    let behind = now() - chrono::TimeDelta::seconds(3600);
    place.change(|store| {
        let plan = AddPlan::new(store, adding(Some("a"), false, vec![named("new")]), behind).unwrap();
        plan.apply(store, &mut |_| {}).unwrap();
        let (new, old) = (record(store, "a", id("new")).unwrap(), record(store, "a", id("a1")).unwrap());
        assert_eq!((new.created_at, new.expires_at), (old.created_at, old.expires_at));
    });
}

#[test]
fn large_ones_are_added_in_portions() {
    let place = Place::disk();
    two_pools(&place);
    let sessions: Vec<_> =
        (0..20).map(|n| named(&format!("n{n}")).user_data("k", "x".repeat(50_000))).collect();
    place.change(|store| {
        let plan = AddPlan::new(store, adding(Some("a"), false, sessions), now()).unwrap();
        let mut done = Vec::new();
        plan.apply(store, &mut |count| done.push(count)).unwrap();
        assert!(done.len() > 5 && done.last() == Some(&20), "{done:?}");
        assert_sound(store);
    });
    place.assert_sound();
}
