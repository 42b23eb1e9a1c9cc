//! A clock that is set back or far ahead: T-1 to T-4 of the crate's documentation. T-1 and T-2, which are the system
//! clock's, are tested in the source, on clocks that need no waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use session_pool::{
    Clock, ClockSteps, Cookie, Error, Growth, ManualClock, Outcome, PoolBuilder, Reason, Refusal, Retention,
    Sequence, Session, SessionOptions, SessionPool, Strategy, SystemClock,
};

use crate::support::{Place, SECOND, assert_sound, clock, expired_after_sweep, id, named, options, pool};

const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

fn back(clock: &ManualClock, by: Duration) {
    clock.set(clock.now() - by);
}

fn manual(clock: &ManualClock) -> impl Fn(PoolBuilder) -> PoolBuilder {
    let clock = clock.clone();
    move |builder| builder.clock(clock.clone()).growth(Growth::Manual)
}

/// The log: sequence numbers and names.
fn log(pool: &SessionPool) -> Vec<(u64, String)> {
    let entries = pool.retirement_log(Sequence::START).map(|entry| entry.unwrap());
    entries.map(|entry| (entry.sequence.0, entry.id.to_string())).collect()
}

fn keep(max_age: Duration) -> Retention {
    Retention { max_age, max_count: 1000 }
}

fn is_forgotten(pool: &SessionPool, name: &str) -> bool {
    matches!(pool.get(&id(name)), Err(Error::Refused(Refusal::NotFound { .. })))
}

