//! The handle of one session.

#[cfg(feature = "cookies")]
mod cookies;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::core::PoolCore;
use super::directory::{Directory, SlotIndex};
use super::handle::Share;
use super::payloads::PendingPayload;
use crate::error::{Error, Refusal, Result};
use crate::session::{
    Cookie, Fingerprint, Invalid, Outcome, Payload, Proxy, SessionId, SessionRecord, SessionState,
    Settlement, State, Timestamp,
};
use crate::store::{PoolName, StoreError, Unreadable};

/// A handle of one session, for looking and for shared use. It leases nothing: [`SessionPool::acquire`] does.
///
/// Every outcome given to a handle counts as a use of its own. (Given to the session of a [`Lease`], it ends the
/// lease's use instead.) Clones are handles of the same session, and keep its pool open. Once the session is retired,
/// a handle can still be asked everything, as long as the store keeps it.
///
/// [`SessionPool::acquire`]: crate::SessionPool::acquire
/// [`Lease`]: crate::Lease
pub struct Session {
    pool: Arc<Share>,
    slot: SlotIndex,
    id: SessionId,
    /// One of the constants below; written while the directory is locked.
    role: AtomicU8,
    /// Whether the payload was changed in a way that is committed with the outcome.
    #[cfg(feature = "cookies")]
    awaits_outcome: std::sync::atomic::AtomicBool,
}

/// A handle, and no lease's.
const HANDLE: u8 = 0;
/// The session of a lease whose use has no outcome yet.
const LEASED: u8 = 1;
/// The session of a lease whose use has its outcome.
const SETTLED: u8 = 2;
/// The session of a lease that is over: it no longer pins its slot.
const GONE: u8 = 3;

impl Session {
    /// A handle of a slot that has been pinned for it.
    pub(super) fn new(pool: Arc<Share>, slot: SlotIndex, id: SessionId) -> Self {
        Self::in_role(pool, slot, id, HANDLE)
    }

    /// The session of a lease, of a slot that has been leased and pinned for it.
    pub(super) fn leased(pool: Arc<Share>, slot: SlotIndex, id: SessionId) -> Self {
        Self::in_role(pool, slot, id, LEASED)
    }

    fn in_role(pool: Arc<Share>, slot: SlotIndex, id: SessionId, role: u8) -> Self {
        Self {
            pool,
            slot,
            id,
            role: AtomicU8::new(role),
            #[cfg(feature = "cookies")]
            awaits_outcome: std::sync::atomic::AtomicBool::new(false),
        }
    }

    /// Its id.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// The name of its pool.
    pub fn pool_name(&self) -> &PoolName {
        &self.pool.core.name
    }

    /// Its hot part, as it is now: counters, score, limits, times.
    pub fn record(&self) -> SessionRecord {
        self.pool.core.directory.lock().slot(self.slot).record
    }

    /// Where it stands: live, or retired for a reason.
    pub fn status(&self) -> State {
        self.record().state()
    }

    /// Whether it may still be used: not blocked, not expired, not used up, not retired. It may be resting or
    /// busy all the same.
    pub fn is_usable(&self) -> bool {
        self.record().is_usable(self.pool.core.now())
    }

    /// Whether its error score has reached the maximum.
    pub fn is_blocked(&self) -> bool {
        self.record().is_blocked()
    }

    /// Whether it is too old.
    pub fn is_expired(&self) -> bool {
        self.record().is_expired(self.pool.core.now())
    }

    /// Whether it was used as often as it may be.
    pub fn is_max_usage_count_reached(&self) -> bool {
        self.record().is_max_usage_count_reached()
    }

    /// Whether it was retired.
    pub fn is_retired(&self) -> bool {
        self.record().retired.is_some()
    }

    /// Whether it is not to be handed out yet.
    pub fn is_resting(&self) -> bool {
        self.record().is_resting(self.pool.core.now())
    }

