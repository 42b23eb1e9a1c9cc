//! Handing out.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::SessionPool;
use super::call::{Call, Turn};
use super::directory::{Next, SlotIndex};
use super::lease::Lease;
use super::session::Session;
use super::waiting::{Asked, Waiting, none_available, waker_of_this_thread};
use crate::error::{Error, Refusal, Result};
use crate::session::SessionId;

impl SessionPool {
    /// Leases a session: a new one or one that is there, as the pool's [`Growth`](crate::Growth) and
    /// [`Strategy`](crate::Strategy) say.
    ///
    /// # Errors
    ///
    /// - [`Error::Refused`]: all are in use or resting, and none may be created ([`Refusal::NoneAvailable`]); the create
    ///   function chose an id that there is already ([`Refusal::DuplicateId`]).
    /// - [`Error::NoProxy`], [`Error::NoFingerprint`]: the pool has [`Proxies`](crate::Proxies) or
    ///   [`Fingerprints`](crate::Fingerprints), and they failed.
    /// - [`Error::CreateFailed`], [`Error::Invalid`]: the create function failed, or answered options that break a rule, for
    ///   instance without the proxy that it was given.
    /// - [`Error::CheckFailed`]: the pool checks its sessions ([`PoolBuilder::check_with`](crate::PoolBuilder::check_with)),
    ///   and that failed.
    /// - With the feature `async`: `Error::CreateIsAsync`, `Error::CheckIsAsync`, where only a task can do that.
    /// - [`Error::Closed`], [`Error::Poisoned`].
    /// - [`Error::Store`]: the create function chose an id, and the store could not be asked for it.
    pub fn acquire(&self) -> Result<Lease> {
        self.acquire_until(None, None)
    }

