//! What several sources know, made one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::report::{Lost, RecoveryReport};
use crate::session::{ErrorScore, Limits, Retired, SessionId, SessionOptions, SessionRecord, Timestamp};
use crate::store::{LogEntry, PoolEntry, PoolName, PoolNumber, Sequence, StoreError};

/// Something that a source knows, payloads aside.
pub(super) enum Found {
    Pool(PoolEntry),
    Session {
        pool: PoolNumber,
        id: SessionId,
        record: SessionRecord,
    },
    LogEntry {
        pool: PoolNumber,
        sequence: Sequence,
        entry: LogEntry,
    },
    /// A session that is there and cannot be read.
    Unreadable {
        pool: PoolNumber,
        id: SessionId,
    },
}

/// What the sources have said so far.
#[derive(Default)]
pub(super) struct Merged {
    sources: Vec<OneSource>,
}

/// What one source has said. Its pools are known by their numbers in it.
#[derive(Default)]
struct OneSource {
    pools: BTreeMap<PoolNumber, PoolEntry>,
    sessions: HashMap<(PoolNumber, SessionId), Chosen>,
    log: BTreeMap<(PoolNumber, Sequence), LogEntry>,
    unreadable: Vec<(PoolNumber, SessionId)>,
    knows: Knows,
}

/// How much a source is certain of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Knows {
    /// It is the newest there was: nobody was retired of whom it has never heard.
    pub(super) newest: bool,
    /// What it does not know is no more.
    pub(super) all: bool,
}

/// How far behind the last number that is known the log of a pool goes on where there may have been others: further than any
/// pool gets between two checkpoints.
const PASSED_OVER: u64 = 1_000_000_000;

/// What the new store is to hold.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) pools: Vec<PoolEntry>,
    pub(super) log: BTreeMap<(PoolNumber, Sequence), LogEntry>,
    pub(super) sessions: HashMap<(PoolNumber, SessionId), Chosen>,
    /// How the numbers of each source's pools are those of the new store.
    pub(super) numbers: Vec<HashMap<PoolNumber, PoolNumber>>,
    /// How many sessions were taken of each source.
    pub(super) taken: Vec<u64>,
    /// Pools of which a source has said all that there is.
    complete: BTreeSet<PoolNumber>,
    /// Pools of which a source has said how far their logs had come.
    newest: BTreeSet<PoolNumber>,
    /// Numbers of logs that may have been given, though no source knows of it.
    passed_over: HashMap<PoolNumber, (Sequence, Sequence)>,
}

/// The version of a session that was chosen.
pub(super) struct Chosen {
    pub(super) record: SessionRecord,
    /// The source that it is from; `None` where it is made from a log entry.
    pub(super) source: Option<usize>,
}

impl Merged {
    /// What is taken from now on is of that source.
    pub(super) fn begin(&mut self, number: usize) {
        self.sources.resize_with(number + 1, OneSource::default);
    }

    pub(super) fn take(&mut self, found: Found) {
        let number = self.sources.len().checked_sub(1);
        let Some(source) = self.sources.last_mut() else { return };
        match found {
            Found::Pool(entry) => drop(source.pools.insert(entry.number, entry)),
            Found::Session { pool, id, record } => {
                source.sessions.insert((pool, id), Chosen { record, source: number });
            }
            Found::LogEntry { pool, sequence, entry } => drop(source.log.insert((pool, sequence), entry)),
            Found::Unreadable { pool, id } => source.unreadable.push((pool, id)),
        }
    }

    /// The source has told all that it knows.
    pub(super) fn end(&mut self, knows: Knows) {
        if let Some(source) = self.sources.last_mut() {
            source.knows = knows;
        }
    }

