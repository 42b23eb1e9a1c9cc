//! Points in time as they are stored.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, within the years 0 to 9999.
///
/// What is stored is in milliseconds; a [`DateTime`] is cut down to them, so that a session reads the same before
/// and after a restart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(
    // 1 for the first millisecond there is, so that the order is that of time, and an `Option` takes no more memory.
    NonZeroU64,
);

impl Timestamp {
    /// 0000-01-01T00:00:00.000Z.
    pub const MIN: Self = Self::from_millis(Self::FIRST);
    /// 9999-12-31T23:59:59.999Z, which stands for "never" where something ends.
    pub const MAX: Self = Self::from_millis(Self::LAST);

    const FIRST: i64 = -62_167_219_200_000;
    const LAST: i64 = 253_402_300_799_999;

    /// The point in time so many milliseconds after 1970, or the nearest that can be kept.
    pub const fn from_millis(millis: i64) -> Self {
        let millis = if millis < Self::FIRST {
            Self::FIRST
        } else if millis > Self::LAST {
            Self::LAST
        } else {
            millis
        };
        Self(NonZeroU64::MIN.saturating_add((millis - Self::FIRST).cast_unsigned()))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        Self::FIRST - 1 + self.0.get().cast_signed()
    }

    /// The point in time so much later, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_millis(
            self.as_millis().saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// The point in time so much earlier, at least [`Timestamp::MIN`].
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_millis(
            self.as_millis().saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero where it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// The same as a [`DateTime`].
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.as_millis()).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self::from_millis(time.timestamp_millis())
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(time: Timestamp) -> Self {
        time.to_datetime()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_datetime().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

/// As RFC 3339 text in UTC.
impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DateTime::<Utc>::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stays_within_the_years_0_to_9999() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        assert_eq!(now.plus(Duration::MAX), Timestamp::MAX);
        assert_eq!(now.minus(Duration::MAX), Timestamp::MIN);
        assert_eq!(now.since(now.plus(Duration::from_secs(1))), Duration::ZERO);
        for edge in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(Timestamp::from(edge.to_datetime()), edge);
        }
    }

    #[test]
    fn a_time_that_may_be_missing_takes_no_more_memory() {
        assert_eq!(size_of::<Option<Timestamp>>(), 8);
        for millis in [Timestamp::FIRST, -1, 0, 1, Timestamp::LAST] {
            assert_eq!(Timestamp::from_millis(millis).as_millis(), millis);
        }
        assert!(Timestamp::from_millis(-1) < Timestamp::from_millis(0));
    }

    #[test]
    fn a_time_reads_back_from_its_own_text() {
        for time in [Timestamp::MIN, Timestamp::from_millis(1_700_000_000_123), Timestamp::MAX] {
            let text = serde_json::to_string(&time).unwrap();
            assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), time, "{text}");
        }
    }
}
