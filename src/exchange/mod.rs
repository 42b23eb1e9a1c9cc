//! Bringing sessions in, and taking them away: JSON Lines of everything in a store, and the state files of Crawlee.
//!
//! An [archive](crate::archive) is for safety; an export is for people and their scripts: to look into, to pick sessions out
//! of, to move logins to another store, or to another program. Both hold everything.
//!
//! | what | how |
//! |---|---|
//! | everything in a store, as text | [`write_jsonl`], [`write_jsonl_file`] |
//! | an export, item by item | [`JsonlReader`] |
//! | an export, as a new store that is the same | [`import_store`] |
//! | sessions of an export or of Crawlee, into a pool | [`import_into`], [`CheckedImport`] |
//! | a pool, for Crawlee | [`crawlee::write`](crawlee::write()), [`crawlee::write_file`] |
//!
//! **An export holds secrets in clear**: cookies, user data, the proxies' passwords; also one of an encrypted store. Files
//! get mode 0600. With [`ExportOptions::masked`] it is for looking at, and cannot be imported.
//!
//! # Format
//!
//! UTF-8 text, one JSON object a line, at most [`MAX_LINE_LENGTH`] bytes each. Numbers are integers of 64 bits at most, or floats: one that
//! is neither, of more than 17 digits for instance, is an error. `kind` says what a line is. Times are RFC 3339
//! in UTC with milliseconds. Scores are numbers with at most three decimals. Sequences count from 1, up to
//! 9223372036854775807. Limits are above 0. What may be null
//! may also be missing; a field that is not listed here is an error, and so is a key that is there twice. Blank lines mean
//! nothing.
//!
//! `header`, the first line:
//!
//! | field | |
//! |---|---|
//! | `format` | `session-pool` |
//! | `version` | 1 |
//! | `written_at` | when it was begun; of this moment is what it holds |
//! | `masked` | whether secrets are masked |
//!
//! `pool`, before what belongs to it:
//!
//! | field | |
//! |---|---|
//! | `pool` | its name |
//! | `number` | its number in the store, 0 to 4294967295 |
//! | `last_sequence` | the last retirement in its log, or the last there was |
//! | `purged_through` | sessions retired up to here are forgotten |
//! | `trimmed_through` | the log is forgotten up to here; at most `purged_through` |
//! | `lost_log` | ranges of the log that a repair could not bring back: `[[first, last], …]` |
//!
//! `retirement`, an entry of the log:
//!
//! | field | |
//! |---|---|
//! | `pool` | the name of its pool |
//! | `sequence` | its place in the log |
//! | `id` | which session |
//! | `reason` | `blocked`, `exhausted`, `expired` or `retired` |
//! | `retired_at`, `created_at` | times |
//! | `usage_count`, `error_count` | uses, and how many of them were bad |
//! | `error_score` | a score |
//!
//! `session`:
//!
//! | field | |
//! |---|---|
//! | `pool`, `id` | the name of its pool, its id |
//! | `created_at`, `expires_at` | times |
//! | `last_used_at`, `resting_until` | times, or null |
//! | `usage_count`, `error_count` | uses, and how many of them were bad |
//! | `max_usage_count` | how often it may be used |
//! | `max_concurrent_uses` | how often at the same time, or null for no limit |
//! | `error_score`, `max_error_score`, `error_score_decrement` | scores |
//! | `retired` | null, or an object of `reason` and `at`, a time |
//! | `cookies` | objects of `name`, `value`, `domain`, `path`, `host_only`, `secure`, `http_only`, `same_site` (`strict`, `lax`, `none` or null), `partition_key` (or null), `expires_at`, `created_at`, `last_accessed_at` (times, or null); the domain without a leading dot and in lower case, and each name, domain, path and partition once |
//! | `user_data` | an object |
//! | `proxy` | its URL, or null |
//! | `fingerprint` | null, or an object of `headers`, `[[name, value], …]`, and `attributes`, an object |
//!
//! Where `cookies` and `user_data` are both null, the store could not read them: such a session cannot be imported.
//!
//! `end`, the last line: how many `pools`, `retirements` and `sessions` there are, and how many items were `unreadable`
//! and so are not in it. A file that is cut short has none.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("sessions");
//! # let copy = directory.path().join("copy");
//! # session_pool::SessionPool::open(&path)?.acquire()?.reclaim()?;
//! use session_pool::SledStoreOptions;
//! use session_pool::exchange::{ExportOptions, ImportOptions, import_store, write_jsonl};
//!
//! let store = SledStoreOptions::new().create(false).open(&path)?;
//! let mut text = Vec::new();
//! write_jsonl(&store, &mut text, &ExportOptions::new())?;
//!
//! let imported = import_store(text.as_slice(), &copy, &ImportOptions::new(), SledStoreOptions::new())?;
//! assert_eq!(imported.live, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod consistency;
pub mod crawlee;
pub(crate) mod decode;
mod encode;
mod error;
pub(crate) mod exact;
pub(crate) mod fields;
mod import;
mod incoming;
mod input;
mod into_pool;
mod lines;
mod note;
mod reader;
pub(crate) mod strict;
mod writer;

use std::ops::ControlFlow;

pub use error::{ExchangeError, Place};
pub use import::{ImportOptions, Imported, check_export, import_store};
use incoming::Brought;
pub use input::{ImportFormat, Input, looks_like_jsonl};
pub use into_pool::{CheckedImport, import_into};
pub use lines::MAX_LINE_LENGTH;
pub use note::{Fate, Note};
pub use reader::JsonlReader;
pub use writer::{ExportOptions, JsonlWriter, write_jsonl, write_jsonl_file};

use crate::store::{PoolEntry, PoolName, ReadStore};

/// What the first line of an export says that it is.
const FORMAT: &str = "session-pool";

/// The version of the format that is written, and the newest that is read.
const VERSION: u64 = 1;

/// The pool of that name, or the only one there is.
fn the_pool(store: &dyn ReadStore, name: Option<&PoolName>) -> Result<PoolEntry, ExchangeError> {
    let (mut pools, mut unreadable) = (Vec::new(), 0);
    store.visit_pools(&mut |item| {
        match item {
            Ok(pool) => pools.push(pool),
            Err(_) => unreadable += 1,
        }
        ControlFlow::Continue(())
    })?;
    let names = || {
        let mut names: Vec<PoolName> = pools.iter().map(|pool: &PoolEntry| pool.name.clone()).collect();
        names.sort();
        names
    };
    match name {
        Some(name) => pools
            .iter()
            .find(|pool| pool.name == *name)
            .cloned()
            .ok_or_else(|| ExchangeError::NoSuchPool { name: name.clone(), names: names() }),
        None => match pools.as_slice() {
            [one] if unreadable == 0 => Ok(one.clone()),
            // It may be the one that cannot be read.
            _ => Err(ExchangeError::WhichPool { names: names(), unreadable }),
        },
    }
}
