//! What the tool ends with. Documented in `--help`.

use std::error::Error;
use std::io;

use session_pool::StoreError;

/// It did what it was asked.
pub(crate) const SUCCESS: u8 = 0;
/// It failed: the disk, the engine, a damaged store.
pub(crate) const FAILURE: u8 = 1;
// 2 is clap's: wrong arguments.
/// There is no such store, or it is not one that can be read.
pub(crate) const NO_STORE: u8 = 3;
/// Another process has the store open.
pub(crate) const IN_USE: u8 = 4;
/// There is no such session.
pub(crate) const NOT_FOUND: u8 = 5;

/// There is no such session.
#[derive(Debug)]
pub(crate) struct NotFound(pub(crate) String);

impl std::fmt::Display for NotFound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for NotFound {}

pub(crate) fn of(error: &(dyn Error + 'static)) -> u8 {
    if error.is::<NotFound>() {
        return NOT_FOUND;
    }
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::InUse { .. }) => IN_USE,
        Some(
            StoreError::NotFound { .. }
            | StoreError::NotADirectory { .. }
            | StoreError::NotAStore { .. }
            | StoreError::NewerSchema { .. },
        ) => NO_STORE,
        _ => FAILURE,
    }
}

pub(crate) fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
