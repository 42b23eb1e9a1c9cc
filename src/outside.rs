//! Code that is not ours and that runs on our threads: wakers, and whoever listens to events and figures. It may do anything,
//! so nothing is locked where it runs, and where it panics we go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Runs it; `None` where it panics, whose message is on stderr.
pub(crate) fn contain<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

/// Wakes all of them.
pub(crate) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        contain(|| waker.wake());
    }
}
