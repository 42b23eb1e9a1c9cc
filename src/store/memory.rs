//! A store in memory: for tests, and for pools that need not outlive the process.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use parking_lot::RwLock;

use super::{
    Batch, Change, LogEntry, PoolEntry, PoolNumber, ReadStore, Sequence, SessionChange, Store, StoreError,
    Visitor,
};
use crate::session::{Payload, SessionId, SessionRecord, State, Timestamp};

/// A store that is gone with the process. It keeps the same indexes and the same contract as the one on disk.
#[derive(Debug, Default)]
pub struct MemoryStore {
    trees: RwLock<Trees>,
}

#[derive(Debug, Default)]
struct Trees {
    pools: BTreeMap<PoolNumber, PoolEntry>,
    sessions: BTreeMap<(PoolNumber, SessionId), SessionRecord>,
    payloads: BTreeMap<(PoolNumber, SessionId), Payload>,
    by_state: BTreeSet<(PoolNumber, State, SessionId)>,
    by_expiry: BTreeSet<(Timestamp, PoolNumber, SessionId)>,
    log: BTreeMap<(PoolNumber, Sequence), LogEntry>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Trees {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Pool(entry) => drop(self.pools.insert(entry.number, entry.clone())),
            Change::Session(change) => self.apply_session(change),
            Change::LogEntry { pool, sequence, entry } => drop(self.log.insert((*pool, *sequence), *entry)),
            Change::Purge { pool, id, reason } => {
                self.sessions.remove(&(*pool, *id));
                self.payloads.remove(&(*pool, *id));
                self.by_state.remove(&(*pool, State::Retired(*reason), *id));
            }
            Change::TrimLog { pool, first, last } => {
                let trimmed: Vec<_> =
                    self.log.range((*pool, *first)..=(*pool, *last)).map(|(key, _)| *key).collect();
                for key in trimmed {
                    self.log.remove(&key);
                }
            }
        }
    }

    fn apply_session(&mut self, change: &SessionChange) {
        let SessionChange { pool, id, record, is_new, payload, retirement } = change;
        let state = record.state();
        self.sessions.insert((*pool, *id), *record);
        if let Some(payload) = payload {
            self.payloads.insert((*pool, *id), Payload::clone(payload));
        }
        if *is_new || state != State::Live {
            self.by_state.remove(&(*pool, State::Live, *id));
            self.by_state.insert((*pool, state, *id));
        }
        if state != State::Live {
            self.by_expiry.remove(&(record.expires_at, *pool, *id));
        } else if *is_new {
            self.by_expiry.insert((record.expires_at, *pool, *id));
        }
        if let (Some(sequence), Some(entry)) = (retirement, LogEntry::of(*id, record)) {
            self.log.insert((*pool, *sequence), entry);
        }
    }
}

impl ReadStore for MemoryStore {
    fn visit_pools(&self, visit: &mut Visitor<'_, PoolEntry>) -> Result<(), StoreError> {
        for entry in self.trees.read_recursive().pools.values() {
            if visit(Ok(entry.clone())).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn record(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(self.trees.read_recursive().sessions.get(&(pool, *id)).copied())
    }

    fn payload(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<Payload>, StoreError> {
        Ok(self.trees.read_recursive().payloads.get(&(pool, *id)).cloned())
    }

    fn contains(&self, pool: PoolNumber, id: &SessionId) -> Result<bool, StoreError> {
        Ok(self.trees.read_recursive().sessions.contains_key(&(pool, *id)))
    }

    fn visit_by_state(
        &self,
        pool: PoolNumber,
        state: State,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        let trees = self.trees.read_recursive();
        let from = trees.by_state.range((pool, state, SessionId::BEFORE_ALL)..);
        for (_, _, id) in from.take_while(|(p, s, _)| *p == pool && *s == state) {
            if let Some(record) = trees.sessions.get(&(pool, *id))
                && visit(Ok((*id, *record))).is_break()
            {
                break;
            }
        }
        Ok(())
    }

    fn visit_sessions(
        &self,
        pool: PoolNumber,
        after: Option<&SessionId>,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        let trees = self.trees.read_recursive();
        let after = Bound::Excluded((pool, after.copied().unwrap_or(SessionId::BEFORE_ALL)));
        let from = trees.sessions.range((after, Bound::Unbounded));
        for ((_, id), record) in from.take_while(|((p, _), _)| *p == pool) {
            if visit(Ok((*id, *record))).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit_state_index(
        &self,
        visit: &mut Visitor<'_, (PoolNumber, State, SessionId)>,
    ) -> Result<(), StoreError> {
        for entry in &self.trees.read_recursive().by_state {
            if visit(Ok(*entry)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit_expiring(
        &self,
        after: Timestamp,
        until: Timestamp,
        visit: &mut Visitor<'_, (Timestamp, PoolNumber, SessionId)>,
    ) -> Result<(), StoreError> {
        let trees = self.trees.read_recursive();
        let from = if after > Timestamp::MIN { after.plus(Duration::from_millis(1)) } else { after };
        let from = (from, PoolNumber(0), SessionId::BEFORE_ALL);
        for entry in trees.by_expiry.range(from..).take_while(|(at, ..)| *at <= until) {
            if visit(Ok(*entry)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit_log(
        &self,
        pool: PoolNumber,
        after: Sequence,
        visit: &mut Visitor<'_, (Sequence, LogEntry)>,
    ) -> Result<(), StoreError> {
        let trees = self.trees.read_recursive();
        let range = (Bound::Excluded((pool, after)), Bound::Included((pool, Sequence(u64::MAX))));
        for ((_, sequence), entry) in trees.log.range(range) {
            if visit(Ok((*sequence, *entry))).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut trees = self.trees.write();
        for change in &batch.changes {
            trees.apply(change);
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
