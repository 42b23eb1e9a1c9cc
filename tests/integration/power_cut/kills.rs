//! Kills: before each write that a process makes it may be the end of it. Whoever reads the store then, and whoever opens
//! it, finds the same, and everything that was in it before.

use std::collections::BTreeSet;
use std::path::Path;

use session_pool::{
    Growth, ReadOptions, Retention, SessionOptions, SessionPool, SledReader, SledStoreOptions,
};

use super::disk::{Disk, Forgets, Tree, read_tree, write_tree};
use super::recording::{record_child, scratch};
use super::trace::Operation;
use crate::support::{assert_sound, content};

const DIRECTORY: &str = "SESSION_POOL_TEST_KILLED_IN";

/// A closed store whose log has segments that were freed, between changes of pages that are in use: large payloads came and
/// went, and now and then somebody was retired.
fn a_purged_store() -> Tree {
    let directory = scratch();
    let nothing = Retention { max_count: 0, ..Retention::DEFAULT_SESSIONS };
    let open = || {
        let builder = SessionPool::builder().max_pool_size(2000).growth(Growth::Manual).checkpoints(None);
        builder.retired_retention(nothing).open(directory.path().join("sessions")).unwrap()
    };
    let pool = open();
    add(&pool, "old", 600);
    for _ in 0..20 {
        for session in pool.iter().filter(|_| fastrand::u8(..4) == 0) {
            session.set_user_data("token", "y".repeat(6000)).unwrap();
        }
        for session in pool.iter().filter(|_| fastrand::u8(..50) == 0) {
            let _ = session.retire().unwrap();
        }
        pool.flush().unwrap();
    }
    pool.forget().unwrap();
    drop(pool);
    // Starting again, the engine fills free segments with zeros.
    drop(open());
    read_tree(directory.path())
}

fn add(pool: &SessionPool, prefix: &str, count: usize) {
    for n in 0..count {
        let options =
            SessionOptions { id: Some(format!("{prefix}{n}").parse().unwrap()), ..pool.session_options() };
        pool.add(options.user_data("token", "x".repeat(6000))).unwrap();
    }
}

#[test]
fn child() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        let builder = SessionPool::builder().max_pool_size(2000).growth(Growth::Manual);
        let pool = builder.checkpoints(None).open(Path::new(&directory).join("sessions")).unwrap();
        add(&pool, "new", 400);
        pool.flush().unwrap();
    }
}

#[test]
fn i3_a_store_killed_before_any_write_reads_as_it_opens_and_lacks_nothing() {
    let before = a_purged_store();
    let recording = record_child(before, "power_cut::kills::child", &[], DIRECTORY);
    let mut disk = Disk::new(&recording.before, Forgets::Nothing);
    let (mut old, mut looked_at) = (BTreeSet::new(), 0);
    for operation in recording.operations() {
        let is_write = matches!(operation, Operation::Write(path, _, _) if path.ends_with("engine/db"));
        if is_write || looked_at == 0 {
            let place = scratch();
            write_tree(&disk.current(), place.path());
            let path = place.path().join("sessions");
            let read = match SledReader::open(&path, &ReadOptions::new()) {
                Ok(store) => content(&store),
                Err(error) => panic!("before write {looked_at}: {error}"),
            };
            let store = SledStoreOptions::new().create(false).open(&path).unwrap();
            assert_sound(&store);
            assert!(read == content(&store), "before write {looked_at}: reading and opening differ");
            let sessions: BTreeSet<String> = read.into_iter().filter(|item| item.contains("old")).collect();
            if looked_at == 0 {
                old = sessions;
            } else {
                assert!(sessions == old, "before write {looked_at}: {} of {}", sessions.len(), old.len());
            }
            looked_at += 1;
        }
        disk.apply(operation);
    }
    assert!(!old.is_empty() && looked_at > 20, "{} sessions, {looked_at} writes", old.len());
}