    /// Leases a session, and waits for one to become free where there is none, for `timeout` at most.
    ///
    /// Meanwhile the thread sleeps. It is woken when a session comes back, when a rest ends, and when there is room for
    /// a new session. Those who wait are served in the order in which they came, and before anybody who has not waited.
    ///
    /// # Errors
    ///
    /// As [`SessionPool::acquire`], [`Refusal::NoneAvailable`] after `timeout`. A create function or a check may take longer:
    /// it is not interrupted.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Lease> {
        self.acquire_until(None, Some(end_of(timeout)))
    }

    /// Leases that session, or any; waits until `deadline`, if there is one.
    fn acquire_until(&self, wanted: Option<&SessionId>, deadline: Option<Instant>) -> Result<Lease> {
        let asked = self.ask(wanted, || deadline.is_some().then(waker_of_this_thread));
        match asked {
            // As nearly always. What else there is, is kept out of its way.
            Ok(Asked::Served(Next::Leased { slot, id, needs_check: false })) => Ok(self.lease(slot, id)),
            asked => self.acquire_otherwise(asked, wanted, deadline),
        }
    }

    #[inline(never)]
    fn acquire_otherwise(
        &self,
        asked: Result<Asked>,
        wanted: Option<&SessionId>,
        deadline: Option<Instant>,
    ) -> Result<Lease> {
        let mut call = Call::new(self, wanted, deadline.is_some(), asked);
        loop {
            let next = match call.ask(waker_of_this_thread)? {
                Turn::Served(next) => Some(next),
                Turn::Wait(place) => place.sleep(deadline.unwrap_or_else(Instant::now))?,
            };
            match next {
                Some(Next::Leased { slot, id, needs_check: false }) => return Ok(self.lease(slot, id)),
                Some(Next::Leased { slot, id, needs_check: true }) => {
                    if let Some(lease) = call.end_check(self.check(slot, id)?)? {
                        return Ok(lease);
                    }
                }
                Some(Next::Create) => return self.create_on_demand(),
                Some(Next::Nothing) | None => call.end_waiting()?,
            }
        }
    }

    /// The lease of a session that was handed to whoever asked.
    pub(super) fn lease(&self, slot: SlotIndex, id: SessionId) -> Lease {
        Lease::new(Session::leased(Arc::clone(&self.handle), slot, id))
    }

    /// Asks for that session, or for any, behind those who wait already; joins them where there is none, if there is a
    /// waker.
    pub(super) fn ask(
        &self,
        wanted: Option<&SessionId>,
        waker: impl FnOnce() -> Option<Waker>,
    ) -> Result<Asked> {
        match wanted {
            None => self.ask_for_any(waker),
            Some(id) => self.ask_for(id, waker),
        }
    }

    fn ask_for_any(&self, waker: impl FnOnce() -> Option<Waker>) -> Result<Asked> {
        let core = &self.handle.core;
        // Before the lock is taken, which others wait for meanwhile.
        let moment = core.moment();
        let mut directory = core.lock_open()?;
        directory.serve(moment.pool());
        let next = directory.next(moment.pool());
        if let Next::Leased { slot, .. } = next {
            directory.pin(slot);
        }
        let asked = match next {
            Next::Nothing => match waker() {
                Some(waker) => Ok(Asked::Wait(Waiting::join(core, &mut directory, waker))),
                None => Err(none_available(&directory, moment)),
            },
            next => Ok(Asked::Served(next)),
        };
        let woken = core.tell(&mut directory);
        drop(directory);
        woken.wake();
        asked
    }

    pub(super) fn none_available(&self) -> Error {
        let core = &self.handle.core;
        none_available(&core.directory.lock(), core.moment())
    }

    /// Leases one session, whatever the strategy.
    ///
    /// # Errors
    ///
    /// - [`Error::Refused`], which says why: [`Refusal::NotFound`], [`Refusal::Retired`], [`Refusal::Resting`],
    ///   [`Refusal::Busy`], also while it is being checked.
    /// - [`Error::CheckFailed`], and with the feature `async` `Error::CheckIsAsync`, as [`SessionPool::acquire`].
    /// - [`Error::Closed`], [`Error::Poisoned`].
    /// - [`Error::Store`]: it is not live, and the store could not be asked what became of it.
    pub fn acquire_by_id(&self, id: &SessionId) -> Result<Lease> {
        self.acquire_until(Some(id), None)
    }

    /// Leases one session, and waits for it while it rests or is in use, for `timeout` at most.
    ///
    /// Meanwhile the thread sleeps. Those who wait for one session are served in the order in which they came, and before
    /// anybody who has not waited. Where somebody waits for any session and there is no other for it, whoever came first of
    /// the two goes first.
    ///
    /// # Errors
    ///
    /// As [`SessionPool::acquire_by_id`]: [`Refusal::NotFound`] at once, [`Refusal::Retired`] also when the session is retired
    /// meanwhile, [`Refusal::Resting`] and [`Refusal::Busy`] after `timeout`.
    pub fn acquire_by_id_timeout(&self, id: &SessionId, timeout: Duration) -> Result<Lease> {
        self.acquire_until(Some(id), Some(end_of(timeout)))
    }

    fn ask_for(&self, id: &SessionId, waker: impl FnOnce() -> Option<Waker>) -> Result<Asked> {
        let core = &self.handle.core;
        let now = core.moment();
        let asked = core.change(|directory| {
            directory.serve(now.pool());
            let slot = directory.find(id)?;
            let refusal = match directory.lease_by_id(slot, now.pool()) {
                Ok(next) => {
                    directory.pin(slot);
                    return Some(Ok(Asked::Served(next)));
                }
                Err(refusal) => refusal,
            };
            let may_wait = matches!(refusal, Refusal::Resting { .. } | Refusal::Busy { .. });
            Some(match waker().filter(|_| may_wait) {
                Some(waker) => Ok(Asked::Wait(Waiting::join_for(core, directory, slot, waker))),
                None => Err(refusal),
            })
        })?;
        match asked {
            Some(Ok(asked)) => Ok(asked),
            Some(Err(Refusal::Resting { id, until })) => {
                Err(Refusal::Resting { id, until: now.to_clock(until.into()).to_datetime() }.into())
            }
            Some(Err(refusal)) => Err(refusal.into()),
            None => match core.committer.store.record(core.number, id)?.and_then(|record| record.retired) {
                Some(retired) => Err(Refusal::Retired { id: *id, reason: retired.reason }.into()),
                None => Err(Refusal::NotFound { id: *id }.into()),
            },
        }
    }
}

/// When a time-out that begins now is over.
fn end_of(timeout: Duration) -> Instant {
    // Beyond what an instant can hold, nobody lives to see the end.
    let far_away = || Instant::now() + Duration::from_secs(u64::from(u32::MAX));
    Instant::now().checked_add(timeout).unwrap_or_else(far_away)
}
