//! Checks before a session is handed out: after a restart, or a long time without a use.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use session_pool::{
    BackOff, BoxError, CheckAfter, Durability, Error, Growth, Lease, ManualClock, Outcome, PoolBuilder,
    Reason, Refusal, Result, SessionOptions, SessionPool, Strategy, Verdict,
};

use crate::support::{Place, SECOND, clock, id, named};

const MINUTE: Duration = Duration::from_secs(60);

/// What a check says, session by session, and whom it was asked about.
#[derive(Clone, Default)]
struct Script {
    says: Arc<Mutex<Vec<(&'static str, Verdict)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn says(&self, verdicts: &[(&'static str, Verdict)]) {
        *self.says.lock() = verdicts.to_vec();
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock())
    }

    fn answer(&self, session: &session_pool::Session) -> Result<Verdict, BoxError> {
        self.asked.lock().push(session.id().to_string());
        let says = self.says.lock();
        let verdict =
            says.iter().find(|(name, _)| session.id().as_str() == *name).map(|(_, verdict)| *verdict);
        match verdict {
            Some(Verdict::Failed) => Err("the site is down".into()),
            Some(verdict) => Ok(verdict),
            None => Ok(Verdict::Ok),
        }
    }
}

/// A pool that came back with some sessions, which take turns.
fn restarted(
    names: &[&str],
    change: impl FnOnce(PoolBuilder) -> PoolBuilder,
) -> (SessionPool, ManualClock, Script) {
    let (place, clock, script) = (Place::memory(), clock(), Script::default());
    let open = |b: PoolBuilder| b.clock(clock.clone()).growth(Growth::Manual).strategy(Strategy::RoundRobin);
    let pool = place.open(open);
    for name in names {
        let long =
            SessionOptions { max_age: Duration::from_secs(1_000_000), max_usage_count: 1000, ..named(name) };
        pool.add(long).unwrap();
    }
    drop(pool);
    let pool = place.open(|b| {
        let script = script.clone();
        change(open(b).check_with(CheckAfter::default(), move |session| script.answer(session)))
    });
    (pool, clock, script)
}

fn name(lease: &Lease) -> String {
    lease.id().to_string()
}

fn use_once(pool: &SessionPool) -> String {
    let lease = pool.acquire().unwrap();
    let name = name(&lease);
    let _ = lease.reclaim().unwrap();
    name
}

#[test]
fn a_session_that_came_back_is_checked_once_and_that_is_no_use() {
    let (pool, _, script) = restarted(&["a", "b"], |b| b);
    assert_eq!((0..5).map(|_| use_once(&pool)).collect::<String>(), "ababa");
    assert_eq!(script.asked(), ["a", "b"]);
    let record = pool.get(&id("a")).unwrap().record();
    assert_eq!((record.usage_count, record.error_count), (3, 0), "R-5");
    let stats = pool.stats();
    assert_eq!((stats.checks_passed, stats.reclaimed, stats.released), (2, 5, 0));
    pool.add(named("c")).unwrap();
    let _ = pool.acquire_by_id(&id("c")).unwrap().reclaim().unwrap();
    assert!(script.asked().is_empty(), "a new one has just been made");
}

#[test]
fn a_session_that_nobody_has_used_for_long_is_checked_rests_included() {
    let (pool, clock, script) = restarted(&["a"], |b| b);
    use_once(&pool);
    script.asked();
    clock.advance(29 * MINUTE);
    use_once(&pool);
    clock.advance(29 * MINUTE);
    assert_eq!(use_once(&pool), "a");
    assert!(script.asked().is_empty());
    clock.advance(30 * MINUTE);
    use_once(&pool);
    assert_eq!(script.asked(), ["a"]);
    pool.get(&id("a")).unwrap().rest_for(40 * MINUTE).unwrap();
    clock.advance(40 * MINUTE);
    use_once(&pool);
    assert_eq!(script.asked(), ["a"]);
    // Never used, but created so long ago.
    pool.add(SessionOptions { max_age: Duration::from_secs(1_000_000), ..named("b") }).unwrap();
    clock.advance(30 * MINUTE);
    let _ = pool.acquire_by_id(&id("b")).unwrap().reclaim().unwrap();
    assert_eq!(script.asked(), ["b"]);
}

