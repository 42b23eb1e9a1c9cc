//! How much writing a change is: it says after how many of them the disk is to be synced.

use super::{Change, SessionChange};

/// How much may be written between two syncs of the disk, in bytes as the engine writes them. It takes for durable what it
/// has handed to the system: where it wrote more than a segment of its log (512 KiB) since the last sync, it could use
/// again a segment whose values it has only just written elsewhere, and a power cut lose both.
pub(crate) const UNSYNCED: usize = 256 << 10;

/// How many bytes a session adds to that which is used, so that its record changes. Each change is written, and the leaf
/// that it is in every tenth time. The same for the entry of a pool.
pub(crate) const USED: usize = 400;

/// How many one adds that comes or goes, which the indexes and the log hear of too.
pub(crate) const COMES_OR_GOES: usize = 2000;

/// How often a payload is written, about.
pub(crate) const PAYLOAD: usize = 3;

/// How many bytes a change is, as the engine writes them.
pub(crate) fn of_change(change: &Change) -> usize {
    match change {
        Change::Pool(_) | Change::LogEntry { .. } => USED,
        Change::Session(SessionChange { is_new, payload, retirement, .. }) => {
            // One that is larger than may be stored is a portion of its own.
            let length = payload.as_ref().map_or(0, |payload| payload.check().unwrap_or(UNSYNCED));
            let record = if *is_new || retirement.is_some() { COMES_OR_GOES } else { USED };
            record + PAYLOAD * length
        }
        Change::Purge { .. } => COMES_OR_GOES,
        Change::TrimLog { first, last, .. } => {
            let entries = last.0.saturating_sub(first.0).saturating_add(1);
            USED.saturating_mul(usize::try_from(entries).unwrap_or(usize::MAX))
        }
    }
}
