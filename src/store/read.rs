//! Reading sessions: the trait [`ReadStore`].

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{LogEntry, PoolEntry, PoolNumber, Sequence, StoreError, Unreadable};
use crate::session::{Payload, SessionId, SessionRecord, State, Timestamp};

/// What a visitor is handed: an item, or what could not be read in its place.
pub type Visited<T> = Result<T, Unreadable>;

/// Whoever is shown the items of a store, one after the other, and says when it has seen enough.
pub type Visitor<'a, T> = dyn FnMut(Visited<T>) -> ControlFlow<()> + 'a;

/// A place that sessions can be read from: a [`Store`](super::Store), or something that cannot be written to, an archive for
/// instance. Whatever asks questions only ([`inspect`](crate::inspect)) asks one of these; a `&dyn Store` is one.
///
/// # Contract
///
/// - For every session there is exactly one entry in the index by state, and one in the index by expiry if and only if
///   it is live (I-1); an entry in the log if and only if it is retired (I-2). Whether that is so in what was found on a
///   disk is what [`check`](crate::inspect::check) tells.
/// - One unreadable item never keeps the others from being visited (I-7).
/// - Reading changes nothing.
///
/// Visitors are called in the order of the keys and end the visit by `ControlFlow::Break`. They may call the reading methods,
/// and not [`commit`](super::Store::commit).
pub trait ReadStore: Send + Sync {
    /// Visits the pools there are.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn visit_pools(&self, visit: &mut Visitor<'_, PoolEntry>) -> Result<(), StoreError>;

    /// The hot part of a session; `None` where there is no such session.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreadable`] where it is there and cannot be decoded, others where the engine fails.
    fn record(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// The cold part of a session; `None` where there is no such session.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreadable`] where it is there and cannot be decoded, others where the engine fails.
    fn payload(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<Payload>, StoreError>;

    /// Whether anything is kept under that id, readable or not.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn contains(&self, pool: PoolNumber, id: &SessionId) -> Result<bool, StoreError>;

    /// Visits the sessions of a pool that are in `state`, by the index.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn visit_by_state(
        &self,
        pool: PoolNumber,
        state: State,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError>;

    /// Visits the sessions of a pool, whatever the indexes say: all of them, or those behind the id `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn visit_sessions(
        &self,
        pool: PoolNumber,
        after: Option<&SessionId>,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError>;

    /// Visits the index by state itself, of all pools.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn visit_state_index(
        &self,
        visit: &mut Visitor<'_, (PoolNumber, State, SessionId)>,
    ) -> Result<(), StoreError>;

    /// Visits the index by expiry, of all pools: what expires after `after` and at `until` or before, earliest first. From
    /// [`Timestamp::MIN`] on means from the beginning, what expires then too; up to [`Timestamp::MAX`], to the end.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn visit_expiring(
        &self,
        after: Timestamp,
        until: Timestamp,
        visit: &mut Visitor<'_, (Timestamp, PoolNumber, SessionId)>,
    ) -> Result<(), StoreError>;

    /// Visits the retirement log of a pool behind `after`, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the engine fails.
    fn visit_log(
        &self,
        pool: PoolNumber,
        after: Sequence,
        visit: &mut Visitor<'_, (Sequence, LogEntry)>,
    ) -> Result<(), StoreError>;
}

/// What is shared is one: what several handles keep, for instance to look into it while a pool is open.
impl<S: ReadStore + ?Sized> ReadStore for Arc<S> {
    fn visit_pools(&self, visit: &mut Visitor<'_, PoolEntry>) -> Result<(), StoreError> {
        (**self).visit_pools(visit)
    }

    fn record(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        (**self).record(pool, id)
    }

    fn payload(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<Payload>, StoreError> {
        (**self).payload(pool, id)
    }

    fn contains(&self, pool: PoolNumber, id: &SessionId) -> Result<bool, StoreError> {
        (**self).contains(pool, id)
    }

    fn visit_by_state(
        &self,
        pool: PoolNumber,
        state: State,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        (**self).visit_by_state(pool, state, visit)
    }

    fn visit_sessions(
        &self,
        pool: PoolNumber,
        after: Option<&SessionId>,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        (**self).visit_sessions(pool, after, visit)
    }

    fn visit_state_index(
        &self,
        visit: &mut Visitor<'_, (PoolNumber, State, SessionId)>,
    ) -> Result<(), StoreError> {
        (**self).visit_state_index(visit)
    }

    fn visit_expiring(
        &self,
        after: Timestamp,
        until: Timestamp,
        visit: &mut Visitor<'_, (Timestamp, PoolNumber, SessionId)>,
    ) -> Result<(), StoreError> {
        (**self).visit_expiring(after, until, visit)
    }

    fn visit_log(
        &self,
        pool: PoolNumber,
        after: Sequence,
        visit: &mut Visitor<'_, (Sequence, LogEntry)>,
    ) -> Result<(), StoreError> {
        (**self).visit_log(pool, after, visit)
    }
}

/// The number that a new pool of a store gets.
pub(crate) struct NextPoolNumber {
    pub(crate) number: PoolNumber,
    /// An entry of a pool that cannot be read: it may be of the name that the new one is to have.
    pub(crate) unreadable: Option<Unreadable>,
}

pub(crate) fn next_pool_number(store: &dyn ReadStore) -> Result<NextPoolNumber, StoreError> {
    let (mut last, mut unreadable) = (None, None);
    store.visit_pools(&mut |item| {
        let number = match item {
            Ok(entry) => Some(entry.number),
            Err(item) => {
                let number = item.pool;
                unreadable = Some(item);
                number
            }
        };
        last = last.max(number);
        ControlFlow::Continue(())
    })?;
    let number = last.map_or(Ok(PoolNumber(0)), PoolNumber::next)?;
    Ok(NextPoolNumber { number, unreadable })
}