#[test]
fn nothing_is_checked_that_need_not_be() {
    let place = Place::memory();
    let clock = clock();
    let open = |after: CheckAfter| {
        let script = Script::default();
        let asked = script.clone();
        let pool = place.open(|b| {
            b.clock(clock.clone())
                .growth(Growth::Manual)
                .check_with(after, move |session| script.answer(session))
        });
        (pool, asked)
    };
    let (pool, asked) = open(CheckAfter { restart: false, idle: None });
    pool.add(SessionOptions { max_age: Duration::from_secs(1_000_000), ..named("a") }).unwrap();
    clock.advance(90 * MINUTE);
    use_once(&pool);
    drop(pool);
    let (pool, asked_again) = open(CheckAfter { restart: false, idle: Some(MINUTE) });
    let first = pool.acquire().unwrap();
    clock.advance(MINUTE);
    let second = pool.acquire().unwrap();
    assert!(
        asked.asked().is_empty() && asked_again.asked().is_empty(),
        "whoever uses it finds out by itself"
    );
    let _ = (first.reclaim().unwrap(), second.reclaim().unwrap());
    clock.advance(MINUTE);
    use_once(&pool);
    assert_eq!(asked_again.asked(), ["a"]);
}

#[test]
fn a_session_that_is_burnt_is_retired_and_the_next_one_tried() {
    let (pool, _, script) = restarted(&["a", "b", "c"], |b| b);
    script.says(&[("a", Verdict::Blocked), ("b", Verdict::Blocked)]);
    assert_eq!(use_once(&pool), "c");
    let record = pool.get(&id("a")).unwrap().record();
    assert_eq!(record.retired.map(|retired| retired.reason), Some(Reason::Retired));
    assert_eq!((record.usage_count, record.error_count), (0, 0), "R-5");
    let stats = pool.stats();
    assert_eq!((stats.live, stats.checks_retired, stats.checks_passed, stats.retired.retired), (1, 2, 1, 2));
    assert_eq!(stats.leased, 0);
}

#[test]
fn r11_a_session_that_is_rate_limited_rests_without_a_use() {
    let (pool, clock, script) = restarted(&["a", "b"], |b| b);
    script.says(&[("a", Verdict::RateLimited { retry_after: Some(2 * MINUTE) })]);
    assert_eq!(use_once(&pool), "b");
    let session = pool.get(&id("a")).unwrap();
    assert_eq!((session.record().usage_count, pool.stats().resting, pool.stats().checks_rested), (0, 1, 1));
    clock.advance(2 * MINUTE);
    assert_eq!(use_once(&pool), "b", "round robin");
    script.says(&[]);
    script.asked();
    assert_eq!(use_once(&pool), "a");
    assert_eq!(script.asked(), ["a"], "it has yet to pass");
}

#[test]
fn a_session_that_fails_its_check_rests_twice_as_long_each_time() {
    let (pool, clock, script) = restarted(&["a"], |b| b);
    let a = id("a");
    script.says(&[("a", Verdict::Failed)]);
    for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        let failed = pool.acquire_by_id(&a).unwrap_err();
        assert!(
            matches!(&failed, Error::CheckFailed { id, source, .. } if *id == a && source.to_string() == "the site is down")
        );
        clock.advance(SECOND * (seconds - 1) + SECOND / 2);
        assert!(matches!(pool.acquire_by_id(&a), Err(Error::Refused(Refusal::Resting { .. }))), "{seconds}");
        clock.advance(SECOND / 2);
    }
    let record = pool.get(&a).unwrap().record();
    assert_eq!((record.usage_count, record.error_count, record.error_score.to_f64()), (0, 0, 0.0));
    let stats = pool.stats();
    assert_eq!((stats.checks_failed, stats.failed, stats.rested), (11, 0, 0), "counted apart");
    script.says(&[]);
    use_once(&pool);
    clock.advance(30 * MINUTE);
    script.says(&[("a", Verdict::Failed)]);
    assert!(pool.acquire_by_id(&a).is_err());
    clock.advance(SECOND);
    script.says(&[]);
    assert_eq!(use_once(&pool), "a", "a passed check begins anew");
}

