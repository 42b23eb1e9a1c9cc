//! Everything of one session.

use session_pool::{LogEntry, Payload, PoolNumber, ReadStore, Sequence, SessionId, SessionRecord};

use super::data::{Data, PoolIndex};
use super::text::clean;
use crate::errors;

/// Which session is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) pool: PoolIndex,
    pub(super) id: SessionId,
}

/// Everything of one session. What cannot be read is a text that says why.
#[derive(Debug)]
pub(super) struct Details {
    pub(super) target: Target,
    /// `None` where it is forgotten, and only the log still knows of it.
    pub(super) record: Result<Option<SessionRecord>, String>,
    pub(super) payload: Result<Option<Payload>, String>,
    /// Its retirement in the log.
    pub(super) retirement: Option<(Sequence, LogEntry)>,
}

/// Reads everything of one session.
pub(super) fn read(store: &dyn ReadStore, data: &Data, target: Target) -> Details {
    let Target { pool, id } = target;
    let number = data.pool(pool).map_or(PoolNumber(0), |pool| pool.entry.number);
    let record = store.record(number, &id).map_err(|error| told(&error));
    let payload = match &record {
        Ok(None) => Ok(None),
        Ok(Some(_)) | Err(_) => store.payload(number, &id).map_err(|error| told(&error)),
    };
    let is_live = matches!(&record, Ok(Some(record)) if record.retired.is_none());
    let retirement = if is_live { None } else { retirement(data, target) };
    Details { target, record, payload, retirement }
}

/// Its entry in the log; the last one, of a log that is wrong and has several.
fn retirement(data: &Data, Target { pool, id }: Target) -> Option<(Sequence, LogEntry)> {
    let start = data.log.partition_point(|row| row.pool < pool);
    let rows = data.log[start..].iter().take_while(|row| row.pool == pool);
    rows.filter(|row| row.entry.id == id).last().map(|row| (row.sequence, row.entry))
}

/// An error with its causes, as it may be shown.
fn told(error: &dyn std::error::Error) -> String {
    clean(&errors::told(error))
}
