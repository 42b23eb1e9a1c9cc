//! What the contract of `Store` asks, of both stores.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use proptest::prelude::*;
use session_pool::{
    Batch, Change, LogEntry, MemoryStore, Payload, PoolEntry, PoolNumber, ReadStore, Reason, Retired,
    Sequence, SessionChange, SessionId, SessionRecord, SledStoreOptions, State, Store, Timestamp, UserData,
};

use crate::support::{assert_sound, id, options, pool};

fn stores() -> Vec<(Option<tempfile::TempDir>, Box<dyn Store>)> {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStoreOptions::new().open(directory.path().join("store")).unwrap();
    vec![(Some(directory), Box::new(store)), (None, Box::new(MemoryStore::new()))]
}

fn record(expires_at: i64) -> SessionRecord {
    let (pool, _) = pool(|b| b);
    let record = pool.add(options(|_| {})).unwrap().record();
    SessionRecord { expires_at: Timestamp::from_millis(expires_at), ..record }
}

fn retired(record: SessionRecord, reason: Reason) -> SessionRecord {
    SessionRecord { retired: Some(Retired { reason, at: Timestamp::from_millis(5) }), ..record }
}

fn payload(text: &str) -> Arc<Payload> {
    let mut user_data = UserData::default();
    user_data.set("text", text).unwrap();
    Arc::new(Payload { user_data, ..Payload::default() })
}

const A: PoolNumber = PoolNumber(0);
const B: PoolNumber = PoolNumber(1);

fn session(
    pool: PoolNumber,
    name: &str,
    record: SessionRecord,
    is_new: bool,
    retirement: Option<u64>,
) -> Change {
    let payload = is_new.then(|| payload(name));
    let retirement = retirement.map(Sequence);
    Change::Session(SessionChange { pool, id: id(name), record, is_new, payload, retirement })
}

fn entry(number: PoolNumber, name: &str, last: u64) -> PoolEntry {
    PoolEntry { last_sequence: Sequence(last), ..PoolEntry::new(number, name.parse().unwrap()) }
}

fn by_state(store: &dyn ReadStore, pool: PoolNumber, state: State) -> Vec<SessionId> {
    let mut ids = Vec::new();
    store
        .visit_by_state(pool, state, &mut |item| {
            ids.push(item.unwrap().0);
            ControlFlow::Continue(())
        })
        .unwrap();
    ids
}

