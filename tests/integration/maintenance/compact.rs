//! Rewriting a store.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use session_pool::maintenance::{CompactStep, MaintenanceError, OldStore, compact, compact_in_place};
use session_pool::{SessionPool, SledStoreOptions, StoreError};

use crate::support::{Place, content, engine, worked_store};

fn beside(place: &Place, name: &str) -> PathBuf {
    place.path().with_file_name(name)
}

fn holds(path: &Path) -> Vec<String> {
    let store = SledStoreOptions::new().create(false).open(path).unwrap();
    crate::support::assert_sound(&store);
    content(&store)
}

fn options() -> SledStoreOptions {
    SledStoreOptions::new()
}

/// The content of every file of a store, but for its lock.
fn files(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        for entry in fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                left.push(entry);
            } else if entry.file_name().unwrap() != "LOCK" {
                files.insert(entry.clone(), fs::read(entry).unwrap());
            }
        }
    }
    files
}

#[test]
fn a_compacted_store_holds_all_that_the_old_one_held_and_is_smaller() {
    let place = Place::disk();
    worked_store(&place, 1);
    let (before, into) = (holds(&place.path()), beside(&place, "new"));
    let untouched = files(&place.path());
    let mut steps = Vec::new();
    let report = compact(place.path(), &into, options(), &mut |progress| steps.push(progress.step)).unwrap();
    assert!(files(&place.path()) == untouched, "the old one is only read");
    steps.dedup();
    assert_eq!(steps, [CompactStep::Check, CompactStep::Copy, CompactStep::Verify]);
    assert_eq!((holds(&place.path()), holds(&into)), (before.clone(), before.clone()));
    assert!(report.bytes_after < report.bytes_before, "{report:?}");
    assert_eq!((report.pools, report.compacted.as_deref()), (2, Some(into.as_path())));
    assert_eq!(report.live + report.retired + report.log_entries + 2, before.len() as u64);
    // A crawler goes on in it.
    let pool = SessionPool::builder().name("a").open(&into).unwrap();
    let _ = pool.acquire().unwrap().retire().unwrap();
    drop(pool);
    holds(&into);
}

#[cfg(unix)]
#[test]
fn a_compacted_store_takes_the_place_of_the_old_one_which_is_kept() {
    let place = Place::disk();
    worked_store(&place, 2);
    let checkpoint = place.open_store().checkpoint().unwrap().unwrap();
    let before = holds(&place.path());
    // By a link, as it may be in a crawler's configuration.
    let link = beside(&place, "link");
    std::os::unix::fs::symlink(place.path(), &link).unwrap();
    let report = compact_in_place(&link, options(), OldStore::Keep, &mut |_| {}).unwrap();
    let kept = beside(&place, "sessions.before-compact");
    assert_eq!(report.old.as_ref().map(|old| old.file_name()), Some(kept.file_name()));

    assert!(report.bytes_after < report.bytes_before && report.compacted.is_some(), "{report:?}");
    assert_eq!((holds(&place.path()), holds(&kept)), (before.clone(), before.clone()));
    assert!(checkpoint.is_file(), "its checkpoints are carried over");
    assert!(kept.join("checkpoints").join(checkpoint.file_name().unwrap()).is_file());
    assert!(!place.path().join("COMPACTED").exists() && !kept.join("COMPACTED").exists());
    assert!(!beside(&place, "sessions.compacting").exists());

    // The old one is in the way of the next time.
    let error = compact_in_place(&link, options(), OldStore::Keep, &mut |_| {}).unwrap_err();
    assert!(
        matches!(&error, MaintenanceError::Place { path, .. } if path.ends_with(kept.file_name().unwrap()))
    );
    assert!(holds(&kept) == before, "it is not touched");
    fs::remove_dir_all(&kept).unwrap();
    // What has just been rewritten gets no smaller, by much less than a segment in so small a store, and is left alone.
    let again = || compact_in_place(&link, options(), OldStore::Delete, &mut |_| {}).unwrap();
    assert!((0..5).any(|_| again().compacted.is_none()));
    let untouched = files(&place.path());
    let report = compact_in_place(&link, options(), OldStore::Keep, &mut |_| {}).unwrap();
    assert_eq!((report.compacted, kept.exists()), (None, false));
    assert!(files(&place.path()) == untouched);
    assert_eq!(holds(&place.path()), before);
}

