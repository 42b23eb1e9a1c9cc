//! Whether what is imported as a whole store agrees with itself: its sessions with its log (I-2), each once.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

use super::{ExchangeError, Place};
use crate::archive::{ArchiveItem, ArchivedSession};
use crate::session::{Reason, SessionId};
use crate::store::{LogEntry, PoolEntry, PoolNumber, Sequence};

/// What was seen so far. It takes memory for every session, some 80 bytes each.
#[derive(Debug, Default)]
pub(super) struct Consistency {
    pools: BTreeMap<PoolNumber, Pool>,
    sessions: HashMap<Key, Seen>,
    /// What makes the keys.
    hashers: [RandomState; 2],
}

/// What stands for a session: two hashes of its pool and id, which nobody can foresee. That two sessions have the same
/// does not happen.
type Key = [u64; 2];

#[derive(Debug)]
struct Pool {
    entry: PoolEntry,
    line: u64,
    log: Ranges,
}

/// What is known of an id: from its session, and from the entry of the log that is about it.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// The lines that they are in; 0 for none.
    session_line: u64,
    entry_line: u64,
    session: Option<Reason>,
    entry: Option<Reason>,
}

impl Consistency {
    /// Takes what is in a line.
    pub(super) fn see(&mut self, line: u64, item: &ArchiveItem) -> Result<(), ExchangeError> {
        match item {
            ArchiveItem::Pool(entry) => {
                let pool = Pool { entry: entry.clone(), line, log: Ranges::default() };
                self.pools.insert(entry.number, pool);
                Ok(())
            }
            ArchiveItem::LogEntry { pool, sequence, entry } => self.see_entry(line, *pool, *sequence, entry),
            ArchiveItem::Session(session) => self.see_session(line, session),
        }
    }

    fn see_session(&mut self, line: u64, session: &ArchivedSession) -> Result<(), ExchangeError> {
        let ArchivedSession { pool, id, record, payload } = session;
        let at = Place::Line(line);
        if payload.is_none() {
            let rule = format!(
                "the cookies, user data, proxy and fingerprint of session {id} are missing: they could not be read \
                 when it was exported"
            );
            return Err(ExchangeError::Disagrees { at, rule });
        }
        let seen = self.sessions.entry(key(&self.hashers, *pool, id)).or_default();
        if seen.session_line > 0 {
            let first = Place::Line(seen.session_line);
            return Err(ExchangeError::Duplicate { at, first, id: id.to_string() });
        }
        (seen.session_line, seen.session) = (line, record.retired.map(|retired| retired.reason));
        Ok(())
    }

    fn see_entry(
        &mut self,
        line: u64,
        number: PoolNumber,
        sequence: Sequence,
        entry: &LogEntry,
    ) -> Result<(), ExchangeError> {
        let disagrees = |rule: String| ExchangeError::Disagrees { at: Place::Line(line), rule };
        let Some(pool) = self.pools.get_mut(&number) else {
            return Err(disagrees(format!("pool {number} was not described before")));
        };
        let PoolEntry { name, last_sequence, purged_through, trimmed_through, .. } = &pool.entry;
        if sequence <= *trimmed_through || sequence > *last_sequence {
            return Err(disagrees(format!(
                "retirement {sequence} of the pool {name} does not lie behind its trimmed_through, \
                 {trimmed_through}, and up to its last_sequence, {last_sequence}"
            )));
        }
        if !pool.log.insert(sequence.0) {
            return Err(disagrees(format!("retirement {sequence} of the pool {name} was there already")));
        }
        if sequence > *purged_through {
            let seen = self.sessions.entry(key(&self.hashers, number, &entry.id)).or_default();
            if seen.entry_line > 0 {
                let (id, first) = (entry.id, seen.entry_line);
                return Err(disagrees(format!("session {id} was retired already, in line {first}")));
            }
            (seen.entry_line, seen.entry) = (line, Some(entry.reason));
        }
        Ok(())
    }

