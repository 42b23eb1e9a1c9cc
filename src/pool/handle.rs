//! What keeps a pool open: as long as somebody holds one of its handles.

use std::ops::Deref;
use std::sync::Arc;
use std::thread;

use super::check::Check;
use super::core::PoolCore;
use super::observe;
use super::session_store::SessionStore;
use crate::error::{BoxError, Result};
use crate::identity::Identities;
use crate::outside;
use crate::session::{Reply, SessionOptions, StatusRules, Verdict};

pub(crate) type CreateFn = dyn Fn(SessionOptions) -> Result<SessionOptions, BoxError> + Send + Sync;

/// What creates a session, from the options that it begins with.
pub(crate) enum Create {
    Blocking(Box<CreateFn>),
    #[cfg(feature = "async")]
    Task(Box<CreateTask>),
}

#[cfg(feature = "async")]
pub(crate) type CreateTask = dyn Fn(SessionOptions) -> std::pin::Pin<Box<dyn Future<Output = Result<SessionOptions, BoxError>> + Send>>
    + Send
    + Sync;

/// Held by every handle of a pool. With the last one the pool closes.
pub(crate) struct PoolHandle {
    pub(crate) core: Arc<PoolCore>,
    pub(crate) store: SessionStore,
    /// Here and not in the core, which the committer holds too: it may hold handles of other pools, and whoever drops
    /// the last one of those waits for the committer.
    pub(crate) create: Option<Create>,
    /// These for the same reason.
    pub(crate) identities: Identities,
    pub(crate) policy: Option<Box<PolicyFn>>,
    pub(crate) check: Option<Check>,
}

/// A pool's handle, and the count of what was made by one clone of the pool: leases, sessions. Threads that have a clone each do
/// not wait for each other to count theirs, nor, by the alignment, for the memory beside.
#[repr(align(128))]
pub(crate) struct Share(Arc<PoolHandle>);

impl Share {
    pub(super) fn first(handle: PoolHandle) -> Arc<Self> {
        Arc::new(Self(Arc::new(handle)))
    }

    pub(super) fn another(&self) -> Arc<Self> {
        Arc::new(Self(Arc::clone(&self.0)))
    }
}

impl Deref for Share {
    type Target = PoolHandle;

    fn deref(&self) -> &PoolHandle {
        &self.0
    }
}

/// What a caller says of a reply, given what the rules are for its host.
pub(crate) type PolicyFn = dyn Fn(&Reply<'_>, &StatusRules) -> Verdict + Send + Sync;

impl PoolHandle {
    /// What the pool's policy says of a reply.
    pub(crate) fn verdict(&self, reply: &Reply<'_>) -> Verdict {
        let rules = self.core.status_rules.of(reply.host());
        let received = || reply.received_at_or(|| self.core.moment().clock.to_datetime());
        match &self.policy {
            Some(policy) => policy(&received(), rules),
            // The time is that of a Retry-After.
            None if reply.status().is_some_and(|status| rules.may_ask_to_wait(status)) => {
                rules.verdict(&received())
            }
            None => rules.verdict(reply),
        }
    }

    /// Commits what is pending, and lets nothing change any more.
    pub(crate) fn close(&self) -> Result<()> {
        close(&self.core)
    }
}

fn close(core: &Arc<PoolCore>) -> Result<()> {
    let was_closed = std::mem::replace(&mut core.directory.lock().is_closed, true);
    core.wake_all();
    let committed = core.committer.check().and_then(|()| core.committer.wait());
    core.broadcast.close();
    core.committer.unregister(core);
    if !was_closed {
        outside::contain(|| {
            observe::pools(std::iter::once(&**core));
            observe::pool_closed(&core.name);
        });
    }
    committed
}

/// The last handle is gone.
fn end(core: &Arc<PoolCore>, store: &SessionStore) {
    // Nobody is left to hear of an error; `SessionPool::close` answers it.
    let _ = close(core);
    store.release(core);
}

impl Drop for PoolHandle {
    fn drop(&mut self) {
        if self.core.committer.is_own_thread() {
            // Somebody with the last handle ran there as soon as it was woken. The committer cannot wait for itself: another
            // thread does.
            let (core, store) = (Arc::clone(&self.core), self.store.clone());
            let builder = thread::Builder::new().name("session-pool-close".to_owned());
            if builder.spawn(move || end(&core, &store)).is_ok() {
                return;
            }
        }
        end(&self.core, &self.store);
    }
}
