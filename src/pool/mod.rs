//! Handing out and taking back.

mod acquire;
mod back_off;
mod builder;
mod call;
mod check;
mod checkpoint;
mod committer;
mod config;
mod core;
mod create;
mod directory;
mod handle;
mod lease;
mod observe;
mod opening;
mod payloads;
mod policy;
mod report;
mod session;
mod session_store;
mod store_builder;
#[cfg(feature = "async")]
mod tasks;
mod time;
mod unclaimed;
mod waiting;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use back_off::BackOff;
pub use builder::PoolBuilder;
pub use check::CheckAfter;
pub use checkpoint::{CheckpointStatus, Checkpoints};
pub use committer::Forgotten;
pub use config::{Durability, Growth, RestoredLimits, Retention, Strategy};
use directory::SlotIndex;
use handle::{PoolHandle, Share};
pub use lease::Lease;
pub use report::{OpenReport, PoolStats, RetiredCounts};
pub use session::Session;
pub use session_store::SessionStore;
pub use store_builder::SessionStoreBuilder;

#[cfg(doc)]
use crate::error::Error;
use crate::error::{Refusal, Result};
use crate::inspect::{self, ProxyReport};
use crate::retirement::{RetirementLog, Subscription};
use crate::session::{SessionId, SessionOptions};
use crate::store::{PoolName, Sequence};

/// A pool of sessions, kept in a store.
///
/// Clones are handles of the same pool. It can be called from any thread. In [`Durability::Buffered`], the default,
/// leasing a session that is there, and every outcome, waits for no disk. These may: [`flush`](Self::flush),
/// [`close`](Self::close), [`sweep`](Self::sweep), [`forget`](Self::forget) and the last drop, which write; what reads a
/// payload ([`proxy_health`](Self::proxy_health) reads them all), or a session that is no longer live, or looks for an id,
/// which the store may have to read; and a create function, a check, and [`Proxies`](crate::Proxies) and [`Fingerprints`](crate::Fingerprints) of your own, which run on
/// the thread that asked for a session.
///
/// - **Drop.** When the last handle is dropped ([`Session`]s and [`Lease`]s are handles too), what is pending is
///   committed, and the store's directory is free, unless a [`RetirementLog`] is still being read. An error is lost:
///   call [`close`](Self::close) to hear of it.
/// - **Close.** [`close`](Self::close) commits what is pending, ends every subscription, and lets nothing change any
///   more: later calls that would change something answer [`Error::Closed`]; [`get`](Self::get), [`iter`](Self::iter),
///   [`stats`](Self::stats) and [`retirement_log`](Self::retirement_log) go on to answer what they know. The store's directory is free when the last handle is dropped.
/// - **Crash.** After a crash or a power cut everything is there that was durable: in [`Durability::Immediate`] all that
///   was acknowledged, in [`Durability::Buffered`] all but the last moments. A use in flight leaves no trace.
pub struct SessionPool {
    handle: Arc<Share>,
    report: Arc<OpenReport>,
}

impl Clone for SessionPool {
    fn clone(&self) -> Self {
        Self { handle: self.handle.another(), report: Arc::clone(&self.report) }
    }
}

impl SessionPool {
    fn new(handle: PoolHandle, report: OpenReport) -> Self {
        Self { handle: Share::first(handle), report: Arc::new(report) }
    }

