//! Bringing sessions into being.

use std::sync::Arc;

use super::SessionPool;
use super::core::PoolCore;
use super::directory::SlotIndex;
use super::handle::Create;
use super::lease::Lease;
use super::payloads::PendingPayload;
use super::session::Session;
use super::unclaimed::Unclaimed;
use crate::error::{BoxError, Error, Refusal, Result};
use crate::session::{Fingerprint, NewSession, Proxy, SessionId, SessionOptions};

/// A place in the pool that a session takes while it is being created. Whatever becomes of that, by an error or a panic,
/// the place is given back.
struct Place<'a> {
    core: &'a Arc<PoolCore>,
    reserved: Option<SessionId>,
    is_taken: bool,
    /// Whether the session is created on demand, and leased. The caller adds it otherwise.
    is_on_demand: bool,
    /// Whether what was to be created on demand could not be.
    has_failed: bool,
}

impl<'a> Place<'a> {
    /// The place that the directory has already counted.
    fn taken(core: &'a Arc<PoolCore>, is_on_demand: bool) -> Self {
        Self { core, reserved: None, is_taken: true, is_on_demand, has_failed: false }
    }

    /// Notes whether a step of creating has failed that the next attempt would probably fail at, too.
    fn note<T>(&mut self, step: Result<T>) -> Result<T> {
        self.has_failed |= step.is_err();
        step
    }

    /// Makes sure that no other session gets the id meanwhile. That no other has it is certain only of a new one.
    fn reserve_new(&mut self, id: SessionId) -> Result<()> {
        let before = self.reserved;
        self.core.change(|directory| {
            directory.reserve(id)?;
            if let Some(before) = before {
                directory.release(before);
            }
            Ok::<_, Refusal>(())
        })??;
        self.reserved = Some(id);
        Ok(())
    }

    /// Makes sure that no other session has the id, or gets it meanwhile.
    fn reserve(&mut self, id: SessionId) -> Result<()> {
        self.reserve_new(id)?;
        // Also one that cannot be read has its id.
        let is_stored = self.core.committer.store.contains(self.core.number, &id)?;
        // One that was forgotten just now may still be looked at.
        if is_stored || self.core.directory.lock().find(&id).is_some() {
            return Err(Refusal::DuplicateId { id }.into());
        }
        Ok(())
    }