#[test]
fn after_three_failed_checks_the_caller_is_told_why() {
    let (pool, _, script) = restarted(&["a", "b", "c", "d", "e"], |b| b);
    let failed = ["a", "b", "c", "d"].map(|name| (name, Verdict::Failed));
    script.says(&failed[..2]);
    assert_eq!(use_once(&pool), "c", "two of them are no matter");
    drop(pool);
    let (pool, _, script) = restarted(&["a", "b", "c", "d", "e"], |b| b);
    script.says(&failed);
    assert!(matches!(pool.acquire(), Err(Error::CheckFailed { id: last, .. }) if last == id("c")));
    assert_eq!(script.asked(), ["a", "b", "c"]);
    assert_eq!(use_once(&pool), "e", "d was the fourth, and a new call counts anew");
    // There is no other: why that is so is the answer, not that there is none.
    let (pool, _, script) = restarted(&["a"], |b| b);
    script.says(&failed);
    assert!(matches!(pool.acquire(), Err(Error::CheckFailed { .. })));
    let answer = pool.acquire_timeout(Duration::from_millis(10));
    assert!(matches!(answer, Err(Error::Refused(Refusal::NoneAvailable { resting: 1, .. }))));
}

#[test]
fn a_back_off_lasts_across_a_restart() {
    let place = Place::disk();
    let clock = clock();
    let open = || {
        place.open(|b| {
            b.clock(clock.clone())
                .durability(Durability::Immediate)
                .growth(Growth::Manual)
                .check_with(CheckAfter { restart: true, idle: Some(Duration::ZERO) }, |_| Ok(Verdict::Failed))
        })
    };
    let pool = open();
    pool.add(named("a")).unwrap();
    let failed = pool.acquire_by_id(&id("a")).unwrap_err();
    assert!(std::error::Error::source(&failed).unwrap().to_string().contains("does not work"));
    drop(pool);
    let pool = open();
    assert!(matches!(pool.acquire_by_id(&id("a")), Err(Error::Refused(Refusal::Resting { .. }))));
    drop(pool);
    place.assert_sound();
}

#[test]
fn r8_nobody_else_gets_a_session_while_it_is_checked() {
    let (checking, is_checking) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let (pool, ..) = restarted(&["a"], |b| {
        b.check_with(CheckAfter::default(), move |_| {
            checking.send(()).unwrap();
            may_go_on.lock().recv().unwrap();
            Ok(Verdict::Ok)
        })
    });
    std::thread::scope(|scope| {
        let first = scope.spawn(|| pool.acquire().unwrap());
        is_checking.recv().unwrap();
        assert!(matches!(pool.acquire(), Err(Error::Refused(Refusal::NoneAvailable { leased: 1, .. }))));
        assert!(matches!(pool.acquire_by_id(&id("a")), Err(Error::Refused(Refusal::Busy { .. }))));
        let waits = [
            scope.spawn(|| pool.acquire_by_id_timeout(&id("a"), MINUTE)),
            scope.spawn(|| pool.acquire_timeout(MINUTE)),
        ];
        while pool.stats().waiting < 2 {
            std::thread::yield_now();
        }
        go_on.send(()).unwrap();
        // Its limits allow any number of uses at a time.
        let _first = first.join().unwrap();
        for wait in waits {
            drop(wait.join().unwrap().unwrap());
        }
    });
    assert_eq!(pool.stats().checks_passed, 1);
}

#[test]
fn a_check_that_panics_hands_the_session_back_unchecked() {
    let panics = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (pool, ..) = restarted(&["a"], |b| {
        let panics = Arc::clone(&panics);
        b.check_with(CheckAfter::default(), move |_| {
            assert!(!panics.load(std::sync::atomic::Ordering::SeqCst), "as this test wants it to");
            Ok(Verdict::Ok)
        })
    });
    assert!(catch_unwind(AssertUnwindSafe(|| pool.acquire())).is_err());
    let stats = pool.stats();
    assert_eq!((stats.leased, stats.available, stats.checks_passed, stats.checks_failed), (0, 1, 0, 0));
    panics.store(false, std::sync::atomic::Ordering::SeqCst);
    use_once(&pool);
    assert_eq!(pool.stats().checks_passed, 1);
}

