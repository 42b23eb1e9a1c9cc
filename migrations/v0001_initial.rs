//! Schema version 1: the first.
//!
//! Values are one byte, the schema version that brought their form (here 1), and what bincode 2 makes of the structs
//! below in its standard configuration (little endian, variable-length integers). Times are milliseconds since 1970,
//! scores thousandths.
//!
//! | tree | key | value |
//! |---|---|---|
//! | `sessions` | pool u32, id | [`Record`] |
//! | `payloads` | pool u32, id, 0, generation u8, part u16 | generation 0, part 0: length u32 and CRC-32 of the content, generation of the other parts u8, the content's first bytes; the others: the next bytes |
//! | `meta` | `mark/0`, `mark/1` | `FF` "marked" `FF`, number u64: what was written before it was made durable by the next sync of the file |
//! | `by_state` | pool u32, state u8, id | nothing |
//! | `by_expiry` | `expires_at` u64 (i64 with its sign bit flipped), pool u32, id | nothing; live sessions only |
//! | `retirements` | pool u32, sequence u64 | [`LogEntry`] |
//! | `meta` | `schema` | schema version u32 |
//! | `meta` | `pool/`, pool u32 | [`Pool`] |
//!
//! Numbers in keys, and lengths, checksums and the version that stand alone, are big endian. States: 0 live, 1 blocked,
//! 2 exhausted, 3 expired, 4 retired by the caller. A payload's content is a [`Payload`], or, in an encrypted store, the
//! byte FF and that sealed (XChaCha20-Poly1305: nonce, text, tag) with its pool and id as associated data. It is cut into
//! parts of at most 4 KiB, head included.

use serde::{Deserialize, Serialize};

use super::super::migrate::{Chunk, Step};

/// The first byte of every value.
pub(crate) const VERSION: u8 = 1;

/// The step from nothing to version 1: an empty store is one of version 1.
pub(crate) const STEP: Step =
    Step { version: 1, name: "initial", rewrites: &[], run: |_trees, _cursor| Ok(Chunk::default()) };

/// The hot part of a session.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) last_used_at: Option<i64>,
    pub(crate) resting_until: Option<i64>,
    pub(crate) usage_count: u32,
    pub(crate) error_count: u32,
    pub(crate) error_score: u32,
    pub(crate) max_usage_count: u32,
    pub(crate) max_concurrent_uses: u32,
    pub(crate) max_error_score: u32,
    pub(crate) error_score_decrement: u32,
    pub(crate) retired: Option<Retired>,
}

/// When and why a session was retired.
#[derive(Serialize, Deserialize)]
pub(crate) struct Retired {
    pub(crate) state: u8,
    pub(crate) at: i64,
}

/// The cold part of a session.
#[derive(Serialize, Deserialize)]
pub(crate) struct Payload {
    pub(crate) cookies: Vec<Cookie>,
    /// A JSON object.
    pub(crate) user_data: String,
    pub(crate) proxy: Option<String>,
    pub(crate) fingerprint: Option<Fingerprint>,
}

/// A cookie.
#[derive(Serialize, Deserialize)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) domain: String,
    pub(crate) path: String,
    pub(crate) host_only: bool,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    /// 0 not said, 1 strict, 2 lax, 3 none.
    pub(crate) same_site: u8,
    pub(crate) partition_key: Option<String>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) created_at: Option<i64>,
    pub(crate) last_accessed_at: Option<i64>,
}

/// How a session looks to a site.
#[derive(Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    pub(crate) headers: Vec<(String, String)>,
    /// A JSON object.
    pub(crate) attributes: String,
}

/// A retirement.
#[derive(Serialize, Deserialize)]
pub(crate) struct LogEntry {
    pub(crate) id: String,
    pub(crate) state: u8,
    pub(crate) retired_at: i64,
    pub(crate) created_at: i64,
    pub(crate) usage_count: u32,
    pub(crate) error_count: u32,
    pub(crate) error_score: u32,
}

/// A pool.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) last_sequence: u64,
    pub(crate) purged_through: u64,
    pub(crate) trimmed_through: u64,
    /// First and last of each range of entries that a repair could not bring back.
    pub(crate) lost_log: Vec<(u64, u64)>,
}
