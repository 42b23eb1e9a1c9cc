//! Adding sessions by hand.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::pools::{are_unchanged, lead};
use super::{MaintenanceError, Progress};
use crate::inspect::pools;
use crate::session::{NewSession, Payload, SessionId, SessionOptions, SessionRecord, Timestamp};
use crate::store::{Change, PoolEntry, PoolName, ReadStore, SessionChange, Store, Writer, next_pool_number};

/// What is to be added, and where.
#[derive(Debug, Clone, Default)]
pub struct AddOptions {
    /// The pool. Default: the one that the store has.
    pub pool: Option<PoolName>,
    /// Whether the pool is created where the store has none of that name; where none is named and the store has none at all,
    /// the one that is called `default`. Default: no, it is an error.
    pub create_pool: bool,
    /// The sessions. They hold as they stand: nothing of any pool's own options is added.
    pub sessions: Vec<SessionOptions>,
}

/// Sessions that are about to be added, by the rules of [`SessionPool::add`](crate::SessionPool::add): options are checked,
/// times are those of the clock, and an id must be new in its pool.
///
/// How many sessions a pool may have is not stored: a crawler that opens it with a smaller `max_pool_size` has more of them
/// than that, uses them, and creates none until they are fewer.
#[derive(Debug, Clone)]
pub struct AddPlan {
    pool: PoolEntry,
    is_new_pool: bool,
    sessions: Vec<NewSession>,
}

impl AddPlan {
    /// Checks everything, and changes nothing. `now` is the clock's.
    ///
    /// # Errors
    ///
    /// - [`MaintenanceError::Invalid`]: an option breaks its rule, or leaves its session unusable from the start.
    /// - [`MaintenanceError::NoSuchPool`], [`MaintenanceError::PoolNeeded`].
    /// - [`MaintenanceError::Duplicate`]: the pool has such a session already, also a retired one, or one that cannot be
    ///   read.
    /// - [`MaintenanceError::GivenTwice`]: two of them have the same id.
    /// - [`MaintenanceError::UnreadablePool`]: a pool would have to be created, and might be there already.
    /// - [`MaintenanceError::Store`].
    pub fn new(
        store: &dyn ReadStore,
        options: AddOptions,
        now: DateTime<Utc>,
    ) -> Result<Self, MaintenanceError> {
        let AddOptions { pool, create_pool, sessions } = options;
        let (pool, is_new_pool) = choose(store, pool, create_pool)?;
        let now = Timestamp::from(now);
        let ahead = lead(store, &pool, now)?;
        let (mut ids, mut duplicates, mut twice) = (BTreeSet::new(), Vec::new(), Vec::new());
        let mut built = Vec::with_capacity(sessions.len());
        for (number, options) in (1..).zip(sessions) {
            let new = options.build_ahead(now, ahead);
            let new = new.map_err(|source| MaintenanceError::Invalid { number, source })?;
            if !ids.insert(new.id) {
                twice.push(new.id);
            } else if store.contains(pool.number, &new.id)? {
                duplicates.push(new.id);
            }
            built.push(new);
        }
        if duplicates.is_empty() && twice.is_empty() {
            Ok(Self { pool, is_new_pool, sessions: built })
        } else if duplicates.is_empty() {
            Err(MaintenanceError::GivenTwice { ids: twice })
        } else {
            Err(MaintenanceError::Duplicate { ids: duplicates, pool: pool.name })
        }
    }

    /// The pool that they are added to.
    pub fn pool(&self) -> &PoolName {
        &self.pool.name
    }

    /// Whether that is created.
    pub fn is_new_pool(&self) -> bool {
        self.is_new_pool
    }

    /// The sessions as they will be, in the order in which they were given.
    pub fn sessions(&self) -> impl ExactSizeIterator<Item = (SessionId, &SessionRecord, &Payload)> {
        self.sessions.iter().map(|new| (new.id, &new.record, &new.payload))
    }

    /// Does it. `progress` hears how many are durable. In one commit go some 130 of them, fewer where they are large: where it
    /// is ended in the middle by a failure or a kill, the first of them are there, and the others are not.
    ///
    /// # Errors
    ///
    /// - [`MaintenanceError::Changed`]: the pool is not what it was, or has such a session now. Nothing was written.
    /// - [`MaintenanceError::Store`].
    pub fn apply(self, store: &dyn Store, progress: &mut Progress<'_>) -> Result<(), MaintenanceError> {
        let Self { pool, is_new_pool, sessions } = self;
        let is_unchanged = if is_new_pool {
            next_pool_number(store)?.number == pool.number
                && pools(store)?.iter().all(|known| known.name != pool.name)
        } else {
            are_unchanged(store, [&pool])?
        };
        for new in &sessions {
            if !is_unchanged || store.contains(pool.number, &new.id)? {
                return Err(MaintenanceError::Changed);
            }
        }
        let mut writer = Writer::new(store);
        if is_new_pool {
            writer.pool(&pool);
        }
        let mut added = 0;
        for NewSession { id, record, payload, payload_length: _ } in sessions {
            added += 1;
            let change = SessionChange {
                pool: pool.number,
                id,
                record,
                is_new: true,
                payload: Some(Arc::new(payload)),
                retirement: None,
            };
            writer.push(Change::Session(change));
            if writer.write_if_full()? {
                progress(added);
            }
        }
        writer.write()?;
        progress(added);
        Ok(())
    }
}

/// The pool that is meant, and whether it is new.
fn choose(
    store: &dyn ReadStore,
    pool: Option<PoolName>,
    create: bool,
) -> Result<(PoolEntry, bool), MaintenanceError> {
    let mut known = pools(store)?;
    let names = |known: &[PoolEntry]| known.iter().map(|entry| entry.name.clone()).collect();
    let name = match pool {
        Some(name) => {
            if let Some(at) = known.iter().position(|entry| entry.name == name) {
                return Ok((known.swap_remove(at), false));
            }
            if !create {
                return Err(MaintenanceError::NoSuchPool { pool: name, known: names(&known) });
            }
            name
        }
        None if known.is_empty() && create => PoolName::default(),
        None => match (known.pop(), known.is_empty()) {
            (Some(only), true) => return Ok((only, false)),
            (last, _) => {
                known.extend(last);
                return Err(MaintenanceError::PoolNeeded { known: names(&known) });
            }
        },
    };
    let next = next_pool_number(store)?;
    if next.unreadable.is_some() {
        return Err(MaintenanceError::UnreadablePool);
    }
    Ok((PoolEntry::new(next.number, name), true))
}
