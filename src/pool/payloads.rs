//! The payloads that await a commit. All others are in the store only.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::session::{Payload, SessionId};

/// The payloads that await a commit, by session.
///
/// Its lock is taken before the directory's, never after it.
#[derive(Debug, Default)]
pub(crate) struct Payloads {
    pending: Mutex<HashMap<SessionId, PendingPayload>>,
}

/// A payload that awaits a commit.
#[derive(Debug, Clone)]
pub(crate) struct PendingPayload {
    pub(crate) payload: Arc<Payload>,
    /// How many bytes it takes, roughly.
    pub(crate) length: usize,
}

impl Payloads {
    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, PendingPayload>> {
        self.pending.lock()
    }

    pub(crate) fn get(&self, id: &SessionId) -> Option<PendingPayload> {
        self.pending.lock().get(id).cloned()
    }

    /// The payload has been committed: it need not be kept, unless it has changed since.
    pub(crate) fn committed(&self, id: &SessionId, payload: &Arc<Payload>) {
        let mut pending = self.pending.lock();
        if pending.get(id).is_some_and(|latest| Arc::ptr_eq(&latest.payload, payload)) {
            pending.remove(id);
        }
        // A burst of new sessions leaves no memory behind.
        if pending.is_empty() && pending.capacity() > 1024 {
            pending.shrink_to_fit();
        }
    }
}
