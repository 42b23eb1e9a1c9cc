//! Waiting for a session: one place in the queue, for threads and for tasks.

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::core::PoolCore;
use super::directory::{Directory, Next, SlotIndex, Ticket};
use super::time::Now;
use crate::error::{Error, Refusal, Result};

/// How long the first of those who wait for the same sleeps at most before it looks at the clock again, which may have
/// been set.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// A place in the queue. Whoever drops it leaves, and what it had been handed goes to the next one.
pub(super) struct Waiting {
    core: Arc<PoolCore>,
    ticket: Ticket,
}

/// What whoever asks for a session gets.
pub(super) enum Asked {
    /// A session, or the place of a new one.
    Served(Next),
    /// A place in the queue.
    Wait(Waiting),
}

/// What one who waits finds.
pub(super) enum Looked {
    /// What it was handed.
    Served(Next),
    /// Nothing yet; it is to look again after that time, if it has not been woken before.
    Wait(Option<Duration>),
}

impl Waiting {
    /// Joins those who wait for any session of a pool whose directory is locked.
    pub(super) fn join(core: &Arc<PoolCore>, directory: &mut Directory, waker: Waker) -> Self {
        Self { core: Arc::clone(core), ticket: directory.join(waker) }
    }

    /// Joins those who wait for that one.
    pub(super) fn join_for(
        core: &Arc<PoolCore>,
        directory: &mut Directory,
        slot: SlotIndex,
        waker: Waker,
    ) -> Self {
        Self { core: Arc::clone(core), ticket: directory.join_for(slot, waker) }
    }

    /// Takes the place again, after having been served something that it cannot use.
    pub(super) fn rejoin(&self, waker: Waker) {
        let mut directory = self.core.directory.lock();
        directory.rejoin(self.ticket, waker);
        let woken = self.core.tell(&mut directory);
        drop(directory);
        woken.wake();
    }

    /// Looks whether there is something for it; otherwise `waker` is told when there is.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], [`Error::Poisoned`]; [`Refusal::Retired`] where the session was that it waits for.
    pub(super) fn look(&self, waker: &Waker) -> Result<Looked> {
        let core = &self.core;
        core.committer.check()?;
        let mut directory = core.directory.lock();
        if directory.is_closed {
            return Err(Error::Closed { pool: core.name.clone() });
        }
        let now = core.now();
        if directory.is_looking(self.ticket) {
            // A rest ends without anybody saying so.
            directory.serve(now);
        }
        let refusal = directory.refusal_for(self.ticket);
        let (served, old) = match refusal {
            None => directory.waiters.take(self.ticket, waker),
            // What it was handed is taken back when it leaves.
            Some(_) => (None, None),
        };
        let looked = match served {
            Some(next) => Looked::Served(next),
            None if directory.is_looking(self.ticket) => {
                Looked::Wait(directory.next_look(self.ticket, now).map(|after| after.min(LOOK_AGAIN_AFTER)))
            }
            None => Looked::Wait(None),
        };
        let woken = core.tell(&mut directory);
        drop(directory);
        drop(old);
        woken.wake();
        refusal.map_or(Ok(looked), |refusal| Err(refusal.into()))
    }

    /// Sleeps until it is served, until `deadline` at most; `None` after that.
    ///
    /// # Errors
    ///
    /// As [`Waiting::look`].
    pub(super) fn sleep(&self, deadline: Instant) -> Result<Option<Next>> {
        let waker = waker_of_this_thread();
        loop {
            let looked = self.look(&waker)?;
            let left = deadline.saturating_duration_since(Instant::now());
            match looked {
                Looked::Served(next) => return Ok(Some(next)),
                Looked::Wait(_) if left.is_zero() => return Ok(None),
                Looked::Wait(again) => thread::park_timeout(again.map_or(left, |again| again.min(left))),
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut directory = self.core.directory.lock();
        let waker = directory.give_up(self.ticket);
        let woken = self.core.tell(&mut directory);
        drop(directory);
        drop(waker);
        woken.wake();
    }
}

/// Wakes the thread that runs now.
pub(super) fn waker_of_this_thread() -> Waker {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    Waker::from(Arc::new(Unpark(thread::current())))
}

/// Why there is nobody to be handed out.
pub(super) fn none_available(directory: &Directory, now: Now) -> Error {
    let counts = directory.counts();
    let in_clock = |time| now.to_clock(time).to_datetime();
    Refusal::NoneAvailable {
        live: counts.live,
        resting: counts.resting,
        leased: counts.leased,
        creating: counts.creating,
        next_rest_ends: directory.next_rest_ends().map(in_clock),
        next_creation: directory.next_creation(now.pool()).map(in_clock),
    }
    .into()
}
