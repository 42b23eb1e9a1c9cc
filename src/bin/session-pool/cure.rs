//! What helps against an error: what is to be typed.

use std::error::Error;
use std::path::Path;

use session_pool::StoreError;
use session_pool::archive::ArchiveError;
use session_pool::exchange::ExchangeError;
use session_pool::maintenance::MaintenanceError;

use crate::keys::Keys;
use crate::source::{At, quoted};

/// What is said behind an error; nothing where nobody knows better than whoever reads it.
pub(crate) fn of(error: &(dyn Error + 'static), keys: &Keys) -> String {
    match (store_error(error), archive_error(error)) {
        (Some(StoreError::Damaged { path, .. }), _) => format!(": {}", repairing(path, keys)),
        (Some(StoreError::KeyNeeded { .. }), _) | (_, Some(ArchiveError::KeyNeeded)) => keys.needed(),
        (Some(StoreError::WrongKey { .. }), _) | (_, Some(ArchiveError::WrongKey)) => {
            format!(" than that of{}", keys.arguments())
        }
        (Some(StoreError::NotEncrypted { .. }), _) | (_, Some(ArchiveError::NotEncrypted)) => {
            format!(": leave{} out", keys.arguments())
        }
        (Some(StoreError::InUse { .. }), _) => {
            "; stop the crawler that has it open, or have that done through its pool".to_owned()
        }
        (Some(StoreError::NewerSchema { .. }), _) | (_, Some(ArchiveError::Newer { .. })) => {
            ": upgrade session-pool".to_owned()
        }
        (_, Some(ArchiveError::Damaged { offset, .. } | ArchiveError::CutShort { offset, .. })) => {
            match error.downcast_ref() {
                Some(At { path, .. }) if *offset > HEADER => format!(": {}", restoring(path, keys)),
                _ => String::new(),
            }
        }
        _ => String::new(),
    }
}

/// Whether an error is that a store is damaged.
pub(crate) fn is_damage(error: &(dyn Error + 'static)) -> bool {
    matches!(store_error(error), Some(StoreError::Damaged { .. }))
}

/// Where the header of an archive begins. Without it, nothing of the archive can be read.
const HEADER: u64 = 8;

/// What makes a new store of what can be read of a damaged archive, and is to be said so.
pub(crate) fn restoring(archive: &Path, keys: &Keys) -> String {
    let (archive, keys) = (quoted(&archive.to_string_lossy()), keys.arguments());
    format!("session-pool restore {archive} NEW --damaged{keys} makes a store of what can be read of it")
}

/// The command that makes a new store of what can be read of a damaged one.
pub(crate) fn repairing(store: &Path, keys: &Keys) -> String {
    format!("session-pool repair {}{}", quoted(&store.to_string_lossy()), keys.arguments())
}

/// Whether the key is what is wrong, and not that of what was opened.
pub(crate) fn is_wrong_key(error: &(dyn Error + 'static)) -> bool {
    matches!(store_error(error), Some(StoreError::WrongKey { .. }))
        || matches!(archive_error(error), Some(ArchiveError::WrongKey))
}

/// Whether a key was given for what is in clear.
pub(crate) fn is_in_clear(error: &(dyn Error + 'static)) -> bool {
    matches!(store_error(error), Some(StoreError::NotEncrypted { .. }))
        || matches!(archive_error(error), Some(ArchiveError::NotEncrypted))
}

/// The error of the library that another one stands for.
fn of_library<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e session_pool::Error> {
    error.downcast_ref::<At>().map(|at| &at.error).or_else(|| error.downcast_ref())
}

/// The error of a store that another one is about.
fn store_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e StoreError> {
    if let Some(session_pool::Error::Store(error)) = of_library(error) {
        return Some(error);
    }
    if let Some(ExchangeError::Store(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(MaintenanceError::Store(error)) = error.downcast_ref() {
        return Some(error);
    }
    error.downcast_ref()
}

/// The error of an archive that another one is about.
fn archive_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e ArchiveError> {
    if let Some(session_pool::Error::Archive(error)) = of_library(error) {
        return Some(error);
    }
    error.downcast_ref()
}
