//! Reading, and the store's contract.

use std::ops::Bound;

use super::commit::COMMIT;
use super::content::Head;
use super::engine::{located, store_error};
use super::{SledStore, keys, values, watch};
use crate::session::{Payload, SessionId, SessionRecord, State, Timestamp};
use crate::store::{
    Batch, LogEntry, PoolEntry, PoolNumber, ReadStore, Sequence, Store, StoreError, StoreReport, Unreadable,
    Visited, Visitor,
};

/// What a sync does where it fails; the path follows.
const WRITE: &str = "write what was committed to the store in";

fn unreadable(item: &'static str, pool: PoolNumber, key: &[u8]) -> impl FnOnce(String) -> Unreadable {
    let key = key.to_vec();
    move |rule| Unreadable { item, pool: Some(pool), key, rule }
}

fn read_record(pool: PoolNumber, id: &SessionId, bytes: &[u8]) -> Visited<SessionRecord> {
    values::decode_record(bytes).map_err(unreadable("session", pool, id.as_bytes()))
}

/// Whether the first part of a payload is all of it.
fn is_whole(first: &[u8]) -> bool {
    Head::read(first).is_ok_and(|(head, content)| head.length == content.len())
}

/// The values of keys that are asked for in their order: where they lie close together, by walking from one to the next,
/// which takes a third of the time of looking for each.
struct InOrder<'a> {
    tree: &'a sled::Tree,
    walk: sled::Iter,
    /// Where the walk has stopped.
    at: Option<(sled::IVec, sled::IVec)>,
}

impl<'a> InOrder<'a> {
    /// How many others may lie between two that are asked for. Beyond that it looks for the second.
    const FAR: usize = 8;

    fn of(tree: &'a sled::Tree) -> Self {
        Self { tree, walk: tree.range::<&[u8], _>(..), at: None }
    }

    fn get(&mut self, key: &[u8]) -> sled::Result<Option<sled::IVec>> {
        for _ in 0..Self::FAR {
            match &self.at {
                Some((at, value)) if **at == *key => return Ok(Some(value.clone())),
                Some((at, _)) if **at > *key => return Ok(None),
                _ => {}
            }
            self.at = self.walk.next().transpose()?;
            if self.at.is_none() {
                break;
            }
        }
        self.walk = self.tree.range(key..);
        self.at = self.walk.next().transpose()?;
        Ok(self.at.as_ref().filter(|(at, _)| **at == *key).map(|(_, value)| value.clone()))
    }
}

