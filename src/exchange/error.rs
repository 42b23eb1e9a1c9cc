//! What can go wrong with bringing sessions in and taking them away.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::ImportFormat;
use super::fields::Wrong;
use super::lines::MAX_LINE_LENGTH;
use crate::archive::ArchiveError;
use crate::session::{Invalid, SessionId};
use crate::store::{PoolName, StoreError};

/// Why sessions cannot be exported or imported.
///
/// Of an import into a new store nothing is left in any case, and one into a pool that is refused has written nothing. Where
/// [`Store`](Self::Store) or [`Io`](Self::Io) end one into a pool in the middle, or the input is another one than was checked, a
/// part of the sessions is there, each of them whole and durable; the others can be imported with
/// [`ImportOptions::skip_existing`](super::ImportOptions::skip_existing).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// A file cannot be read or written.
    #[error("cannot {operation}{}", of_file(path.as_ref()))]
    Io {
        /// What was being done.
        operation: &'static str,
        /// With which file, where it is one.
        path: Option<PathBuf>,
        /// Why not.
        source: io::Error,
    },
    /// The store cannot be opened, read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is something else than what can be imported.
    #[error("this is nothing that can be imported: {rule}")]
    Unknown {
        /// What it is, or lacks.
        rule: String,
    },
    /// It cannot be told which Crawlee wrote it.
    #[error("this is no state of a session pool of Crawlee that is known here: {rule}")]
    UnknownDialect {
        /// What it has, or lacks.
        rule: String,
    },
    /// It is something else than it is said to be.
    #[error("this is {}, and not {}", what(*found), asked.map_or("a state of Crawlee".to_owned(), what))]
    OtherFormat {
        /// What it is.
        found: ImportFormat,
        /// What it is said to be; `None`: a state of Crawlee, whichever one.
        asked: Option<ImportFormat>,
    },
    /// A newer version of this crate wrote it.
    #[error("the export has version {found}, and this version of session-pool reads up to {supported}")]
    Newer {
        /// The export's.
        found: u64,
        /// The newest that can be read.
        supported: u64,
    },
    /// Its secrets are masked.
    #[error("its secrets are masked: what is exported with --mask is for looking at, and cannot be imported")]
    Masked,
    /// It is not JSON, from that place on.
    #[error("{at}, column {column}: {rule}")]
    NotJson {
        /// Which line.
        at: Place,
        /// Which byte of the line, from 1.
        column: usize,
        /// What is wrong there.
        rule: String,
    },
    /// A line is longer than any that is written.
    #[error("{at} is longer than {MAX_LINE_LENGTH} bytes")]
    TooLong {
        /// Which line.
        at: Place,
    },
    /// A value breaks a rule.
    #[error("{at}: {field} is {value}: {rule}")]
    Field {
        /// Where.
        at: Place,
        /// Which field: `cookies[2].expires_at`, for instance.
        field: String,
        /// The value, shortened; masked where it may hold a secret.
        value: String,
        /// What it would have to be.
        rule: String,
    },
    /// Two parts of it do not agree.
    #[error("{at}: {rule}")]
    Disagrees {
        /// Where the first of them is.
        at: Place,
        /// What does not agree.
        rule: String,
    },
    /// An id is there twice.
    #[error("{at}: the session {id} was there already: {first}")]
    Duplicate {
        /// Where it is for the second time.
        at: Place,
        /// Where it was before.
        first: Place,
        /// The id.
        id: String,
    },
    /// Its last line is missing, or does not fit: it is cut short, or was changed.
    #[error("{at}: {rule}")]
    CutShort {
        /// Where it ends.
        at: Place,
        /// What is missing.
        rule: String,
    },
    /// Sessions of these ids are in the pool already.
    #[error("the pool {pool} has {} already", these(ids, *more))]
    AlreadyThere {
        /// The pool.
        pool: PoolName,
        /// The first of them, ten at most.
        ids: Vec<SessionId>,
        /// How many more there are.
        more: u64,
    },
    /// What is asked for needs a choice among the pools.
    #[error("the store has {}{}: name one of them", pools(names), and_unreadable(*unreadable))]
    WhichPool {
        /// The pools there are.
        names: Vec<PoolName>,
        /// How many there are besides, whose entries cannot be read.
        unreadable: u64,
    },
    /// The store was written to while it was exported: what was written of it does not belong together.
    #[error("the store has changed while it was exported: a pool of it is in use")]
    Changed,
    /// There is no such pool.
    #[error("there is no pool {name}: it has {}", pools(names))]
    NoSuchPool {
        /// The one that was asked for.
        name: PoolName,
        /// The pools there are.
        names: Vec<PoolName>,
    },
}

/// Where in what is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A line, from 1.
    Line(u64),
    /// A session of a Crawlee state: its place in the list, from 0, and its id, as far as that could be read.
    Session(u64, Option<String>),
    /// Outside the sessions.
    File,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Session(index, None) => write!(f, "sessions[{index}]"),
            Self::Session(index, Some(id)) => write!(f, "sessions[{index}] ({id})"),
            Self::File => f.write_str("the file"),
        }
    }
}

impl ExchangeError {
    pub(super) fn io(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: None, source }
    }

    pub(super) fn file(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { operation, path: Some(path), source }
    }

    pub(super) fn field(at: Place, wrong: Wrong) -> Self {
        let Wrong { field, value, rule } = wrong;
        Self::Field { at, field, value, rule }
    }

    pub(super) fn invalid(at: Place, invalid: Invalid) -> Self {
        let Invalid { field, value, rule } = invalid;
        Self::Field { at, field: field.to_owned(), value, rule: rule.to_owned() }
    }
}

/// What an archive's file could not do, an export's cannot either.
impl From<ArchiveError> for ExchangeError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Io { operation, path, source } => Self::Io { operation, path, source },
            ArchiveError::Store(error) => Self::Store(error),
            other => Self::Unknown { rule: other.to_string() },
        }
    }
}

fn what(format: ImportFormat) -> String {
    match format {
        ImportFormat::Jsonl => "JSON Lines that session-pool wrote".to_owned(),
        ImportFormat::Crawlee(dialect) => format!("a state of {dialect}"),
    }
}

fn of_file(path: Option<&PathBuf>) -> String {
    path.map_or_else(String::new, |path| format!(" {}", path.display()))
}

fn these(ids: &[SessionId], more: u64) -> String {
    let names: Vec<&str> = ids.iter().map(SessionId::as_str).collect();
    let names = names.join(", ");
    match (ids.len(), more) {
        (1, 0) => format!("a session {names}"),
        (_, 0) => format!("the sessions {names}"),
        _ => format!("the sessions {names} and {more} more"),
    }
}

fn and_unreadable(count: u64) -> String {
    if count == 0 { String::new() } else { format!(" and {count} that cannot be read") }
}

fn pools(names: &[PoolName]) -> String {
    match names {
        [] => "no pool".to_owned(),
        [one] => format!("the pool {one}"),
        many => {
            const SHOWN: usize = 10;
            let shown: Vec<&str> = many.iter().take(SHOWN).map(PoolName::as_str).collect();
            let more = many.len().saturating_sub(SHOWN);
            let behind = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("the pools {}{behind}", shown.join(", "))
        }
    }
}
