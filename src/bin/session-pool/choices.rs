//! Words and numbers that several commands take.

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

use clap::ValueEnum;
use session_pool::Reason;

/// Why a session was retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReasonChoice {
    /// Its error score reached the maximum: too many bad uses.
    Blocked,
    /// It was used as often as it may be.
    Exhausted,
    /// It was too old.
    Expired,
    /// The crawler retired it, or an operator: so also for a ban, 401 or 403 by the usual rules, whatever its score was.
    Retired,
}

impl From<ReasonChoice> for Reason {
    fn from(reason: ReasonChoice) -> Self {
        match reason {
            ReasonChoice::Blocked => Self::Blocked,
            ReasonChoice::Exhausted => Self::Exhausted,
            ReasonChoice::Expired => Self::Expired,
            ReasonChoice::Retired => Self::Retired,
        }
    }
}

/// How wide the widest name of a reason is.
pub(crate) fn widest_reason() -> usize {
    Reason::ALL.iter().map(|reason| reason.as_str().len()).max().unwrap_or_default()
}

/// A count. One below nothing is told as what it is where the argument allows negative numbers: clap would take it for an
/// option.
pub(crate) fn count<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => "is too large",
        _ => "must be a whole number, 0 or more",
    })
}
