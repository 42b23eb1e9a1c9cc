//! Injuries: what a damaged file does to a store. It opens as it was, or says that it is damaged and is repaired; it never
//! panics, and nothing comes out of it that was never in it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::{self, Debug, Display};
use std::fs;
use std::mem::discriminant;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fastrand::Rng;
use session_pool::recovery::{RecoveryOptions, repair};
use session_pool::{
    Growth, ManualClock, ReadOptions, ReadStore, SessionId, SessionOptions, SessionPool, SessionRecord,
    SessionStore, SledReader, SledStore, SledStoreOptions, StoreError, inspect,
};

use crate::support::{SECOND, assert_sound, clock, content, copy_directory as copy, files};

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Injury {
    BitFlipped,
    CutShort,
    Zeroed,
    Removed,
    Older,
}

const INJURIES: [Injury; 5] =
    [Injury::BitFlipped, Injury::CutShort, Injury::Zeroed, Injury::Removed, Injury::Older];

/// Which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Db,
    Snapshot,
    Conf,
    Blobs,
    Checkpoint,
    Seal,
    Witness,
    Marker,
}

const TARGETS: [Target; 8] = [
    Target::Db,
    Target::Snapshot,
    Target::Conf,
    Target::Blobs,
    Target::Checkpoint,
    Target::Seal,
    Target::Witness,
    Target::Marker,
];

impl Target {
    fn file(self, store: &Path) -> Option<PathBuf> {
        let newest = |directory: &str, has: &str| {
            let files = fs::read_dir(store.join(directory)).ok()?;
            let files = files.map(|entry| entry.unwrap().path());
            files.filter(|path| path.file_name().unwrap().to_str().unwrap().contains(has)).max()
        };
        match self {
            Self::Db => Some(store.join("engine/db")),
            Self::Snapshot => newest("engine", "snap."),
            Self::Conf => Some(store.join("engine/conf")),
            Self::Blobs => Some(store.join("engine/blobs")),
            Self::Checkpoint => newest("checkpoints", ".archive"),
            Self::Seal => Some(store.join("SEAL")),
            Self::Witness => Some(store.join("WITNESS")),
            Self::Marker => Some(store.join("STORE")),
        }
    }
}

/// A store that is not open, and what there is to know of it.
struct Patient {
    directory: tempfile::TempDir,
    /// What is in it.
    content: Vec<String>,
    /// Which sessions were in the last checkpoint, and whether they were retired by then.
    checkpointed: BTreeMap<SessionId, bool>,
    /// Every version that a session ever had.
    history: HashMap<SessionId, HashSet<String>>,
}

impl Patient {
    fn path(&self) -> PathBuf {
        self.directory.path().join("sessions")
    }

    fn older(&self) -> PathBuf {
        self.directory.path().join("older")
    }
}

fn version(record: &SessionRecord) -> String {
    format!("{record:?}")
}

/// Works in a pool, and notes every version of every session.
fn work(
    pool: &SessionPool,
    clock: &ManualClock,
    turns: u32,
    random: &mut Rng,
    history: &mut HashMap<SessionId, HashSet<String>>,
) {
    for _ in 0..turns {
        clock.advance(SECOND / 7);
        let session = match pool.acquire() {
            Ok(lease) if pool.stats().live >= 300 || random.u8(..4) > 0 => {
                let session = lease.session().clone();
                history.entry(*session.id()).or_default().insert(version(&session.record()));
                let _ = match random.u8(..20) {
                    0 => lease.retire(),
                    1..4 => lease.fail(),
                    _ => lease.reclaim(),
                };
                session
            }
            Ok(lease) => {
                let session = lease.session().clone();
                drop(lease.reclaim());
                history.entry(*session.id()).or_default().insert(version(&session.record()));
                pool.add(pool.session_options()).unwrap()
            }
            Err(_) => pool.add(pool.session_options()).unwrap(),
        };
        if random.u8(..5) == 0 {
            let length = if random.u8(..10) == 0 { random.usize(..90_000) } else { random.usize(..3000) };
            let text: String = std::iter::repeat_with(|| random.alphanumeric()).take(length).collect();
            let _ = session.set_user_data("text", text);
        }
        for session in pool.iter().take(2).chain([session]) {
            history.entry(*session.id()).or_default().insert(version(&session.record()));
        }
    }
    for session in pool.iter() {
        history.entry(*session.id()).or_default().insert(version(&session.record()));
    }
}

