//! A pool of crawler sessions, kept in an embedded database, for crawlers that run for weeks and must come back from a
//! restart, a crash or a power cut with every identity they had.
//!
//! A *session* is one specific user as a web site sees it: its cookies, its proxy, its fingerprint, its tokens, and a
//! record of how well it has been treated. The pool hands sessions out, hears how each use went, heals or retires them,
//! tells everyone who listens about each retirement, and keeps a log of them.
//!
//! It is not an HTTP client and not a server: it is a library with a database in a directory, for one process at a time.
//! It needs no async runtime, and with the feature `async` works with any. In its default mode, leasing a session that is there
//! and giving it an outcome wait for no disk, so that they can be called from async code; [`SessionPool`] lists what may
//! wait.
//!
//! Whoever knows the session pools of Crawlee finds every name and default in the [`guide`].
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
//! # Proxies and fingerprints
//!
//! What a session is to the sites is bound when it is created, before its log-in, and stored with it. [`Proxies`] (lists, a
//! vendor's template with a session name, a function) and [`Fingerprints`] (built-in browsers, your own, a function) are
//! asked once for each new session, and never for those that come back. Where they fail, or the create function takes away
//! what they gave, no session is made: there is never a request without the proxy that it should have.
//! [`SessionPool::proxy_health`] tells which proxies get their sessions banned.
//!
//! # Checks and back-off
//!
//! Whether a session still works can be asked before it is handed out, after a restart or a long time without a use
//! ([`PoolBuilder::check_with`]). A check is no use: it changes no counter. What fails is left alone for a while, twice as
//! long each time ([`BackOff`]): a session whose check failed rests, and where creating failed no other session is created
//! meanwhile.
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
//! - **I-6** Opening deletes nothing: what is damaged is set aside.
//! - **I-7** One unreadable record never keeps the rest from loading: it is left as it is, counted and reported.
//! - **I-8** A store written by a newer version is refused, untouched.
//!
//! # What survives what
//!
//! The README has a table, each row with its test. In short: what was durable survives a kill, a power cut, a full disk and
//! any damage of what the engine keeps beside its log. Damage of the log itself is found before the engine sees it, and is
//! an error ([`StoreError::Damaged`]); [`recovery::repair`] then makes a new store of everything that can be read, and of
//! the newest whole [checkpoint](Checkpoints). What opening had to do is in [`OpenReport::store`].
//!
//! Durable means: `fdatasync` has returned for the file that it is in, and `fsync` for the directories that lead to it. A
//! disk that lies about that cannot be helped. Disks that lose or change what they had are the subject of [`archive`] and
//! [`recovery`].
//!
//! # Time
//!
//! Lives, rests and retentions are measured by a clock, and clocks are set. What comes of that:
//!
//! - **T-1** Within a process the time of the default clock, [`SystemClock`], never goes back. Where the wall clock is
//!   behind it, after a step back of any size, it goes at 9/10 of the speed until the wall clock has caught up: lives and
//!   rests last a ninth longer meanwhile, and no more.
//! - **T-2** A wall clock that is ahead by a minute or less is followed at once; a step ahead of more is believed when it
//!   has lasted for a minute. A clock that was set wrongly and is corrected by then has changed nothing. After the machine
//!   was suspended it takes that minute, too.
//! - **T-3** Between two runs a pool's time never goes back by more than a minute, whatever its [`Clock`]. Where the newest
//!   time that its live sessions and its log tell lies further ahead of the clock, the pool goes on from there, ahead of its
//!   clock by that much, and [`OpenReport::ahead_of_clock`] says so. A step ahead that the clock tells of later
//!   ([`ClockSteps::ahead_by`]) is deducted: a clock that had not been set yet when the pool was opened, and then is,
//!   retires nothing.
//! - **T-4** A clock that has gone far ahead between two runs cannot be told from a long pause. Sessions that have expired
//!   by it are retired on opening, each with its event in the log. [`OpenReport::retired`] says how many those are: that is
//!   the notice, and there is no other. What was retired by a mistake of the clock stays retired (R-3), but for a
//!   [checkpoint](Checkpoints) of before, from which [`recovery`] makes a store in which they live; it has to be put aside
//!   soon, since only the last few are kept.
//!
//! [`PoolStats::clock`] tells which steps the clock has met. A step ahead that is believed retires what has expired by it
//! within a second or so, each with its event.
//!
//! The log is in the order of its sequence numbers, whatever its times say. What is to be forgotten by its age goes by the
//! same order: an entry of a time to come goes with the next one behind it.
//!
//! Everything that is kept of a session and told of it is in the pool's time: [`SessionPool::now`]. What callers give, and
//! what they get to wait for, is in the clock's: the time given to [`Session::rest_until`], `created_at` and `expires_at` of
//! [`SessionOptions`], the expiry of cookies, the end of a rest in a [`Refusal`]. The two are the same unless the pool is
//! ahead of its clock. A pool that was once opened by a clock that was wrongly years ahead stays ahead: that does no harm to
//! lives and rests, only the dates look odd.
//!
//! # With an HTTP client
//!
//! The feature `reqwest` brings the module `client`: a client whose requests are those of sessions, each with its own cookies,
//! proxy, fingerprint and connections, and which settles the leases. With any other client, `Session::cookie_header` and
//! `Session::store_response` (feature `cookies`) are its cookies, [`Session::proxy`] and [`Session::fingerprint`] the rest,
//! and [`Lease::settle_reply`] says what came of it.
//!
//! # Watching it
//!
//! With the feature `tracing` there are events, whose target is `session_pool`: stores and pools that are opened and
//! closed, with what was healed; each retirement, after it is durable; checkpoints; a check or a write that has failed; and a span
//! around each round of commits. With the feature `metrics` there are figures, read off the pools once a second, so that
//! no use pays for them:
//!
//! | figure | kind | labels |
//! |---|---|---|
//! | `session_pool_live`, `_available`, `_resting`, `_leased`, `_creating`, `_waiting`, `_uncommitted`, `_subscribers` | gauge | `pool` |
//! | `session_pool_created_total`, `_restored_total`, `_missed_events_total`, `_creations_failed_total` | counter | `pool` |
//! | `session_pool_uses_total` | counter | `pool`, `outcome`: reclaim, fail, rest, release, retire |
//! | `session_pool_checks_total` | counter | `pool`, `outcome`: pass, fail, retire, rest |
//! | `session_pool_retired_total` | counter | `pool`, `reason`: blocked, exhausted, expired, retired |
//! | `session_pool_commit_seconds`, `_commit_sessions` | histogram | |
//!
//! Counters count from when the pool was opened. What they mean is said at [`PoolStats`].
//!
//! # How it works
//!
//! Memory is where sessions are picked and counted, the store is where they are true.
//!
//! 1. An outcome takes the pool's lock, runs a pure function on the session's record, marks the session as changed, and
//!    returns. It waits for nothing; acquiring and the outcomes of sessions that stay in use allocate nothing, a rest takes a
//!    place in a sorted set, and a retirement one in a list.
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
//! trait [`Store`], on disk and in memory) <- [`archive`] (everything in a store, in one file), [`exchange`] (the
//! same as text, and the files of Crawlee), [`inspect`] (questions one
//! asks a store, offline for the most part) <- `retirement` (events and log) <- `pool` (handing out, taking back, committing,
//! checkpoints), [`recovery`] (restoring and repairing) and [`maintenance`] (an operator's hand) <- the command-line tool.
//! Beside the store, on `session` alone, stands `identity` (the proxies and fingerprints of new sessions), which the pool asks;
//! above the pool `client`.

