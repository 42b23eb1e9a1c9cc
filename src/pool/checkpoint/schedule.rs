//! When a checkpoint is written.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};

use super::{AtOnce, CheckpointStatus, Checkpoints, Pace, write_archive};
use crate::archive::{ArchiveError, ArchiveOptions, checkpoints as files};
use crate::outside;
use crate::pool::committer::Committer;
use crate::pool::observe;
use crate::session::Timestamp;

/// Writes the checkpoints of a store, in a thread of its own.
pub(crate) struct Checkpointer {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

struct Shared {
    committer: Arc<Committer>,
    directory: PathBuf,
    every: Duration,
    keep: usize,
    options: ArchiveOptions,
    status: Mutex<CheckpointStatus>,
    /// Held while one is written.
    writing: Mutex<()>,
    /// What keeps other stores from the directory, once the first was written.
    claim: Mutex<Option<File>>,
    /// How many callers wait for one to be written: then there is no time to sleep.
    hurried: AtomicUsize,
    is_stopped: Mutex<bool>,
    stopped: Condvar,
}

impl Checkpointer {
    /// How long after the store was opened the first one is written at the earliest, unless they are more frequent.
    const FIRST: Duration = Duration::from_secs(10);

    pub(crate) fn start(
        committer: &Arc<Committer>,
        directory: PathBuf,
        checkpoints: &Checkpoints,
        options: ArchiveOptions,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::new(committer, directory, checkpoints, options));
        let thread = {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name("session-checkpoint".to_owned()).spawn(move || shared.run())?
        };
        Ok(Self { shared, thread })
    }

    /// Gives up the one being written, and ends; where `wait` says so, not before the thread has.
    pub(crate) fn stop(self, wait: bool) {
        *self.shared.is_stopped.lock() = true;
        self.shared.stopped.notify_all();
        if wait {
            // Nobody is left to hear of a panic.
            let _ = self.thread.join();
        }
    }

    pub(crate) fn status(&self) -> CheckpointStatus {
        self.shared.status()
    }

    /// Writes one now, as fast as it goes.
    pub(crate) fn write_now(&self) -> Result<PathBuf, ArchiveError> {
        self.shared.hurried.fetch_add(1, Ordering::Relaxed);
        let written = self.shared.write(&AtOnce);
        self.shared.hurried.fetch_sub(1, Ordering::Relaxed);
        // Never `None`: it is not told to stop.
        written.map(|path| path.unwrap_or_else(|| self.shared.directory.clone()))
    }
}

impl Shared {
    fn new(
        committer: &Arc<Committer>,
        directory: PathBuf,
        checkpoints: &Checkpoints,
        options: ArchiveOptions,
    ) -> Self {
        Self {
            committer: Arc::clone(committer),
            directory,
            every: checkpoints.every,
            keep: checkpoints.keep,
            options,
            status: Mutex::default(),
            writing: Mutex::default(),
            claim: Mutex::default(),
            hurried: AtomicUsize::new(0),
            is_stopped: Mutex::new(false),
            stopped: Condvar::new(),
        }
    }

    fn run(&self) {
        let mut written_at = None;
        let mut wait = self.until_first();
        while !self.sleep(wait) {
            let begun = Instant::now();
            let commits = self.committer.commits();
            // A store that was opened and not changed is as it was left, perhaps after its last checkpoint.
            if written_at != Some(commits) && self.committer.check().is_ok() && self.write(self).is_ok() {
                written_at = Some(commits);
            }
            wait = self.every.saturating_sub(begun.elapsed());
        }
    }

    /// How long until the first one is due: the last of them may be of an earlier run.
    fn until_first(&self) -> Duration {
        let newest = files::list(&self.directory).ok().and_then(|files| files.last().cloned());
        let age = newest.and_then(|file| SystemTime::now().duration_since(modified(&file.path)?).ok());
        age.map_or(Duration::ZERO, |age| self.every.saturating_sub(age))
            .max(Checkpointer::FIRST.min(self.every))
    }

    /// Sleeps, and answers whether it is to stop.
    fn sleep(&self, duration: Duration) -> bool {
        let mut is_stopped = self.is_stopped.lock();
        // A time beyond what an instant can hold is one that nobody lives to see.
        match Instant::now().checked_add(duration) {
            Some(until) => {
                while !*is_stopped && !self.stopped.wait_until(&mut is_stopped, until).timed_out() {}
            }
            None => self.stopped.wait_while(&mut is_stopped, |is_stopped| !*is_stopped),
        }
        *is_stopped
    }

    fn status(&self) -> CheckpointStatus {
        self.status.lock().clone()
    }

