//! Archives: everything in a store, in one portable file or stream.
//!
//! An archive holds the pools, the sessions in all states with their payloads, and the retirement logs, as they were at
//! one moment. It is written from a running pool without stopping it ([`SessionStore::backup`]), by a pool on its own
//! ([checkpoints](crate::Checkpoints)), or offline ([`write_to`], [`write`](fn@write)); [`restore`](crate::recovery::restore) makes a store of
//! it, and [`repair`](crate::recovery::repair) takes from it what a damaged store lacks.
//!
//! # Format
//!
//! Eight bytes say what it is: `89 53 50 41 0D 0A 1A 0A` (as in PNG, whoever takes it for text damages them first). Then
//! come frames, each with a head of 13 bytes and a body. Numbers are little endian.
//!
//! | head | | |
//! |---|---|---|
//! | kind | u8 | `H`, `P`, `S`, `L` or `E` |
//! | index | u32 | 0, 1, 2, …: a frame that is missing shows |
//! | length | u32 | of the body, at most 8 MiB and a little |
//! | checksum | u32 | CRC-32 of the archive's id (none for the first frame), kind, index, length and body |
//!
//! | kind | body |
//! |---|---|
//! | `H` | the first: a JSON object with `format` (1), `schema` (the version of the records), `id` (32 hexadecimal digits), `created_at` (RFC 3339), `encrypted` (what tells the key apart, in hexadecimal digits, or null) |
//! | `P` | a pool: its number u32, its record |
//! | `S` | a session: its pool u32, the length of its id u8, its id, the length of its record u32, its record, its payload (empty where it could not be read) |
//! | `L` | a retirement: its pool u32, its sequence u64, its record |
//! | `E` | the last: a JSON object with the numbers of `pools`, `sessions` and `log_entries` in it, and of what was `unreadable` and so is not |
//!
//! Records are those of the stored schema version (`migrations/`). Pools come before what belongs to them, and every
//! session is there once; beyond that the order means nothing. Where the archive is encrypted, the bodies of `P`, `S` and
//! `L` are sealed each (XChaCha20-Poly1305, bound to the archive's id, the kind and the index); their number, kinds and
//! lengths stay in clear, and so do `H` and `E`.
//!
//! An archive that is cut short yields all its whole frames, and then an error that says so. A damaged frame is named and
//! passed over.

pub(crate) mod checkpoints;
mod cut;
mod error;
mod file;
mod frame;
mod reader;
mod view;
mod writer;

pub(crate) use cut::Cut;
pub use error::ArchiveError;
pub(crate) use file::NewFile;
pub use reader::{ArchiveItem, ArchiveReader, ArchivedSession};
use serde::{Deserialize, Serialize};
pub use view::ArchiveView;
pub(crate) use writer::ArchiveWriter;
pub use writer::{ArchiveOptions, write, write_to};

use crate::session::Timestamp;

#[cfg(doc)]
use crate::pool::SessionStore;

/// The version of the format that is written, and the newest that is read.
pub(crate) const FORMAT: u32 = 1;

/// What an archive says of itself at its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArchiveHeader {
    /// The version of its format.
    pub format: u32,
    /// The schema version of its records.
    pub schema: u32,
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// When it was begun: what it holds was so at that moment.
    pub created_at: Timestamp,
    /// What tells its key apart from others, in hexadecimal digits; `None` where it is not encrypted.
    pub encrypted: Option<String>,
}

/// How much an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArchiveSummary {
    /// Pools.
    pub pools: u64,
    /// Sessions, live and retired.
    pub sessions: u64,
    /// Entries of the retirement logs.
    pub log_entries: u64,
    /// Items of the store that could not be read, and so are not in it.
    pub unreadable: u64,
}
