//! Acquire and reclaim in buffered mode, while the committer writes it all.

use std::thread;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion};
use session_pool::{SessionPool, Strategy};

use crate::support::{SIZES, full_pool};

fn use_once(pool: &SessionPool) {
    let _ = pool.acquire().expect("all are available").reclaim().expect("it is open");
}

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("uses");
    group.sample_size(20);
    for sessions in SIZES {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let pool = full_pool(directory.path(), sessions, |b| b);
        group.bench_function(BenchmarkId::new("acquire + reclaim", sessions), |b| b.iter(|| use_once(&pool)));
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let strategies = [
        ("round robin", Strategy::RoundRobin),
        ("least recently used", Strategy::LeastRecentlyUsed),
        ("until failure", Strategy::UntilFailure),
    ];
    for (name, strategy) in strategies {
        let pool = full_pool(directory.path(), 1_000, |b| b.strategy(strategy));
        group.bench_function(BenchmarkId::new(name, 1_000), |b| b.iter(|| use_once(&pool)));
    }
    let pool = full_pool(directory.path(), 1_000, |b| b);
    group.bench_function(BenchmarkId::new("2 threads", 1_000), |b| {
        b.iter_custom(|uses| {
            let began = Instant::now();
            thread::scope(|scope| {
                for share in [uses / 2, uses - uses / 2] {
                    let pool = &pool;
                    scope.spawn(move || (0..share).for_each(|_| use_once(pool)));
                }
            });
            began.elapsed()
        });
    });
    group.finish();
}
