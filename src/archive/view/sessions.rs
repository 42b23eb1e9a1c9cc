//! The sessions of an archive in memory: their records, and where their payloads are.

use std::cmp::Ordering;
use std::ops::Range;

use crate::session::{SessionId, SessionRecord, State};
use crate::store::{PoolNumber, format};

/// How many bytes are kept together. Each session's lie in one block.
const BLOCK: usize = 4 << 20;

/// Sessions, sorted by pool and id. Each takes some hundred bytes: its record is kept as it is stored.
#[derive(Default)]
pub(super) struct Sessions {
    blocks: Vec<Vec<u8>>,
    /// Where each session is, in their order once they are [sorted](Sessions::sort).
    places: Vec<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    block: u32,
    at: u32,
}

/// One of them.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    pub(super) pool: PoolNumber,
    /// The frame that holds its payload.
    pub(super) index: u32,
    pub(super) offset: u64,
    state: u8,
    id: &'a [u8],
    record: &'a [u8],
}

const STATE: usize = 0;
const POOL: Range<usize> = 1..5;
const INDEX: Range<usize> = 5..9;
const OFFSET: Range<usize> = 9..17;
const ID_LENGTH: usize = 17;
const RECORD_LENGTH: Range<usize> = 18..20;
const HEAD: usize = 20;

fn number<const N: usize>(bytes: &[u8], range: Range<usize>) -> [u8; N] {
    bytes.get(range).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
}

fn code(state: State) -> u8 {
    // There are a handful.
    State::ALL
        .iter()
        .position(|other| *other == state)
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or_default()
}

impl Kept<'_> {
    /// What it reads back is what was put in: it was decoded then.
    pub(super) fn read(&self) -> Result<(SessionId, SessionRecord), String> {
        let id = self.id()?;
        Ok((id, format::decode_record(self.record)?))
    }

    pub(super) fn id(&self) -> Result<SessionId, String> {
        SessionId::from_bytes(self.id).map_err(|error| error.to_string())
    }

    pub(super) fn id_bytes(&self) -> &[u8] {
        self.id
    }

    pub(super) fn is_in(&self, state: State) -> bool {
        self.state == code(state)
    }

    fn cmp(&self, pool: PoolNumber, id: &[u8]) -> Ordering {
        self.pool.cmp(&pool).then_with(|| self.id.cmp(id))
    }
}

impl Sessions {
    pub(super) fn push(
        &mut self,
        pool: PoolNumber,
        id: &SessionId,
        record: &[u8],
        (index, offset): (u32, u64),
    ) -> Result<(), String> {
        let state = format::decode_record(record)?.state();
        let length = u16::try_from(record.len()).map_err(|_| "its record is too long")?;
        let id = id.as_str().as_bytes();
        let id_length = u8::try_from(id.len()).map_err(|_| "its id is too long")?;
        let size = HEAD + id.len() + record.len();
        if self.blocks.last().is_none_or(|block| block.len() + size > BLOCK) {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        let number = u32::try_from(self.blocks.len() - 1).map_err(|_| "there are too many sessions")?;
        if let Some(block) = self.blocks.last_mut() {
            let at = u32::try_from(block.len()).map_err(|_| "there are too many sessions")?;
            self.places.push(Place { block: number, at });
            block.push(code(state));
            block.extend_from_slice(&pool.0.to_le_bytes());
            block.extend_from_slice(&index.to_le_bytes());
            block.extend_from_slice(&offset.to_le_bytes());
            block.push(id_length);
            block.extend_from_slice(&length.to_le_bytes());
            block.extend_from_slice(id);
            block.extend_from_slice(record);
        }
        Ok(())
    }

    /// Brings them into their order, in which they are nearly written.
    pub(super) fn sort(&mut self) {
        let mut places = std::mem::take(&mut self.places);
        places.sort_by(|a, b| {
            let b = self.at(*b);
            self.at(*a).cmp(b.pool, b.id)
        });
        places.shrink_to_fit();
        self.places = places;
    }

    fn at(&self, place: Place) -> Kept<'_> {
        let block = self.blocks.get(place.block as usize).map_or(&[][..], Vec::as_slice);
        let bytes = block.get(place.at as usize..).unwrap_or_default();
        let id = HEAD..HEAD + usize::from(bytes.get(ID_LENGTH).copied().unwrap_or_default());
        let record = id.end..id.end + usize::from(u16::from_le_bytes(number(bytes, RECORD_LENGTH)));
        Kept {
            pool: PoolNumber(u32::from_le_bytes(number(bytes, POOL))),
            index: u32::from_le_bytes(number(bytes, INDEX)),
            offset: u64::from_le_bytes(number(bytes, OFFSET)),
            state: bytes.get(STATE).copied().unwrap_or_default(),
            id: bytes.get(id).unwrap_or_default(),
            record: bytes.get(record).unwrap_or_default(),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Kept<'_>> {
        self.places.iter().map(|place| self.at(*place))
    }

    /// Those of a pool, or those of them behind an id.
    pub(super) fn of_pool(
        &self,
        pool: PoolNumber,
        after: Option<&SessionId>,
    ) -> impl Iterator<Item = Kept<'_>> {
        let after = after.map_or(&[][..], |id| id.as_str().as_bytes());
        let from = self.places.partition_point(|place| self.at(*place).cmp(pool, after).is_le());
        self.places[from..].iter().map(|place| self.at(*place)).take_while(move |kept| kept.pool == pool)
    }

