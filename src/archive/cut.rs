//! A store as it was at one moment, read while it changes.
//!
//! The reader goes through the store page by page. Whoever commits a batch meanwhile first hands over, as it is, what
//! the batch is about to change and the reader has not reached: the reader adds it to what it reads, and passes it over
//! later. So the commit waits for a few lookups and for nothing else, and every session is read once, as it was when
//! the cut began. Reading a page and committing a batch exclude each other; the caller sees to that.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::{ArchiveItem, ArchivedSession};
use crate::session::SessionId;
use crate::store::{Batch, Change, PoolEntry, PoolName, PoolNumber, ReadStore, Sequence, StoreError};

/// Where the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Position {
    /// Its first page is to come: the pools.
    Pools,
    /// It has read the log of the pool with that place in the list up to there.
    Log(usize, Sequence),
    /// It has read the sessions of the pool with that place in the list up to there.
    Sessions(usize, Option<SessionId>),
    Done,
}

/// A store as it was at one moment.
#[derive(Debug)]
pub(crate) struct Cut {
    /// The pools there were, in the order of their numbers.
    pools: Vec<PoolEntry>,
    position: Position,
    /// What was handed over before it was changed.
    early: Vec<ArchiveItem>,
    early_bytes: usize,
    /// Sessions that the reader passes over: they were handed over, or are new.
    done: HashSet<(PoolNumber, SessionId)>,
    unreadable: u64,
    /// Why something could not be handed over.
    failure: Option<StoreError>,
}

/// How many items, and how many bytes of payloads, a page has at most, or a few more.
const PAGE_ITEMS: usize = 256;
const PAGE_BYTES: usize = 256 << 10;

impl Cut {
    /// The store as it is now.
    pub(crate) fn begin(store: &dyn ReadStore) -> Result<Self, StoreError> {
        let mut cut = Self {
            pools: Vec::new(),
            position: Position::Pools,
            early: Vec::new(),
            early_bytes: 0,
            done: HashSet::new(),
            unreadable: 0,
            failure: None,
        };
        store.visit_pools(&mut |item| {
            match item {
                Ok(pool) => cut.pools.push(pool),
                Err(_) => cut.unreadable += 1,
            }
            ControlFlow::Continue(())
        })?;
        cut.pools.sort_by_key(|pool| pool.number);
        Ok(cut)
    }

    /// Leaves out all pools but one. Where there is no such pool, the names of all are the answer.
    pub(crate) fn keep_pool(&mut self, name: &PoolName) -> Option<Vec<PoolName>> {
        if !self.pools.iter().any(|pool| pool.name == *name) {
            let mut names: Vec<PoolName> = self.pools.iter().map(|pool| pool.name.clone()).collect();
            names.sort();
            return Some(names);
        }
        self.pools.retain(|pool| pool.name == *name);
        None
    }

    /// Whether its pools have changed since it began: something was retired or forgotten in them.
    pub(crate) fn is_past(&self, store: &dyn ReadStore) -> Result<bool, StoreError> {
        let mut left = self.pools.len();
        store.visit_pools(&mut |item| {
            if let Ok(pool) = item
                && self.pools.contains(&pool)
            {
                left -= 1;
            }
            ControlFlow::Continue(())
        })?;
        Ok(left > 0)
    }