#[test]
fn the_old_one_is_deleted_where_that_is_asked_for() {
    let place = Place::disk();
    worked_store(&place, 3);
    let before = holds(&place.path());
    let report = compact_in_place(place.path(), options(), OldStore::Delete, &mut |_| {}).unwrap();
    assert_eq!(report.old, None);
    assert_eq!(holds(&place.path()), before);
    let left: Vec<_> = fs::read_dir(place.path().parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn what_cannot_be_compacted_is_left_alone_and_nothing_is_made() {
    let place = Place::disk();
    worked_store(&place, 4);
    let compact_it = |into: &Path| compact(place.path(), into, options(), &mut |_| {});
    let into = beside(&place, "new");
    // Into itself, into something, of something else, of one that is open.
    let inside = place.path().join("new");
    assert!(matches!(compact_it(&inside), Err(MaintenanceError::Place { .. })));
    fs::create_dir(beside(&place, "full")).unwrap();
    fs::write(beside(&place, "full").join("file"), b"").unwrap();
    let error = compact_it(&beside(&place, "full")).unwrap_err();
    assert!(matches!(error, MaintenanceError::Store(StoreError::AlreadyExists { .. })), "{error}");
    let missing = beside(&place, "missing");
    let error = compact(&missing, &into, options(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, MaintenanceError::Store(StoreError::NotFound { .. })), "{error}");
    let error = compact_in_place(&missing, options(), OldStore::Keep, &mut |_| {}).unwrap_err();
    assert!(matches!(error, MaintenanceError::Store(StoreError::NotFound { .. })), "{error}");
    let store = place.open_store();
    let error = compact_it(&into).unwrap_err();
    assert!(matches!(error, MaintenanceError::Store(StoreError::InUse { .. })), "{error}");
    drop(store);

    // One that is not sound: a copy might lack something.
    let key = {
        let engine = engine(&place);
        let sessions = engine.open_tree("sessions").unwrap();
        let key = sessions.first().unwrap().unwrap().0;
        sessions.insert(&key, b"nonsense").unwrap();
        engine.flush().unwrap();
        key
    };
    let before = files(&place.path());
    for error in [
        compact_it(&into).unwrap_err(),
        compact_in_place(place.path(), options(), OldStore::Delete, &mut |_| {}).unwrap_err(),
    ] {
        assert!(matches!(error, MaintenanceError::Unsound { findings: 1, .. }), "{key:?}: {error}");
    }
    assert!(files(&place.path()) == before, "it is not touched");
    assert!(!into.exists() && !beside(&place, "sessions.compacting").exists());
}

#[test]
fn what_a_killed_compaction_left_is_removed_by_the_next_one_and_nothing_else_is() {
    let place = Place::disk();
    worked_store(&place, 5);
    let before = holds(&place.path());
    let (new, old) = (beside(&place, "sessions.compacting"), beside(&place, "sessions.before-compact"));
    let in_place = || compact_in_place(place.path(), options(), OldStore::Delete, &mut |_| {});
    // Somebody's own, of those names.
    for path in [&new, &old] {
        fs::create_dir(path).unwrap();
        fs::write(path.join("diary"), b"dear diary").unwrap();
        assert!(matches!(in_place(), Err(MaintenanceError::Place { .. })));
        assert!(path.join("diary").exists());
        fs::remove_dir_all(path).unwrap();
    }
    // A new one that is half made, in either place, or one that was being deleted.
    for path in [&new, &old] {
        fs::create_dir_all(path.join("engine")).unwrap();
        fs::write(path.join("engine/db"), b"half").unwrap();
        fs::write(path.join("COMPACTED"), b"").unwrap();
    }
    fs::write(place.path().join("COMPACTED"), b"").unwrap();
    in_place().unwrap();
    assert!(!new.exists() && !old.exists() && !place.path().join("COMPACTED").exists());
    assert_eq!(holds(&place.path()), before);
}

#[test]
fn a_compaction_that_was_ended_between_two_renames_is_finished_by_the_next_one() {
    let place = Place::disk();
    worked_store(&place, 6);
    let before = holds(&place.path());
    let (new, old) = (beside(&place, "sessions.compacting"), beside(&place, "sessions.before-compact"));
    compact(place.path(), &new, options(), &mut |_| {}).unwrap();
    fs::write(new.join("COMPACTED"), b"").unwrap();
    fs::rename(place.path(), &old).unwrap();
    let report = compact_in_place(place.path(), options(), OldStore::Keep, &mut |_| {}).unwrap();
    assert_eq!(report.old.unwrap().file_name(), old.file_name());
    assert!(report.bytes_after < report.bytes_before);
    assert_eq!((holds(&place.path()), holds(&old), new.exists()), (before.clone(), before, false));
    assert!(!place.path().join("COMPACTED").exists());
}

#[cfg(feature = "encryption")]
#[test]
fn an_encrypted_store_stays_encrypted_under_its_key() {
    let key: session_pool::EncryptionKey = "ab".repeat(32).parse().unwrap();
    let place = Place::disk();
    let options = || SledStoreOptions::new().encryption_key(&key);
    {
        let store = session_pool::SessionStore::builder().options(options()).open(place.path()).unwrap();
        let pool = SessionPool::builder().open_in(&store).unwrap();
        for _ in 0..300 {
            let lease = pool.acquire().unwrap();
            lease.set_user_data("token", "topsecret").unwrap();
            let _ = lease.fail().unwrap();
            pool.flush().unwrap();
        }
    }
    let error =
        compact_in_place(place.path(), SledStoreOptions::new(), OldStore::Keep, &mut |_| {}).unwrap_err();
    assert!(matches!(error, MaintenanceError::Store(StoreError::KeyNeeded { .. })), "{error}");
    let held = || {
        let store = options().open(place.path()).unwrap();
        crate::support::assert_sound(&store);
        content(&store)
    };
    let before = held();
    let report = compact_in_place(place.path(), options(), OldStore::Delete, &mut |_| {}).unwrap();
    assert!(report.compacted.is_some(), "{report:?}");
    assert_eq!(held(), before);
    let database = fs::read(place.path().join("engine/db")).unwrap();
    assert!(!database.windows(9).any(|bytes| bytes == b"topsecret"));
}

#[cfg(unix)]
#[test]
fn a_store_that_somebody_else_compacts_stays_its_owners() {
    use std::os::unix::fs::{MetadataExt, lchown};
    const OWNER: u32 = 54_321;
    fn owners(path: &Path, give: bool) -> Vec<u32> {
        let mut owners = Vec::new();
        let mut left = vec![path.to_owned()];
        while let Some(path) = left.pop() {
            if give && lchown(&path, Some(OWNER), Some(OWNER)).is_err() {
                return Vec::new();
            }
            owners.push(path.metadata().unwrap().uid());
            if path.is_dir() {
                left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
        owners.sort_unstable();
        owners.dedup();
        owners
    }
    let place = Place::disk();
    worked_store(&place, 7);
    place.open_store().checkpoint().unwrap();
    if owners(&place.path(), true).is_empty() {
        // Only root may give files away.
        return;
    }
    let report = compact_in_place(place.path(), options(), OldStore::Keep, &mut |_| {}).unwrap();
    assert!(report.compacted.is_some() && place.path().join("checkpoints").exists());
    assert_eq!(owners(&place.path(), false), [OWNER]);
}
