//! A session between being handed out and being in the hands of whoever asked for it.

use std::sync::Arc;

use super::directory::SlotIndex;
use super::handle::Share;
use super::lease::Lease;
use super::session::Session;
use crate::session::SessionId;

/// A session that is leased and pinned for somebody who does not have it yet. Dropped, it is handed back: what nobody got is
/// no use.
pub(super) struct Unclaimed<'a> {
    pool: &'a Arc<Share>,
    slot: SlotIndex,
    id: SessionId,
    is_over: bool,
}

impl<'a> Unclaimed<'a> {
    pub(super) fn new(pool: &'a Arc<Share>, slot: SlotIndex, id: SessionId) -> Self {
        Self { pool, slot, id, is_over: false }
    }

    pub(super) fn pool(&self) -> &'a Arc<Share> {
        self.pool
    }

    pub(super) fn slot(&self) -> SlotIndex {
        self.slot
    }

    pub(super) fn id(&self) -> SessionId {
        self.id
    }

    /// Whoever asked for it has it.
    pub(super) fn claim(mut self) -> Lease {
        self.is_over = true;
        Lease::new(Session::leased(Arc::clone(self.pool), self.slot, self.id))
    }

    /// It has been handed back already.
    pub(super) fn was_handed_back(mut self) {
        self.is_over = true;
    }
}

impl Drop for Unclaimed<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let core = &self.pool.core;
            let mut directory = core.directory.lock();
            directory.hand_back(self.slot);
            directory.unpin(self.slot);
            let woken = core.tell(&mut directory);
            drop(directory);
            woken.wake();
        }
    }
}