fn open(path: &Path) -> Result<SledStore, StoreError> {
    SledStoreOptions::new().create(false).open(path)
}

/// A store that has been opened several times, with a checkpoint and work after it; closed, or as a killed process leaves it.
fn patient(seed: u64, is_closed: bool) -> Patient {
    let mut random = Rng::with_seed(seed);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("working");
    let (clock, mut history) = (clock(), HashMap::new());
    let open_pool = || {
        let options = SessionOptions { max_usage_count: 40, ..SessionOptions::default() };
        let store = SessionStore::open(&path).unwrap();
        let builder = SessionPool::builder().max_pool_size(400).growth(Growth::Manual);
        builder.session_options(options).clock(clock.clone()).open_in(&store).unwrap()
    };
    for _ in 0..2 {
        work(&open_pool(), &clock, 300, &mut random, &mut history);
    }
    let pool = open_pool();
    work(&pool, &clock, 300, &mut random, &mut history);
    pool.session_store().checkpoint().unwrap().unwrap();
    let mut checkpointed = BTreeMap::new();
    for session in inspect::pools(pool.session_store().store()).unwrap() {
        let visit = &mut |item: session_pool::Visited<(SessionId, SessionRecord)>| {
            let (id, record) = item.unwrap();
            checkpointed.insert(id, record.retired.is_some());
            std::ops::ControlFlow::Continue(())
        };
        pool.session_store().store().visit_sessions(session.number, None, visit).unwrap();
    }
    pool.flush().unwrap();
    copy(&path, &directory.path().join("older"));
    work(&pool, &clock, 600, &mut random, &mut history);
    pool.session_store().checkpoint().unwrap().unwrap();
    let newest: Vec<_> = pool.iter().map(|session| *session.id()).collect();
    checkpointed.extend(newest.into_iter().map(|id| (id, false)));
    work(&pool, &clock, 400, &mut random, &mut history);
    // Which segments of the log are full is noted a little later.
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(60));
        work(&pool, &clock, 1, &mut random, &mut history);
        pool.flush().unwrap();
    }
    let content = content(pool.session_store().store());
    let sessions = directory.path().join("sessions");
    if is_closed {
        drop(pool);
        // The engine lets go a little later.
        drop(open(&path).unwrap());
        copy(&path, &sessions);
    } else {
        copy(&path, &sessions);
    }
    Patient { directory, content, checkpointed, history }
}

/// Injures a copy of the store; whether there was anything to injure.
fn injure(patient: &Patient, copy: &Path, target: Target, injury: Injury, random: &mut Rng) -> bool {
    let Some(file) = target.file(copy).filter(|file| file.exists()) else { return false };
    if target == Target::Blobs {
        // It is an empty directory: nothing of it can be cut or zeroed.
        match injury {
            Injury::Removed => fs::remove_dir_all(file).unwrap(),
            Injury::Older => fs::write(file.join("12345"), b"older").unwrap(),
            _ => fs::write(file.join("nonsense"), [0; 100]).unwrap(),
        }
        return true;
    }
    let mut bytes = fs::read(&file).unwrap();
    let before = bytes.clone();
    if bytes.is_empty() {
        return false;
    }
    match injury {
        Injury::BitFlipped => bytes[random.usize(..before.len())] ^= 1 << random.u32(..8),
        Injury::CutShort => bytes.truncate(random.usize(..before.len())),
        Injury::Zeroed => {
            let at = random.usize(..bytes.len()) / 4096 * 4096;
            let end = bytes.len().min(at + 4096);
            bytes[at..end].fill(0);
        }
        Injury::Removed => {
            fs::remove_file(file).unwrap();
            return true;
        }
        Injury::Older => {
            let Some(older) = target.file(&patient.older()).filter(|file| file.exists()) else {
                return false;
            };
            bytes = fs::read(older).unwrap();
        }
    }
    fs::write(file, &bytes).unwrap();
    bytes != before
}

