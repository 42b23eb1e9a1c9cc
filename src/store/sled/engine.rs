//! The engine: started and ended so that none of its panics gets out.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::Trees;
use crate::store::StoreError;

/// How often, and how long apart, an engine is tried whose files an earlier engine of this process still holds: it lets
/// go of them a little after it is dropped.
const TRIES: u32 = 250;
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// The engine and its trees. Where ending it fails, by a panic that is, nobody is left to hear of it.
#[derive(Debug)]
pub(super) struct Engine {
    running: Option<(Trees, sled::Db)>,
}

impl Engine {
    pub(super) fn start(path: &Path, cache_capacity: u64) -> Result<Self, StoreError> {
        // The committer says when to flush.
        let config = sled::Config::new().path(path).cache_capacity(cache_capacity).flush_every_ms(None);
        let mut attempts = 0;
        let db = loop {
            match contain(path, || config.open()) {
                Err(StoreError::Io { source, .. }) if is_locked(&source) && attempts < TRIES => {
                    attempts += 1;
                    thread::sleep(TRY_AGAIN_AFTER);
                }
                opened => break opened?,
            }
        };
        let trees = contain(path, || Trees::open(&db))?;
        Ok(Self { running: Some((trees, db)) })
    }

    fn running(&self) -> &(Trees, sled::Db) {
        self.running.as_ref().unwrap_or_else(|| unreachable!("it runs until it is dropped"))
    }

    pub(super) fn trees(&self) -> &Trees {
        &self.running().0
    }

    pub(super) fn db(&self) -> &sled::Db {
        &self.running().1
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // On its way out the engine syncs once more, and meets a failure with a panic.
        let running = self.running.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(running)));
    }
}

fn is_locked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}

/// What the engine's error means for the store at `path`.
pub(super) fn store_error(path: &Path, operation: &'static str, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) => StoreError::io(operation, path)(error),
        sled::Error::Corruption { .. } | sled::Error::Unsupported(_) => {
            StoreError::Damaged { path: path.into(), detail: error.to_string() }
        }
        error => StoreError::Engine { operation, source: Box::new(error) },
    }
}

/// Runs the engine on files that may be damaged: it meets some damage with a panic.
pub(super) fn contain<T>(path: &Path, run: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(store_error(path, "open the engine in", error)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it gave up");
            Err(StoreError::Damaged { path: path.into(), detail: format!("the engine gave up: {text}") })
        }
    }
}
