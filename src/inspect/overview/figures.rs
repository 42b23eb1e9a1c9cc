//! What is told of a pool, or of all.

use serde::Serialize;

use super::{ByReason, ErrorScores, Expiries, Spans, Timeline, Usage};
use crate::session::Timestamp;

/// What is in a pool, or in all of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// Live sessions: the `ready`, the `resting` and the `unusable` together.
    pub live: u64,
    /// Those of them that can be handed out.
    pub ready: u64,
    /// Those of them that can be handed out later.
    pub resting: u64,
    /// Those of them that cannot be handed out any more, and will be retired when their pool is opened.
    pub unusable: Unusable,
    /// Retired sessions that are still kept. Where [`Overview::retired_since`](super::Overview::retired_since) says from when
    /// on, those that were retired since, whether they are still kept or not.
    pub retired: ByReason<u64>,
    /// Uses of the sessions that are kept, live and retired, whenever they were.
    pub uses: u64,
    /// Those of them that were bad.
    pub errors: u64,
    /// Bad uses, of each use: from 0 to 1; 0 where there was none.
    pub error_rate: f64,
    /// When a session was last created; `None` where there is none.
    pub last_created_at: Option<Timestamp>,
    /// When a use of a session last ended; `None` where there was none.
    pub last_used_at: Option<Timestamp>,
    /// How much the live sessions have been used.
    pub usage: Usage,
    /// How badly the live sessions are treated of late.
    pub error_scores: ErrorScores,
    /// How old the live sessions are. One of a time to come counts as new.
    pub ages: Spans,
    /// When the ready and the resting sessions will expire.
    pub expiries: Expiries,
    /// What the log tells of retirements.
    pub retirements: Retirements,
    /// Sessions that are there and cannot be read. They are not among the others.
    pub unreadable_sessions: u64,
}

/// Live sessions that cannot be used any more, each by the first of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Unusable {
    /// Their error score has reached the maximum.
    pub blocked: u64,
    /// They have been used as often as they may be.
    pub exhausted: u64,
    /// They are too old.
    pub expired: u64,
}

impl Unusable {
    /// All of them together.
    pub fn sum(&self) -> u64 {
        let Self { blocked, exhausted, expired } = self;
        blocked + exhausted + expired
    }

    pub(super) fn add(&mut self, other: &Self) {
        let Self { blocked, exhausted, expired } = other;
        self.blocked += blocked;
        self.exhausted += exhausted;
        self.expired += expired;
    }
}

/// What the log tells of retirements, as far as the [`Scope`](super::Scope) asks for them. The log remembers longer than
/// retired sessions are kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Retirements {
    /// How many there have ever been, also those that the log has forgotten.
    pub ever: u64,
    /// The first that is told of; `None` where none is.
    pub first_at: Option<Timestamp>,
    /// The last that is told of; `None` where none is.
    pub last_at: Option<Timestamp>,
    /// What became of them, by reason.
    pub by_reason: ByReason<RetirementsOf>,
    /// How many over time, by reason.
    pub over_time: Timeline<ByReason<Vec<u64>>>,
    /// Entries of the log that are there and cannot be read. They are not among the others.
    pub unreadable: u64,
}

impl Retirements {
    /// How many are told of.
    pub fn count(&self) -> u64 {
        self.by_reason.iter().map(|(_, of)| of.count).sum()
    }
}

/// What became of the sessions that were retired for one reason.
///
/// Percentiles are by the nearest rank: the least value that so many do not exceed. They are exact below 1024, and
/// rounded down by less than 0.2 % above. `None` where there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct RetirementsOf {
    /// How many.
    pub count: u64,
    /// Bad uses, of each use of theirs: from 0 to 1; 0 where there was none.
    pub error_rate: f64,
    /// The median of their uses.
    pub uses_median: Option<u64>,
    /// The 90th percentile of their uses.
    pub uses_p90: Option<u64>,
    /// The median of their lives, from creation to retirement, in whole seconds.
    pub life_seconds_median: Option<u64>,
    /// The 90th percentile of their lives, in whole seconds.
    pub life_seconds_p90: Option<u64>,
}
