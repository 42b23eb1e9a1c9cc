//! The error score: fixed point, so that it is never negative and never NaN.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// An error score, kept in thousandths: never negative, never NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ErrorScore(u32);

impl ErrorScore {
    /// What one failed use adds: 1.
    pub const ONE: Self = Self(1000);
    /// The largest score that can be given: 1,000,000.
    pub const MAX: Self = Self(1_000_000_000);

    /// The score that is `value`, rounded to thousandths.
    ///
    /// # Errors
    ///
    /// [`Invalid`], naming `field`, where `value` is negative, NaN, infinite, or above [`ErrorScore::MAX`].
    pub fn from_f64(field: &'static str, value: f64) -> Result<Self, Invalid> {
        // A NaN is in no range.
        if !(0.0..=Self::MAX.to_f64()).contains(&value) {
            return Err(Invalid::new(field, value, "must be a number from 0 to 1000000"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range, just checked")]
        Ok(Self((value * 1000.0).round() as u32))
    }

    /// The score as a number.
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// The score in thousandths.
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// The score of so many thousandths.
    pub const fn from_thousandths(thousandths: u32) -> Self {
        Self(thousandths)
    }

    /// The sum, at most the largest score that can be kept.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, at least 0.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for ErrorScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_f64(), f)
    }
}

impl Serialize for ErrorScore {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.to_f64())
    }
}

impl<'de> Deserialize<'de> for ErrorScore {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        Self::from_f64("error score", value).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "scores are exact")]
mod tests {
    use super::*;

    #[test]
    fn r7_a_score_is_never_negative_nan_or_infinite() {
        for bad in [-0.001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1_000_000.1] {
            let error = ErrorScore::from_f64("max_error_score", bad).unwrap_err();
            assert_eq!(error.field, "max_error_score");
        }
        assert_eq!(
            ErrorScore::from_f64("x", 0.3).unwrap().minus(ErrorScore::from_thousandths(500)).to_f64(),
            0.0
        );
    }

    #[test]
    fn r7_a_score_is_kept_in_thousandths() {
        assert_eq!(ErrorScore::from_f64("x", 0.1).unwrap().thousandths(), 100);
        assert_eq!(ErrorScore::from_f64("x", 2.9996).unwrap().to_string(), "3");
        // Ten tenths are one, exactly, which they are not in floating point.
        let tenth = ErrorScore::from_thousandths(100);
        let sum = (0..10).fold(ErrorScore::default(), |sum, _| sum.plus(tenth));
        assert_eq!(sum, ErrorScore::ONE);
        assert_eq!(ErrorScore::from_thousandths(u32::MAX).plus(ErrorScore::ONE).thousandths(), u32::MAX);
    }
}
