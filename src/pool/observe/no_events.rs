//! Nobody listens to events.

use std::error::Error;
use std::path::Path;

use crate::pool::OpenReport;
use crate::retirement::Retirement;
use crate::session::SessionId;
use crate::store::{PoolName, StoreError, StoreReport};

pub(in crate::pool) fn store_opened(_: &Path, _: &StoreReport) {}

pub(in crate::pool) fn pool_opened(_: &PoolName, _: &OpenReport) {}

pub(in crate::pool) fn pool_closed(_: &PoolName) {}

pub(in crate::pool) fn retired(_: &Retirement) {}

pub(in crate::pool) fn check_failed(_: &PoolName, _: &SessionId, _: u8, _: &(dyn Error + 'static)) {}

pub(in crate::pool) struct Committing;

/// As the span that it stands for, it ends where it is dropped.
impl Drop for Committing {
    fn drop(&mut self) {}
}

pub(in crate::pool) fn committing(_: usize) -> Committing {
    Committing
}

pub(in crate::pool) fn poisoned(_: &StoreError) {}

pub(in crate::pool) fn checkpoint_written(_: &Path) {}

pub(in crate::pool) fn checkpoint_failed(_: &str) {}
