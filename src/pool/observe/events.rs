//! Events and spans for `tracing` (feature `tracing`); their target is `session_pool`.

use std::error::Error;
use std::path::Path;

use tracing::span::EnteredSpan;
use tracing::{Level, debug, error, info, span, warn};

use crate::pool::OpenReport;
use crate::retirement::Retirement;
use crate::session::SessionId;
use crate::store::{PoolName, StoreError, StoreReport};

const TARGET: &str = "session_pool";

pub(in crate::pool) fn store_opened(path: &Path, report: &StoreReport) {
    let StoreReport { is_new, was_closed, migrated_from, healed, made_private, not_private } = report;
    info!(target: TARGET, path = %path.display(), is_new, was_closed, migrated_from, "store opened");
    for item in healed {
        warn!(target: TARGET, file = %item.file.display(), why = %item.why, "file healed");
    }
    for path in made_private {
        warn!(target: TARGET, path = %path.display(), "others could read it, and no longer can");
    }
    for path in not_private {
        warn!(target: TARGET, path = %path.display(), "others can read it");
    }
}

pub(in crate::pool) fn pool_opened(pool: &PoolName, report: &OpenReport) {
    let OpenReport { restored, retired, unreadable, ahead_of_clock, .. } = report;
    info!(target: TARGET, %pool, restored, retired, unreadable, ?ahead_of_clock, "pool opened");
    for item in &report.unreadable_items {
        warn!(target: TARGET, %pool, %item, "something in the store cannot be read");
    }
}

pub(in crate::pool) fn pool_closed(pool: &PoolName) {
    info!(target: TARGET, %pool, "pool closed");
}

pub(in crate::pool) fn retired(retirement: &Retirement) {
    let Retirement { pool, sequence, id, reason, usage_count, error_count, .. } = retirement;
    let sequence = sequence.0;
    info!(target: TARGET, %pool, %id, %reason, sequence, usage_count, error_count, "session retired");
}

pub(in crate::pool) fn check_failed(
    pool: &PoolName,
    id: &SessionId,
    in_a_row: u8,
    cause: &(dyn Error + 'static),
) {
    warn!(target: TARGET, %pool, %id, in_a_row, cause, "check failed");
}

/// A round of commits, until it is dropped.
pub(in crate::pool) fn committing(pools: usize) -> EnteredSpan {
    let span = span!(target: TARGET, Level::DEBUG, "commit", pools).entered();
    debug!(target: TARGET, pools, "commit begins");
    span
}

pub(in crate::pool) fn poisoned(cause: &StoreError) {
    error!(target: TARGET, cause = cause as &dyn std::error::Error, "a write failed: nothing is written any more");
}

pub(in crate::pool) fn checkpoint_written(path: &Path) {
    info!(target: TARGET, path = %path.display(), "checkpoint written");
}

pub(in crate::pool) fn checkpoint_failed(cause: &str) {
    warn!(target: TARGET, cause, "checkpoint failed");
}