    /// Makes one of all. Where it is to stand in for a store of which more may have been told than is known here, no number
    /// of its logs is given twice.
    ///
    /// # Errors
    ///
    /// [`StoreError::Engine`] where there are no more numbers for pools.
    pub(super) fn settle(self, stands_in: bool, report: &mut RecoveryReport) -> Result<Settled, StoreError> {
        let mut settled = Settled::default();
        let mut pools = Pools::default();
        // First the pools whose names are known: what another source lacks the name of, it may know by its number.
        let numbers = self.sources.iter().map(|source| pools.add_named(source));
        let mut numbers = numbers.collect::<Result<Vec<_>, _>>()?;
        for (source, numbers) in self.sources.iter().zip(&mut numbers) {
            pools.add_nameless(source, numbers, report)?;
        }
        settled.numbers = numbers;
        settled.taken = vec![0; self.sources.len()];
        let mut unreadable: Vec<(PoolNumber, SessionId)> = Vec::new();
        for (source, numbers) in self.sources.iter().zip(&settled.numbers) {
            let known = source.unreadable.iter();
            unreadable.extend(known.filter_map(|(pool, id)| Some((*numbers.get(pool)?, *id))));
        }
        for (number, source) in self.sources.into_iter().enumerate() {
            settled.add(number, source, &mut pools);
        }
        settled.retire_by_log(&pools);
        if stands_in {
            settled.pass_over_numbers(&mut pools);
        }
        settled.log_the_retired(&mut pools);
        for chosen in settled.sessions.values() {
            if let Some(taken) = chosen.source.and_then(|source| settled.taken.get_mut(source)) {
                *taken += 1;
            }
        }
        settled.pools = pools.entries.into_values().collect();
        for (pool, id) in unreadable {
            let entry = settled.pools.iter().find(|entry| entry.number == pool);
            if let Some(entry) = entry.filter(|_| !settled.sessions.contains_key(&(pool, id))) {
                report.lost.push(Lost::Session { pool: entry.name.clone(), id });
            }
        }
        settled.note_lost_log(report);
        Ok(settled)
    }
}

/// The pools of the new store.
#[derive(Default)]
struct Pools {
    entries: BTreeMap<PoolNumber, PoolEntry>,
    by_name: HashMap<PoolName, PoolNumber>,
}

impl Pools {
    /// Adds the pools of a source, and answers what their numbers become.
    fn add_named(&mut self, source: &OneSource) -> Result<HashMap<PoolNumber, PoolNumber>, StoreError> {
        let mut numbers = HashMap::new();
        for (number, theirs) in &source.pools {
            let ours = self.number(theirs.name.clone(), *number)?;
            numbers.insert(*number, ours);
            if let Some(entry) = self.entries.get_mut(&ours) {
                // What is lost of the log shows by what is there.
                let PoolEntry {
                    number: _,
                    name: _,
                    last_sequence,
                    purged_through,
                    trimmed_through,
                    lost_log: _,
                } = theirs;
                entry.last_sequence = entry.last_sequence.max(*last_sequence);
                entry.purged_through = entry.purged_through.max(*purged_through);
                entry.trimmed_through = entry.trimmed_through.max(*trimmed_through);
            }
        }
        Ok(numbers)
    }

    /// Adds the pools of which a source knows the number only. Where another source has a pool of that number, it is
    /// that one: sources of one store agree on numbers.
    fn add_nameless(
        &mut self,
        source: &OneSource,
        numbers: &mut HashMap<PoolNumber, PoolNumber>,
        report: &mut RecoveryReport,
    ) -> Result<(), StoreError> {
        let of_sessions = source.sessions.keys().map(|(pool, _)| *pool);
        let of_log = source.log.keys().map(|(pool, _)| *pool);
        let used: BTreeSet<PoolNumber> = of_sessions.chain(of_log).collect();
        for number in used {
            if numbers.contains_key(&number) {
                continue;
            }
            let mut ours = number;
            if !self.entries.contains_key(&number)
                && let Ok(name) = format!("recovered-{number}").parse::<PoolName>()
            {
                ours = self.number(name.clone(), number)?;
                report.lost.push(Lost::PoolName { pool: name });
            }
            numbers.insert(number, ours);
        }
        Ok(())
    }

