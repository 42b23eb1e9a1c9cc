//! What can go wrong with a store.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use super::{PoolNumber, Sequence};

/// A fault of a store. Nothing was changed, unless the variant says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no store, and it was not to be created.
    #[error("there is no session store at {}", path.display())]
    NotFound {
        /// Where.
        path: PathBuf,
    },
    /// There is a store already, where a new one was to be made.
    #[error("there is something at {} already: a new store needs a path of its own", path.display())]
    AlreadyExists {
        /// Where.
        path: PathBuf,
    },
    /// The path is no directory.
    #[error("{} is not a directory: a session store is a directory", path.display())]
    NotADirectory {
        /// Where.
        path: PathBuf,
    },
    /// The directory holds something else.
    #[error("{} is not a session store: every store has a file STORE, and this directory has none, but other files, {found} for \
        one", path.display())]
    NotAStore {
        /// Where.
        path: PathBuf,
        /// Something that is there instead.
        found: String,
    },
    /// Another process, or another part of this one, has the store open.
    #[error("the session store at {} is in use{}", path.display(),
        holder.map(|pid| format!(" by process {pid}")).unwrap_or_default())]
    InUse {
        /// Where.
        path: PathBuf,
        /// The process that has it open, as far as known.
        holder: Option<u32>,
    },
    /// A write to the open store has failed before, and what is on disk may lack what was written since the last sync. It
    /// takes no more writes; it can be closed and opened again.
    #[error("the session store at {} takes no more writes, since one has failed", path.display())]
    HasFailed {
        /// Where.
        path: PathBuf,
    },
    /// The store was written by a newer version of this crate.
    #[error("the session store at {} has schema version {found}, and this version reads up to {supported}", path.display())]
    NewerSchema {
        /// Where.
        path: PathBuf,
        /// The store's version.
        found: u32,
        /// The newest version that can be read.
        supported: u32,
    },
    /// The store was written by an older version of this crate, and is only to be read. Opening it for writing migrates it.
    #[error("the session store at {} has schema version {found}: it must be migrated to {current} before it can be read", path.display())]
    OlderSchema {
        /// Where.
        path: PathBuf,
        /// The store's version.
        found: u32,
        /// The version that it would be migrated to.
        current: u32,
    },
    /// The store is encrypted, and no key was given, or this build has no encryption.
    #[error("the session store at {} is encrypted: its key is needed", path.display())]
    KeyNeeded {
        /// Where.
        path: PathBuf,
    },
    /// The store is encrypted under another key than the one given.
    #[error("the session store at {} is encrypted under another key", path.display())]
    WrongKey {
        /// Where.
        path: PathBuf,
    },
    /// The store is not encrypted, and a key was given.
    #[error("the session store at {} is not encrypted, and a key was given", path.display())]
    NotEncrypted {
        /// Where.
        path: PathBuf,
    },
    /// A file or directory could not be read, written or locked.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Its files are not what was written. They are left as they are.
    #[error("the session store at {} is damaged: {detail}; repairing makes a new store of what can be read", path.display())]
    Damaged {
        /// Where.
        path: PathBuf,
        /// What is wrong, and where.
        detail: String,
    },
    /// A new pool would need a number, and the last one there is has been given.
    #[error("no pool can be added: there is one of number {}, the last there is", u32::MAX)]
    NoPoolNumber,
    /// One item is there and cannot be decoded.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The storage engine failed.
    #[error("the storage engine cannot {operation}")]
    Engine {
        /// What was being done.
        operation: &'static str,
        /// Why not.
        source: Box<dyn StdError + Send + Sync>,
    },
}

/// One item of a store that is there and cannot be decoded. It is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable {item} {} of pool number {}: {rule}", key_text(key),
    pool.map_or_else(|| "?".to_owned(), |pool| pool.to_string()))]
#[non_exhaustive]
pub struct Unreadable {
    /// What it is: `session`, `payload`, `log entry`, `pool entry`, …
    pub item: &'static str,
    /// Its pool, as far as the key tells.
    pub pool: Option<PoolNumber>,
    /// The rest of the key: the session's id, for instance.
    pub key: Vec<u8>,
    /// The rule that it breaks.
    pub rule: String,
}

impl Unreadable {
    /// Of a log entry, where it stands.
    pub(crate) fn log_sequence(&self) -> Option<Sequence> {
        std::str::from_utf8(&self.key).ok()?.parse().ok().map(Sequence)
    }
}

fn key_text(key: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(key))
}

impl StoreError {
    /// The error of an operation with the file or directory at `path`, for `map_err`.
    pub(crate) fn io(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { operation, path, source }
    }
}
