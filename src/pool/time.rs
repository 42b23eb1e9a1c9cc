//! The time of a pool.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{self, Clock, ClockSteps};
use crate::session::Timestamp;

/// Where a pool's time comes from: its clock, and how far the pool is ahead of it (T-3).
///
/// What is stored and told of sessions is in the pool's time. What callers give and get as the time to wait for is in the
/// clock's: they compare it with that clock, or have it from a site.
pub(crate) struct PoolTime {
    clock: Arc<dyn Clock>,
    /// How far the pool was ahead when it was opened.
    ahead: Duration,
    /// How far the clock had stepped ahead by then.
    stepped: Duration,
}

/// The time, now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// As the clock tells it.
    pub(crate) clock: Timestamp,
    /// How far the pool is ahead of that.
    pub(crate) ahead: Duration,
}

impl PoolTime {
    /// The time as the clock tells it, and what that is.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> (Self, Now) {
        let (now, steps) = clock.now_and_steps();
        let time = Self { clock, ahead: Duration::ZERO, stepped: steps.ahead_by };
        (time, Now { clock: now.into(), ahead: Duration::ZERO })
    }

    /// Lets the time go on from `newest` where the clock, which shows `now`, is behind it by more than a minute.
    pub(crate) fn go_on_from(&mut self, newest: Timestamp, now: Now) -> Now {
        let ahead = clock::lead(newest, now.clock);
        if !ahead.is_zero() {
            self.ahead = ahead;
        }
        Now { ahead: self.ahead, ..now }
    }

    pub(crate) fn steps(&self) -> ClockSteps {
        self.clock.steps()
    }

    pub(crate) fn now(&self) -> Now {
        if self.ahead.is_zero() {
            return Now { clock: self.clock.timestamp(), ahead: Duration::ZERO };
        }
        let (now, steps) = self.clock.now_and_steps();
        // A clock that was behind because it had not been set yet, and now is, has made up for it by its step.
        let made_up = steps.ahead_by.saturating_sub(self.stepped);
        Now { clock: now.into(), ahead: self.ahead.saturating_sub(made_up) }
    }
}

impl Now {
    /// The pool's time.
    pub(crate) fn pool(self) -> Timestamp {
        self.clock.plus(self.ahead)
    }

    /// A time of the clock in the pool's.
    pub(crate) fn to_pool(self, time: Timestamp) -> Timestamp {
        time.plus(self.ahead)
    }

    /// A time of the pool in the clock's. One that stands for "never" stays.
    pub(crate) fn to_clock(self, time: Timestamp) -> Timestamp {
        if time == Timestamp::MAX { time } else { time.minus(self.ahead) }
    }
}
