//! Importing into stores on disk: all or nothing, and nothing that is there is changed.

use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use session_pool::exchange::{
    CheckedImport, ExchangeError, ImportFormat, ImportOptions, Imported, Input, check_export, import_into,
    import_store,
};
use session_pool::maintenance::{AddOptions, AddPlan, MaintenanceError};
use session_pool::{
    Batch, Change, MemoryStore, PoolEntry, PoolName, PoolNumber, ReadStore, Reason, Sequence, SessionOptions,
    SessionPool, SledStoreOptions, Store, StoreError, Timestamp, inspect,
};

use super::{jsonl_of, open};
use crate::support::{FaultyStore, Place, SECOND, assert_sound, clock, content, id, named, worked_store};

fn crawlee(ids: &[&str]) -> Input {
    let sessions: Vec<Value> = ids
        .iter()
        .map(|id| json!({ "id": id, "createdAt": "2026-03-01T00:00:00.000Z", "expiresAt": "2096-03-01T00:00:00.000Z" }))
        .collect();
    let state = json!({ "usableSessionsCount": ids.len(), "sessions": sessions });
    Input::from_bytes(state.to_string().into_bytes())
}

fn name(name: &str) -> PoolName {
    name.parse().unwrap()
}

/// The engine may use again what is not durable yet: where it wrote much since the last sync, a power cut could cost
/// what was in the store before.
#[test]
fn i4_what_is_imported_is_made_durable_in_portions() {
    let ids: Vec<String> = (0..500).map(|number| format!("s{number}")).collect();
    let store = Arc::new(FaultyStore::default());
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    import_into(&*store, &name("new"), crawlee(&ids), &ImportOptions::new(), &mut |_| {}).unwrap();
    let [commits, syncs, changes] =
        [&store.commits, &store.syncs, &store.changes].map(|count| count.load(Ordering::SeqCst));
    assert_eq!(
        (commits, syncs, changes),
        (4, 4, 500 + 4),
        "some 130 sessions a portion, and the pool each time"
    );
}

#[test]
fn a_new_pool_never_takes_the_number_of_another() {
    let store = MemoryStore::new();
    let last = PoolEntry {
        last_sequence: Sequence(7),
        purged_through: Sequence(7),
        trimmed_through: Sequence(7),
        ..PoolEntry::new(PoolNumber(u32::MAX), name("last"))
    };
    store.commit(&Batch { changes: vec![Change::Pool(last)] }).unwrap();
    let before = content(&store);
    let error =
        import_into(&store, &name("new"), crawlee(&["a"]), &ImportOptions::new(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, ExchangeError::Store(StoreError::NoPoolNumber)), "{error}");
    let add = AddOptions { pool: Some(name("new")), create_pool: true, sessions: Vec::new() };
    let error = AddPlan::new(&store, add, std::time::SystemTime::now().into()).unwrap_err();
    assert!(matches!(error, MaintenanceError::Store(StoreError::NoPoolNumber)), "{error}");
    assert_eq!(content(&store), before);
}

#[test]
fn what_an_export_lacks_and_what_a_pool_does_not_take_of_it_is_told() {
    let from = Place::memory();
    let pool = from.open(|builder| builder.name("old"));
    pool.add(named("live")).unwrap();
    let _ = pool.add(named("retired")).unwrap().retire().unwrap();
    drop(pool);
    let text = String::from_utf8(from.look(jsonl_of)).unwrap();
    let text = text.replace("\"unreadable\":0", "\"unreadable\":3");
    let mut notes = Vec::new();
    let input = Input::from_bytes(text.clone().into_bytes());
    CheckedImport::check(input, &ImportOptions::new(), &mut |note| notes.push(note.to_string())).unwrap();
    assert_eq!(
        notes,
        [
            "the log of pool old is left out: 1 retirement there was: those that come in retired get entries of their own",
            "unreadable is left out: 3 items, which could not be read when it was exported",
        ]
    );
    assert_eq!(check_export(text.as_bytes(), &ImportOptions::new()).unwrap().unreadable, 3);
}

/// As the tool does it: what is imported is looked at before the store is.
fn import_at(
    place: &Place,
    pool: &str,
    input: Input,
    options: &ImportOptions,
) -> Result<Imported, ExchangeError> {
    let checked = CheckedImport::check(input, options, &mut |_| {})?;
    match SledStoreOptions::new().create(false).open(place.path()) {
        Ok(store) => checked.into_pool(&store, &name(pool)),
        Err(StoreError::NotFound { .. }) => {
            checked.into_new_store(place.path(), &name(pool), SledStoreOptions::new())
        }
        Err(error) => Err(error.into()),
    }
}

