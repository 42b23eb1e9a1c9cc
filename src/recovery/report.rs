//! What a restored or repaired store is made of, and what it lacks.

use std::fmt;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::REPORT;
use crate::archive::NewFile;
use crate::error::Result;
use crate::path_text;
use crate::session::{SessionId, Timestamp};
use crate::store::{PoolName, Sequence, StoreError};

/// What a new store was made of, and what is lost.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// The new store's directory.
    #[serde(serialize_with = "path_text::path")]
    pub path: PathBuf,
    /// Pools in it.
    pub pools: u64,
    /// Live sessions in it.
    pub live: u64,
    /// Retired sessions in it.
    pub retired: u64,
    /// Log entries in it.
    pub log_entries: u64,
    /// Where all that came from, in the order in which they were asked.
    pub sources: Vec<FromSource>,
    /// Checkpoints that could not be read at all, and why.
    #[serde(serialize_with = "path_text::pairs")]
    pub passed_over: Vec<(PathBuf, String)>,
    /// What is known to be lost.
    pub lost: Vec<Lost>,
}

impl RecoveryReport {
    /// Whether nothing was damaged and nothing is lost.
    pub fn is_whole(&self) -> bool {
        self.lost.is_empty()
            && self.passed_over.is_empty()
            && self.sources.iter().all(|source| source.damage.is_empty())
    }

    /// Leaves it in the store that it is of.
    pub(super) fn keep(&self) -> Result<()> {
        let path = self.path.join(REPORT);
        let mut file = NewFile::create(&path)?;
        let mut out = BufWriter::new(&mut file);
        let written = serde_json::to_writer_pretty(&mut out, self).map_err(std::io::Error::from);
        written.and_then(|()| out.flush()).map_err(StoreError::io("write", &path))?;
        drop(out);
        Ok(file.finish()?)
    }
}

/// What one source had to give.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct FromSource {
    /// The file: a store's log, or an archive.
    #[serde(serialize_with = "path_text::path")]
    pub path: PathBuf,
    /// When it was written, for an archive.
    pub created_at: Option<Timestamp>,
    /// Sessions that could be read in it.
    pub sessions: u64,
    /// Those of them whose version in it is the one that was taken.
    pub sessions_taken: u64,
    /// Log entries that could be read in it.
    pub log_entries: u64,
    /// What is damaged in it: where and how. At most 1000 of them.
    pub damage: Vec<String>,
}

impl FromSource {
    /// How many places of damage are named.
    pub const MAX_DAMAGE: usize = 1000;

    pub(super) fn note_damage(&mut self, damage: String) {
        if self.damage.len() < Self::MAX_DAMAGE {
            self.damage.push(damage);
        }
    }
}

/// Something that no source has any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Lost {
    /// A session that a damaged store had, as its indexes or its payload tell, and that cannot be read; no other source has
    /// it.
    Session {
        /// Its pool.
        pool: PoolName,
        /// Its id.
        id: SessionId,
    },
    /// A live session is left out: its cookies, proxy, fingerprint and user data are lost.
    LiveSession {
        /// Its pool.
        pool: PoolName,
        /// Its id.
        id: SessionId,
    },
    /// A retired session is back without its cookies, proxy, fingerprint and user data.
    Payload {
        /// Its pool.
        pool: PoolName,
        /// Its id.
        id: SessionId,
    },
    /// The record of a retired session is made from its log entry: its limits, its expiry and its last use are lost.
    Record {
        /// Its pool.
        pool: PoolName,
        /// Its id.
        id: SessionId,
    },
    /// What stood at the damaged places of an archive, or behind where it is cut short: nobody knows what that was.
    Unread {
        /// The archive.
        #[serde(serialize_with = "path_text::path")]
        path: PathBuf,
        /// How many such places there are.
        places: u64,
    },
    /// The newest states of sessions and log entries that stood at the damaged places of a store, if any did: where an older
    /// state is left, that is what was taken.
    Newest {
        /// The store's log.
        #[serde(serialize_with = "path_text::path")]
        path: PathBuf,
        /// How many such places there are.
        places: u64,
    },
    /// A pool has a new name: its own is lost.
    PoolName {
        /// Its new name.
        pool: PoolName,
    },
    /// Entries of the retirement log.
    LogEntries {
        /// Their pool.
        pool: PoolName,
        /// The first of them.
        first: Sequence,
        /// The last of them.
        last: Sequence,
    },
    /// Entries behind the last one of the retirement log that any source has, if there were any. Their numbers are not given
    /// again: whoever has read up to one of them goes on from there, and misses nothing that is told from now on.
    LogEnd {
        /// Their pool.
        pool: PoolName,
        /// The first number that may have been given.
        first: Sequence,
        /// The last one that is passed over.
        last: Sequence,
    },
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session { pool, id } => write!(f, "pool {pool}: session {id} cannot be read"),
            Self::LiveSession { pool, id } => {
                write!(
                    f,
                    "pool {pool}: live session {id} is left out: its cookies, proxy and user data are lost"
                )
            }
            Self::Payload { pool, id } => {
                write!(f, "pool {pool}: retired session {id} has lost its cookies, proxy and user data")
            }
            Self::Record { pool, id } => {
                write!(f, "pool {pool}: retired session {id} has lost its limits, expiry and last use")
            }
            Self::Unread { path, places } => write!(
                f,
                "whatever {} had at {places} {}, live sessions too: which, nobody knows",
                path.display(),
                if *places == 1 { "damaged place" } else { "damaged places" }
            ),
            Self::Newest { path, places } => write!(
                f,
                "whatever changed last at {places} damaged {} of {}, if anything: it is as it was before that",
                if *places == 1 { "place" } else { "places" },
                path.display(),
            ),
            Self::PoolName { pool } => write!(f, "the name of a pool is lost: it is {pool} now"),
            Self::LogEntries { pool, first, last } => {
                write!(f, "pool {pool}: entries {first} to {last} of the retirement log are lost")
            }
            Self::LogEnd { pool, first, last } => write!(
                f,
                "pool {pool}: whatever the retirement log had from entry {first} on, if anything; it goes on behind {last}"
            ),
        }
    }
}
