//! Questions one asks a store offline: what is in it, and is it sound?
//!
//! Everything here reads a store ([`ReadStore`](crate::ReadStore)) and changes nothing. The command-line tool is made of it.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("sessions");
//! # session_pool::SessionPool::open(&path)?.acquire()?.reclaim()?;
//! use session_pool::{SledStoreOptions, inspect};
//!
//! let store = SledStoreOptions::new().create(false).open(&path)?;
//! let stats = inspect::stats(&store, std::time::SystemTime::now().into())?;
//! assert_eq!(stats[0].live, 1);
//! assert!(inspect::check(&store)?.is_sound());
//! assert_eq!(inspect::proxy_health(&store, None)?.without_proxy.live, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod proxy_health;
mod query;
mod stats;

pub use check::{CheckReport, Finding, check};
pub(crate) use proxy_health::proxy_health_in;
pub use proxy_health::{Fate, ProxyHealth, ProxyReport, proxy_health};
pub use query::{Filter, Found, find, for_each, pools};
pub use stats::{PoolSummary, stats};
