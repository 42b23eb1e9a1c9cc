//! The connections of the sessions, kept until they retire.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use foldhash::fast::RandomState;
use futures_core::Stream;
use parking_lot::Mutex;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use tokio::task::JoinHandle;

use super::error::ClientError;
use super::identity::Identity;
use super::transport::Transport;
use crate::pool::{Session, SessionPool};
use crate::retirement::RetirementStream;
use crate::session::SessionId;

/// Who is connected: the sessions that were used last. A session that is retired is no longer, once its event is told;
/// what is under way is done with first.
pub(super) struct Connections {
    identities: Arc<Identities>,
    /// Listens to retirements. It is started in a task, since there need be no runtime before, and again if that one ended.
    listener: Mutex<Option<JoinHandle<()>>>,
}

type Identities = Cache<SessionId, Arc<Identity>, UnitWeighter, RandomState>;

impl Connections {
    pub(super) fn new(max_connected: usize) -> Self {
        let (hasher, lifecycle) = (RandomState::default(), DefaultLifecycle::default());
        let identities = Cache::with(max_connected, max_connected as u64, UnitWeighter, hasher, lifecycle);
        Self { identities: Arc::new(identities), listener: Mutex::default() }
    }

    /// How many sessions are connected.
    pub(super) fn len(&self) -> usize {
        self.identities.len()
    }

    /// The connections of a session.
    ///
    /// # Errors
    ///
    /// [`ClientError::Pool`]: its proxy and fingerprint cannot be read. As [`Identity::new`].
    pub(super) fn of(
        &self,
        pool: &SessionPool,
        transport: &Transport,
        session: &Session,
    ) -> Result<Arc<Identity>, ClientError> {
        if let Some(identity) = self.identities.get(session.id()) {
            return Ok(identity);
        }
        // Whoever is put there afterwards is heard of when it retires.
        self.listen(pool);
        let identity = self.identities.get_or_insert_with(session.id(), || {
            let payload = session.payload()?;
            let identity = Identity::new(transport, payload.proxy.as_ref(), payload.fingerprint.as_ref())?;
            Ok::<_, ClientError>(Arc::new(identity))
        })?;
        if session.is_retired() {
            // Perhaps it was told before.
            self.identities.remove(session.id());
        }
        Ok(identity)
    }

    fn listen(&self, pool: &SessionPool) {
        let mut listener = self.listener.lock();
        if listener.as_ref().is_some_and(|listener| !listener.is_finished()) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let retirements = pool.retirements().into_stream();
        // Who was retired while nobody listened.
        let connected: Vec<SessionId> = self.identities.iter().map(|(id, _)| id).collect();
        for id in connected {
            if !pool.get(&id).is_ok_and(|session| !session.is_retired()) {
                self.identities.remove(&id);
            }
        }
        *listener = Some(runtime.spawn(disconnect(Arc::downgrade(&self.identities), retirements)));
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.get_mut() {
            listener.abort();
        }
    }
}

/// Closes the connections of whoever retires, and all of them where the pool is closed.
async fn disconnect(identities: Weak<Identities>, mut retirements: RetirementStream) {
    let mut missed = 0;
    while let Some(retirement) = poll_fn(|context| Pin::new(&mut retirements).poll_next(context)).await {
        let Some(identities) = identities.upgrade() else { return };
        if retirements.missed() > missed {
            // Nobody knows whose they were: all connect anew.
            missed = retirements.missed();
            identities.clear();
        }
        identities.remove(&retirement.id);
    }
    if let Some(identities) = identities.upgrade() {
        identities.clear();
    }
}
