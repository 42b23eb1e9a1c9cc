//! What keeps a pool open: as long as somebody holds one of its handles.

use std::sync::Arc;

use super::core::PoolCore;
use super::session_store::SessionStore;
use crate::error::{BoxError, Result};
use crate::identity::Identities;
use crate::session::SessionOptions;

pub(crate) type CreateFn = dyn Fn(SessionOptions) -> Result<SessionOptions, BoxError> + Send + Sync;

/// Held by every handle of a pool. With the last one the pool closes.
pub(crate) struct PoolHandle {
    pub(crate) core: Arc<PoolCore>,
    pub(crate) store: SessionStore,
    /// Here and not in the core, which the committer holds too: it may hold handles of other pools, and whoever drops
    /// the last one of those waits for the committer.
    pub(crate) create: Option<Box<CreateFn>>,
    /// Here for the same reason.
    pub(crate) identities: Identities,
}

impl PoolHandle {
    /// Commits what is pending, and lets nothing change any more.
    pub(crate) fn close(&self) -> Result<()> {
        {
            let mut directory = self.core.directory.lock();
            directory.is_closed = true;
            self.core.freed.notify_all();
        }
        let committed = self.core.committer.check().and_then(|()| self.core.committer.wait());
        self.core.broadcast.close();
        self.core.committer.unregister(&self.core);
        committed
    }
}

impl Drop for PoolHandle {
    fn drop(&mut self) {
        // Nobody is left to hear of an error; `SessionPool::close` answers it.
        let _ = self.close();
        self.store.release(&self.core);
    }
}
