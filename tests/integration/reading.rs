//! Reading without the engine: a store's directory and an archive answer what the store itself answers, and stay as they are.

use std::ops::ControlFlow;
use std::path::Path;

use session_pool::archive::{self, ArchiveError, ArchiveOptions, ArchiveView};
use session_pool::inspect::{self, Opened};
use session_pool::{
    Error, Growth, PoolNumber, ReadOptions, ReadStore, Sequence, SessionId, SessionPool, SledReader,
    SledStoreOptions, State, StoreError, Timestamp,
};

use crate::support::{
    Place, assert_sound, content, copy_directory, engine, files, id, named, with_checksum, worked_store,
};

/// Every answer there is, in the order in which it comes.
fn answers(store: &dyn ReadStore) -> Vec<String> {
    let mut answers = Vec::new();
    let pools = inspect::pools(store).unwrap();
    for pool in &pools {
        answers.push(format!("{pool:?}"));
        let number = pool.number;
        let mut ids = Vec::new();
        store
            .visit_sessions(number, None, &mut |item| {
                let (id, record) = item.unwrap();
                ids.push(id);
                answers.push(format!("{id} {record:?}"));
                ControlFlow::Continue(())
            })
            .unwrap();
        assert!(ids.is_sorted_by(|a, b| a < b));
        for id in &ids {
            assert!(store.contains(number, id).unwrap());
            answers.push(format!("{id} {:?}", store.record(number, id).unwrap().unwrap()));
            answers.push(format!("{id} {:?}", store.payload(number, id).unwrap()));
        }
        for after in ids.iter().step_by(7) {
            let mut behind = Vec::new();
            store
                .visit_sessions(number, Some(after), &mut |item| {
                    behind.push(item.unwrap().0);
                    if behind.len() < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                })
                .unwrap();
            let expected = ids.iter().filter(|id| *id > after).take(3).copied();
            assert_eq!(behind, expected.collect::<Vec<_>>());
        }
        for state in State::ALL {
            store
                .visit_by_state(number, state, &mut |item| {
                    answers.push(format!("{state:?} {item:?}"));
                    ControlFlow::Continue(())
                })
                .unwrap();
        }
        for after in [0, 1, 7, 40, u64::MAX] {
            store
                .visit_log(number, Sequence(after), &mut |item| {
                    answers.push(format!("{after} {item:?}"));
                    ControlFlow::Continue(())
                })
                .unwrap();
        }
        for missing in ["0", "missing", "zzzzzz"] {
            let missing: SessionId = id(missing);
            assert_eq!(store.record(number, &missing).unwrap(), None);
            assert_eq!(store.payload(number, &missing).unwrap(), None);
            assert!(!store.contains(number, &missing).unwrap());
        }
    }
    store
        .visit_state_index(&mut |item| {
            answers.push(format!("{item:?}"));
            ControlFlow::Continue(())
        })
        .unwrap();
    let middle = Timestamp::from_millis(1_772_370_000_000);
    for (after, until) in
        [(Timestamp::MIN, Timestamp::MAX), (middle, Timestamp::MAX), (Timestamp::MIN, middle)]
    {
        store
            .visit_expiring(after, until, &mut |item| {
                answers.push(format!("{item:?}"));
                ControlFlow::Continue(())
            })
            .unwrap();
    }
    assert_eq!(store.record(PoolNumber(77), &id("a")).unwrap(), None);
    answers
}

fn read(path: &Path) -> Result<SledReader, StoreError> {
    SledReader::open(path, &ReadOptions::new())
}

#[test]
fn a_reader_and_an_archive_answer_what_the_store_answers() {
    for seed in 0..3 {
        let place = Place::disk();
        worked_store(&place, seed);
        let archive = place.path().with_file_name("a.archive");
        let expected = place.look(answers);
        assert!(expected.len() > 500, "there is something to ask for");

        let before = files(&place.path());
        let store = read(&place.path()).unwrap();
        assert!(store.was_closed());
        assert_eq!(answers(&store), expected);
        assert_sound(&store);
        let summary = archive::write_to(&store, &archive, &ArchiveOptions::new()).unwrap();
        assert_eq!(summary.unreadable, 0);
        drop(store);
        assert_eq!(files(&place.path()), before, "reading changes nothing");

        let before = files(&archive);
        let view = ArchiveView::open(&archive, &ReadOptions::new()).unwrap();
        assert_eq!(answers(&view), expected);
        assert_sound(&view);
        assert_eq!((view.unreadable(), view.damage().len()), (0, 0));
        assert_eq!(files(&archive), before, "reading changes nothing");
    }
}

