//! What is different between two stores?

mod fields;
mod pages;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

pub use fields::FieldChange;
use fields::{Changes, compare_payloads, compare_pools, compare_records};
use pages::{Log, Sessions};
use serde::Serialize;

use super::query::all_pools;
use crate::session::{Payload, SessionId, SessionRecord};
use crate::store::{LogEntry, PoolEntry, PoolName, PoolNumber, ReadStore, Sequence, StoreError};

/// What is compared, and what of it is shown.
#[derive(Default)]
pub struct DiffOptions {
    pool: Option<PoolName>,
    reveal: bool,
    on_progress: Option<Box<dyn Fn(u64)>>,
}

impl fmt::Debug for DiffOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, reveal, on_progress: _ } = self;
        f.debug_struct("DiffOptions").field("pool", pool).field("reveal", reveal).finish_non_exhaustive()
    }
}

impl DiffOptions {
    /// The defaults: everything, with secrets masked.
    pub fn new() -> Self {
        Self::default()
    }

    /// This pool only. Default: all of them.
    #[must_use]
    pub fn pool(mut self, name: PoolName) -> Self {
        self.pool = Some(name);
        self
    }

    /// Whether secrets are in the answer. Default: no, they are masked as by [`Payload::masked`](crate::Payload::masked).
    #[must_use]
    pub fn reveal(mut self, reveal: bool) -> Self {
        self.reveal = reveal;
        self
    }

    /// Hears now and then how many sessions were compared. Default: nobody does.
    #[must_use]
    pub fn on_progress(mut self, callback: impl Fn(u64) + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }
}

/// Something that is different in the second store.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Difference<'a> {
    /// The pool is in the second store only.
    PoolAppeared {
        /// The pool.
        pool: &'a PoolEntry,
    },
    /// The pool is in the first store only.
    PoolWent {
        /// The pool.
        pool: &'a PoolEntry,
    },
    /// The pool's log has moved on.
    PoolChanged {
        /// The pool, as it is in the second store.
        pool: &'a PoolEntry,
        /// What of it.
        fields: Vec<FieldChange>,
    },
    /// The session is in the second store only.
    SessionAppeared {
        /// Its pool.
        pool: &'a PoolEntry,
        /// Its id.
        id: SessionId,
        /// Its hot part.
        record: SessionRecord,
    },
    /// The session is in the first store only.
    SessionWent {
        /// Its pool.
        pool: &'a PoolEntry,
        /// Its id.
        id: SessionId,
        /// Its hot part, as it was.
        record: SessionRecord,
    },
    /// The session is not the same.
    SessionChanged {
        /// Its pool.
        pool: &'a PoolEntry,
        /// Its id.
        id: SessionId,
        /// Its hot part, as it is in the second store.
        record: SessionRecord,
        /// What of it.
        fields: Vec<FieldChange>,
    },
    /// The log of the second store has an entry that is not in that of the first.
    Retired {
        /// Its pool.
        pool: &'a PoolEntry,
        /// Its place in the log.
        sequence: Sequence,
        /// What it says.
        entry: LogEntry,
    },
}

/// How much is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct DiffSummary {
    /// Pools that are in the second store only.
    pub pools_appeared: u64,
    /// Pools that are in the first store only.
    pub pools_went: u64,
    /// Pools whose log has moved on.
    pub pools_changed: u64,
    /// Sessions that are in the second store only.
    pub sessions_appeared: u64,
    /// Sessions that are in the first store only.
    pub sessions_went: u64,
    /// Sessions that are not the same.
    pub sessions_changed: u64,
    /// Sessions that are the same.
    pub sessions_same: u64,
    /// Entries of logs that are in the second store only.
    pub retirements_appeared: u64,
    /// Entries of logs that are in the first store only: they were forgotten since.
    pub retirements_went: u64,
    /// Items of either store that could not be read: what is different about them is not known.
    pub unreadable: u64,
}

