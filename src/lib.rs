//! A pool of crawler sessions that survives restarts.
mod clock;
mod error;
pub mod inspect;
mod pool;
mod retirement;
mod session;
mod store;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{BoxError, Error, Refusal, Result};
pub use pool::{
    Durability, Forgotten, Growth, Lease, OpenReport, PoolBuilder, PoolStats, RestoredLimits, Retention, RetiredCounts,
    Session, SessionPool, SessionStore, Strategy,
};
pub use retirement::{Retirement, RetirementLog, Subscription};
pub use session::{
    Cookie, ErrorScore, Fingerprint, Invalid, Limits, MAX_COOKIES, MAX_PAYLOAD_LENGTH, MAX_USER_DATA_DEPTH,
    MAX_USER_DATA_LENGTH, Outcome, Payload, Proxy, Reason, Retired, SameSite, SessionId, SessionOptions,
    SessionRecord, SessionState, Settlement, State, StatusRules, Timestamp, UserData,
};
pub use store::{
    Batch, Change, LogEntry, MemoryStore, MigrationProgress, PoolEntry, PoolName, PoolNumber, Sequence, SessionChange,
    SledStore, SledStoreOptions, Store, StoreError, Unreadable, Visited, schema_version,
};
