//! Writing: a batch becomes one transaction over the trees.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use sled::transaction::{ConflictableTransactionError, TransactionError, TransactionalTree};
use sled::{IVec, Transactional};

use super::content::{self, Head};
use super::salvage::MARK;
use super::{SledStore, Trees, keys, values};
use crate::encryption::Cipher;
use crate::session::{Payload, SessionId, State};
use crate::store::{Batch, Change, LogEntry, PoolNumber, Sequence, SessionChange, Store, StoreError};

/// How many bytes of a payload go into one value. The engine writes a leaf, of 17 values or a few more, as one message,
/// and a message of more than a quarter of a segment (128 KiB) to a file of its own, which it never syncs. With parts of
/// 4 KiB a leaf stays far below that; with 8 KiB it does not.
pub(super) const PAYLOAD_PART: usize = 4 << 10;

/// What is being done where it fails; the path follows.
pub(super) const COMMIT: &str = "commit a batch to the store in";

/// What is to be written to one tree: in order, a value to put, or `None` to remove the key.
type Writes = Vec<(IVec, Option<IVec>)>;

/// How many parts of a payload are written, or deleted, in one go. What is more is written ahead of the transaction, or
/// deleted behind it, in portions that are durable before the next: the engine takes for durable what it has handed to the
/// system, and where it writes more than a segment (512 KiB) between two syncs of the file, it may use again a segment
/// whose values it has only just written elsewhere. Each tenth part that is written or deleted rewrites a whole leaf.
const PORTION: usize = 16;

/// What is to be written, by tree. Changes of a batch may be about what earlier ones of it write, which is in no tree yet.
#[derive(Default)]
pub(super) struct Plan {
    /// Parts of large payloads, which count for nothing until the rest is written.
    early: Vec<Writes>,
    /// Parts that count for nothing any more once the rest is written. Where a crash comes first they stay, until the
    /// payload is written again.
    late: Writes,
    sessions: Writes,
    payloads: Writes,
    by_state: Writes,
    by_expiry: Writes,
    retirements: Writes,
    meta: Writes,
    /// The payloads that it writes, by session: the generation of the last one, and the parts, their first ones aside.
    parts: HashMap<(PoolNumber, SessionId), (u8, Vec<IVec>)>,
}

impl SledStore {
    /// Makes out what a batch writes.
    pub(super) fn plan(&self, batch: &Batch) -> Result<Plan, StoreError> {
        Plan::of(batch, self.trees(), self.cipher.as_ref())
    }

    /// Writes what was made out of a batch of so many changes: all of it, or nothing.
    pub(super) fn write(&self, mut plan: Plan, changes: usize) -> Result<(), StoreError> {
        for early in std::mem::take(&mut plan.early) {
            self.write_portion(early)?;
        }
        let late = std::mem::take(&mut plan.late);
        self.has_written.store(true, Ordering::Relaxed);
        {
            let _parts = (!plan.payloads.is_empty()).then(|| self.payload_parts.write());
            plan.run(self.trees())?;
        }
        if !late.is_empty() {
            Store::sync(self)?;
        }
        for late in late.chunks(PORTION) {
            self.write_portion(late.to_vec())?;
        }
        free_garbage(changes);
        Ok(())
    }

    /// Writes or deletes some parts of payloads, durably.
    fn write_portion(&self, parts: Writes) -> Result<(), StoreError> {
        self.has_written.store(true, Ordering::Relaxed);
        apply(&self.trees().payloads, parts).map_err(engine_error)?;
        Store::sync(self)
    }

    /// Marks in the log that everything before it is about to be made durable, and answers the mark's number; that of
    /// the last one where nothing was written since.
    ///
    /// It is written twice: of ten changes of a page, the engine writes one as the page's new state, which does not tell
    /// when it was made.
    pub(super) fn mark(&self) -> Result<u64, StoreError> {
        if !self.has_written.swap(false, Ordering::Relaxed) {
            return Ok(self.marked.load(Ordering::Relaxed));
        }
        let number = self.marked.fetch_add(1, Ordering::Relaxed) + 1;
        let mut value = [0; 16];
        value[..8].copy_from_slice(MARK);
        value[8..].copy_from_slice(&number.to_be_bytes());
        for key in keys::MARKS {
            self.trees().meta.insert(key, &value).map_err(engine_error)?;
        }
        Ok(number)
    }
}

/// Frees what the engine has replaced in memory by some changes.
///
/// It leaves that to epochs: what nobody can be reading any more is freed by whoever begins an operation, each 128th time,
/// and then 512 pieces of it at most. A batch is one operation and leaves thousands. Without this, memory grew by 700 bytes
/// with each outcome, as long as outcomes kept coming.
fn free_garbage(changes: usize) {
    /// How many changes leave what is freed in one step: 512 pieces.
    const STEP: usize = 64;
    // What is left now may be freed two epochs later, and a step goes on by one at most.
    for _ in 0..changes.div_ceil(STEP) + 2 {
        crossbeam_epoch::pin().flush();
    }
}

