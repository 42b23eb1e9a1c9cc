//! Whatever is wrong: a typed error that names it, and nothing is changed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use session_pool::{
    BackOff, Durability, Error, Growth, Invalid, PoolBuilder, Refusal, RestoredLimits, Retention, Sequence,
    SessionOptions, SessionPool, SessionStore, SledStoreOptions, StatusRules, StoreError, schema_version,
};

use crate::support::{Place, engine, id, named, options, pool, with_checksum};

fn invalid(error: Error) -> Invalid {
    match error {
        Error::Invalid(invalid) => invalid,
        other => panic!("{other}"),
    }
}

fn store_error(result: Result<SessionPool, Error>) -> StoreError {
    match result {
        Err(Error::Store(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Everything below a directory, with its content.
fn content(path: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut content = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            content.extend(self::content(&path));
        } else {
            content.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    content.sort();
    content
}

#[test]
fn r7_a_pool_option_out_of_range_is_refused_by_name_and_nothing_is_created() {
    type Change = fn(PoolBuilder) -> PoolBuilder;
    let cases: [(&str, Change); 13] = [
        ("name", |b| b.name("")),
        ("name", |b| b.name("a\nb")),
        ("max_pool_size", |b| b.max_pool_size(0)),
        ("max_pool_size", |b| b.max_pool_size(usize::MAX)),
        ("channel_capacity", |b| b.channel_capacity(0)),
        ("channel_capacity", |b| b.channel_capacity(usize::MAX)),
        ("max_delay", |b| b.durability(Durability::Buffered { max_delay: Duration::MAX })),
        ("blocked", |b| b.status_rules(StatusRules { blocked: vec![0], ..StatusRules::default() })),
        ("log_retention.max_count", |b| {
            b.retired_retention(Retention::UNLIMITED)
                .log_retention(Retention { max_count: 1, ..Retention::UNLIMITED })
        }),
        ("log_retention.max_age", |b| {
            b.log_retention(Retention { max_age: Duration::ZERO, max_count: u64::MAX })
        }),
        ("max_usage_count", |b| b.session_options(options(|o| o.max_usage_count = 0))),
        ("max_error_score", |b| b.session_options(options(|o| o.max_error_score = f64::INFINITY))),
        ("id", |b| b.session_options(named("everyone"))),
    ];
    let directory = tempfile::tempdir().unwrap();
    for (field, change) in cases {
        let path = directory.path().join("sessions");
        let error = invalid(change(SessionPool::builder()).open(&path).unwrap_err());
        assert_eq!(error.field, field, "{error}");
        assert!(!path.exists());
    }
}

#[test]
fn an_error_names_the_field_the_value_and_the_rule() {
    let (pool, _) = pool(|b| b);
    let error = pool.add(SessionOptions { max_error_score: -1.5, ..SessionOptions::default() }).unwrap_err();
    assert_eq!(error.to_string(), "max_error_score is -1.5: must be a number from 0 to 1000000");
    assert_eq!(pool.stats().live + pool.stats().creating, 0);
}

#[test]
fn what_create_with_answers_is_checked_too() {
    let (pool, _) = pool(|b| b.create_with(|options| Ok(SessionOptions { max_usage_count: 0, ..options })));
    assert_eq!(invalid(pool.acquire().unwrap_err()).field, "max_usage_count");
    assert_eq!(pool.stats().creating, 0);
}

#[test]
fn an_id_is_given_once_also_by_the_create_function() {
    for place in Place::both() {
        let pool = place.open(|b| {
            let b = b.back_off(BackOff::NONE);
            b.create_with(|options| Ok(SessionOptions { id: Some(id("me")), ..options }))
        });
        let duplicate = |error: &Error| matches!(error, Error::Refused(Refusal::DuplicateId { .. }));
        let lease = pool.acquire().unwrap();
        assert!(duplicate(&pool.acquire().unwrap_err()));
        assert!(duplicate(&pool.add(named("me")).unwrap_err()));
        let _ = lease.retire().unwrap();
        pool.flush().unwrap();
        assert!(duplicate(&pool.acquire().unwrap_err()), "also while only the store has it");
        assert_eq!(pool.stats().creating, 0);
        pool.add(named("somebody.else")).unwrap();
    }
}

#[test]
fn user_data_that_is_too_large_or_of_another_type_is_refused_and_the_old_stays() {
    let (pool, _) = pool(|b| b);
    let session = pool.add(named("a").user_data("k", "old")).unwrap();
    let error = invalid(session.set_user_data("k", "x".repeat(2 << 20)).unwrap_err());
    assert_eq!(error.field, "user_data");
    let error = invalid(pool.add(named("b").user_data("k", "x".repeat(2 << 20))).unwrap_err());
    assert_eq!(error.field, "user_data");
    let error = session.user_data::<u32>("k").unwrap_err();
    assert!(matches!(&error, Error::UserData { key, .. } if key == "k"), "{error}");
    let map: std::collections::HashMap<Vec<u8>, u8> = [(vec![1], 1)].into();
    assert!(matches!(session.set_user_data("k", map), Err(Error::UserData { .. })));
    assert_eq!(session.user_data::<String>("k").unwrap().unwrap(), "old");
}

#[test]
fn a_file_where_a_directory_should_be() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "mine").unwrap();
    let error = store_error(SessionPool::open(&path));
    assert!(matches!(&error, StoreError::NotADirectory { path: p } if *p == path), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    // One of its parents is a file.
    let error = store_error(SessionPool::open(path.join("below")));
    assert!(matches!(&error, StoreError::Io { .. } | StoreError::NotADirectory { .. }), "{error}");
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("thesis.txt"), "mine").unwrap();
    let before = content(directory.path());
    let error = store_error(SessionPool::open(directory.path()));
    assert!(matches!(&error, StoreError::NotAStore { found, .. } if found == "thesis.txt"), "{error}");
    assert_eq!(content(directory.path()), before);
}

#[test]
fn a_store_of_another_program_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(sled::open(directory.path()).unwrap());
    let before = content(directory.path());
    let error = store_error(SessionPool::open(directory.path()));
    assert!(matches!(error, StoreError::NotAStore { .. }), "{error}");
    assert_eq!(content(directory.path()), before);
}

#[test]
fn i8_a_newer_store_is_refused_untouched() {
    let place = Place::disk();
    place.open(|b| b).add(named("a")).unwrap();
    fs::write(
        place.path().join("STORE"),
        with_checksum(&format!("session-pool store\nschema {}\n", schema_version() + 1)),
    )
    .unwrap();
    let before = content(&place.path());
    let error = store_error(SessionPool::open(place.path()));
    let StoreError::NewerSchema { found, supported, .. } = error else { panic!("{error}") };
    assert_eq!((found, supported), (schema_version() + 1, schema_version()));
    assert_eq!(content(&place.path()), before);
}

#[test]
fn a_marker_that_says_nothing_is_an_error_and_not_a_panic() {
    let place = Place::disk();
    drop(place.open(|b| b));
    for text in [
        &b""[..],
        b"session-pool store\n",
        b"session-pool store\nschema -1\n",
        b"\xff\xfe",
        b"something else",
    ] {
        fs::write(place.path().join("STORE"), text).unwrap();
        assert!(matches!(store_error(SessionPool::open(place.path())), StoreError::Damaged { .. }));
    }
}

#[test]
fn an_empty_directory_and_a_missing_one_become_stores_and_only_if_that_is_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("a/b/c");
    let open = SledStoreOptions::new().create(false).open(&missing);
    assert!(matches!(open, Err(StoreError::NotFound { .. })));
    assert!(!directory.path().join("a").exists());
    drop(SessionPool::open(&missing).unwrap());
    assert!(SledStoreOptions::new().create(false).open(&missing).is_ok());
    drop(SessionPool::open(directory.path().join("a/b/c")).unwrap());
}