    /// Opens the pool `default` in the directory `path`, with every option at its default. Where there is no store, one
    /// is created.
    ///
    /// # Errors
    ///
    /// As [`PoolBuilder::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().open(path)
    }

    /// To open a pool with options of its own.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::default()
    }

    /// Its name in its store.
    pub fn name(&self) -> &PoolName {
        &self.handle.core.name
    }

    /// The store that it is in.
    pub fn session_store(&self) -> &SessionStore {
        &self.handle.store
    }

    /// What its sessions are made from, to make one that differs: `..pool.session_options()`.
    pub fn session_options(&self) -> SessionOptions {
        self.handle.core.session_options.clone()
    }

    /// What opening it found.
    pub fn open_report(&self) -> &OpenReport {
        &self.report
    }

    /// Its time, in which everything is told that it keeps: [`SessionRecord`](crate::SessionRecord),
    /// [`SessionState`](crate::SessionState), [`Retirement`](crate::Retirement). It is that of its clock, unless
    /// [`OpenReport::ahead_of_clock`] says otherwise.
    pub fn now(&self) -> DateTime<Utc> {
        self.handle.core.now().to_datetime()
    }

    /// A handle of a session, live or retired, without a lease.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] ([`Refusal::NotFound`]), [`Error::Store`] where it is there and cannot be read.
    pub fn get(&self, id: &SessionId) -> Result<Session> {
        let core = &self.handle.core;
        let mut directory = core.directory.lock();
        if let Some(slot) = directory.find(id) {
            directory.pin(slot);
            drop(directory);
            return Ok(Session::new(Arc::clone(&self.handle), slot, *id));
        }
        drop(directory);
        self.get_retired(id)
    }

    /// One that is in the store only. Nobody waits while that is read, but whoever would forget it: its id might be given to
    /// another session meanwhile.
    fn get_retired(&self, id: &SessionId) -> Result<Session> {
        let core = &self.handle.core;
        let _none_is_forgotten = core.forgetting.read();
        let record = core.committer.store.record(core.number, id)?;
        let mut directory = core.directory.lock();
        let slot = match (directory.find(id), record) {
            // It has come meanwhile, or somebody else looks at it, too.
            (Some(slot), _) => slot,
            (None, Some(record)) if record.retired.is_some() => directory.insert_retired(*id, record),
            (None, _) => return Err(Refusal::NotFound { id: *id }.into()),
        };
        directory.pin(slot);
        drop(directory);
        Ok(Session::new(Arc::clone(&self.handle), slot, *id))
    }

    /// Handles of its live sessions, one after the other, in no particular order. Sessions that come or go meanwhile
    /// may be among them or not.
    pub fn iter(&self) -> impl Iterator<Item = Session> + use<> {
        let handle = Arc::clone(&self.handle);
        let mut next = Some(SlotIndex::FIRST);
        std::iter::from_fn(move || {
            let mut directory = handle.core.directory.lock();
            let (slot, id) = directory.live_from(next?)?;
            directory.pin(slot);
            next = slot.next();
            drop(directory);
            Some(Session::new(Arc::clone(&handle), slot, id))
        })
    }

    /// Hears its retirements from now on, each once, after it is durable.
    pub fn retirements(&self) -> Subscription {
        self.handle.core.broadcast.subscribe()
    }

    /// Its retirement log behind `after`, oldest first: what happened while nobody listened. From the beginning:
    /// [`Sequence::START`].
    pub fn retirement_log(&self, after: Sequence) -> RetirementLog {
        let core = &self.handle.core;
        RetirementLog::new(core.committer.store.clone(), core.name.clone(), core.number, after)
    }

    /// Waits until everything that was done before is durable, in all pools of the store.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`].
    pub fn flush(&self) -> Result<()> {
        self.handle.store.flush()
    }

    /// Waits until everything that was done before is durable, ends every subscription, and lets nothing change any
    /// more.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`]; the pool is closed all the same.
    pub fn close(&self) -> Result<()> {
        self.handle.close()
    }

    /// Retires the sessions that have grown too old in all open pools of the store, and answers how many those were. It
    /// happens by itself once a second.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`], [`Error::Closed`].
    pub fn sweep(&self) -> Result<usize> {
        drop(self.handle.core.lock_open()?);
        // The index has what was committed.
        self.flush()?;
        self.handle.core.committer.sweep()
    }

    /// Forgets the retired sessions and the log entries of this pool whose time is over. It happens by itself once a minute.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`], [`Error::Closed`].
    pub fn forget(&self) -> Result<Forgotten> {
        drop(self.handle.core.lock_open()?);
        self.flush()?;
        let committer = &self.handle.core.committer;
        committer.or_poison(|| committer.forget_in(&self.handle.core))
    }

    /// How the proxies of its sessions do, by what is stored: across restarts, as long as sessions are kept. It reads the
    /// payload of each session, retired ones too, and so takes its time; see [`inspect::proxy_health`].
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`], [`Error::Store`].
    pub fn proxy_health(&self) -> Result<ProxyReport> {
        let core = &self.handle.core;
        // The store has what was committed.
        self.flush()?;
        Ok(inspect::proxy_health_in(&*core.committer.store, [core.number])?)
    }

    /// How it is, and what has happened in it since it was opened.
    pub fn stats(&self) -> PoolStats {
        self.handle.core.stats()
    }
}

impl fmt::Debug for SessionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionPool")
            .field("name", self.name())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