/// The number of the last mark in a store.
pub(super) fn marked(trees: &Trees) -> Result<u64, StoreError> {
    let mut marked = 0;
    for key in keys::MARKS {
        let value = trees.meta.get(key).map_err(engine_error)?;
        let number = value.and_then(|value| value.last_chunk().map(|bytes| u64::from_be_bytes(*bytes)));
        marked = marked.max(number.unwrap_or_default());
    }
    Ok(marked)
}

fn too_long(rule: String) -> StoreError {
    StoreError::Engine { operation: "encode a value", source: rule.into() }
}

fn engine_error(source: sled::Error) -> StoreError {
    StoreError::Engine { operation: COMMIT, source: Box::new(source) }
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
                    let parts = plan.parts_of(*pool, id, trees)?;
                    plan.payloads.push((keys::payload_part(*pool, id, 0, 0).into(), None));
                    plan.delete_parts(parts);
                }
                Change::TrimLog { pool, first, last } => {
                    plan.trim_log(*pool, *first, *last, trees)?;
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
            self.payload((*pool, id), payload, trees, cipher, bytes)?;
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

    fn payload(
        &mut self,
        (pool, id): (PoolNumber, &SessionId),
        payload: &Payload,
        trees: &Trees,
        cipher: Option<&Cipher>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        // What it had before goes, and what is left of one that was never finished, or never quite deleted. Until that has
        // happened, no generation of it is used again.
        let before = self.parts_of(pool, id, trees)?;
        let taken: HashSet<u8> =
            before.iter().filter_map(|key| keys::read_payload_part(key)).map(|part| part.2).collect();
        let last = self.last_generation(pool, id, trees)?;
        let mut next = (last..=u8::MAX).skip(1).chain(1..=last);
        let free = next.find(|generation| !taken.contains(generation));
        let generation =
            free.ok_or_else(|| too_long(format!("the payload of {id} has too many versions")))?;
        content::encode(payload, pool, id, generation, cipher, bytes).map_err(too_long)?;
        let mut parts = bytes.chunks(PAYLOAD_PART);
        let first = parts.next().unwrap_or_default();
        let parts = (1..).zip(parts);
        let parts: Writes = parts
            .map(|(part, bytes)| (keys::payload_part(pool, id, generation, part).into(), Some(bytes.into())))
            .collect();
        self.delete_parts(before);
        let keys = parts.iter().map(|(key, _)| key.clone());
        let planned = self.parts.entry((pool, *id)).or_default();
        planned.0 = generation;
        planned.1.extend(keys);
        if parts.len() > PORTION {
            self.early.extend(parts.chunks(PORTION).map(<[_]>::to_vec));
        } else {
            self.payloads.extend(parts);
        }
        self.payloads.push((keys::payload_part(pool, id, 0, 0).into(), Some(first.into())));
        Ok(())
    }

    /// The parts that there are of a session's payload, its first one aside: whether they count or not, and those that this
    /// batch writes.
    fn parts_of(&self, pool: PoolNumber, id: &SessionId, trees: &Trees) -> Result<Vec<IVec>, StoreError> {
        let first = keys::payload_part(pool, id, 0, 0);
        let mut parts = self.parts.get(&(pool, *id)).map(|(_, parts)| parts.clone()).unwrap_or_default();
        for key in trees.payloads.scan_prefix(keys::payload_prefix(pool, id)).keys() {
            let key = key.map_err(engine_error)?;
            if *key != *first.as_ref() {
                parts.push(key);
            }
        }
        Ok(parts)
    }

    /// The generation of a session's payload; 0 where it has none.
    fn last_generation(&self, pool: PoolNumber, id: &SessionId, trees: &Trees) -> Result<u8, StoreError> {
        if let Some((generation, _)) = self.parts.get(&(pool, *id)) {
            return Ok(*generation);
        }
        let first = trees.payloads.get(keys::payload_part(pool, id, 0, 0)).map_err(engine_error)?;
        Ok(first.as_deref().and_then(|first| Head::read(first).ok()).map_or(0, |(head, _)| head.generation))
    }

    /// Deletes parts of a payload whose first part is deleted or written anew in the transaction, which makes them count for
    /// nothing.
    fn delete_parts(&mut self, parts: Vec<IVec>) {
        let parts = parts.into_iter().map(|key| (key, None));
        if parts.len() > PORTION {
            self.late.extend(parts);
        } else {
            self.payloads.extend(parts);
        }
    }

    fn trim_log(
        &mut self,
        pool: PoolNumber,
        first: Sequence,
        last: Sequence,
        trees: &Trees,
    ) -> Result<(), StoreError> {
        let range = keys::retirement(pool, first)..=keys::retirement(pool, last);
        let written = self.retirements.iter().map(|(key, _)| key);
        let within = |key: &&IVec| (range.start().as_ref()..=range.end().as_ref()).contains(&key.as_ref());
        let written: Vec<IVec> = written.filter(within).cloned().collect();
        self.retirements.extend(written.into_iter().map(|key| (key, None)));
        for key in trees.retirements.range(range).keys() {
            self.retirements.push((key.map_err(engine_error)?, None));
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
        let Self { early: _, late: _, sessions, payloads, by_state, by_expiry, retirements, meta, parts: _ } =
            &self;
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
            TransactionError::Abort(()) => engine_error(sled::Error::ReportableBug("an abort".to_owned())),
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