    /// The number of the pool of that name, which is `wanted` where it is new and nobody has that.
    fn number(&mut self, name: PoolName, wanted: PoolNumber) -> Result<PoolNumber, StoreError> {
        if let Some(number) = self.by_name.get(&name) {
            return Ok(*number);
        }
        let mut number = wanted;
        if self.entries.contains_key(&wanted) {
            let last = self.entries.keys().next_back().map_or(0, |number| number.0);
            number = last.checked_add(1).map(PoolNumber).ok_or_else(|| StoreError::Engine {
                operation: "number a pool",
                source: format!("pool number {last} is taken, and no number comes behind it").into(),
            })?;
        }
        self.by_name.insert(name.clone(), number);
        self.entries.insert(number, PoolEntry::new(number, name));
        Ok(number)
    }
}

impl Settled {
    fn add(&mut self, number: usize, source: OneSource, pools: &mut Pools) {
        let OneSource { pools: theirs, sessions, log, unreadable: _, knows } = source;
        let Some(numbers) = self.numbers.get(number) else { return };
        let is_the_same = |(pool, _): &(PoolNumber, SessionId)| numbers.get(pool) == Some(pool);
        let sessions =
            if self.sessions.is_empty() && self.complete.is_empty() && sessions.keys().all(is_the_same) {
                // As nearly always, there is one source. Its sessions are not copied, which would take twice the memory.
                self.sessions = sessions;
                HashMap::new()
            } else {
                sessions
            };
        for ((pool, id), chosen) in sessions {
            let Some(pool) = numbers.get(&pool) else { continue };
            if self.complete.contains(pool) && !self.sessions.contains_key(&(*pool, id)) {
                continue;
            }
            match self.sessions.entry((*pool, id)) {
                std::collections::hash_map::Entry::Vacant(place) => drop(place.insert(chosen)),
                std::collections::hash_map::Entry::Occupied(mut place) => {
                    // The source named first is kept where they are equal.
                    if version(&chosen.record) > version(&place.get().record) {
                        place.insert(chosen);
                    }
                }
            }
        }
        for ((pool, sequence), entry) in log {
            let Some(pool) = numbers.get(&pool) else { continue };
            self.log.entry((*pool, sequence)).or_insert(entry);
            if let Some(pool) = pools.entries.get_mut(pool) {
                pool.last_sequence = pool.last_sequence.max(sequence);
            }
        }
        let known = || theirs.keys().filter_map(|pool| numbers.get(pool));
        if knows.newest {
            self.newest.extend(known());
        }
        if knows.all {
            self.complete.extend(known());
        }
    }

    /// Whoever the log knows as retired is retired; what was forgotten stays forgotten.
    fn retire_by_log(&mut self, pools: &Pools) {
        let forgotten = |pool: &PoolNumber, sequence: Sequence| {
            pools.entries.get(pool).is_some_and(|pool| sequence <= pool.purged_through)
        };
        for ((pool, sequence), entry) in &self.log {
            let key = (*pool, entry.id);
            // An id may have been given again after its session was forgotten.
            let is_of_this = |chosen: &Chosen| chosen.record.created_at == entry.created_at;
            if forgotten(pool, *sequence) {
                if self.sessions.get(&key).is_some_and(is_of_this) {
                    self.sessions.remove(&key);
                }
                continue;
            }
            match self.sessions.get_mut(&key) {
                Some(chosen) if is_of_this(chosen) => retire(&mut chosen.record, entry),
                Some(_) => {}
                None => {
                    self.sessions.insert(key, Chosen { record: record_of(entry), source: None });
                }
            }
        }
        self.log.retain(|(pool, sequence), _| {
            pools.entries.get(pool).is_none_or(|pool| *sequence > pool.trimmed_through)
        });
    }

    /// The logs go on behind every number that may have been given, so that whoever has read up to one of those misses none of
    /// what is told next.
    fn pass_over_numbers(&mut self, pools: &mut Pools) {
        for (number, pool) in &mut pools.entries {
            if self.newest.contains(number) {
                continue;
            }
            let first = pool.last_sequence.next();
            pool.last_sequence = Sequence(pool.last_sequence.0.saturating_add(PASSED_OVER));
            self.passed_over.insert(*number, (first, pool.last_sequence));
        }
    }

