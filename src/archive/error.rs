//! What can go wrong with an archive.

use std::io;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// Why an archive cannot be written or read, or not all of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It cannot be written or read.
    #[error("cannot {operation} the archive{}", at(path.as_ref()))]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file, where it is one.
        path: Option<PathBuf>,
        /// Why not.
        source: io::Error,
    },
    /// The store cannot be read that it is to hold.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is something else: it does not begin as archives do.
    #[error("this is no session archive: it does not begin as one")]
    NotAnArchive,
    /// A newer version of this crate wrote it.
    #[error("the archive has {what} {found}, and this version reads up to {supported}")]
    Newer {
        /// `format` or `schema version`.
        what: &'static str,
        /// The archive's.
        found: u32,
        /// The newest that can be read.
        supported: u32,
    },
    /// It is encrypted, and no key was given, or this build has no encryption.
    #[error("the archive is encrypted: its key is needed")]
    KeyNeeded,
    /// It is encrypted under another key than the one given.
    #[error("the archive is encrypted under another key")]
    WrongKey,
    /// It is not encrypted, and a key was given.
    #[error("the archive is not encrypted, and a key was given")]
    NotEncrypted,
    /// A part of it is damaged. What follows can be read on.
    #[error("the archive is damaged at byte {offset}: {rule}")]
    Damaged {
        /// Where that part begins.
        offset: u64,
        /// The rule that it breaks.
        rule: String,
    },
    /// It is cut short: nothing follows. What was read before is whole.
    #[error("the archive is cut short at byte {offset}, behind {items} whole item{}", if *items == 1 { "" } else { "s" })]
    CutShort {
        /// Where it ends.
        offset: u64,
        /// How many pools, sessions and log entries were read.
        items: u64,
    },
}

impl ArchiveError {
    /// Whether the archive can be read on.
    pub fn is_passed_over(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    pub(super) fn io(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: None, source }
    }

    /// Names the file that is being written, where the error does not.
    pub(crate) fn of_file(self, file: &Path) -> Self {
        match self {
            Self::Io { operation, path: None, source } => {
                Self::Io { operation, path: Some(file.to_owned()), source }
            }
            error => error,
        }
    }

    pub(super) fn file(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { operation, path: Some(path), source }
    }
}

fn at(path: Option<&PathBuf>) -> String {
    path.map_or_else(String::new, |path| format!(" {}", path.display()))
}
