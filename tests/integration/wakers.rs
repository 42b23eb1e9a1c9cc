//! Whom the committer wakes, and what that may do.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Wake, Waker};

use futures_util::{FutureExt, StreamExt};
use parking_lot::Mutex;
use session_pool::{Durability, Growth, RetirementStream, SessionPool, Verdict};

use crate::support::{Place, SECOND, clock, held, named, options};
use crate::tasks::Task;

/// A waker that runs something at once, where it is woken.
struct Runs(Mutex<Option<Box<dyn FnOnce() + Send>>>, Sender<()>);

impl Wake for Runs {
    fn wake(self: Arc<Self>) {
        let run = self.0.lock().take();
        // Also where that panics.
        let told = self.1.clone();
        let _told = Told(told);
        if let Some(run) = run {
            run();
        }
    }
}

/// Tells when it is dropped.
struct Told(Sender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

fn runs(run: impl FnOnce() + Send + 'static) -> (Waker, Receiver<()>) {
    let (sender, receiver) = channel();
    (Waker::from(Arc::new(Runs(Mutex::new(Some(Box::new(run))), sender))), receiver)
}

fn listen(stream: &mut RetirementStream, waker: &Waker) {
    assert!(stream.poll_next_unpin(&mut Context::from_waker(waker)).is_pending());
}

#[test]
fn a_listener_may_let_go_of_the_last_handle_where_it_is_woken() {
    let place = Place::disk();
    let store = place.open_store();
    let pool = SessionPool::builder().growth(Growth::Manual).open_in(&store).unwrap();
    let (burnt, used) = (pool.add(named("a")).unwrap(), pool.add(named("b")).unwrap());
    let mut stream = pool.retirements().into_stream();
    let retired = pool.get(burnt.id()).unwrap();
    let (waker, woken) = runs(move || {
        used.set_user_data("last", 1).unwrap();
        drop((used, pool, burnt));
    });
    listen(&mut stream, &waker);
    let _ = retired.retire().unwrap();
    drop(retired);
    woken.recv_timeout(60 * SECOND).expect("it waits for itself");
    // What it did last is there when the pool can be opened again.
    let began = std::time::Instant::now();
    let pool = loop {
        match SessionPool::builder().growth(Growth::Manual).open_in(&store) {
            Ok(pool) => break pool,
            Err(_) => assert!(began.elapsed() < 60 * SECOND, "it is never closed"),
        }
    };
    let used = pool.get(&crate::support::id("b")).unwrap();
    assert_eq!(used.user_data::<u32>("last").unwrap(), Some(1));
    assert!(pool.get(&crate::support::id("a")).unwrap().is_retired());
}

#[test]
fn i5_a_listener_that_panics_where_it_is_woken_keeps_nobody_from_going_on() {
    let pool = SessionPool::builder().growth(Growth::Manual).open_in_memory().unwrap();
    let mut streams = [pool.retirements().into_stream(), pool.session_store().retirements().into_stream()];
    let session = pool.add(named("a")).unwrap();
    let woken = streams.each_mut().map(|stream| {
        let (waker, woken) = runs(|| panic!("as this test wants it to"));
        listen(stream, &waker);
        woken
    });
    let _ = session.retire().unwrap();
    for woken in woken {
        woken.recv_timeout(60 * SECOND).unwrap();
    }
    pool.flush().unwrap();
    for stream in &mut streams {
        assert!(matches!(stream.next().now_or_never(), Some(Some(told)) if told.id == *session.id()));
    }
    pool.add(named("b")).unwrap();
    pool.flush().unwrap();
}

#[test]
fn a_task_that_panics_where_its_wait_for_the_disk_ends_keeps_nobody_from_going_on() {
    let (pool, hold) = held(|b| b.growth(Growth::Manual));
    hold.begin();
    pool.add(named("a")).unwrap();
    let (waker, woken) = runs(|| panic!("as this test wants it to"));
    let mut flush = Box::pin(pool.flush_async());
    assert!(flush.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    hold.end();
    woken.recv_timeout(60 * SECOND).unwrap();
    pool.add(named("b")).unwrap();
    pool.flush().unwrap();
}

#[test]
fn whoever_is_served_by_a_sweep_may_sweep_and_may_panic() {
    for panics in [false, true] {
        let clock = clock();
        let short = options(|o| {
            o.max_age = 10 * SECOND;
            o.max_concurrent_uses = Some(1);
        });
        let builder = SessionPool::builder().clock(clock.clone()).max_pool_size(2).session_options(short);
        let pool = builder.open_in_memory().unwrap();
        let _leases = [pool.acquire().unwrap(), pool.acquire().unwrap()];
        let inner = pool.clone();
        let (waker, woken) = runs(move || {
            assert!(!panics, "as this test wants it to");
            inner.sweep().unwrap();
        });
        // The first one wakes itself to look at the clock.
        let mut first = Task::new(pool.acquire_async());
        assert!(first.poll().is_pending());
        let mut second = Box::pin(pool.acquire_async());
        assert!(second.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        pool.flush().unwrap();
        clock.advance(20 * SECOND);
        // It is the committer that sweeps.
        woken.recv_timeout(60 * SECOND).expect("it waits for itself");
        let (done, is_done) = channel();
        std::thread::spawn({
            let pool = pool.clone();
            move || done.send(pool.sweep().and_then(|_| pool.flush()))
        });
        is_done.recv_timeout(60 * SECOND).expect("it is never over").unwrap();
    }
}

#[test]
fn a_task_is_woken_by_the_round_that_it_waits_for_and_by_no_other() {
    let (pool, hold) = held(|b| b.growth(Growth::Manual).durability(Durability::Immediate));
    pool.add(named("a")).unwrap();
    hold.begin();
    let settle = || Task::new(pool.acquire().unwrap().settle_as_async(Verdict::Ok));
    let mut first = settle();
    assert!(first.poll().is_pending());
    hold.wait_for_one();
    let mut later: Vec<_> = (0..10).map(|_| settle()).collect();
    let mut gone = settle();
    assert!(later.iter_mut().chain([&mut gone]).all(|task| task.poll().is_pending()));
    // A task that is polled again waits once all the same.
    assert!(later[0].poll().is_pending());
    drop(gone);
    hold.let_one_go();
    hold.wait_for_one();
    assert!(first.is_woken() && first.poll().is_ready());
    assert!(!later.iter().any(Task::is_woken), "their round is under way");
    hold.end();
    for task in &mut later {
        while !task.is_woken() {
            std::thread::yield_now();
        }
        assert!(task.poll().is_ready());
    }
}
