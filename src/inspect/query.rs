//! Finding sessions.

use std::ops::ControlFlow;

use super::Filter;
use crate::session::{SessionId, SessionRecord, State};
use crate::store::{LogEntry, PoolEntry, PoolName, ReadStore, Sequence, StoreError, Unreadable};

/// A session that was found.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Its pool.
    pub pool: &'a PoolEntry,
    /// Its id.
    pub id: SessionId,
    /// Its hot part.
    pub record: SessionRecord,
}

/// Every pool of a store, by name. Entries that cannot be read are passed over; [`check`](super::check) names them.
///
/// # Errors
///
/// [`StoreError`] where the engine fails.
pub fn pools(store: &dyn ReadStore) -> Result<Vec<PoolEntry>, StoreError> {
    Ok(all_pools(store)?.0)
}

/// Every pool of a store, by name, and the entries that cannot be read.
pub(super) fn all_pools(store: &dyn ReadStore) -> Result<(Vec<PoolEntry>, Vec<Unreadable>), StoreError> {
    let (mut pools, mut unreadable) = (Vec::new(), Vec::new());
    store.visit_pools(&mut |item| {
        match item {
            Ok(pool) => pools.push(pool),
            Err(item) => unreadable.push(item),
        }
        ControlFlow::Continue(())
    })?;
    pools.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((pools, unreadable))
}

/// Visits the sessions that a filter asks for, pool by pool and state by state, and what could not be read among them.
/// Payloads are read where the filter [needs them](Filter::needs_payload), of those that it asks for otherwise.
///
/// # Errors
///
/// [`StoreError`] where the engine fails.
pub fn for_each(
    store: &dyn ReadStore,
    filter: &Filter,
    visit: &mut dyn FnMut(Result<Found<'_>, Unreadable>) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    for_each_with(store, filter, &mut || ControlFlow::Continue(()), visit)
}

/// The same; `passed_over` hears of each session that the filter does not ask for, and can end it too.
///
/// # Errors
///
/// As [`for_each`].
pub fn for_each_with(
    store: &dyn ReadStore,
    filter: &Filter,
    passed_over: &mut dyn FnMut() -> ControlFlow<()>,
    visit: &mut dyn FnMut(Result<Found<'_>, Unreadable>) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let (pools, unreadable) = all_pools(store)?;
    for item in unreadable {
        if visit(Err(item)).is_break() {
            return Ok(());
        }
    }
    for pool in pools.iter().filter(|pool| filter.pool.as_ref().is_none_or(|name| *name == pool.name)) {
        let mut failure = None;
        let flow = for_each_in(store, pool, filter.states(), &mut |item| {
            let found = match item {
                Ok(found) if !filter.matches_record(&found.id, &found.record) => return passed_over(),
                Ok(found) if !filter.needs_payload() => found,
                Ok(found) => match store.payload(pool.number, &found.id) {
                    Ok(Some(payload)) if filter.matches_payload(&payload) => found,
                    Ok(_) => return passed_over(),
                    Err(StoreError::Unreadable(item)) => return visit(Err(item)),
                    Err(error) => {
                        failure = Some(error);
                        return ControlFlow::Break(());
                    }
                },
                Err(item) => return visit(Err(item)),
            };
            visit(Ok(found))
        })?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        if flow.is_break() {
            break;
        }
    }
    Ok(())
}

/// The same for one pool.
pub(super) fn for_each_in(
    store: &dyn ReadStore,
    pool: &PoolEntry,
    states: impl IntoIterator<Item = State>,
    visit: &mut dyn FnMut(Result<Found<'_>, Unreadable>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StoreError> {
    for state in states {
        let mut flow = ControlFlow::Continue(());
        store.visit_by_state(pool.number, state, &mut |item| {
            flow = visit(item.map(|(id, record)| Found { pool, id, record }));
            flow
        })?;
        if flow.is_break() {
            return Ok(flow);
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The sessions of that id, one in each pool that has one.
///
/// # Errors
///
/// [`StoreError`] where the engine fails; [`StoreError::Unreadable`] where it is there and cannot be read.
pub fn find(
    store: &dyn ReadStore,
    pool: Option<&PoolName>,
    id: &SessionId,
) -> Result<Vec<(PoolEntry, SessionRecord)>, StoreError> {
    let mut found = Vec::new();
    for entry in pools(store)?.into_iter().filter(|entry| pool.is_none_or(|name| *name == entry.name)) {
        if let Some(record) = store.record(entry.number, id)? {
            found.push((entry, record));
        }
    }
    Ok(found)
}

/// What the retirement log says of the session of that id, oldest first: one entry as a rule, more where an id was used again
/// after its session had been forgotten. It goes through the whole log of the pool.
///
/// # Errors
///
/// [`StoreError`] where the engine fails.
pub fn history(
    store: &dyn ReadStore,
    pool: &PoolEntry,
    id: &SessionId,
) -> Result<Vec<(Sequence, LogEntry)>, StoreError> {
    let mut found = Vec::new();
    store.visit_log(pool.number, pool.trimmed_through, &mut |item| {
        found.extend(item.ok().filter(|(_, entry)| entry.id == *id));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}
