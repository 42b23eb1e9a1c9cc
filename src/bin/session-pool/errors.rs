//! What a command can end with besides the errors of the library, and how any of them is told.

use std::error::Error;
use std::io;
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
        let cause_text = cause.downcast_ref().map_or_else(|| cause.to_string(), plain);
        text = format!("{text}: {cause_text}");
        source = cause.source();
    }
    text
}

/// An error of a file in words: its number tells nobody anything.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or_default().to_owned()
}
