//! Is a store sound?

use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;

use super::query::all_pools;
use crate::session::{Reason, SessionId, SessionRecord, State, Timestamp};
use crate::store::{PoolEntry, PoolNumber, ReadStore, Sequence, StoreError, Unreadable, Visited};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// An item cannot be decoded.
    Unreadable(Unreadable),
    /// A session has no entry in the index by state (I-1).
    NoStateEntry(PoolNumber, SessionId),
    /// The index by state has a session in a state that it is not in, or that is not there (I-1).
    WrongStateEntry(PoolNumber, SessionId, State),
    /// A live session has no entry in the index by expiry (I-1).
    NoExpiryEntry(PoolNumber, SessionId),
    /// The index by expiry has a session that is not live, not there, or expires at another time (I-1).
    WrongExpiryEntry(PoolNumber, SessionId, Timestamp),
    /// A session has no payload.
    NoPayload(PoolNumber, SessionId),
    /// A retired session is not in the log (I-2).
    NotLogged(PoolNumber, SessionId),
    /// The log has a retirement of a session that is not stored as retired for that reason, and that was not forgotten
    /// (I-2).
    WrongLogEntry(PoolNumber, SessionId, Sequence),
    /// The log lacks entries: from the first to the last of these.
    LogGap(PoolNumber, Sequence, Sequence),
    /// A session belongs to a pool that the store does not know.
    UnknownPool(PoolNumber, SessionId),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(item) => item.fmt(f),
            Self::NoStateEntry(pool, id) => {
                write!(f, "pool {pool}: session {id} is not in the index by state")
            }
            Self::WrongStateEntry(pool, id, state) => {
                write!(f, "pool {pool}: the index by state has session {id} as {state:?}, which it is not")
            }
            Self::NoExpiryEntry(pool, id) => {
                write!(f, "pool {pool}: live session {id} is not in the index by expiry")
            }
            Self::WrongExpiryEntry(pool, id, at) => {
                write!(f, "pool {pool}: the index by expiry has session {id} at {at}, where it should not be")
            }
            Self::NoPayload(pool, id) => write!(f, "pool {pool}: session {id} has no payload"),
            Self::NotLogged(pool, id) => write!(f, "pool {pool}: retired session {id} is not in the log"),
            Self::WrongLogEntry(pool, id, sequence) => {
                write!(
                    f,
                    "pool {pool}: log entry {sequence} says otherwise of session {id} than the session itself"
                )
            }
            Self::LogGap(pool, first, last) => {
                write!(f, "pool {pool}: the log lacks entries {first} to {last}")
            }
            Self::UnknownPool(pool, id) => {
                write!(f, "session {id} belongs to pool {pool}, which the store does not know")
            }
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// Pools that were gone through.
    pub pools: usize,
    /// Sessions that were gone through, live and retired.
    pub sessions: usize,
    /// Log entries that were gone through.
    pub log_entries: usize,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// Whether everything is as it should be.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Verifies that everything in a store can be decoded, and that its indexes and its log agree with its sessions (I-1,
/// I-2). It takes memory for every index entry.
///
/// # Errors
///
/// [`StoreError`] where the engine fails. What is merely wrong is in the report.
pub fn check(store: &dyn ReadStore) -> Result<CheckReport, StoreError> {
    let mut check =
        Check { store, report: CheckReport::default(), states: HashMap::new(), expiries: HashMap::new() };
    let (pools, unreadable) = all_pools(store)?;
    check.report.findings.extend(unreadable.into_iter().map(Finding::Unreadable));
    check.read_indexes()?;
    for pool in &pools {
        check.pool(pool)?;
    }
    check.leftovers(&pools);
    check.report.pools = pools.len();
    Ok(check.report)
}

type Session = (PoolNumber, SessionId);

struct Check<'a> {
    store: &'a dyn ReadStore,
    report: CheckReport,
    /// Index entries that no session has claimed yet.
    states: HashMap<Session, Vec<State>>,
    expiries: HashMap<Session, Vec<Timestamp>>,
}