/// How it went.
#[derive(Default)]
struct Outcomes {
    as_it_was: u32,
    refused_and_repaired: u32,
    healed: u32,
    lost: u32,
}

impl Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { as_it_was, refused_and_repaired, healed, lost } = self;
        write!(
            f,
            "{as_it_was:4} opened as it was ({healed:4} healed), {refused_and_repaired:4} refused and repaired, {lost} with losses"
        )
    }
}

fn examine(patient: &Patient, target: Target, injury: Injury, random: &mut Rng, outcomes: &mut Outcomes) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("sessions");
    copy(&patient.path(), &path);
    if !injure(patient, &path, target, injury, random) {
        return;
    }
    let before = files(&path);
    let read = catch_unwind(|| SledReader::open(&path, &ReadOptions::new()).map(|store| content(&store)));
    let read = read.unwrap_or_else(|_| panic!("{target:?} {injury:?}: reading panicked"));
    assert!(before == files(&path), "{target:?} {injury:?}: reading changes nothing");
    let opened = catch_unwind(AssertUnwindSafe(|| open(&path)));
    let opened = opened.unwrap_or_else(|_| panic!("{target:?} {injury:?}: opening panicked"));
    match &read {
        // Nothing is read but what it was; where only what the engine keeps beside its log is damaged, that is no matter.
        Ok(content) => {
            assert!(*content == patient.content, "{target:?} {injury:?}: what is read is not what it was");
        }
        Err(error) => {
            // It may tell of another place that is damaged.
            let opened = opened.as_ref().err().map(discriminant);
            assert_eq!(Some(discriminant(error)), opened, "{target:?} {injury:?}: {error}");
        }
    }
    match opened {
        Ok(store) => {
            assert!(content(&store) == patient.content, "{target:?} {injury:?}: it is not what it was");
            assert_sound(&store);
            outcomes.as_it_was += 1;
            outcomes.healed += u32::from(!store.open_report().healed.is_empty());
            let is_beside = matches!(target, Target::Snapshot | Target::Conf);
            assert!(!is_beside || !store.open_report().healed.is_empty() || injury == Injury::Removed);
        }
        Err(error) => {
            let is_typed = matches!(error, StoreError::Damaged { .. } | StoreError::NotAStore { .. });
            assert!(is_typed, "{target:?} {injury:?}: {error}");
            assert!(
                !matches!(target, Target::Snapshot | Target::Conf | Target::Blobs | Target::Checkpoint),
                "{target:?} {injury:?}: it heals by itself: {error}"
            );
            let before = (target != Target::Db).then(|| fs::read(path.join("engine/db")).unwrap());
            mend(patient, &path, &place.path().join("repaired"), &format!("{target:?} {injury:?}"), outcomes);
            if let Some(before) = before {
                assert!(before == fs::read(path.join("engine/db")).unwrap(), "it was touched");
            }
            outcomes.refused_and_repaired += 1;
        }
    }
}

/// Repairs a damaged store, and looks at what came of it.
fn mend(patient: &Patient, path: &Path, into: &Path, what: &dyn Debug, outcomes: &mut Outcomes) {
    let report =
        repair(path, into, RecoveryOptions::new()).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    let store = open(into).unwrap();
    assert_sound(&store);
    outcomes.lost += u32::from(!report.lost.is_empty());
    let pool = inspect::pools(&store).unwrap().remove(0).number;
    for (id, was_retired) in &patient.checkpointed {
        let record = store.record(pool, id).unwrap();
        let record = record.unwrap_or_else(|| panic!("{what:?}: {id} was in the checkpoint and is lost"));
        assert!(record.retired.is_some() || !was_retired, "{what:?}: {id} was retired and is not");
    }
    assert_known(patient, &store, what);
}

