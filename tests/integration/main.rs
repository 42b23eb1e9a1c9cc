//! What session-pool promises, one module a subject. Names of tests and messages name the rule (R-n) or the invariant
//! (I-n) that they hold, or what of time (T-n), and `peer_n` a mistake of other pools that this one must not make; the crate's documentation
//! lists the rules and the invariants.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is wrong"
)]
#![allow(clippy::float_cmp, reason = "scores are exact: thousandths, which these numbers are")]
#![allow(clippy::similar_names, reason = "a state and its stats have similar names")]

mod support;

mod allocations;
mod archives;
mod back_off;
mod bad_input;
#[cfg(all(unix, feature = "browse"))]
mod browse;
#[cfg(feature = "async")]
mod cancelled;
mod checkpoints;
mod checks;
#[cfg(feature = "reqwest")]
mod client;
mod concurrency;
#[cfg(feature = "cookies")]
mod cookies;
mod costs;
mod crash;
#[cfg(feature = "reqwest")]
mod crawl_example;
mod diff;
#[cfg(target_os = "linux")]
mod disk_full;
mod durability;
#[cfg(feature = "encryption")]
mod encryption;
mod exchange;
mod handing_out;
#[cfg(feature = "cli")]
#[path = "../../examples/sample/history.rs"]
mod history;
mod identity;
mod injuries;
mod maintenance;
mod many_pools;
mod model;
#[cfg(all(feature = "tracing", feature = "metrics"))]
mod observability;
#[cfg(feature = "cli")]
mod operator;
mod peers;
#[cfg(unix)]
mod permissions;
#[cfg(target_os = "linux")]
mod power_cut;
mod races;
mod reading;
mod recovery;
#[cfg(feature = "cli")]
mod report;
mod restart;
mod retention;
mod retirements;
mod rules;
mod sample_example;
mod store_conformance;
#[cfg(feature = "async")]
mod tasks;
mod time;
#[cfg(feature = "cli")]
mod tool;
mod unused_segments;
mod verdicts;
#[cfg(feature = "async")]
mod waiting_for_one;
#[cfg(feature = "async")]
mod wakers;
#[cfg(feature = "reqwest")]
mod world;