    /// Everything there is to know of it (the `getState` of the Apify SDK). Secrets are in clear in it.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where its payload cannot be read, [`Error::Refused`] ([`Refusal::NotFound`]) where it was
    /// retired so long ago that the store has forgotten it.
    pub fn state(&self) -> Result<SessionState> {
        // The payload first: read the other way round, a session that is retired in between might be forgotten.
        let payload = self.payload()?;
        Ok(SessionState::new(self.id, &self.record(), Payload::clone(&payload)))
    }

    // --- outcomes

    /// A use went well: the error score falls by the decrement.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], [`Error::Poisoned`].
    pub fn reclaim(&self) -> Result<Outcome> {
        self.settle(Settlement::Reclaim)
    }

    /// A use went badly: the error score rises by 1.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], [`Error::Poisoned`].
    pub fn fail(&self) -> Result<Outcome> {
        self.settle(Settlement::Fail)
    }

    /// The session is burnt: it is never handed out again.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], [`Error::Poisoned`].
    pub fn retire(&self) -> Result<Outcome> {
        self.settle(Settlement::Retire)
    }

    /// A use says nothing about the session: it counts, and the error score stays.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], [`Error::Poisoned`].
    pub fn release(&self) -> Result<Outcome> {
        self.settle(Settlement::Release)
    }

    fn settle(&self, settlement: Settlement) -> Result<Outcome> {
        let core = &self.pool.core;
        let now = core.now();
        let outcome = core.change(|directory| self.settle_locked(directory, settlement, now))?;
        core.settle_durably()?;
        Ok(outcome)
    }

    /// The same for a lease that ends with it: its slot is no longer pinned.
    pub(super) fn settle_and_go(&self, settlement: Settlement) -> Result<Outcome> {
        let outcome = self.settle_without_waiting(settlement)?;
        self.pool.core.settle_durably()?;
        Ok(outcome)
    }

    /// The same, without waiting for the disk.
    pub(super) fn settle_without_waiting(&self, settlement: Settlement) -> Result<Outcome> {
        let core = &self.pool.core;
        let now = core.now();
        let outcome = core.change(|directory| {
            let outcome = self.settle_locked(directory, settlement, now);
            self.role.store(GONE, Ordering::Relaxed);
            directory.unpin(self.slot);
            outcome
        })?;
        Ok(outcome)
    }

    /// What a use does to the session, and to the lease if this is a lease's session. The first outcome of a use
    /// stands: a later one changes nothing, and answers how the session is.
    fn settle_locked(&self, directory: &mut Directory, settlement: Settlement, now: Timestamp) -> Outcome {
        match self.role.load(Ordering::Relaxed) {
            HANDLE => directory.settle(self.slot, settlement, now, false),
            LEASED => {
                self.role.store(SETTLED, Ordering::Relaxed);
                #[cfg(feature = "cookies")]
                if self.awaits_outcome.load(Ordering::Relaxed)
                    && directory.slot(self.slot).record.retired.is_none()
                {
                    directory.mark_payload_dirty(self.slot);
                }
                directory.settle(self.slot, settlement, now, true)
            }
            _ => {
                let retired = directory.slot(self.slot).record.retired;
                retired.map_or(Outcome::Live, |retired| Outcome::AlreadyRetired(retired.reason))
            }
        }
    }

    pub(super) fn has_outcome(&self) -> bool {
        self.role.load(Ordering::Relaxed) != LEASED
    }

    pub(super) fn pool(&self) -> &Arc<Share> {
        &self.pool
    }

    pub(super) fn core(&self) -> &PoolCore {
        &self.pool.core
    }

