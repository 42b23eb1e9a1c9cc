//! What a session is, and how a use changes it. Pure: no I/O, no clock, no lock.
//!
//! Everything here is a value. [`SessionRecord::settle`] takes a record, what happened and the time, and
//! answers the record as it is afterwards; the pool stores it, and the store keeps it.

mod cookie;
mod fingerprint;
mod id;
mod invalid;
mod options;
mod payload;
mod proxy;
mod record;
mod reply;
mod score;
mod state;
mod status_rules;
mod timestamp;
mod transition;
mod user_data;

pub use cookie::{Cookie, SameSite};
pub use fingerprint::Fingerprint;
pub(crate) use fingerprint::is_secret_name;
pub use id::SessionId;
pub use invalid::Invalid;
pub(crate) use options::NewSession;
pub use options::SessionOptions;
#[cfg(feature = "cookies")]
pub(crate) use payload::cookie_length;
pub use payload::{MAX_COOKIES, MAX_PAYLOAD_LENGTH, Payload};
pub use proxy::Proxy;
pub use record::{Limits, Reason, Retired, SessionRecord, State};
pub use reply::{Failure, Reply, Verdict};
pub use score::ErrorScore;
pub use state::SessionState;
pub use status_rules::StatusRules;
pub use timestamp::Timestamp;
pub use transition::{Outcome, Settlement};
pub use user_data::{MAX_USER_DATA_DEPTH, MAX_USER_DATA_LENGTH, UserData};
