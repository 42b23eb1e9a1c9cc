//! Writing the new store.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::merge::{Chosen, Settled};
use super::report::{Lost, RecoveryReport};
use super::sources::Source;
use crate::error::Result;
use crate::session::{Payload, SessionId};
use crate::store::{Change, PoolNumber, SessionChange, Store, StoreError, Writer};

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
    for ((pool, sequence), entry) in log {
        report.log_entries += 1;
        writer.push(Change::LogEntry { pool, sequence, entry });
        writer.write_if_full()?;
    }
    // First each session's payload of the source that its record is of, then of any other that has one.
    for is_own in [true, false] {
        for (number, source) in sources.iter_mut().enumerate() {
            if !is_own && sessions.is_empty() {
                break;
            }
            let mut failure = Ok(());
            source.payloads(&mut |pool, id, payload| {
                let Some(pool) = numbers[number].get(&pool).filter(|_| failure.is_ok()) else { return };
                let Entry::Occupied(wanted) = sessions.entry((*pool, id)) else { return };
                if is_own && wanted.get().source != Some(number) {
                    return;
                }
                if let Some(payload) = payload() {
                    let (key, chosen) = wanted.remove_entry();
                    count(&chosen, report);
                    failure = write(&mut writer, key, &chosen, payload);
                }
            })?;
            failure?;
        }
    }
    let mut left: Vec<_> = sessions.into_iter().collect();
    left.sort_unstable_by_key(|(key, _)| *key);
    for (key, chosen) in left {
        let (pool, id) = key;
        let Some(entry) = pools.iter().find(|entry| entry.number == pool) else { continue };
        let name = entry.name.clone();
        if chosen.record.retired.is_some() {
            report.lost.push(Lost::Payload { pool: name, id });
            count(&chosen, report);
            write(&mut writer, key, &chosen, Payload::default())?;
        } else {
            report.lost.push(Lost::LiveSession { pool: name, id });
        }
    }
    writer.write()?;
    Ok(())
}

/// Its log entry comes on its own.
fn write(
    writer: &mut Writer<'_>,
    (pool, id): (PoolNumber, SessionId),
    chosen: &Chosen,
    payload: Payload,
) -> Result<(), StoreError> {
    let (record, payload) = (chosen.record, Some(Arc::new(payload)));
    writer.push(Change::Session(SessionChange { pool, id, record, is_new: true, payload, retirement: None }));
    writer.write_if_full().map(drop)
}

fn count(chosen: &Chosen, report: &mut RecoveryReport) {
    if chosen.record.retired.is_some() { report.retired += 1 } else { report.live += 1 }
}
