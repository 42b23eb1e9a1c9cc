//! What is browsed: the small part of everything in a store, in memory. Payloads stay in the store.

use std::ops::ControlFlow;

use session_pool::{
    LogEntry, PoolEntry, ReadStore, Reason, Sequence, SessionId, SessionRecord, StoreError, Timestamp,
    Unreadable,
};

use super::text::clean;
use crate::output::width;

/// A pool's place in [`Data::pools`].
pub(super) type PoolIndex = u32;

/// Everything that lists are made of, in the order of the store: by pool name, then by id or sequence.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) pools: Vec<PoolRow>,
    pub(super) sessions: Vec<SessionRow>,
    pub(super) log: Vec<LogRow>,
    /// What is in all pools together.
    totals: Counts,
    /// How many columns the widest name of a pool takes.
    pub(super) widest_name: usize,
    /// What could not be read and is passed over: so many, and what the first of them are.
    pub(super) unreadable: u64,
    pub(super) first_unreadable: Vec<Unreadable>,
}

/// How many unreadable items are kept to be named.
const NAMED_UNREADABLE: usize = 100;

#[derive(Debug)]
pub(super) struct PoolRow {
    pub(super) entry: PoolEntry,
    /// Its name, as it may be shown.
    pub(super) shown: String,
    pub(super) counts: Counts,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct SessionRow {
    pub(super) pool: PoolIndex,
    pub(super) id: SessionId,
    pub(super) record: SessionRecord,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct LogRow {
    pub(super) pool: PoolIndex,
    pub(super) sequence: Sequence,
    pub(super) entry: LogEntry,
}

/// What is in a pool, or in all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) live: u64,
    /// Those of the live ones that are resting.
    pub(super) resting: u64,
    /// Those of the live ones that have grown too old: the next crawler retires them.
    pub(super) expired: u64,
    /// In the order of [`Reason::ALL`].
    pub(super) retired: [u64; Reason::ALL.len()],
    pub(super) uses: u64,
    pub(super) errors: u64,
    /// When the next of the live sessions expires that has not yet.
    pub(super) next_expiry: Option<Timestamp>,
    /// Retirements in the log.
    pub(super) logged: u64,
    pub(super) unreadable: u64,
}

impl Counts {
    pub(super) fn all_retired(&self) -> u64 {
        self.retired.iter().sum()
    }

    /// Live and retired ones.
    pub(super) fn sessions(&self) -> u64 {
        self.live + self.all_retired()
    }

    fn session(&mut self, record: &SessionRecord, now: Timestamp) {
        let standing = Standing::of(record, now);
        match standing {
            Standing::Retired(reason) => self.retired[place(reason)] += 1,
            Standing::Live | Standing::Resting | Standing::Expired => self.live += 1,
        }
        self.resting += u64::from(standing == Standing::Resting);
        self.expired += u64::from(standing == Standing::Expired);
        if matches!(standing, Standing::Live | Standing::Resting) {
            let earliest = self.next_expiry.map_or(record.expires_at, |time| time.min(record.expires_at));
            self.next_expiry = Some(earliest);
        }
        self.uses += u64::from(record.usage_count);
        self.errors += u64::from(record.error_count);
    }

    fn add(&mut self, other: &Self) {
        // Exhaustive, so that a new field cannot be forgotten here.
        let Self { live, resting, expired, retired, uses, errors, next_expiry, logged, unreadable } = *other;
        self.live += live;
        self.resting += resting;
        self.expired += expired;
        for (sum, more) in self.retired.iter_mut().zip(retired) {
            *sum += more;
        }
        self.uses += uses;
        self.errors += errors;
        self.next_expiry = [self.next_expiry, next_expiry].into_iter().flatten().min();
        self.logged += logged;
        self.unreadable += unreadable;
    }
}

/// A reason's place in [`Reason::ALL`].
pub(super) fn place(reason: Reason) -> usize {
    match reason {
        Reason::Blocked => 0,
        Reason::Exhausted => 1,
        Reason::Expired => 2,
        Reason::Retired => 3,
    }
}

/// Where a session stands, told in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Live,
    Resting,
    /// Live as far as the store knows, and too old: the next crawler that opens the pool retires it.
    Expired,
    Retired(Reason),
}

