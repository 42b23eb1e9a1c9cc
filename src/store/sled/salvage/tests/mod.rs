//! What the tests share: stores with a past, and what is in them.

mod crash;
mod damage;
mod whole;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fastrand::Rng;
use tempfile::TempDir;

use super::{Ended, LogImage, LogTrees, Tail};
use crate::session::{ErrorScore, Limits, Payload, Reason, Retired, SessionId, SessionRecord, Timestamp};
use crate::store::sled::health::newest_snapshot;
use crate::store::sled::{SledStore, SledStoreOptions, Tree, keys};
use crate::store::{Batch, Change, PoolEntry, PoolNumber, ReadStore, Sequence, SessionChange, Store};

/// Keys and values, those of the indexes left out.
type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// What was ever written under each key.
type History = HashMap<Vec<u8>, HashSet<u64>>;

fn fingerprint(value: &[u8]) -> u64 {
    BuildHasherDefault::<DefaultHasher>::new().hash_one(value)
}

fn db(store: &Path) -> PathBuf {
    store.join("engine").join("db")
}

/// A copy of everything in the directory of a store.
fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    copy_into(from, to.path());
    to
}

fn copy_into(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_into(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What the engine has.
fn entries(store: &SledStore) -> Entries {
    let trees =
        [&store.trees().sessions, &store.trees().payloads, &store.trees().retirements, &store.trees().meta];
    let items = trees.into_iter().flat_map(|tree| tree.iter().map(Result::unwrap));
    items.map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

/// All the engine has, tree by tree.
fn trees(store: &SledStore) -> Vec<Entries> {
    let entries = |tree: Tree| {
        let items = store.trees().tree(tree).iter().map(Result::unwrap);
        items.map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
    };
    Tree::ALL.map(entries).into()
}

/// The same without it.
fn read_trees(path: &Path, how: Ended) -> Vec<Entries> {
    let snapshot = newest_snapshot(path.parent().unwrap()).unwrap().unwrap_or_default();
    let image = LogImage::read_with(path, how, Tail::Cut { snapshot }, &|_, _| {}).unwrap();
    assert_eq!(image.verdict(), None);
    let trees = LogTrees::of(image).unwrap();
    let entries = |tree: Tree| -> Entries {
        let root = trees.root(tree.name()).unwrap();
        let walk = |from: &[u8]| {
            let entries = trees.walk(root, from).map(Result::unwrap);
            entries.map(|(key, value)| (key.as_ref().to_vec(), value.as_ref().to_vec())).collect()
        };
        let entries: Entries = walk(&[]);
        for (key, value) in &entries {
            assert_eq!(trees.get(root, key).unwrap().as_ref().map(AsRef::as_ref), Some(value.as_slice()));
            let missing = [key.as_slice(), &[0]].concat();
            assert!(trees.get(root, &missing).unwrap().is_none_or(|_| entries.contains_key(&missing)));
        }
        for from in entries.keys().step_by(entries.len() / 5 + 1) {
            assert_eq!(
                walk(from),
                entries.range(from.clone()..).map(|(k, v)| (k.clone(), v.clone())).collect()
            );
        }
        entries
    };
    Tree::ALL.map(entries).into()
}

/// What can be read without it.
fn salvaged(image: &LogImage) -> Entries {
    let mut newest = BTreeMap::new();
    image
        .visit_entries(&mut |lsn, key, value| {
            if !value.is_empty() {
                let entry = newest.entry(key.to_vec()).or_insert((lsn, value.to_vec()));
                if entry.0 <= lsn {
                    *entry = (lsn, value.to_vec());
                }
            }
        })
        .unwrap();
    newest.into_iter().map(|(key, (_, value))| (key, value)).collect()
}

/// A store, and all that was ever done to it.
struct Past {
    store: Option<SledStore>,
    path: PathBuf,
    _directory: Option<TempDir>,
    rng: Rng,
    ids: fn(&mut Rng) -> SessionId,
    live: Vec<(PoolNumber, SessionId, SessionRecord)>,
    retired: Vec<(PoolNumber, SessionId, Reason)>,
    last: [Sequence; 3],
    trimmed: [Sequence; 3],
    history: History,
}

fn generated(_: &mut Rng) -> SessionId {
    SessionId::generate()
}

/// Ids of all lengths, many of them the start of another.
fn chosen(rng: &mut Rng) -> SessionId {
    let length = rng.usize(1..=12);
    let text: String = (0..length).map(|_| *rng.choice(&['0', '1', 'a', 'b']).unwrap()).collect();
    text.parse().unwrap()
}

impl Past {
    fn new(seed: u64, ids: fn(&mut Rng) -> SessionId) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let past = Self::in_directory(directory.path(), seed, ids);
        Self { _directory: Some(directory), ..past }
    }

    /// Goes on in a store that may have a past of which nothing is known.
    fn in_directory(path: &Path, seed: u64, ids: fn(&mut Rng) -> SessionId) -> Self {
        let mut past = Self {
            store: None,
            path: path.to_owned(),
            _directory: None,
            rng: Rng::with_seed(seed),
            ids,
            live: Vec::new(),
            retired: Vec::new(),
            last: [Sequence::START; 3],
            trimmed: [Sequence::START; 3],
            history: History::new(),
        };
        past.reopen();
        past.note(&entries(past.store()));
        let pools = (0..3_usize).map(|n| Change::Pool(past.pool(n))).collect();
        past.commit(pools);
        past
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn store(&self) -> &SledStore {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(SledStoreOptions::new().cache_capacity(8 << 20).open(self.path()).unwrap());
    }

    fn pool(&self, n: usize) -> PoolEntry {
        let number = PoolNumber(u32::try_from(n).unwrap());
        PoolEntry {
            last_sequence: self.last[n],
            purged_through: self.trimmed[n],
            trimmed_through: self.trimmed[n],
            ..PoolEntry::new(number, format!("pool{n}").parse().unwrap())
        }
    }

    fn note(&mut self, entries: &Entries) {
        for (key, value) in entries {
            self.history.entry(key.clone()).or_default().insert(fingerprint(value));
        }
    }

    /// Commits, and notes what it wrote.
    fn commit(&mut self, changes: Vec<Change>) {
        let touched: Vec<(PoolNumber, SessionId)> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Session(change) => Some((change.pool, change.id)),
                _ => None,
            })
            .collect();
        let sequences: Vec<_> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Session(change) => change.retirement.map(|sequence| (change.pool, sequence)),
                _ => None,
            })
            .collect();
        self.store().commit(&Batch { changes }).unwrap();
        let mut written = Entries::new();
        let trees = self.store().trees();
        let mut add = |key: sled::IVec, value: sled::IVec| written.insert(key.to_vec(), value.to_vec());
        for (pool, id) in touched {
            let key = keys::session(pool, &id);
            add(key.as_ref().into(), trees.sessions.get(&key).unwrap().unwrap());
            for item in trees.payloads.scan_prefix(keys::payload_prefix(pool, &id)) {
                let (key, value) = item.unwrap();
                add(key, value);
            }
        }
        for (pool, sequence) in sequences {
            let key = keys::retirement(pool, sequence);
            add(key.as_ref().into(), trees.retirements.get(&key).unwrap().unwrap());
        }
        for item in &trees.meta {
            let (key, value) = item.unwrap();
            add(key, value);
        }
        self.note(&written);
    }

    fn payload(&mut self) -> Arc<Payload> {
        // Most are small, some take many parts.
        let length = match self.rng.u8(..8) {
            0 => self.rng.usize(..60_000),
            _ => self.rng.usize(..600),
        };
        let mut payload = Payload::default();
        let text: String = (0..length).map(|_| self.rng.alphanumeric()).collect();
        payload.user_data.set("text", &text).unwrap();
        Arc::new(payload)
    }

    /// A commit like those of a pool at work.
    fn step(&mut self) {
        let count = *self.rng.choice(&[1, 1, 1, 5, 40]).unwrap();
        let mut changes = Vec::new();
        let mut touched = HashSet::new();
        for _ in 0..count {
            let kind = self.rng.u8(..20);
            if self.live.len() < 20 || kind < 3 {
                let pool = PoolNumber(self.rng.u32(..3));
                let id = (self.ids)(&mut self.rng);
                if touched.contains(&(pool, id)) || self.store().contains(pool, &id).unwrap() {
                    continue;
                }
                touched.insert((pool, id));
                let at = Timestamp::from_millis(self.rng.i64(0..1 << 40));
                let record = record(at);
                self.live.push((pool, id, record));
                let payload = Some(self.payload());
                changes.push(change(pool, id, record, true, payload, None));
            } else if kind < 6 {
                let at = self.rng.usize(..self.live.len());
                let (pool, id, mut record) = self.live[at];
                if !touched.insert((pool, id)) {
                    continue;
                }
                self.live.swap_remove(at);
                let reason = *self.rng.choice(&[Reason::Blocked, Reason::Expired]).unwrap();
                record.retired = Some(Retired { reason, at: record.created_at });
                self.retired.push((pool, id, reason));
                let last = &mut self.last[pool.0 as usize];
                *last = Sequence(last.0 + 1);
                let sequence = *last;
                changes.push(change(pool, id, record, false, None, Some(sequence)));
                changes.push(Change::Pool(self.pool(pool.0 as usize)));
            } else {
                let at = self.rng.usize(..self.live.len());
                let (pool, id, record) = &mut self.live[at];
                if !touched.insert((*pool, *id)) {
                    continue;
                }
                record.usage_count += 1;
                let (pool, id, record) = (*pool, *id, *record);
                let payload = (kind < 8).then(|| self.payload());
                changes.push(change(pool, id, record, false, payload, None));
            }
        }
        if !changes.is_empty() {
            self.commit(changes);
        }
    }

    /// Forgets what was retired.
    fn purge(&mut self) {
        if self.retired.len() > 200 {
            let gone = self.retired.drain(..150);
            let changes = gone.map(|(pool, id, reason)| Change::Purge { pool, id, reason }).collect();
            self.commit(changes);
            let mut changes = Vec::new();
            for n in 0..3_usize {
                let (first, last) = (Sequence(self.trimmed[n].0 + 1), Sequence(self.last[n].0 / 2));
                if first <= last {
                    let pool = PoolNumber(u32::try_from(n).unwrap());
                    changes.push(Change::TrimLog { pool, first, last });
                    self.trimmed[n] = last;
                    changes.push(Change::Pool(self.pool(n)));
                }
            }
            self.commit(changes);
        }
    }

    /// The smallest commit: one value.
    fn use_one(&mut self) {
        let (pool, id, record) = &mut self.live[0];
        record.usage_count += 1;
        let change = change(*pool, *id, *record, false, None, None);
        self.commit(vec![change]);
    }

    fn steps(&mut self, count: usize) {
        for _ in 0..count {
            self.step();
            self.purge();
        }
    }

    /// Steps that forget nothing.
    fn live_steps(&mut self, count: usize) {
        for _ in 0..count {
            self.step();
        }
    }

    /// That what was salvaged was once written.
    fn assert_written(&self, salvaged: &Entries) {
        for (key, value) in salvaged {
            // The store's own marks are no batch's.
            if keys::MARKS.contains(&key.as_slice()) {
                continue;
            }
            let values = self.history.get(key);
            assert!(
                values.is_some_and(|values| values.contains(&fingerprint(value))),
                "{:?} was never written under {:?} ({})",
                String::from_utf8_lossy(value),
                String::from_utf8_lossy(key),
                if values.is_some() { "other values were" } else { "nothing was" },
            );
        }
    }
}

fn record(at: Timestamp) -> SessionRecord {
    SessionRecord {
        created_at: at,
        expires_at: at,
        last_used_at: None,
        resting_until: None,
        usage_count: 0,
        error_count: 0,
        error_score: ErrorScore::default(),
        limits: Limits {
            max_usage_count: 1000,
            max_concurrent_uses: Limits::UNLIMITED,
            max_error_score: ErrorScore::from_thousandths(3000),
            error_score_decrement: ErrorScore::from_thousandths(500),
        },
        retired: None,
    }
}

fn change(
    pool: PoolNumber,
    id: SessionId,
    record: SessionRecord,
    is_new: bool,
    payload: Option<Arc<Payload>>,
    retirement: Option<Sequence>,
) -> Change {
    Change::Session(SessionChange { pool, id, record, is_new, payload, retirement })
}

fn open_engine(store: &Path) -> Option<SledStore> {
    SledStoreOptions::new().create(false).open(store).ok()
}
