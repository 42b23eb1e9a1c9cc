//! Changing a store that nobody has open: an operator's hand.
//!
//! | what | |
//! |---|---|
//! | [`RetirePlan`] | retires sessions, as a running pool does |
//! | [`AddPlan`] | adds sessions, by the rules of [`SessionPool::add`](crate::SessionPool::add) |
//! | [`PurgePlan`] | forgets retired sessions, as a pool's own retention does |
//! | [`compact`], [`compact_in_place`] | rewrites a store into a smaller one, beside it or in its place |
//! | [`migrate`] | brings a store to the newest schema version |
//!
//! The first three are *plans*: made by looking at a store ([`ReadStore`]), which may be one that is only read; shown to
//! whoever has to agree; and then applied to the store ([`Store`]), which must still be what it was. What breaks a rule is an
//! error before anything is written.
//!
//! What a plan writes holds all invariants after each commit, so whatever ends it in the middle leaves a store that is sound:
//! some of it is done, and the rest is not. A crawler that opens the store afterwards finds it as if it had done all that
//! itself; nobody is told of the retirements but by the log.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("sessions");
//! # let id = *session_pool::SessionPool::open(&path)?.acquire()?.id();
//! use session_pool::maintenance::{PurgeFilter, PurgePlan, RetirePlan};
//! use session_pool::{SledStoreOptions, inspect};
//!
//! let store = SledStoreOptions::new().create(false).open(&path)?;
//! let now = std::time::SystemTime::now().into();
//!
//! let plan = RetirePlan::new(&store, None, &[id], now)?;
//! assert_eq!(plan.sessions().count(), 1);
//! plan.apply(&store, &mut |_done| {})?;
//!
//! let plan = PurgePlan::new(&store, &PurgeFilter::default(), now)?;
//! assert!(plan.is_empty(), "it was retired less than a week ago");
//! assert!(inspect::check(&store)?.is_sound());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod add;
mod compact;
mod copy;
mod error;
mod json;
mod migrate;
mod owner;
mod place;
mod pools;
mod purge;
mod retire;
mod swap;

pub use add::{AddOptions, AddPlan};
pub use compact::{
    CompactProgress, CompactReport, CompactStep, OldStore, compact, compact_in_place, size_on_disk,
    was_interrupted,
};
pub use error::MaintenanceError;
pub use json::{InvalidJson, session_options};
pub use migrate::{MigrationPlan, migrate};
pub use purge::{HeldBy, Kept, PoolPurge, PurgeFilter, PurgePlan};
pub use retire::{AlreadyRetired, RetirePlan};

#[cfg(doc)]
use crate::store::{ReadStore, Store};

/// Whoever hears how far it has come: how much is done, and durable.
pub type Progress<'a> = dyn FnMut(u64) + 'a;