#[test]
fn what_happens_to_a_session_during_its_check_holds() {
    let (pool, clock, _) = restarted(&["a", "b", "c", "d"], |b| {
        b.check_with(CheckAfter::default(), |session| {
            match session.id().as_str() {
                "a" => drop(session.retire()?),
                "b" => session.rest_for(MINUTE)?,
                "c" => session.set_user_data("seen", true)?,
                _ => {}
            }
            Ok(Verdict::Ok)
        })
    });
    let lease = pool.acquire().unwrap();
    assert_eq!((name(&lease), lease.user_data::<bool>("seen").unwrap()), ("c".to_owned(), Some(true)));
    assert_eq!(lease.reclaim().unwrap(), Outcome::Live);
    let stats = pool.stats();
    assert_eq!((stats.live, stats.resting, stats.leased), (3, 1, 0));
    clock.advance(MINUTE);
    drop(pool);
}

#[test]
fn without_a_back_off_a_failed_check_does_not_let_it_rest() {
    let (pool, _, script) = restarted(&["a"], |b| b.back_off(BackOff::NONE));
    script.says(&[("a", Verdict::Failed)]);
    assert!(matches!(pool.acquire(), Err(Error::CheckFailed { .. })));
    assert_eq!(script.asked(), ["a", "a", "a"]);
    assert_eq!((pool.stats().resting, pool.stats().available), (0, 1));
}

#[test]
fn a_check_after_the_pool_was_closed_gives_no_lease() {
    let (pool, ..) = restarted(&["a"], |b| b);
    let closing = Arc::new(Mutex::new(None::<SessionPool>));
    let (other, ..) = restarted(&["a"], |b| {
        let closing = Arc::clone(&closing);
        b.check_with(CheckAfter::default(), move |_| {
            if let Some(pool) = closing.lock().take() {
                pool.close()?;
            }
            Ok(Verdict::Ok)
        })
    });
    *closing.lock() = Some(other.clone());
    assert!(matches!(other.acquire(), Err(Error::Closed { .. })));
    assert_eq!(other.stats().leased, 0);
    drop(pool);
}

#[cfg(feature = "async")]
mod in_tasks {
    use std::task::Poll;

    use super::*;
    use crate::tasks::{Task, runtime};

    #[test]
    fn a_thread_cannot_check_a_session_in_a_task_and_hands_it_back() {
        let (pool, ..) =
            restarted(&["a"], |b| b.check_with_async(CheckAfter::default(), |_| async { Ok(Verdict::Ok) }));
        for _ in 0..2 {
            assert!(matches!(pool.acquire(), Err(Error::CheckIsAsync { .. })));
            assert!(matches!(pool.acquire_by_id(&id("a")), Err(Error::CheckIsAsync { .. })));
            assert_eq!((pool.stats().leased, pool.stats().available), (0, 1));
        }
        let _ = runtime().block_on(pool.acquire_async()).unwrap().reclaim().unwrap();
        assert_eq!(use_once(&pool), "a", "once it has passed, threads get it");
    }