    /// How many items could not be read so far.
    pub(crate) fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// How many bytes of payloads wait for the next page because they were changed.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.early_bytes
    }

    /// The next items; `None` at the end.
    pub(crate) fn next_page(
        &mut self,
        store: &dyn ReadStore,
    ) -> Result<Option<Vec<ArchiveItem>>, StoreError> {
        if let Some(failure) = self.failure.take() {
            self.position = Position::Done;
            return Err(failure);
        }
        self.early_bytes = 0;
        let mut page = std::mem::take(&mut self.early);
        match self.position {
            Position::Pools => {
                page.extend(self.pools.iter().cloned().map(ArchiveItem::Pool));
                self.go_to_log(0);
            }
            Position::Log(at, read) => self.log_page(store, at, read, &mut page)?,
            Position::Sessions(at, read) => self.sessions_page(store, at, read, &mut page)?,
            Position::Done => return Ok(if page.is_empty() { None } else { Some(page) }),
        }
        Ok(Some(page))
    }

    fn go_to_log(&mut self, at: usize) {
        self.position = match self.pools.get(at) {
            Some(pool) => Position::Log(at, pool.trimmed_through),
            None if self.pools.is_empty() => Position::Done,
            None => Position::Sessions(0, None),
        };
    }

    fn log_page(
        &mut self,
        store: &dyn ReadStore,
        at: usize,
        read: Sequence,
        page: &mut Vec<ArchiveItem>,
    ) -> Result<(), StoreError> {
        let pool = &self.pools[at];
        let (number, last) = (pool.number, pool.last_sequence);
        let mut read = read;
        let mut is_over = true;
        store.visit_log(number, read, &mut |item| {
            match item {
                // What was retired since.
                Ok((sequence, _)) if sequence > last => return ControlFlow::Break(()),
                Ok((sequence, entry)) => {
                    page.push(ArchiveItem::LogEntry { pool: number, sequence, entry });
                    read = sequence;
                    if page.len() >= PAGE_ITEMS {
                        is_over = false;
                        return ControlFlow::Break(());
                    }
                }
                Err(_) => self.unreadable += 1,
            }
            ControlFlow::Continue(())
        })?;
        if is_over {
            self.go_to_log(at + 1);
        } else {
            self.position = Position::Log(at, read);
        }
        Ok(())
    }

    fn sessions_page(
        &mut self,
        store: &dyn ReadStore,
        at: usize,
        read: Option<SessionId>,
        page: &mut Vec<ArchiveItem>,
    ) -> Result<(), StoreError> {
        let pool = self.pools[at].number;
        let (after, mut read, mut is_over, mut failure) = (read, read, true, None);
        let (mut items, mut bytes) = (0, 0);
        store.visit_sessions(pool, after.as_ref(), &mut |item| {
            let Ok((id, record)) = item else {
                self.unreadable += 1;
                return ControlFlow::Continue(());
            };
            read = Some(id);
            items += 1;
            if !self.done.remove(&(pool, id)) {
                match readable_payload(store, pool, &id) {
                    Ok(payload) => {
                        self.unreadable += u64::from(payload.is_none());
                        bytes += payload.as_ref().map_or(0, |payload| payload.check().unwrap_or_default());
                        page.push(ArchiveItem::Session(ArchivedSession { pool, id, record, payload }));
                    }
                    Err(error) => {
                        failure = Some(error);
                        return ControlFlow::Break(());
                    }
                }
            }
            is_over = items < PAGE_ITEMS && bytes < PAGE_BYTES;
            if is_over { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        self.position = if !is_over {
            Position::Sessions(at, read)
        } else if at + 1 < self.pools.len() {
            Position::Sessions(at + 1, None)
        } else {
            Position::Done
        };
        Ok(())
    }

    /// Takes what a batch is about to change, as it still is. Where that fails, the reader hears of it.
    pub(crate) fn before(&mut self, batch: &Batch, store: &dyn ReadStore) {
        for change in &batch.changes {
            let taken = match change {
                Change::Session(change) if change.is_new => {
                    self.pass_over(change.pool, &change.id);
                    Ok(())
                }
                Change::Session(change) => self.take(change.pool, &change.id, store),
                Change::Purge { pool, id, .. } => self.take(*pool, id, store),
                Change::TrimLog { pool, first, last } => self.take_log(*pool, *first, *last, store),
                Change::Pool(_) | Change::LogEntry { .. } => Ok(()),
            };
            if let Err(error) = taken {
                self.failure.get_or_insert(error);
            }
        }
    }

    /// The place in the list of a pool whose sessions the reader has not read up to that id.
    fn unread(&self, pool: PoolNumber, id: &SessionId) -> bool {
        let Ok(at) = self.pools.binary_search_by_key(&pool, |pool| pool.number) else { return false };
        Position::Sessions(at, Some(*id)) > self.position
    }

    fn pass_over(&mut self, pool: PoolNumber, id: &SessionId) -> bool {
        self.unread(pool, id) && self.done.insert((pool, *id))
    }

    fn take(&mut self, pool: PoolNumber, id: &SessionId, store: &dyn ReadStore) -> Result<(), StoreError> {
        if !self.pass_over(pool, id) {
            return Ok(());
        }
        let record = match store.record(pool, id) {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(()),
            Err(StoreError::Unreadable(_)) => {
                self.unreadable += 1;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let payload = readable_payload(store, pool, id)?;
        self.unreadable += u64::from(payload.is_none());
        self.early_bytes += payload.as_ref().map_or(0, |payload| payload.check().unwrap_or_default());
        self.early.push(ArchiveItem::Session(ArchivedSession { pool, id: *id, record, payload }));
        Ok(())
    }

    fn take_log(
        &mut self,
        number: PoolNumber,
        first: Sequence,
        last: Sequence,
        store: &dyn ReadStore,
    ) -> Result<(), StoreError> {
        let Ok(at) = self.pools.binary_search_by_key(&number, |pool| pool.number) else { return Ok(()) };
        let pool = &mut self.pools[at];
        let read = match self.position {
            Position::Log(reading, read) if reading == at => read,
            position if position > Position::Log(at, Sequence(u64::MAX)) => return Ok(()),
            _ => pool.trimmed_through,
        };
        let last = last.min(pool.last_sequence);
        let after = read.max(Sequence(first.0.saturating_sub(1)));
        let (early, unreadable) = (&mut self.early, &mut self.unreadable);
        store.visit_log(number, after, &mut |item| {
            match item {
                Ok((sequence, _)) if sequence > last => return ControlFlow::Break(()),
                Ok((sequence, entry)) => early.push(ArchiveItem::LogEntry { pool: number, sequence, entry }),
                Err(_) => *unreadable += 1,
            }
            ControlFlow::Continue(())
        })
    }
}

/// The payload of a session; `None` where it is missing or cannot be read.
fn readable_payload(
    store: &dyn ReadStore,
    pool: PoolNumber,
    id: &SessionId,
) -> Result<Option<crate::session::Payload>, StoreError> {
    match store.payload(pool, id) {
        Err(StoreError::Unreadable(_)) => Ok(None),
        payload => payload,
    }
}
