//! What can be read of a store without its engine: the entries of its log, told apart by their keys and values.
//!
//! The log does not say which tree an entry is of, and need not: no key with its value could be of two trees. Entries of
//! the indexes have no value, and are made anew where a store is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::path::{Path, PathBuf};

use super::content::{self, Head};
use super::directory::{self, DATABASE, ENGINE, Found};
use super::salvage::{Ended, LogImage, Lsn};
use super::seal::{self, Sealed};
use super::{floors, keys, schema_version, values, witness};
use crate::encryption::Cipher;
use crate::session::{Payload, SessionId, SessionRecord, State};
use crate::store::{LogEntry, PoolEntry, PoolNumber, Sequence, StoreError};

/// Everything that can be read of a store, in its newest readable version. Payloads stay on disk.
pub(crate) struct SalvagedStore {
    path: PathBuf,
    image: LogImage,
    cipher: Option<Cipher>,
    pools: Versions<PoolNumber, PoolEntry>,
    records: Versions<(PoolNumber, SessionId), SessionRecord>,
    log: Versions<(PoolNumber, Sequence), LogEntry>,
    /// Of the parts that were found more than once, which one is the newest.
    contested: HashMap<Part, Lsn>,
    /// Sessions that are there, or were, and cannot be read; whether they were live for certain.
    unreadable: Vec<(PoolNumber, SessionId, bool)>,
    damage: Vec<String>,
    /// How many places of the log are damaged.
    damaged_places: usize,
    /// Whether the log is certain to be the newest there was.
    is_newest: bool,
}

/// Is handed each session and, where it asks, its payload.
pub(crate) type TakePayload<'a> = dyn FnMut(PoolNumber, SessionId, &mut dyn FnMut() -> Option<Payload>) + 'a;

/// The parts of a payload that were found so far, by generation and number.
type Parts = BTreeMap<(u8, u16), Vec<u8>>;

/// Whose payload, and the generation and the number of the part.
type Part = (PoolNumber, SessionId, u8, u16);

/// What was found under some keys, and where: of a damaged log, older values may still be read beside the newest.
struct Versions<K, V> {
    /// Once it is settled: by key, the newest of each.
    found: Vec<(K, Lsn, V)>,
}

/// An entry of the log, by what its key and value can only be.
enum Entry<'a> {
    Pool(PoolEntry),
    Record(PoolNumber, SessionId, SessionRecord),
    Log(PoolNumber, Sequence, LogEntry),
    Part(Part, &'a [u8]),
    /// That there is such a session, in that state.
    Index(PoolNumber, SessionId, State),
    /// Another index entry, or what the store notes of itself.
    Other,
    Unreadable(String),
}

impl SalvagedStore {
    /// Reads the log of the store in the directory `path`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`], [`StoreError::NewerSchema`], [`StoreError::KeyNeeded`], [`StoreError::WrongKey`],
    /// [`StoreError::NotEncrypted`].
    pub(crate) fn read(path: &Path, cipher: Option<Cipher>) -> Result<Option<Self>, StoreError> {
        let database = path.join(ENGINE).join(DATABASE);
        if !database.exists() {
            return Ok(None);
        }
        // Where it cannot be read what the store is, it is taken for one.
        if let Ok(Found::Store(marker)) = directory::inspect(path) {
            if marker.schema > schema_version() {
                let (found, supported) = (marker.schema, schema_version());
                return Err(StoreError::NewerSchema { path: path.into(), found, supported });
            }
            marker.check_key(path, cipher.as_ref())?;
        }
        let how = if seal::is_there(path) {
            Ended::Closed
        } else {
            Ended::Somehow { witnessed: witness::read(path)? }
        };
        let image = LogImage::read(&database, how).map_err(StoreError::io("read", &database))?;
        let mut store = Self {
            damage: image.damage().iter().map(ToString::to_string).collect(),
            damaged_places: image.damage().len(),
            path: database,
            image,
            cipher,
            pools: Versions::default(),
            records: Versions::default(),
            log: Versions::default(),
            contested: HashMap::new(),
            unreadable: Vec::new(),
            is_newest: false,
        };
        store.gather(path)?;
        store.is_newest = match how {
            Ended::Closed => matches!(seal::verify(path)?, Sealed::Unchanged(_)),
            Ended::Somehow { witnessed } => {
                let marked = store.image.last_mark().map_err(StoreError::io("read", &store.path))?;
                let verdict = store.image.verdict().or(store.image.below(&floors::read(path)?));
                witnessed > 0 && marked >= witnessed && verdict.is_none()
            }
        };
        Ok(Some(store))
    }

