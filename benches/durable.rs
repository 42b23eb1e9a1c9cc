//! Acquire and reclaim in immediate mode, each durable before it returns.

use std::fs::OpenOptions;
use std::thread;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion};
use session_pool::Durability;

use crate::support::full_pool;

pub(crate) fn benchmark(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("durable");
    group.sample_size(10);

    let directory = tempfile::tempdir().expect("a temporary directory");
    let database =
        sled::Config::new().path(directory.path()).flush_every_ms(None).open().expect("a new database");
    let file = OpenOptions::new().write(true).open(directory.path().join("db")).expect("its file");
    let mut key = 0_u64;
    group.bench_function("sled: insert + flush + fdatasync", |b| {
        b.iter(|| {
            key = (key + 1) % 1000;
            database.insert(key.to_be_bytes(), vec![7; 60]).expect("it can be written");
            database.flush().expect("it can be flushed");
            file.sync_data().expect("it can be synced");
        });
    });

    let directory = tempfile::tempdir().expect("a temporary directory");
    let pool = full_pool(directory.path(), 1_000, |b| b.durability(Durability::Immediate));
    for callers in [1_u64, 64] {
        // A single use of one caller; with many, the time of all of them divided by all their uses.
        group.bench_function(BenchmarkId::new("acquire + reclaim, callers", callers), |b| {
            b.iter_custom(|uses| {
                let each = uses.div_ceil(callers);
                let began = Instant::now();
                thread::scope(|scope| {
                    for _ in 0..callers {
                        scope.spawn(|| {
                            for _ in 0..each {
                                let _ =
                                    pool.acquire().expect("all are available").reclaim().expect("it is open");
                            }
                        });
                    }
                });
                began.elapsed().mul_f64(uses as f64 / (each * callers) as f64)
            });
        });
    }
    group.finish();
}
