//! Repairing: what several sources know is made one.

use std::fs;

use session_pool::archive::{ArchiveOptions, write};
use session_pool::recovery::{Lost, REPORT, RecoveryOptions, repair, restore};
use session_pool::{
    Batch, Change, Error, Growth, MemoryStore, PoolEntry, PoolNumber, ReadStore, Reason, Sequence,
    SessionPool, SledStoreOptions, Store, StoreError,
};

use crate::support::{Place, assert_sound, content, id, named, worked_store};

#[test]
fn a_sound_store_repaired_is_the_same_store() {
    for seed in 20..24 {
        let place = Place::disk();
        worked_store(&place, seed);
        let before = place.look(content);
        let files = || fs::read(place.path().join("engine/db")).unwrap();
        let (untouched, into) = (files(), place.path().with_file_name("repaired"));
        let report = repair(place.path(), &into, RecoveryOptions::new()).unwrap();
        assert!(report.lost.is_empty() && report.sources[0].damage.is_empty(), "{report:?}");
        assert!(untouched == files(), "the damaged store is not touched");
        let store = SledStoreOptions::new().create(false).open(&into).unwrap();
        assert_sound(&store);
        assert_eq!(content(&store), before);
    }
}

/// A store whose log is gone, with what one checkpoint had, and another archive.
#[test]
fn the_newest_version_wins_and_a_retirement_stands() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    for name in ["used", "retired", "same"] {
        let _ = pool.add(named(name)).unwrap().reclaim().unwrap();
    }
    let older = place.path().with_file_name("older.archive");
    pool.session_store().backup_to(&older).unwrap();
    let _ = pool.get(&id("used")).unwrap().fail().unwrap();
    pool.get(&id("used")).unwrap().set_user_data("k", 1).unwrap();
    let _ = pool.get(&id("retired")).unwrap().retire().unwrap();
    pool.add(named("new")).unwrap();
    pool.session_store().checkpoint().unwrap();
    drop(pool);
    fs::remove_file(place.path().join("engine/db")).unwrap();

    // Whichever comes first.
    let into = place.path().with_file_name("repaired");
    let report = repair(place.path(), &into, RecoveryOptions::new().archive(&older)).unwrap();
    let is_end = |lost: &Lost| matches!(lost, Lost::LogEnd { first: Sequence(2), .. });
    assert!(report.lost.len() == 1 && is_end(&report.lost[0]), "{:?}", report.lost);
    assert_eq!((report.live, report.retired, report.sources.len()), (3, 1, 2));
    let other = place.path().with_file_name("other");
    let newest = report.sources[0].path.clone();
    restore(&older, &other, RecoveryOptions::new().archive(newest)).unwrap();
    for path in [into, other] {
        let pool = SessionPool::open(&path).unwrap();
        let used = pool.get(&id("used")).unwrap();
        assert_eq!((used.record().usage_count, used.user_data::<u32>("k").unwrap()), (2, Some(1)));
        assert_eq!(pool.get(&id("retired")).unwrap().record().usage_count, 2);
        assert!(pool.get(&id("new")).is_ok());
        let log: Vec<_> = pool.retirement_log(Sequence::START).map(|entry| entry.unwrap().id).collect();
        assert_eq!(log, [id("retired")], "R-4: once");
        drop((used, pool));
        assert_sound(&SledStoreOptions::new().open(&path).unwrap());
    }
}