impl SledStore {
    fn engine_error(&self, operation: &'static str) -> impl FnOnce(sled::Error) -> StoreError + '_ {
        move |error| store_error(&self.path, operation, error)
    }

    fn read_payload(&self, pool: PoolNumber, id: &SessionId, first: &[u8]) -> Result<Payload, StoreError> {
        let unreadable = |rule: String| unreadable("payload", pool, id.as_bytes())(rule);
        let (head, first) = Head::read(first).map_err(unreadable)?;
        let cipher = self.cipher.as_ref();
        if first.len() == head.length {
            return Ok(head.decode(first, pool, id, cipher).map_err(unreadable)?);
        }
        let mut failure = None;
        let content = head.gather(first, |part| {
            let key = keys::payload_part(pool, id, head.generation, part);
            match self.trees().payloads.get(key) {
                Ok(value) => Ok(value.map(|value| value.to_vec())),
                Err(error) => {
                    failure = Some(self.engine_error("read a payload in")(error));
                    Ok(None)
                }
            }
        });
        match (content, failure) {
            (_, Some(failure)) => Err(failure),
            (Err(rule), None) => Err(unreadable(rule).into()),
            (Ok(content), None) => Ok(head.decode(&content, pool, id, cipher).map_err(unreadable)?),
        }
    }
}

impl ReadStore for SledStore {
    fn visit_pools(&self, visit: &mut Visitor<'_, PoolEntry>) -> Result<(), StoreError> {
        for item in self.trees().meta.scan_prefix(keys::POOL_PREFIX) {
            let (key, value) = item.map_err(self.engine_error("read the pools in"))?;
            let item = keys::read_pool_entry(&key).and_then(|number| {
                values::decode_pool(number, &value).map_err(unreadable("pool entry", number, &key))
            });
            if visit(item).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn record(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        match self
            .trees()
            .sessions
            .get(keys::session(pool, id))
            .map_err(self.engine_error("read a session in"))?
        {
            Some(value) => Ok(Some(read_record(pool, id, &value)?)),
            None => Ok(None),
        }
    }

    fn payload(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<Payload>, StoreError> {
        let first = || {
            self.trees()
                .payloads
                .get(keys::payload_part(pool, id, 0, 0))
                .map_err(self.engine_error("read a payload in"))
        };
        match first()? {
            None => Ok(None),
            Some(first) if is_whole(&first) => self.read_payload(pool, id, &first).map(Some),
            Some(_) => {
                // While its parts are read, none of them may be rewritten.
                let _parts = self.payload_parts.read();
                first()?.map(|first| self.read_payload(pool, id, &first)).transpose()
            }
        }
    }

    fn contains(&self, pool: PoolNumber, id: &SessionId) -> Result<bool, StoreError> {
        self.trees()
            .sessions
            .contains_key(keys::session(pool, id))
            .map_err(self.engine_error("look for a session in"))
    }

    fn visit_by_state(
        &self,
        pool: PoolNumber,
        state: State,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        let mut records = InOrder::of(&self.trees().sessions);
        for key in self.trees().by_state.scan_prefix(keys::by_state_prefix(pool, state)).keys() {
            let key = key.map_err(self.engine_error("read the index by state in"))?;
            let item = match keys::read_by_state(&key) {
                Ok((pool, _, id)) => {
                    let value = records.get(keys::session(pool, &id).as_ref());
                    match value.map_err(self.engine_error("read a session in"))? {
                        Some(value) => read_record(pool, &id, &value).map(|record| (id, record)),
                        None => Err(unreadable("session", pool, id.as_bytes())(
                            "the index by state has it, and nothing else".into(),
                        )),
                    }
                }
                Err(unreadable) => Err(unreadable),
            };
            if visit(item).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit_sessions(
        &self,
        pool: PoolNumber,
        after: Option<&SessionId>,
        visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
    ) -> Result<(), StoreError> {
        let prefix = keys::pool_prefix(pool);
        let from = match after {
            Some(id) => Bound::Excluded(keys::session(pool, id)),
            None => Bound::Included(keys::pool_prefix(pool)),
        };
        for item in self.trees().sessions.range((from, Bound::Unbounded)) {
            let (key, value) = item.map_err(self.engine_error("read the sessions in"))?;
            if !key.starts_with(prefix.as_ref()) {
                break;
            }
            let item = keys::read_session(&key)
                .and_then(|(pool, id)| read_record(pool, &id, &value).map(|record| (id, record)));
            if visit(item).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit_state_index(
        &self,
        visit: &mut Visitor<'_, (PoolNumber, State, SessionId)>,
    ) -> Result<(), StoreError> {
        for key in self.trees().by_state.iter().keys() {
            let key = key.map_err(self.engine_error("read the index by state in"))?;
            if visit(keys::read_by_state(&key)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit_expiring(
        &self,
        after: Timestamp,
        until: Timestamp,
        visit: &mut Visitor<'_, (Timestamp, PoolNumber, SessionId)>,
    ) -> Result<(), StoreError> {
        let millis = |time: Timestamp, more: i64| keys::expiry_prefix_millis(time.as_millis() + more);
        for key in self.trees().by_expiry.range(millis(after, 1)..millis(until, 1)).keys() {
            let key = key.map_err(self.engine_error("read the index by expiry in"))?;
            if visit(keys::read_by_expiry(&key)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit_log(
        &self,
        pool: PoolNumber,
        after: Sequence,
        visit: &mut Visitor<'_, (Sequence, LogEntry)>,
    ) -> Result<(), StoreError> {
        let range = keys::retirement(pool, after.next())..=keys::retirement(pool, Sequence(u64::MAX));
        for item in self.trees().retirements.range(range) {
            let (key, value) = item.map_err(self.engine_error("read the retirement log in"))?;
            let item = keys::read_retirement(&key).and_then(|(pool, sequence)| {
                let entry = values::decode_log_entry(&value);
                let entry = entry.map_err(unreadable("log entry", pool, sequence.to_string().as_bytes()))?;
                Ok((sequence, entry))
            });
            if visit(item).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Store for SledStore {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.try_writing(COMMIT, || self.write(batch).map_err(located(&self.path)))
    }

    fn sync(&self) -> Result<(), StoreError> {
        // The engine's flush hands its buffers to the system and waits for them, but makes neither the file's length
        // nor the disk's own cache durable; this does.
        let mark = self.try_writing(WRITE, || {
            let mark = self.mark().map_err(located(&self.path))?;
            watch::flush(self.engine.db()).map_err(self.engine_error(WRITE))?;
            let synced = self.database_file.sync_data();
            synced.map_err(StoreError::io("sync the database in", &self.path))?;
            Ok(mark)
        })?;
        self.witness.note(mark);
        self.floors.note(&self.database_file);
        Ok(())
    }

    fn open_report(&self) -> StoreReport {
        self.report.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_asked_for_in_order_are_those_of_their_keys_near_and_far() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        let tree = db.open_tree("tree").unwrap();
        // Every third number is there.
        for number in (0..3_000_u32).step_by(3) {
            tree.insert(number.to_be_bytes(), number.to_string().as_bytes()).unwrap();
        }
        for step in [1, 2, 3, 7, 23, 24, 25, 100, 2_999] {
            let mut values = InOrder::of(&tree);
            for number in (0..3_100_u32).step_by(step) {
                let key = number.to_be_bytes();
                assert_eq!(values.get(&key).unwrap(), tree.get(key).unwrap(), "{number} by {step}");
            }
        }
    }
}