#[test]
fn t1_the_time_of_the_system_never_goes_back_and_follows_the_wall_clock() {
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(|| {
                let mut before = SystemClock.now();
                for _ in 0..100_000 {
                    let now = SystemClock.now();
                    assert!(now >= before, "T-1: {now} after {before}");
                    before = now;
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let apart = DateTime::<Utc>::from(std::time::SystemTime::now()) - SystemClock.now();
    assert!(apart.abs() < chrono::TimeDelta::seconds(30), "{apart}, {:?}", SystemClock::steps());
}

#[test]
fn t1_t2_the_steps_of_a_clock_are_told_in_the_stats() {
    let stats = SessionPool::builder().open_in_memory().unwrap().stats();
    assert_eq!(
        (stats.clock.ahead, stats.clock.back),
        (SystemClock::steps().ahead, SystemClock::steps().back)
    );
    let clock = SteppingClock::new();
    let pool = SessionPool::builder().clock(clock.clone()).open_in_memory().unwrap();
    clock.step(DAY);
    assert_eq!((pool.stats().clock.ahead, pool.stats().clock.ahead_by), (1, DAY));
}

#[test]
fn t3_a_clock_set_back_revives_no_retired_session() {
    for place in Place::both() {
        let clock = clock();
        let set = manual(&clock);
        let pool = place.open(&set);
        let retired = pool.add(named("retired")).unwrap();
        let _ = retired.retire().unwrap();
        let expired = pool.add(named("expired")).unwrap();
        clock.advance(DAY);
        assert_eq!(expired_after_sweep(&pool), 1);
        back(&clock, 2 * DAY);
        for session in [&retired, &expired] {
            assert!(session.is_retired() && !session.is_usable(), "{session:?}");
            assert!(matches!(session.reclaim().unwrap(), Outcome::AlreadyRetired(_)));
            assert!(matches!(pool.acquire_by_id(session.id()), Err(Error::Refused(Refusal::Retired { .. }))));
        }
        assert!(pool.acquire().is_err());
        drop((retired, expired, pool));
        let pool = place.open(&set);
        assert_eq!((pool.open_report().restored, pool.stats().live), (0, 0));
        assert!(pool.get(&id("expired")).unwrap().is_retired() && pool.acquire().is_err());
        assert_eq!(pool.open_report().ahead_of_clock, 2 * DAY, "T-3: by the log alone");
    }
}

#[test]
fn t3_a_clock_set_back_between_two_runs_lengthens_no_life_and_no_rest() {
    for strategy in [Strategy::Random, Strategy::LeastRecentlyUsed] {
        for place in Place::both() {
            let clock = clock();
            let set = |b| manual(&clock)(b).strategy(strategy);
            let pool = place.open(set);
            pool.add(named("short")).unwrap();
            let long = pool.add(SessionOptions { max_age: DAY, ..named("long") }).unwrap();
            clock.advance(1000 * SECOND);
            let _ = pool.acquire_by_id(&id("short")).unwrap().reclaim().unwrap();
            long.rest_for(3000 * SECOND).unwrap();
            drop((long, pool));

            back(&clock, YEAR);
            let pool = place.open(set);
            assert_eq!(pool.open_report().ahead_of_clock, YEAR, "T-3");
            assert_eq!(pool.now(), clock.now() + YEAR, "T-3");
            clock.advance(1999 * SECOND);
            assert_eq!(expired_after_sweep(&pool), 0);
            clock.advance(SECOND);
            assert_eq!(expired_after_sweep(&pool), 1, "T-3: 3000 s after it was created");
            let resting = pool.acquire_by_id(&id("long")).unwrap_err();
            let ends = clock.now() + 1000 * SECOND;
            assert!(
                matches!(resting, Error::Refused(Refusal::Resting { until, .. }) if until == ends),
                "{resting}"
            );
            let none = pool.acquire().unwrap_err();
            assert!(
                matches!(none, Error::Refused(Refusal::NoneAvailable { next_rest_ends: Some(until), .. }) if until == ends)
            );
            clock.advance(1000 * SECOND);
            let _ = pool.acquire().unwrap().reclaim().unwrap();
            drop(pool);

            // What was kept meanwhile is in the pool's time: the next run goes on from there.
            let pool = place.open(set);
            assert_eq!(pool.open_report().ahead_of_clock, YEAR);
            assert_eq!(log(&pool), [(1, "short".to_owned())]);
            drop(pool);
            place.assert_sound();
        }
    }
}

#[test]
fn t3_up_to_a_minute_nothing_is_done() {
    let place = Place::memory();
    let clock = clock();
    let set = manual(&clock);
    place.open(&set).add(named("a")).unwrap();
    back(&clock, 60 * SECOND);
    let pool = place.open(&set);
    assert_eq!((pool.open_report().ahead_of_clock, pool.now()), (Duration::ZERO, clock.now()));
    drop(pool);
    back(&clock, Duration::from_millis(1));
    let pool = place.open(&set);
    assert_eq!(pool.open_report().ahead_of_clock, 60 * SECOND + Duration::from_millis(1));
}

#[test]
fn t3_times_that_callers_give_are_those_of_the_clock() {
    let place = Place::memory();
    let clock = clock();
    let set = manual(&clock);
    place.open(&set).add(SessionOptions { max_age: 2 * YEAR, ..named("a") }).unwrap();
    back(&clock, YEAR);
    let pool = place.open(&set);
    let session = pool.get(&id("a")).unwrap();
    session.rest_until(clock.now() + 10 * SECOND).unwrap();
    clock.advance(9 * SECOND);
    assert!(session.is_resting());
    clock.advance(SECOND);
    assert!(!session.is_resting());
    let _ = pool.acquire_by_id(&id("a")).unwrap().rest_until(clock.now() + 10 * SECOND).unwrap();
    clock.advance(9 * SECOND);
    assert!(session.is_resting());
    clock.advance(SECOND);
    assert!(!session.is_resting());

    let expires_at = Some(clock.now() + 100 * SECOND);
    let until_then = pool.add(SessionOptions { expires_at, ..named("b") }).unwrap();
    let created_at = Some(clock.now() - 2900 * SECOND);
    let older = pool.add(SessionOptions { created_at, ..named("c") }).unwrap();
    let fresh = clock.now() + 5 * SECOND;
    until_then.set_cookies([Cookie::new("k", "v", "example.com").with_expires_at(fresh)]).unwrap();
    assert_eq!(until_then.cookies().unwrap().len(), 1, "its expiry is the site's");
    clock.advance(99 * SECOND);
    assert!(until_then.is_usable() && older.is_usable());
    clock.advance(SECOND);
    assert!(until_then.is_expired() && older.is_expired());
}

#[test]
fn t3_a_time_to_come_that_a_caller_gives_as_that_of_creation_sets_no_pool_ahead() {
    let place = Place::memory();
    let clock = clock();
    let set = manual(&clock);
    let created_at = Some(clock.now() + 1000 * YEAR);
    let session = place.open(&set).add(SessionOptions { created_at, ..named("a") }).unwrap();
    assert_eq!(session.record().created_at.to_datetime(), clock.now());
    drop(session);
    assert_eq!(place.open(&set).open_report().ahead_of_clock, Duration::ZERO);
}

/// A clock that tells its steps, as the system's does.
#[derive(Clone)]
struct SteppingClock {
    clock: ManualClock,
    steps: Arc<Mutex<ClockSteps>>,
}

impl SteppingClock {
    fn new() -> Self {
        Self { clock: clock(), steps: Arc::default() }
    }

    fn step(&self, by: Duration) {
        self.clock.advance(by);
        let mut steps = self.steps.lock();
        steps.ahead += 1;
        steps.ahead_by += by;
    }
}

impl Clock for SteppingClock {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn steps(&self) -> ClockSteps {
        *self.steps.lock()
    }
}

#[test]
fn t3_a_clock_that_was_not_set_yet_and_then_is_makes_up_for_what_the_pool_was_ahead() {
    let place = Place::memory();
    let clock = SteppingClock::new();
    let open = || place.open(|b| b.clock(clock.clone()).growth(Growth::Manual));
    clock.step(DAY);
    open().add(named("a")).unwrap();
    // The machine starts with the clock at some time long ago, and hears the right one later.
    back(&clock.clock, 20 * YEAR);
    let pool = open();
    assert_eq!(pool.open_report().ahead_of_clock, 20 * YEAR);
    assert_eq!(pool.now(), clock.clock.now() + 20 * YEAR, "steps of before count no more");
    clock.clock.advance(100 * SECOND);
    clock.step(20 * YEAR + 100 * SECOND);
    assert_eq!(pool.now(), clock.clock.now(), "T-3");
    assert_eq!(expired_after_sweep(&pool), 0, "and not all at once");
    clock.clock.advance(2800 * SECOND);
    assert_eq!(expired_after_sweep(&pool), 1);
}

#[test]
fn t4_a_clock_far_ahead_between_two_runs_retires_what_has_expired_once_and_tells() {
    for place in Place::both() {
        let clock = clock();
        let set = manual(&clock);
        let pool = place.open(&set);
        for n in 0..20 {
            pool.add(named(&format!("s{n}"))).unwrap();
        }
        pool.add(SessionOptions { max_age: 100 * YEAR, ..named("old") }).unwrap();
        drop(pool);
        clock.advance(10 * YEAR);
        let store = place.open_store();
        let events = store.retirements();
        let pool = set(SessionPool::builder()).open_in(&store).unwrap();
        assert_eq!((pool.open_report().retired, pool.open_report().restored), (20, 1), "T-4");
        assert_eq!(pool.open_report().ahead_of_clock, Duration::ZERO);
        pool.flush().unwrap();
        let told: Vec<_> = events.try_iter().collect();
        assert!(told.iter().all(|event| event.reason == Reason::Expired));
        assert_eq!(told.len(), 20, "R-4");
        drop((events, pool, store));
        // The clock is corrected: they stay retired, and nobody is told again.
        back(&clock, 10 * YEAR);
        let pool = place.open(&set);
        assert_eq!((pool.open_report().retired, pool.open_report().restored), (0, 1));
        assert_eq!(expired_after_sweep(&pool), 0);
        let mut names: Vec<_> = log(&pool).into_iter().map(|(_, name)| name).collect();
        names.sort();
        names.dedup();
        assert_eq!((names.len(), log(&pool).len()), (20, 20), "R-4");
        drop(pool);
        place.assert_sound();
    }
}

#[test]
fn the_log_keeps_its_order_whatever_the_clock_does() {
    let (pool, clock) = pool(|b| {
        b.growth(Growth::Manual).retired_retention(Retention::UNLIMITED).log_retention(Retention::UNLIMITED)
    });
    let events = pool.retirements();
    let retire = |name: &str| {
        let _ = pool.add(named(name)).unwrap().retire().unwrap();
        pool.flush().unwrap();
    };
    retire("a");
    clock.advance(50 * YEAR);
    retire("b");
    back(&clock, 99 * YEAR);
    retire("c");
    clock.advance(49 * YEAR);
    retire("d");
    let expected: Vec<_> = (1..).zip(["a", "b", "c", "d"].map(str::to_owned)).collect();
    assert_eq!(log(&pool), expected);
    let told: Vec<_> = events.try_iter().map(|event| (event.sequence.0, event.id.to_string())).collect();
    assert_eq!(told, expected);
    let behind: Vec<_> = pool.retirement_log(Sequence(2)).map(|entry| entry.unwrap().sequence.0).collect();
    assert_eq!(behind, [3, 4]);
    assert_sound(pool.session_store().store());
}

#[test]
fn the_sweeper_finds_everything_after_a_clock_went_ahead_and_back() {
    let (pool, clock) = pool(|b| b.growth(Growth::Manual));
    let long = |name| SessionOptions { max_age: 60 * YEAR, ..named(name) };
    pool.add(long("long")).unwrap();
    clock.advance(50 * YEAR);
    assert_eq!(expired_after_sweep(&pool), 0);
    pool.add(named("ahead")).unwrap();
    back(&clock, 50 * YEAR);
    pool.add(named("back")).unwrap();
    assert_eq!(expired_after_sweep(&pool), 0);
    clock.advance(3000 * SECOND);
    assert_eq!(expired_after_sweep(&pool), 1);
    clock.advance(50 * YEAR);
    assert_eq!(expired_after_sweep(&pool), 2);
    clock.advance(10 * YEAR);
    assert_eq!((expired_after_sweep(&pool), pool.stats().live), (3, 0));
}

/// A clock that is far ahead for one reading.
#[derive(Clone)]
struct HastyClock {
    clock: ManualClock,
    is_ahead: Arc<AtomicBool>,
}

impl Clock for HastyClock {
    fn now(&self) -> DateTime<Utc> {
        let ahead = if self.is_ahead.swap(false, Ordering::SeqCst) { YEAR } else { Duration::ZERO };
        self.clock.now() + ahead
    }
}

#[test]
fn the_sweeper_misses_nothing_that_a_clock_far_ahead_for_one_reading_made_it_pass_over() {
    let clock = HastyClock { clock: clock(), is_ahead: Arc::default() };
    let pool = SessionPool::builder().clock(clock.clone()).growth(Growth::Manual).open_in_memory().unwrap();
    pool.add(named("a")).unwrap();
    pool.flush().unwrap();
    clock.is_ahead.store(true, Ordering::SeqCst);
    assert_eq!((expired_after_sweep(&pool), expired_after_sweep(&pool)), (0, 0));
    clock.clock.advance(3000 * SECOND);
    assert_eq!(expired_after_sweep(&pool), 1);
}

#[test]
fn the_sweeper_finds_the_sessions_of_pools_whose_times_are_years_apart() {
    let place = Place::memory();
    let store = place.open_store();
    let open = |name: &str, clock: &ManualClock| {
        SessionPool::builder().name(name).growth(Growth::Manual).clock(clock.clone()).open_in(&store).unwrap()
    };
    let (early, late) = (clock(), clock());
    late.advance(20 * YEAR);
    let (a, b) = (open("a", &early), open("b", &late));
    for pool in [&a, &b] {
        pool.add(named("short")).unwrap();
        pool.add(SessionOptions { max_age: DAY, ..named("long") }).unwrap();
    }
    assert_eq!((expired_after_sweep(&a), expired_after_sweep(&b)), (0, 0));
    early.advance(3000 * SECOND);
    late.advance(3000 * SECOND);
    assert_eq!((expired_after_sweep(&a), b.stats().retired.expired), (1, 1), "both in one sweep");
    for (clock, expected) in [(&early, (2, 1)), (&late, (2, 2))] {
        clock.advance(DAY);
        assert_eq!((expired_after_sweep(&a), expired_after_sweep(&b)), expected);
    }
}

#[test]
fn a_rest_that_was_over_by_a_clock_far_ahead_goes_on_when_that_is_set_back() {
    let long = options(|o| o.max_age = 100 * YEAR);
    let (pool, clock) = pool(|b| b.growth(Growth::Manual).session_options(long));
    let add = |name| pool.add(SessionOptions { id: Some(id(name)), ..pool.session_options() }).unwrap();
    let sessions = ["a", "b"].map(add);
    for session in &sessions {
        session.rest_for(DAY).unwrap();
    }
    clock.advance(YEAR);
    // Whoever asks wakes them.
    let _ = pool.acquire().unwrap().reclaim().unwrap();
    assert_eq!(pool.stats().resting, 0);
    back(&clock, YEAR);
    assert!(sessions.iter().all(Session::is_resting));
    assert!(matches!(pool.acquire_by_id(&id("a")), Err(Error::Refused(Refusal::Resting { .. }))));
    assert!(pool.acquire().is_err());
    assert_eq!(pool.stats().resting, 2);
    add("c");
    assert_eq!(pool.acquire().unwrap().id().as_str(), "c");
    clock.advance(DAY);
    assert_eq!((pool.acquire_by_id(&id("a")).is_ok(), pool.stats().resting), (true, 0));
}

#[test]
fn retention_is_not_kept_from_forgetting_by_a_clock_that_was_far_ahead() {
    let (pool, clock) =
        pool(|b| b.growth(Growth::Manual).retired_retention(keep(DAY)).log_retention(keep(2 * DAY)));
    let retire = |name: &str| {
        let _ = pool.add(named(name)).unwrap().retire().unwrap();
        pool.flush().unwrap();
    };
    clock.advance(30 * YEAR);
    retire("ahead_1");
    retire("ahead_2");
    back(&clock, 30 * YEAR);
    retire("behind");
    assert_eq!(pool.forget().unwrap(), session_pool::Forgotten::default(), "not early");
    clock.advance(DAY + SECOND);
    assert_eq!(pool.forget().unwrap().sessions, 3, "and not never");
    assert!(is_forgotten(&pool, "ahead_1") && is_forgotten(&pool, "behind"));
    retire("last");
    clock.advance(DAY);
    assert_eq!(pool.forget().unwrap().log_entries, 3);
    assert_eq!(log(&pool), [(4, "last".to_owned())]);
    assert_sound(pool.session_store().store());
}

#[test]
fn retention_forgets_nothing_early_that_was_retired_while_the_clock_was_set_back() {
    let (pool, clock) =
        pool(|b| b.growth(Growth::Manual).retired_retention(keep(DAY)).log_retention(keep(DAY)));
    let session = pool.add(named("a")).unwrap();
    let created_at = session.record().created_at;
    back(&clock, 30 * YEAR);
    let _ = session.retire().unwrap();
    assert_eq!(session.record().retired.unwrap().at, created_at, "not before it was created");
    clock.advance(30 * YEAR);
    pool.forget().unwrap();
    assert!(!is_forgotten(&pool, "a"));
}

#[test]
fn t3_retention_goes_on_in_the_time_of_the_pool() {
    let place = Place::memory();
    let clock = clock();
    let set = |b| manual(&clock)(b).retired_retention(keep(DAY)).log_retention(keep(DAY));
    let pool = place.open(set);
    let _ = pool.add(named("a")).unwrap().retire().unwrap();
    drop(pool);
    back(&clock, YEAR);
    let pool = place.open(set);
    clock.advance(DAY);
    assert_eq!(pool.forget().unwrap().sessions, 0);
    clock.advance(SECOND);
    assert_eq!(pool.forget().unwrap().sessions, 1);
}
