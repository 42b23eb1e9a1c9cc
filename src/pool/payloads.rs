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
    pending: Mutex<HashMap<SessionId, Arc<Payload>>>,
}

pub(crate) type Pending<'a> = MutexGuard<'a, HashMap<SessionId, Arc<Payload>>>;

impl Payloads {
    pub(crate) fn lock(&self) -> Pending<'_> {
        self.pending.lock()
    }

    pub(crate) fn get(&self, id: &SessionId) -> Option<Arc<Payload>> {
        self.pending.lock().get(id).cloned()
    }

    /// The payload has been committed: it need not be kept, unless it has changed since.
    pub(crate) fn committed(&self, id: &SessionId, payload: &Arc<Payload>) {
        let mut pending = self.pending.lock();
        if pending.get(id).is_some_and(|latest| Arc::ptr_eq(latest, payload)) {
            pending.remove(id);
        }
        // A burst of new sessions leaves no memory behind.
        if pending.is_empty() && pending.capacity() > 1024 {
            pending.shrink_to_fit();
        }
    }
}
