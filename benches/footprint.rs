//! How much memory and disk a store takes.

use std::path::Path;
use std::process::Command;

use crate::support::{Goal, MILLION, builder, fill, full_pool, print_figure, resident, temporary, use_once};

/// Says that this process is to be looked at, not the one that measures.
const CHILD: &str = "SESSION_POOL_BENCH_STORE";

/// Answers whether this process was one that is looked at, and is done.
pub(crate) fn is_child() -> bool {
    let Some(path) = std::env::var_os(CHILD) else { return false };
    let before = resident();
    let pool = builder(MILLION).open(Path::new(&path)).expect("the store is sound");
    assert_eq!(pool.stats().live, MILLION);
    let opened = resident() - before;
    for _ in 0..2 * MILLION {
        use_once(&pool);
    }
    pool.flush().expect("it is open");
    println!("{opened} {}", resident() - before);
    true
}

pub(crate) fn benchmark() {
    memory();
    disk();
}

/// The memory of a process of its own, right after opening and when each session was used twice.
fn memory() {
    // Without the retired ones of the large store, of which the engine knows something, too.
    let directory = temporary();
    drop(full_pool(directory.path(), MILLION, |b| b));
    let child = std::env::current_exe().expect("it runs");
    let output = Command::new(child).env(CHILD, directory.path()).output().expect("it can be run");
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<f64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    let [opened, used] = figures[..] else { panic!("{output:?}") };
    let each = |bytes: f64| bytes / MILLION as f64;
    print_figure("memory: a live session of 1,000,000, opened", each(opened), " B", Goal::AtMost(350.0), "");
    print_figure("memory: the same, each used twice since", each(used), " B", Goal::AtMost(350.0), "");
}

fn disk() {
    const SESSIONS: usize = 100_000;
    const OUTCOMES: usize = 20_000_000;
    let directory = temporary();
    let pool = builder(SESSIONS).open(directory.path()).expect("the temporary directory can be written");
    fill(&pool, SESSIONS);
    pool.flush().expect("it is open");
    let created = size_of(directory.path());
    let mut sizes = Vec::new();
    for _ in 0..10 {
        for _ in 0..OUTCOMES / 10 {
            use_once(&pool);
        }
        pool.flush().expect("it is open");
        sizes.push(size_of(directory.path()));
    }
    let note = format!(
        "of {} MB; by tenths: {:?}",
        created >> 20,
        sizes.iter().map(|size| size >> 20).collect::<Vec<_>>()
    );
    let last = sizes.last().copied().unwrap_or_default();
    print_figure(
        "disk: after 20,000,000 outcomes : after creation",
        last as f64 / created as f64,
        "",
        Goal::AtMost(3.0),
        &note,
    );
}

fn size_of(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).expect("it can be read");
    entries
        .map(|entry| {
            let entry = entry.expect("it can be read");
            // What is deleted meanwhile has no size.
            match entry.metadata() {
                Ok(data) if data.is_dir() => size_of(&entry.path()),
                data => data.map_or(0, |data| data.len()),
            }
        })
        .sum()
}
