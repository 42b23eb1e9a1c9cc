//! What several sources know, made one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::report::{Lost, RecoveryReport};
use super::sessions::{Known, Mark, Sessions};
use crate::session::{ErrorScore, Limits, Retired, SessionId, SessionOptions, SessionRecord, Timestamp};
use crate::store::ranges::{union, without};
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
    /// A session that was there and cannot be read.
    Unreadable(Missing),
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
    sessions: Sessions,
    log: Log,
    unreadable: Vec<Missing>,
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
    /// In the order of pools and numbers.
    pub(super) log: Log,
    pub(super) sessions: Sessions,
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

/// A session that was there and cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Missing {
    pub(super) pool: PoolNumber,
    pub(super) id: SessionId,
    /// Whether it is certain that it was live: then no retirement that was forgotten since was its own.
    pub(super) was_live: bool,
}

/// Those who cannot be read, and whether they were live for certain.
type Unreadable = BTreeMap<(PoolNumber, SessionId), bool>;

/// Entries of the retirement logs.
pub(super) type Log = Vec<(PoolNumber, Sequence, LogEntry)>;

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
                source.sessions.push(Known { pool, id, record, source: number, mark: Mark::None });
            }
            Found::LogEntry { pool, sequence, entry } => source.log.push((pool, sequence, entry)),
            Found::Unreadable(missing) => source.unreadable.push(missing),
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
        let mut unreadable = Unreadable::new();
        for (source, numbers) in self.sources.iter().zip(&settled.numbers) {
            for Missing { pool, id, was_live } in &source.unreadable {
                let Some(pool) = numbers.get(pool) else { continue };
                *unreadable.entry((*pool, *id)).or_default() |= was_live;
            }
        }
        for (number, source) in self.sources.into_iter().enumerate() {
            settled.add(number, source, &unreadable, &mut pools);
        }
        settled.sort_log();
        settled.retire_by_log(&pools, &mut unreadable);
        settled.tell_once(&pools);
        unreadable.retain(|(pool, id), _| settled.sessions.get(*pool, id).is_none());
        if stands_in {
            settled.pass_over_numbers(&mut pools);
        }
        settled.log_the_retired(&mut pools);
        for known in settled.sessions.iter() {
            if let Some(taken) = known.source.and_then(|source| settled.taken.get_mut(source)) {
                *taken += 1;
            }
        }
        for (pool, id) in unreadable.into_keys() {
            if let Some(entry) = pools.entries.get(&pool) {
                report.lost.push(Lost::Session { pool: entry.name.clone(), id });
            }
        }
        settled.pools = pools.entries.into_values().collect();
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
                let PoolEntry {
                    number: _,
                    name: _,
                    last_sequence,
                    purged_through,
                    trimmed_through,
                    lost_log,
                } = theirs;
                entry.lost_log = union(entry.lost_log.iter().chain(lost_log).copied());
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
        let of_sessions = source.sessions.iter().map(|known| known.pool);
        let of_log = source.log.iter().map(|(pool, ..)| *pool);
        let of_unreadable = source.unreadable.iter().map(|missing| missing.pool);
        let used: BTreeSet<PoolNumber> = of_sessions.chain(of_log).chain(of_unreadable).collect();
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

impl Pools {
    /// Whether the session of that entry of a pool's log is forgotten.
    fn has_forgotten(&self, pool: PoolNumber, sequence: Sequence) -> bool {
        self.entries.get(&pool).is_some_and(|pool| sequence <= pool.purged_through)
    }
}

