//! What a pool answers when it cannot do as asked.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::archive::ArchiveError;
use crate::session::{Invalid, Reason, SessionId};
use crate::store::{PoolName, StoreError};

/// The answer of a call that may fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error, as a create function may answer it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call failed.
///
/// A refusal ([`Error::Refused`]) is the domain's answer and quite ordinary; a fault of storage ([`Error::Store`],
/// [`Error::Poisoned`]) is not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value breaks a rule; nothing was changed.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The pool will not do that now; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store could not be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A commit failed. The pool is read-only from then on: what was not yet committed is not on disk, and no event
    /// was sent of it. Reopening the store finds everything that was durable.
    #[error("the pool is read-only since a commit failed")]
    Poisoned {
        /// Why the commit failed.
        #[source]
        cause: Arc<StoreError>,
    },
    /// The pool was closed.
    #[error("the pool {pool} is closed")]
    Closed {
        /// Its name.
        pool: PoolName,
    },
    /// A pool of that name is open in this store already.
    #[error("the pool {pool} is open already: clone the handle, or give this one a name of its own")]
    AlreadyOpen {
        /// Its name.
        pool: PoolName,
    },
    /// The create function failed. No session was made, and its place is free again.
    #[error("the create function of the pool {pool} failed")]
    CreateFailed {
        /// The pool's name.
        pool: PoolName,
        /// What it answered.
        source: BoxError,
    },
    /// A session would have to be created, and the pool creates them in tasks: `acquire_async` does.
    #[cfg(feature = "async")]
    #[error("the pool {pool} creates its sessions in tasks: acquire_async does")]
    CreateIsAsync {
        /// The pool's name.
        pool: PoolName,
    },
    /// A check of a session failed, also of others that were tried instead of it. They rest for a while
    /// ([`PoolBuilder::back_off`](crate::PoolBuilder::back_off)).
    #[error("the check of session {id} of the pool {pool} failed")]
    CheckFailed {
        /// The pool's name.
        pool: PoolName,
        /// The session whose check was the last to fail.
        id: SessionId,
        /// Why.
        source: BoxError,
    },
    /// A session would have to be checked, and the pool does that in tasks: `acquire_async` and `acquire_by_id_async` do.
    #[cfg(feature = "async")]
    #[error("the pool {pool} checks its sessions in tasks: acquire_async does")]
    CheckIsAsync {
        /// The pool's name.
        pool: PoolName,
    },
    /// The pool's [`Proxies`](crate::Proxies) had none for a new session. No session was made, and its place is free
    /// again: there is no session without the proxy that it should have.
    #[error("the pool {pool} got no proxy for a new session")]
    NoProxy {
        /// The pool's name.
        pool: PoolName,
        /// Why not.
        source: BoxError,
    },
    /// The pool's [`Fingerprints`](crate::Fingerprints) had none for a new session. No session was made, and its place is
    /// free again.
    #[error("the pool {pool} got no fingerprint for a new session")]
    NoFingerprint {
        /// The pool's name.
        pool: PoolName,
        /// Why not.
        source: BoxError,
    },
    /// User data is not of the type asked for, or a value cannot be written as JSON.
    #[error("the user data {key:?} of session {id} does not fit its type")]
    UserData {
        /// The session.
        id: SessionId,
        /// The key.
        key: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// An archive could not be written or read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The committer's thread could not be started.
    #[error("cannot start the committer's thread")]
    Thread {
        /// Why not.
        source: std::io::Error,
    },
}

/// What a pool will not do now. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such session.
    #[error("there is no session {id}")]
    NotFound {
        /// The id asked for.
        id: SessionId,
    },
    /// The session was retired.
    #[error("session {id} was retired: {reason}")]
    Retired {
        /// The session.
        id: SessionId,
        /// Why.
        reason: Reason,
    },
    /// The session is resting.
    #[error("session {id} is resting until {until}")]
    Resting {
        /// The session.
        id: SessionId,
        /// When it may be handed out again.
        until: DateTime<Utc>,
    },
    /// The session is in use as often as its limits allow.
    #[error("session {id} is in use {in_flight} times, as often as its limits allow")]
    Busy {
        /// The session.
        id: SessionId,
        /// Its leases.
        in_flight: u32,
    },
    /// There is such a session already, or there was and it is still in the store.
    #[error("there is a session {id} already")]
    DuplicateId {
        /// The id.
        id: SessionId,
    },
    /// There are as many live sessions as the pool may have.
    #[error("the pool has {live} live sessions and {creating} being created, of at most {max_pool_size}")]
    PoolFull {
        /// Live sessions.
        live: usize,
        /// Sessions being created.
        creating: usize,
        /// The limit.
        max_pool_size: usize,
    },
    /// No session can be handed out, and none may be created.
    #[error(
        "no session is available: {live} live, {resting} resting, {leased} leased, {creating} being created"
    )]
    NoneAvailable {
        /// Live sessions.
        live: usize,
        /// Those of them that are resting.
        resting: usize,
        /// Those of them that are in use.
        leased: usize,
        /// Sessions being created.
        creating: usize,
        /// When the first of the resting ones may be handed out.
        next_rest_ends: Option<DateTime<Utc>>,
        /// When sessions are created again, where there is room for one and creating has failed of late: see
        /// [`PoolBuilder::back_off`](crate::PoolBuilder::back_off).
        next_creation: Option<DateTime<Utc>>,
    },
}