fn expiring(store: &dyn ReadStore, after: i64, until: i64) -> Vec<String> {
    let mut found = Vec::new();
    let (after, until) = (Timestamp::from_millis(after), Timestamp::from_millis(until));
    store
        .visit_expiring(after, until, &mut |item| {
            found.push(item.unwrap().2.to_string());
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

fn log(store: &dyn ReadStore, pool: PoolNumber, after: u64) -> Vec<(u64, LogEntry)> {
    let mut found = Vec::new();
    store
        .visit_log(pool, Sequence(after), &mut |item| {
            let (sequence, entry) = item.unwrap();
            found.push((sequence.0, entry));
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

#[test]
fn the_index_by_expiry_is_visited_from_its_beginning_to_its_end() {
    for (_directory, store) in stores() {
        let (first, last) = (Timestamp::MIN.as_millis(), Timestamp::MAX.as_millis());
        let changes = [("first", first), ("later", 7), ("last", last)];
        let changes = changes.map(|(name, at)| session(A, name, record(at), true, None));
        let changes = [Change::Pool(entry(A, "a", 0))].into_iter().chain(changes).collect();
        store.commit(&Batch { changes }).unwrap();
        assert_eq!(expiring(&*store, first, last), ["first", "later", "last"]);
        assert_eq!(expiring(&*store, first + 1, last - 1), ["later"]);
        assert_sound(&*store);
    }
}

#[test]
fn i1_i2_a_batch_keeps_indexes_and_log_in_step_with_the_sessions() {
    for (_directory, store) in stores() {
        let store = &*store;
        let live = record(1000);
        let changes = vec![
            Change::Pool(entry(A, "a", 1)),
            Change::Pool(entry(B, "b", 0)),
            session(A, "x", live, true, None),
            session(A, "y", record(-5), true, None),
            session(A, "z", retired(live, Reason::Expired), true, Some(1)),
            session(B, "x", record(2000), true, None),
        ];
        store.commit(&Batch { changes }).unwrap();
        store.sync().unwrap();
        assert_sound(store);
        assert_eq!(by_state(store, A, State::Live), [id("x"), id("y")]);
        assert_eq!(by_state(store, A, State::Retired(Reason::Expired)), [id("z")]);
        assert_eq!(by_state(store, B, State::Live), [id("x")]);
        assert_eq!(expiring(store, -1_000_000, 1_000_000), ["y", "x", "x"]);
        assert_eq!(expiring(store, -5, 1000), ["x"], "behind the one, up to and with the other");
        assert_eq!(expiring(store, 1000, 1999), Vec::<String>::new());

        let blocked = retired(live, Reason::Blocked);
        let changes = vec![
            session(A, "x", blocked, false, Some(2)),
            session(A, "y", SessionRecord { usage_count: 7, ..record(-5) }, false, None),
            Change::Pool(entry(A, "a", 2)),
        ];
        store.commit(&Batch { changes }).unwrap();
        assert_sound(store);
        assert_eq!(by_state(store, A, State::Live), [id("y")]);
        assert_eq!(store.record(A, &id("x")).unwrap(), Some(blocked));
        assert_eq!(store.record(A, &id("y")).unwrap().unwrap().usage_count, 7);
        assert_eq!(
            log(store, A, 0).iter().map(|(n, entry)| (*n, entry.id)).collect::<Vec<_>>(),
            [(1, id("z")), (2, id("x"))]
        );
        assert_eq!(log(store, A, 1)[0].1, LogEntry::of(id("x"), &blocked).unwrap());
        assert_eq!(log(store, B, 0), []);

        let purged =
            PoolEntry { purged_through: Sequence(1), trimmed_through: Sequence(1), ..entry(A, "a", 2) };
        let changes = vec![
            Change::Purge { pool: A, id: id("z"), reason: Reason::Expired },
            Change::TrimLog { pool: A, first: Sequence(1), last: Sequence(1) },
            Change::Pool(purged),
        ];
        store.commit(&Batch { changes }).unwrap();
        assert_sound(store);
        assert!(!store.contains(A, &id("z")).unwrap() && store.contains(A, &id("x")).unwrap());
        assert_eq!((store.payload(A, &id("z")).unwrap(), store.record(A, &id("z")).unwrap()), (None, None));
        assert_eq!(log(store, A, 0).len(), 1);
    }
}

#[test]
fn a_visit_ends_when_the_visitor_says_so_and_may_read_on_the_way() {
    for (_directory, store) in stores() {
        let changes = (0..10).map(|n| session(A, &format!("s{n}"), record(1000 + n), true, None)).collect();
        store.commit(&Batch { changes }).unwrap();
        let mut seen = 0;
        store
            .visit_sessions(A, None, &mut |item| {
                assert!(store.payload(A, &item.unwrap().0).unwrap().is_some());
                seen += 1;
                if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert_eq!(seen, 3);
    }
}

#[test]
fn pools_keep_their_names_numbers_and_sequences() {
    for (_directory, store) in stores() {
        let pools = [entry(A, "a", 9), entry(PoolNumber(u32::MAX), "Größe", u64::MAX)];
        store.commit(&Batch { changes: pools.iter().cloned().map(Change::Pool).collect() }).unwrap();
        let mut found = Vec::new();
        store
            .visit_pools(&mut |item| {
                found.push(item.unwrap());
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(found, pools);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn payloads_of_any_length_read_back(lengths in proptest::collection::vec(0..30_000_usize, 1..8)) {
        for (_directory, store) in stores() {
            let mut expected = BTreeMap::new();
            for (n, length) in lengths.iter().enumerate() {
                // Two ids, one the beginning of the other, each rewritten now and then.
                let name = ["s", "s1", "s10"][n % 3];
                let is_new = !expected.contains_key(name);
                let payload = payload(&"x".repeat(*length));
                expected.insert(name, Arc::clone(&payload));
                let change = SessionChange {
                    pool: A, id: id(name), record: record(1000), is_new, payload: Some(payload), retirement: None,
                };
                store.commit(&Batch { changes: vec![Change::Session(change)] }).unwrap();
                for (name, payload) in &expected {
                    let stored = store.payload(A, &id(name)).unwrap();
                    prop_assert_eq!(stored.as_ref(), Some(&**payload));
                }
            }
            let purge = Change::Purge { pool: A, id: id("s"), reason: Reason::Retired };
            store.commit(&Batch { changes: vec![purge] }).unwrap();
            for (name, payload) in expected.iter().filter(|(name, _)| **name != "s") {
                let stored = store.payload(A, &id(name)).unwrap();
                    prop_assert_eq!(stored.as_ref(), Some(&**payload));
            }
        }
    }
}

#[test]
fn of_a_large_payload_that_is_replaced_or_forgotten_nothing_is_left() {
    let place = crate::support::Place::disk();
    let parts = || {
        let engine = crate::support::engine(&place);
        engine.open_tree("payloads").unwrap().len()
    };
    let commit = |change: Change| {
        let store = session_pool::SledStoreOptions::new().open(place.path()).unwrap();
        store.commit(&Batch { changes: vec![change] }).unwrap();
        store
    };
    commit(Change::Pool(entry(A, "a", 0)));
    for (n, length) in [300_000, 100_000, 900_000, 70_000, 10, 500_000].into_iter().enumerate() {
        let payload = payload(&"x".repeat(length));
        let change = SessionChange {
            pool: A,
            id: id("s"),
            record: record(1000),
            is_new: n == 0,
            payload: Some(Arc::clone(&payload)),
            retirement: None,
        };
        let store = commit(Change::Session(change));
        assert_eq!(store.payload(A, &id("s")).unwrap().as_ref(), Some(&*payload));
        assert_sound(&store);
        drop(store);
        assert_eq!(parts(), 1 + length / 4096, "{length}");
    }
    commit(Change::Purge { pool: A, id: id("s"), reason: Reason::Retired });
    assert_eq!(parts(), 0);
}

/// A payload of as many parts as take more than one portion.
fn large(letter: &str) -> Arc<Payload> {
    payload(&letter.repeat(100_000))
}

fn with_payload(change: Change, payload: Arc<Payload>) -> Change {
    match change {
        Change::Session(change) => Change::Session(SessionChange { payload: Some(payload), ..change }),
        change => change,
    }
}

/// Everything in a store that its readers tell of one session.
fn told(store: &dyn Store, name: &str) -> String {
    let record = store.record(A, &id(name)).unwrap();
    let payload = store.payload(A, &id(name)).unwrap();
    let live = by_state(store, A, State::Live);
    let gone = by_state(store, A, State::Retired(Reason::Blocked));
    format!("{record:?} {payload:?} {live:?} {gone:?} {:?}", log(store, A, 0))
}

#[test]
fn i3_changes_of_one_batch_about_one_session_do_what_they_do_one_by_one() {
    let live = record(1000);
    let gone = retired(live, Reason::Blocked);
    let purge = || Change::Purge { pool: A, id: id("x"), reason: Reason::Blocked };
    let new = |letter: &str| with_payload(session(A, "x", live, true, None), large(letter));
    let rewritten = |letter: &str| with_payload(session(A, "x", live, false, None), large(letter));
    let small = |letter: &str| with_payload(session(A, "x", live, false, None), payload(letter));
    let retire = || session(A, "x", gone, false, Some(1));
    let trim = || Change::TrimLog { pool: A, first: Sequence(1), last: Sequence(1) };
    let pool = || Change::Pool(entry(A, "a", 1));
    // What is there before, and the batch.
    let cases = || -> Vec<(Vec<Change>, Vec<Change>)> {
        vec![
            (vec![pool(), new("a"), retire()], vec![purge(), new("b")]),
            (vec![pool(), new("a"), retire()], vec![purge(), new("b"), small("c")]),
            (vec![pool()], vec![new("a"), retire(), purge(), trim()]),
            (vec![pool()], vec![new("a"), rewritten("b"), small("c"), rewritten("d")]),
            (vec![pool(), new("a")], vec![rewritten("b"), small("c"), retire()]),
            (vec![pool(), new("a"), retire()], vec![trim(), purge(), new("b"), retire()]),
            (vec![pool(), new("a"), retire()], vec![purge(), new("b"), retire(), purge(), trim()]),
        ]
    };
    for number in 0..cases().len() {
        let mut answers = Vec::new();
        for is_one_batch in [true, false] {
            for (_directory, store) in stores() {
                let (before, batch) = cases().swap_remove(number);
                let commit = |changes| store.commit(&Batch { changes }).unwrap();
                for change in before {
                    commit(vec![change]);
                }
                if is_one_batch {
                    commit(batch);
                } else {
                    for change in batch {
                        commit(vec![change]);
                    }
                }
                answers.push(told(&*store, "x"));
            }
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "case {number}: {answers:.300?}");
    }
}