    /// Whether it agrees, now that all was seen. The first line that does not is named.
    pub(super) fn finish(self) -> Result<(), ExchangeError> {
        let mut first: Option<(u64, String)> = None;
        let mut note = |line: u64, rule: String| {
            if first.as_ref().is_none_or(|(known, _)| line < *known) {
                first = Some((line, rule));
            }
        };
        for Seen { session_line, entry_line, session, entry } in self.sessions.values() {
            match (session_line, entry_line) {
                (_, 0) if session.is_some() => {
                    note(*session_line, "the session is retired, and no retirement tells of it".to_owned());
                }
                (_, 0) => {}
                (0, _) => note(*entry_line, "the session was retired, and is not there".to_owned()),
                _ if session == entry => {}
                _ => {
                    let rule = format!("the session is not what line {entry_line} says that became of it");
                    note(*session_line, rule);
                }
            }
        }
        for Pool { entry, line, log } in self.pools.values() {
            if let Some((from, to)) = log.first_gap(entry) {
                let name = &entry.name;
                let rule = format!(
                    "the pool {name} lacks its retirements {from} to {to}, and lost_log does not say so"
                );
                note(*line, rule);
            }
        }
        match first {
            None => Ok(()),
            Some((line, rule)) => Err(ExchangeError::Disagrees { at: Place::Line(line), rule }),
        }
    }
}

fn key(hashers: &[RandomState; 2], pool: PoolNumber, id: &SessionId) -> Key {
    [hashers[0].hash_one((pool, id)), hashers[1].hash_one((pool, id))]
}

/// A set of numbers, most of which follow each other.
#[derive(Debug, Default)]
struct Ranges {
    /// The first of each range, and its last.
    ranges: BTreeMap<u64, u64>,
}

impl Ranges {
    /// Adds a number; answers whether it is new.
    fn insert(&mut self, number: u64) -> bool {
        let before = self.ranges.range(..=number).next_back().map(|(first, last)| (*first, *last));
        if before.is_some_and(|(_, last)| last >= number) {
            return false;
        }
        let first = match before {
            Some((first, last)) if last.checked_add(1) == Some(number) => first,
            _ => number,
        };
        let behind = number.checked_add(1).and_then(|next| self.ranges.remove(&next));
        self.ranges.insert(first, behind.unwrap_or(number));
        true
    }

    /// What a pool's log lacks that was neither forgotten nor lost: the first such range.
    fn first_gap(&self, entry: &PoolEntry) -> Option<(u64, u64)> {
        let mut there = self.ranges.clone();
        for (first, last) in &entry.lost_log {
            let there = there.entry(first.0).or_insert(last.0);
            *there = last.0.max(*there);
        }
        let mut expected = entry.trimmed_through.0.checked_add(1)?;
        for (first, last) in there {
            if first > expected {
                return Some((expected, first - 1));
            }
            expected = expected.max(last.checked_add(1)?);
        }
        (expected <= entry.last_sequence.0).then_some((expected, entry.last_sequence.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_what_was_neither_there_nor_forgotten_nor_lost() {
        let mut entry = PoolEntry::new(PoolNumber(0), "a".parse().unwrap());
        let mut ranges = Ranges::default();
        assert_eq!(ranges.first_gap(&entry), None);
        for number in [5, 3, 4, 9, 8] {
            assert!(ranges.insert(number));
        }
        assert!(!ranges.insert(4) && !ranges.insert(9));
        assert_eq!(ranges.ranges, BTreeMap::from([(3, 5), (8, 9)]));
        (entry.trimmed_through, entry.last_sequence) = (Sequence(2), Sequence(9));
        assert_eq!(ranges.first_gap(&entry), Some((6, 7)));
        entry.lost_log = vec![(Sequence(6), Sequence(7))];
        assert_eq!(ranges.first_gap(&entry), None);
        entry.last_sequence = Sequence(10);
        assert_eq!(ranges.first_gap(&entry), Some((10, 10)));
        entry.trimmed_through = Sequence(0);
        assert_eq!(ranges.first_gap(&entry), Some((1, 2)));
        entry.last_sequence = Sequence(u64::MAX);
        assert!(ranges.insert(u64::MAX) && !ranges.insert(u64::MAX));
    }
}
