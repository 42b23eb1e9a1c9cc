//! Waiting for one session: in order, among those who wait for any, and without leaving anything behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use session_pool::{Error, Growth, Lease, Reason, Refusal, Result, SessionOptions, SessionPool};

use crate::support::{SECOND, id, named, options, pool};
use crate::tasks::{Task, runtime};

/// A pool of some sessions that one may use at a time.
fn exclusive(names: &[&str]) -> (SessionPool, session_pool::ManualClock) {
    let (pool, clock) = pool(|b| b.growth(Growth::Manual));
    for name in names {
        add(&pool, name);
    }
    (pool, clock)
}

fn add(pool: &SessionPool, name: &str) {
    let once = SessionOptions { max_concurrent_uses: Some(1), max_usage_count: 1_000_000, ..named(name) };
    pool.add(once).unwrap();
}

fn ready(task: &mut Task<'_, Result<Lease>>) -> Lease {
    match task.poll() {
        Poll::Ready(lease) => lease.unwrap(),
        Poll::Pending => panic!("it waits"),
    }
}

fn refusal(answer: Result<Lease>) -> Refusal {
    match answer {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_has_waited_longest_for_a_session_is_served_first_and_nobody_snatches_it() {
    let (pool, _) = exclusive(&["a"]);
    let a = id("a");
    let mut lease = Some(pool.acquire().unwrap());
    let mut tasks: Vec<_> = (0..3).map(|_| Task::new(pool.acquire_by_id_async(&a))).collect();
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    assert_eq!(pool.stats().waiting, 3);
    for n in 0..3 {
        let _ = lease.take().unwrap().reclaim().unwrap();
        assert!(matches!(refusal(pool.acquire_by_id(&a)), Refusal::Busy { in_flight: 1, .. }), "it is taken");
        assert!(matches!(refusal(pool.acquire()), Refusal::NoneAvailable { .. }), "for all");
        assert!(tasks[n].is_woken());
        for later in &mut tasks[n + 1..] {
            assert!(!later.is_woken(), "there is nothing for it to do");
            assert!(later.poll().is_pending());
        }
        lease = Some(ready(&mut tasks[n]));
    }
    drop(tasks);
    drop(lease);
    assert_eq!(pool.stats().waiting, 0);
    assert!(pool.acquire().is_ok(), "nobody waits any more");
}

#[test]
fn of_those_who_wait_for_any_and_those_who_wait_for_one_the_first_is_served_first() {
    for any_is_first in [true, false] {
        let (pool, _) = exclusive(&["a"]);
        let a = id("a");
        let lease = pool.acquire().unwrap();
        let mut any = Task::new(pool.acquire_async());
        let mut one = Task::new(pool.acquire_by_id_async(&a));
        let (first, second) = if any_is_first { (&mut any, &mut one) } else { (&mut one, &mut any) };
        assert!(first.poll().is_pending() && second.poll().is_pending());
        let _ = lease.reclaim().unwrap();
        assert!(second.poll().is_pending());
        let _ = ready(first).reclaim().unwrap();
        let _ = ready(second).reclaim().unwrap();
    }
}

#[test]
fn whoever_waits_for_one_session_keeps_nobody_from_the_others() {
    let (pool, clock) = exclusive(&["a", "b"]);
    let (a, b) = (pool.acquire_by_id(&id("a")).unwrap(), pool.acquire_by_id(&id("b")).unwrap());
    let a_id = id("a");
    let mut one = Task::new(pool.acquire_by_id_async(&a_id));
    let mut any = Task::new(pool.acquire_async());
    assert!(one.poll().is_pending() && any.poll().is_pending());
    let _ = b.reclaim().unwrap();
    let b = ready(&mut any);
    assert_eq!(*b.id(), id("b"));
    assert!(one.poll().is_pending());
    drop(one);
    // Both rests end at once: whoever came first leaves the one that another waits for.
    let _ = (a.rest_for(SECOND).unwrap(), b.rest_for(SECOND).unwrap());
    for _ in 0..20 {
        let mut any = Task::new(pool.acquire_async());
        let mut one = Task::new(pool.acquire_by_id_async(&a_id));
        assert!(any.poll().is_pending() && one.poll().is_pending());
        clock.advance(SECOND);
        let (any, one) = (ready(&mut any), ready(&mut one));
        assert_eq!((*any.id(), *one.id()), (id("b"), id("a")));
        let _ = (any.rest_for(SECOND).unwrap(), one.rest_for(SECOND).unwrap());
    }
}

#[test]
fn a_rest_that_ends_serves_those_who_wait_for_it() {
    let (pool, clock) = exclusive(&["a", "b"]);
    let a = id("a");
    let lease = pool.acquire_by_id(&a).unwrap();
    let mut first = Task::new(pool.acquire_by_id_async(&a));
    let mut second = Task::new(pool.acquire_by_id_async(&a));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    let _ = lease.rest_for(10 * SECOND).unwrap();
    assert!(first.is_woken(), "it looks when the rest ends");
    assert!(!second.is_woken());
    assert!(first.poll().is_pending());
    drop(first);
    assert!(second.is_woken(), "now it is the one that looks");
    clock.advance(9 * SECOND);
    assert!(second.poll().is_pending());
    clock.advance(SECOND);
    let lease = ready(&mut second);
    assert_eq!(*lease.id(), a);
    let _ = lease.reclaim().unwrap();
}

#[test]
fn a_rest_that_somebody_else_finds_ended_goes_to_whoever_waits_for_it() {
    for any_asks in [true, false] {
        let (pool, clock) = exclusive(&["a"]);
        let a = id("a");
        let _ = pool.acquire().unwrap().rest_for(SECOND).unwrap();
        let mut one = Task::new(pool.acquire_by_id_async(&a));
        assert!(one.poll().is_pending());
        clock.advance(SECOND);
        let answer = refusal(if any_asks { pool.acquire() } else { pool.acquire_by_id(&a) });
        assert!(
            matches!(answer, Refusal::NoneAvailable { leased: 1, .. } | Refusal::Busy { .. }),
            "{answer}"
        );
        assert!(one.is_woken());
        let _ = ready(&mut one).reclaim().unwrap();
    }
}

#[test]
fn rests_end_by_the_clock_for_threads_and_tasks() {
    let pool = SessionPool::builder().growth(Growth::Manual).open_in_memory().unwrap();
    add(&pool, "a");
    let a = id("a");
    let runtime = runtime();
    let _ = pool.acquire().unwrap().rest_for(Duration::from_millis(50)).unwrap();
    let lease = pool.acquire_by_id_timeout(&a, 60 * SECOND).unwrap();
    let (waiting, rested) = (pool.clone(), lease);
    let task = runtime.spawn(async move { waiting.acquire_by_id_async(&a).await.map(Lease::reclaim) });
    while pool.stats().waiting == 0 {
        std::thread::yield_now();
    }
    let began = Instant::now();
    let _ = rested.rest_for(Duration::from_millis(50)).unwrap();
    let _ = runtime.block_on(task).unwrap().unwrap().unwrap();
    assert!(began.elapsed() >= Duration::from_millis(49), "{:?}", began.elapsed());
}

#[test]
fn a_future_that_is_dropped_leaves_no_place_and_no_lease_whatever_it_waited_for() {
    let (pool, clock) = exclusive(&["a"]);
    let a = id("a");
    let lease = pool.acquire().unwrap();
    let session = lease.session().clone();
    // Before it is polled, while the session is in use, when it has been handed the session, and while that rests.
    drop(pool.acquire_by_id_async(&a));
    let mut waits = Task::new(pool.acquire_by_id_async(&a));
    let mut handed = Task::new(pool.acquire_by_id_async(&a));
    let mut next = Task::new(pool.acquire_by_id_async(&a));
    for task in [&mut waits, &mut handed, &mut next] {
        assert!(task.poll().is_pending());
    }
    drop(waits);
    let _ = lease.reclaim().unwrap();
    assert!(handed.is_woken());
    drop(handed);
    assert!(next.is_woken());
    let lease = ready(&mut next);
    assert_eq!(session.record().usage_count, 1, "what was never used is no use (R-5)");
    let _ = lease.rest_for(SECOND).unwrap();
    let mut rests = Task::new(pool.acquire_by_id_async(&a));
    assert!(rests.poll().is_pending());
    drop((next, rests));
    clock.advance(SECOND);
    let stats = pool.stats();
    assert_eq!((stats.waiting, stats.leased), (0, 0));
    let _ = pool.acquire().unwrap().retire().unwrap();
    // The slot of a retired session that nobody looks at is another's.
    pool.flush().unwrap();
    drop(session);
    add(&pool, "b");
    assert_eq!(*pool.acquire().unwrap().id(), id("b"));
}

#[test]
fn what_was_handed_to_a_future_that_is_dropped_goes_to_those_who_wait_for_any() {
    let (pool, _) = exclusive(&["a"]);
    let a = id("a");
    let lease = pool.acquire().unwrap();
    let mut one = Task::new(pool.acquire_by_id_async(&a));
    let mut any = Task::new(pool.acquire_async());
    assert!(one.poll().is_pending() && any.poll().is_pending());
    let _ = lease.reclaim().unwrap();
    drop(one);
    let _ = ready(&mut any).reclaim().unwrap();
}

#[test]
fn whoever_waits_for_a_session_that_is_retired_is_told() {
    let (pool, _) = exclusive(&["a", "b"]);
    let (a, b) = (id("a"), id("b"));
    let expected = Refusal::Retired { id: a, reason: Reason::Retired };
    let (lease, _other) = (pool.acquire_by_id(&a).unwrap(), pool.acquire_by_id(&b).unwrap());
    let mut tasks: Vec<_> = (0..3).map(|_| Task::new(pool.acquire_by_id_async(&a))).collect();
    let mut elsewhere = Task::new(pool.acquire_by_id_async(&b));
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()) && elsewhere.poll().is_pending());
    let thread = std::thread::spawn({
        let pool = pool.clone();
        move || refusal(pool.acquire_by_id_timeout(&a, 60 * SECOND))
    });
    while pool.stats().waiting < 5 {
        std::thread::yield_now();
    }
    let _ = lease.retire().unwrap();
    for task in &mut tasks {
        assert!(task.is_woken());
        let Poll::Ready(answer) = task.poll() else { panic!("it waits") };
        assert_eq!(refusal(answer), expected);
    }
    assert_eq!(thread.join().unwrap(), expected);
    assert!(!elsewhere.is_woken());
    drop(elsewhere);
    assert_eq!(pool.stats().waiting, 0);
    assert_eq!(
        refusal(pool.acquire_by_id_async(&a).now_or_never().unwrap()),
        expected,
        "and at once afterwards"
    );
    pool.flush().unwrap();
    assert_eq!(
        refusal(pool.acquire_by_id_timeout(&a, 60 * SECOND)),
        expected,
        "also when only the store knows it"
    );
}

