//! Acquire and reclaim in buffered mode, while the committer writes it all.

use std::thread;
use std::time::{Duration, Instant};

use session_pool::{SessionOptions, SessionPool, Strategy};

use crate::support::{
    Case, Goal, LargeStore, SIZES, builder, fill, full_pool, in_turn, middle, options, print_ratio,
    print_time, temporary, use_once,
};

const ROUNDS: usize = 11;
const USES: u32 = 400_000;

pub(crate) fn benchmark() {
    sizes();
    strategies();
    threads();
    crowd();
}

/// How long a use takes.
fn uses(pool: &SessionPool) -> Duration {
    let began = Instant::now();
    for _ in 0..USES {
        use_once(pool);
    }
    began.elapsed() / USES
}

fn sizes() {
    let directories = [temporary(), temporary()];
    let large = LargeStore::builder().open(LargeStore::get().0).expect("the store is sound");
    let pools = [
        full_pool(directories[0].path(), SIZES[0], |b| b),
        full_pool(directories[1].path(), SIZES[1], |b| b),
        large,
    ];
    let [small, middling, large] =
        in_turn(ROUNDS, pools.each_ref().map(|pool| -> Case<'_> { Box::new(|| uses(pool)) }));
    for (size, times) in SIZES.iter().zip([&small, &middling, &large]) {
        print_time(&format!("uses: acquire + reclaim, {size} sessions"), middle(times));
    }
    print_ratio("uses: 1,000,000 sessions : 1,000", &large, &small, Goal::AtMost(5.0));
}

fn strategies() {
    let all = [
        ("random", Strategy::Random),
        ("round robin", Strategy::RoundRobin),
        ("least recently used", Strategy::LeastRecentlyUsed),
        ("until failure", Strategy::UntilFailure),
    ];
    for size in [1_000, 100_000] {
        let directories = all.map(|_| temporary());
        let mut pools = all
            .iter()
            .zip(&directories)
            .map(|((_, strategy), at)| full_pool(at.path(), size, |b| b.strategy(*strategy)));
        let pools: [SessionPool; 4] = std::array::from_fn(|_| pools.next().expect("there are four"));
        let times = in_turn(ROUNDS, pools.each_ref().map(|pool| -> Case<'_> { Box::new(|| uses(pool)) }));
        for ((name, _), of_it) in all.iter().zip(&times).skip(1) {
            print_ratio(
                &format!("uses: {name} : random, {size} sessions"),
                of_it,
                &times[0],
                Goal::AtMost(1.5),
            );
        }
    }
}

/// How long a use takes of all those that two threads do at once, each of one pool.
fn by_two(pools: [&SessionPool; 2]) -> Duration {
    let began = Instant::now();
    thread::scope(|scope| {
        for pool in pools {
            let pool = pool.clone();
            scope.spawn(move || uses(&pool));
        }
    });
    began.elapsed() / (2 * USES)
}

fn threads() {
    let directories = [temporary(), temporary()];
    let [pool, other] = directories.each_ref().map(|at| full_pool(at.path(), 1_000, |b| b));
    let [one, same, two] = in_turn(
        ROUNDS,
        [Box::new(|| uses(&pool)), Box::new(|| by_two([&pool, &pool])), Box::new(|| by_two([&pool, &other]))],
    );
    print_ratio("uses a second: 2 threads on one pool : 1 thread", &one, &same, Goal::AtLeast(1.2));
    print_ratio("uses a second: 2 threads on a pool each : 1 thread", &one, &two, Goal::AtLeast(1.8));
}

/// Where nearly all sessions are resting, or in use.
fn crowd() {
    const SESSIONS: usize = 100_000;
    let directories = [temporary(), temporary(), temporary()];
    let alone = full_pool(directories[0].path(), SESSIONS / 100, |b| b);
    let resting = full_pool(directories[1].path(), SESSIONS, |b| b);
    for _ in 0..SESSIONS / 100 * 99 {
        let lease = resting.acquire().expect("one is available");
        let _ = lease.rest_for(Duration::from_secs(100_000)).expect("it is open");
    }
    let one_at_a_time = SessionOptions { max_concurrent_uses: Some(1), ..options() };
    let leased = builder(SESSIONS).session_options(one_at_a_time).open(directories[2].path());
    let leased = leased.expect("the temporary directory can be written");
    fill(&leased, SESSIONS);
    let in_use: Vec<_> =
        (0..SESSIONS / 100 * 99).map(|_| leased.acquire().expect("one is available")).collect();
    let [none, of_resting, of_leased] =
        in_turn(ROUNDS, [&alone, &resting, &leased].map(|pool| -> Case<'_> { Box::new(|| uses(pool)) }));
    print_ratio("uses: 99 % of 100,000 rest : the 1,000 others alone", &of_resting, &none, Goal::AtMost(1.2));
    print_ratio(
        "uses: 99 % of 100,000 in use : the 1,000 others alone",
        &of_leased,
        &none,
        Goal::AtMost(1.2),
    );
    for lease in in_use {
        let _ = lease.release().expect("it is open");
    }
}
