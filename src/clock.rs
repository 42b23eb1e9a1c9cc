//! Where the time comes from.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

/// Tells the time. A pool asks its clock, never the system.
pub trait Clock: Send + Sync + 'static {
    /// The time, now. It is asked while the pool is locked, too: it must not call the pool, and should not panic.
    fn now(&self) -> DateTime<Utc>;
}

/// The wall clock of the system: the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        SystemTime::now().into()
    }
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
