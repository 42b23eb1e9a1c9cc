//! The committer: one thread a store, which writes what all its pools have pending.
//!
//! A pool with something to write queues itself, at most once a round. A round takes all queued pools, writes their
//! changes in batches, makes them durable, then tells of the retirements in them, then wakes who waits for it.

mod queue;
mod retention;
mod round;
mod sweeper;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use queue::Queue;
pub(crate) use queue::Urgency;
pub use retention::Forgotten;

use super::core::PoolCore;
use crate::error::Error;
use crate::retirement::Broadcast;
use crate::session::Timestamp;
use crate::store::{Store, StoreError};

/// What the pools of a store share: the store, and everything it takes to write to it.
pub(crate) struct Committer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) broadcast: Arc<Broadcast>,
    queue: Queue,
    /// Held while the store is written to, as the store's contract asks.
    writing: Mutex<()>,
    /// Up to when expired sessions have been looked for.
    swept_through: Mutex<Timestamp>,
    poison: OnceLock<Arc<StoreError>>,
    pools: Mutex<Vec<Weak<PoolCore>>>,
}

impl Committer {
    /// How often expired sessions are looked for.
    const SWEEP_EVERY: Duration = Duration::from_secs(1);
    /// How often retired sessions and log entries are looked for whose time is over.
    const FORGET_EVERY: Duration = Duration::from_secs(60);

    pub(crate) fn new(store: Arc<dyn Store>, channel_capacity: usize) -> Self {
        Self {
            store,
            broadcast: Arc::new(Broadcast::new(channel_capacity)),
            queue: Queue::default(),
            writing: Mutex::new(()),
            swept_through: Mutex::new(Timestamp::MIN),
            poison: OnceLock::new(),
            pools: Mutex::default(),
        }
    }

    /// What the thread does, until it is told to stop.
    pub(crate) fn run(&self) {
        let mut next_sweep = Instant::now() + Self::SWEEP_EVERY;
        let mut next_forget = Instant::now() + Self::FORGET_EVERY;
        while let Some(round) = self.queue.next_round(next_sweep) {
            // The engine meets some faults with a panic. That poisons like any other failed write.
            let done = catch_unwind(AssertUnwindSafe(|| {
                self.run_round(&round.pools)?;
                let now = Instant::now();
                if now >= next_sweep {
                    next_sweep = now + Self::SWEEP_EVERY;
                    self.sweep()?;
                }
                if now >= next_forget {
                    next_forget = now + Self::FORGET_EVERY;
                    self.forget()?;
                }
                Ok(())
            }));
            match done {
                Ok(Ok(())) => self.queue.finish_round(round.number),
                Ok(Err(error)) => self.poison(error),
                Err(_) => self.poison(StoreError::Engine {
                    operation: "commit a batch",
                    source: "the engine gave up (its message is on stderr)".into(),
                }),
            }
        }
    }

    /// Queues a pool that has something to write.
    pub(crate) fn enqueue(&self, pool: Arc<PoolCore>, urgency: Urgency) {
        self.queue.push(pool, urgency);
    }

    /// Lets the round that is due begin now.
    pub(crate) fn hurry(&self) {
        self.queue.hurry();
    }

    /// Waits until everything is durable that was queued before.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        self.queue.wait_for_round();
        self.check()
    }

    /// Lets the thread write what is queued, and end.
    pub(crate) fn stop(&self) {
        self.queue.stop();
    }

    /// # Errors
    ///
    /// [`Error::Poisoned`] once a write has failed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.poison.get() {
            Some(cause) => Err(Error::Poisoned { cause: Arc::clone(cause) }),
            None => Ok(()),
        }
    }

    fn poison(&self, error: StoreError) {
        let _ = self.poison.set(Arc::new(error));
        self.queue.poison();
        for pool in self.open_pools() {
            pool.wake_all();
        }
    }

    pub(crate) fn register(&self, pool: &Arc<PoolCore>) {
        self.pools.lock().push(Arc::downgrade(pool));
    }

    pub(crate) fn unregister(&self, pool: &Arc<PoolCore>) {
        self.pools
            .lock()
            .retain(|other| other.strong_count() > 0 && !std::ptr::eq(other.as_ptr(), Arc::as_ptr(pool)));
    }

    fn open_pools(&self) -> Vec<Arc<PoolCore>> {
        self.pools.lock().iter().filter_map(Weak::upgrade).collect()
    }
}