/// What the log alone knows, log entries that are missing, and sessions whose payload is.
#[test]
fn what_is_lost_is_named_and_the_rest_agrees() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        pool.add(named(name)).unwrap();
    }
    for name in ["a", "b", "c"] {
        let _ = pool.get(&id(name)).unwrap().retire().unwrap();
        pool.flush().unwrap();
    }
    drop(pool);
    {
        let engine = crate::support::engine(&place);
        let key = |id: &str, rest: &[u8]| [&[0; 4][..], id.as_bytes(), rest].concat();
        engine.open_tree("sessions").unwrap().remove(key("a", b"")).unwrap();
        engine.open_tree("payloads").unwrap().remove(key("a", &[0; 4])).unwrap();
        engine.open_tree("payloads").unwrap().remove(key("d", &[0; 4])).unwrap();
        for name in ["f", "g"] {
            engine.open_tree("sessions").unwrap().remove(key(name, b"")).unwrap();
        }
        // Of one the indexes tell, of the other its payload.
        engine.open_tree("payloads").unwrap().remove(key("f", &[0; 4])).unwrap();
        engine.open_tree("by_state").unwrap().remove([&[0; 5][..], b"g"].concat()).unwrap();
        engine
            .open_tree("retirements")
            .unwrap()
            .remove([&[0; 4][..], &2_u64.to_be_bytes()].concat())
            .unwrap();
    }
    let into = place.path().with_file_name("repaired");
    let report = repair(place.path(), &into, RecoveryOptions::new()).unwrap();
    let pool = || "default".parse().unwrap();
    assert_eq!(
        report.lost,
        [
            Lost::Session { pool: pool(), id: id("f") },
            Lost::Session { pool: pool(), id: id("g") },
            Lost::LogEntries { pool: pool(), first: Sequence(2), last: Sequence(2) },
            Lost::Record { pool: pool(), id: id("a") },
            Lost::Payload { pool: pool(), id: id("a") },
            Lost::LiveSession { pool: pool(), id: id("d") },
        ]
    );
    let kept = fs::read(into.join(REPORT)).unwrap();
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        serde_json::from_slice::<serde_json::Value>(&kept).unwrap()
    );
    let store = SledStoreOptions::new().open(&into).unwrap();
    assert_sound(&store);
    let record = |name| store.record(PoolNumber(0), &id(name)).unwrap();
    assert_eq!(record("a").unwrap().retired.unwrap().reason, Reason::Retired, "the log knew of it");
    assert!(record("d").is_none(), "it would have gone out as somebody else");
    assert!(record("e").unwrap().retired.is_none());
    drop(store);
    let repaired = SessionPool::open(&into).unwrap();
    let log: Vec<_> = repaired.retirement_log(Sequence::START).map(|entry| entry.unwrap()).collect();
    let log: Vec<_> = log.iter().map(|entry| (entry.sequence.0, entry.id)).collect();
    assert_eq!(log, [(1, id("a")), (3, id("c")), (4, id("b"))], "whose entry was lost is told again");
}

/// A session "a" was retired and is forgotten; the log still tells of it.
fn store_that_has_forgotten_a() -> (Place, SessionPool) {
    let none = session_pool::Retention { max_age: std::time::Duration::MAX, max_count: 0 };
    let place = Place::disk();
    let pool = place.open(|b| {
        b.growth(Growth::Manual).retired_retention(none).log_retention(session_pool::Retention::UNLIMITED)
    });
    let _ = pool.add(named("a")).unwrap().retire().unwrap();
    pool.flush().unwrap();
    pool.forget().unwrap();
    (place, pool)
}

/// Its record is gone, and an index that is older than that still tells of it.
#[test]
fn whom_the_store_has_forgotten_is_not_lost() {
    let (place, pool) = store_that_has_forgotten_a();
    drop(pool);
    // As a retired one.
    trees(&place, |tree| drop(tree("by_state").insert([&[0, 0, 0, 0, 4][..], b"a"].concat(), b"").unwrap()));
    let into = place.path().with_file_name("repaired");
    let report = repair(place.path(), &into, RecoveryOptions::new()).unwrap();
    assert_eq!((report.retired, report.lost.len(), report.log_entries), (0, 0, 1), "{:?}", report.lost);
    assert!(report.is_whole() && !into.join(REPORT).exists());
}

/// The engine's trees of a store that nobody has open.
fn trees(place: &Place, change: impl FnOnce(&dyn Fn(&str) -> sled::Tree)) {
    let engine = crate::support::engine(place);
    change(&|name| engine.open_tree(name).unwrap());
}

fn lost_session(name: &str) -> Lost {
    Lost::Session { pool: "default".parse().unwrap(), id: id(name) }
}