#[test]
fn r3_a_session_that_is_retired_between_being_handed_and_taken_is_not_handed_out() {
    let (pool, _) = exclusive(&["a"]);
    let a = id("a");
    let lease = pool.acquire().unwrap();
    let session = lease.session().clone();
    let mut one = Task::new(pool.acquire_by_id_async(&a));
    assert!(one.poll().is_pending());
    let _ = lease.reclaim().unwrap();
    let _ = session.retire().unwrap();
    let Poll::Ready(answer) = one.poll() else { panic!("it waits") };
    assert_eq!(refusal(answer), Refusal::Retired { id: a, reason: Reason::Retired });
    assert_eq!(pool.stats().leased, 0);
}

#[test]
fn whoever_waits_for_a_session_that_grows_too_old_is_told() {
    let (pool, clock) = exclusive(&["a"]);
    let a = id("a");
    let _ = pool.acquire().unwrap().rest_for(3000 * SECOND).unwrap();
    let mut one = Task::new(pool.acquire_by_id_async(&a));
    assert!(one.poll().is_pending());
    clock.advance(3000 * SECOND);
    let Poll::Ready(answer) = one.poll() else { panic!("it waits") };
    assert_eq!(refusal(answer), Refusal::Retired { id: a, reason: Reason::Expired });
}

