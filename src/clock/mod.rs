//! Where the time comes from.

mod following;
mod steady;
mod system;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use following::Following;
use system::SystemTimes;

use crate::session::Timestamp;

/// Tells the time. A pool asks its clock, never the system.
///
/// A clock of your own should not go back while a pool is open: the pool goes back with it, and lives and rests last
/// longer by as much. Nothing that was retired comes back with it, though, and the log keeps its order, which is that of
/// its sequence numbers. Between two runs it may go back: the pool's time does not (T-3).
pub trait Clock: Send + Sync + 'static {
    /// The time, now. It is asked while the pool is locked, too: it must not call the pool, and should not panic.
    fn now(&self) -> DateTime<Utc>;

    /// The same, in whole milliseconds: what a pool asks for at every use. Default: made from [`Clock::now`]. A clock that
    /// counts anyhow can spare its pools the way over a date, which takes longer than reading a clock.
    fn timestamp(&self) -> Timestamp {
        self.now().into()
    }

    /// Which steps of the clock behind it have been met so far. Default: none.
    fn steps(&self) -> ClockSteps {
        ClockSteps::default()
    }

    /// Both at once, such that the time has in it the steps that are told, and no others. Default: one after the other,
    /// which will do for a clock that tells no steps.
    fn now_and_steps(&self) -> (DateTime<Utc>, ClockSteps) {
        (self.now(), self.steps())
    }
}

/// By how much the clock may be behind the newest time in a store without anything being done.
const UNNOTICED: Duration = Duration::from_secs(60);

/// How far the time of a pool goes on ahead of its clock, which shows `now`, where `newest` is the newest time that its
/// sessions and its log tell (T-3). Zero where the clock is not behind that by more than a minute.
pub(crate) fn lead(newest: Timestamp, now: Timestamp) -> Duration {
    let ahead = newest.since(now);
    if ahead > UNNOTICED { ahead } else { Duration::ZERO }
}

/// Which steps of the clock behind it a [`Clock`] has met, since it began. A clock of your own starts from the default,
/// which is none, and fills in what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ClockSteps {
    /// How many steps ahead of more than a minute were believed (T-2).
    pub ahead: u64,
    /// By how much they went ahead in all.
    pub ahead_by: Duration,
    /// How many steps back of more than a minute were met, and not followed (T-1).
    pub back: u64,
    /// How far the clock's time is ahead of the clock behind it, now. It goes slower until this is zero (T-1).
    pub leads_by: Duration,
    /// How far the clock behind it is ahead, now, which is not believed yet (T-2).
    pub doubted_by: Duration,
}

/// The clock of the system, made steady: the default. All of them in a process show the same time.
///
/// It reads the monotonic clock, and looks at the wall clock four times a second to see how far the two are apart. On Linux
/// it takes the coarse ones, which go on with each tick of the kernel, every 1 to 10 ms, and are read in a fraction of the
/// time.
///
/// - **T-1** Its time never goes back. Where the wall clock is behind it, after a step back of any size, its time goes at
///   9/10 of the speed until the wall clock has caught up.
/// - **T-2** Where the wall clock is ahead by a minute or less, it is followed at once. A step of more is believed once it
///   has lasted for a minute: a clock that was set wrongly and is corrected by then has changed nothing. After the
///   machine was suspended, it takes that minute too, where the monotonic clock stood still meanwhile.
///
/// [`SystemClock::steps`] tells what has happened, and so do the [`PoolStats`](crate::PoolStats) of a pool.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// Which steps the wall clock has taken since this process first asked for the time.
    pub fn steps() -> ClockSteps {
        SYSTEM.steps()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        datetime(SYSTEM.now())
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::from_millis(SYSTEM.now().div_euclid(1000))
    }

    fn steps(&self) -> ClockSteps {
        SYSTEM.steps()
    }

    fn now_and_steps(&self) -> (DateTime<Utc>, ClockSteps) {
        let (now, steps) = SYSTEM.now_and_steps();
        (datetime(now), steps)
    }
}

static SYSTEM: LazyLock<Following<SystemTimes>> = LazyLock::new(|| Following::new(SystemTimes::new()));

fn datetime(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// A clock that stands still until it is moved, for tests. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use session_pool::{ManualClock, SessionPool};
///
/// let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
/// let pool = SessionPool::builder().clock(clock.clone()).open_in_memory()?;
/// let session = pool.acquire()?;
/// clock.advance(Duration::from_secs(3000));
/// assert!(session.is_expired());
/// # Ok::<(), session_pool::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock {
    millis: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that shows `time`, cut down to milliseconds.
    pub fn new(time: DateTime<Utc>) -> Self {
        Self { millis: Arc::new(AtomicI64::new(time.timestamp_millis())) }
    }

    /// Moves it forward, in whole milliseconds.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let _ = self
            .millis
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |millis| Some(millis.saturating_add(by)));
    }

    /// Sets it to `time`, which may lie before the time it shows.
    pub fn set(&self, time: DateTime<Utc>) {
        self.millis.store(time.timestamp_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    /// The time it was set to; outside what a [`DateTime`] can hold, the nearest that it can.
    fn now(&self) -> DateTime<Utc> {
        let millis = self.millis.load(Ordering::SeqCst);
        let edge = if millis < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        DateTime::from_timestamp_millis(millis).unwrap_or(edge)
    }
}
