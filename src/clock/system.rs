//! The clocks of the operating system.

use super::following::Times;

/// Both of them: on Linux the coarse ones. A use of a session asks twice for the time, and waits for nothing longer than for
/// the processor's counter, which the fine ones read.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(super) struct SystemTimes;

#[cfg(target_os = "linux")]
impl SystemTimes {
    pub(super) fn new() -> Self {
        Self
    }
}

#[cfg(target_os = "linux")]
impl Times for SystemTimes {
    fn monotonic(&self) -> i64 {
        micros(rustix::time::ClockId::MonotonicCoarse)
    }

    fn wall(&self) -> i64 {
        use crate::session::Timestamp;
        let edge = |time: Timestamp| time.as_millis() * 1000;
        micros(rustix::time::ClockId::RealtimeCoarse).clamp(edge(Timestamp::MIN), edge(Timestamp::MAX))
    }
}

#[cfg(target_os = "linux")]
fn micros(clock: rustix::time::ClockId) -> i64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000)
}

/// Both of them.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct SystemTimes {
    began: std::time::Instant,
}

#[cfg(not(target_os = "linux"))]
impl SystemTimes {
    pub(super) fn new() -> Self {
        Self { began: std::time::Instant::now() }
    }
}

#[cfg(not(target_os = "linux"))]
impl Times for SystemTimes {
    fn monotonic(&self) -> i64 {
        let elapsed = self.began.elapsed();
        // Beyond a few hundred thousand years nobody asks.
        i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000)
            + i64::from(elapsed.subsec_micros())
    }

    fn wall(&self) -> i64 {
        use crate::session::Timestamp;
        use chrono::{DateTime, Utc};
        let now = DateTime::<Utc>::from(std::time::SystemTime::now());
        now.clamp(Timestamp::MIN.to_datetime(), Timestamp::MAX.to_datetime()).timestamp_micros()
    }
}
