//! Reading what is in the trees of a store, whoever has them: the engine, or its log alone.

use std::ops::ControlFlow;
use std::thread;

use super::ahead::Ahead;
use super::content::Head;
use super::{Tree, keys, values};
use crate::encryption::Cipher;
use crate::session::{Payload, SessionId, SessionRecord, State, Timestamp};
use crate::store::{LogEntry, PoolEntry, PoolNumber, Sequence, StoreError, Unreadable, Visited, Visitor};

/// Trees that can be read.
pub(super) trait ReadTrees {
    /// A key or a value.
    type Bytes: AsRef<[u8]>;
    /// Why one cannot be read.
    type Error;
    /// Entries in the order of their keys.
    type Walk<'a>: Iterator<Item = Result<(Self::Bytes, Self::Bytes), Self::Error>>
    where
        Self: 'a;

    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Self::Bytes>, Self::Error>;

    /// The entries from a key on.
    fn walk(&self, tree: Tree, from: &[u8]) -> Self::Walk<'_>;

    /// What the error means that came while that was being done. What was being done ends with `in`; a path follows.
    fn fault(&self, operation: &'static str, error: Self::Error) -> StoreError;

    fn cipher(&self) -> Option<&Cipher>;

    /// Until it is dropped, no payload is rewritten.
    fn hold_payloads(&self) -> impl Sized;
}

/// Makes a type that has trees a store that can be read.
macro_rules! read_store {
    ($store:ty) => {
        impl ReadStore for $store {
            fn visit_pools(&self, visit: &mut Visitor<'_, PoolEntry>) -> Result<(), StoreError> {
                $crate::store::sled::read::visit_pools(self, visit)
            }

            fn record(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
                $crate::store::sled::read::record(self, pool, id)
            }

            fn payload(&self, pool: PoolNumber, id: &SessionId) -> Result<Option<Payload>, StoreError> {
                $crate::store::sled::read::payload(self, pool, id)
            }

            fn contains(&self, pool: PoolNumber, id: &SessionId) -> Result<bool, StoreError> {
                $crate::store::sled::read::contains(self, pool, id)
            }

            fn visit_by_state(
                &self,
                pool: PoolNumber,
                state: State,
                visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
            ) -> Result<(), StoreError> {
                $crate::store::sled::read::visit_by_state(self, pool, state, visit)
            }

            fn visit_sessions(
                &self,
                pool: PoolNumber,
                after: Option<&SessionId>,
                visit: &mut Visitor<'_, (SessionId, SessionRecord)>,
            ) -> Result<(), StoreError> {
                $crate::store::sled::read::visit_sessions(self, pool, after, visit)
            }

            fn visit_state_index(
                &self,
                visit: &mut Visitor<'_, (PoolNumber, State, SessionId)>,
            ) -> Result<(), StoreError> {
                $crate::store::sled::read::visit_state_index(self, visit)
            }

            fn visit_expiring(
                &self,
                after: Timestamp,
                until: Timestamp,
                visit: &mut Visitor<'_, (Timestamp, PoolNumber, SessionId)>,
            ) -> Result<(), StoreError> {
                $crate::store::sled::read::visit_expiring(self, after, until, visit)
            }

            fn visit_log(
                &self,
                pool: PoolNumber,
                after: Sequence,
                visit: &mut Visitor<'_, (Sequence, LogEntry)>,
            ) -> Result<(), StoreError> {
                $crate::store::sled::read::visit_log(self, pool, after, visit)
            }
        }
    };
}
pub(super) use read_store;

fn unreadable(item: &'static str, pool: PoolNumber, key: &[u8]) -> impl FnOnce(String) -> Unreadable {
    let key = key.to_vec();
    move |rule| Unreadable { item, pool: Some(pool), key, rule }
}

fn read_record(pool: PoolNumber, id: &SessionId, bytes: &[u8]) -> Visited<SessionRecord> {
    values::decode_record(bytes).map_err(unreadable("session", pool, id.as_bytes()))
}

/// Visits the entries from the key `from` on, as long as the visitor goes on.
fn visit<T: ReadTrees>(
    trees: &T,
    tree: Tree,
    from: &[u8],
    operation: &'static str,
    mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    for entry in trees.walk(tree, from) {
        let (key, value) = entry.map_err(|error| trees.fault(operation, error))?;
        if visit(key.as_ref(), value.as_ref()).is_break() {
            break;
        }
    }
    Ok(())
}

pub(super) fn visit_pools<T: ReadTrees>(
    trees: &T,
    see: &mut Visitor<'_, PoolEntry>,
) -> Result<(), StoreError> {
    visit(trees, Tree::Meta, keys::POOL_PREFIX, "read the pools in", |key, value| {
        if !key.starts_with(keys::POOL_PREFIX) {
            return ControlFlow::Break(());
        }
        see(keys::read_pool_entry(key).and_then(|number| {
            values::decode_pool(number, value).map_err(unreadable("pool entry", number, key))
        }))
    })
}

pub(super) fn record<T: ReadTrees>(
    trees: &T,
    pool: PoolNumber,
    id: &SessionId,
) -> Result<Option<SessionRecord>, StoreError> {
    let value = trees.get(Tree::Sessions, keys::session(pool, id).as_ref());
    match value.map_err(|error| trees.fault("read a session in", error))? {
        Some(value) => Ok(Some(read_record(pool, id, value.as_ref())?)),
        None => Ok(None),
    }
}

pub(super) fn contains<T: ReadTrees>(
    trees: &T,
    pool: PoolNumber,
    id: &SessionId,
) -> Result<bool, StoreError> {
    let value = trees.get(Tree::Sessions, keys::session(pool, id).as_ref());
    Ok(value.map_err(|error| trees.fault("look for a session in", error))?.is_some())
}

pub(super) fn payload<T: ReadTrees>(
    trees: &T,
    pool: PoolNumber,
    id: &SessionId,
) -> Result<Option<Payload>, StoreError> {
    let first = || {
        let value = trees.get(Tree::Payloads, keys::payload_part(pool, id, 0, 0).as_ref());
        value.map_err(|error| trees.fault(READ_PAYLOAD, error))
    };
    match first()? {
        None => Ok(None),
        Some(first) if is_whole(first.as_ref()) => payload_from(trees, pool, id, first.as_ref()).map(Some),
        Some(_) => {
            // While its parts are read, none of them may be rewritten.
            let _parts = trees.hold_payloads();
            first()?.map(|first| payload_from(trees, pool, id, first.as_ref())).transpose()
        }
    }
}

const READ_PAYLOAD: &str = "read a payload in";

/// Whether the first part of a payload is all of it.
fn is_whole(first: &[u8]) -> bool {
    Head::read(first).is_ok_and(|(head, content)| head.length == content.len())
}

fn payload_from<T: ReadTrees>(
    trees: &T,
    pool: PoolNumber,
    id: &SessionId,
    first: &[u8],
) -> Result<Payload, StoreError> {
    let unreadable = |rule: String| unreadable("payload", pool, id.as_bytes())(rule);
    let (head, first) = Head::read(first).map_err(unreadable)?;
    if first.len() == head.length {
        return Ok(head.decode(first, pool, id, trees.cipher()).map_err(unreadable)?);
    }
    let mut failure = None;
    let content = head.gather(first, |part| {
        match trees.get(Tree::Payloads, keys::payload_part(pool, id, head.generation, part).as_ref()) {
            Ok(value) => Ok(value.map(|value| value.as_ref().to_vec())),
            Err(error) => {
                failure = Some(trees.fault(READ_PAYLOAD, error));
                Ok(None)
            }
        }
    });
    match (content, failure) {
        (_, Some(failure)) => Err(failure),
        (Err(rule), None) => Err(unreadable(rule).into()),
        (Ok(content), None) => Ok(head.decode(&content, pool, id, trees.cipher()).map_err(unreadable)?),
    }
}

/// How many sessions are visited before other threads begin to read ahead.
const FEW: usize = 1024;

pub(super) fn visit_by_state<T: ReadTrees<Bytes: Send, Error: Send> + Sync>(
    trees: &T,
    pool: PoolNumber,
    state: State,
    see: &mut Visitor<'_, (SessionId, SessionRecord)>,
) -> Result<(), StoreError>
where
    for<'a> T::Walk<'a>: Send,
{
    let prefix = keys::by_state_prefix(pool, state);
    let index = trees.walk(Tree::ByState, prefix.as_ref()).take_while(|entry| match entry {
        Ok((key, _)) => key.as_ref().starts_with(prefix.as_ref()),
        Err(_) => true,
    });
    let mut index = index.peekable();
    let mut records = InOrder::of(trees, Tree::Sessions);
    let mut see = |found: Result<_, StoreError>| match found {
        Ok(found) => Ok(see(found).is_continue()),
        Err(error) => Err(error),
    };
    for entry in index.by_ref().take(FEW) {
        if !see(named(trees, entry, &mut records))? {
            return Ok(());
        }
    }
    if index.peek().is_none() {
        return Ok(());
    }
    thread::scope(|scope| {
        // One goes through the index, one through the records, and this one looks at them.
        let index = Ahead::new(scope, index);
        for found in Ahead::new(scope, index.map(|entry| named(trees, entry, &mut records))) {
            if !see(found)? {
                break;
            }
        }
        Ok(())
    })
}

/// The session that an entry of the index by state names.
fn named<T: ReadTrees>(
    trees: &T,
    entry: Result<(T::Bytes, T::Bytes), T::Error>,
    records: &mut InOrder<'_, T>,
) -> Result<Visited<(SessionId, SessionRecord)>, StoreError> {
    let (key, _) = entry.map_err(|error| trees.fault("read the index by state in", error))?;
    let (pool, _, id) = match keys::read_by_state(key.as_ref()) {
        Ok(entry) => entry,
        Err(unreadable) => return Ok(Err(unreadable)),
    };
    let value = records.get(keys::session(pool, &id).as_ref());
    Ok(match value.map_err(|error| trees.fault("read a session in", error))? {
        Some(value) => read_record(pool, &id, value.as_ref()).map(|record| (id, record)),
        None => {
            let rule = "the index by state has it, and nothing else";
            Err(unreadable("session", pool, id.as_bytes())(rule.into()))
        }
    })
}

pub(super) fn visit_sessions<T: ReadTrees>(
    trees: &T,
    pool: PoolNumber,
    after: Option<&SessionId>,
    see: &mut Visitor<'_, (SessionId, SessionRecord)>,
) -> Result<(), StoreError> {
    let prefix = keys::pool_prefix(pool);
    let from = match after {
        Some(id) => keys::behind_session(pool, id),
        None => keys::pool_prefix(pool),
    };
    visit(trees, Tree::Sessions, from.as_ref(), "read the sessions in", |key, value| {
        if !key.starts_with(prefix.as_ref()) {
            return ControlFlow::Break(());
        }
        see(keys::read_session(key)
            .and_then(|(pool, id)| read_record(pool, &id, value).map(|record| (id, record))))
    })
}

pub(super) fn visit_state_index<T: ReadTrees>(
    trees: &T,
    see: &mut Visitor<'_, (PoolNumber, State, SessionId)>,
) -> Result<(), StoreError> {
    visit(trees, Tree::ByState, &[], "read the index by state in", |key, _| see(keys::read_by_state(key)))
}

pub(super) fn visit_expiring<T: ReadTrees>(
    trees: &T,
    after: Timestamp,
    until: Timestamp,
    see: &mut Visitor<'_, (Timestamp, PoolNumber, SessionId)>,
) -> Result<(), StoreError> {
    let behind = |time: Timestamp| keys::expiry_prefix_millis(time.as_millis() + 1);
    // Without a bound, entries are visited too that no time can be read from.
    let from = (after > Timestamp::MIN).then(|| behind(after));
    let end = (until < Timestamp::MAX).then(|| behind(until));
    let from = from.as_ref().map_or(&[][..], AsRef::as_ref);
    visit(trees, Tree::ByExpiry, from, "read the index by expiry in", |key, _| {
        if end.as_ref().is_some_and(|end| key >= end.as_ref()) {
            ControlFlow::Break(())
        } else {
            see(keys::read_by_expiry(key))
        }
    })
}

pub(super) fn visit_log<T: ReadTrees>(
    trees: &T,
    pool: PoolNumber,
    after: Sequence,
    see: &mut Visitor<'_, (Sequence, LogEntry)>,
) -> Result<(), StoreError> {
    let (from, last) = (keys::retirement(pool, after.next()), keys::retirement(pool, Sequence(u64::MAX)));
    visit(trees, Tree::Retirements, from.as_ref(), "read the retirement log in", |key, value| {
        if key > last.as_ref() {
            return ControlFlow::Break(());
        }
        see(keys::read_retirement(key).and_then(|(pool, sequence)| {
            let entry = values::decode_log_entry(value);
            let entry = entry.map_err(unreadable("log entry", pool, sequence.to_string().as_bytes()))?;
            Ok((sequence, entry))
        }))
    })
}

/// The values of keys that are asked for in their order: where they lie close together, by walking from one to the next,
/// which takes a third of the time of looking for each.
struct InOrder<'a, T: ReadTrees> {
    trees: &'a T,
    tree: Tree,
    walk: T::Walk<'a>,
    /// Where the walk has stopped.
    at: Option<(T::Bytes, T::Bytes)>,
}