#[test]
fn sessions_come_into_an_existing_store_beside_those_that_are_there() {
    let place = Place::disk();
    worked_store(&place, 21);
    let before = place.look(content);
    let imported = import_at(&place, "new", crawlee(&["x", "y"]), &ImportOptions::new()).unwrap();
    assert_eq!((imported.pools, imported.live, imported.retired), (1, 2, 0));
    let after = place.look(content);
    place.assert_sound();
    assert_eq!(after.len(), before.len() + 3, "a pool and two sessions");
    assert!(before.iter().all(|item| after.contains(item)), "nothing else has changed");
    let pool = SessionPool::builder().name("new").open_in(&place.open_store()).unwrap();
    assert!(pool.get(&id("x")).unwrap().is_usable());
}

#[test]
fn retired_ones_come_with_new_entries_in_the_log_behind_those_that_are_there() {
    let from = Place::memory();
    let clock = clock();
    let pool = from.open(|builder| builder.name("old").clock(clock.clone()));
    for (name, is_bad) in [("d", false), ("c", true), ("a", false), ("b", false)] {
        let session = pool.add(SessionOptions { max_error_score: 1.0, ..named(name) }).unwrap();
        clock.advance(SECOND);
        let _ = if is_bad { session.fail().unwrap() } else { session.retire().unwrap() };
    }
    pool.add(SessionOptions { max_age: std::time::Duration::MAX, ..named("live") }).unwrap();
    drop(pool);
    let text = from.look(jsonl_of);

    let place = Place::disk();
    let pool = place.open(|builder| builder.name("here"));
    for name in ["first", "second"] {
        let _ = pool.add(named(name)).unwrap().retire().unwrap();
    }
    drop(pool);
    let imported = import_at(&place, "here", Input::from_bytes(text), &ImportOptions::new()).unwrap();
    assert_eq!((imported.live, imported.retired, imported.log_entries, imported.pools), (1, 4, 4, 0));
    place.assert_sound();
    let pool = place.open(|builder| builder.name("here"));
    let log: Vec<_> = pool
        .retirement_log(session_pool::Sequence::START)
        .map(|told| told.unwrap())
        .map(|told| (told.sequence.0, told.id.to_string(), told.reason))
        .collect();
    let of = |sequence, id: &str, reason| (sequence, id.to_owned(), reason);
    assert_eq!(
        log[2..],
        [
            of(3, "d", Reason::Retired),
            of(4, "c", Reason::Blocked),
            of(5, "a", Reason::Retired),
            of(6, "b", Reason::Retired)
        ],
        "in the order of their times, by which retention goes"
    );
    let _ = pool.acquire_by_id(&id("live")).unwrap().retire().unwrap();
    pool.flush().unwrap();
    assert_eq!(pool.retirement_log(session_pool::Sequence(6)).count(), 1, "R-4: sequence numbers go on");
}