    fn write(&self, pace: &dyn Pace) -> Result<Option<PathBuf>, ArchiveError> {
        let writing = self.writing.lock();
        let now = Timestamp::from(chrono::DateTime::from(SystemTime::now()));
        let written = catch_unwind(AssertUnwindSafe(|| self.write_at(now, pace))).unwrap_or_else(|_| {
            // The thread goes on: the next one may succeed.
            let source = io::Error::other("reading the store gave up, by a panic");
            Err(ArchiveError::Io { operation: "write", path: Some(self.directory.clone()), source })
        });
        let mut status = self.status.lock();
        match &written {
            Ok(Some(path)) => {
                status.written += 1;
                status.last = Some(path.clone());
                status.last_at = Some(now);
                status.last_error = None;
            }
            Ok(None) => {}
            Err(error) => {
                status.failed += 1;
                status.last_error = Some(describe(error));
            }
        }
        drop((status, writing));
        outside::contain(|| match &written {
            Ok(Some(path)) => observe::checkpoint_written(path),
            Ok(None) => {}
            Err(error) => observe::checkpoint_failed(&describe(error)),
        });
        written
    }

    fn write_at(&self, now: Timestamp, pace: &dyn Pace) -> Result<Option<PathBuf>, ArchiveError> {
        let mut claim = self.claim.lock();
        if claim.is_none() {
            *claim = Some(files::claim(&self.directory)?);
        }
        drop(claim);
        let (path, file) = files::create_next(&self.directory, now)?;
        let written = write_archive(&self.committer, file, now, &self.options, pace);
        let Some((mut file, summary)) = written.map_err(|error| error.of_file(&path))? else {
            return Ok(None);
        };
        let path = if summary.unreadable == 0 { path } else { files::partial(&path) };
        file.rename(path.clone());
        file.finish()?;
        files::delete_oldest(&self.directory, self.keep).map_err(|source| ArchiveError::Io {
            operation: "delete the oldest checkpoint beside",
            path: Some(path.clone()),
            source,
        })?;
        Ok(Some(path))
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// An error with its causes, in one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// A twentieth of the time, and no more.
impl Pace for Shared {
    fn go_on(&self, worked: Duration, waiting_bytes: &dyn Fn() -> usize) -> bool {
        /// How much longer than it worked it sleeps.
        const SLEEPS: u32 = 19;
        /// How long it sleeps before it looks whether payloads pile up because they are changed, and how many of their
        /// bytes it takes for it to sleep no longer.
        const LOOK: Duration = Duration::from_millis(50);
        const TOO_MANY: usize = 4 << 20;
        let mut left = worked.saturating_mul(SLEEPS);
        while !left.is_zero() && self.hurried.load(Ordering::Relaxed) == 0 {
            let slice = left.min(LOOK);
            if self.sleep(slice) {
                return false;
            }
            left -= slice;
            if waiting_bytes() > TOO_MANY || self.hurried.load(Ordering::Relaxed) > 0 {
                break;
            }
        }
        !*self.is_stopped.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    fn shared(directory: &Path) -> Shared {
        let committer = Arc::new(Committer::new(Arc::new(MemoryStore::new()), 1));
        let (checkpoints, options) = (Checkpoints::default(), ArchiveOptions::default());
        Shared::new(&committer, directory.to_owned(), &checkpoints, options)
    }

    #[test]
    fn a_checkpoint_takes_a_twentieth_of_the_time_unless_somebody_waits() {
        let directory = tempfile::tempdir().unwrap();
        let shared = shared(directory.path());
        let worked = Duration::from_millis(8);
        let begun = Instant::now();
        assert!(shared.go_on(worked, &|| 0));
        assert!(begun.elapsed() >= 19 * worked);
        // Hours are not waited for.
        let hours = Duration::from_secs(10_000);
        assert!(shared.go_on(hours, &|| usize::MAX), "payloads pile up");
        shared.hurried.fetch_add(1, Ordering::Relaxed);
        assert!(shared.go_on(hours, &|| 0), "somebody waits");
        shared.hurried.fetch_sub(1, Ordering::Relaxed);
        *shared.is_stopped.lock() = true;
        assert!(!shared.go_on(hours, &|| 0), "the store closes");
    }

    #[test]
    fn a_checkpoint_that_panics_fails_alone() {
        struct Panics;
        impl Pace for Panics {
            fn go_on(&self, _: Duration, _: &dyn Fn() -> usize) -> bool {
                panic!("as told")
            }
        }
        let directory = tempfile::tempdir().unwrap();
        let shared = shared(directory.path());
        let committer = Arc::clone(&shared.committer);
        let thread = thread::spawn(move || committer.run());
        assert!(shared.write(&Panics).is_err());
        assert_eq!(shared.status().failed, 1);
        assert!(shared.write(&AtOnce).unwrap().is_some());
        assert_eq!((shared.status().written, shared.status().last_error), (1, None));
        shared.committer.stop();
        thread.join().unwrap();
    }
}
