//! Archives: everything in a store, as it was at one moment.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use session_pool::archive::{ArchiveError, ArchiveItem, ArchiveOptions, ArchiveReader};
use session_pool::recovery::{RecoveryOptions, restore};
use session_pool::{
    Cookie, Durability, Error, Growth, ReadStore, Retention, SessionOptions, SessionPool, SessionStore,
    StoreError, Strategy, archive,
};

use crate::support::{Place, SECOND, assert_sound, clock, content, id, named, options, worked_store};

fn archive_of(store: &dyn ReadStore) -> Vec<u8> {
    let mut bytes = Vec::new();
    archive::write(store, &mut bytes, &ArchiveOptions::new()).unwrap();
    bytes
}

/// Every item that can be read, as text, and the errors between them.
fn read(bytes: &[u8]) -> (Vec<String>, Vec<ArchiveError>) {
    let (mut items, mut errors) = (Vec::new(), Vec::new());
    match ArchiveReader::new(bytes, &ArchiveOptions::new()) {
        Ok(reader) => {
            for item in reader {
                match item {
                    Ok(item) => items.push(format!("{item:?}")),
                    Err(error) => errors.push(error),
                }
            }
        }
        Err(error) => errors.push(error),
    }
    (items, errors)
}

#[test]
fn a_store_restored_from_an_archive_holds_exactly_the_same() {
    for place in Place::both() {
        worked_store(&place, 7);
        let directory = tempfile::tempdir().unwrap();
        let (file, restored) = (directory.path().join("a.archive"), directory.path().join("restored"));
        let before = place.look(|store| {
            std::fs::write(&file, archive_of(store)).unwrap();
            content(store)
        });
        let report = restore(&file, &restored, RecoveryOptions::new()).unwrap();
        assert!(report.lost.is_empty() && report.live > 0 && report.retired > 0, "{report:?}");
        let store = session_pool::SledStoreOptions::new().create(false).open(&restored).unwrap();
        assert_sound(&store);
        assert_eq!(content(&store), before);
    }
}

#[test]
fn a_restored_store_goes_on_where_the_archive_was_written() {
    let place = Place::disk();
    worked_store(&place, 8);
    let directory = tempfile::tempdir().unwrap();
    let (file, restored) = (directory.path().join("a.archive"), directory.path().join("restored"));
    let store = place.open_store();
    store.backup_to(&file).unwrap();
    restore(&file, &restored, RecoveryOptions::new()).unwrap();
    let pool = |store: &SessionStore| SessionPool::builder().name("a").open_in(store).unwrap();
    let (original, restored) = (pool(&store), pool(&SessionStore::open(&restored).unwrap()));
    let ids = |pool: &SessionPool| {
        let mut ids: Vec<_> = pool.iter().map(|session| *session.id()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&original), ids(&restored));
    let last = |pool: &SessionPool| {
        let retired = pool.acquire().unwrap().session().clone();
        let _ = retired.retire().unwrap();
        pool.flush().unwrap();
        pool.retirement_log(session_pool::Sequence::START).last().unwrap().unwrap().sequence
    };
    assert_eq!(last(&original), last(&restored), "R-4: sequence numbers go on");
}