#[test]
fn whoever_waits_for_nobody_is_told_at_once() {
    let (pool, _) = exclusive(&["a"]);
    let expected = Refusal::NotFound { id: id("nobody") };
    assert_eq!(refusal(pool.acquire_by_id_timeout(&id("nobody"), 60 * SECOND)), expected);
    assert_eq!(refusal(pool.acquire_by_id_async(&id("nobody")).now_or_never().unwrap()), expected);
}

#[test]
fn whoever_waits_for_one_gives_up_in_time_and_says_why() {
    let (pool, _) = exclusive(&["a", "b"]);
    let (a, b, timeout) = (id("a"), id("b"), Duration::from_millis(30));
    let _lease = pool.acquire_by_id(&a).unwrap();
    let _ = pool.acquire_by_id(&b).unwrap().rest_for(SECOND).unwrap();
    let runtime = runtime();
    let began = Instant::now();
    assert_eq!(refusal(pool.acquire_by_id_timeout(&a, timeout)), Refusal::Busy { id: a, in_flight: 1 });
    assert!(began.elapsed() >= timeout);
    let began = Instant::now();
    let answer = runtime.block_on(pool.acquire_by_id_async_timeout(&b, timeout));
    assert!(matches!(refusal(answer), Refusal::Resting { .. }));
    assert!(began.elapsed() >= timeout);
    let answer = runtime.block_on(pool.acquire_by_id_async_timeout(&a, timeout));
    assert_eq!(refusal(answer), Refusal::Busy { id: a, in_flight: 1 });
    assert!(matches!(refusal(pool.acquire_by_id_timeout(&b, Duration::ZERO)), Refusal::Resting { .. }));
    assert_eq!(pool.stats().waiting, 0);
    assert!(pool.acquire_by_id_async_timeout(&a, Duration::MAX).now_or_never().is_none(), "for ever");
}