impl Settled {
    /// Adds what a source knows. Of a pool of which another has said all there is, that is what the other could not read.
    fn add(&mut self, number: usize, source: OneSource, unreadable: &Unreadable, pools: &mut Pools) {
        let OneSource { pools: theirs, mut sessions, log, unreadable: _, knows } = source;
        let Some(numbers) = self.numbers.get(number) else { return };
        sessions.retain(|known| {
            let Some(pool) = numbers.get(&known.pool) else { return false };
            known.pool = *pool;
            !self.complete.contains(pool)
                || self.sessions.get(*pool, &known.id).is_some()
                || unreadable.contains_key(&(*pool, known.id))
        });
        self.sessions.append(sessions);
        self.sessions.sort();
        for (pool, sequence, entry) in log {
            let Some(pool) = numbers.get(&pool) else { continue };
            self.log.push((*pool, sequence, entry));
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

    /// Of entries that several sources have, that of the first is kept.
    fn sort_log(&mut self) {
        self.log.sort_by_key(|(pool, sequence, _)| (*pool, *sequence));
        self.log.dedup_by_key(|(pool, sequence, _)| (*pool, *sequence));
    }

    /// Whoever the log knows as retired is retired; what was forgotten stays forgotten, and is missed by nobody.
    fn retire_by_log(&mut self, pools: &Pools, unreadable: &mut Unreadable) {
        let mut from_log = Sessions::default();
        for (pool, sequence, entry) in &self.log {
            let is_forgotten = pools.has_forgotten(*pool, *sequence);
            match self.sessions.get_mut(*pool, &entry.id).filter(|known| known.mark != Mark::Done) {
                // An id may have been given again after its session was forgotten.
                Some(known) if known.record.created_at != entry.created_at => {}
                Some(known) if is_forgotten => known.mark = Mark::Done,
                Some(known) => retire(&mut known.record, entry),
                None if is_forgotten => {
                    let key = (*pool, entry.id);
                    if unreadable.get(&key) == Some(&false) {
                        unreadable.remove(&key);
                    }
                }
                None => {
                    let (pool, id, record) = (*pool, entry.id, record_of(entry));
                    from_log.push(Known { pool, id, record, source: None, mark: Mark::None });
                }
            }
        }
        self.sessions.retain(|known| known.mark != Mark::Done);
        self.sessions.append(from_log);
        self.sessions.sort();
    }

    /// Each retirement stands in the log once, and there is none that is forgotten. Of two entries, as a repair makes them that
    /// has lost the first, the later one is kept: whoever has read up to between them has not missed it.
    fn tell_once(&mut self, pools: &Pools) {
        let sessions = &mut self.sessions;
        self.log.reverse();
        self.log.retain(|(number, sequence, entry)| {
            if pools.entries.get(number).is_some_and(|pool| *sequence <= pool.trimmed_through) {
                return false;
            }
            let known = sessions.get_mut(*number, &entry.id);
            let Some(known) = known.filter(|known| known.record.created_at == entry.created_at) else {
                return true;
            };
            if pools.has_forgotten(*number, *sequence) {
                return true;
            }
            let is_told = known.mark == Mark::Logged;
            known.mark = Mark::Logged;
            !is_told
        });
        self.log.reverse();
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
        let mut missing: Vec<(Timestamp, PoolNumber, SessionId)> = Vec::new();
        for known in self.sessions.iter().filter(|known| known.mark != Mark::Logged) {
            if let Some(retired) = known.record.retired {
                missing.push((retired.at, known.pool, known.id));
            }
        }
        // In the order in which it happened.
        missing.sort_unstable();
        for (_, pool, id) in missing {
            let entry = self.sessions.get(pool, &id).and_then(|known| LogEntry::of(id, &known.record));
            if let (Some(entry), Some(pool)) = (entry, pools.entries.get_mut(&pool)) {
                pool.last_sequence = pool.last_sequence.next();
                self.log.push((pool.number, pool.last_sequence, entry));
            }
        }
        self.sort_log();
    }

    fn note_lost_log(&mut self, report: &mut RecoveryReport) {
        for pool in &mut self.pools {
            let trimmed = pool.trimmed_through;
            let mut gaps = Vec::new();
            let mut expected = trimmed.next();
            let from = self
                .log
                .partition_point(|(number, sequence, _)| (*number, *sequence) < (pool.number, expected));
            let found = self.log[from..].iter().take_while(|(number, ..)| *number == pool.number);
            let behind = pool.last_sequence.next();
            for sequence in found.map(|(_, sequence, _)| *sequence).chain(std::iter::once(behind)) {
                if expected < sequence {
                    gaps.push((expected, Sequence(sequence.0 - 1)));
                }
                expected = sequence.next();
            }
            for (first, last) in gaps.iter().copied() {
                let pool_name = || pool.name.clone();
                let passed_over = self.passed_over.get(&pool.number).filter(|(_, end)| *end == last);
                let known_end = passed_over.map_or(last, |(begin, _)| Sequence(begin.0 - 1));
                if first <= known_end {
                    // What was lost before is not lost now.
                    for (first, last) in without((first, known_end), &pool.lost_log) {
                        report.lost.push(Lost::LogEntries { pool: pool_name(), first, last });
                    }
                }
                if let Some((first, last)) = passed_over.copied() {
                    report.lost.push(Lost::LogEnd { pool: pool_name(), first, last });
                }
            }
            // Of what is kept of the log, what is lost shows by what is there; of what was forgotten, nothing else tells.
            let before = pool.lost_log.iter().filter(|(first, _)| *first <= trimmed);
            let before = before.map(|(first, last)| (*first, trimmed.min(*last)));
            pool.lost_log = union(before.chain(gaps).collect::<Vec<_>>());
        }
    }
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
