//! Handing out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::SessionPool;
use super::core::LOOK_AGAIN_AFTER;
use super::directory::{Counts, Directory, Next};
use super::lease::Lease;
use super::session::Session;
use super::time::Now;
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
    /// - [`Error::Closed`], [`Error::Poisoned`].
    /// - [`Error::Store`]: the create function chose an id, and the store could not be asked for it.
    pub fn acquire(&self) -> Result<Lease> {
        self.acquire_until(None)
    }

    /// Leases a session, and waits for one to become free where there is none, for `timeout` at most.
    ///
    /// Meanwhile the thread sleeps. It is woken when a session comes back, when a rest ends, and when there is room for
    /// a new session.
    ///
    /// # Errors
    ///
    /// As [`SessionPool::acquire`], [`Refusal::NoneAvailable`] after `timeout`. A create function may take longer: it is
    /// not interrupted.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Lease> {
        // Beyond what an instant can hold, nobody lives to see the end.
        let far_away = || Instant::now() + Duration::from_secs(u64::from(u32::MAX));
        self.acquire_until(Some(Instant::now().checked_add(timeout).unwrap_or_else(far_away)))
    }

    fn acquire_until(&self, deadline: Option<Instant>) -> Result<Lease> {
        let core = &self.handle.core;
        let mut directory = core.lock_open()?;
        loop {
            let moment = core.moment();
            let now = moment.pool();
            let next = directory.next(now);
            if let Next::Leased(slot, _) = next {
                directory.pin(slot);
            }
            core.tell(&mut directory);
            if next != Next::Nothing && directory.waiting > 0 && directory.may_serve_another() {
                // One was woken for what was freed; where that is enough for two, the first wakes the second.
                core.freed.notify_one();
            }
            match next {
                Next::Leased(slot, id) => {
                    drop(directory);
                    return Ok(Lease::new(Session::leased(Arc::clone(&self.handle), slot, id)));
                }
                Next::Create => {
                    drop(directory);
                    return self.create_on_demand();
                }
                Next::Nothing => {}
            }
            let Some(deadline) = deadline.filter(|deadline| *deadline > Instant::now()) else {
                return Err(none_available(&directory, moment).into());
            };
            // A rest ends without anybody saying so.
            let rest = directory.next_rest_ends().map_or(LOOK_AGAIN_AFTER, |until| until.since(now));
            let wake_at = Instant::now() + rest.min(LOOK_AGAIN_AFTER);
            directory.waiting += 1;
            core.freed.wait_until(&mut directory, deadline.min(wake_at));
            directory.waiting -= 1;
            if directory.is_closed {
                return Err(Error::Closed { pool: core.name.clone() });
            }
            core.committer.check()?;
        }
    }

    /// Leases one session, whatever the strategy.
    ///
    /// # Errors
    ///
    /// - [`Error::Refused`], which says why: [`Refusal::NotFound`], [`Refusal::Retired`], [`Refusal::Resting`],
    ///   [`Refusal::Busy`].
    /// - [`Error::Closed`], [`Error::Poisoned`].
    /// - [`Error::Store`]: it is not live, and the store could not be asked what became of it.
    pub fn acquire_by_id(&self, id: &SessionId) -> Result<Lease> {
        let core = &self.handle.core;
        let now = core.moment();
        let leased = core.change(|directory| {
            let slot = directory.find(id)?;
            Some(directory.lease_by_id(slot, now.pool()).map(|()| {
                directory.pin(slot);
                slot
            }))
        })?;
        match leased {
            Some(Ok(slot)) => Ok(Lease::new(Session::leased(Arc::clone(&self.handle), slot, *id))),
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

fn none_available(directory: &Directory, now: Now) -> Refusal {
    let Counts { live, resting, leased, creating, .. } = directory.counts();
    let next_rest_ends = directory.next_rest_ends().map(|until| now.to_clock(until).to_datetime());
    Refusal::NoneAvailable { live, resting, leased, creating, next_rest_ends }
}
