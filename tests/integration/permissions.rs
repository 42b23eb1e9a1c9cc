//! Who may read what a pool keeps: its owner, and nobody else.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use session_pool::{Checkpoints, SessionOptions, SessionPool, SessionStore};

use crate::support::{Place, SECOND, engine, id, named};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Everything in a directory, and the directory itself.
fn all_in(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_owned()];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        if path.is_dir() {
            found.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
        next += 1;
    }
    found
}

/// Answers the names of the files.
fn assert_private(path: &Path, when: &str) -> Vec<String> {
    for path in all_in(path) {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{when}: {} is {:o}", path.display(), mode(&path));
    }
    let names = all_in(path).into_iter().skip(1);
    names.map(|name| name.strip_prefix(path).unwrap().display().to_string()).collect()
}

/// Makes everything readable for everybody.
fn open_up(path: &Path) {
    for path in all_in(path) {
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
}

fn work(store: &SessionStore) {
    let pool = SessionPool::builder().open_in(store).unwrap();
    for _ in 0..40 {
        let session = pool.add(SessionOptions::default()).unwrap();
        session.set_user_data("k", "x".repeat(fastrand::usize(..20_000))).unwrap();
        let _ = session.retire().unwrap();
    }
    pool.close().unwrap();
}

#[test]
fn a_store_is_its_owners_alone_from_its_first_moment_on() {
    let place = Place::disk();
    let path = place.path();
    let open = || {
        let store = SessionStore::builder().checkpoints(Some(Checkpoints::default())).open(&path).unwrap();
        assert!(store.open_report().made_private.is_empty(), "it was private");
        assert!(store.open_report().not_private.is_empty());
        store
    };
    for round in 0..3 {
        let store = open();
        assert_private(&path, "opened");
        work(&store);
        assert_private(&path, "worked");
        store.checkpoint().unwrap();
        let backup = path.parent().unwrap().join(format!("backup-{round}"));
        store.backup_to(&backup).unwrap();
        assert_eq!(mode(&backup), 0o600, "a backup");
        let names = assert_private(&path, "after a checkpoint");
        assert!(names.iter().any(|name| name.starts_with("checkpoints/")), "{names:?}");
        drop(store);
        let names = assert_private(&path, "closed");
        for name in ["STORE", "LOCK", "SEAL", "engine/db", "engine/conf"] {
            assert!(names.iter().any(|found| found == name), "{name} is not among {names:?}");
        }
    }
    // What is damaged is set aside; the damage may have changed its mode too.
    let conf = path.join("engine/conf");
    fs::write(&conf, "something else").unwrap();
    fs::set_permissions(&conf, Permissions::from_mode(0o666)).unwrap();
    let store = open();
    let names = assert_private(&path, "healed");
    assert!(names.iter().any(|name| name.starts_with("set-aside/conf")), "{names:?}");
    drop(store);
    assert_private(&path, "healed and closed");
}

#[test]
fn a_store_that_others_could_read_is_tightened_when_it_is_opened() {
    let place = Place::disk();
    let path = place.path();
    let store = place.open_store();
    work(&store);
    store.checkpoint().unwrap();
    drop(store);
    open_up(&path);
    let store = place.open_store();
    assert_eq!(store.open_report().made_private.as_slice(), std::slice::from_ref(&path));
    assert!(store.open_report().not_private.is_empty());
    assert_private(&path, "opened");
    drop(store);
    assert_private(&path, "closed");
    assert!(place.open_store().open_report().made_private.is_empty(), "told once");
}

#[test]
fn what_the_engine_makes_while_it_runs_is_tightened_when_it_ends() {
    let place = Place::disk();
    let path = place.path();
    drop(place.open_store());
    // The engine by itself makes files as the process is told to; a store that was copied has what modes it has.
    let db = engine(&place);
    db.insert("large", vec![7; 300_000]).unwrap();
    db.flush().unwrap();
    drop(db);
    open_up(&path.join("engine"));
    let store = place.open_store();
    assert!(store.open_report().made_private.is_empty(), "nobody could enter the directory");
    assert_private(&path, "opened");
    open_up(&path.join("engine"));
    drop(store);
    assert_private(&path, "closed");
}

#[test]
fn a_directory_that_was_there_is_made_private_and_those_above_it_are_left() {
    let place = Place::disk();
    let path = place.path();
    let above = path.parent().unwrap();
    fs::create_dir(&path).unwrap();
    for directory in [above, &path] {
        fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
    }
    let pool = SessionPool::open(&path).unwrap();
    assert_eq!(pool.session_store().open_report().made_private.as_slice(), std::slice::from_ref(&path));
    pool.add(named("a")).unwrap();
    assert!(pool.get(&id("a")).is_ok() && pool.acquire_timeout(SECOND).is_ok());
    assert_private(&path, "opened");
    assert_eq!(mode(above), 0o755);
}