/// What a process leaves that is killed: files without a seal, all that it has written.
#[test]
fn a_store_whose_process_was_killed_is_read_as_it_would_be_opened() {
    for seed in 10..13 {
        let place = Place::disk();
        worked_store(&place, seed);
        let pool = place.open(|b| b.name("a").growth(Growth::Manual));
        let copy = place.path().with_file_name("killed");
        for turn in 0..40 {
            let _ = pool.add(named(&format!("later{turn}"))).unwrap().fail();
            if turn % 10 == 0 {
                pool.flush().unwrap();
            }
        }
        pool.flush().unwrap();
        copy_directory(&place.path(), &copy);
        let before = files(&copy);
        let store = read(&copy).unwrap();
        assert!(!store.was_closed());
        assert_sound(&store);
        let found = answers(&store);
        drop(store);
        assert_eq!(files(&copy), before, "reading changes nothing");
        let opened = SledStoreOptions::new().create(false).open(&copy).unwrap();
        assert_eq!(found, answers(&opened));
        assert!(content(&opened).iter().any(|item| item.contains("later39")));
    }
}

#[test]
fn many_readers_share_a_store_and_no_writer_gets_in_meanwhile() {
    let place = Place::disk();
    worked_store(&place, 3);
    let (one, other) = (read(&place.path()).unwrap(), read(&place.path()).unwrap());
    assert_eq!(content(&one), content(&other));
    let refused = SledStoreOptions::new().open(place.path()).unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    drop((one, other));
    let store = place.open_store();
    let refused = read(&place.path()).unwrap_err();
    let us = Some(std::process::id());
    assert!(matches!(refused, StoreError::InUse { holder, .. } if holder == us), "{refused}");
    drop(store);
    assert!(read(&place.path()).is_ok());
}

#[test]
fn a_reader_is_asked_by_many_threads_at_a_time() {
    let place = Place::disk();
    worked_store(&place, 4);
    let expected = place.look(answers);
    let store = read(&place.path()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(answers(&store), expected));
        }
    });
}

#[test]
fn what_cannot_be_read_is_refused_by_the_same_errors_as_opening_and_left_as_it_is() {
    let place = Place::disk();
    worked_store(&place, 5);
    let path = place.path();
    let refused = |what: &str, is_expected: fn(&StoreError) -> bool| {
        let before = files(path.parent().unwrap());
        let error = read(&path).unwrap_err();
        assert!(is_expected(&error), "{what}: {error}");
        assert_eq!(files(path.parent().unwrap()), before, "{what}");
    };
    let write = |file: &str, bytes: &[u8]| std::fs::write(path.join(file), bytes).unwrap();

    let marker = std::fs::read(path.join("STORE")).unwrap();
    write("STORE", with_checksum("session-pool store\nschema 2\n").as_bytes());
    refused("a newer version", |error| matches!(error, StoreError::NewerSchema { found: 2, .. }));
    write("STORE", with_checksum("session-pool store\nschema 1\nunfinished\n").as_bytes());
    refused("one that was never finished", |error| matches!(error, StoreError::NotFound { .. }));
    write("STORE", b"something else\n");
    refused("a mark that says nothing", |error| matches!(error, StoreError::Damaged { .. }));
    write("STORE", &marker);

    let mut database = std::fs::read(path.join("engine/db")).unwrap();
    database[1_000] ^= 4;
    write("engine/db", &database);
    refused(
        "damage",
        |error| matches!(error, StoreError::Damaged { detail, .. } if detail.contains("bytes 0 to")),
    );
    std::fs::remove_file(path.join("engine/db")).unwrap();
    refused(
        "no log",
        |error| matches!(error, StoreError::Damaged { detail, .. } if detail.contains("missing")),
    );
    database[1_000] ^= 4;
    write("engine/db", &database);
    assert!(read(&path).is_ok());

    std::fs::remove_file(path.join("STORE")).unwrap();
    refused(
        "no mark",
        |error| matches!(error, StoreError::Damaged { detail, .. } if detail.contains("STORE is missing")),
    );
    std::fs::remove_file(path.join("engine/db")).unwrap();
    refused("another directory", |error| matches!(error, StoreError::NotAStore { .. }));
    std::fs::remove_dir_all(&path).unwrap();
    refused("nothing", |error| matches!(error, StoreError::NotFound { .. }));
    std::fs::create_dir(&path).unwrap();
    refused("an empty directory", |error| matches!(error, StoreError::NotFound { .. }));
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, b"text").unwrap();
    refused("a file", |error| matches!(error, StoreError::NotADirectory { .. }));
}