/// A process that is killed while it writes a large payload leaves parts of it, and so does one that forgets it.
#[test]
fn r3_parts_of_a_payload_without_its_first_one_are_no_session() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    for name in ["kept", "forgotten"] {
        pool.add(named(name)).unwrap();
    }
    pool.session_store().checkpoint().unwrap();
    drop(pool);
    let part = |name: &str| [&[0; 4][..], name.as_bytes(), &[0, 1, 0, 1]].concat();
    trees(&place, |tree| {
        tree("sessions").remove([&[0; 4][..], b"forgotten"].concat()).unwrap();
        tree("payloads").remove([&[0; 4][..], b"forgotten", &[0; 4]].concat()).unwrap();
        tree("by_state").remove([&[0; 5][..], b"forgotten"].concat()).unwrap();
        for name in ["forgotten", "never"] {
            tree("payloads").insert(part(name), b"part").unwrap();
        }
    });
    let report =
        repair(place.path(), place.path().with_file_name("repaired"), RecoveryOptions::new()).unwrap();
    assert_eq!((report.live, report.lost.len()), (1, 0), "{:?}", report.lost);
}

/// Its pool and its record are gone; the name of the one is lost, and the other is named.
#[test]
fn i7_a_pool_of_which_only_indexes_tell_is_named() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    pool.add(named("a")).unwrap();
    drop(pool);
    trees(&place, |tree| {
        tree("sessions").remove([&[0; 4][..], b"a"].concat()).unwrap();
        tree("meta").remove([&b"pool/"[..], &[0; 4]].concat()).unwrap();
    });
    let report =
        repair(place.path(), place.path().with_file_name("repaired"), RecoveryOptions::new()).unwrap();
    let pool: session_pool::PoolName = "recovered-0".parse().unwrap();
    let lost = [Lost::PoolName { pool: pool.clone() }, Lost::Session { pool, id: id("a") }];
    assert!(lost.iter().all(|lost| report.lost.contains(lost)), "{:?}", report.lost);
}

#[test]
fn i7_a_live_session_is_missed_though_one_of_its_id_was_forgotten() {
    let (place, pool) = store_that_has_forgotten_a();
    pool.add(named("a")).unwrap();
    drop(pool);
    trees(&place, |tree| drop(tree("sessions").remove([&[0; 4][..], b"a"].concat()).unwrap()));
    let report =
        repair(place.path(), place.path().with_file_name("repaired"), RecoveryOptions::new()).unwrap();
    assert_eq!(report.lost, [lost_session("a")]);
}

/// What a repair has lost or passed over is not lost again by what is made of its store.
#[test]
fn a_store_that_was_repaired_once_is_restored_as_it_is() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    for name in ["a", "b", "c"] {
        let _ = pool.add(named(name)).unwrap().retire().unwrap();
        pool.flush().unwrap();
    }
    let older = place.path().with_file_name("older.archive");
    pool.session_store().backup_to(&older).unwrap();
    pool.session_store().checkpoint().unwrap();
    drop(pool);
    let entry = |number: u64| [&[0; 4][..], &number.to_be_bytes()].concat();
    trees(&place, |tree| drop(tree("retirements").remove(entry(2)).unwrap()));
    fs::remove_dir_all(place.path().join("checkpoints")).unwrap();
    let beside = |name: &str| place.path().with_file_name(name);
    let report = repair(place.path(), beside("repaired"), RecoveryOptions::new()).unwrap();
    let pool_name = || "default".parse().unwrap();
    let lost = Lost::LogEntries { pool: pool_name(), first: Sequence(2), last: Sequence(2) };
    assert_eq!(report.lost, [lost]);
    let open = |name: &str| SledStoreOptions::new().create(false).open(beside(name)).unwrap();
    let repaired = content(&open("repaired"));

    let archive = beside("new.archive");
    session_pool::archive::write_to(&open("repaired"), &archive, &ArchiveOptions::new()).unwrap();
    let report = restore(&archive, beside("restored"), RecoveryOptions::new()).unwrap();
    assert!(report.is_whole(), "{:?}", report.lost);
    assert_eq!(content(&open("restored")), repaired);

    // "b" was told again as the fourth. It is not told twice where an archive has its first entry.
    let again = RecoveryOptions::new().archive(&older);
    repair(beside("repaired"), beside("again"), again).unwrap();
    assert_sound(&open("again"));
    let pool = SessionPool::open(beside("again")).unwrap();
    let log: Vec<_> = pool.retirement_log(Sequence::START).map(|entry| entry.unwrap()).collect();
    let log: Vec<_> = log.iter().map(|entry| (entry.sequence.0, entry.id)).collect();
    assert_eq!(log, [(1, id("a")), (3, id("c")), (4, id("b"))]);
}

