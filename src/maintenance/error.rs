//! What can keep a store from being changed.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use crate::session::{Invalid, SessionId};
use crate::store::{PoolName, StoreError};

/// Why a store was not changed. Nothing was written, unless the variant says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaintenanceError {
    /// The store has no pool of that name.
    #[error("there is no pool {pool}: the store has {}", names(known, "none"))]
    NoSuchPool {
        /// The name asked for.
        pool: PoolName,
        /// The pools there are, by name.
        known: Vec<PoolName>,
    },
    /// The store has several pools, or none, and it was not said which one is meant.
    #[error("name the pool: the store has {}", names(known, "none"))]
    PoolNeeded {
        /// The pools there are, by name.
        known: Vec<PoolName>,
    },
    /// The entry of a pool cannot be read, so that it cannot be told which pool that is.
    #[error("the entry of a pool cannot be read: repair the store first (session-pool repair)")]
    UnreadablePool,
    /// There are no such sessions.
    #[error("there is no session {}{}", names(ids, "-"), in_pool(pool.as_ref()))]
    NotFound {
        /// The ids asked for that are not there.
        ids: Vec<SessionId>,
        /// The pool that was looked in; `None` for all.
        pool: Option<PoolName>,
    },
    /// Several pools have a session of that id, and it was not said which one is meant.
    #[error("there is a session {id} in each of the pools {}: name the pool", names(pools, "-"))]
    InSeveralPools {
        /// The id.
        id: SessionId,
        /// The pools, by name.
        pools: Vec<PoolName>,
    },
    /// An id is given twice.
    #[error("the session {} is given twice", names(ids, "-"))]
    GivenTwice {
        /// The ids.
        ids: Vec<SessionId>,
    },
    /// There are such sessions already, retired ones perhaps.
    #[error("there is a session {} in the pool {pool} already", names(ids, "-"))]
    Duplicate {
        /// The ids.
        ids: Vec<SessionId>,
        /// The pool.
        pool: PoolName,
    },
    /// A session that was to be added breaks a rule.
    #[error("session {number} cannot be added")]
    Invalid {
        /// Which of those given, from 1 on.
        number: usize,
        /// What, and the rule.
        source: Invalid,
    },
    /// The store is not as it was when the plan was made.
    #[error("the store has changed since: look again")]
    Changed,
    /// The store that was to be compacted is not as it should be, so that a copy could lack something.
    #[error(
        "the store is not sound ({findings} findings; the first: {first}): repair it first (session-pool repair)"
    )]
    Unsound {
        /// How many things are not as they should be.
        findings: usize,
        /// The first of them.
        first: String,
    },
    /// The new store is not what the old one is. It was removed.
    #[error("the new store is not equal to the old one: {detail}")]
    Different {
        /// In what they differ.
        detail: String,
    },
    /// The new store must be elsewhere.
    #[error("{}: {rule}", path.display())]
    Place {
        /// The path given, or the one that follows from it.
        path: PathBuf,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A file or directory could not be handled.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The store could not be read or written. Where it could not be written, what was durable before is there: of a change
    /// of more sessions than fit into one commit, some have been changed, and the others not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MaintenanceError {
    pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { operation, path, source }
    }
}

/// How many names a message lists.
const SHOWN: usize = 5;

fn names(names: &[impl Display], none: &str) -> String {
    let text = names.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 if names.is_empty() => none.to_owned(),
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

fn in_pool(pool: Option<&PoolName>) -> String {
    pool.map(|pool| format!(" in the pool {pool}")).unwrap_or_default()
}
