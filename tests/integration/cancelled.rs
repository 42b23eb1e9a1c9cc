//! Tasks that are dropped while they wait for the disk.

use std::task::Poll;

use session_pool::{CheckAfter, Durability, Growth, Verdict};

use crate::support::{SECOND, clock, held, id, named, options};
use crate::tasks::Task;

#[test]
fn r5_a_task_that_is_dropped_before_its_new_session_is_durable_has_used_nothing() {
    let (pool, hold) = held(|b| {
        let b = b.durability(Durability::Immediate);
        b.max_pool_size(1).session_options(options(|o| o.max_concurrent_uses = Some(1)))
    });
    hold.begin();
    let mut task = Task::new(pool.acquire_async());
    assert!(task.poll().is_pending(), "it waits for the disk");
    let mut next = Task::new(pool.acquire_async());
    assert!(next.poll().is_pending());
    drop(task);
    assert!(next.is_woken(), "it gets the session");
    hold.end();
    let Poll::Ready(lease) = next.poll() else { panic!("it waits") };
    let lease = lease.unwrap();
    let record = lease.record();
    assert_eq!((record.usage_count, record.error_count, record.last_used_at), (0, 0, None));
    let _ = lease.reclaim().unwrap();
    let stats = pool.stats();
    assert_eq!((stats.created, stats.live, stats.leased, stats.reclaimed, stats.failed), (1, 1, 0, 1, 0));
}

#[test]
fn r5_a_task_that_is_dropped_after_the_check_of_its_session_has_used_nothing() {
    let clock = clock();
    let after = CheckAfter { restart: true, idle: Some(SECOND) };
    let (pool, hold) = held(|b| {
        let b = b.clock(clock.clone()).growth(Growth::Manual).durability(Durability::Immediate);
        b.check_with_async(after, |_| async { Ok(Verdict::Ok) })
    });
    pool.add(named("a")).unwrap();
    clock.advance(SECOND);
    hold.begin();
    std::thread::scope(|scope| {
        // What has happened before is to be durable, too.
        scope.spawn(|| pool.add(named("b")).unwrap());
        hold.wait_for_one();
        let a = id("a");
        let mut task = Task::new(pool.acquire_by_id_async(&a));
        assert!(task.poll().is_pending(), "it waits for the disk");
        assert_eq!((pool.stats().checks_passed, pool.stats().leased), (1, 1));
        drop(task);
        hold.end();
    });
    let record = pool.get(&id("a")).unwrap().record();
    assert_eq!((record.usage_count, record.error_count), (0, 0));
    assert_eq!((pool.stats().leased, pool.stats().available), (0, 2));
}
