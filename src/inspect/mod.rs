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
//! let stats = inspect::stats(&*store, std::time::SystemTime::now().into())?;
//! assert_eq!(stats[0].live, 1);
//! assert!(inspect::check(&*store)?.is_sound());
//! assert_eq!(inspect::proxy_health(&*store, None)?.without_proxy.live, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod filter;
mod open;
mod proxy_health;
mod query;
mod stats;

pub use check::{CheckReport, Finding, check, check_with};
pub use filter::{Filter, Glob, InvalidFilter, UserDataFilter};
pub use open::{Opened, checkpoints, open};
pub(crate) use proxy_health::proxy_health_in;
pub use proxy_health::{Fate, ProxyHealth, ProxyReport, proxy_health};
pub use query::{Found, find, for_each, history, pools};
pub use stats::{PoolSummary, stats};
