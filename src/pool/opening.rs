//! What opening a pool takes beside its options.

use super::session_store::SessionStore;
use crate::store::PoolName;

/// A pool that has been taken from its store and is being opened. Where that fails, by an error or a panic of the clock,
/// it is given back.
pub(super) struct Opening<'a> {
    pub(super) store: &'a SessionStore,
    pub(super) name: &'a PoolName,
    pub(super) is_new: bool,
    pub(super) is_done: bool,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.store.release_unopened(self.name, self.is_new);
        }
    }
}