impl DiffSummary {
    /// Whether there is no difference, as far as could be read.
    pub fn is_same(&self) -> bool {
        let same = Self { sessions_same: self.sessions_same, unreadable: self.unreadable, ..Self::default() };
        *self == same
    }
}

/// Tells what is different in the store `to`, compared with `from`: pool by pool by name, the sessions by id, then the log.
/// It takes memory for two pages of sessions, whatever their number.
///
/// Where `visit` breaks, the answer counts what was seen so far.
///
/// # Errors
///
/// [`StoreError`] where an engine fails. What cannot be read is counted.
pub fn diff(
    from: &dyn ReadStore,
    to: &dyn ReadStore,
    options: &DiffOptions,
    visit: &mut dyn FnMut(Difference<'_>) -> ControlFlow<()>,
) -> Result<DiffSummary, StoreError> {
    let mut summary = DiffSummary::default();
    let mut pools: BTreeMap<PoolName, (Option<PoolEntry>, Option<PoolEntry>)> = BTreeMap::new();
    let (old, old_unreadable) = all_pools(from)?;
    let (new, new_unreadable) = all_pools(to)?;
    summary.unreadable += (old_unreadable.len() + new_unreadable.len()) as u64;
    let is_wanted = |entry: &PoolEntry| options.pool.as_ref().is_none_or(|name| *name == entry.name);
    for entry in old.into_iter().filter(is_wanted) {
        let name = entry.name.clone();
        pools.entry(name).or_default().0 = Some(entry);
    }
    for entry in new.into_iter().filter(is_wanted) {
        let name = entry.name.clone();
        pools.entry(name).or_default().1 = Some(entry);
    }
    let mut diff = Diff { from, to, options, compared: 0, summary, visit };
    for (old, new) in pools.values() {
        if diff.pool(old.as_ref(), new.as_ref())?.is_break() {
            break;
        }
    }
    Ok(diff.summary)
}

struct Diff<'a> {
    from: &'a dyn ReadStore,
    to: &'a dyn ReadStore,
    options: &'a DiffOptions,
    /// How many sessions were gone through.
    compared: u64,
    summary: DiffSummary,
    visit: &'a mut dyn FnMut(Difference<'_>) -> ControlFlow<()>,
}

type Flow = Result<ControlFlow<()>, StoreError>;