    /// Every retired session is in the log.
    fn log_the_retired(&mut self, pools: &mut Pools) {
        let logged: BTreeSet<(PoolNumber, SessionId, Timestamp)> =
            self.log.iter().map(|((pool, _), entry)| (*pool, entry.id, entry.created_at)).collect();
        let mut missing: Vec<(Timestamp, PoolNumber, SessionId)> = Vec::new();
        for ((pool, id), chosen) in &self.sessions {
            if let Some(retired) = chosen.record.retired
                && !logged.contains(&(*pool, *id, chosen.record.created_at))
            {
                missing.push((retired.at, *pool, *id));
            }
        }
        // In the order in which it happened.
        missing.sort_unstable();
        for (_, pool, id) in missing {
            let entry = self.sessions.get(&(pool, id)).and_then(|chosen| LogEntry::of(id, &chosen.record));
            if let (Some(entry), Some(pool)) = (entry, pools.entries.get_mut(&pool)) {
                pool.last_sequence = pool.last_sequence.next();
                self.log.insert((pool.number, pool.last_sequence), entry);
            }
        }
    }

    fn note_lost_log(&mut self, report: &mut RecoveryReport) {
        for pool in &mut self.pools {
            pool.lost_log.clear();
            let mut expected = pool.trimmed_through.next();
            let range = (pool.number, expected)..=(pool.number, Sequence(u64::MAX));
            let behind = pool.last_sequence.next();
            let found = self.log.range(range).map(|((_, sequence), _)| *sequence);
            for sequence in found.chain(std::iter::once(behind)) {
                if expected < sequence {
                    pool.lost_log.push((expected, Sequence(sequence.0 - 1)));
                }
                expected = sequence.next();
            }
            for (first, last) in pool.lost_log.iter().copied() {
                let pool_name = || pool.name.clone();
                let passed_over = self.passed_over.get(&pool.number).filter(|(_, end)| *end == last);
                let known_end = passed_over.map_or(last, |(begin, _)| Sequence(begin.0 - 1));
                if first <= known_end {
                    report.lost.push(Lost::LogEntries { pool: pool_name(), first, last: known_end });
                }
                if let Some((first, last)) = passed_over.copied() {
                    report.lost.push(Lost::LogEnd { pool: pool_name(), first, last });
                }
            }
        }
    }
}

/// What tells which of two versions of a session is the newer one.
fn version(record: &SessionRecord) -> impl Ord + use<> {
    // Two sessions of one id: the later one, which was added after the other was forgotten.
    let SessionRecord { created_at, retired, usage_count, last_used_at, .. } = *record;
    (created_at, retired.is_some(), usage_count, last_used_at, Reverse(retired.map(|retired| retired.at)))
}

fn retire(record: &mut SessionRecord, entry: &LogEntry) {
    let LogEntry { id: _, reason, retired_at, created_at: _, usage_count, error_count, error_score } = *entry;
    record.retired = Some(Retired { reason, at: retired_at });
    record.usage_count = record.usage_count.max(usage_count);
    record.error_count = record.error_count.max(error_count);
    record.error_score = record.error_score.max(error_score);
}

/// A retired session of which only its log entry is left. Its limits are not known any more, nor needed.
fn record_of(entry: &LogEntry) -> SessionRecord {
    let mut record = SessionRecord {
        created_at: entry.created_at,
        expires_at: entry.retired_at,
        last_used_at: None,
        resting_until: None,
        usage_count: 0,
        error_count: 0,
        error_score: ErrorScore::from_thousandths(0),
        limits: SessionOptions::default().limits().unwrap_or(Limits {
            max_usage_count: u32::MAX,
            max_concurrent_uses: u32::MAX,
            max_error_score: ErrorScore::from_thousandths(0),
            error_score_decrement: ErrorScore::from_thousandths(0),
        }),
        retired: None,
    };
    retire(&mut record, entry);
    record
}