    /// Lets it rest: it is not handed out before `time`, also after a restart. A longer rest that was set before
    /// stands. No use is counted, unless this is the session of a [`Lease`](crate::Lease): then the rest is how its use
    /// ended, and changes nothing where that has its outcome already.
    ///
    /// The time is one of the pool's clock, also where the pool is ahead of it
    /// ([`OpenReport::ahead_of_clock`](crate::OpenReport::ahead_of_clock)): what counts is how far it lies ahead. So a rest
    /// until a date that the site gave is never too short, and too long where the clock is behind.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] ([`Refusal::Retired`]), [`Error::Closed`], [`Error::Poisoned`].
    pub fn rest_until(&self, time: DateTime<Utc>) -> Result<()> {
        let now = self.pool.core.moment();
        self.rest(now.to_pool(Timestamp::from(time)), now.pool())
    }

    fn rest(&self, until: Timestamp, now: Timestamp) -> Result<()> {
        let core = &self.pool.core;
        core.change(|directory| {
            let retired = if self.role.load(Ordering::Relaxed) == HANDLE {
                directory.rest(self.slot, until, now)
            } else {
                match self.settle_locked(directory, Settlement::Rest { until }, now) {
                    Outcome::AlreadyRetired(reason) => Some(reason),
                    Outcome::Live | Outcome::Retired(_) => None,
                }
            };
            retired.map_or(Ok(()), |reason| Err(Refusal::Retired { id: self.id, reason }))
        })??;
        core.settle_durably()
    }

    /// Lets it rest for a time: see [`Session::rest_until`].
    ///
    /// # Errors
    ///
    /// As [`Session::rest_until`].
    pub fn rest_for(&self, duration: Duration) -> Result<()> {
        let now = self.pool.core.now();
        self.rest(now.plus(duration), now)
    }

    // --- payload

