//! The small, hot part of a session, and the questions one asks it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ErrorScore, Timestamp};

/// Why a session was retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Its error score reached the maximum: too many bad uses.
    Blocked,
    /// It was used as often as it may be.
    Exhausted,
    /// It was too old.
    Expired,
    /// The caller said so, also by a verdict: a ban (401, 403) retires a session whatever its error score was.
    Retired,
}

impl Reason {
    /// Every reason there is.
    pub const ALL: [Self; 4] = [Self::Blocked, Self::Exhausted, Self::Expired, Self::Retired];

    /// The reason's name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Exhausted => "exhausted",
            Self::Expired => "expired",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a session stands: what the index by state tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It may be handed out, unless it is resting or busy.
    Live,
    /// It will never be handed out again.
    Retired(Reason),
}

impl State {
    /// Every state there is.
    pub const ALL: [Self; 5] = [
        Self::Live,
        Self::Retired(Reason::Blocked),
        Self::Retired(Reason::Exhausted),
        Self::Retired(Reason::Expired),
        Self::Retired(Reason::Retired),
    ];
}

/// When and why a session was retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// Why.
    pub reason: Reason,
    /// When.
    pub at: Timestamp,
}

/// How much a session may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How often, at least 1.
    pub max_usage_count: u32,
    /// How often at the same time, at least 1; [`Limits::UNLIMITED`] for no limit.
    pub max_concurrent_uses: u32,
    /// The error score at which it is blocked, above 0.
    pub max_error_score: ErrorScore,
    /// How much a good use takes off the error score.
    pub error_score_decrement: ErrorScore,
}

impl Limits {
    /// Stands for no limit to concurrent uses.
    pub const UNLIMITED: u32 = u32::MAX;
}

/// The small, hot part of a session: state, counters, score, limits, times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRecord {
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When a use of it last ended; `None` before the first.
    pub last_used_at: Option<Timestamp>,
    /// Before when it is not to be handed out; `None` where it never rested.
    pub resting_until: Option<Timestamp>,
    /// How many uses of it have ended.
    pub usage_count: u32,
    /// How many of them were bad.
    pub error_count: u32,
    /// How badly it is treated of late.
    pub error_score: ErrorScore,
    /// How much it may be used.
    pub limits: Limits,
    /// When and why it was retired; `None` while it is live.
    pub retired: Option<Retired>,
}

impl SessionRecord {
    /// Where it stands.
    pub fn state(&self) -> State {
        self.retired.map_or(State::Live, |retired| State::Retired(retired.reason))
    }

    /// Whether its error score has reached the maximum.
    pub fn is_blocked(&self) -> bool {
        self.error_score >= self.limits.max_error_score
    }

    /// Whether it is too old.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Whether it was used as often as it may be.
    pub fn is_max_usage_count_reached(&self) -> bool {
        self.usage_count >= self.limits.max_usage_count
    }

    /// Whether it may still be used: not blocked, not expired, not used up, not retired.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.retired.is_none() && self.unusable_because(now).is_none()
    }

    /// Whether it is not to be handed out yet.
    pub fn is_resting(&self, now: Timestamp) -> bool {
        self.resting_until.is_some_and(|until| now < until)
    }

    /// The newest time that it tells of what has happened to it: what is to come aside.
    pub(crate) fn newest_time(&self) -> Timestamp {
        self.last_used_at.map_or(self.created_at, |used| used.max(self.created_at))
    }

    /// Why a live session is no longer usable: the first of Blocked, Exhausted, Expired.
    pub fn unusable_because(&self, now: Timestamp) -> Option<Reason> {
        if self.is_blocked() {
            Some(Reason::Blocked)
        } else if self.is_max_usage_count_reached() {
            Some(Reason::Exhausted)
        } else if self.is_expired(now) {
            Some(Reason::Expired)
        } else {
            None
        }
    }
}
