//! The engine: started and ended so that none of its panics gets out.

use std::any::Any;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Whether it has given up, by a panic, in the middle of writing.
    has_given_up: AtomicBool,
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
        Ok(Self { running: Some((trees, db)), has_given_up: AtomicBool::new(false) })
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

    /// Runs something that writes: it meets some faults with a panic.
    pub(super) fn contain<T>(
        &self,
        path: &Path,
        operation: &'static str,
        write: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(|panic| {
            self.has_given_up.store(true, Ordering::Relaxed);
            let text = panic_text(&*panic);
            Err(match os_error_in(text) {
                Some(error) => StoreError::io(operation, path)(error),
                None => StoreError::Engine {
                    operation: operation.trim_end_matches(IN),
                    source: format!("it gave up: {text}").into(),
                },
            })
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let running = self.running.take();
        if self.has_given_up.load(Ordering::Relaxed) {
            // On its way out it would wait for what it has left half done, for ever. The process keeps its memory, and the
            // lock on its files.
            mem::forget(running);
            return;
        }
        // On its way out the engine syncs once more, and meets a failure with a panic.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(running)));
    }
}

fn is_locked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}

/// What the engine's error means for the store at `path`.
pub(super) fn store_error(path: &Path, operation: &'static str, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) => StoreError::io(operation, path)(with_code(error)),
        sled::Error::Corruption { .. } | sled::Error::Unsupported(_) => {
            StoreError::Damaged { path: path.into(), detail: error.to_string() }
        }
        error => StoreError::Engine { operation: operation.trim_end_matches(IN), source: Box::new(error) },
    }
}

/// Says where the engine failed, of an error that only says at what.
pub(super) fn located(path: &Path) -> impl FnOnce(StoreError) -> StoreError + '_ {
    move |error| match error {
        StoreError::Engine { operation, source } => match source.downcast::<sled::Error>() {
            Ok(error) => store_error(path, operation, *error),
            Err(source) => StoreError::Engine { operation: operation.trim_end_matches(IN), source },
        },
        error => error,
    }
}

/// What operations end with, for the path that follows where there is one.
const IN: &str = " in";

/// The engine notes the first error that its threads meet, and answers copies of that, which have only its text.
fn with_code(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() { error } else { os_error_in(&error.to_string()).unwrap_or(error) }
}

/// The error of the operating system that a text of the engine's tells of, which looks like
/// `Os { code: 28, kind: StorageFull, message: "No space left on device" }`.
fn os_error_in(text: &str) -> Option<io::Error> {
    let (_, rest) = text.split_once("Os { code: ")?;
    let (code, _) = rest.split_once(',')?;
    code.parse().ok().map(io::Error::from_raw_os_error)
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why")
}

/// Runs the engine on files that may be damaged: it meets some damage with a panic.
pub(super) fn contain<T>(path: &Path, run: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(store_error(path, "open the engine in", error)),
        Err(panic) => {
            let text = panic_text(&*panic);
            // The disk refuses something; that says nothing of what is on it.
            Err(os_error_in(text).map_or_else(
                || StoreError::Damaged { path: path.into(), detail: format!("the engine gave up: {text}") },
                StoreError::io("open the engine in", path),
            ))
        }
    }
}