pub mod archive;
#[cfg(feature = "reqwest")]
pub mod client;
mod clock;
#[cfg(feature = "cookies")]
pub mod cookies;
mod encryption;
mod error;
pub mod exchange;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(any(doc, doctest))]
pub mod guide {
    #![doc = include_str!("guide/coming_from_crawlee.md")]

    pub mod performance {
        #![doc = include_str!("guide/performance.md")]
    }
}
mod identity;
pub mod inspect;
pub mod maintenance;
mod outside;
mod path_text;
mod pool;
mod read_at;
pub mod recovery;
mod retirement;
mod session;
mod store;

// Their types stand in public signatures.
#[cfg(feature = "cookies")]
pub use url;
pub use {chrono, crossbeam_channel, serde_json};

pub use clock::{Clock, ClockSteps, ManualClock, SystemClock};
#[cfg(feature = "encryption")]
pub use encryption::EncryptionKey;
pub use error::{BoxError, Error, Refusal, Result};
pub use identity::{Browser, BrowserProfile, Fingerprints, Platform, Proxies, SessionNameRule};
pub use pool::{
    BackOff, CheckAfter, CheckpointStatus, Checkpoints, Durability, Forgotten, Growth, Lease, OpenReport,
    PoolBuilder, PoolStats, RestoredLimits, Retention, RetiredCounts, Session, SessionPool, SessionStore,
    SessionStoreBuilder, Strategy,
};
#[cfg(feature = "async")]
pub use retirement::RetirementStream;
pub use retirement::{Retirement, RetirementLog, Subscription};
pub use session::{
    Cookie, ErrorScore, Failure, Fingerprint, Invalid, Limits, MAX_COOKIES, MAX_PAYLOAD_LENGTH,
    MAX_USER_DATA_DEPTH, MAX_USER_DATA_LENGTH, Outcome, Payload, Proxy, Reason, Reply, Retired, SameSite,
    SessionId, SessionOptions, SessionRecord, SessionState, Settlement, State, StatusRules, Timestamp,
    UserData, Verdict,
};
pub use store::{
    Batch, Change, Healed, LogEntry, MemoryStore, MigrationProgress, MigrationStep, PoolEntry, PoolName,
    PoolNumber, ReadOptions, ReadStore, Sequence, SessionChange, SledReader, SledStore, SledStoreOptions,
    Store, StoreError, StoreReport, Unreadable, Visited, Visitor, schema_version,
};

/// The README's examples, compiled and run.
#[cfg(all(doctest, feature = "reqwest"))]
#[doc = include_str!("../README.md")]
struct Readme;
