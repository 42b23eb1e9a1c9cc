//! Writing the new store.

use std::collections::HashSet;
use std::sync::Arc;

use super::merge::{Chosen, Settled};
use super::report::{Lost, RecoveryReport};
use super::sources::Source;
use crate::error::Result;
use crate::session::{Payload, SessionId};
use crate::store::{Batch, Change, PoolNumber, SessionChange, Store, StoreError};

/// How many changes, and how many bytes of payloads, go into one batch, or a few more.
const BATCH: usize = 512;
const BATCH_PAYLOADS: usize = 4 << 20;

/// Fills a new store.
pub(super) fn fill(
    store: &dyn Store,
    settled: &Settled,
    sources: &mut [Box<dyn Source>],
    report: &mut RecoveryReport,
) -> Result<()> {
    let mut writer = Writer { store, batch: Batch::default(), payload_bytes: 0 };
    for pool in &settled.pools {
        report.pools += 1;
        writer.change(Change::Pool(pool.clone()))?;
    }
    for ((pool, sequence), entry) in &settled.log {
        report.log_entries += 1;
        writer.change(Change::LogEntry { pool: *pool, sequence: *sequence, entry: *entry })?;
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
                    failure = writer.session(key, chosen, payload);
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
            writer.session(*key, chosen, Payload::default())?;
        } else {
            report.lost.push(Lost::LiveSession { pool: name, id });
        }
    }
    writer.flush()?;
    Ok(())
}

fn count(chosen: &Chosen, report: &mut RecoveryReport) {
    if chosen.record.retired.is_some() { report.retired += 1 } else { report.live += 1 }
}

struct Writer<'a> {
    store: &'a dyn Store,
    batch: Batch,
    payload_bytes: usize,
}

impl Writer<'_> {
    fn session(
        &mut self,
        (pool, id): (PoolNumber, SessionId),
        chosen: &Chosen,
        payload: Payload,
    ) -> Result<(), StoreError> {
        self.payload_bytes += payload.check().unwrap_or_default();
        self.change(Change::Session(SessionChange {
            pool,
            id,
            record: chosen.record,
            is_new: true,
            payload: Some(Arc::new(payload)),
            retirement: None,
        }))
    }

    fn change(&mut self, change: Change) -> Result<(), StoreError> {
        self.batch.changes.push(change);
        if self.batch.changes.len() >= BATCH || self.payload_bytes >= BATCH_PAYLOADS {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.store.commit(&self.batch)?;
        self.store.sync()?;
        self.batch.changes.clear();
        self.payload_bytes = 0;
        Ok(())
    }
}
