//! The committer: one thread a store, which writes what all its pools have pending.
//!
//! A pool with something to write queues itself, at most once a round. A round takes all queued pools, writes their
//! changes in batches, makes them durable, then tells of the retirements in them, then wakes who waits for it.

mod cuts;
mod queue;
mod retention;
mod round;
mod sweeper;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use cuts::Cuts;
use parking_lot::Mutex;
use queue::Queue;
pub(crate) use queue::Urgency;
use retention::Forgetting;
pub use retention::Forgotten;

use super::core::PoolCore;
use super::observe;
use super::payloads::RecentPayloads;
use crate::error::Error;
use crate::outside;
use crate::retirement::Broadcast;
use crate::store::{Store, StoreError};

/// What the pools of a store share: the store, and everything it takes to write to it.
pub(crate) struct Committer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) broadcast: Arc<Broadcast>,
    queue: Queue,
    /// Held while the store is written to, as the store's contract asks, and while an archive reads a page of it.
    writing: Mutex<Cuts>,
    /// Held while expired sessions are looked for: whoever asks for that gets to see them retired.
    sweeping: Mutex<()>,
    poison: OnceLock<Arc<StoreError>>,
    /// How many batches have been written.
    commits: AtomicU64,
    pools: Mutex<Vec<Weak<PoolCore>>>,
    pub(crate) recent_payloads: Arc<RecentPayloads>,
}

impl Committer {
    /// How often expired sessions are looked for.
    const SWEEP_EVERY: Duration = Duration::from_secs(1);
    /// How often retired sessions and log entries are looked for whose time is over.
    const FORGET_EVERY: Duration = Duration::from_secs(60);
    /// How long that takes at most where much is written and rounds follow each other; longer after a long one.
    const FORGET_FOR: Duration = Duration::from_millis(2);

    pub(crate) fn new(store: Arc<dyn Store>, channel_capacity: usize) -> Self {
        Self {
            store,
            broadcast: Arc::new(Broadcast::new(channel_capacity)),
            queue: Queue::default(),
            writing: Mutex::default(),
            sweeping: Mutex::default(),
            poison: OnceLock::new(),
            commits: AtomicU64::new(0),
            pools: Mutex::default(),
            recent_payloads: Arc::default(),
        }
    }

    /// What the thread does, until it is told to stop.
    pub(crate) fn run(&self) {
        let mut next_sweep = Instant::now() + Self::SWEEP_EVERY;
        let mut next_forget = Instant::now() + Self::FORGET_EVERY;
        let mut forgetting = Forgetting::default();
        self.queue.i_am_the_committer();
        let maintenance = |next_sweep, forgetting: &Forgetting| {
            if forgetting.is_done() { next_sweep } else { Instant::now() }
        };
        while let Some(round) = self.queue.next_round(maintenance(next_sweep, &forgetting)) {
            let began = Instant::now();
            // What goes wrong has poisoned the store, and whoever asks hears of it.
            if self.write_round(&round.pools).is_err() {
                continue;
            }
            self.queue.finish_round(round);
            let now = Instant::now();
            if now >= next_sweep {
                next_sweep = now + Self::SWEEP_EVERY;
                if self.sweep().is_err() {
                    continue;
                }
                outside::contain(|| observe::pools(self.open_pools().iter().map(|pool| &**pool)));
            }
            if now >= next_forget {
                next_forget = now + Self::FORGET_EVERY;
                forgetting.begin(&self.open_pools());
            }
            // A share of the time that keeps up with what is retired meanwhile.
            let until = now + ((now - began) / 2).max(Self::FORGET_FOR);
            let _ = self.or_poison(|| forgetting.go_on(self, until));
        }
    }

    /// Writes what some pools have pending. Whoever watches hears of it while nothing of ours can break off.
    fn write_round(&self, pools: &[Arc<PoolCore>]) -> Result<(), Error> {
        if pools.is_empty() {
            return Ok(());
        }
        let span = outside::contain(|| observe::committing(pools.len()));
        let began = Instant::now();
        let written = self.or_poison(|| self.run_round(pools));
        outside::contain(|| {
            if let Ok(sessions) = written {
                observe::committed(sessions, began.elapsed());
            }
            drop(span);
        });
        written.map(drop)
    }

    /// Runs something that writes. Where it fails, nothing is written any more. The engine meets some faults with a
    /// panic; that is no different.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`].
    pub(crate) fn or_poison<T>(&self, run: impl FnOnce() -> Result<T, StoreError>) -> Result<T, Error> {
        let error = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => StoreError::Engine {
                operation: "commit a batch",
                source: "the engine gave up (its message is on stderr)".into(),
            },
        };
        Err(self.poison(error))
    }

    /// Queues a pool that has something to write, and answers the round in which that happens.
    pub(crate) fn enqueue(&self, pool: Arc<PoolCore>, urgency: Urgency) -> u64 {
        self.queue.push(pool, urgency)
    }

    /// Lets the round that is due begin now.
    pub(crate) fn hurry(&self) {
        self.queue.hurry();
    }

    /// Waits until everything is durable that was queued before.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        self.queue.wait_for_round(None);
        self.check()
    }

    /// Waits until everything is durable that is written in that round.
    pub(crate) fn wait_for(&self, round: u64) -> Result<(), Error> {
        self.queue.wait_for_round(Some(round));
        self.check()
    }

    /// Waits in a task for that round, or for the next to begin.
    ///
    /// # Errors
    ///
    /// As [`Committer::wait_for`].
    #[cfg(feature = "async")]
    pub(crate) async fn wait_in_task(&self, round: Option<u64>) -> Result<(), Error> {
        self.queue.wait_in_task(round).await;
        self.check()
    }

    /// Whether this is the committer's own thread, which cannot wait for itself.
    pub(crate) fn is_own_thread(&self) -> bool {
        self.queue.is_committer()
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

    /// Lets nothing be written any more, and everyone who waits hear of it. The first cause stands.
    fn poison(&self, error: StoreError) -> Error {
        let error = Arc::new(error);
        if self.poison.set(Arc::clone(&error)).is_ok() {
            outside::contain(|| observe::poisoned(&error));
        }
        let cause = self.poison.get().map_or(error, Arc::clone);
        self.queue.poison();
        self.broadcast.close();
        for pool in self.open_pools() {
            pool.broadcast.close();
            pool.wake_all();
        }
        Error::Poisoned { cause }
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
