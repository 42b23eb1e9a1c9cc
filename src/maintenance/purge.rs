//! Forgetting retired sessions by hand.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::pools::{are_unchanged, lead, select};
use super::{MaintenanceError, Progress};
use crate::session::{Reason, SessionId, State, Timestamp};
use crate::store::{
    Change, LogEntry, PoolEntry, PoolName, PoolNumber, ReadStore, Sequence, Store, StoreError, Writer,
};

/// Which retired sessions are to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeFilter {
    /// Those of this pool. Default: of every pool.
    pub pool: Option<PoolName>,
    /// Those that were retired longer ago than this, in the time of their pool (T-3). Default: 7 days.
    pub older_than: Duration,
    /// Those that were retired for one of these reasons. Default: whatever the reason.
    pub reasons: Vec<Reason>,
}

impl Default for PurgeFilter {
    fn default() -> Self {
        Self { pool: None, older_than: Duration::from_secs(7 * 24 * 3600), reasons: Vec::new() }
    }
}

/// Retired sessions that are about to be forgotten, as a pool's own retention does it: with their cookies and user data;
/// their log entries stay.
///
/// Sessions are forgotten in the order of the log only, oldest first: a pool knows up to which entry its sessions are
/// forgotten (`purged_through`), and those behind it must be there (I-2). So the first session of a pool that the filter
/// does not ask for keeps those behind it, however old they are: [`PoolPurge::held_back`] says how many, and
/// [`PoolPurge::held_by`] by which one.
#[derive(Debug, Clone)]
pub struct PurgePlan {
    pools: Vec<PoolPurge>,
}

/// What is about to be forgotten of one pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PoolPurge {
    /// The pool.
    pub pool: PoolName,
    /// Sessions that are forgotten.
    pub sessions: u64,
    /// The same by reason.
    pub by_reason: BTreeMap<Reason, u64>,
    /// Sessions that the filter asks for, and that stay because of one that was retired before them.
    pub held_back: u64,
    /// That one; `None` where nothing is held back.
    pub held_by: Option<HeldBy>,
    /// From when on the sessions of this pool are too young: those retired before are old enough.
    pub retired_before: Timestamp,
    /// Up to where in its log the sessions are forgotten, afterwards.
    pub purged_through: Sequence,
    /// The pool as it was when the plan was made.
    #[serde(skip)]
    entry: PoolEntry,
}

/// The session that keeps others from being forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HeldBy {
    /// Its place in the log.
    pub sequence: Sequence,
    /// Its id.
    pub id: SessionId,
    /// Why it stays itself.
    pub why: Kept,
}

/// Why a session is not forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kept {
    /// It was retired later than asked for.
    Young,
    /// It was retired for another reason.
    OtherReason(Reason),
    /// The log has it as retired, and the store has it as live: a check says more.
    Live,
}

impl PurgePlan {
    /// Finds what there is to forget, and changes nothing. `now` is the clock's.
    ///
    /// # Errors
    ///
    /// [`MaintenanceError::NoSuchPool`], [`MaintenanceError::Store`].
    pub fn new(
        store: &dyn ReadStore,
        filter: &PurgeFilter,
        now: DateTime<Utc>,
    ) -> Result<Self, MaintenanceError> {
        let mut pools = Vec::new();
        for entry in select(store, filter.pool.as_ref())? {
            let now = Timestamp::from(now).plus(lead(store, &entry, now.into())?);
            pools.push(Walk::new(entry, filter, now).run(store)?);
        }
        Ok(Self { pools })
    }

    /// What is forgotten of each pool, by name; also where that is nothing.
    pub fn pools(&self) -> &[PoolPurge] {
        &self.pools
    }

    /// Sessions that are forgotten.
    pub fn sessions(&self) -> u64 {
        self.pools.iter().map(|pool| pool.sessions).sum()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.pools.iter().all(|pool| pool.purged_through == pool.entry.purged_through)
    }

    /// Does it. `progress` hears how many log entries it has passed. In one commit go some 130 sessions: where it is ended in
    /// the middle by a failure or a kill, the oldest are forgotten, and the others are there.
    ///
    /// # Errors
    ///
    /// - [`MaintenanceError::Changed`]: one of the pools is not what it was. Nothing was written.
    /// - [`MaintenanceError::Store`].
    pub fn apply(&self, store: &dyn Store, progress: &mut Progress<'_>) -> Result<(), MaintenanceError> {
        if !are_unchanged(store, self.pools.iter().map(|pool| &pool.entry))? {
            return Err(MaintenanceError::Changed);
        }
        let mut passed = 0;
        let mut writer = Writer::new(store);
        for purge in &self.pools {
            let mut entry = purge.entry.clone();
            loop {
                let page = page(store, entry.number, entry.purged_through, purge.purged_through)?;
                if page.is_empty() {
                    break;
                }
                for (sequence, told) in page {
                    passed += 1;
                    entry.purged_through = sequence;
                    if let Some(told) = told {
                        match presence(store, entry.number, &told)? {
                            Presence::Retired(reason) => {
                                writer.push(Change::Purge { pool: entry.number, id: told.id, reason });
                            }
                            // The plan has stopped before any of those.
                            Presence::Live => return Err(MaintenanceError::Changed),
                            Presence::Gone => {}
                        }
                    }
                    // Not with each change: it may have a long list of what was lost of its log.
                    if writer.is_full() {
                        writer.pool(&entry);
                        writer.write()?;
                        progress(passed);
                    }
                }
            }
            if entry != purge.entry {
                writer.pool(&entry);
            }
        }
        writer.write()?;
        progress(passed);
        Ok(())
    }
}

