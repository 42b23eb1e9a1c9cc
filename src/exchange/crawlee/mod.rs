//! The state files of Crawlee's session pools: JS 3, JS 4 and Python.
//!
//! A crawler of Crawlee keeps its pool as one JSON document in its key-value store: `SDK_SESSION_POOL_STATE` (JS 3),
//! `CRAWLEE_SESSION_POOL_STATE_0` (JS 4) or `CRAWLEE_SESSION_POOL_STATE` (Python). [`import_into`](super::import_into) takes
//! its sessions into a pool, [`write()`] makes such a document of a pool. What the other side has no place for is told by a
//! [`Note`](super::Note) for each session, and never dropped in silence.
//!
//! | here | JS 3, JS 4 | Python |
//! |---|---|---|
//! | `id` | `id` | `id` |
//! | `created_at` | `createdAt` | `createdAt`, in microseconds there |
//! | `expires_at` | `expiresAt` | `createdAt` + `maxAge` (ISO 8601; a year is 365 days, a month 30) |
//! | `usage_count`, `max_usage_count` | `usageCount`, `maxUsageCount` | the same |
//! | `error_score`, `max_error_score`, `error_score_decrement` | `errorScore`, `maxErrorScore`, `errorScoreDecrement`; below 0 is 0 here | the same |
//! | `retired` | JS 4: `retired`; JS 3: `errorScore` >= `maxErrorScore` | `errorScore` >= `maxErrorScore` |
//! | `user_data` | `userData` | `userData` |
//! | `cookies` | `cookieJar.cookies`; a `maxAge` counts from `lastAccessed`, 0 and below mean deleted | `cookies` |
//! | `proxy` | JS 4: `proxyInfo` | none |
//! | `fingerprint` | JS 4: `fingerprint` (`browser`, `platform`, `device`) | none |
//!
//! Where a field is absent it has the default of the version that wrote the file: 50 uses, an error score of 3 at most and
//! 0.5 off for a good use, 3000 s, no user data, no cookies. `null` for `maxUsageCount` or `maxErrorScore` is what JSON makes
//! of `Infinity`.
//!
//! No dialect tells why a session was retired, nor when. The time is that of the import; the reason follows from how
//! Crawlee counts: retiring adds `maxErrorScore` to the score, so a score of twice that is one of a session that bad uses had
//! brought over it (`blocked`); one that had been used as often as it may be is `exhausted`; any other was `retired` by its
//! caller. Both are noted as assumed.
//!
//! Numbers of the user data that no value here holds, integers of more than 64 bits or `1e400` for instance, come as texts of
//! the same digits. Elsewhere a number beyond `1e308` counts as that one. JavaScript has floats only: of integers that it will round, [`write()`] tells.
//!
//! An id that breaks the rule for ids ([`SessionId`](crate::SessionId)) is an error, unless
//! [`ImportOptions::rename_ids`](super::ImportOptions::rename_ids) is given. Then its session gets an id that is made of the
//! old one, always the same, and the old one is kept in its user data as [`RENAMED_FROM`]; [`write()`] gives it back.

mod detect;
mod duration;
mod notation;
mod proxy_info;
mod read;
mod read_cookies;
mod state;
mod write;
mod write_cookies;
mod write_session;

use std::fmt;

pub(super) use detect::detect;
pub(super) use read::{Reading, read_file_fields, read_session};
pub(super) use state::{Raw, visit};
pub use write::{CrawleeOptions, CrawleeSummary, write, write_file};

/// The key of the user data that keeps the id that a session had in Crawlee, where it does not fit here.
pub const RENAMED_FROM: &str = "crawlee_id";

/// Which Crawlee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Crawlee JS 3, and the Apify SDK before it.
    Js3,
    /// Crawlee JS 4.
    Js4,
    /// Crawlee Python 1.
    Python,
}

impl Dialect {
    /// Every dialect there is.
    pub const ALL: [Self; 3] = [Self::Js3, Self::Js4, Self::Python];

    /// The name of the key that its crawlers keep the state of their first pool under.
    pub fn key(self) -> &'static str {
        match self {
            Self::Js3 => "SDK_SESSION_POOL_STATE",
            Self::Js4 => "CRAWLEE_SESSION_POOL_STATE_0",
            Self::Python => "CRAWLEE_SESSION_POOL_STATE",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Js3 => "Crawlee JS 3",
            Self::Js4 => "Crawlee JS 4",
            Self::Python => "Crawlee Python",
        })
    }
}