/// A migration that was killed: the directory says the new version, the trees the old one.
#[test]
fn a_store_whose_migration_is_not_done_is_refused_since_only_opening_it_for_writing_goes_on() {
    let place = Place::disk();
    worked_store(&place, 6);
    let tree = engine(&place).open_tree("meta").unwrap();
    for (version, is_older) in [(0_u32, true), (9, false)] {
        tree.insert("schema", &version.to_be_bytes()).unwrap();
        tree.flush().unwrap();
        let copy = place.path().with_file_name(version.to_string());
        copy_directory(&place.path(), &copy);
        let error = read(&copy).unwrap_err();
        let expected = if is_older {
            matches!(error, StoreError::OlderSchema { found: 0, current: 1, .. })
        } else {
            matches!(error, StoreError::NewerSchema { found: 9, .. })
        };
        assert!(expected, "{error}");
    }
}

/// A store that none of its own programs would write, made below it.
#[test]
fn a_check_of_a_reader_finds_what_is_missing_superfluous_wrong_or_unreadable() {
    /// The kinds of findings, after a change of one tree.
    fn found(tree: &str, change: impl FnOnce(&sled::Tree)) -> Vec<&'static str> {
        let place = Place::disk();
        let pool = place.open(|b| b.growth(Growth::Manual));
        for name in ["alive", "other"] {
            pool.add(named(name)).unwrap();
        }
        let _ = pool.add(named("burnt")).unwrap().retire().unwrap();
        drop(pool);
        let engine = engine(&place);
        change(&engine.open_tree(tree).unwrap());
        engine.flush().unwrap();
        drop(engine);
        // The seal went with the engine.
        let store = read(&place.path()).unwrap();
        let report = inspect::check(&store).unwrap();
        drop(store);
        assert_eq!(report, place.look(|store| inspect::check(store).unwrap()), "as the engine has it");
        let mut kinds: Vec<&str> = report.findings.iter().map(inspect::Finding::kind).collect();
        kinds.sort_unstable();
        kinds
    }
    fn key(tree: &sled::Tree, end: &str) -> sled::IVec {
        tree.iter().keys().map(Result::unwrap).find(|key| key.ends_with(end.as_bytes())).unwrap()
    }
    let remove = |end: &'static str| move |tree: &sled::Tree| drop(tree.remove(key(tree, end)).unwrap());

    assert_eq!(found("meta", |_| {}), [""; 0]);
    assert_eq!(found("by_state", remove("alive")), ["no_state_entry"]);
    assert_eq!(found("by_expiry", remove("alive")), ["no_expiry_entry"]);
    assert_eq!(found("sessions", remove("alive")), ["wrong_expiry_entry", "wrong_state_entry"]);
    assert_eq!(found("sessions", remove("burnt")), ["wrong_log_entry", "wrong_state_entry"]);
    let in_wrong_state = |tree: &sled::Tree| {
        let mut key = key(tree, "alive").to_vec();
        tree.remove(&key).unwrap();
        key[4] = 3;
        tree.insert(key, &[]).unwrap();
    };
    assert_eq!(found("by_state", in_wrong_state), ["no_state_entry", "wrong_state_entry"]);
    let at_another_time = |tree: &sled::Tree| {
        let mut key = key(tree, "other").to_vec();
        key[6] ^= 1;
        tree.insert(key, &[]).unwrap();
    };
    assert_eq!(found("by_expiry", at_another_time), ["wrong_expiry_entry"]);
    let no_time =
        |tree: &sled::Tree| drop(tree.insert([[0xFF; 8].as_slice(), &[0; 4], b"a"].concat(), &[]).unwrap());
    assert_eq!(found("by_expiry", no_time), ["unreadable"]);
    let of_no_pool =
        |tree: &sled::Tree| drop(tree.insert([[0, 0, 0, 9, 0].as_slice(), b"ghost"].concat(), &[]).unwrap());
    assert_eq!(found("by_state", of_no_pool), ["unknown_pool"]);
    assert_eq!(found("retirements", |tree| drop(tree.pop_max().unwrap())), ["log_gap", "not_logged"]);
    let nonsense =
        |end: &'static str| move |tree: &sled::Tree| drop(tree.insert(key(tree, end), b"\x01\xff").unwrap());
    assert_eq!(found("sessions", nonsense("alive")), ["unreadable"]);
    let first_part = "alive\0\0\0\0";
    assert_eq!(found("payloads", nonsense(first_part)), ["unreadable"]);
    assert_eq!(found("payloads", remove(first_part)), ["no_payload"]);
    let log_entry = |tree: &sled::Tree| {
        let key = tree.iter().keys().next().unwrap().unwrap();
        tree.insert(key, b"\x01\xff").unwrap();
    };
    assert_eq!(found("retirements", log_entry), ["not_logged", "unreadable"]);
}