#[cfg(unix)]
#[test]
fn a_new_directory_is_readable_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::disk();
    drop(place.open(|b| b));
    assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[cfg(unix)]
#[test]
fn an_unwritable_place_is_an_error_with_its_path() {
    // A directory below a device cannot be made, not even by root.
    let error = store_error(SessionPool::open("/dev/null/sessions"));
    assert!(matches!(error, StoreError::Io { .. } | StoreError::NotADirectory { .. }), "{error}");
    let error = store_error(SessionPool::open("/proc/sessions"));
    let StoreError::Io { path, .. } = &error else { panic!("{error}") };
    assert!(path.starts_with("/proc/sessions"));
}

#[test]
fn peer_14_a_store_is_opened_once_and_the_second_opener_hears_who_has_it() {
    let place = Place::disk();
    let pool = place.open(|b| b);
    let error = store_error(SessionPool::open(place.path()));
    let StoreError::InUse { holder, .. } = &error else { panic!("{error}") };
    assert_eq!(*holder, Some(std::process::id()));
    assert!(error.to_string().contains("in use by process"), "{error}");
    drop(pool);
    drop(SessionPool::open(place.path()).unwrap());
}

#[test]
fn peer_14_pools_of_other_names_share_nothing_and_one_name_is_opened_once() {
    let store = SessionStore::in_memory().unwrap();
    let open = |name: &str| SessionPool::builder().name(name).growth(Growth::Manual).open_in(&store);
    let (a, b) = (open("a").unwrap(), open("b").unwrap());
    a.add(named("x")).unwrap();
    b.add(named("x")).unwrap();
    let _ = a.get(&id("x")).unwrap().retire().unwrap();
    assert!(!b.get(&id("x")).unwrap().is_retired());
    let error = open("a").unwrap_err();
    assert!(matches!(&error, Error::AlreadyOpen { pool } if pool.as_str() == "a"), "{error}");
    drop(a);
    assert!(open("a").unwrap().get(&id("x")).unwrap().is_retired());
}