#[test]
fn sessions_that_are_there_already_are_refused_by_name_or_passed_over() {
    let place = Place::disk();
    let pool = place.open(|builder| builder);
    pool.add(named("b")).unwrap().set_user_data("mine", true).unwrap();
    let _ = pool.add(named("c")).unwrap().retire().unwrap();
    drop(pool);
    let before = place.look(content);
    let error = import_at(&place, "default", crawlee(&["a", "b", "c"]), &ImportOptions::new()).unwrap_err();
    assert_eq!(error.to_string(), "the pool default has the sessions b, c already");
    assert_eq!(place.look(content), before);
    let options = ImportOptions::new().skip_existing(true);
    let imported = import_at(&place, "default", crawlee(&["a", "b", "c"]), &options).unwrap();
    assert_eq!((imported.live, imported.skipped), (1, 2));
    let after = place.look(content);
    assert!(before.iter().all(|item| after.contains(item)) && after.len() == before.len() + 1);
    let imported = import_at(&place, "default", crawlee(&["a", "b", "c"]), &options).unwrap();
    assert_eq!((imported.live, imported.skipped), (0, 3), "again changes nothing");
    assert_eq!(place.look(content), after);
    let many: Vec<String> = (10..30).map(|n| format!("s{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    import_at(&place, "default", crawlee(&many), &ImportOptions::new()).unwrap();
    let error = import_at(&place, "default", crawlee(&many), &ImportOptions::new()).unwrap_err();
    assert!(error.to_string().ends_with("s18, s19 and 10 more already"), "{error}");
    place.assert_sound();
}

#[test]
fn an_import_that_is_refused_leaves_no_store_and_opens_none() {
    let place = Place::disk();
    let bad = || Input::from_bytes(b"{\"sessions\":[{\"id\":\"a-b\",\"cookieJar\":{}}]}".to_vec());
    let error = import_at(&place, "default", bad(), &ImportOptions::new()).unwrap_err();
    assert!(matches!(error, ExchangeError::Field { .. }), "{error}");
    assert!(!place.path().exists());
    drop(place.open(|builder| builder));
    let modified = || {
        let files = ["STORE", "SEAL", "engine/db"].map(|file| place.path().join(file));
        files.map(|file| std::fs::metadata(file).unwrap().modified().unwrap())
    };
    let before = modified();
    import_at(&place, "default", bad(), &ImportOptions::new()).unwrap_err();
    assert_eq!(modified(), before);
    let pool = place.open(|builder| builder);
    let error = import_at(&place, "default", crawlee(&["a"]), &ImportOptions::new()).unwrap_err();
    assert!(matches!(error, ExchangeError::Store(StoreError::InUse { .. })), "{error}");
    drop(pool);
}

#[test]
fn what_an_import_would_do_is_told_without_doing_it() {
    let place = Place::memory();
    let pool = place.open(|builder| builder);
    pool.add(named("a")).unwrap();
    drop(pool);
    let checked =
        |options: &ImportOptions| CheckedImport::check(crawlee(&["a", "b"]), options, &mut |_| {}).unwrap();
    place.look(|store| {
        let before = content(store);
        let would = |options: &ImportOptions, pool: &str| checked(options).would_import(store, &name(pool));
        let error = would(&ImportOptions::new(), "default").unwrap_err();
        assert!(matches!(error, ExchangeError::AlreadyThere { .. }));
        let imported = would(&ImportOptions::new().skip_existing(true), "default").unwrap();
        assert_eq!((imported.live, imported.skipped, imported.pools), (1, 1, 0));
        let imported = would(&ImportOptions::new(), "new").unwrap();
        assert_eq!((imported.live, imported.skipped, imported.pools), (2, 0, 1));
        assert_eq!(content(store), before);
        let imported = check_export(jsonl_of(store).as_slice(), &ImportOptions::new()).unwrap();
        assert_eq!((imported.live, imported.pools), (1, 1));
    });
}

/// Many of them, so that they go in several batches.
#[test]
fn a_store_that_is_made_of_another_ones_sessions_is_sound() {
    let from = Place::disk();
    worked_store(&from, 22);
    let text = from.look(jsonl_of);
    let (live, retired) = from.look(|store| {
        let total =
            inspect::overview(store, &inspect::Scope::default(), Timestamp::MIN.into()).unwrap().total;
        (total.live, total.retired.sum())
    });
    let store = MemoryStore::new();
    // Ids of two pools differ, as they are made.
    let options = ImportOptions::new().now(Timestamp::MAX);
    let imported =
        import_into(&store, &name("all"), Input::from_bytes(text.clone()), &options, &mut |_| {}).unwrap();
    assert_eq!((imported.live, imported.retired), (live, retired));
    assert_sound(&store);
    let of_a = options.clone().from_pool(name("a"));
    let one = import_into(&store, &name("a"), Input::from_bytes(text.clone()), &of_a, &mut |_| {}).unwrap();
    let of_b = options.from_pool(name("b"));
    let other = import_into(&store, &name("b"), Input::from_bytes(text.clone()), &of_b, &mut |_| {}).unwrap();
    assert_eq!((one.live + other.live, one.retired + other.retired), (live, retired));
    assert_sound(&store);
    let of_c = ImportOptions::new().from_pool(name("c"));
    let error =
        import_into(&store, &name("c"), Input::from_bytes(text.clone()), &of_c, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("no pool c: it has the pools a, b"), "{error}");
    let payloads = |store: &dyn ReadStore, pool: &str| -> usize {
        let pool =
            inspect::pools(store).unwrap().into_iter().find(|entry| entry.name.as_str() == pool).unwrap();
        let mut length = 0;
        store
            .visit_sessions(pool.number, None, &mut |item| {
                let payload = store.payload(pool.number, &item.unwrap().0).unwrap().unwrap();
                length += serde_json::to_string(&payload.user_data).unwrap().len();
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        length
    };
    from.look(|old| assert_eq!(payloads(&store, "a"), payloads(old, "a")));
}

/// An input during whose third reading the store begins to fail: its beginning was looked at, then all of it was checked.
struct FailsInTheMiddle {
    text: Cursor<Vec<u8>>,
    readings: u32,
    store: Arc<FaultyStore>,
}

impl Read for FailsInTheMiddle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.text.read(buffer)
    }
}

impl BufRead for FailsInTheMiddle {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.readings == 3 && self.text.position() > self.text.get_ref().len() as u64 / 2 {
            self.store.fails_commit.store(true, Ordering::SeqCst);
        }
        self.text.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.text.consume(amount);
    }
}

impl Seek for FailsInTheMiddle {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.readings += 1;
        self.text.seek(to)
    }
}