    /// Puts the session there, pinned for a handle, and leased where it is created on demand.
    fn fill(mut self, new: NewSession) -> Result<SlotIndex> {
        let NewSession { id, record, payload, payload_length: length } = new;
        // First the payload: whoever finds the session finds its payload.
        self.core.payloads.lock().insert(id, PendingPayload { payload: Arc::new(payload), length });
        let Self { reserved, is_on_demand, .. } = self;
        let filled = self.core.change(|directory| {
            directory.end_creation(reserved);
            let slot = directory.insert_new(id, record);
            if is_on_demand {
                directory.creation_succeeded();
                directory.lease(slot);
            }
            directory.pin(slot);
            slot
        });
        match filled {
            Ok(slot) => {
                self.is_taken = false;
                Ok(slot)
            }
            Err(error) => {
                self.core.payloads.lock().remove(&id);
                Err(error)
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.is_taken {
            let mut directory = self.core.directory.lock();
            // Before the place is free, so that nobody else begins. A create function that panics has failed, too.
            if self.is_on_demand && (self.has_failed || std::thread::panicking()) {
                directory.creation_failed(self.core.now());
            }
            directory.end_creation(self.reserved);
            let woken = self.core.tell(&mut directory);
            drop(directory);
            woken.wake();
        }
    }
}

impl SessionPool {
    /// Creates the session for which the directory has taken a place, and leases it.
    pub(super) fn create_on_demand(&self) -> Result<Lease> {
        let core = &self.handle.core;
        let mut place = Place::taken(core, true);
        #[cfg(feature = "async")]
        if let Some(Create::Task(_)) = &self.handle.create {
            // Before anybody is asked for a proxy that no session would get.
            return Err(Error::CreateIsAsync { pool: core.name.clone() });
        }
        let (options, new_id) = self.begin_creation(&mut place)?;
        let created = match &self.handle.create {
            Some(Create::Blocking(create)) => create(options),
            _ => Ok(options),
        };
        let created = self.end_creation(place, new_id, created)?;
        core.settle_durably()?;
        Ok(created.claim())
    }

    /// The same in a task. Where that is dropped meanwhile, the place is free again, or the new session is.
    #[cfg(feature = "async")]
    pub(super) async fn create_in_task(&self) -> Result<Lease> {
        let mut place = Place::taken(&self.handle.core, true);
        let (options, new_id) = self.begin_creation(&mut place)?;
        let created = match &self.handle.create {
            None => Ok(options),
            Some(Create::Blocking(create)) => create(options),
            Some(Create::Task(create)) => create(options).await,
        };
        let created = self.end_creation(place, new_id, created)?;
        super::tasks::durable_if_promised(&self.handle).await?;
        Ok(created.claim())
    }

    /// What a new session begins with: its identity, and the id that it gets where nobody chooses another.
    fn begin_creation(&self, place: &mut Place<'_>) -> Result<(SessionOptions, SessionId)> {
        let core = &self.handle.core;
        let mut options = core.session_options.clone();
        let new_id = SessionId::generate();
        if self.handle.identities.use_id() {
            // What was made for the id must not serve another session, which somebody else may name so from now on.
            place.reserve_new(new_id)?;
            options.id = Some(new_id);
        }
        let proxy = place.note(self.choose_proxy(options.proxy.is_some(), &new_id))?;
        options.proxy = proxy.or(options.proxy);
        let fingerprint = place.note(self.choose_fingerprint(options.fingerprint.is_some(), &new_id))?;
        options.fingerprint = fingerprint.or(options.fingerprint);
        Ok((options, new_id))
    }

    /// Puts what was created in its place.
    fn end_creation(
        &self,
        mut place: Place<'_>,
        new_id: SessionId,
        created: Result<SessionOptions, BoxError>,
    ) -> Result<Unclaimed<'_>> {
        let core = &self.handle.core;
        let created = created.map_err(|source| Error::CreateFailed { pool: core.name.clone(), source });
        let mut options = place.note(created)?;
        if self.handle.create.is_some() {
            place.note(self.handle.identities.check_created(&options).map_err(Error::from))?;
        }
        let id = *options.id.get_or_insert(new_id);
        let new = place.note(core.build(options).map_err(Error::from))?;
        // Nobody has a new id; any other has to be looked for in the store.
        if id != new_id {
            let reserved = place.reserve(id);
            place.note(reserved)?;
        }
        let slot = place.fill(new)?;
        Ok(Unclaimed::new(&self.handle, slot, id))
    }

    /// Adds a session made from `options`, which hold as they stand: start from [`SessionPool::session_options`] to
    /// have the pool's own, from `Default::default()` for the documented defaults. The create function is not called. Where
    /// they have no proxy, the pool's [`Proxies`](crate::Proxies) are asked for one, if it has any; so are its
    /// [`Fingerprints`](crate::Fingerprints).
    ///
    /// # Errors
    ///
    /// - [`Error::Invalid`]: an option breaks its rule, or leaves the session unusable from the start.
    /// - [`Error::Refused`]: [`Refusal::PoolFull`], [`Refusal::DuplicateId`] (also of a retired session that the store
    ///   still has).
    /// - [`Error::NoProxy`], [`Error::NoFingerprint`]: the pool's own gave none.
    /// - [`Error::Closed`], [`Error::Poisoned`].
    /// - [`Error::Store`]: the store could not be asked for the id.
    pub fn add(&self, options: SessionOptions) -> Result<Session> {
        let core = &self.handle.core;
        let is_named = options.id.is_some();
        let mut new = core.build(options)?;
        let id = new.id;
        core.change(super::directory::Directory::begin_addition)??;
        let mut place = Place::taken(core, false);
        if is_named {
            place.reserve(id)?;
        }
        let identities = &self.handle.identities;
        if identities.proxies.is_some() || identities.fingerprints.is_some() {
            if !is_named && identities.use_id() {
                place.reserve_new(id)?;
            }
            let proxy = self.choose_proxy(new.payload.proxy.is_some(), &id)?;
            let fingerprint = self.choose_fingerprint(new.payload.fingerprint.is_some(), &id)?;
            new.complete(proxy, fingerprint)?;
        }
        let slot = place.fill(new)?;
        let session = Session::new(Arc::clone(&self.handle), slot, id);
        core.settle_durably()?;
        Ok(session)
    }

    /// The proxy for a session that has none, where the pool has some to give.
    ///
    /// # Errors
    ///
    /// [`Error::NoProxy`].
    fn choose_proxy(&self, has_one: bool, id: &SessionId) -> Result<Option<Proxy>> {
        let proxies = self.handle.identities.proxies.as_ref().filter(|_| !has_one);
        let chosen = proxies.map(|proxies| proxies.choose(id)).transpose();
        chosen.map_err(|source| Error::NoProxy { pool: self.handle.core.name.clone(), source })
    }

    /// The fingerprint for a session that has none, where the pool has some to give.
    ///
    /// # Errors
    ///
    /// [`Error::NoFingerprint`].
    fn choose_fingerprint(&self, has_one: bool, id: &SessionId) -> Result<Option<Fingerprint>> {
        let fingerprints = self.handle.identities.fingerprints.as_ref().filter(|_| !has_one);
        let chosen = fingerprints.map(|fingerprints| fingerprints.choose(id)).transpose();
        chosen.map_err(|source| Error::NoFingerprint { pool: self.handle.core.name.clone(), source })
    }
}
