//! Retiring sessions by hand.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::pools::{are_unchanged, lead, select};
use super::{MaintenanceError, Progress};
use crate::session::{Outcome, Retired, SessionId, SessionRecord, Settlement, Timestamp};
use crate::store::{Change, PoolEntry, PoolName, PoolNumber, ReadStore, SessionChange, Store, Writer};

/// Sessions that are about to be retired: each as [`Session::retire`](crate::Session::retire) does it in a running pool, in
/// the time of its pool (T-3). It counts a use and an error, its error score rises to the maximum at least, and its log
/// entry and the indexes are written in the same commit.
///
/// Whatever was retired before stays as it is, and is told.
#[derive(Debug, Clone)]
pub struct RetirePlan {
    /// Those of the pools that it changes, as they were when it was made.
    pools: BTreeMap<PoolNumber, PoolEntry>,
    sessions: Vec<Retiring>,
    already: Vec<AlreadyRetired>,
}

/// A session that is about to be retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Retiring {
    pool: PoolNumber,
    id: SessionId,
    before: SessionRecord,
    after: SessionRecord,
}

/// A session that had been retired before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AlreadyRetired {
    /// Its pool.
    pub pool: PoolName,
    /// Its id.
    pub id: SessionId,
    /// When and why.
    #[serde(flatten)]
    pub retired: Retired,
}

impl RetirePlan {
    /// Looks for the sessions of those ids, in one pool or in all, and changes nothing. An id that is given twice counts
    /// once. `now` is the clock's.
    ///
    /// # Errors
    ///
    /// - [`MaintenanceError::NoSuchPool`].
    /// - [`MaintenanceError::NotFound`], which names all that are not there.
    /// - [`MaintenanceError::InSeveralPools`], where no pool is given.
    /// - [`MaintenanceError::Store`]: the store, or one of the sessions, cannot be read.
    pub fn new(
        store: &dyn ReadStore,
        pool: Option<&PoolName>,
        ids: &[SessionId],
        now: DateTime<Utc>,
    ) -> Result<Self, MaintenanceError> {
        let entries = select(store, pool)?;
        let mut plan = Self { pools: BTreeMap::new(), sessions: Vec::new(), already: Vec::new() };
        let mut times: BTreeMap<PoolNumber, Timestamp> = BTreeMap::new();
        let (mut known, mut missing) = (BTreeSet::new(), Vec::new());
        for id in ids.iter().filter(|id| known.insert(**id)) {
            let mut found = Vec::new();
            for entry in &entries {
                if let Some(record) = store.record(entry.number, id)? {
                    found.push((entry, record));
                }
            }
            let (entry, before) = match found.as_slice() {
                [] => {
                    missing.push(*id);
                    continue;
                }
                [found] => *found,
                several => {
                    let pools = several.iter().map(|(entry, _)| entry.name.clone()).collect();
                    return Err(MaintenanceError::InSeveralPools { id: *id, pools });
                }
            };
            let now = match times.get(&entry.number) {
                Some(time) => *time,
                None => {
                    let time = Timestamp::from(now).plus(lead(store, entry, now.into())?);
                    times.insert(entry.number, time);
                    time
                }
            };
            plan.add(entry, *id, before, now);
        }
        if missing.is_empty() {
            Ok(plan)
        } else {
            Err(MaintenanceError::NotFound { ids: missing, pool: pool.cloned() })
        }
    }

    fn add(&mut self, entry: &PoolEntry, id: SessionId, before: SessionRecord, now: Timestamp) {
        let (after, outcome) = before.settle(Settlement::Retire, now);
        match (outcome, before.retired) {
            (Outcome::AlreadyRetired(_), Some(retired)) => {
                self.already.push(AlreadyRetired { pool: entry.name.clone(), id, retired });
            }
            _ => {
                self.pools.entry(entry.number).or_insert_with(|| entry.clone());
                self.sessions.push(Retiring { pool: entry.number, id, before, after });
            }
        }
    }

    /// The sessions that it would retire, in the order in which they were given: the pool, the id, and the session as it is.
    pub fn sessions(&self) -> impl Iterator<Item = (&PoolName, SessionId, &SessionRecord)> {
        self.sessions.iter().filter_map(|session| {
            self.pools.get(&session.pool).map(|pool| (&pool.name, session.id, &session.before))
        })
    }

    /// What becomes of them, in the same order: the pool, the id, and when and why it is retired.
    pub fn retirements(&self) -> impl Iterator<Item = (&PoolName, SessionId, Retired)> {
        self.sessions.iter().filter_map(|session| {
            Some((&self.pools.get(&session.pool)?.name, session.id, session.after.retired?))
        })
    }

    /// Those of the sessions that are retired already, and stay as they are.
    pub fn already_retired(&self) -> &[AlreadyRetired] {
        &self.already
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Does it. `progress` hears how many are durable. In one commit go some 130 of them: where it is ended in the middle
    /// by a failure or a kill, the first of them are retired, and the others are not.
    ///
    /// # Errors
    ///
    /// - [`MaintenanceError::Changed`]: one of the sessions, or its pool's log, is not what it was. Nothing was written.
    /// - [`MaintenanceError::Store`].
    pub fn apply(&self, store: &dyn Store, progress: &mut Progress<'_>) -> Result<(), MaintenanceError> {
        let is_unchanged = are_unchanged(store, self.pools.values())?;
        for Retiring { pool, id, before, after: _ } in &self.sessions {
            if !is_unchanged || store.record(*pool, id)? != Some(*before) {
                return Err(MaintenanceError::Changed);
            }
        }
        let mut pools = self.pools.clone();
        let mut writer = Writer::new(store);
        for (done, Retiring { pool, id, before: _, after }) in (1..).zip(&self.sessions) {
            let Some(entry) = pools.get_mut(pool) else { continue };
            entry.last_sequence = entry.last_sequence.next();
            let change = SessionChange {
                pool: *pool,
                id: *id,
                record: *after,
                is_new: false,
                payload: None,
                retirement: Some(entry.last_sequence),
            };
            writer.push(Change::Session(change));
            writer.pool(entry);
            if writer.write_if_full()? {
                progress(done);
            }
        }
        writer.write()?;
        progress(self.sessions.len() as u64);
        Ok(())
    }
}
