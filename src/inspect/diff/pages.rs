//! The items of a store in order, a page at a time, so that two stores can be gone through side by side.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::session::{SessionId, SessionRecord};
use crate::store::{LogEntry, PoolNumber, ReadStore, Sequence, StoreError, Unreadable};

/// How many items a page has.
const PAGE: usize = 1024;

/// The sessions of a pool, by id; of one that cannot be read there is the id alone.
pub(super) struct Sessions<'a> {
    store: &'a dyn ReadStore,
    /// `None` where the store has no such pool.
    pool: Option<PoolNumber>,
    page: VecDeque<(SessionId, Option<SessionRecord>)>,
    last: Option<SessionId>,
    is_over: bool,
    /// What could not be read and has no id either.
    pub(super) unreadable: u64,
}

impl<'a> Sessions<'a> {
    pub(super) fn of(store: &'a dyn ReadStore, pool: Option<PoolNumber>) -> Self {
        Self { store, pool, page: VecDeque::new(), last: None, is_over: pool.is_none(), unreadable: 0 }
    }

    /// The id of the next one, which stays the next one.
    pub(super) fn peek(&mut self) -> Result<Option<SessionId>, StoreError> {
        if self.page.is_empty() && !self.is_over {
            self.turn()?;
        }
        Ok(self.page.front().map(|(id, _)| *id))
    }

    pub(super) fn pop(&mut self) -> Option<(SessionId, Option<SessionRecord>)> {
        self.page.pop_front()
    }

    fn turn(&mut self) -> Result<(), StoreError> {
        let Some(pool) = self.pool else { return Ok(()) };
        let (page, unreadable) = (&mut self.page, &mut self.unreadable);
        self.store.visit_sessions(pool, self.last.as_ref(), &mut |item| {
            match item {
                Ok((id, record)) => page.push_back((id, Some(record))),
                Err(Unreadable { key, .. }) => match SessionId::from_bytes(&key) {
                    Ok(id) => page.push_back((id, None)),
                    // Nothing begins behind it: it is passed on the way to the next one that has an id.
                    Err(_) => *unreadable += 1,
                },
            }
            if page.len() < PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        self.is_over = page.len() < PAGE;
        self.last = page.back().map(|(id, _)| *id);
        Ok(())
    }
}

/// The log of a pool, oldest first.
pub(super) struct Log<'a> {
    store: &'a dyn ReadStore,
    pool: Option<PoolNumber>,
    page: VecDeque<(Sequence, Option<LogEntry>)>,
    last: Sequence,
    is_over: bool,
    pub(super) unreadable: u64,
}

impl<'a> Log<'a> {
    pub(super) fn of(store: &'a dyn ReadStore, pool: Option<PoolNumber>) -> Self {
        let (page, last) = (VecDeque::new(), Sequence::START);
        Self { store, pool, page, last, is_over: pool.is_none(), unreadable: 0 }
    }

    pub(super) fn peek(&mut self) -> Result<Option<Sequence>, StoreError> {
        if self.page.is_empty() && !self.is_over {
            self.turn()?;
        }
        Ok(self.page.front().map(|(sequence, _)| *sequence))
    }

    pub(super) fn pop(&mut self) -> Option<(Sequence, Option<LogEntry>)> {
        self.page.pop_front()
    }

    fn turn(&mut self) -> Result<(), StoreError> {
        let Some(pool) = self.pool else { return Ok(()) };
        let (page, unreadable) = (&mut self.page, &mut self.unreadable);
        self.store.visit_log(pool, self.last, &mut |item| {
            match item {
                Ok((sequence, entry)) => page.push_back((sequence, Some(entry))),
                Err(item) => match item.log_sequence() {
                    Some(sequence) => page.push_back((sequence, None)),
                    None => *unreadable += 1,
                },
            }
            if page.len() < PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        self.is_over = page.len() < PAGE;
        self.last = page.back().map_or(self.last, |(sequence, _)| *sequence);
        Ok(())
    }
}