impl Diff<'_> {
    fn pool(&mut self, old: Option<&PoolEntry>, new: Option<&PoolEntry>) -> Flow {
        let pool = match (old, new) {
            (Some(old), Some(new)) => {
                let mut changes = Changes::default();
                compare_pools(old, new, &mut changes);
                if !changes.changes.is_empty() {
                    self.summary.pools_changed += 1;
                    let difference = Difference::PoolChanged { pool: new, fields: changes.changes };
                    if (self.visit)(difference).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                new
            }
            (None, Some(pool)) => {
                self.summary.pools_appeared += 1;
                if (self.visit)(Difference::PoolAppeared { pool }).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                pool
            }
            (Some(pool), None) => {
                self.summary.pools_went += 1;
                if (self.visit)(Difference::PoolWent { pool }).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                pool
            }
            (None, None) => return Ok(ControlFlow::Continue(())),
        };
        let numbers = (old.map(|pool| pool.number), new.map(|pool| pool.number));
        if self.sessions(pool, numbers)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        self.log(pool, numbers)
    }

    fn sessions(&mut self, pool: &PoolEntry, numbers: (Option<PoolNumber>, Option<PoolNumber>)) -> Flow {
        let mut old = Sessions::of(self.from, numbers.0);
        let mut new = Sessions::of(self.to, numbers.1);
        loop {
            let next = match (old.peek()?, new.peek()?) {
                (None, None) => break,
                (Some(a), Some(b)) if a == b => (old.pop(), new.pop()),
                (Some(a), Some(b)) if b < a => (None, new.pop()),
                (None, Some(_)) => (None, new.pop()),
                (Some(_), _) => (old.pop(), None),
            };
            self.compared += 1;
            if let Some(callback) =
                self.options.on_progress.as_ref().filter(|_| self.compared.is_multiple_of(1024))
            {
                callback(self.compared);
            }
            let difference = match next {
                (Some((id, Some(record))), Some((_, Some(now)))) => {
                    self.changed(pool, numbers, id, &record, now)?
                }
                (None, Some((id, Some(record)))) => {
                    self.summary.sessions_appeared += 1;
                    Some(Difference::SessionAppeared { pool, id, record })
                }
                (Some((id, Some(record))), None) => {
                    self.summary.sessions_went += 1;
                    Some(Difference::SessionWent { pool, id, record })
                }
                _ => {
                    self.summary.unreadable += 1;
                    None
                }
            };
            if difference.is_some_and(|difference| (self.visit)(difference).is_break()) {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.summary.unreadable += old.unreadable + new.unreadable;
        Ok(ControlFlow::Continue(()))
    }

    /// A session that both have: what of it is not the same.
    fn changed<'p>(
        &mut self,
        pool: &'p PoolEntry,
        (old, new): (Option<PoolNumber>, Option<PoolNumber>),
        id: SessionId,
        from: &SessionRecord,
        record: SessionRecord,
    ) -> Result<Option<Difference<'p>>, StoreError> {
        let (Some(old), Some(new)) = (old, new) else { return Ok(None) };
        let mut changes = Changes::default();
        compare_records(from, &record, &mut changes);
        let payloads = (payload(self.from, old, &id)?, payload(self.to, new, &id)?);
        if let (Ok(from), Ok(to)) = &payloads {
            compare_payloads(from.as_ref(), to.as_ref(), self.options.reveal, &mut changes);
        } else {
            self.summary.unreadable += 1;
        }
        if changes.changes.is_empty() {
            self.summary.sessions_same += u64::from(payloads.0.is_ok() && payloads.1.is_ok());
            return Ok(None);
        }
        self.summary.sessions_changed += 1;
        Ok(Some(Difference::SessionChanged { pool, id, record, fields: changes.changes }))
    }

    fn log(&mut self, pool: &PoolEntry, numbers: (Option<PoolNumber>, Option<PoolNumber>)) -> Flow {
        let mut old = Log::of(self.from, numbers.0);
        let mut new = Log::of(self.to, numbers.1);
        loop {
            let next = match (old.peek()?, new.peek()?) {
                (None, None) => break,
                (Some(a), Some(b)) if a == b => (old.pop(), new.pop()),
                (Some(a), Some(b)) if b < a => (None, new.pop()),
                (None, Some(_)) => (None, new.pop()),
                (Some(_), _) => (old.pop(), None),
            };
            let (sequence, entry) = match next {
                (Some((_, Some(old))), Some((_, Some(new)))) if old == new => continue,
                (None, Some((sequence, Some(entry)))) => (sequence, entry),
                (Some((_, Some(_))), Some((sequence, Some(entry)))) => {
                    self.summary.retirements_went += 1;
                    (sequence, entry)
                }
                (Some((_, Some(_))), None) => {
                    self.summary.retirements_went += 1;
                    continue;
                }
                _ => {
                    self.summary.unreadable += 1;
                    continue;
                }
            };
            self.summary.retirements_appeared += 1;
            if (self.visit)(Difference::Retired { pool, sequence, entry }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.summary.unreadable += old.unreadable + new.unreadable;
        Ok(ControlFlow::Continue(()))
    }
}

/// The payload of a session, or that it cannot be read.
fn payload(
    store: &dyn ReadStore,
    pool: PoolNumber,
    id: &SessionId,
) -> Result<Result<Option<Payload>, ()>, StoreError> {
    match store.payload(pool, id) {
        Ok(payload) => Ok(Ok(payload)),
        Err(StoreError::Unreadable(_)) => Ok(Err(())),
        Err(error) => Err(error),
    }
}
