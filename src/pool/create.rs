//! Bringing sessions into being.

use std::sync::Arc;

use super::SessionPool;
use super::core::PoolCore;
use super::directory::SlotIndex;
use super::handle::Create;
use super::lease::Lease;
use super::payloads::PendingPayload;
use super::session::Session;
use crate::error::{BoxError, Error, Refusal, Result};
use crate::session::{NewSession, SessionId, SessionOptions};

/// A place in the pool that a session takes while it is being created. Whatever becomes of that, by an error or a panic,
/// the place is given back.
struct Place<'a> {
    core: &'a Arc<PoolCore>,
    reserved: Option<SessionId>,
    is_taken: bool,
}

impl<'a> Place<'a> {
    /// The place that the directory has already counted.
    fn taken(core: &'a Arc<PoolCore>) -> Self {
        Self { core, reserved: None, is_taken: true }
    }

    /// Makes sure that no other session has the id, or gets it meanwhile.
    fn reserve(&mut self, id: SessionId) -> Result<()> {
        self.core.change(|directory| directory.reserve(id))??;
        self.reserved = Some(id);
        // Also one that cannot be read has its id.
        if self.core.committer.store.contains(self.core.number, &id)? {
            return Err(Refusal::DuplicateId { id }.into());
        }
        Ok(())
    }

    /// Puts the session there, leased or not, and pinned for a handle.
    fn fill(mut self, new: NewSession, lease: bool) -> Result<SlotIndex> {
        let NewSession { id, record, payload, payload_length: length } = new;
        // First the payload: whoever finds the session finds its payload.
        self.core.payloads.lock().insert(id, PendingPayload { payload: Arc::new(payload), length });
        let reserved = self.reserved;
        let filled = self.core.change(|directory| {
            directory.end_creation(reserved);
            let slot = directory.insert_new(id, record);
            if lease {
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
        let place = Place::taken(core);
        let options = core.session_options.clone();
        let created = match &self.handle.create {
            None => Ok(options),
            Some(Create::Blocking(create)) => create(options),
            #[cfg(feature = "async")]
            Some(Create::Task(_)) => return Err(Error::CreateIsAsync { pool: core.name.clone() }),
        };
        let lease = self.end_creation(place, created)?;
        core.settle_durably()?;
        Ok(lease)
    }

    /// The same in a task. Where that is dropped meanwhile, the place is free again.
    #[cfg(feature = "async")]
    pub(super) async fn create_in_task(&self) -> Result<Lease> {
        let core = &self.handle.core;
        let place = Place::taken(core);
        let options = core.session_options.clone();
        let created = match &self.handle.create {
            None => Ok(options),
            Some(Create::Blocking(create)) => create(options),
            Some(Create::Task(create)) => create(options).await,
        };
        let lease = self.end_creation(place, created)?;
        super::tasks::durable_if_promised(&self.handle).await?;
        Ok(lease)
    }

    /// Puts what was created in its place.
    fn end_creation(&self, mut place: Place<'_>, created: Result<SessionOptions, BoxError>) -> Result<Lease> {
        let core = &self.handle.core;
        let options = created.map_err(|source| Error::CreateFailed { pool: core.name.clone(), source })?;
        let is_named = options.id.is_some();
        let new = core.build(options)?;
        let id = new.id;
        if is_named {
            place.reserve(id)?;
        }
        let slot = place.fill(new, true)?;
        Ok(Lease::new(Session::leased(Arc::clone(&self.handle), slot, id)))
    }

    /// Adds a session made from `options`, which hold as they stand: start from [`SessionPool::session_options`] to
    /// have the pool's own, from `Default::default()` for the documented defaults. The create function is not called.
    ///
    /// # Errors
    ///
    /// - [`Error::Invalid`]: an option breaks its rule, or leaves the session unusable from the start.
    /// - [`Error::Refused`]: [`Refusal::PoolFull`], [`Refusal::DuplicateId`] (also of a retired session that the store
    ///   still has).
    /// - [`Error::Closed`], [`Error::Poisoned`].
    /// - [`Error::Store`]: the store could not be asked for the id.
    pub fn add(&self, options: SessionOptions) -> Result<Session> {
        let core = &self.handle.core;
        let is_named = options.id.is_some();
        let new = core.build(options)?;
        let id = new.id;
        core.change(super::directory::Directory::begin_addition)??;
        let mut place = Place::taken(core);
        if is_named {
            place.reserve(id)?;
        }
        let slot = place.fill(new, false)?;
        let session = Session::new(Arc::clone(&self.handle), slot, id);
        core.settle_durably()?;
        Ok(session)
    }
}