#[test]
fn i7_peer_15_unreadable_records_are_set_aside_counted_and_left_as_they_are() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    for n in 0..10 {
        pool.add(named(&format!("s{n}"))).unwrap();
    }
    drop(pool);
    let damaged: &[(&str, &[u8])] =
        &[("s1", b""), ("s3", b"\x01\xff\xff"), ("s5", b"\x09abc"), ("s7", &[1; 200])];
    let key = |name: &str| [&0_u32.to_be_bytes()[..], name.as_bytes()].concat();
    {
        let db = engine(&place);
        for (name, bytes) in damaged {
            db.open_tree("sessions").unwrap().insert(key(name), *bytes).unwrap();
        }
    }
    let pool = place.open(|b| b.growth(Growth::Manual));
    let report = pool.open_report().clone();
    assert_eq!((report.restored, report.unreadable, report.unreadable_items.len()), (6, 4, 4));
    assert_eq!(report.unreadable_items[0].key, b"s1");
    assert!(matches!(pool.get(&id("s3")), Err(Error::Store(StoreError::Unreadable(_)))));
    assert!(matches!(pool.acquire_by_id(&id("s3")), Err(Error::Store(StoreError::Unreadable(_)))));
    let duplicate = pool.add(named("s3")).unwrap_err();
    assert!(matches!(duplicate, Error::Refused(Refusal::DuplicateId { .. })), "{duplicate}");
    let _ = pool.acquire().unwrap().reclaim().unwrap();
    drop(pool);
    let db = engine(&place);
    for (name, bytes) in damaged {
        assert_eq!(&db.open_tree("sessions").unwrap().get(key(name)).unwrap().unwrap()[..], *bytes);
    }
}

#[test]
fn peer_21_a_payload_that_is_gone_is_an_error_and_never_no_proxy() {
    let place = Place::disk();
    let proxy = Some("http://proxy.example:1".parse().unwrap());
    place.open(|b| b).add(SessionOptions { proxy, ..named("a") }).unwrap();
    {
        let db = engine(&place);
        db.open_tree("payloads").unwrap().clear().unwrap();
    }
    let pool = place.open(|b| b.growth(Growth::Manual));
    let lease = pool.acquire().unwrap();
    let error = lease.proxy().unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Unreadable(_))), "{error}");
    assert!(lease.set_user_data("k", 1).is_err(), "nor is it replaced by an empty one");
}