    /// The first one of a pool or of those behind it.
    pub(super) fn first_from(&self, pool: PoolNumber) -> Option<Kept<'_>> {
        let from = self.places.partition_point(|place| self.at(*place).pool < pool);
        self.places.get(from).map(|place| self.at(*place))
    }

    pub(super) fn get(&self, pool: PoolNumber, id: &SessionId) -> Option<Kept<'_>> {
        let id = id.as_str().as_bytes();
        let at = self.places.binary_search_by(|place| self.at(*place).cmp(pool, id)).ok()?;
        Some(self.at(self.places[at]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{ErrorScore, Limits, Reason, Retired, Timestamp};

    #[test]
    fn sessions_come_in_the_order_of_pool_and_id_whatever_that_of_the_archive() {
        let at = Timestamp::from_millis(1_772_366_400_000);
        let score = ErrorScore::from_thousandths;
        let record = SessionRecord {
            created_at: at,
            expires_at: at,
            last_used_at: Some(at),
            resting_until: None,
            usage_count: 7,
            error_count: 2,
            error_score: score(1500),
            limits: Limits {
                max_usage_count: 50,
                max_concurrent_uses: Limits::UNLIMITED,
                max_error_score: score(3000),
                error_score_decrement: score(500),
            },
            retired: Some(Retired { reason: Reason::Exhausted, at }),
        };
        let mut bytes = Vec::new();
        format::encode_record(&record, &mut bytes).unwrap();
        let mut sessions = Sessions::default();
        let mut expected = Vec::new();
        for number in 0..3000_u32 {
            let mixed = number.wrapping_mul(2_654_435_761);
            let (pool, id) = (PoolNumber(mixed % 3), format!("s{mixed:x}").parse::<SessionId>().unwrap());
            sessions.push(pool, &id, &bytes, (number, u64::from(number) << 33)).unwrap();
            expected.push((pool, id, number));
        }
        sessions.sort();
        expected.sort();
        let found: Vec<_> = sessions.all().map(|kept| (kept.pool, kept.id().unwrap(), kept.index)).collect();
        assert_eq!(found, expected);
        for (pool, id, number) in &expected {
            let kept = sessions.get(*pool, id).unwrap();
            assert_eq!((kept.offset, kept.read().unwrap()), (u64::from(*number) << 33, (*id, record)));
            assert!(kept.is_in(record.state()));
        }
        let of = |pool, after: Option<&SessionId>| sessions.of_pool(pool, after).count();
        let in_pool: Vec<_> = expected.iter().filter(|(pool, ..)| *pool == PoolNumber(1)).collect();
        assert_eq!(of(PoolNumber(1), None), in_pool.len());
        assert_eq!(of(PoolNumber(1), Some(&in_pool[10].1)), in_pool.len() - 11);
        assert_eq!(of(PoolNumber(7), None), 0);
        assert!(sessions.get(PoolNumber(1), &"missing".parse().unwrap()).is_none());
    }
}