/// Nothing is damaged, and yet a record is not there: nobody has forgotten that session.
#[test]
fn i7_a_session_of_which_only_the_indexes_tell_comes_back_from_a_checkpoint() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    for name in ["a", "b"] {
        pool.add(named(name)).unwrap();
    }
    pool.session_store().checkpoint().unwrap();
    drop(pool);
    let before = place.look(content);
    trees(&place, |tree| drop(tree("sessions").remove([&[0; 4][..], b"a"].concat()).unwrap()));
    let into = place.path().with_file_name("repaired");
    let report = repair(place.path(), &into, RecoveryOptions::new()).unwrap();
    assert_eq!((report.live, report.lost.len()), (2, 0), "{:?}", report.lost);
    assert_eq!(content(&SledStoreOptions::new().open(&into).unwrap()), before);
}

/// The pools and the log come first in an archive.
#[test]
fn i7_of_an_archive_that_is_cut_short_it_is_said_that_nobody_knows_what_else_it_had() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    for name in ["a", "b", "c"] {
        pool.add(named(name)).unwrap();
    }
    let _ = pool.get(&id("c")).unwrap().retire().unwrap();
    let archive = place.path().with_file_name("a.archive");
    pool.session_store().backup_to(&archive).unwrap();
    let whole = fs::read(&archive).unwrap();
    fs::write(&archive, &whole[..whole.len() * 2 / 3]).unwrap();
    let into = place.path().with_file_name("into");
    let report = restore(&archive, &into, RecoveryOptions::new().allow_damaged(true)).unwrap();
    let unread = Lost::Unread { path: archive, places: 1 };
    assert_eq!(report.lost[0], unread, "{:?}", report.lost);
    assert!(report.live < 2 && into.join(REPORT).exists());
    assert_eq!(
        report.lost.contains(&Lost::Record { pool: "default".parse().unwrap(), id: id("c") }),
        report.sources[0].sessions < 3
    );
}

#[test]
fn pools_are_the_same_where_their_names_are() {
    let directory = tempfile::tempdir().unwrap();
    let archive = |name: &str, pools: &[(u32, &str)]| {
        let store = MemoryStore::new();
        let pools = pools
            .iter()
            .map(|(number, name)| Change::Pool(PoolEntry::new(PoolNumber(*number), name.parse().unwrap())));
        store.commit(&Batch { changes: pools.collect() }).unwrap();
        let path = directory.path().join(name);
        write(&store, fs::File::create(&path).unwrap(), &ArchiveOptions::new()).unwrap();
        path
    };
    let first = archive("first", &[(0, "a"), (1, "b")]);
    let second = archive("second", &[(0, "b"), (1, "c"), (7, "a")]);
    let into = directory.path().join("into");
    restore(first, &into, RecoveryOptions::new().archive(second)).unwrap();
    let store = SledStoreOptions::new().open(&into).unwrap();
    let pools = session_pool::inspect::pools(&store).unwrap();
    let pools: Vec<_> = pools.iter().map(|pool| (pool.number.0, pool.name.as_str())).collect();
    assert_eq!(pools, [(0, "a"), (1, "b"), (2, "c")]);
}

#[test]
fn what_cannot_be_repaired_is_a_typed_error_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let into = directory.path().join("into");
    let of = |error: Error| match error {
        Error::Store(error) => error,
        error => panic!("{error}"),
    };
    let missing = directory.path().join("missing");
    let error = of(repair(&missing, &into, RecoveryOptions::new()).unwrap_err());
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let error = of(repair(&empty, &into, RecoveryOptions::new()).unwrap_err());
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    fs::write(directory.path().join("file"), b"x").unwrap();
    let error = of(repair(directory.path().join("file"), &into, RecoveryOptions::new()).unwrap_err());
    assert!(matches!(error, StoreError::NotADirectory { .. }), "{error}");

    let place = Place::disk();
    let pool = place.open(|b| b);
    let error = of(repair(place.path(), &into, RecoveryOptions::new()).unwrap_err());
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    pool.acquire().unwrap().reclaim().unwrap();
    drop(pool);
    let options = RecoveryOptions::new().archive(directory.path().join("file"));
    assert!(matches!(repair(place.path(), &into, options).unwrap_err(), Error::Archive(_)));
    assert!(!into.exists());
    repair(place.path(), &into, RecoveryOptions::new()).unwrap();
    let error = of(repair(place.path(), &into, RecoveryOptions::new()).unwrap_err());
    assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
}