/// One thread uses the sessions one after the other, each use committed before the next begins. So at every moment those
/// used already are exactly one use ahead of those that are not, and an archive in which it is otherwise is of no moment.
#[test]
fn an_archive_of_a_working_pool_is_of_one_moment() {
    const SESSIONS: u32 = 600;
    let place = Place::disk();
    let store = place.open_store();
    let builder = SessionPool::builder().max_pool_size(10_000).growth(Growth::Manual);
    let builder = builder.strategy(Strategy::RoundRobin).durability(Durability::Immediate);
    let pool = builder.open_in(&store).unwrap();
    let unlimited = SessionOptions { max_usage_count: u32::MAX, ..SessionOptions::default() };
    let handles: Vec<_> = (0..SESSIONS)
        .map(|n| pool.add(SessionOptions { id: Some(id(&format!("s{n:04}"))), ..unlimited.clone() }).unwrap())
        .collect();
    let others = SessionPool::builder()
        .name("others")
        .max_pool_size(50)
        .retired_retention(Retention { max_age: Duration::MAX, max_count: 20 });
    let others =
        others.log_retention(Retention { max_age: Duration::MAX, max_count: 40 }).open_in(&store).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = SetWhenDropped(&is_over);
        scope.spawn(|| {
            // Backwards too, so that some are changed behind the reader and some before it.
            while !is_over.load(Ordering::Relaxed) {
                for session in handles.iter().rev() {
                    let _ = session.reclaim().unwrap();
                }
            }
        });
        scope.spawn(|| {
            // Sessions that come, change, go and are forgotten meanwhile.
            while !is_over.load(Ordering::Relaxed) {
                let lease = others.acquire().unwrap();
                lease.set_user_data("k", "x".repeat(fastrand::usize(..9000))).unwrap();
                if fastrand::u8(..3) == 0 {
                    let _ = lease.retire().unwrap();
                }
                if fastrand::u8(..50) == 0 {
                    others.forget().unwrap();
                }
            }
        });
        for _ in 0..10 {
            let mut bytes = Vec::new();
            let at_least = handles[0].record().usage_count;
            let summary = store.backup(&mut bytes).unwrap();
            let (mut counts, mut items) = (vec![None; SESSIONS as usize], 0);
            for item in ArchiveReader::new(bytes.as_slice(), &ArchiveOptions::new()).unwrap() {
                items += 1;
                if let ArchiveItem::Session(session) = item.unwrap()
                    && let Some(n) =
                        session.id.as_str().strip_prefix('s').and_then(|n| n.parse::<usize>().ok())
                {
                    assert_eq!(counts[n].replace(session.record.usage_count), None, "each session once");
                }
            }
            assert_eq!(items, summary.pools + summary.sessions + summary.log_entries);
            let counts: Vec<u32> = counts.into_iter().map(|count| count.unwrap()).collect();
            assert!(counts.windows(2).all(|pair| pair[0] <= pair[1]), "of one moment: {counts:?}");
            assert!(counts[counts.len() - 1] - counts[0] <= 1, "of one moment: {counts:?}");
            assert!(counts[0] >= at_least, "what was durable when it was asked for is in it");

            let directory = tempfile::tempdir().unwrap();
            let (file, restored) = (directory.path().join("a"), directory.path().join("r"));
            std::fs::write(&file, &bytes).unwrap();
            let report = restore(&file, &restored, RecoveryOptions::new()).unwrap();
            assert!(report.lost.is_empty(), "{:?}", report.lost);
            assert_sound(&session_pool::SledStoreOptions::new().create(false).open(&restored).unwrap());
        }
    });
}

/// So that threads end also where a test fails.
struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn an_archive_that_is_cut_short_yields_its_whole_items_and_says_so() {
    let place = Place::memory();
    worked_store(&place, 9);
    let bytes = place.look(archive_of);
    let (all, errors) = read(&bytes);
    assert!(errors.is_empty());
    let mut seen = 0;
    let ends = (0..400)
        .chain((400..bytes.len()).step_by(1 + bytes.len() / 300))
        .chain(bytes.len() - 60..bytes.len());
    for end in ends {
        let (items, errors) = read(&bytes[..end]);
        assert!(items.len() >= seen && all.starts_with(&items));
        seen = items.len();
        match errors.as_slice() {
            [ArchiveError::NotAnArchive] => assert!(end < 8),
            [ArchiveError::CutShort { items: said, offset }] => {
                assert_eq!((*said, *offset <= end as u64), (items.len() as u64, true));
            }
            other => panic!("{end}: {other:?}"),
        }
    }
    assert_eq!(seen, all.len());
}