/// What the store has of a session that the log has as retired.
enum Presence {
    Retired(Reason),
    Live,
    Gone,
}

/// One that cannot be read is as the log says.
fn presence(store: &dyn ReadStore, pool: PoolNumber, told: &LogEntry) -> Result<Presence, StoreError> {
    match store.record(pool, &told.id) {
        Ok(Some(record)) => Ok(match record.state() {
            State::Retired(reason) => Presence::Retired(reason),
            State::Live => Presence::Live,
        }),
        Ok(None) => Ok(Presence::Gone),
        Err(StoreError::Unreadable(_)) => Ok(Presence::Retired(told.reason)),
        Err(error) => Err(error),
    }
}

/// Goes through the log of a pool, and tells what is to be forgotten.
struct Walk<'a> {
    filter: &'a PurgeFilter,
    now: Timestamp,
    purge: PoolPurge,
    /// Sessions that go if one behind them does.
    undecided: BTreeMap<Reason, u64>,
}

impl<'a> Walk<'a> {
    fn new(entry: PoolEntry, filter: &'a PurgeFilter, now: Timestamp) -> Self {
        let purge = PoolPurge {
            pool: entry.name.clone(),
            sessions: 0,
            by_reason: BTreeMap::new(),
            held_back: 0,
            held_by: None,
            retired_before: now.minus(filter.older_than),
            purged_through: entry.purged_through,
            entry,
        };
        Self { filter, now, purge, undecided: BTreeMap::new() }
    }

    fn run(mut self, store: &dyn ReadStore) -> Result<PoolPurge, StoreError> {
        let PoolEntry { number, last_sequence, purged_through, .. } = self.purge.entry;
        let mut failure = Ok(());
        store.visit_log(number, purged_through, &mut |item| {
            // What cannot be read has no time, and a time to come is no age: neither keeps anything from being forgotten,
            // and both go with those behind them, as in a pool's own retention.
            let Ok((sequence, told)) = item else { return ControlFlow::Continue(()) };
            if sequence > last_sequence {
                return ControlFlow::Break(());
            }
            if self.is_of_no_account(&told) {
                return ControlFlow::Continue(());
            }
            match presence(store, number, &told) {
                Ok(presence) => self.note(sequence, &told, &presence),
                Err(error) => {
                    failure = Err(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        failure?;
        if self.purge.held_back == 0 {
            self.purge.held_by = None;
        }
        Ok(self.purge)
    }

    fn is_asked_for(&self, told: &LogEntry) -> bool {
        self.filter.reasons.is_empty() || self.filter.reasons.contains(&told.reason)
    }

    fn is_old(&self, told: &LogEntry) -> bool {
        told.retired_at < self.purge.retired_before
    }

    /// Whether it stays in any case, and keeps nothing that is not kept already: then its session need not be looked for.
    fn is_of_no_account(&self, told: &LogEntry) -> bool {
        self.purge.held_by.is_some() && !(self.is_asked_for(told) && self.is_old(told))
    }

    fn note(&mut self, sequence: Sequence, told: &LogEntry, presence: &Presence) {
        let (is_asked_for, is_old) = (self.is_asked_for(told), self.is_old(told));
        let Self { filter: _, now, purge, undecided } = self;
        let why = match presence {
            Presence::Gone => return,
            Presence::Live => Kept::Live,
            Presence::Retired(_) if !is_asked_for => Kept::OtherReason(told.reason),
            Presence::Retired(_) if is_old && purge.held_by.is_some() => {
                purge.held_back += 1;
                return;
            }
            Presence::Retired(_) if is_old || told.retired_at > *now => {
                *undecided.entry(told.reason).or_default() += 1;
                if is_old {
                    purge.purged_through = sequence;
                    for (reason, count) in std::mem::take(undecided) {
                        *purge.by_reason.entry(reason).or_default() += count;
                        purge.sessions += count;
                    }
                }
                return;
            }
            Presence::Retired(_) => Kept::Young,
        };
        purge.held_by.get_or_insert(HeldBy { sequence, id: told.id, why });
    }
}

/// How many entries of the log are read in one go.
const PAGE: usize = 256;

/// The next entries of the log behind `after` and up to `through`. `None` for one that cannot be read.
fn page(
    store: &dyn ReadStore,
    pool: PoolNumber,
    after: Sequence,
    through: Sequence,
) -> Result<Vec<(Sequence, Option<LogEntry>)>, StoreError> {
    let mut page = Vec::new();
    if after >= through {
        return Ok(page);
    }
    store.visit_log(pool, after, &mut |item| {
        let (sequence, told) = match item {
            Ok((sequence, told)) => (sequence, Some(told)),
            Err(unreadable) => match unreadable.log_sequence() {
                Some(sequence) => (sequence, None),
                None => return ControlFlow::Continue(()),
            },
        };
        if sequence > through || page.len() >= PAGE {
            return ControlFlow::Break(());
        }
        page.push((sequence, told));
        ControlFlow::Continue(())
    })?;
    Ok(page)
}
