//! What a check can find.

use std::fmt;

use crate::session::{SessionId, State, Timestamp};
use crate::store::{PoolNumber, Sequence, Unreadable};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// An item cannot be decoded.
    Unreadable(Unreadable),
    /// A session has no entry in the index by state (I-1).
    NoStateEntry(PoolNumber, SessionId),
    /// The index by state has a session in a state that it is not in, or that is not there (I-1).
    WrongStateEntry(PoolNumber, SessionId, State),
    /// A live session has no entry in the index by expiry (I-1).
    NoExpiryEntry(PoolNumber, SessionId),
    /// The index by expiry has a session that is not live, not there, or expires at another time (I-1).
    WrongExpiryEntry(PoolNumber, SessionId, Timestamp),
    /// A session has no payload.
    NoPayload(PoolNumber, SessionId),
    /// A retired session is not in the log (I-2).
    NotLogged(PoolNumber, SessionId),
    /// The log has a retirement of a session that is not stored as retired for that reason, and that was not forgotten
    /// (I-2).
    WrongLogEntry(PoolNumber, SessionId, Sequence),
    /// The log has a retirement of a session of which another one tells already.
    RetiredTwice(PoolNumber, SessionId, Sequence),
    /// The log lacks entries: from the first to the last of these.
    LogGap(PoolNumber, Sequence, Sequence),
    /// The log has entries behind the last that its pool knows of, which the next retirements would overwrite: from the
    /// first to the last of these.
    LogBeyondEnd(PoolNumber, Sequence, Sequence),
    /// A session belongs to a pool that the store does not know.
    UnknownPool(PoolNumber, SessionId),
}

impl Finding {
    /// What it is, in one word for programs: `unreadable`, `no_state_entry`, `wrong_state_entry`, `no_expiry_entry`,
    /// `wrong_expiry_entry`, `no_payload`, `not_logged`, `wrong_log_entry`, `retired_twice`, `log_gap`, `log_beyond_end` or
    /// `unknown_pool`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NoStateEntry(..) => "no_state_entry",
            Self::WrongStateEntry(..) => "wrong_state_entry",
            Self::NoExpiryEntry(..) => "no_expiry_entry",
            Self::WrongExpiryEntry(..) => "wrong_expiry_entry",
            Self::NoPayload(..) => "no_payload",
            Self::NotLogged(..) => "not_logged",
            Self::WrongLogEntry(..) => "wrong_log_entry",
            Self::RetiredTwice(..) => "retired_twice",
            Self::LogGap(..) => "log_gap",
            Self::LogBeyondEnd(..) => "log_beyond_end",
            Self::UnknownPool(..) => "unknown_pool",
        }
    }

    /// The pool that it is in, as far as known.
    pub fn pool(&self) -> Option<PoolNumber> {
        match self {
            Self::Unreadable(item) => item.pool,
            Self::NoStateEntry(pool, _)
            | Self::WrongStateEntry(pool, ..)
            | Self::NoExpiryEntry(pool, _)
            | Self::WrongExpiryEntry(pool, ..)
            | Self::NoPayload(pool, _)
            | Self::NotLogged(pool, _)
            | Self::WrongLogEntry(pool, ..)
            | Self::RetiredTwice(pool, ..)
            | Self::LogGap(pool, ..)
            | Self::LogBeyondEnd(pool, ..)
            | Self::UnknownPool(pool, _) => Some(*pool),
        }
    }

    /// The session that it is about; `None` where it is about none, or the id is what cannot be read.
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Unreadable(item) => SessionId::from_bytes(&item.key).ok().filter(|_| {
                // The key of a log entry is its sequence, which looks like an id.
                matches!(item.item, "session" | "payload")
            }),
            Self::NoStateEntry(_, id)
            | Self::WrongStateEntry(_, id, _)
            | Self::NoExpiryEntry(_, id)
            | Self::WrongExpiryEntry(_, id, _)
            | Self::NoPayload(_, id)
            | Self::NotLogged(_, id)
            | Self::WrongLogEntry(_, id, _)
            | Self::RetiredTwice(_, id, _)
            | Self::UnknownPool(_, id) => Some(*id),
            Self::LogGap(..) | Self::LogBeyondEnd(..) => None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(item) => item.fmt(f),
            Self::NoStateEntry(pool, id) => {
                write!(f, "pool {pool}: session {id} is not in the index by state")
            }
            Self::WrongStateEntry(pool, id, state) => {
                write!(f, "pool {pool}: the index by state has session {id} as {state:?}, which it is not")
            }
            Self::NoExpiryEntry(pool, id) => {
                write!(f, "pool {pool}: live session {id} is not in the index by expiry")
            }
            Self::WrongExpiryEntry(pool, id, at) => {
                write!(f, "pool {pool}: the index by expiry has session {id} at {at}, where it should not be")
            }
            Self::NoPayload(pool, id) => write!(f, "pool {pool}: session {id} has no payload"),
            Self::NotLogged(pool, id) => write!(f, "pool {pool}: retired session {id} is not in the log"),
            Self::WrongLogEntry(pool, id, sequence) => {
                write!(
                    f,
                    "pool {pool}: log entry {sequence} says otherwise of session {id} than the session itself"
                )
            }
            Self::RetiredTwice(pool, id, sequence) => {
                write!(f, "pool {pool}: log entry {sequence} retires session {id} once more")
            }
            Self::LogGap(pool, first, last) => {
                write!(f, "pool {pool}: the log lacks entries {first} to {last}")
            }
            Self::LogBeyondEnd(pool, first, last) => {
                write!(
                    f,
                    "pool {pool}: the log has entries {first} to {last}, behind the last that its pool knows of"
                )
            }
            Self::UnknownPool(pool, id) => {
                write!(f, "session {id} belongs to pool {pool}, which the store does not know")
            }
        }
    }
}
