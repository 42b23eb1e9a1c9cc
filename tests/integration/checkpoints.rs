//! Checkpoints: archives that a store writes by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use session_pool::archive::{ArchiveOptions, ArchiveReader};
use session_pool::{CheckpointStatus, Checkpoints, Error, Growth, SessionPool, SessionStore};

use crate::support::{Place, SECOND, named};

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| !file.ends_with("LOCK"));
    files.sort();
    files
}

fn sessions(archive: &Path) -> u64 {
    let mut reader = ArchiveReader::open(archive, &ArchiveOptions::new()).unwrap();
    reader.by_ref().for_each(|item| drop(item.unwrap()));
    reader.summary().unwrap().sessions
}

fn wait_for(store: &SessionStore, what: impl Fn(&CheckpointStatus) -> bool) -> CheckpointStatus {
    let begun = Instant::now();
    loop {
        let status = store.checkpoint_status().unwrap();
        if what(&status) {
            return status;
        }
        assert!(begun.elapsed() < 60 * SECOND, "{status:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn every_second(keep: usize) -> Checkpoints {
    Checkpoints { every: SECOND, keep, ..Checkpoints::default() }
}

#[test]
fn a_store_that_changes_writes_checkpoints_by_itself_and_keeps_the_newest() {
    let place = Place::disk();
    let store = SessionStore::builder().checkpoints(Some(every_second(2))).open(place.path()).unwrap();
    let pool = SessionPool::builder().growth(Growth::Manual).open_in(&store).unwrap();
    for n in 0..4 {
        pool.add(named(&format!("s{n}"))).unwrap();
        pool.flush().unwrap();
        let written = store.checkpoint_status().unwrap().written;
        wait_for(&store, |status| status.written > written);
    }
    let kept = files(&place.path().join("checkpoints"));
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!(store.checkpoint_status().unwrap().last.as_ref(), kept.last());
    assert!(sessions(&kept[1]) >= 3 && sessions(&kept[0]) < 4);
    // Nothing changes any more.
    let written = wait_for(&store, |status| sessions(status.last.as_ref().unwrap()) == 4).written;
    std::thread::sleep(2500 * SECOND / 1000);
    assert_eq!(store.checkpoint_status().unwrap().written, written);
}

#[test]
fn the_next_run_goes_on_numbering_and_tidies_up_what_was_cut_off() {
    let place = Place::disk();
    let directory = place.path().join("checkpoints");
    for run in 1..=3 {
        let store = place.open_store();
        let pool = SessionPool::builder().growth(Growth::Manual).open_in(&store).unwrap();
        pool.add(named(&format!("s{run}"))).unwrap();
        let path = store.checkpoint().unwrap().unwrap();
        assert!(path.file_name().unwrap().to_str().unwrap().starts_with(&format!("00000{run}-")));
        assert_eq!(sessions(&path), run);
        drop((pool, store));
        fs::write(directory.join(format!("00000{}-20260101T000000Z.archive.unfinished", run + 1)), b"half")
            .unwrap();
        fs::write(directory.join("notes.txt"), b"mine").unwrap();
    }
    place.open_store().checkpoint().unwrap();
    let names: Vec<_> = files(&directory)
        .into_iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), 4, "three are kept, and what is none of ours: {names:?}");
    assert!(names.iter().all(|name| !name.ends_with("unfinished")));
    assert!(names.contains(&"notes.txt".to_owned()));
}

#[test]
fn checkpoints_can_be_switched_off_and_lie_elsewhere() {
    let place = Place::disk();
    let pool = SessionPool::builder().checkpoints(None).open(place.path()).unwrap();
    assert_eq!(pool.session_store().checkpoint().unwrap(), None);
    assert_eq!(pool.session_store().checkpoint_status(), None);
    drop(pool);
    assert!(!place.path().join("checkpoints").exists());

    let elsewhere = tempfile::tempdir().unwrap();
    let directory = Some(elsewhere.path().join("deep/er"));
    let checkpoints = Checkpoints { directory: directory.clone(), ..Checkpoints::default() };
    let pool = SessionPool::builder().checkpoints(Some(checkpoints)).open(place.path()).unwrap();
    let path = pool.session_store().checkpoint().unwrap().unwrap();
    assert_eq!(path.parent(), directory.as_deref());
}