#[test]
fn whoever_waits_for_one_is_told_when_the_pool_closes() {
    let (pool, _) = exclusive(&["a"]);
    let a = id("a");
    let _lease = pool.acquire().unwrap();
    let mut task = Task::new(pool.acquire_by_id_async(&a));
    assert!(task.poll().is_pending());
    let thread = std::thread::spawn({
        let pool = pool.clone();
        move || pool.acquire_by_id_timeout(&a, 60 * SECOND)
    });
    while pool.stats().waiting < 2 {
        std::thread::yield_now();
    }
    pool.close().unwrap();
    assert!(task.is_woken());
    assert!(matches!(task.poll(), Poll::Ready(Err(Error::Closed { .. }))));
    assert!(matches!(thread.join().unwrap(), Err(Error::Closed { .. })));
}

#[test]
fn r8_a_session_for_several_uses_at_a_time_serves_as_many() {
    let (pool, _) = pool(|b| b.growth(Growth::Manual));
    pool.add(SessionOptions { max_concurrent_uses: Some(2), ..named("a") }).unwrap();
    let a = id("a");
    let session = pool.get(&a).unwrap();
    let leases = [pool.acquire().unwrap(), pool.acquire().unwrap()];
    let mut tasks: Vec<_> = (0..3).map(|_| Task::new(pool.acquire_by_id_async(&a))).collect();
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    let mut leases = leases.into_iter();
    let _ = leases.next().unwrap().reclaim().unwrap();
    let first = ready(&mut tasks[0]);
    assert!(tasks[1].poll().is_pending());
    let _ = leases.next().unwrap().reclaim().unwrap();
    let second = ready(&mut tasks[1]);
    assert!(tasks[2].poll().is_pending());
    let _ = first.reclaim().unwrap();
    let third = ready(&mut tasks[2]);
    assert_eq!(pool.stats().leased, 1, "one session");
    let _ = (second.reclaim().unwrap(), third.reclaim().unwrap());
    assert_eq!(session.record().usage_count, 5);
    assert!(pool.acquire().is_ok());
}