/// What is there twice is written once, and a store is not taken for finished before it is.
#[test]
fn a_store_whose_making_was_cut_off_is_no_store() {
    let place = Place::disk();
    worked_store(&place, 30);
    let into = place.path().with_file_name("into");
    fs::create_dir(&into).unwrap();
    fs::write(
        into.join("STORE"),
        crate::support::with_checksum("session-pool store\nschema 1\nunfinished\n"),
    )
    .unwrap();
    fs::create_dir(into.join("engine")).unwrap();
    fs::write(into.join("engine/db"), b"left over").unwrap();
    let error = SledStoreOptions::new().create(false).open(&into).unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    let report = repair(place.path(), &into, RecoveryOptions::new()).unwrap();
    assert!(report.lost.is_empty());
    assert_eq!(place.look(content), content(&SledStoreOptions::new().create(false).open(&into).unwrap()));
}

#[test]
fn r3_a_repair_revives_nobody_whom_the_store_has_forgotten() {
    let few = session_pool::Retention { max_age: std::time::Duration::MAX, max_count: 2 };
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual).retired_retention(few).log_retention(few));
    for n in 0..10 {
        pool.add(named(&format!("s{n}"))).unwrap();
    }
    pool.session_store().checkpoint().unwrap();
    for n in 0..8 {
        let _ = pool.get(&id(&format!("s{n}"))).unwrap().retire().unwrap();
    }
    pool.flush().unwrap();
    pool.forget().unwrap();
    drop(pool);
    let before = place.look(content);
    let into = place.path().with_file_name("repaired");
    let report = repair(place.path(), &into, RecoveryOptions::new()).unwrap();
    assert_eq!((report.live, report.retired, report.lost.len()), (2, 2, 0));
    assert_eq!(content(&SledStoreOptions::new().open(&into).unwrap()), before);
}

#[test]
fn i7_a_session_that_cannot_be_read_comes_back_from_the_last_checkpoint_that_has_it_or_is_named() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    pool.add(named("a")).unwrap();
    let whole = pool.session_store().checkpoint().unwrap().unwrap();
    pool.add(named("b")).unwrap();
    drop(pool);
    let injure = |name: &str| {
        let engine = crate::support::engine(&place);
        let sessions = engine.open_tree("sessions").unwrap();
        sessions.insert([&[0; 4][..], name.as_bytes()].concat(), b"\x01nonsense").unwrap();
    };
    injure("a");
    for _ in 0..5 {
        let partial = place.open_store().checkpoint().unwrap().unwrap();
        assert!(partial.to_str().unwrap().ends_with(".partial.archive"));
    }
    assert!(whole.exists(), "it is the only one that has all there is");
    injure("b");
    let into = place.path().with_file_name("repaired");
    let report = repair(place.path(), &into, RecoveryOptions::new()).unwrap();
    let pool = SessionPool::open(&into).unwrap();
    assert!(pool.get(&id("a")).is_ok());
    assert!(pool.get(&id("b")).is_ok(), "a checkpoint that lacks others has it");
    let is_doubt = matches!(report.lost[..], [Lost::Newest { places: 2, .. }]);
    assert!(is_doubt, "what changed since the checkpoint, nobody knows: {:?}", report.lost);
    drop(pool);

    fs::remove_dir_all(place.path().join("checkpoints")).unwrap();
    let report = repair(place.path(), place.path().with_file_name("again"), RecoveryOptions::new()).unwrap();
    let lost = ["a", "b"].map(|name| Lost::Session { pool: "default".parse().unwrap(), id: id(name) });
    assert_eq!(report.lost[1..], lost);
}

