//! What a pool can be told.

use std::time::Duration;

use crate::session::Invalid;

/// Which session is handed out next. All of them take the same, constant time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// Any, each with the same chance. The default.
    #[default]
    Random,
    /// Each in its turn: whoever was handed out goes to the end of the queue; whoever was in use as often as its limits
    /// allow joins the end when it comes back.
    RoundRobin,
    /// The one that has been idle longest: whoever comes back goes to the end of the queue.
    LeastRecentlyUsed,
    /// The same one again and again, until it fails, rests, is retired or is in use as often as its limits allow.
    UntilFailure,
}

/// When a session is created on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Growth {
    /// Whenever there is room for one; only a full pool hands out again what it has, by its strategy. A create function
    /// that fails, or proxies or fingerprints that do, are the answer, also where others could be handed out; for the
    /// [back-off](crate::PoolBuilder::back_off) after that, those are. The default.
    #[default]
    FillFirst,
    /// Only when none of those that are there can be handed out, and there is room.
    ReuseFirst,
    /// Never: the caller adds them.
    Manual,
}

/// What it takes for a call to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing: the call returns at once, and its change is on disk `max_delay` later at most, plus the time that the
    /// write takes. A crash or a power cut costs no more than that. The default, with 50 ms.
    Buffered {
        /// How long a change may wait for others.
        max_delay: Duration,
    },
    /// The disk: the call returns when its change would survive a power cut. Calls that arrive meanwhile share one
    /// disk write.
    Immediate,
}

impl Default for Durability {
    fn default() -> Self {
        Self::Buffered { max_delay: Duration::from_millis(50) }
    }
}

/// Which limits hold for a session that was stored under others than the pool has today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RestoredLimits {
    /// Those it was created with. The default.
    #[default]
    Stored,
    /// Those of today's [`SessionOptions`](crate::SessionOptions): `max_usage_count`, `max_concurrent_uses`,
    /// `max_error_score` and `error_score_decrement`. Whoever is beyond them is retired on opening. The time of expiry
    /// stays as it is stored: a restart never lengthens a life.
    Current,
}

/// How long something is kept that is over. Whatever is beyond either limit is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// For how long.
    pub max_age: Duration,
    /// How many, in each pool.
    pub max_count: u64,
}

impl Retention {
    /// Everything, for ever.
    pub const UNLIMITED: Self = Self { max_age: Duration::MAX, max_count: u64::MAX };

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// What a pool keeps of its retired sessions by default: those of 7 days, 10,000 at most.
    pub const DEFAULT_SESSIONS: Self = Self { max_age: Self::DAY.saturating_mul(7), max_count: 10_000 };
    /// What a pool keeps of its retirement log by default: that of 60 days, 1,000,000 entries at most.
    pub const DEFAULT_LOG: Self = Self { max_age: Self::DAY.saturating_mul(60), max_count: 1_000_000 };

    /// Whether `log` keeps what it takes to forget the sessions that `self` keeps.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where the log would be forgotten before the sessions in it.
    pub(crate) fn check_with_log(self, log: Self) -> Result<(), Invalid> {
        const RULE: &str = "must keep at least what the retention of retired sessions keeps";
        if log.max_age < self.max_age {
            return Err(Invalid::new("log_retention.max_age", format_args!("{:?}", log.max_age), RULE));
        }
        if log.max_count < self.max_count {
            return Err(Invalid::new("log_retention.max_count", log.max_count, RULE));
        }
        Ok(())
    }
}