/// Nothing in a store is what it never was.
fn assert_known(patient: &Patient, store: &SledStore, what: &dyn Debug) {
    let pool = inspect::pools(store).unwrap().remove(0).number;
    let visit = &mut |item: session_pool::Visited<(SessionId, SessionRecord)>| {
        let (id, record) = item.unwrap();
        let versions = &patient.history[&id];
        // Whoever is known from the log alone comes back as retired, its limits and expiry unknown.
        let is_known = versions.contains(&version(&record)) || record.retired.is_some();
        assert!(is_known, "{what:?}: {id} has never been {record:?}");
        let _ = store.payload(pool, &id).unwrap();
        std::ops::ControlFlow::Continue(())
    };
    store.visit_sessions(pool, None, visit).unwrap();
}

fn examine_often(times: u32, seed: u64, is_closed: bool) {
    let patient = patient(seed, is_closed);
    for target in TARGETS {
        for injury in INJURIES {
            let mut outcomes = Outcomes::default();
            for time in 0..times {
                let seed = seed ^ u64::from(time) << 8 ^ (target as u64) << 32 ^ (injury as u64) << 40;
                examine(&patient, target, injury, &mut Rng::with_seed(seed), &mut outcomes);
            }
            let state = if is_closed { "closed" } else { "killed" };
            println!("{state} {target:?} {injury:?}: {outcomes}");
        }
    }
}

#[test]
fn an_injured_store_that_was_closed_opens_as_it_was_or_is_refused_and_repaired() {
    examine_often(1, fastrand::u64(..), true);
}

#[test]
fn an_injured_store_that_was_killed_opens_as_it_was_or_is_refused_and_repaired() {
    examine_often(1, fastrand::u64(..), false);
}

/// Of a segment that is gone as a whole, nothing in the log tells that it was in use.
#[test]
fn a_killed_store_that_lost_a_segment_of_its_log_is_refused_or_had_no_use_for_it() {
    const SEGMENT: usize = 512 << 10;
    const HEADER: usize = 20;
    let patient = patient(fastrand::u64(..), false);
    let log = fs::read(patient.path().join("engine/db")).unwrap();
    let (mut refused, mut opened) = (0, 0);
    for start in (0..log.len()).step_by(SEGMENT) {
        for from in [start, start + HEADER] {
            let place = tempfile::tempdir().unwrap();
            copy(&patient.path(), place.path());
            let mut log = log.clone();
            let end = log.len().min(start + SEGMENT);
            log[from.min(end)..end].fill(0);
            fs::write(place.path().join("engine/db"), log).unwrap();
            let read = SledReader::open(place.path(), &ReadOptions::new()).map(|store| content(&store));
            let reopened = open(place.path());
            match (&read, &reopened) {
                (Ok(content), Ok(_)) => assert!(*content == patient.content, "{start} from {from} on"),
                (Err(read), Err(opened)) => {
                    assert_eq!(discriminant(read), discriminant(opened), "read: {read}; opened: {opened}");
                }
                _ => panic!("{start} from {from} on: read {:?}, opened {:?}", read.err(), reopened.err()),
            }
            match reopened {
                Ok(store) => {
                    assert!(content(&store) == patient.content, "the segment at {start} from {from} on");
                    opened += 1;
                }
                Err(StoreError::Damaged { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(refused > opened / 10, "{refused} refused, {opened} opened");
}

#[test]
#[ignore = "takes minutes: cargo test --release --test integration -- --ignored --nocapture two_hundred_times"]
fn a_closed_store_injured_two_hundred_times_in_each_way() {
    examine_often(200, fastrand::u64(..), true);
}

#[test]
#[ignore = "takes minutes: cargo test --release --test integration -- --ignored --nocapture two_hundred_times"]
fn a_killed_store_injured_two_hundred_times_in_each_way() {
    examine_often(200, fastrand::u64(..), false);
}