#[test]
fn an_archive_that_is_cut_short_or_damaged_is_an_error_unless_what_is_left_is_asked_for() {
    let place = Place::disk();
    worked_store(&place, 7);
    let archive = place.path().with_file_name("a.archive");
    let store = read(&place.path()).unwrap();
    archive::write_to(&store, &archive, &ArchiveOptions::new()).unwrap();
    let whole = std::fs::read(&archive).unwrap();
    let open = |options: &ReadOptions| ArchiveView::open(&archive, options);
    let allowed = ReadOptions::new().allow_damaged(true);

    std::fs::write(&archive, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(open(&ReadOptions::new()).unwrap_err(), ArchiveError::CutShort { .. }));
    let view = open(&allowed).unwrap();
    assert_eq!(view.damage().len(), 1);
    assert!(view.damage()[0].contains("cut short"), "{:?}", view.damage());
    for item in content(&view) {
        // What is there is as it was.
        assert!(content(&store).contains(&item), "{item}");
    }

    let mut damaged = whole.clone();
    damaged[whole.len() / 3] ^= 1;
    std::fs::write(&archive, &damaged).unwrap();
    assert!(matches!(open(&ReadOptions::new()).unwrap_err(), ArchiveError::Damaged { .. }));
    let view = open(&allowed).unwrap();
    assert_eq!((view.damage().len(), content(&view).len()), (1, content(&store).len() - 1));

    for (bytes, is_expected) in [
        (
            &b"nothing of the kind"[..],
            (|error| matches!(error, ArchiveError::NotAnArchive)) as fn(&_) -> bool,
        ),
        (&[], |error| matches!(error, ArchiveError::NotAnArchive)),
        (&whole[..20], |error| matches!(error, ArchiveError::CutShort { .. })),
    ] {
        std::fs::write(&archive, bytes).unwrap();
        let error = open(&allowed).unwrap_err();
        assert!(is_expected(&error), "{error}");
    }
}

#[test]
fn whatever_is_at_a_path_is_opened() {
    let place = Place::disk();
    worked_store(&place, 8);
    let archive = place.path().with_file_name("a.archive");
    let open = |path: &Path| inspect::open(path, &ReadOptions::new());
    let store = open(&place.path()).unwrap();
    archive::write_to(&*store, &archive, &ArchiveOptions::new()).unwrap();
    let view = open(&archive).unwrap();
    assert!(matches!((&store, &view), (Opened::Store(_), Opened::Archive(_))));
    assert_eq!(content(&*store), content(&*view));
    assert!(matches!(
        open(&place.path().with_file_name("nothing")).unwrap_err(),
        Error::Store(StoreError::NotFound { .. })
    ));
    assert!(matches!(
        open(&place.path().join("STORE")).unwrap_err(),
        Error::Archive(ArchiveError::NotAnArchive)
    ));
}

#[test]
fn the_best_checkpoint_comes_first() {
    let place = Place::disk();
    let pool: SessionPool = place.open(|b| b.growth(Growth::Manual));
    assert!(inspect::checkpoints(place.path()).unwrap().is_empty());
    let mut made = Vec::new();
    for name in ["a", "b", "c"] {
        pool.add(named(name)).unwrap();
        made.push(pool.session_store().checkpoint().unwrap().unwrap());
    }
    // One in which something is missing, and files of others.
    let partial = made[2].to_str().unwrap().replace(".archive", ".partial.archive");
    std::fs::rename(&made[2], &partial).unwrap();
    std::fs::write(place.path().join("checkpoints/notes.archive"), b"").unwrap();
    let found = inspect::checkpoints(place.path()).unwrap();
    assert_eq!(found, [made[1].clone(), made[0].clone(), partial.into()]);
    // While the store is open.
    assert_eq!(content(&*inspect::open(&found[0], &ReadOptions::new()).unwrap()).len(), 3);
}

#[test]
fn reading_tells_how_far_it_has_come() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    let place = Place::disk();
    worked_store(&place, 9);
    let seen = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&seen);
    let options = ReadOptions::new().on_progress(move |done, total| {
        assert!(done <= total);
        told.fetch_max(total, Ordering::Relaxed);
    });
    SledReader::open(place.path(), &options).unwrap();
    assert_eq!(
        seen.load(Ordering::Relaxed),
        std::fs::metadata(place.path().join("engine/db")).unwrap().len()
    );
}