#[test]
fn an_import_that_stops_in_the_middle_leaves_a_sound_store_and_can_be_finished() {
    let from = Place::memory();
    let pool = from.open(|builder| builder.max_pool_size(5000));
    for n in 0..3000 {
        let session = pool.add(named(&format!("s{n}"))).unwrap();
        if n % 3 > 0 {
            let _ = session.retire().unwrap();
        }
    }
    drop(pool);
    let text = from.look(jsonl_of);
    let store = Arc::new(FaultyStore::default());
    let options = ImportOptions::new().format(ImportFormat::Jsonl);
    let input = FailsInTheMiddle { text: Cursor::new(text.clone()), readings: 0, store: Arc::clone(&store) };
    let error = import_into(&store, &name("a"), Input::new(input), &options, &mut |_| {}).unwrap_err();
    assert!(matches!(error, ExchangeError::Store(_)), "{error}");
    store.fails_commit.store(false, Ordering::SeqCst);
    assert_sound(&store);
    let there = content(&store).len();
    assert!(there > 200, "some of them are there: {there}");
    let options = options.skip_existing(true);
    let rest = import_into(&store, &name("a"), Input::from_bytes(text), &options, &mut |_| {}).unwrap();
    assert_sound(&store);
    assert!(rest.skipped > 100 && rest.skipped + rest.live + rest.retired == 3000, "{rest:?}");
    let total = inspect::overview(&store, &inspect::Scope::default(), Timestamp::MIN.into()).unwrap().total;
    assert_eq!((total.live, total.retired.retired), (1000, 2000));
}

#[test]
fn what_comes_from_a_clock_that_is_ahead_counts_as_now_in_a_pool() {
    let from = Place::memory();
    let clock = clock();
    let pool = from.open(|builder| builder.clock(clock.clone()));
    let _ = pool.add(named("live")).unwrap().reclaim().unwrap();
    let _ = pool.add(named("retired")).unwrap().retire().unwrap();
    drop(pool);
    let text = from.look(jsonl_of);
    let store = MemoryStore::new();
    let now: Timestamp = serde_json::from_str("\"2026-01-01T00:00:00Z\"").unwrap();
    let mut notes = Vec::new();
    let options = ImportOptions::new().now(now);
    import_into(&store, &name("a"), Input::from_bytes(text.clone()), &options, &mut |note| {
        notes.push(note.field.clone());
    })
    .unwrap();
    notes.sort();
    let log = "the log of pool default";
    assert_eq!(notes, ["created_at", "created_at", "last_used_at", "last_used_at", "retired.at", log]);
    assert_sound(&store);
    let record = store.record(session_pool::PoolNumber(0), &id("retired")).unwrap().unwrap();
    assert_eq!((record.created_at, record.retired.unwrap().at), (now, now), "T-3");
}

#[test]
fn a_new_store_is_made_where_there_is_none_and_never_over_something_else() {
    let place = Place::disk();
    worked_store(&place, 23);
    let text = place.look(jsonl_of);
    let import = |path: &std::path::Path| {
        import_store(text.as_slice(), path, &ImportOptions::new(), SledStoreOptions::new())
    };
    let error = import(&place.path()).unwrap_err();
    assert!(matches!(error, ExchangeError::Store(StoreError::AlreadyExists { .. })), "{error}");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    let error = import(&file).unwrap_err();
    assert!(matches!(error, ExchangeError::Store(StoreError::AlreadyExists { .. })), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    import(&directory.path().join("new")).unwrap();
    assert_sound(&open(&directory.path().join("new")));
    let place = Place::disk();
    std::fs::create_dir(place.path()).unwrap();
    std::fs::write(place.path().join("other"), "mine").unwrap();
    let error = import_at(&place, "default", crawlee(&["a"]), &ImportOptions::new()).unwrap_err();
    assert!(matches!(error, ExchangeError::Store(StoreError::NotAStore { .. })), "{error}");
}
