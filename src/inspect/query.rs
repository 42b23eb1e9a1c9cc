//! Finding sessions.

use std::ops::ControlFlow;

use crate::session::{Reason, SessionId, SessionRecord, State};
use crate::store::{PoolEntry, PoolName, ReadStore, StoreError, Unreadable};

/// Which sessions are asked for. The default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Those of this pool. Default: of every pool.
    pub pool: Option<PoolName>,
    /// Those that are live (`true`), or retired (`false`). Default: both.
    pub live: Option<bool>,
    /// Those that were retired for this reason. Default: whatever the reason.
    pub reason: Option<Reason>,
}

impl Filter {
    fn states(&self) -> impl Iterator<Item = State> {
        let Self { live, reason, .. } = *self;
        State::ALL.into_iter().filter(move |state| match state {
            State::Live => live != Some(false) && reason.is_none(),
            State::Retired(because) => live != Some(true) && reason.is_none_or(|reason| reason == *because),
        })
    }
}

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
///
/// # Errors
///
/// [`StoreError`] where the engine fails.
pub fn for_each(
    store: &dyn ReadStore,
    filter: &Filter,
    visit: &mut dyn FnMut(Result<Found<'_>, Unreadable>) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let (pools, unreadable) = all_pools(store)?;
    for item in unreadable {
        if visit(Err(item)).is_break() {
            return Ok(());
        }
    }
    for pool in pools.iter().filter(|pool| filter.pool.as_ref().is_none_or(|name| *name == pool.name)) {
        if for_each_in(store, pool, filter.states(), visit)?.is_break() {
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
