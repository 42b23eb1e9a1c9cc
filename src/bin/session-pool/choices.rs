//! Words that several commands take.

use clap::ValueEnum;
use session_pool::Reason;

/// Why a session was retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReasonChoice {
    /// Its error score reached the maximum.
    Blocked,
    /// It was used as often as it may be.
    Exhausted,
    /// It was too old.
    Expired,
    /// The crawler said so.
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