#[test]
fn a_repair_into_the_damaged_store_is_refused_and_a_failed_one_can_be_tried_again() {
    let place = Place::disk();
    worked_store(&place, 31);
    let error = repair(place.path(), place.path().join("x"), RecoveryOptions::new()).unwrap_err();
    assert!(matches!(&error, Error::Invalid(invalid) if invalid.field == "into"), "{error}");

    let archive = place.path().with_file_name("a.archive");
    place.open_store().backup_to(&archive).unwrap();
    let (whole, into) = (fs::read(&archive).unwrap(), place.path().with_file_name("into"));
    // It can be read the first time and not the second, when the new store is there already.
    for was_there in [false, true] {
        if was_there {
            fs::create_dir(&into).unwrap();
        }
        fs::write(&archive, &whole[..whole.len() - 100]).unwrap();
        assert!(restore(&archive, &into, RecoveryOptions::new()).is_err());
        assert_eq!(into.exists(), was_there);
        fs::write(&archive, &whole).unwrap();
        restore(&archive, &into, RecoveryOptions::new()).unwrap();
        fs::remove_dir_all(&into).unwrap();
    }
}

/// Somebody has read the retirement log further than what is left of it goes.
#[test]
fn a_repair_gives_no_sequence_number_again_and_keeps_what_is_left() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    let retire = |pool: &SessionPool, n: u32| {
        let _ = pool.add(named(&format!("s{n}"))).unwrap().retire().unwrap();
    };
    (0..10).for_each(|n| retire(&pool, n));
    pool.session_store().checkpoint().unwrap();
    (10..20).for_each(|n| retire(&pool, n));
    pool.flush().unwrap();
    let cursor = pool.retirement_log(Sequence::START).last().unwrap().unwrap().sequence;
    drop(pool);
    fs::remove_file(place.path().join("engine/db")).unwrap();

    let into = place.path().with_file_name("repaired");
    let report = repair(place.path(), &into, RecoveryOptions::new()).unwrap();
    let [Lost::LogEnd { first: Sequence(11), last, .. }] = report.lost[..] else {
        panic!("{:?}", report.lost)
    };
    assert!(last > cursor);
    let pool = SessionPool::open(&into).unwrap();
    retire(&pool, 20);
    pool.flush().unwrap();
    pool.forget().unwrap();
    let ids = |after| -> Vec<_> { pool.retirement_log(after).map(|entry| entry.unwrap().id).collect() };
    assert_eq!(ids(cursor), [id("s20")], "whoever had come further misses nothing");
    assert_eq!(ids(Sequence::START).len(), 11, "I-6: retention counts entries, not numbers");
    drop(pool);
    let entry = |path| {
        let store = SledStoreOptions::new().open(path).unwrap();
        assert_sound(&store);
        session_pool::inspect::pools(&store).unwrap().remove(0)
    };
    assert_eq!((entry(&into).lost_log, entry(&into).retired_ever()), (vec![(Sequence(11), last)], 11));

    // Also once that is forgotten, and after another repair.
    let none = session_pool::Retention { max_age: std::time::Duration::MAX, max_count: 0 };
    let pool = SessionPool::builder().retired_retention(none).log_retention(none).open(&into).unwrap();
    pool.forget().unwrap();
    drop(pool);
    assert_eq!((entry(&into).trimmed_through, entry(&into).retired_ever()), (last.next(), 11));
    let again = place.path().with_file_name("again");
    repair(&into, &again, RecoveryOptions::new()).unwrap();
    assert_eq!(entry(&again), entry(&into));
}

#[test]
fn pools_that_there_are_no_more_numbers_for_are_a_typed_error() {
    let directory = tempfile::tempdir().unwrap();
    let archive = |name: &str| {
        let store = MemoryStore::new();
        let entry = PoolEntry::new(PoolNumber(u32::MAX), name.parse().unwrap());
        store.commit(&Batch { changes: vec![Change::Pool(entry)] }).unwrap();
        let path = directory.path().join(name);
        write(&store, fs::File::create(&path).unwrap(), &ArchiveOptions::new()).unwrap();
        path
    };
    let (first, second, into) = (archive("a"), archive("b"), directory.path().join("into"));
    let error = restore(first, &into, RecoveryOptions::new().archive(second)).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Engine { operation: "number a pool", .. })), "{error}");
    assert!(!into.exists());
}