    #[test]
    fn a_task_that_is_dropped_during_a_check_hands_the_session_to_the_next_one_unchecked() {
        let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let (pool, ..) = restarted(&["a"], |b| {
            let asked = Arc::clone(&asked);
            b.check_with_async(CheckAfter::default(), move |_| {
                let is_first = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
                async move {
                    if is_first {
                        std::future::pending::<()>().await;
                    }
                    Ok(Verdict::Ok)
                }
            })
        });
        let a = id("a");
        let mut dropped = Task::new(pool.acquire_async());
        let mut one = Task::new(pool.acquire_by_id_async(&a));
        let mut any = Task::new(pool.acquire_async());
        for task in [&mut dropped, &mut any] {
            assert!(task.poll().is_pending());
        }
        assert!(one.poll().is_pending());
        assert_eq!((pool.stats().leased, pool.stats().waiting), (1, 2));
        drop(dropped);
        let Poll::Ready(lease) = any.poll() else { panic!("it came first") };
        assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 2);
        let Poll::Ready(other) = one.poll() else { panic!("it may have it too now") };
        let _ = (lease.unwrap().reclaim().unwrap(), other.unwrap().reclaim().unwrap());
        assert_eq!((pool.stats().leased, pool.stats().waiting), (0, 0));
    }

    #[test]
    fn whoever_met_a_failed_check_keeps_its_place_among_those_who_wait() {
        let (pool, clock, script) = restarted(&["a"], |b| b);
        script.says(&[("a", Verdict::Failed)]);
        pool.get(&id("a")).unwrap().rest_for(SECOND).unwrap();
        let mut first = Task::new(pool.acquire_async());
        let mut second = Task::new(pool.acquire_async());
        assert!(first.poll().is_pending() && second.poll().is_pending());
        clock.advance(SECOND);
        assert!(first.poll().is_pending(), "the check has failed, and it waits on");
        assert_eq!(pool.stats().checks_failed, 1);
        script.says(&[]);
        clock.advance(SECOND);
        assert!(second.poll().is_pending());
        let Poll::Ready(lease) = first.poll() else { panic!("it came first") };
        let _ = lease.unwrap().reclaim().unwrap();
        assert!(second.poll().is_ready());
    }

    #[test]
    fn whoever_waits_for_one_waits_for_the_rest_that_a_check_began() {
        let (pool, clock, script) = restarted(&["a"], |b| b);
        let a = id("a");
        script.says(&[("a", Verdict::RateLimited { retry_after: Some(SECOND) })]);
        let mut one = Task::new(pool.acquire_by_id_async(&a));
        assert!(one.poll().is_pending());
        script.says(&[("a", Verdict::Blocked)]);
        clock.advance(SECOND);
        let Poll::Ready(answer) = one.poll() else { panic!("it waits") };
        let is_retired =
            |refusal: &Refusal| matches!(refusal, Refusal::Retired { reason: Reason::Retired, .. });
        assert!(matches!(answer, Err(Error::Refused(refusal)) if is_retired(&refusal)));
        assert_eq!((pool.stats().leased, pool.stats().waiting), (0, 0));
    }

    #[test]
    fn r5_r8_hold_for_tasks_whose_sessions_are_checked_each_time() {
        let names = ["a", "b", "c", "d"];
        let fast = BackOff { first: Duration::from_millis(1), max: Duration::from_millis(4) };
        let each_time = CheckAfter { restart: true, idle: Some(Duration::ZERO) };
        let pool = SessionPool::builder()
            .growth(Growth::Manual)
            .back_off(fast)
            .check_with_async(each_time, |session| async move {
                let uses = session.record().usage_count;
                tokio::task::yield_now().await;
                assert_eq!(session.record().usage_count, uses, "R-8: nobody else has it meanwhile");
                match fastrand::u8(..12) {
                    0 => Err("the site is down".into()),
                    1 => Ok(Verdict::Failed),
                    2 => Ok(Verdict::RateLimited { retry_after: Some(Duration::from_millis(1)) }),
                    _ => Ok(Verdict::Ok),
                }
            })
            .open_in_memory()
            .unwrap();
        for name in names {
            let once =
                SessionOptions { max_concurrent_uses: Some(1), max_usage_count: u32::MAX, ..named(name) };
            pool.add(once).unwrap();
        }
        let runtime = runtime();
        let tasks: Vec<_> = (0..24)
            .map(|_| {
                let pool = pool.clone();
                runtime.spawn(async move {
                    let mut used = 0;
                    for _ in 0..150 {
                        let wanted = id(names[fastrand::usize(..names.len())]);
                        let patience =
                            if fastrand::u8(..4) == 0 { Duration::from_micros(200) } else { 2 * MINUTE };
                        let answer = if fastrand::bool() {
                            // Dropped at any await, also in the middle of a check.
                            let asked = pool.acquire_by_id_async(&wanted);
                            tokio::time::timeout(patience, asked).await
                        } else {
                            tokio::time::timeout(patience, pool.acquire_async()).await
                        };
                        match answer {
                            Ok(Ok(lease)) => {
                                used += 1;
                                let _ = lease.reclaim().unwrap();
                            }
                            Ok(Err(Error::CheckFailed { .. })) | Err(_) => {}
                            Ok(Err(error)) => panic!("{error}"),
                        }
                    }
                    used
                })
            })
            .collect();
        let used: u32 = tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).sum();
        let stats = pool.stats();
        assert_eq!((stats.leased, stats.waiting, stats.live), (0, 0, 4));
        let counted: u32 = names.iter().map(|name| pool.get(&id(name)).unwrap().record().usage_count).sum();
        assert_eq!((counted, stats.failed), (used, 0), "R-5");
        assert!(stats.checks_failed > 0 && stats.checks_rested > 0 && stats.checks_passed >= used.into());
    }
}