    /// The value of `key` in its user data as a `T`; `None` where there is no such key.
    ///
    /// # Errors
    ///
    /// [`Error::UserData`] where it is not a `T`; as [`Session::state`].
    pub fn user_data<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let payload = self.payload()?;
        payload.user_data.get(key).map_err(|source| Error::UserData {
            id: self.id,
            key: key.to_owned(),
            source,
        })
    }

    /// Sets `key` of its user data to `value`.
    ///
    /// # Errors
    ///
    /// [`Error::UserData`] where `value` cannot be written as JSON, [`Error::Invalid`] where the user data would grow
    /// beyond [`MAX_USER_DATA_LENGTH`](crate::MAX_USER_DATA_LENGTH) or
    /// [`MAX_USER_DATA_DEPTH`](crate::MAX_USER_DATA_DEPTH), or the payload beyond
    /// [`MAX_PAYLOAD_LENGTH`](crate::MAX_PAYLOAD_LENGTH); [`Error::Refused`] ([`Refusal::Retired`]), [`Error::Closed`],
    /// [`Error::Poisoned`], and as [`Session::state`].
    pub fn set_user_data(&self, key: &str, value: impl Serialize) -> Result<()> {
        let value = serde_json::to_value(value).map_err(|source| Error::UserData {
            id: self.id,
            key: key.to_owned(),
            source,
        })?;
        self.change_payload(|payload, _| drop(payload.user_data.as_map_mut().insert(key.to_owned(), value)))
    }

    /// Removes `key` from its user data.
    ///
    /// # Errors
    ///
    /// As [`Session::set_user_data`].
    pub fn remove_user_data(&self, key: &str) -> Result<()> {
        self.change_payload(|payload, _| drop(payload.user_data.as_map_mut().remove(key)))
    }

    /// Its cookies.
    ///
    /// # Errors
    ///
    /// As [`Session::state`].
    pub fn cookies(&self) -> Result<Vec<Cookie>> {
        Ok(self.payload()?.cookies.clone())
    }

    /// Sets cookies, as a browser would: each replaces the same cookie, and deletes it where it has expired.
    ///
    /// # Errors
    ///
    /// As [`Session::set_user_data`]; [`Error::Invalid`] where there would be more than
    /// [`MAX_COOKIES`](crate::MAX_COOKIES).
    pub fn set_cookies(&self, cookies: impl IntoIterator<Item = Cookie>) -> Result<()> {
        let cookies: Vec<Cookie> = cookies.into_iter().collect();
        self.change_payload(|payload, now| {
            for cookie in cookies {
                payload.set_cookie(cookie, now);
            }
        })
    }

    /// Removes all its cookies.
    ///
    /// # Errors
    ///
    /// As [`Session::set_user_data`].
    pub fn clear_cookies(&self) -> Result<()> {
        self.change_payload(|payload, _| payload.cookies.clear())
    }

    /// The proxy that all its requests leave through.
    ///
    /// # Errors
    ///
    /// As [`Session::state`]: where its record is gone, that is an error and not "no proxy".
    pub fn proxy(&self) -> Result<Option<Proxy>> {
        Ok(self.payload()?.proxy.clone())
    }

    /// How it looks to the site.
    ///
    /// # Errors
    ///
    /// As [`Session::state`].
    pub fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        Ok(self.payload()?.fingerprint.clone())
    }

    /// Its cold part: cookies, user data, proxy and fingerprint.
    ///
    /// # Errors
    ///
    /// As [`Session::state`].
    pub fn payload(&self) -> Result<Arc<Payload>> {
        self.pool.core.payloads.get_or_read(&self.id, || self.read_payload())
    }

    fn read_payload(&self) -> Result<Payload> {
        let core = &self.pool.core;
        if let Some(payload) = core.committer.store.payload(core.number, &self.id)? {
            return Ok(payload);
        }
        if !self.is_retired() {
            let unreadable = Unreadable {
                item: "payload",
                pool: Some(core.number),
                key: self.id.as_str().as_bytes().to_vec(),
                rule: "the session is there, and its payload is not".to_owned(),
            };
            return Err(StoreError::from(unreadable).into());
        }
        Err(Refusal::NotFound { id: self.id }.into())
    }

    /// Changes the payload: read, changed, checked and marked while nobody else can change it.
    fn change_payload(&self, change: impl FnOnce(&mut Payload, Timestamp)) -> Result<()> {
        self.change_payload_and(Directory::mark_payload_dirty, |payload, now| {
            change(payload, now);
            payload.check().map(Some)
        })?;
        self.pool.core.settle_durably()
    }

    /// The same, checked and marked by whoever calls: the change tells how many bytes the payload takes, if it has changed
    /// anything.
    fn change_payload_and(
        &self,
        mark: impl FnOnce(&mut Directory, SlotIndex),
        change: impl FnOnce(&mut Payload, Timestamp) -> Result<Option<usize>, Invalid>,
    ) -> Result<()> {
        let core = &self.pool.core;
        let mut pending = core.payloads.lock();
        let mut payload = match pending.get(&self.id) {
            Some(payload) => Payload::clone(&payload),
            None => self.read_payload()?,
        };
        // Cookies have their times from the site, or from the clock.
        let Some(length) = change(&mut payload, core.moment().clock)? else {
            return Ok(());
        };
        core.change(|directory| match directory.slot(self.slot).record.retired {
            Some(retired) => Err(Refusal::Retired { id: self.id, reason: retired.reason }),
            None => {
                pending.insert(self.id, PendingPayload { payload: Arc::new(payload), length });
                mark(directory, self.slot);
                Ok(())
            }
        })??;
        Ok(())
    }
}

impl Clone for Session {
    /// A handle of the same session, and not of a lease.
    fn clone(&self) -> Self {
        self.pool.core.directory.lock().pin(self.slot);
        Self::new(Arc::clone(&self.pool), self.slot, self.id)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let role = *self.role.get_mut();
        if role != GONE {
            let mut directory = self.pool.core.directory.lock();
            if role == LEASED {
                // The pool is closed or poisoned, so the use could not be given an outcome.
                directory.abandon(self.slot);
            }
            directory.unpin(self.slot);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("pool", self.pool_name())
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