    /// The file that it is read from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn pools(&self) -> impl Iterator<Item = &PoolEntry> {
        self.pools.iter().map(|(_, entry)| entry)
    }

    /// The records of its sessions, which it gives away.
    pub(crate) fn take_records(
        &mut self,
    ) -> impl Iterator<Item = (PoolNumber, SessionId, SessionRecord)> + use<> {
        let records = std::mem::take(&mut self.records);
        records.found.into_iter().map(|((pool, id), _, record)| (pool, id, record))
    }

    /// The entries of its retirement logs, which it gives away.
    pub(crate) fn take_log(&mut self) -> impl Iterator<Item = (PoolNumber, Sequence, LogEntry)> + use<> {
        let log = std::mem::take(&mut self.log);
        log.found.into_iter().map(|((pool, sequence), _, entry)| (pool, sequence, entry))
    }

    /// Sessions that are there, or were as far as their payloads or the indexes tell, and cannot be read. The third says whether
    /// it is certain that one was live, or is there.
    pub(crate) fn unreadable(&self) -> &[(PoolNumber, SessionId, bool)] {
        &self.unreadable
    }

    /// Whether it is certain to be the newest there was, whatever of it could be read.
    pub(crate) fn is_newest(&self) -> bool {
        self.is_newest
    }

    /// Whether everything there was could be read.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_newest && self.damage.is_empty()
    }

    /// What is damaged, and where.
    pub(crate) fn damage(&self) -> &[String] {
        &self.damage
    }

    /// How many places of the log are damaged.
    pub(crate) fn damaged_places(&self) -> u64 {
        self.damaged_places.try_into().unwrap_or(u64::MAX)
    }

    fn gather(&mut self, path: &Path) -> Result<(), StoreError> {
        let Self {
            image, cipher, pools, records, log, contested, unreadable, damage, damaged_places, ..
        } = self;
        let (mut sealed, mut opened) = (0, 0);
        let mut parts = Versions::default();
        let visited = image.visit_entries(&mut |lsn, key, value| match tell(key, value) {
            Entry::Pool(entry) => pools.push(entry.number, lsn, entry),
            Entry::Record(pool, id, record) => records.push((pool, id), lsn, record),
            Entry::Log(pool, sequence, entry) => log.push((pool, sequence), lsn, entry),
            Entry::Part(part, bytes) => {
                parts.push(part, lsn, ());
                // Whether the key is right shows by the payloads that are in one part.
                if let Ok((head, bytes)) = Head::read(bytes)
                    && part.3 == 0
                    && head.length == bytes.len()
                    && content::is_sealed(bytes)
                {
                    sealed += 1;
                    if opened == 0 {
                        let decoded = head.decode(bytes, part.0, &part.1, cipher.as_ref());
                        opened += u32::from(decoded.is_ok());
                    }
                }
            }
            Entry::Index(..) | Entry::Other => {}
            Entry::Unreadable(what) => {
                unreadable.extend(keys::read_session(key).map(|(pool, id)| (pool, id, true)));
                damage.push(what);
                *damaged_places += 1;
            }
        });
        let found = visited.map_err(StoreError::io("read", &self.path))?;
        *contested = parts.contested();
        pools.settle();
        records.settle();
        log.settle();
        self.damage.extend(found.iter().map(ToString::to_string));
        self.damaged_places += found.len();
        match (sealed, opened, &self.cipher) {
            (1.., 0, None) => Err(StoreError::KeyNeeded { path: path.into() }),
            (1.., 0, Some(_)) => Err(StoreError::WrongKey { path: path.into() }),
            _ => self.miss_records(),
        }
    }

    /// Notes whose record is gone without a trace, while something else tells of the session.
    fn miss_records(&mut self) -> Result<(), StoreError> {
        let Self { image, records, unreadable, .. } = self;
        let visited = image.visit_entries(&mut |_, key, value| {
            let (pool, id, was_live) = match tell(key, value) {
                Entry::Index(pool, id, state) => (pool, id, state == State::Live),
                // The first part comes and goes with the session. Others count for nothing without it.
                Entry::Part((pool, id, 0, 0), _) => (pool, id, false),
                _ => return,
            };
            if !records.contains(&(pool, id)) {
                unreadable.push((pool, id, was_live));
            }
        });
        visited.map_err(StoreError::io("read", &self.path))?;
        unreadable.sort_unstable_by(|a, b| (a.0, a.1, b.2).cmp(&(b.0, b.1, a.2)));
        unreadable.dedup_by_key(|(pool, id, _)| (*pool, *id));
        Ok(())
    }

    /// Goes through the payloads once, and hands out those that are asked for and whole.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub(crate) fn visit_payloads(&self, take: &mut TakePayload<'_>) -> Result<(), StoreError> {
        let mut gathered: HashMap<(PoolNumber, SessionId), Parts> = HashMap::new();
        let visited = self.image.visit_entries(&mut |lsn, key, value| {
            let Entry::Part(part, bytes) = tell(key, value) else { return };
            if self.contested.get(&part).is_some_and(|newest| *newest != lsn) {
                return;
            }
            let (pool, id, generation, number) = part;
            let parts = gathered.entry((pool, id)).or_default();
            parts.insert((generation, number), bytes.to_vec());
            if let Some((head, content)) = whole(parts) {
                gathered.remove(&(pool, id));
                take(pool, id, &mut || head.decode(&content, pool, &id, self.cipher.as_ref()).ok());
            }
        });
        visited.map(drop).map_err(StoreError::io("read", &self.path))
    }
}

