//! What is told of a retirement.

use serde::Serialize;

use crate::session::{ErrorScore, Reason, SessionId, Timestamp};
use crate::store::{LogEntry, PoolName, Sequence};

/// A session was retired. Told once, after it is durable, and kept in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Retirement {
    /// The pool.
    pub pool: PoolName,
    /// The place in the pool's log: 1, 2, 3, … without a gap, so whoever misses one can see it.
    pub sequence: Sequence,
    /// The session.
    pub id: SessionId,
    /// Why.
    pub reason: Reason,
    /// When.
    pub retired_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// How often it had been used.
    pub usage_count: u32,
    /// How many of those uses were bad.
    pub error_count: u32,
    /// Its error score at the end.
    pub error_score: ErrorScore,
}

impl Retirement {
    /// The event that a log entry stands for.
    pub fn new(pool: PoolName, sequence: Sequence, entry: LogEntry) -> Self {
        let LogEntry { id, reason, retired_at, created_at, usage_count, error_count, error_score } = entry;
        Self { pool, sequence, id, reason, retired_at, created_at, usage_count, error_count, error_score }
    }
}