#[test]
fn a_damaged_archive_yields_nothing_that_was_not_written_and_all_that_is_whole() {
    let place = Place::memory();
    worked_store(&place, 10);
    let bytes = place.look(archive_of);
    let (all, _) = read(&bytes);
    let header = 8 + 13 + 400;
    for at in (0..bytes.len()).step_by(bytes.len() / 700 + 1) {
        for damage in 0..3 {
            let mut damaged = bytes.clone();
            match damage {
                0 => damaged[at] ^= 1 << (at % 8),
                1 => {
                    let end = bytes.len().min(at + 300);
                    damaged[at..end].fill(0);
                }
                _ => drop(damaged.drain(at..bytes.len().min(at + 50))),
            }
            if damaged == bytes {
                continue;
            }
            let (items, errors) = read(&damaged);
            assert!(!errors.is_empty(), "{at}: it went unnoticed");
            let mut expected = all.iter();
            assert!(items.iter().all(|item| expected.any(|e| e == item)), "{at}: something else is in it");
            assert!(at < header || items.len() + 12 >= all.len(), "{at}: {} of {}", items.len(), all.len());
        }
    }
}

#[test]
fn whatever_follows_the_end_of_an_archive_is_damage() {
    let place = Place::memory();
    worked_store(&place, 12);
    let bytes = place.look(archive_of);
    let (all, errors) = read(&bytes);
    assert!(errors.is_empty());
    let directory = tempfile::tempdir().unwrap();
    let (file, restored) = (directory.path().join("a"), directory.path().join("restored"));
    let end = bytes.len() as u64;
    let tails =
        [vec![0], b"junk\n".to_vec(), vec![b'S'; 200_000], bytes.clone(), bytes[bytes.len() - 60..].to_vec()];
    for tail in tails {
        let bytes = [bytes.as_slice(), &tail].concat();
        let (items, errors) = read(&bytes);
        assert_eq!(items, all);
        match errors.as_slice() {
            [ArchiveError::Damaged { offset, rule }] => {
                assert_eq!((*offset, rule.as_str()), (end, "something follows its end"));
            }
            other => panic!("{other:?}"),
        }
        std::fs::write(&file, &bytes).unwrap();
        let reading = session_pool::ReadOptions::new();
        let error = archive::ArchiveView::open(&file, &reading).unwrap_err();
        assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
        let view = archive::ArchiveView::open(&file, &reading.allow_damaged(true)).unwrap();
        assert_eq!(view.damage().len(), 1);
        let error = restore(&file, &restored, RecoveryOptions::new()).unwrap_err();
        assert!(matches!(error, Error::Archive(ArchiveError::Damaged { .. })), "{error}");
        let report = restore(&file, &restored, RecoveryOptions::new().allow_damaged(true)).unwrap();
        assert!(report.live > 0 && report.sources[0].damage.len() == 1, "{report:?}");
        std::fs::remove_dir_all(&restored).unwrap();
    }
}

