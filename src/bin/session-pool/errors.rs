//! What a command can end with besides the errors of the library, and how any of them is told.

use std::error::Error;
use std::path::PathBuf;

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

/// An error with its causes, on one line.
pub(crate) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