impl Check<'_> {
    fn find(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }

    fn readable<T>(&mut self, item: Visited<T>) -> Option<T> {
        item.map_err(|item| self.find(Finding::Unreadable(item))).ok()
    }

    fn read_indexes(&mut self) -> Result<(), StoreError> {
        let store = self.store;
        store.visit_state_index(&mut |item| {
            if let Some((pool, state, id)) = self.readable(item) {
                self.states.entry((pool, id)).or_default().push(state);
            }
            ControlFlow::Continue(())
        })?;
        store.visit_expiring(Timestamp::MIN, Timestamp::MAX, &mut |item| {
            if let Some((at, pool, id)) = self.readable(item) {
                self.expiries.entry((pool, id)).or_default().push(at);
            }
            ControlFlow::Continue(())
        })
    }

    fn pool(&mut self, pool: &PoolEntry) -> Result<(), StoreError> {
        let mut logged = self.log(pool)?;
        let store = self.store;
        store.visit_sessions(pool.number, None, &mut |item| {
            self.report.sessions += 1;
            match item {
                Ok((id, record)) => {
                    self.indexes((pool.number, id), &record);
                    self.payload((pool.number, id));
                    self.logged(pool.number, id, &record, logged.remove(&id));
                }
                Err(item) => {
                    // Its index entries are all that is known of it.
                    if let Ok(id) = SessionId::from_bytes(&item.key) {
                        self.states.remove(&(pool.number, id));
                        self.expiries.remove(&(pool.number, id));
                        logged.remove(&id);
                    }
                    self.find(Finding::Unreadable(item));
                }
            }
            ControlFlow::Continue(())
        })?;
        for (id, (sequence, _)) in logged {
            self.find(Finding::WrongLogEntry(pool.number, id, sequence));
        }
        Ok(())
    }

    /// The part of the log whose sessions are still kept.
    fn log(&mut self, pool: &PoolEntry) -> Result<HashMap<SessionId, (Sequence, Reason)>, StoreError> {
        let mut logged = HashMap::new();
        let mut expected = pool.trimmed_through.next();
        let store = self.store;
        store.visit_log(pool.number, pool.trimmed_through, &mut |item| {
            self.report.log_entries += 1;
            if let Some((sequence, entry)) = self.readable(item) {
                self.gap(pool, expected, sequence);
                expected = sequence;
                if sequence > pool.purged_through {
                    logged.insert(entry.id, (sequence, entry.reason));
                }
            }
            expected = expected.next();
            ControlFlow::Continue(())
        })?;
        self.gap(pool, expected, pool.last_sequence.next());
        Ok(logged)
    }

    /// Notes what is missing from `expected` to before `found`.
    fn gap(&mut self, pool: &PoolEntry, expected: Sequence, found: Sequence) {
        let mut expected = expected;
        // What a repair has said is lost is not missing.
        for (first, last) in &pool.lost_log {
            if expected < found && *first <= expected && expected <= *last {
                expected = last.next();
            } else if expected < *first && *first < found {
                self.find(Finding::LogGap(pool.number, expected, Sequence(first.0 - 1)));
                expected = last.next();
            }
        }
        if expected < found {
            self.find(Finding::LogGap(pool.number, expected, Sequence(found.0 - 1)));
        }
    }

    fn indexes(&mut self, session: Session, record: &SessionRecord) {
        let (pool, id) = session;
        let states = self.states.remove(&session).unwrap_or_default();
        if !states.contains(&record.state()) {
            self.find(Finding::NoStateEntry(pool, id));
        }
        for state in states.into_iter().filter(|state| *state != record.state()) {
            self.find(Finding::WrongStateEntry(pool, id, state));
        }
        let expiries = self.expiries.remove(&session).unwrap_or_default();
        let is_live = record.retired.is_none();
        if is_live && !expiries.contains(&record.expires_at) {
            self.find(Finding::NoExpiryEntry(pool, id));
        }
        for at in expiries.into_iter().filter(|at| !is_live || *at != record.expires_at) {
            self.find(Finding::WrongExpiryEntry(pool, id, at));
        }
    }

    fn payload(&mut self, (pool, id): Session) {
        match self.store.payload(pool, &id) {
            Ok(Some(_)) => {}
            Ok(None) => self.find(Finding::NoPayload(pool, id)),
            Err(StoreError::Unreadable(item)) => self.find(Finding::Unreadable(item)),
            Err(error) => {
                let rule = error.to_string();
                let key = id.as_str().as_bytes().to_vec();
                self.find(Finding::Unreadable(Unreadable { item: "payload", pool: Some(pool), key, rule }));
            }
        }
    }

    fn logged(
        &mut self,
        pool: PoolNumber,
        id: SessionId,
        record: &SessionRecord,
        logged: Option<(Sequence, Reason)>,
    ) {
        match (record.retired, logged) {
            (None, None) => {}
            (Some(_), None) => self.find(Finding::NotLogged(pool, id)),
            (Some(retired), Some((_, reason))) if retired.reason == reason => {}
            (_, Some((sequence, _))) => self.find(Finding::WrongLogEntry(pool, id, sequence)),
        }
    }

    /// Index entries of sessions that are not there.
    fn leftovers(&mut self, pools: &[PoolEntry]) {
        let is_known = |number| pools.iter().any(|pool| pool.number == number);
        for ((pool, id), states) in std::mem::take(&mut self.states) {
            if !is_known(pool) {
                self.find(Finding::UnknownPool(pool, id));
                self.expiries.remove(&(pool, id));
                continue;
            }
            for state in states {
                self.find(Finding::WrongStateEntry(pool, id, state));
            }
        }
        for ((pool, id), expiries) in std::mem::take(&mut self.expiries) {
            for at in expiries {
                self.find(Finding::WrongExpiryEntry(pool, id, at));
            }
        }
    }
}
