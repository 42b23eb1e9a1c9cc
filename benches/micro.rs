//! Single calls, by criterion, which compares them with the run before.

use criterion::{BenchmarkId, Criterion};
use session_pool::Strategy;

use crate::support::{LargeStore, MILLION, SIZES, full_pool, temporary, use_once};

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("micro");
    group.sample_size(20);
    for sessions in SIZES {
        let directory = temporary();
        let pool = if sessions == MILLION {
            LargeStore::builder().open(LargeStore::get().0).expect("the store is sound")
        } else {
            full_pool(directory.path(), sessions, |b| b)
        };
        group.bench_function(BenchmarkId::new("acquire + reclaim", sessions), |b| b.iter(|| use_once(&pool)));
        let id = *pool.acquire().expect("one is available").id();
        group.bench_function(BenchmarkId::new("acquire by id + reclaim", sessions), |b| {
            b.iter(|| pool.acquire_by_id(&id).expect("it is there").reclaim().map(drop).expect("it is open"));
        });
    }
    let strategies = [
        ("round robin", Strategy::RoundRobin),
        ("least recently used", Strategy::LeastRecentlyUsed),
        ("until failure", Strategy::UntilFailure),
    ];
    for (name, strategy) in strategies {
        let directory = temporary();
        let pool = full_pool(directory.path(), 1_000, |b| b.strategy(strategy));
        group.bench_function(BenchmarkId::new(name, 1_000), |b| b.iter(|| use_once(&pool)));
    }
    group.finish();
}
