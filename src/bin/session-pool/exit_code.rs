//! What the tool ends with. Documented in `--help`.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use session_pool::StoreError;
use session_pool::archive::ArchiveError;
use session_pool::exchange::ExchangeError;
use session_pool::maintenance::{InvalidJson, MaintenanceError};

use crate::source::{At, InUse, NoCheckpoint};

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Exit codes: 0 done; 1 the disk, the engine or a damaged store failed, or the answer was no; 2 wrong arguments, or ones \
that do not fit what is there; 3 no store, archive or file that can be read; \
4 the store is in use; 5 no such session or pool; 6 not everything is sound, or something is lost: the output says what.

Example: session-pool stats sessions";

/// It did what it was asked.
pub(crate) const SUCCESS: u8 = 0;
/// It failed: the disk, the engine, a damaged store.
pub(crate) const FAILURE: u8 = 1;
/// Wrong arguments, or something that is given breaks a rule, or does not fit what is there. It is clap's, too.
pub(crate) const WRONG: u8 = 2;
/// There is no such store, or it is not one that can be read; the same for files that are imported.
pub(crate) const NO_STORE: u8 = 3;
/// Another process has the store open.
pub(crate) const IN_USE: u8 = 4;
/// There is no such session, or no such pool.
pub(crate) const NOT_FOUND: u8 = 5;

/// The store is not sound, or something of it is lost; what is in the output.
pub(crate) const UNSOUND: u8 = 6;

/// There is no such session.
#[derive(Debug)]
pub(crate) struct NotFound(pub(crate) String);

impl std::fmt::Display for NotFound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for NotFound {}

/// What was asked for breaks a rule, or does not fit what is there: which one.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Wrong {}

/// What was found is in the output.
#[derive(Debug)]
pub(crate) struct Unsound(pub(crate) PathBuf);

impl std::fmt::Display for Unsound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: not everything is as it should be", self.0.display())
    }
}

impl Error for Unsound {}

/// A file that is not what it must be.
#[derive(Debug)]
pub(crate) struct BadFile(pub(crate) String);

impl std::fmt::Display for BadFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for BadFile {}

pub(crate) fn of(error: &(dyn Error + 'static)) -> u8 {
    if error.is::<NotFound>() {
        return NOT_FOUND;
    }
    if error.is::<Unsound>() {
        return UNSOUND;
    }
    if error.is::<Wrong>() || error.is::<InvalidJson>() {
        return WRONG;
    }
    if let Some(error) = error.downcast_ref::<MaintenanceError>() {
        return of_maintenance(error);
    }
    if error.is::<BadFile>() {
        return NO_STORE;
    }
    if let Some(ExchangeError::Store(error)) = error.downcast_ref() {
        return of_store(error);
    }
    if error.is::<InUse>() {
        return IN_USE;
    }
    if error.is::<NoCheckpoint>() {
        return NO_STORE;
    }
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return of_store(error);
    }
    let at = error.downcast_ref::<At>().map(|at| &at.error);
    match at.or_else(|| error.downcast_ref::<session_pool::Error>()) {
        Some(session_pool::Error::Store(error)) => of_store(error),
        Some(session_pool::Error::Archive(error)) => of_archive(error),
        _ => FAILURE,
    }
}

fn of_archive(error: &ArchiveError) -> u8 {
    match error {
        ArchiveError::NotAnArchive
        | ArchiveError::Newer { .. }
        | ArchiveError::KeyNeeded
        | ArchiveError::WrongKey
        | ArchiveError::NotEncrypted => NO_STORE,
        ArchiveError::Store(error) => of_store(error),
        _ => FAILURE,
    }
}

fn of_maintenance(error: &MaintenanceError) -> u8 {
    match error {
        MaintenanceError::Store(error) => of_store(error),
        MaintenanceError::NotFound { .. } => NOT_FOUND,
        MaintenanceError::Unsound { .. } => UNSOUND,
        MaintenanceError::NoSuchPool { .. }
        | MaintenanceError::PoolNeeded { .. }
        | MaintenanceError::InSeveralPools { .. }
        | MaintenanceError::Duplicate { .. }
        | MaintenanceError::Invalid { .. }
        | MaintenanceError::Place { .. } => WRONG,
        _ => FAILURE,
    }
}

fn of_store(error: &StoreError) -> u8 {
    match error {
        StoreError::InUse { .. } => IN_USE,
        StoreError::NotFound { .. }
        | StoreError::NotADirectory { .. }
        | StoreError::NotAStore { .. }
        | StoreError::NewerSchema { .. }
        | StoreError::OlderSchema { .. }
        | StoreError::KeyNeeded { .. }
        | StoreError::WrongKey { .. }
        | StoreError::NotEncrypted { .. } => NO_STORE,
        _ => FAILURE,
    }
}

pub(crate) fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = match error.downcast_ref() {
        Some(ExchangeError::Io { source, .. }) => Some(source),
        _ => error.downcast_ref::<io::Error>(),
    };
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
