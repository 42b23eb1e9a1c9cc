//! Writing: a batch becomes one transaction over the trees.

use sled::transaction::{ConflictableTransactionError, TransactionError, TransactionalTree};
use sled::{IVec, Transactional};

use super::{SledStore, Trees, content, keys, values};
use crate::encryption::Cipher;
use crate::session::State;
use crate::store::{Batch, Change, LogEntry, PoolNumber, Sequence, SessionChange, StoreError};

/// How many bytes of a payload go into one value. The engine writes a leaf, of 17 values or a few more, as one message,
/// and a message of more than a quarter of a segment (128 KiB) to a file of its own, which it never syncs. With parts of
/// 4 KiB a leaf stays far below that; with 8 KiB it does not.
pub(super) const PAYLOAD_PART: usize = 4 << 10;

/// What is to be written to one tree: in order, a value to put, or `None` to remove the key.
type Writes = Vec<(IVec, Option<IVec>)>;

/// What is to be written, by tree.
#[derive(Default)]
struct Plan {
    sessions: Writes,
    payloads: Writes,
    by_state: Writes,
    by_expiry: Writes,
    retirements: Writes,
    meta: Writes,
}

impl SledStore {
    /// Writes a batch: all of it, or nothing.
    pub(super) fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        let plan = Plan::of(batch, self.trees(), self.cipher.as_ref())?;
        let _parts = (!plan.payloads.is_empty()).then(|| self.payload_parts.write());
        plan.run(self.trees())
    }
}

fn too_long(rule: String) -> StoreError {
    StoreError::Engine { operation: "encode a value", source: rule.into() }
}

fn engine_error(source: sled::Error) -> StoreError {
    StoreError::Engine { operation: "commit a batch", source: Box::new(source) }
}

impl Plan {
    fn of(batch: &Batch, trees: &Trees, cipher: Option<&Cipher>) -> Result<Self, StoreError> {
        let mut plan = Self::default();
        let mut bytes = Vec::new();
        for change in &batch.changes {
            bytes.clear();
            match change {
                Change::Pool(entry) => {
                    values::encode_pool(entry, &mut bytes).map_err(too_long)?;
                    plan.meta.push((keys::pool(entry.number).into(), Some(bytes.as_slice().into())));
                }
                Change::Session(change) => plan.session(change, trees, cipher, &mut bytes)?,
                Change::LogEntry { pool, sequence, entry } => {
                    plan.log_entry(*pool, *sequence, entry, &mut bytes)?;
                }
                Change::Purge { pool, id, reason } => {
                    plan.sessions.push((keys::session(*pool, id).into(), None));
                    plan.by_state.push((keys::by_state(*pool, State::Retired(*reason), id).into(), None));
                    for key in trees.payloads.scan_prefix(keys::payload_prefix(*pool, id)).keys() {
                        plan.payloads.push((key.map_err(engine_error)?, None));
                    }
                }
                Change::TrimLog { pool, first, last } => {
                    let range = keys::retirement(*pool, *first)..=keys::retirement(*pool, *last);
                    for key in trees.retirements.range(range).keys() {
                        plan.retirements.push((key.map_err(engine_error)?, None));
                    }
                }
            }
        }
        Ok(plan)
    }

    fn session(
        &mut self,
        change: &SessionChange,
        trees: &Trees,
        cipher: Option<&Cipher>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let SessionChange { pool, id, record, is_new, payload, retirement } = change;
        values::encode_record(record, bytes).map_err(too_long)?;
        self.sessions.push((keys::session(*pool, id).into(), Some(bytes.as_slice().into())));

        if let Some(payload) = payload {
            content::encode(payload, *pool, id, cipher, bytes).map_err(too_long)?;
            if !is_new {
                // It may have had more parts before.
                for key in trees.payloads.scan_prefix(keys::payload_prefix(*pool, id)).keys() {
                    self.payloads.push((key.map_err(engine_error)?, None));
                }
            }
            for (part, bytes) in (0..).zip(bytes.chunks(PAYLOAD_PART)) {
                self.payloads.push((keys::payload_part(*pool, id, part).into(), Some(bytes.into())));
            }
        }

        let state = record.state();
        let is_live = state == State::Live;
        if *is_new || !is_live {
            self.by_state.push((keys::by_state(*pool, state, id).into(), Some(IVec::default())));
        }
        if *is_new && is_live {
            self.by_expiry
                .push((keys::by_expiry(record.expires_at, *pool, id).into(), Some(IVec::default())));
        }
        if !*is_new && !is_live {
            self.by_state.push((keys::by_state(*pool, State::Live, id).into(), None));
            self.by_expiry.push((keys::by_expiry(record.expires_at, *pool, id).into(), None));
        }

        if let (Some(sequence), Some(entry)) = (retirement, LogEntry::of(*id, record)) {
            bytes.clear();
            self.log_entry(*pool, *sequence, &entry, bytes)?;
        }
        Ok(())
    }

    fn log_entry(
        &mut self,
        pool: PoolNumber,
        sequence: Sequence,
        entry: &LogEntry,
        bytes: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        values::encode_log_entry(entry, bytes).map_err(too_long)?;
        self.retirements.push((keys::retirement(pool, sequence).into(), Some(bytes.as_slice().into())));
        Ok(())
    }

    fn run(self, trees: &Trees) -> Result<(), StoreError> {
        let Self { sessions, payloads, by_state, by_expiry, retirements, meta } = &self;
        if [payloads, by_state, by_expiry, retirements, meta].iter().all(|writes| writes.is_empty()) {
            // The common case, uses of sessions that live on: one tree's batch is as atomic, and reads nothing.
            return apply(&trees.sessions, self.sessions).map_err(engine_error);
        }
        let all = (
            &trees.sessions,
            &trees.payloads,
            &trees.by_state,
            &trees.by_expiry,
            &trees.retirements,
            &trees.meta,
        );
        all.transaction(|trees| {
            put(&trees.0, sessions)?;
            put(&trees.1, payloads)?;
            put(&trees.2, by_state)?;
            put(&trees.3, by_expiry)?;
            put(&trees.4, retirements)?;
            put(&trees.5, meta)
        })
        .map_err(|error| match error {
            TransactionError::Storage(error) => engine_error(error),
            TransactionError::Abort(()) => engine_error(sled::Error::Unsupported("an abort".to_owned())),
        })
    }
}

/// Writes to one tree, all or nothing.
fn apply(tree: &sled::Tree, writes: Writes) -> sled::Result<()> {
    if let [(key, Some(value))] = writes.as_slice() {
        // A single value needs no batch.
        return tree.insert(key, value).map(drop);
    }
    let mut batch = sled::Batch::default();
    for (key, value) in writes {
        match value {
            Some(value) => batch.insert(key, value),
            None => batch.remove(key),
        }
    }
    tree.apply_batch(batch)
}

fn put(tree: &TransactionalTree, writes: &Writes) -> Result<(), ConflictableTransactionError<()>> {
    for (key, value) in writes {
        match value {
            Some(value) => tree.insert(key.clone(), value.clone())?,
            None => tree.remove(key.clone())?,
        };
    }
    Ok(())
}
