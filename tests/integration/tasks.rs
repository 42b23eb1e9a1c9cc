//! Waiting in tasks: in order, and without leaving anything behind.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use session_pool::{
    BackOff, Durability, Error, Growth, Lease, Outcome, PoolBuilder, Reason, Refusal, Reply, SessionPool,
    SessionStore, StoreError, Verdict,
};

use crate::support::{Place, SECOND, clock, id, named, options, pool};

/// A waker that counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A task that is polled by hand.
pub(crate) struct Task<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
    woken: Arc<Woken>,
}

impl<'a, T> Task<'a, T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'a) -> Self {
        Self { future: Box::pin(future), woken: Arc::default() }
    }

    pub(crate) fn poll(&mut self) -> Poll<T> {
        let waker = Waker::from(Arc::clone(&self.woken));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.0.swap(0, Ordering::SeqCst) > 0
    }
}

/// A pool of one session that one may use at a time.
fn single(change: impl FnOnce(PoolBuilder) -> PoolBuilder) -> SessionPool {
    let (pool, _) = pool(|b| {
        let exclusive = options(|o| {
            o.max_concurrent_uses = Some(1);
            o.max_usage_count = 1_000_000;
        });
        change(b.max_pool_size(1).session_options(exclusive))
    });
    pool
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

#[test]
fn whoever_has_waited_longest_is_served_first_and_nobody_snatches_it() {
    let pool = single(|b| b);
    let lease = pool.acquire().unwrap();
    let mut tasks: Vec<_> = (0..3).map(|_| Task::new(pool.acquire_async())).collect();
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    assert_eq!(pool.stats().waiting, 3);
    let mut lease = Some(lease);
    for n in 0..3 {
        let _ = lease.take().unwrap().reclaim().unwrap();
        assert!(matches!(pool.acquire(), Err(Error::Refused(Refusal::NoneAvailable { .. }))), "it is taken");
        assert!(tasks[n].is_woken());
        for later in &mut tasks[n + 1..] {
            assert!(later.poll().is_pending());
        }
        let Poll::Ready(served) = tasks[n].poll() else { panic!("task {n} waits") };
        lease = Some(served.unwrap());
    }
    drop(lease);
    assert!(pool.acquire().is_ok(), "nobody waits any more");
}

#[test]
fn threads_and_tasks_wait_in_one_queue() {
    let pool = single(|b| b);
    let lease = pool.acquire().unwrap();
    let mut first = Task::new(pool.acquire_async());
    assert!(first.poll().is_pending());
    let thread = std::thread::spawn({
        let pool = pool.clone();
        move || pool.acquire_timeout(60 * SECOND).map(|lease| lease.reclaim().unwrap())
    });
    while pool.stats().waiting < 2 {
        std::thread::yield_now();
    }
    let _ = lease.reclaim().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    assert!(!thread.is_finished());
    let Poll::Ready(lease) = first.poll() else { panic!("it came first") };
    let _ = lease.unwrap().reclaim().unwrap();
    assert_eq!(thread.join().unwrap().unwrap(), Outcome::Live);
}

#[test]
fn a_future_that_is_dropped_leaves_no_place_and_no_lease() {
    let pool = single(|b| b);
    let lease = pool.acquire().unwrap();
    let session = lease.session().clone();
    let mut dropped_before = Task::new(pool.acquire_async());
    let mut dropped_after = Task::new(pool.acquire_async());
    let mut last = Task::new(pool.acquire_async());
    for task in [&mut dropped_before, &mut dropped_after, &mut last] {
        assert!(task.poll().is_pending());
    }
    drop(dropped_before);
    assert!(dropped_after.is_woken(), "it is the one that looks whether a rest is over");
    let _ = lease.reclaim().unwrap();
    // It has been handed the session, and never comes for it.
    drop(dropped_after);
    assert!(last.is_woken());
    let Poll::Ready(lease) = last.poll() else { panic!("it waits") };
    assert_eq!(session.record().usage_count, 1, "what was never used is no use (R-5)");
    let _ = lease.unwrap().reclaim().unwrap();
    drop(last);
    let stats = pool.stats();
    assert_eq!((stats.waiting, stats.leased, stats.available), (0, 0, 1));
    assert_eq!(session.record().usage_count, 2);
}

#[test]
fn r10_a_future_that_is_dropped_gives_back_the_place_of_a_new_session() {
    let pool = single(|b| b.growth(Growth::FillFirst));
    let lease = pool.acquire().unwrap();
    let mut task = Task::new(pool.acquire_async());
    assert!(task.poll().is_pending());
    let _ = lease.retire().unwrap();
    assert_eq!(pool.stats().creating, 1);
    drop(task);
    assert_eq!(pool.stats().creating, 0);
    assert!(pool.acquire().is_ok());
}

#[test]
fn r10_sessions_are_created_in_tasks_no_more_at_a_time_than_there_is_room_for() {
    let creating = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
    let (pool, _) = pool(|b| {
        let creating = Arc::clone(&creating);
        let exclusive = options(|o| {
            o.max_concurrent_uses = Some(1);
            o.max_usage_count = 3;
        });
        b.max_pool_size(4).back_off(BackOff::NONE).session_options(exclusive).create_with_async(
            move |options| {
                let creating = Arc::clone(&creating);
                async move {
                    let now = creating.0.fetch_add(1, Ordering::SeqCst) + 1;
                    creating.1.fetch_max(now, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    creating.0.fetch_sub(1, Ordering::SeqCst);
                    if fastrand::u8(..4) == 0 { Err("wrong password".into()) } else { Ok(options) }
                }
            },
        )
    });
    let runtime = runtime();
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let pool = pool.clone();
            runtime.spawn(async move {
                for _ in 0..20 {
                    match pool.acquire_async().await {
                        Ok(lease) => drop(lease.reclaim().unwrap()),
                        Err(Error::CreateFailed { source, .. }) => {
                            assert_eq!(source.to_string(), "wrong password");
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    assert!((1..=4).contains(&creating.1.load(Ordering::SeqCst)));
    assert_eq!(pool.stats().creating, 0);
}

#[test]
fn a_thread_that_cannot_create_a_session_asks_nobody_for_its_proxy() {
    let asked = Arc::new(AtomicU32::new(0));
    let proxies = session_pool::Proxies::from_fn({
        let asked = Arc::clone(&asked);
        move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            Ok("http://proxy.example:8000".parse()?)
        }
    });
    let (pool, _) = pool(|b| b.proxies(proxies).create_with_async(|options| async { Ok(options) }));
    assert!(matches!(pool.acquire(), Err(Error::CreateIsAsync { .. })));
    assert_eq!((asked.load(Ordering::SeqCst), pool.stats().creating), (0, 0));
    let lease = runtime().block_on(pool.acquire_async()).unwrap();
    assert!(lease.proxy().unwrap().is_some());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn r10_a_task_that_is_dropped_while_it_creates_gives_its_place_back() {
    let pool = single(|b| b.create_with_async(|_| std::future::pending()));
    let mut task = Task::new(pool.acquire_async());
    assert!(task.poll().is_pending());
    let mut next = Task::new(pool.acquire_async());
    assert!(next.poll().is_pending());
    assert_eq!((pool.stats().creating, pool.stats().waiting), (1, 1));
    drop(task);
    assert!(next.is_woken());
    drop(next);
    assert_eq!((pool.stats().creating, pool.stats().waiting), (0, 0));
    // A thread cannot create one, and says so.
    assert!(matches!(pool.acquire(), Err(Error::CreateIsAsync { .. })));
    let _ = pool.add(named("a")).unwrap();
    assert!(pool.acquire().is_ok(), "those that are there are handed out");
}

#[test]
fn a_task_is_served_when_a_rest_ends_and_when_there_is_room() {
    let pool = SessionPool::builder().max_pool_size(1).open_in_memory().unwrap();
    let _ = pool.acquire().unwrap().rest_for(Duration::from_millis(50)).unwrap();
    let lease = runtime().block_on(pool.acquire_async()).unwrap();
    let _ = lease.retire().unwrap();
    let lease = runtime().block_on(pool.acquire_async()).unwrap();
    let _ = lease.reclaim().unwrap();
}

#[test]
fn a_task_that_becomes_the_first_looks_when_the_rest_ends() {
    let clock = clock();
    let pool = single(|b| b.clock(clock.clone()));
    let lease = pool.acquire().unwrap();
    let _ = lease.rest_for(10 * SECOND).unwrap();
    let mut first = Task::new(pool.acquire_async());
    let mut second = Task::new(pool.acquire_async());
    assert!(first.poll().is_pending() && second.poll().is_pending());
    drop(first);
    assert!(second.is_woken());
    clock.advance(10 * SECOND);
    assert!(second.poll().is_ready());
}

#[test]
fn a_task_gives_up_in_time_and_says_why() {
    let pool = single(|b| b);
    let _lease = pool.acquire().unwrap();
    let began = Instant::now();
    let refused = runtime().block_on(pool.acquire_async_timeout(Duration::from_millis(30))).unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::NoneAvailable { leased: 1, .. })), "{refused}");
    assert!(began.elapsed() >= Duration::from_millis(30));
    assert_eq!(pool.stats().waiting, 0);
    assert!(pool.acquire_async_timeout(Duration::MAX).now_or_never().is_none(), "for ever");
}

#[test]
fn a_task_is_told_when_the_pool_closes_or_fails() {
    let closing = single(|b| b);
    let lease = closing.acquire().unwrap();
    let mut task = Task::new(closing.acquire_async());
    assert!(task.poll().is_pending());
    closing.close().unwrap();
    assert!(task.is_woken());
    assert!(matches!(task.poll(), Poll::Ready(Err(Error::Closed { .. }))));
    drop(lease);

    let store = Arc::new(crate::support::FaultyStore::default());
    let shared = SessionStore::with_store(store.clone()).unwrap();
    let exclusive = options(|o| o.max_concurrent_uses = Some(1));
    let failing =
        SessionPool::builder().max_pool_size(1).session_options(exclusive).open_in(&shared).unwrap();
    let lease = failing.acquire().unwrap();
    failing.flush().unwrap();
    let mut task = Task::new(failing.acquire_async());
    assert!(task.poll().is_pending());
    store.fails_commit.store(true, Ordering::SeqCst);
    drop(lease.session().set_user_data("a", 1));
    assert!(matches!(failing.flush(), Err(Error::Poisoned { .. })));
    while !task.is_woken() {
        std::thread::yield_now();
    }
    assert!(matches!(task.poll(), Poll::Ready(Err(Error::Poisoned { .. }))));
    let flushed = runtime().block_on(failing.flush_async());
    assert!(matches!(flushed, Err(Error::Poisoned { cause }) if matches!(*cause, StoreError::Engine { .. })));
}

#[test]
fn i4_what_a_task_has_waited_for_is_durable() {
    let place = Place::disk();
    let open = |durability| place.open(|b| b.growth(Growth::Manual).durability(durability));
    let (runtime, never) = (runtime(), Durability::Buffered { max_delay: 3600 * SECOND });
    let stored = |pool: &SessionPool| {
        let store = pool.session_store().store();
        let number = session_pool::inspect::pools(store).unwrap().remove(0).number;
        store.record(number, &id("a")).unwrap().unwrap().usage_count
    };
    let pool = open(never);
    pool.add(named("a")).unwrap();
    runtime.block_on(pool.flush_async()).unwrap();
    let lease = pool.acquire().unwrap();
    assert_eq!(runtime.block_on(lease.settle_as_async(Verdict::Ok)).unwrap(), Outcome::Live);
    assert_eq!(stored(&pool), 0, "it promises nothing");
    runtime.block_on(pool.flush_async()).unwrap();
    assert_eq!(stored(&pool), 1);
    drop(pool);

    let pool = open(Durability::Immediate);
    let lease = pool.acquire().unwrap();
    let _ = runtime.block_on(lease.settle_as_async(Verdict::Failed)).unwrap();
    assert_eq!(stored(&pool), 2);
    let lease = pool.acquire().unwrap();
    let reply = Reply::response("shop.example", 403);
    let (verdict, outcome) = runtime.block_on(lease.settle_reply_async(&reply)).unwrap();
    assert_eq!((verdict, outcome), (Verdict::Blocked, Outcome::Retired(Reason::Retired)));
    assert_eq!(stored(&pool), 3);
}

#[test]
fn i5_a_stream_of_retirements_tells_each_once_and_ends_with_the_pool() {
    let place = Place::disk();
    let pool = place.open(|b| b);
    let mut stream = pool.retirements().into_stream();
    let runtime = runtime();
    let listener = runtime.spawn(async move {
        let mut told = Vec::new();
        while let Some(retirement) = stream.next().await {
            told.push(retirement.id);
        }
        told
    });
    let mut retired = Vec::new();
    for n in 0..100 {
        let lease = pool.acquire().unwrap();
        retired.push(*lease.id());
        let _ = lease.retire().unwrap();
        if n % 10 == 0 {
            pool.flush().unwrap();
        }
    }
    pool.close().unwrap();
    let mut told = runtime.block_on(listener).unwrap();
    told.sort();
    retired.sort();
    assert_eq!(told, retired);
}

#[test]
fn a_stream_of_retirements_of_a_store_ends_with_its_last_handle() {
    let store = SessionStore::in_memory().unwrap();
    let pool = SessionPool::builder().open_in(&store).unwrap();
    let mut stream = store.retirements().into_stream();
    let mut next = Task::new(stream.next());
    assert!(next.poll().is_pending());
    drop((store, pool));
    assert!(next.is_woken(), "it sleeps for ever");
    assert!(matches!(next.poll(), Poll::Ready(None)));
}

/// Some tasks that lease, hold, cancel and settle; answers the longest wait.
fn crowd(acquires: u64) -> Duration {
    const TASKS: u64 = 64;
    let place = Place::disk();
    let template = options(|o| {
        o.max_concurrent_uses = Some(1);
        o.max_usage_count = 20;
    });
    let pool = place.open(|b| b.max_pool_size(16).session_options(template));
    let (longest, uses, cancelled) =
        (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let runtime = runtime();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (pool, longest, uses, cancelled) =
                (pool.clone(), Arc::clone(&longest), Arc::clone(&uses), Arc::clone(&cancelled));
            runtime.spawn(async move {
                for _ in 0..acquires / TASKS {
                    let began = Instant::now();
                    let mut lease = pin!(pool.acquire_async());
                    let lease: Lease = if fastrand::u8(..8) == 0 {
                        // Polled once or twice, then dropped.
                        let mut polls = fastrand::u8(1..3);
                        let polled = std::future::poll_fn(|context| match lease.as_mut().poll(context) {
                            Poll::Ready(lease) => Poll::Ready(Some(lease)),
                            Poll::Pending if polls == 0 => Poll::Ready(None),
                            Poll::Pending => {
                                polls -= 1;
                                context.waker().wake_by_ref();
                                Poll::Pending
                            }
                        });
                        match polled.await {
                            Some(lease) => lease.unwrap(),
                            None => {
                                cancelled.fetch_add(1, Ordering::Relaxed);
                                continue;
                            }
                        }
                    } else {
                        lease.await.unwrap()
                    };
                    longest.fetch_max(
                        u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
                        Ordering::Relaxed,
                    );
                    let record = lease.record();
                    assert!(record.usage_count < 20 && record.retired.is_none(), "R-8");
                    uses.fetch_add(1, Ordering::Relaxed);
                    if fastrand::bool() {
                        tokio::task::yield_now().await;
                    }
                    match fastrand::u8(..10) {
                        0 => drop(lease),
                        1 => drop(lease.release().unwrap()),
                        _ => drop(lease.reclaim().unwrap()),
                    }
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    let stats = pool.stats();
    assert_eq!((stats.leased, stats.waiting, stats.creating), (0, 0, 0));
    assert_eq!(stats.reclaimed + stats.released + stats.failed, uses.load(Ordering::Relaxed), "R-5");
    assert!(cancelled.load(Ordering::Relaxed) > 0);
    pool.close().unwrap();
    drop(pool);
    place.assert_sound();
    let longest = Duration::from_micros(longest.load(Ordering::Relaxed));
    println!(
        "{acquires} acquires, {} of them cancelled; longest wait {longest:?}",
        cancelled.load(Ordering::Relaxed)
    );
    longest
}

#[test]
fn r5_r8_r9_hold_for_64_tasks_over_16_sessions() {
    crowd(20_000);
}

#[test]
#[ignore = "takes a minute: cargo test --release --all-features --test integration -- --ignored --nocapture a_million_acquires"]
fn r5_r8_r9_hold_for_a_million_acquires() {
    crowd(1_000_000);
}
