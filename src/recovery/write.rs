//! Writing the new store.

use std::sync::Arc;

use super::merge::Settled;
use super::report::{Lost, RecoveryReport};
use super::sessions::{Known, Mark};
use super::sources::Source;
use crate::error::Result;
use crate::session::{Payload, SessionId};
use crate::store::{Change, PoolName, SessionChange, Store, StoreError, Writer};

/// Fills a new store.
pub(super) fn fill(
    store: &dyn Store,
    settled: Settled,
    sources: &mut [Box<dyn Source>],
    report: &mut RecoveryReport,
) -> Result<()> {
    let Settled { pools, log, mut sessions, numbers, .. } = settled;
    let mut writer = Writer::new(store);
    for pool in &pools {
        report.pools += 1;
        writer.push(Change::Pool(pool.clone()));
        writer.write_if_full()?;
    }
    for (pool, sequence, entry) in log {
        report.log_entries += 1;
        writer.push(Change::LogEntry { pool, sequence, entry });
        writer.write_if_full()?;
    }
    let mut left = sessions.iter().count();
    // First each session's payload of the source that its record is of, then of any other that has one.
    for is_own in [true, false] {
        for (number, source) in sources.iter_mut().enumerate() {
            if !is_own && left == 0 {
                break;
            }
            let mut failure = Ok(());
            source.payloads(&mut |pool, id, payload| {
                let Some(pool) = numbers[number].get(&pool).filter(|_| failure.is_ok()) else { return };
                let Some(known) = sessions.get_mut(*pool, &id) else { return };
                if known.mark == Mark::Done || is_own && known.source != Some(number) {
                    return;
                }
                if let Some(payload) = payload() {
                    known.mark = Mark::Done;
                    left -= 1;
                    failure = write(&mut writer, known, payload, report);
                }
            })?;
            failure?;
        }
    }
    for known in sessions.iter() {
        if known.source.is_some() && known.mark == Mark::Done {
            continue;
        }
        // They are in the order of their numbers.
        let Ok(at) = pools.binary_search_by_key(&known.pool, |entry| entry.number) else { continue };
        let lost = |lost: fn(PoolName, SessionId) -> Lost| lost(pools[at].name.clone(), known.id);
        if known.source.is_none() {
            report.lost.push(lost(|pool, id| Lost::Record { pool, id }));
        }
        if known.mark == Mark::Done {
            continue;
        }
        if known.record.retired.is_some() {
            report.lost.push(lost(|pool, id| Lost::Payload { pool, id }));
            write(&mut writer, known, Payload::default(), report)?;
        } else {
            report.lost.push(lost(|pool, id| Lost::LiveSession { pool, id }));
        }
    }
    writer.write()?;
    Ok(())
}

/// Its log entry comes on its own.
fn write(
    writer: &mut Writer<'_>,
    known: &Known,
    payload: Payload,
    report: &mut RecoveryReport,
) -> Result<(), StoreError> {
    let Known { pool, id, record, source: _, mark: _ } = *known;
    let written = if record.retired.is_some() { &mut report.retired } else { &mut report.live };
    *written += 1;
    let payload = Some(Arc::new(payload));
    writer.push(Change::Session(SessionChange { pool, id, record, is_new: true, payload, retirement: None }));
    writer.write_if_full().map(drop)
}
