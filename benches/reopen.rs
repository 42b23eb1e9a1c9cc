//! Opening a store with its sessions, and the engine alone for comparison.

use criterion::{BatchSize, BenchmarkId, Criterion};

use crate::support::{SIZES, builder, full_pool};

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reopen");
    group.sample_size(10);
    for sessions in SIZES {
        let directory = tempfile::tempdir().expect("a temporary directory");
        drop(full_pool(directory.path(), sessions, |b| b));
        group.bench_function(BenchmarkId::new("pool", sessions), |b| {
            b.iter_batched(
                || (),
                |()| {
                    let pool = builder(sessions).open(directory.path()).expect("the store is sound");
                    assert_eq!(pool.stats().live, sessions);
                    pool
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_function(BenchmarkId::new("sled: open + scan of the sessions", sessions), |b| {
            b.iter_batched(
                || (),
                |()| {
                    let path = directory.path().join("engine");
                    // An engine that was just dropped lets go of its files a little later.
                    let database = loop {
                        if let Ok(database) = sled::Config::new().path(&path).flush_every_ms(None).open() {
                            break database;
                        }
                    };
                    let tree = database.open_tree("sessions").expect("it is there");
                    assert_eq!(tree.iter().map_while(Result::ok).count(), sessions);
                    database
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}