#[test]
fn a_checkpoint_that_fails_is_told_and_fails_alone() {
    let place = Place::disk();
    let file = place.path().with_file_name("a-file");
    fs::write(&file, b"").unwrap();
    let checkpoints = Checkpoints { directory: Some(file.join("x")), every: SECOND, keep: 1 };
    let pool = SessionPool::builder().checkpoints(Some(checkpoints)).open(place.path()).unwrap();
    pool.acquire().unwrap().reclaim().unwrap();
    let error = pool.session_store().checkpoint().unwrap_err();
    assert!(matches!(error, Error::Archive(_)), "{error}");
    let status = wait_for(pool.session_store(), |status| status.failed > 1);
    assert!(status.last_error.unwrap().contains("cannot create the directory"));
    pool.acquire().unwrap().reclaim().unwrap();
    pool.flush().unwrap();
}

#[test]
fn options_that_break_their_rules_are_named() {
    let place = Place::disk();
    let open = |checkpoints: Checkpoints| {
        let error = SessionPool::builder().checkpoints(Some(checkpoints)).open(place.path()).unwrap_err();
        let Error::Invalid(invalid) = error else { panic!("{error}") };
        invalid.field
    };
    assert_eq!(open(Checkpoints { every: SECOND / 2, ..Checkpoints::default() }), "checkpoints.every");
    assert_eq!(open(Checkpoints { keep: 0, ..Checkpoints::default() }), "checkpoints.keep");
    assert!(!place.path().exists(), "nothing was made");
    let store = place.open_store();
    let error = SessionPool::builder().checkpoints(None).open_in(&store).unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "the store is open already: {error}");
}

/// A checkpoint of a large store takes its time, and a pool that is closed meanwhile does not wait for it.
#[test]
fn closing_gives_up_the_checkpoint_being_written() {
    let place = Place::disk();
    let store = SessionStore::builder().checkpoints(Some(every_second(2))).open(place.path()).unwrap();
    let pool = SessionPool::builder().max_pool_size(20_000).open_in(&store).unwrap();
    let text = "x".repeat(3000);
    for _ in 0..8000 {
        pool.acquire().unwrap().set_user_data("text", &text).unwrap();
    }
    pool.flush().unwrap();
    let directory = place.path().join("checkpoints");
    let begun = Instant::now();
    while !files(&directory).iter().any(|file| file.extension().is_some_and(|end| end == "unfinished")) {
        assert!(begun.elapsed() < 60 * SECOND);
        std::thread::sleep(Duration::from_millis(5));
    }
    let written = store.checkpoint_status().unwrap().written;
    drop((pool, store));
    assert!(!files(&directory).iter().any(|file| file.extension().is_some_and(|end| end == "unfinished")));
    assert!(files(&directory).len() as u64 <= written + 1);
}

#[test]
fn a_directory_of_checkpoints_is_of_one_store_and_files_of_others_stay() {
    let (a, b, shared) = (Place::disk(), Place::disk(), tempfile::tempdir().unwrap());
    for name in ["2026-01-01.archive", "0-before-upgrade.archive", "1-notes.archive"] {
        fs::write(shared.path().join(name), b"mine").unwrap();
    }
    let open = |place: &Place| {
        let directory = Some(shared.path().to_owned());
        let checkpoints = Checkpoints { directory, keep: 1, ..Checkpoints::default() };
        SessionStore::builder().checkpoints(Some(checkpoints)).open(place.path()).unwrap()
    };
    let (of_a, of_b) = (open(&a), open(&b));
    for _ in 0..3 {
        of_a.checkpoint().unwrap();
    }
    let error = of_b.checkpoint().unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("another store"), "{error}: {cause}");
    assert!(of_b.checkpoint_status().unwrap().last_error.unwrap().contains("another store"));
    // Three of somebody else's, and the newest of ours.
    assert_eq!(files(shared.path()).len(), 4, "{:?}", files(shared.path()));
}