#[test]
fn a_damaged_engine_file_is_a_typed_error_and_not_a_panic() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    for n in 0..500 {
        pool.add(named(&format!("s{n}")).user_data("k", "x".repeat(500))).unwrap();
    }
    drop(pool);
    let database = place.path().join("engine/db");
    let whole = fs::read(&database).unwrap();
    for cut in [0, 10, 4096, whole.len() / 2, whole.len() - 5000] {
        fs::write(&database, &whole[..cut]).unwrap();
        match SessionPool::open(place.path()) {
            Err(Error::Store(
                StoreError::Damaged { .. } | StoreError::Io { .. } | StoreError::Engine { .. },
            ))
            | Ok(_) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_store_that_was_killed_while_it_was_made_is_made_anew() {
    // As a kill leaves it at several moments: nothing was kept in it yet.
    type Leave = fn(&Path);
    let leave: [Leave; 4] = [
        |_| {},
        |path| fs::create_dir(path.join("engine")).unwrap(),
        |path| {
            fs::create_dir_all(path.join("engine/blobs")).unwrap();
            fs::write(path.join("engine/conf"), [7; 58]).unwrap();
        },
        |path| {
            fs::create_dir_all(path.join("engine/blobs")).unwrap();
            fs::write(path.join("engine/conf"), [7; 62]).unwrap();
            fs::write(path.join("engine/db"), "half").unwrap();
        },
    ];
    for leave in leave {
        let place = Place::disk();
        fs::create_dir(place.path()).unwrap();
        let marker = with_checksum(&format!("session-pool store\nschema {}\nunfinished\n", schema_version()));
        fs::write(place.path().join("STORE"), marker).unwrap();
        leave(&place.path());
        let missing = SledStoreOptions::new().create(false).open(place.path());
        assert!(matches!(missing, Err(StoreError::NotFound { .. })));
        place.open(|b| b).add(named("a")).unwrap();
        assert!(place.open(|b| b).get(&id("a")).is_ok());
        assert!(!fs::read_to_string(place.path().join("STORE")).unwrap().contains("unfinished"));
    }
}

#[test]
fn a_store_whose_database_is_gone_is_not_taken_for_an_empty_one() {
    let place = Place::disk();
    place.open(|b| b).add(named("a")).unwrap();
    fs::remove_file(place.path().join("engine/db")).unwrap();
    let error = store_error(SessionPool::open(place.path()));
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(!place.path().join("engine/db").exists());
}

#[test]
fn i7_an_unreadable_log_entry_is_kept_as_long_as_its_neighbours() {
    let place = Place::disk();
    let open = |keep: Retention| {
        place.open(|b| b.growth(Growth::Manual).retired_retention(keep).log_retention(keep))
    };
    let pool = open(Retention::UNLIMITED);
    for name in ["a", "b", "c"] {
        let _ = pool.add(named(name)).unwrap().retire().unwrap();
        pool.flush().unwrap();
    }
    drop(pool);
    {
        let engine = engine(&place);
        let log = engine.open_tree("retirements").unwrap();
        let (key, _) = log.first().unwrap().unwrap();
        log.insert(key, b"\xffgarbage").unwrap();
    }
    let pool = open(Retention::UNLIMITED);
    assert_eq!(pool.forget().unwrap().log_entries, 0);
    let log: Vec<_> = pool.retirement_log(Sequence::START).map(|entry| entry.is_ok()).collect();
    assert_eq!(log, [false, true, true]);
    drop(pool);
    let pool = open(Retention { max_count: 1, ..Retention::UNLIMITED });
    assert_eq!(pool.forget().unwrap().log_entries, 2);
}

#[test]
fn an_index_that_calls_a_retired_session_live_revives_nobody() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    let _ = pool.add(named("a")).unwrap().retire().unwrap();
    drop(pool);
    engine(&place).open_tree("by_state").unwrap().insert([&[0; 5][..], b"a"].concat(), &[]).unwrap();
    let todays = options(|o| o.max_usage_count = 7);
    let pool = place
        .open(|b| b.growth(Growth::Manual).restored_limits(RestoredLimits::Current).session_options(todays));
    assert_eq!((pool.stats().live, pool.open_report().unreadable), (0, 1));
    assert!(pool.acquire().is_err());
    pool.flush().unwrap();
    assert_eq!(pool.retirement_log(Sequence::START).count(), 1, "R-4");
}
