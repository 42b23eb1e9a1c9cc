//! Keys: big endian, so that their order means something.

use std::fmt::Display;

use crate::session::{Reason, SessionId, State, Timestamp};
use crate::store::{PoolNumber, Sequence, Unreadable};

/// The longest key: an id with everything that any tree puts around it.
const MAX_KEY_LENGTH: usize = 8 + 4 + SessionId::MAX_LENGTH + 4;

/// A key that is put together on the stack.
pub(super) struct Key {
    bytes: [u8; MAX_KEY_LENGTH],
    length: usize,
}

impl Key {
    fn new() -> Self {
        Self { bytes: [0; MAX_KEY_LENGTH], length: 0 }
    }

    fn with(mut self, part: &[u8]) -> Self {
        self.bytes[self.length..self.length + part.len()].copy_from_slice(part);
        self.length += part.len();
        self
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl From<Key> for sled::IVec {
    fn from(key: Key) -> Self {
        Self::from(key.as_ref())
    }
}

/// What every key of a pool in `sessions`, `payloads`, `by_state` and `retirements` starts with.
pub(super) fn pool_prefix(pool: PoolNumber) -> Key {
    Key::new().with(&pool.0.to_be_bytes())
}

pub(super) fn session(pool: PoolNumber, id: &SessionId) -> Key {
    pool_prefix(pool).with(id.as_bytes())
}

/// The first key that may come behind that of a session.
pub(super) fn behind_session(pool: PoolNumber, id: &SessionId) -> Key {
    session(pool, id).with(&[0])
}

/// What the keys of all parts of a payload start with. No id has a 0 in it, so none is the prefix of another.
pub(super) fn payload_prefix(pool: PoolNumber, id: &SessionId) -> Key {
    behind_session(pool, id)
}

/// The first part of a payload has generation 0; it tells the generation of the others.
pub(super) fn payload_part(pool: PoolNumber, id: &SessionId, generation: u8, part: u16) -> Key {
    payload_prefix(pool, id).with(&[generation]).with(&part.to_be_bytes())
}

/// Whose payload a key of the tree `payloads` is of, and the generation and the number of the part; `None` for any other
/// key.
pub(super) fn read_payload_part(key: &[u8]) -> Option<(PoolNumber, SessionId, u8, u16)> {
    let (session, tail) = key.split_last_chunk::<4>()?;
    let [0, generation, high, low] = *tail else { return None };
    let (pool, id) = read_session(session).ok()?;
    Some((pool, id, generation, u16::from_be_bytes([high, low])))
}

pub(super) fn by_state_prefix(pool: PoolNumber, state: State) -> Key {
    pool_prefix(pool).with(&[state_code(state)])
}

pub(super) fn by_state(pool: PoolNumber, state: State, id: &SessionId) -> Key {
    by_state_prefix(pool, state).with(id.as_bytes())
}

/// What every key of the index by expiry starts with, for so many milliseconds since 1970.
pub(super) fn expiry_prefix_millis(millis: i64) -> Key {
    // With the sign bit flipped, the order of the bytes is the order of the numbers.
    Key::new().with(&(millis ^ i64::MIN).to_be_bytes())
}

pub(super) fn by_expiry(at: Timestamp, pool: PoolNumber, id: &SessionId) -> Key {
    expiry_prefix_millis(at.as_millis()).with(&pool.0.to_be_bytes()).with(id.as_bytes())
}

pub(super) fn retirement(pool: PoolNumber, sequence: Sequence) -> Key {
    pool_prefix(pool).with(&sequence.0.to_be_bytes())
}

pub(super) const SCHEMA: &[u8] = b"schema";
/// Where the migration under way stands: the version it leads to (u32), then the cursor of its step.
pub(super) const MIGRATION: &[u8] = b"migration";
/// The mark of a sync, twice.
pub(super) const MARKS: [&[u8]; 2] = [b"mark/0", b"mark/1"];
pub(super) const POOL_PREFIX: &[u8] = b"pool/";

pub(super) fn pool(pool: PoolNumber) -> Key {
    Key::new().with(POOL_PREFIX).with(&pool.0.to_be_bytes())
}

/// The number that stands for a state in keys and values.
pub(super) const fn state_code(state: State) -> u8 {
    match state {
        State::Live => 0,
        State::Retired(Reason::Blocked) => 1,
        State::Retired(Reason::Exhausted) => 2,
        State::Retired(Reason::Expired) => 3,
        State::Retired(Reason::Retired) => 4,
    }
}

pub(super) fn state_of_code(code: u8) -> Option<State> {
    State::ALL.into_iter().find(|state| state_code(*state) == code)
}

fn unreadable(item: &'static str, pool: Option<PoolNumber>, key: &[u8], rule: &dyn Display) -> Unreadable {
    Unreadable { item, pool, key: key.to_vec(), rule: rule.to_string() }
}

/// Cuts a fixed number of bytes off the front.
fn cut<const N: usize>(key: &[u8]) -> Option<([u8; N], &[u8])> {
    key.split_first_chunk::<N>().map(|(head, rest)| (*head, rest))
}

fn read_pool<'k>(item: &'static str, key: &'k [u8]) -> Result<(PoolNumber, &'k [u8]), Unreadable> {
    let (pool, rest) = cut(key).ok_or_else(|| unreadable(item, None, key, &"the key is too short"))?;
    Ok((PoolNumber(u32::from_be_bytes(pool)), rest))
}

fn read_id(item: &'static str, pool: PoolNumber, id: &[u8]) -> Result<SessionId, Unreadable> {
    SessionId::from_bytes(id).map_err(|error| unreadable(item, Some(pool), id, &error))
}

pub(super) fn read_session(key: &[u8]) -> Result<(PoolNumber, SessionId), Unreadable> {
    let (pool, id) = read_pool("session", key)?;
    Ok((pool, read_id("session", pool, id)?))
}

pub(super) fn read_by_state(key: &[u8]) -> Result<(PoolNumber, State, SessionId), Unreadable> {
    const ITEM: &str = "entry of the index by state";
    let (pool, rest) = read_pool(ITEM, key)?;
    let ([code], id) =
        cut(rest).ok_or_else(|| unreadable(ITEM, Some(pool), rest, &"the key is too short"))?;
    let state = state_of_code(code)
        .ok_or_else(|| unreadable(ITEM, Some(pool), rest, &format_args!("there is no state {code}")))?;
    Ok((pool, state, read_id(ITEM, pool, id)?))
}

pub(super) fn read_by_expiry(key: &[u8]) -> Result<(Timestamp, PoolNumber, SessionId), Unreadable> {
    const ITEM: &str = "entry of the index by expiry";
    let (at, rest) = cut(key).ok_or_else(|| unreadable(ITEM, None, key, &"the key is too short"))?;
    let (pool, id) = read_pool(ITEM, rest)?;
    let millis = i64::from_be_bytes(at) ^ i64::MIN;
    let at = Timestamp::from_millis(millis);
    if at.as_millis() != millis {
        // It would be taken for another key, which whoever removes the entry would look for in vain.
        return Err(unreadable(ITEM, Some(pool), id, &format_args!("there is no time {millis}")));
    }
    Ok((at, pool, read_id(ITEM, pool, id)?))
}

pub(super) fn read_retirement(key: &[u8]) -> Result<(PoolNumber, Sequence), Unreadable> {
    const ITEM: &str = "log entry";
    let (pool, rest) = read_pool(ITEM, key)?;
    let sequence: [u8; 8] =
        rest.try_into().map_err(|_| unreadable(ITEM, Some(pool), rest, &"the key has not 12 bytes"))?;
    Ok((pool, Sequence(u64::from_be_bytes(sequence))))
}

pub(super) fn read_pool_entry(key: &[u8]) -> Result<PoolNumber, Unreadable> {
    let number = key.strip_prefix(POOL_PREFIX).unwrap_or(key);
    match <[u8; 4]>::try_from(number) {
        Ok(number) => Ok(PoolNumber(u32::from_be_bytes(number))),
        Err(_) => Err(unreadable("pool entry", None, key, &"the key has not 9 bytes")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids() -> impl Strategy<Value = SessionId> {
        "[A-Za-z0-9._~]{1,50}".prop_map(|text| text.parse().unwrap())
    }

    fn times() -> impl Strategy<Value = Timestamp> {
        any::<i64>().prop_map(Timestamp::from_millis)
    }

    proptest! {
        #[test]
        fn keys_read_back_and_sort_as_what_they_stand_for(
            a in (any::<u32>().prop_map(PoolNumber), ids(), times(), 0..5_usize, any::<u64>()),
            b in (any::<u32>().prop_map(PoolNumber), ids(), times(), 0..5_usize, any::<u64>()),
        ) {
            let parts = |x: &(PoolNumber, SessionId, Timestamp, usize, u64)| {
                (x.0, x.1, x.2, State::ALL[x.3], Sequence(x.4))
            };
            let (pool, id, at, state, sequence) = parts(&a);
            prop_assert_eq!(read_session(session(pool, &id).as_ref()), Ok((pool, id)));
            prop_assert_eq!(read_by_state(by_state(pool, state, &id).as_ref()), Ok((pool, state, id)));
            prop_assert_eq!(read_by_expiry(by_expiry(at, pool, &id).as_ref()), Ok((at, pool, id)));
            prop_assert_eq!(read_retirement(retirement(pool, sequence).as_ref()), Ok((pool, sequence)));
            let [generation, high, low, ..] = sequence.0.to_le_bytes();
            let part = u16::from_be_bytes([high, low]);
            prop_assert_eq!(
                read_payload_part(payload_part(pool, &id, generation, part).as_ref()),
                Some((pool, id, generation, part))
            );
            prop_assert_eq!(read_payload_part(session(pool, &id).as_ref()), None);
            let (pool2, id2, at2, state2, sequence2) = parts(&b);
            prop_assert_eq!(
                by_expiry(at, pool, &id).as_ref().cmp(by_expiry(at2, pool2, &id2).as_ref()),
                (at, pool, id).cmp(&(at2, pool2, id2))
            );
            prop_assert_eq!(
                by_state(pool, state, &id).as_ref().cmp(by_state(pool2, state2, &id2).as_ref()),
                (pool, state_code(state), id).cmp(&(pool2, state_code(state2), id2))
            );
            prop_assert_eq!(
                retirement(pool, sequence).as_ref().cmp(retirement(pool2, sequence2).as_ref()),
                (pool, sequence).cmp(&(pool2, sequence2))
            );
        }

        #[test]
        fn any_bytes_are_a_key_or_a_typed_error(key in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (read_session(&key), read_by_state(&key), read_by_expiry(&key));
            let _ = (read_retirement(&key), read_pool_entry(&key), read_payload_part(&key));
        }
    }
}