#[test]
fn what_is_no_archive_or_a_newer_one_is_refused_by_name() {
    let options = ArchiveOptions::new();
    for bytes in [&b""[..], b"[]", b"\x89SPA", &[0; 100]] {
        assert!(matches!(ArchiveReader::new(bytes, &options), Err(ArchiveError::NotAnArchive)));
    }
    // A header of a version to come, made by hand as the format says.
    for (json, expected) in [
        (r#"{"format":2,"schema":1}"#, "format 2"),
        (
            r#"{"format":1,"schema":99,"id":"","created_at":"2026-01-01T00:00:00Z","encrypted":null}"#,
            "schema version 99",
        ),
    ] {
        let mut head = vec![b'H', 0, 0, 0, 0];
        head.extend_from_slice(&u32::try_from(json.len()).unwrap().to_le_bytes());
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&head);
        hasher.update(json.as_bytes());
        let checksum = hasher.finalize().to_le_bytes();
        let bytes = [b"\x89SPA\r\n\x1a\n", &head[..], &checksum, json.as_bytes()].concat();
        let error = ArchiveReader::new(bytes.as_slice(), &options).map(drop).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_failed_restore_leaves_nothing_and_nothing_is_overwritten() {
    let place = Place::disk();
    worked_store(&place, 11);
    let directory = tempfile::tempdir().unwrap();
    let (file, cut) = (directory.path().join("a"), directory.path().join("cut"));
    let bytes = place.look(archive_of);
    std::fs::write(&file, &bytes).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();

    let restored = directory.path().join("deep/restored");
    let error = restore(&cut, &restored, RecoveryOptions::new()).unwrap_err();
    assert!(matches!(error, Error::Archive(ArchiveError::CutShort { .. })), "{error}");
    assert!(!restored.exists());
    let report = restore(&cut, &restored, RecoveryOptions::new().allow_damaged(true)).unwrap();
    assert!(report.live > 0 && !report.sources[0].damage.is_empty());
    assert_sound(&session_pool::SledStoreOptions::new().create(false).open(&restored).unwrap());

    let before = content(&session_pool::SledStoreOptions::new().open(place.path()).unwrap());
    for path in [place.path(), file.clone(), directory.path().to_owned()] {
        let error = restore(&file, &path, RecoveryOptions::new()).unwrap_err();
        assert!(matches!(error, Error::Store(StoreError::AlreadyExists { .. })), "{error}");
    }
    assert_eq!(content(&session_pool::SledStoreOptions::new().open(place.path()).unwrap()), before);
    let error = place.open_store().backup_to(&file).unwrap_err();
    assert!(matches!(error, Error::Archive(ArchiveError::Io { .. })), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_payload_of_every_size_comes_back() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual).clock(clock()));
    for length in [0, 1, 4000, 4096, 5000, 100_000, 1_000_000] {
        let session = pool.add(named(&format!("s{length}"))).unwrap();
        session.set_user_data("k", "x".repeat(length)).unwrap();
        session.set_cookies([Cookie::new("a", "b", "example.com")]).unwrap();
    }
    pool.flush().unwrap();
    let mut bytes = Vec::new();
    pool.session_store().backup(&mut bytes).unwrap();
    let mut lengths = Vec::new();
    for item in ArchiveReader::new(bytes.as_slice(), &ArchiveOptions::new()).unwrap() {
        if let ArchiveItem::Session(session) = item.unwrap() {
            let payload = session.payload.unwrap();
            assert_eq!(payload.cookies[0].value, "b");
            lengths.push(payload.user_data.get::<String>("k").unwrap().unwrap().len());
        }
    }
    lengths.sort_unstable();
    assert_eq!(lengths, [0, 1, 4000, 4096, 5000, 100_000, 1_000_000]);
}

#[test]
fn an_archive_leaves_out_what_cannot_be_read_and_counts_it() {
    let place = Place::disk();
    let pool = place.open(|b| b.growth(Growth::Manual));
    for name in ["a", "b", "c"] {
        pool.add(named(name)).unwrap();
    }
    drop(pool);
    {
        let engine = crate::support::engine(&place);
        let tree = engine.open_tree("sessions").unwrap();
        tree.insert([&[0; 4][..], b"b"].concat(), b"\x01nonsense").unwrap();
        let tree = engine.open_tree("payloads").unwrap();
        tree.insert([&[0; 4][..], b"c", &[0; 4]].concat(), b"nonsense").unwrap();
    }
    let mut bytes = Vec::new();
    let summary = place.open_store().backup(&mut bytes).unwrap();
    assert_eq!((summary.sessions, summary.unreadable), (2, 2));
    let sessions: Vec<_> = ArchiveReader::new(bytes.as_slice(), &ArchiveOptions::new())
        .unwrap()
        .filter_map(|item| match item.unwrap() {
            ArchiveItem::Session(session) => Some((session.id.to_string(), session.payload.is_some())),
            _ => None,
        })
        .collect();
    assert_eq!(sessions, [("a".to_owned(), true), ("c".to_owned(), false)]);
}

#[test]
fn a_custom_store_is_archived_too() {
    let store = SessionStore::in_memory().unwrap();
    let pool = SessionPool::builder().session_options(options(|o| o.max_age = 60 * SECOND));
    let pool = pool.open_in(&store).unwrap();
    pool.acquire().unwrap().reclaim().unwrap();
    let mut bytes = Vec::new();
    assert_eq!(store.backup(&mut bytes).unwrap().sessions, 1);
    assert_eq!(store.checkpoint().unwrap(), None, "it has no directory");
    let mut seen = 0;
    store
        .store()
        .visit_pools(&mut |_| {
            seen += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(seen, 1);
}
