//! What is written in one go.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{PoolName, PoolNumber, Sequence};
use crate::session::{ErrorScore, Payload, Reason, SessionId, SessionRecord, Timestamp};

/// Changes that are written together or not at all.
#[derive(Debug, Default)]
pub struct Batch {
    /// The changes, in order.
    pub changes: Vec<Change>,
}

/// One change of a [`Batch`].
#[derive(Debug)]
pub enum Change {
    /// A pool came into being, or its counters moved on.
    Pool(PoolEntry),
    /// A session came into being, or changed.
    Session(SessionChange),
    /// An entry of the log alone: of a session that is forgotten, or that is written as retired without its `retirement`.
    /// For restoring a store, whose sessions and log come apart.
    LogEntry {
        /// Its pool.
        pool: PoolNumber,
        /// Its place in the log.
        sequence: Sequence,
        /// What it says.
        entry: LogEntry,
    },
    /// A retired session is forgotten, its log entry not.
    Purge {
        /// Its pool.
        pool: PoolNumber,
        /// Its id.
        id: SessionId,
        /// Why it had been retired.
        reason: Reason,
    },
    /// Log entries are forgotten: those from `first` to `last`, both included.
    TrimLog {
        /// Their pool.
        pool: PoolNumber,
        /// The first.
        first: Sequence,
        /// The last.
        last: Sequence,
    },
}

/// A session as it is from now on.
#[derive(Debug)]
pub struct SessionChange {
    /// Its pool.
    pub pool: PoolNumber,
    /// Its id.
    pub id: SessionId,
    /// Its hot part.
    pub record: SessionRecord,
    /// Whether the store does not have it yet. If it has it, it has it as live.
    pub is_new: bool,
    /// Its cold part; `None` where that did not change. A new session has one.
    pub payload: Option<Arc<Payload>>,
    /// Where its retirement stands in the log: given if and only if `record` is retired, unless that comes as a
    /// [`Change::LogEntry`] of its own.
    pub retirement: Option<Sequence>,
}

/// A pool as a store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolEntry {
    /// Its number.
    pub number: PoolNumber,
    /// Its name.
    pub name: PoolName,
    /// The last retirement in its log, or the last there was.
    pub last_sequence: Sequence,
    /// Sessions retired up to here are forgotten.
    pub purged_through: Sequence,
    /// The log is forgotten up to here; never beyond `purged_through`.
    pub trimmed_through: Sequence,
    /// Entries of the log that a repair could not bring back, or numbers that it passed over: the first and the last of each
    /// range, in order. They stay when the log is forgotten beyond them, so that its numbers say how many there were.
    pub lost_log: Vec<(Sequence, Sequence)>,
}

impl PoolEntry {
    /// A pool in which nothing has happened yet.
    pub fn new(number: PoolNumber, name: PoolName) -> Self {
        Self {
            number,
            name,
            last_sequence: Sequence::START,
            purged_through: Sequence::START,
            trimmed_through: Sequence::START,
            lost_log: Vec::new(),
        }
    }

    /// The number behind which the newest `count` entries of its log are: those that a repair could not bring back, or that it
    /// passed over, count for none.
    pub fn behind_all_but(&self, count: u64) -> Sequence {
        let (mut last, mut left) = (self.last_sequence.0, count);
        for (lost_first, lost_last) in self.lost_log.iter().rev() {
            let behind = last.saturating_sub(lost_last.0);
            if behind >= left {
                break;
            }
            left -= behind;
            last = last.min(lost_first.0.saturating_sub(1));
        }
        Sequence(last.saturating_sub(left))
    }

    /// How many sessions were ever retired in it, as far as is known: the numbers of its log but for those of which a repair
    /// knew nothing.
    pub fn retired_ever(&self) -> u64 {
        let lost = |(first, last): &(Sequence, Sequence)| last.0.saturating_sub(first.0).saturating_add(1);
        self.lost_log.iter().map(lost).fold(self.last_sequence.0, u64::saturating_sub)
    }
}

/// One retirement as it stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Which session.
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

impl LogEntry {
    /// What the log says of a session; `None` where it is live.
    pub fn of(id: SessionId, record: &SessionRecord) -> Option<Self> {
        record.retired.map(|retired| Self {
            id,
            reason: retired.reason,
            retired_at: retired.at,
            created_at: record.created_at,
            usage_count: record.usage_count,
            error_count: record.error_count,
            error_score: record.error_score,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_a_repair_passed_over_count_for_no_entry() {
        let mut pool = PoolEntry::new(PoolNumber(0), "a".parse().unwrap());
        pool.last_sequence = Sequence(1_020);
        pool.lost_log = vec![(Sequence(3), Sequence(4)), (Sequence(11), Sequence(1_010))];
        let cases = [(0, 1_020), (10, 1_010), (11, 9), (15, 5), (16, 2), (17, 1), (18, 0), (u64::MAX, 0)];
        for (count, through) in cases {
            // Within what is lost nothing is to be forgotten: any place in it will do.
            let found = pool.behind_all_but(count);
            let is_lost = |at: u64| (3..=4).contains(&at) || (11..=1_010).contains(&at);
            let entries = (found.0 + 1..=1_020).filter(|at| !is_lost(*at)).count() as u64;
            assert_eq!(entries, count.min(18), "{count}: through {found}, not {through}");
        }
    }
}