/// Threads and tasks, for any session and for one, that give up now and then: limits hold, and everybody gets there.
#[test]
fn r5_r8_hold_for_those_who_wait_for_any_and_for_one() {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let pool = SessionPool::builder().growth(Growth::Manual).open_in_memory().unwrap();
    for name in NAMES {
        add(&pool, name);
    }
    let in_use: Arc<[AtomicU32; 4]> = Arc::default();
    let use_it = {
        let in_use = Arc::clone(&in_use);
        move |lease: Lease, wanted: Option<usize>| {
            let at = NAMES.iter().position(|name| lease.id().as_str() == *name).unwrap();
            assert!(wanted.is_none_or(|wanted| wanted == at));
            assert_eq!(in_use[at].fetch_add(1, Ordering::SeqCst), 0, "R-8");
            if fastrand::bool() {
                std::thread::yield_now();
            }
            in_use[at].fetch_sub(1, Ordering::SeqCst);
            let _ = match fastrand::u8(..12) {
                0 => lease.rest_for(Duration::from_millis(2)).unwrap(),
                _ => lease.reclaim().unwrap(),
            };
        }
    };
    let patience = || if fastrand::u8(..4) == 0 { Duration::from_micros(100) } else { 120 * SECOND };
    let uses = Arc::new(AtomicU32::new(0));
    let served = move |answer: Result<Lease>, wanted, patience: Duration, uses: &AtomicU32| match answer {
        Ok(lease) => {
            uses.fetch_add(1, Ordering::SeqCst);
            use_it(lease, wanted);
        }
        Err(Error::Refused(
            Refusal::Busy { .. } | Refusal::Resting { .. } | Refusal::NoneAvailable { .. },
        )) if patience < SECOND => {}
        Err(error) => panic!("{error}"),
    };
    let wanted = || Some(fastrand::usize(..NAMES.len())).filter(|_| fastrand::u8(..3) > 0);
    let runtime = runtime();
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let (pool, uses, served) = (pool.clone(), Arc::clone(&uses), served.clone());
            runtime.spawn(async move {
                for _ in 0..300 {
                    let (wanted, patience) = (wanted(), patience());
                    let answer = match wanted {
                        Some(n) => pool.acquire_by_id_async_timeout(&id(NAMES[n]), patience).await,
                        None => pool.acquire_async_timeout(patience).await,
                    };
                    served(answer, wanted, patience, &uses);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..300 {
                    let (wanted, patience) = (wanted(), patience());
                    let answer = match wanted {
                        Some(n) => pool.acquire_by_id_timeout(&id(NAMES[n]), patience),
                        None => pool.acquire_timeout(patience),
                    };
                    served(answer, wanted, patience, &uses);
                }
            });
        }
    });
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    let stats = pool.stats();
    assert_eq!((stats.leased, stats.waiting), (0, 0));
    let used: u32 = NAMES.iter().map(|name| pool.get(&id(name)).unwrap().record().usage_count).sum();
    assert_eq!(used, uses.load(Ordering::SeqCst), "R-5");
}

#[test]
fn ten_thousand_who_wait_for_others_make_no_outcome_slower() {
    let once = options(|o| {
        o.max_concurrent_uses = Some(1);
        o.max_usage_count = u32::MAX;
    });
    let (pool, _) = pool(|b| b.growth(Growth::Manual));
    for name in ["a", "b"] {
        pool.add(SessionOptions { id: Some(id(name)), ..once.clone() }).unwrap();
    }
    let _held = pool.acquire_by_id(&id("a")).unwrap();
    let time = || {
        let began = Instant::now();
        for _ in 0..2000 {
            let _ = pool.acquire().unwrap().reclaim().unwrap();
        }
        began.elapsed()
    };
    let before = (0..5).map(|_| time()).min().unwrap();
    let a = id("a");
    let mut tasks: Vec<_> = (0..10_000).map(|_| Task::new(pool.acquire_by_id_async(&a))).collect();
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    let after = (0..5).map(|_| time()).min().unwrap();
    assert!(after < before * 5 + Duration::from_millis(10), "{before:?} before, {after:?} after");
    assert!(tasks.iter().all(|task| !task.is_woken()));
}
