//! Questions one asks a store offline: what is in it, and is it sound?
//!
//! Everything here reads a store ([`ReadStore`](crate::ReadStore)) and changes nothing. The command-line tool is made of it.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("sessions");
//! # session_pool::SessionPool::open(&path)?.acquire()?.reclaim()?;
//! use session_pool::{ReadOptions, inspect};
//!
//! let store = inspect::open(&path, &ReadOptions::new())?; // nothing of it is changed; an archive would do too
//! let overview = inspect::overview(&*store, &inspect::Scope::default(), std::time::SystemTime::now().into())?;
//! assert_eq!((overview.total.ready, overview.pools.len()), (1, 1));
//! assert!(inspect::check(&*store)?.is_sound());
//! assert_eq!(inspect::proxy_health(&*store, None)?.without_proxy.live, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod diff;
mod filter;
mod finding;
mod newest;
mod open;
mod overview;
mod proxy_health;
mod query;

pub use check::{CheckReport, check, check_with};
pub use diff::{DiffOptions, DiffSummary, Difference, FieldChange, diff};
pub use filter::{Filter, Glob, InvalidFilter, UserDataFilter};
pub use finding::Finding;
pub(crate) use newest::newest_retirement;
pub use open::{Opened, checkpoints, open};
pub use overview::{
    ByReason, CountBucket, ErrorScores, Expiries, Figures, Overview, PoolFigures, Retirements, RetirementsOf,
    Scope, Spans, Tenths, Timeline, Unusable, Usage, overview,
};
pub(crate) use proxy_health::proxy_health_in;
pub use proxy_health::{Fate, ProxyHealth, ProxyReport, proxy_health, proxy_health_with};
pub use query::{Found, find, for_each, for_each_with, history, pools};
