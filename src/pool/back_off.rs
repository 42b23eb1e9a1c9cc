//! How long to leave alone what has failed.

use std::time::Duration;

use crate::session::Invalid;

/// How long to leave alone what has failed: creating sessions, or a session that failed its check. It doubles with each
/// failure in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOff {
    /// After the first failure; whole milliseconds count. Default: 1 s.
    pub first: Duration,
    /// At most. Default: 5 min.
    pub max: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), max: Duration::from_secs(5 * 60) }
    }
}

impl BackOff {
    /// What has failed may be tried again at once.
    pub const NONE: Self = Self { first: Duration::ZERO, max: Duration::ZERO };

    /// How long it is after that many failures in a row.
    pub(super) fn after(self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.max)
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    ///
    /// [`Invalid`] naming the field that breaks its rule.
    pub(super) fn check(self) -> Result<(), Invalid> {
        let Self { first, max } = self;
        if !first.is_zero() && first < Duration::from_millis(1) {
            return Err(Invalid::new(
                "back_off.first",
                format_args!("{first:?}"),
                "must be 0 or at least 1 ms",
            ));
        }
        if max < first {
            return Err(Invalid::new(
                "back_off.max",
                format_args!("{max:?}"),
                "must be at least back_off.first",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_with_each_failure_up_to_the_maximum() {
        let back_off = BackOff::default();
        let seconds: Vec<u64> = (1..=11).map(|failures| back_off.after(failures).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        for failures in [31, 32, 33, 1000, u32::MAX] {
            assert_eq!(back_off.after(failures), back_off.max, "{failures}");
            assert_eq!(BackOff::NONE.after(failures), Duration::ZERO);
        }
        let far = BackOff { first: Duration::MAX, max: Duration::MAX };
        assert_eq!(far.after(5), Duration::MAX);
    }

    #[test]
    fn r7_a_back_off_that_makes_no_sense_is_refused_by_name() {
        let refused = |first, max| BackOff { first, max }.check().map_err(|invalid| invalid.field);
        let second = Duration::from_secs(1);
        assert_eq!(refused(second, second / 2), Err("back_off.max"));
        assert_eq!(refused(Duration::from_micros(999), second), Err("back_off.first"));
        assert_eq!(refused(Duration::ZERO, second), Ok(()));
        BackOff::NONE.check().unwrap();
        BackOff::default().check().unwrap();
    }
}