/// The content that the parts make up, once they are all there.
fn whole(parts: &Parts) -> Option<(Head, Vec<u8>)> {
    let (head, first) = Head::read(parts.get(&(0, 0))?).ok()?;
    let part = |number| Ok::<_, String>(parts.get(&(head.generation, number)).cloned());
    head.gather(first, part).ok().map(|content| (head, content))
}

impl<K, V> Default for Versions<K, V> {
    fn default() -> Self {
        Self { found: Vec::new() }
    }
}

impl<K: Ord, V> Versions<K, V> {
    fn push(&mut self, key: K, lsn: Lsn, value: V) {
        self.found.push((key, lsn, value));
    }

    fn sort(&mut self) {
        self.found.sort_unstable_by(|(a, a_lsn, _), (b, b_lsn, _)| {
            a.cmp(b).then_with(|| Reverse(a_lsn).cmp(&Reverse(b_lsn)))
        });
    }

    /// Keeps the newest of each key.
    fn settle(&mut self) {
        self.sort();
        self.found.dedup_by(|(next, ..), (kept, ..)| next == kept);
    }

    fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.found.iter().map(|(key, _, value)| (key, value))
    }

    fn contains(&self, key: &K) -> bool {
        self.found.binary_search_by(|(found, ..)| found.cmp(key)).is_ok()
    }

    /// The keys of which there are several versions, and where the newest is.
    fn contested(mut self) -> HashMap<K, Lsn>
    where
        K: Hash + Copy,
    {
        self.sort();
        let runs = self.found.chunk_by(|(a, ..), (b, ..)| a == b);
        runs.filter_map(|run| match run {
            [(key, newest, _), _, ..] => Some((*key, *newest)),
            _ => None,
        })
        .collect()
    }
}

fn tell<'a>(key: &[u8], value: &'a [u8]) -> Entry<'a> {
    let is_own = [keys::SCHEMA, keys::MIGRATION].contains(&key) || keys::MARKS.contains(&key);
    if is_own {
        return Entry::Other;
    }
    if value.is_empty() {
        let index = keys::read_by_state(key);
        return index.map_or(Entry::Other, |(pool, state, id)| Entry::Index(pool, id, state));
    }
    let unreadable = |what: &str, rule: &str| {
        Entry::Unreadable(format!("{what} {:?}: {rule}", String::from_utf8_lossy(key)))
    };
    if key.starts_with(keys::POOL_PREFIX)
        && let Ok(number) = keys::read_pool_entry(key)
    {
        let entry = values::decode_pool(number, value);
        return entry.map_or_else(|rule| unreadable("pool entry", &rule), Entry::Pool);
    }
    if let Some(part) = keys::read_payload_part(key) {
        return Entry::Part(part, value);
    }
    if let Ok((pool, id)) = keys::read_session(key)
        && let Ok(record) = values::decode_record(value)
    {
        return Entry::Record(pool, id, record);
    }
    match (keys::read_retirement(key), values::decode_log_entry(value)) {
        (Ok((pool, sequence)), Ok(entry)) => Entry::Log(pool, sequence, entry),
        // The engine keeps some things of its own, which are none of ours.
        _ if keys::read_session(key).is_ok() => unreadable("session", "its record cannot be decoded"),
        (Ok(_), Err(rule)) => unreadable("log entry", &rule),
        _ => Entry::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_store_notes_of_itself_is_no_session() {
        for key in [keys::SCHEMA, keys::MIGRATION, keys::MARKS[0], keys::MARKS[1]] {
            assert!(matches!(tell(key, b"\0\0\0\x01cursor"), Entry::Other), "{key:?}");
        }
    }
}
