//! What a command can end with besides the errors of the library, and how any of them is told.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use session_pool::StoreError;
use session_pool::exchange::ExchangeError;
use session_pool::maintenance::MaintenanceError;

use crate::keys::Keys;
use crate::source::{At, quoted};

/// There is no such session, or no such pool.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotFound(pub(crate) String);

/// What was asked for breaks a rule, or does not fit what is there: which one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Wrong(pub(crate) String);

/// A file that cannot be read, or is not what it must be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadFile(pub(crate) String);

/// Something is not sound, lost or left out. What, is in the output.
#[derive(Debug, thiserror::Error)]
#[error("{}: not everything is as it should be", .0.display())]
pub(crate) struct Unsound(pub(crate) PathBuf);

/// An error with its causes, on one line, and the command that helps, where there is one.
pub(crate) fn told_with_cure(error: &(dyn Error + 'static), keys: &Keys) -> String {
    let text = told(error);
    match store_error(error) {
        Some(StoreError::Damaged { path, .. }) => format!("{text}: {}", repairing(path, keys)),
        _ => text,
    }
}

/// An error with its causes, on one line.
pub(crate) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.downcast_ref().map_or_else(|| cause.to_string(), plain);
        text = format!("{text}: {cause_text}");
        source = cause.source();
    }
    text
}

/// The command that makes a new store of what can be read of a damaged one.
pub(crate) fn repairing(store: &Path, keys: &Keys) -> String {
    format!("session-pool repair {}{}", quoted(&store.to_string_lossy()), keys.arguments())
}

/// An error of a file in words: its number tells nobody anything.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or_default().to_owned()
}

/// The error of a store that another one is about.
fn store_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e StoreError> {
    let of_pool = |error: &'e session_pool::Error| match error {
        session_pool::Error::Store(error) => Some(error),
        _ => None,
    };
    if let Some(At { error, .. }) = error.downcast_ref() {
        return of_pool(error);
    }
    if let Some(ExchangeError::Store(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(MaintenanceError::Store(error)) = error.downcast_ref() {
        return Some(error);
    }
    error.downcast_ref().and_then(of_pool).or_else(|| error.downcast_ref())
}
