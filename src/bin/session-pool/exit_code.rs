//! What the tool ends with. Documented in `--help`.

use std::error::Error;
use std::io;

use session_pool::StoreError;
use session_pool::archive::ArchiveError;
use session_pool::exchange::ExchangeError;
use session_pool::maintenance::MaintenanceError;

use crate::errors::{BadFile, NotFound, Unsound, Wrong};
use crate::source::{At, InUse, NoCheckpoint};
use crate::target::TargetError;

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Exit codes: 0 done; 1 the disk, the engine, a damaged store or archive failed, or the answer was no; 2 wrong arguments, \
or ones that do not fit what is there: what is to be written is there already, for instance; 3 no store, archive or file \
that can be read, keys among them; 4 the store is in use; 5 no such session or pool; 6 check has findings, compact was given a \
store that is not sound, or in what backup, export, restore or repair wrote something is missing that could not be read or is \
known to be lost: the output says what. What Crawlee has no place for, and what import does not carry over, is told and ends \
with 0; so does a repair of which something is only perhaps lost.

Example: session-pool stats sessions";

/// It did what it was asked.
pub(crate) const SUCCESS: u8 = 0;
/// It failed: the disk, the engine, a damaged store or archive.
pub(crate) const FAILURE: u8 = 1;
/// Wrong arguments, or something that is given breaks a rule, or does not fit what is there. It is clap's, too.
pub(crate) const WRONG: u8 = 2;
/// There is no such store, archive or file, or it is not one that can be read.
pub(crate) const NO_STORE: u8 = 3;
/// Another process has the store open.
pub(crate) const IN_USE: u8 = 4;
/// There is no such session, or no such pool.
pub(crate) const NOT_FOUND: u8 = 5;
/// The store is not sound, or something of it could not be read or is known to be lost; what, is in the output.
pub(crate) const UNSOUND: u8 = 6;

/// What an error ends the tool with.
pub(crate) fn of(error: &(dyn Error + 'static)) -> u8 {
    of_tool(error).or_else(|| of_library(error)).unwrap_or(FAILURE)
}

/// The tool's own errors.
fn of_tool(error: &(dyn Error + 'static)) -> Option<u8> {
    if error.is::<Wrong>() || error.downcast_ref().is_some_and(TargetError::is_refusal) {
        Some(WRONG)
    } else if error.is::<BadFile>() || error.is::<NoCheckpoint>() {
        Some(NO_STORE)
    } else if error.is::<InUse>() {
        Some(IN_USE)
    } else if error.is::<NotFound>() {
        Some(NOT_FOUND)
    } else if error.is::<Unsound>() {
        Some(UNSOUND)
    } else {
        None
    }
}

/// Those of the library, wrapped or not.
fn of_library(error: &(dyn Error + 'static)) -> Option<u8> {
    if let Some(At { error, .. }) = error.downcast_ref() {
        return Some(of_pool(error));
    }
    if let Some(error) = error.downcast_ref() {
        return Some(of_pool(error));
    }
    if let Some(error) = error.downcast_ref() {
        return Some(of_store(error));
    }
    if let Some(error) = error.downcast_ref() {
        return Some(of_archive(error));
    }
    if let Some(error) = error.downcast_ref() {
        return Some(of_exchange(error));
    }
    error.downcast_ref().map(of_maintenance)
}

fn of_pool(error: &session_pool::Error) -> u8 {
    match error {
        session_pool::Error::Store(error) => of_store(error),
        session_pool::Error::Archive(error) => of_archive(error),
        session_pool::Error::Invalid(_) => WRONG,
        _ => FAILURE,
    }
}

fn of_store(error: &StoreError) -> u8 {
    match error {
        StoreError::InUse { .. } => IN_USE,
        StoreError::AlreadyExists { .. } => WRONG,
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

fn of_archive(error: &ArchiveError) -> u8 {
    match error {
        ArchiveError::Io { operation, source, .. } => of_file(operation, source),
        ArchiveError::NotAnArchive
        | ArchiveError::Newer { .. }
        | ArchiveError::KeyNeeded
        | ArchiveError::WrongKey
        | ArchiveError::NotEncrypted => NO_STORE,
        ArchiveError::Store(error) => of_store(error),
        _ => FAILURE,
    }
}

/// What is wrong with the content of a file, `import` tells as a [`BadFile`].
fn of_exchange(error: &ExchangeError) -> u8 {
    match error {
        ExchangeError::Io { operation, source, .. } => of_file(operation, source),
        ExchangeError::Store(error) => of_store(error),
        ExchangeError::WhichPool { .. } | ExchangeError::AlreadyThere { .. } => WRONG,
        ExchangeError::NoSuchPool { .. } => NOT_FOUND,
        _ => FAILURE,
    }
}

/// A file that is to be read is opened, one that is to be written created.
fn of_file(operation: &str, error: &io::Error) -> u8 {
    match (error.kind(), operation) {
        (io::ErrorKind::AlreadyExists, _) => WRONG,
        (io::ErrorKind::IsADirectory, "read") | (_, "open") => NO_STORE,
        _ => FAILURE,
    }
}

fn of_maintenance(error: &MaintenanceError) -> u8 {
    match error {
        MaintenanceError::Store(error) => of_store(error),
        MaintenanceError::NotFound { .. } | MaintenanceError::NoSuchPool { .. } => NOT_FOUND,
        MaintenanceError::Unsound { .. } => UNSOUND,
        MaintenanceError::PoolNeeded { .. }
        | MaintenanceError::InSeveralPools { .. }
        | MaintenanceError::Duplicate { .. }
        | MaintenanceError::GivenTwice { .. }
        | MaintenanceError::Invalid { .. }
        | MaintenanceError::Place { .. } => WRONG,
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