impl<'a, T: ReadTrees> InOrder<'a, T> {
    /// How many others may lie between two that are asked for. Beyond that it looks for the second.
    const FAR: usize = 8;

    fn of(trees: &'a T, tree: Tree) -> Self {
        Self { trees, tree, walk: trees.walk(tree, &[]), at: None }
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<&T::Bytes>, T::Error> {
        for _ in 0..Self::FAR {
            match &self.at {
                Some((at, _)) if at.as_ref() >= key => return Ok(self.found(key)),
                _ => {}
            }
            self.at = self.walk.next().transpose()?;
            if self.at.is_none() {
                break;
            }
        }
        self.walk = self.trees.walk(self.tree, key);
        self.at = self.walk.next().transpose()?;
        Ok(self.found(key))
    }

    /// The value where the walk has stopped, if that is at the key.
    fn found(&self, key: &[u8]) -> Option<&T::Bytes> {
        self.at.as_ref().filter(|(at, _)| at.as_ref() == key).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_asked_for_in_order_are_those_of_their_keys_near_and_far() {
        let directory = tempfile::tempdir().unwrap();
        let store = crate::store::SledStoreOptions::new().open(directory.path()).unwrap();
        let tree = store.trees().by_state.clone();
        // Every third number is there.
        for number in (0..3_000_u32).step_by(3) {
            tree.insert(number.to_be_bytes(), number.to_string().as_bytes()).unwrap();
        }
        for step in [1, 2, 3, 7, 23, 24, 25, 100, 2_999] {
            let mut values = InOrder::of(&store, Tree::ByState);
            for number in (0..3_100_u32).step_by(step) {
                let key = number.to_be_bytes();
                assert_eq!(values.get(&key).unwrap(), tree.get(key).unwrap().as_ref(), "{number} by {step}");
            }
        }
    }
}
