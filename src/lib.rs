//! A pool of crawler sessions, kept in an embedded database, for crawlers that run for weeks and must come back from a
//! restart, a crash or a power cut with every identity they had.
//!
//! A *session* is one specific user as a web site sees it: its cookies, its proxy, its fingerprint, its tokens, and a
//! record of how well it has been treated. The pool hands sessions out, hears how each use went, heals or retires them,
//! tells everyone who listens about each retirement, and keeps a log of them.
//!
//! It is not an HTTP client, not a cookie jar that speaks HTTP, and not a server: it is a library with a database in a
//! directory, for one process at a time. It needs no async runtime. In its default mode, leasing a session that is there
//! and giving it an outcome wait for no disk, so that they can be called from async code; [`SessionPool`] lists what may
//! wait.
//!
//! # Five minutes
//!
//! ```
//! # fn fetch(_url: &str, _session: &session_pool::Session) -> Result<u16, std::io::Error> { Ok(200) }
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("sessions");
//! use session_pool::{Outcome, SessionOptions, SessionPool, Strategy};
//!
//! let pool = SessionPool::builder()
//!     .max_pool_size(25)
//!     .session_options(SessionOptions { max_usage_count: 150, ..Default::default() })
//!     .strategy(Strategy::LeastRecentlyUsed)
//!     .create_with(|options| Ok(options.user_data("token", "from a log-in")))
//!     .open(&path)?;
//!
//! let retirements = pool.retirements(); // tells of each one from now on, after it is durable
//!
//! let lease = pool.acquire()?; // creates a session while there is room, else picks one
//! let token: Option<String> = lease.user_data("token")?;
//! let outcome = match fetch("https://shop.example/", &lease) {
//!     Ok(status) => lease.settle_status(status, None)?, // 401 and 403 retire it, 429 rests it, 5xx fails it
//!     Err(error) if error.kind() == std::io::ErrorKind::TimedOut => lease.fail()?,
//!     Err(_) => lease.retire()?,
//! };
//! assert_eq!(outcome, Outcome::Live);
//!
//! pool.close()?; // commits what is pending; so does dropping it
//! for retirement in retirements.try_iter() {
//!     println!("{} was retired: {}", retirement.id, retirement.reason);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds: the rules
//!
//! Tests name them.
//!
//! - **R-1** A session is *blocked* when its error score has reached `max_error_score`, *expired* from `expires_at` on,
//!   *used up* when `usage_count` has reached `max_usage_count`; it is *usable* when it is none of these and not retired.
//! - **R-2** `expires_at` is `created_at` + `max_age`, unless given. A restart never lengthens a life.
//! - **R-3** Retirement is final. A later outcome changes nothing and answers [`Outcome::AlreadyRetired`], which is no
//!   error: among those who share a session it is an ordinary race.
//! - **R-4** A session is retired once, and exactly one [`Retirement`] tells of it: it stands in the log, and each
//!   subscriber gets it at most once.
//! - **R-5** Each use changes `usage_count` by exactly 1, however it ends.
//! - **R-6** A session that an outcome leaves unusable is retired in the same step; of several reasons the first of
//!   blocked, exhausted, expired is named.
//! - **R-7** Scores are fixed point, in thousandths, never negative, never NaN. Options are checked when they are given.
//! - **R-8** Uses in flight count: a session is handed out only while `usage_count` + leases < `max_usage_count`, and
//!   while leases < `max_concurrent_uses`.
//! - **R-9** A lease dropped without an outcome is a `fail`. An automatic outcome never overrides an explicit one: the
//!   first outcome of a use stands.
//! - **R-10** Only live sessions count against `max_pool_size`, and creating counts from the moment it starts.
//! - **R-11** A rate limit rests a session and does not burn it, unless the pool is told otherwise.
//!
//! And of the store:
//!
//! - **I-1** Each session has exactly one entry in the index by state, and one in the index by expiry if and only if it
//!   is live.
//! - **I-2** A retirement is in the log if and only if its session is stored as retired, or was forgotten since.
//! - **I-3** A commit is all or nothing, also after a crash at any instant.
//! - **I-4** What was durable when a call returned is there after a power cut.
//! - **I-5** An event is sent after its commit, never before.
//! - **I-6** Opening deletes nothing.
//! - **I-7** One unreadable record never keeps the rest from loading: it is left as it is, counted and reported.
//! - **I-8** A store written by a newer version is refused, untouched.
//!
//! # How it works
//!
//! Memory is where sessions are picked and counted, the store is where they are true.
//!
//! 1. An outcome takes the pool's lock, runs a pure function on the session's record, marks the session as changed, and
//!    returns. It allocates nothing and waits for nothing.
//! 2. One thread a store takes what has changed in all its pools, each session once however often it was used, writes it
//!    in transactions over all trees, makes them durable (`fdatasync`, a few transactions at a time), and only then sends
//!    the events.
//! 3. In [`Durability::Buffered`] nobody waits for that; it begins at most `max_delay` (50 ms) after the first change, and
//!    at once after a retirement. In [`Durability::Immediate`], and in [`SessionPool::flush`], callers wait, all who
//!    have arrived meanwhile for one disk write.
//! 4. A write that fails poisons the store: every later call answers [`Error::Poisoned`] with the cause, no event is sent
//!    of what was not written, and opening the store again finds what was durable.
//!
//! The rooms of the source import one way: `session` (pure: what a session is and how a use changes it) <- `store` (the
//! trait [`Store`], on disk and in memory) <- `retirement` (events and log) <- `pool` (handing out, taking back,
//! committing) and [`inspect`] (questions one asks a store offline) <- the command-line tool.

pub mod archive;
mod clock;
mod encryption;
mod error;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
pub mod inspect;
mod pool;
pub mod recovery;
mod retirement;
mod session;
mod store;

// Their types stand in public signatures.
pub use {chrono, crossbeam_channel, serde_json};

pub use clock::{Clock, ManualClock, SystemClock};
#[cfg(feature = "encryption")]
pub use encryption::EncryptionKey;
pub use error::{BoxError, Error, Refusal, Result};
pub use pool::{
    CheckpointStatus, Checkpoints, Durability, Forgotten, Growth, Lease, OpenReport, PoolBuilder, PoolStats,
    RestoredLimits, Retention, RetiredCounts, Session, SessionPool, SessionStore, SessionStoreBuilder,
    Strategy,
};
pub use retirement::{Retirement, RetirementLog, Subscription};
pub use session::{
    Cookie, ErrorScore, Fingerprint, Invalid, Limits, MAX_COOKIES, MAX_PAYLOAD_LENGTH, MAX_USER_DATA_DEPTH,
    MAX_USER_DATA_LENGTH, Outcome, Payload, Proxy, Reason, Retired, SameSite, SessionId, SessionOptions,
    SessionRecord, SessionState, Settlement, State, StatusRules, Timestamp, UserData,
};
pub use store::{
    Batch, Change, Healed, LogEntry, MemoryStore, MigrationProgress, PoolEntry, PoolName, PoolNumber,
    Sequence, SessionChange, SledStore, SledStoreOptions, Store, StoreError, StoreReport, Unreadable,
    Visited, Visitor, schema_version,
};

/// The README's example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
