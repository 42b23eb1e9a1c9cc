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
        _ => String::new(),
    }
}

/// Whether an error is that a store is damaged.
pub(crate) fn is_damage(error: &(dyn Error + 'static)) -> bool {
    matches!(store_error(error), Some(StoreError::Damaged { .. }))
}

/// The command that makes a new store of what can be read of a damaged one.
pub(crate) fn repairing(store: &Path, keys: &Keys) -> String {
    format!("session-pool repair {}{}", quoted(&store.to_string_lossy()), keys.arguments())
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