impl Standing {
    pub(super) fn of(record: &SessionRecord, now: Timestamp) -> Self {
        match record.retired {
            Some(retired) => Self::Retired(retired.reason),
            None if record.is_expired(now) => Self::Expired,
            None if record.is_usable(now) && record.is_resting(now) => Self::Resting,
            None => Self::Live,
        }
    }

    pub(super) fn reason(self) -> Option<Reason> {
        match self {
            Self::Retired(reason) => Some(reason),
            Self::Live | Self::Resting | Self::Expired => None,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Resting => "resting",
            Self::Expired => "expired",
            Self::Retired(_) => "retired",
        }
    }
}

impl Data {
    /// What is in a pool, or in all of them.
    pub(super) fn counts(&self, pool: Option<PoolIndex>) -> Counts {
        match pool {
            Some(pool) => self.pool(pool).map(|pool| pool.counts).unwrap_or_default(),
            None => self.totals,
        }
    }

    /// The pool's row. There is one for each index that a row has.
    pub(super) fn pool(&self, index: PoolIndex) -> Option<&PoolRow> {
        self.pools.get(usize::try_from(index).ok()?)
    }

    /// The pool's name, as it may be shown.
    pub(super) fn pool_name(&self, index: PoolIndex) -> &str {
        self.pool(index).map_or("?", |pool| &pool.shown)
    }

    fn pass_over(&mut self, item: Unreadable) {
        self.unreadable += 1;
        if self.first_unreadable.len() < NAMED_UNREADABLE {
            self.first_unreadable.push(item);
        }
    }
}

/// How far the reading has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) sessions: u64,
    pub(super) log: u64,
}

/// After so many items it is told how far the reading has come.
const TOLD_EVERY: u64 = 4096;

/// Reads all that lists are made of; `None` where `tell` said that nobody wants it any more.
///
/// # Errors
///
/// [`StoreError`] where the engine fails. What is unreadable is counted and passed over.
pub(super) fn read(
    store: &dyn ReadStore,
    now: Timestamp,
    tell: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Data>, StoreError> {
    let mut data = Data::default();
    let mut progress = Progress::default();
    let mut entries = Vec::new();
    store.visit_pools(&mut |item| {
        match item {
            Ok(entry) => entries.push(entry),
            Err(item) => data.pass_over(item),
        }
        ControlFlow::Continue(())
    })?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    for (index, entry) in (0..).zip(entries) {
        let mut counts = Counts::default();
        let mut flow = ControlFlow::Continue(());
        store.visit_sessions(entry.number, None, &mut |item| {
            match item {
                Ok((id, record)) => {
                    counts.session(&record, now);
                    data.sessions.push(SessionRow { pool: index, id, record });
                }
                Err(item) => {
                    counts.unreadable += 1;
                    data.pass_over(item);
                }
            }
            progress.sessions += 1;
            if progress.sessions.is_multiple_of(TOLD_EVERY) {
                flow = tell(progress);
            }
            flow
        })?;
        if flow.is_continue() {
            store.visit_log(entry.number, Sequence::START, &mut |item| {
                match item {
                    Ok((sequence, entry)) => {
                        counts.logged += 1;
                        data.log.push(LogRow { pool: index, sequence, entry });
                    }
                    Err(item) => {
                        counts.unreadable += 1;
                        data.pass_over(item);
                    }
                }
                progress.log += 1;
                if progress.log.is_multiple_of(TOLD_EVERY) {
                    flow = tell(progress);
                }
                flow
            })?;
        }
        if flow.is_break() {
            return Ok(None);
        }
        let shown = clean(entry.name.as_str());
        data.totals.add(&counts);
        data.widest_name = data.widest_name.max(width(&shown));
        data.pools.push(PoolRow { entry, shown, counts });
    }
    data.sessions.shrink_to_fit();
    data.log.shrink_to_fit();
    Ok(Some(data))
}
