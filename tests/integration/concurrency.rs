//! Many threads on one pool.

use std::collections::{HashMap, HashSet};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use session_pool::{
    BackOff, Durability, Error, Growth, Outcome, Refusal, Retention, Sequence, SessionId, SessionOptions,
    Strategy,
};

use crate::support::{Place, options};

const THREADS: u64 = 10;
const MAX_POOL_SIZE: usize = 12;
const MAX_CONCURRENT_USES: u32 = 3;
const MAX_USAGE_COUNT: u32 = 20;

/// What the users of a session know of it, kept beside the pool: under way, and begun or ended at all.
#[derive(Default)]
struct Seen {
    in_flight: u32,
    begun: u32,
    counted: u32,
}

fn hammer(place: &Place, strategy: Strategy, growth: Growth, durability: Durability, uses: u64) {
    let pool = place.open(|b| {
        b.max_pool_size(MAX_POOL_SIZE)
            .strategy(strategy)
            .growth(growth)
            .durability(durability)
            .channel_capacity(1 << 16)
            .retired_retention(Retention::UNLIMITED)
            .log_retention(Retention::UNLIMITED)
            .session_options(options(|o| {
                o.max_usage_count = MAX_USAGE_COUNT;
                o.max_concurrent_uses = Some(MAX_CONCURRENT_USES);
                o.max_error_score = 4.0;
            }))
            .back_off(BackOff::NONE)
            .create_with(|options| {
                if fastrand::u8(..) < 10 {
                    return Err("now and then".into());
                }
                thread::yield_now();
                Ok(options)
            })
    });
    let events = pool.retirements();
    let seen: Mutex<HashMap<SessionId, Seen>> = Mutex::default();
    let retired_by_me: Mutex<Vec<SessionId>> = Mutex::default();
    let ended = AtomicU64::new(0);
    let barrier = Barrier::new(usize::try_from(THREADS).unwrap());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..uses {
                    let lease =
                        match pool.acquire_timeout(Duration::from_millis(u64::from(fastrand::u8(..20)))) {
                            Ok(lease) => lease,
                            Err(
                                Error::CreateFailed { .. } | Error::Refused(Refusal::NoneAvailable { .. }),
                            ) => continue,
                            Err(error) => panic!("{error}"),
                        };
                    let stats = pool.stats();
                    assert!(stats.live + stats.creating <= MAX_POOL_SIZE, "R-10: {stats:?}");
                    let id = *lease.id();
                    {
                        let mut seen = seen.lock();
                        let seen = seen.entry(id).or_default();
                        seen.in_flight += 1;
                        seen.begun += 1;
                        assert!(seen.in_flight <= MAX_CONCURRENT_USES, "R-8: {id}");
                        assert!(seen.begun <= MAX_USAGE_COUNT, "R-8: {id}");
                    }
                    if fastrand::u8(..) < 50 {
                        thread::yield_now();
                    }
                    // Noted before the pool hears of it, so that nobody is counted who has already gone.
                    seen.lock().get_mut(&id).unwrap().in_flight -= 1;
                    let outcome = match fastrand::u8(..100) {
                        0..70 => lease.reclaim().unwrap(),
                        70..85 => lease.fail().unwrap(),
                        85..90 => lease.rest_for(Duration::from_millis(3)).unwrap(),
                        90..97 => lease.session().fail().unwrap(),
                        _ => lease.retire().unwrap(),
                    };
                    if !matches!(outcome, Outcome::AlreadyRetired(_)) {
                        seen.lock().get_mut(&id).unwrap().counted += 1;
                    }
                    if let Outcome::Retired(_) = outcome {
                        retired_by_me.lock().push(id);
                    }
                    ended.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert!(ended.load(Ordering::Relaxed) > uses, "hardly anything happened");
    assert_eq!((pool.stats().leased, pool.stats().creating), (0, 0));
    for (id, seen) in &*seen.lock() {
        let record = pool.get(id).unwrap().record();
        assert_eq!(record.usage_count, seen.counted, "R-5: {id}");
    }
    pool.flush().unwrap();
    let told: Vec<_> = events.try_iter().map(|event| event.id).collect();
    let retired: HashSet<_> = retired_by_me.into_inner().into_iter().collect();
    assert_eq!(told.len(), retired.len(), "R-4");
    assert_eq!(told.into_iter().collect::<HashSet<_>>(), retired, "R-4");
    assert_eq!(pool.retirement_log(Sequence::START).count(), retired.len(), "I-2");
    drop(events);
    drop(pool);
    place.assert_sound();
}

#[test]
fn r4_r5_r8_r10_hold_under_ten_threads() {
    for strategy in
        [Strategy::Random, Strategy::RoundRobin, Strategy::LeastRecentlyUsed, Strategy::UntilFailure]
    {
        for growth in [Growth::FillFirst, Growth::ReuseFirst] {
            hammer(&Place::memory(), strategy, growth, Durability::default(), 400);
        }
    }
}

#[test]
fn r4_r5_r8_r10_hold_under_ten_threads_on_disk() {
    let at_once = Durability::Buffered { max_delay: Duration::ZERO };
    hammer(&Place::disk(), Strategy::Random, Growth::FillFirst, at_once, 400);
    hammer(&Place::disk(), Strategy::LeastRecentlyUsed, Growth::ReuseFirst, Durability::Immediate, 100);
}

#[test]
fn user_data_set_by_many_threads_is_all_there() {
    for place in Place::both() {
        let at_once = Durability::Buffered { max_delay: Duration::ZERO };
        let pool = place.open(|b| b.max_pool_size(1).durability(at_once));
        let session = pool.acquire().unwrap().session().clone();
        thread::scope(|scope| {
            for thread in 0..8 {
                let session = &session;
                scope.spawn(move || {
                    for n in 0..25 {
                        session.set_user_data(&format!("{thread}.{n}"), n).unwrap();
                    }
                });
            }
        });
        let id = *session.id();
        drop((session, pool));
        let pool = place.open(|b| b);
        let state = pool.get(&id).unwrap().state().unwrap();
        assert_eq!(state.user_data.as_map().len(), 200);
    }
}

#[test]
fn handles_that_come_and_go_on_retired_sessions_never_meet_another_session() {
    let made = AtomicU64::new(0);
    let (pool, _) = crate::support::pool(|b| {
        // Each of them expires at a time of its own, by which it is known.
        let distinct = move |options| {
            let max_age = Duration::from_secs(1000 + made.fetch_add(1, Ordering::Relaxed));
            Ok(SessionOptions { max_age, ..options })
        };
        b.create_with(distinct)
            .max_pool_size(4)
            .session_options(options(|o| o.max_usage_count = 1))
            .growth(Growth::FillFirst)
    });
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let Ok(lease) = pool.acquire() else { continue };
                    let (expires_at, session) = (lease.record().expires_at, lease.session().clone());
                    let _ = lease.reclaim().unwrap();
                    let other = session.clone();
                    drop(session);
                    assert!(other.is_retired());
                    assert_eq!((other.record().expires_at, other.record().usage_count), (expires_at, 1));
                }
            });
        }
    });
}
