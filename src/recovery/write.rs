//! Writing the new store.

use std::collections::HashSet;
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
    settled: &Settled,
    sources: &mut [Box<dyn Source>],
    report: &mut RecoveryReport,
) -> Result<()> {
    let mut writer = Writer::new(store);
    for pool in &settled.pools {
        report.pools += 1;
        writer.push(Change::Pool(pool.clone()));
        writer.write_if_full()?;
    }
    for ((pool, sequence), entry) in &settled.log {
        report.log_entries += 1;
        writer.push(Change::LogEntry { pool: *pool, sequence: *sequence, entry: *entry });
        writer.write_if_full()?;
    }
    let mut written: HashSet<(PoolNumber, SessionId)> = HashSet::with_capacity(settled.sessions.len());
    // First each session's payload of the source that its record is of, then of any other that has one.
    for is_own in [true, false] {
        for (number, source) in sources.iter_mut().enumerate() {
            if !is_own && written.len() == settled.sessions.len() {
                break;
            }
            let numbers = &settled.numbers[number];
            let key = |pool, id| numbers.get(&pool).map(|pool| (*pool, id));
            let wanted = |written: &HashSet<_>, pool, id| {
                let key = key(pool, id)?;
                let chosen = settled.sessions.get(&key).filter(|_| !written.contains(&key))?;
                (!is_own || chosen.source == Some(number)).then_some((key, chosen))
            };
            let mut failure = Ok(());
            let seen = &mut written;
            source.payloads(&mut |pool, id, payload| {
                if failure.is_err() {
                    return;
                }
                let Some((key, chosen)) = wanted(seen, pool, id) else { return };
                if let Some(payload) = payload() {
                    seen.insert(key);
                    count(chosen, report);
                    failure = write(&mut writer, key, chosen, payload);
                }
            })?;
            failure?;
        }
    }
    let mut left: Vec<_> = settled.sessions.iter().filter(|(key, _)| !written.contains(*key)).collect();
    left.sort_unstable_by_key(|(key, _)| **key);
    for (key, chosen) in left {
        let (pool, id) = *key;
        let Some(entry) = settled.pools.iter().find(|entry| entry.number == pool) else { continue };
        let name = entry.name.clone();
        if chosen.record.retired.is_some() {
            report.lost.push(Lost::Payload { pool: name, id });
            count(chosen, report);
            write(&mut writer, *key, chosen, Payload::default())?;
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
