//! A session as one would write it down: an identity and a few counters.

use std::time::{SystemTime, UNIX_EPOCH};

const MAX_ERROR_SCORE: f64 = 3.0;
const ERROR_SCORE_DECREMENT: f64 = 0.5;
/// Far away: no session is used up or grows old while it is measured.
const MAX_AGE: i64 = 1_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Session {
    pub(crate) id: u128,
    pub(crate) usage_count: u32,
    pub(crate) error_count: u32,
    pub(crate) error_score: f64,
    /// Milliseconds since 1970, as the other times.
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) last_used_at: i64,
}

impl Session {
    pub(crate) fn new(now: i64) -> Self {
        Self {
            id: fastrand::u128(..),
            usage_count: 0,
            error_count: 0,
            error_score: 0.0,
            created_at: now,
            expires_at: now + MAX_AGE,
            last_used_at: 0,
        }
    }

    pub(crate) fn is_usable(&self, now: i64) -> bool {
        self.error_score < MAX_ERROR_SCORE && now < self.expires_at && self.usage_count < u32::MAX
    }

    pub(crate) fn mark_good(&mut self, now: i64) {
        self.usage_count += 1;
        self.error_score = (self.error_score - ERROR_SCORE_DECREMENT).max(0.0);
        self.last_used_at = now;
    }

    /// All but its id, for a database of bytes.
    pub(crate) fn to_bytes(self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..4].copy_from_slice(&self.usage_count.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.error_count.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.error_score.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.created_at.to_be_bytes());
        bytes[24..32].copy_from_slice(&self.expires_at.to_be_bytes());
        bytes[32..].copy_from_slice(&self.last_used_at.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(id: u128, bytes: &[u8]) -> Self {
        fn part<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
            bytes[from..from + N].try_into().expect("it is as long as it was written")
        }
        Self {
            id,
            usage_count: u32::from_be_bytes(part(bytes, 0)),
            error_count: u32::from_be_bytes(part(bytes, 4)),
            error_score: f64::from_be_bytes(part(bytes, 8)),
            created_at: i64::from_be_bytes(part(bytes, 16)),
            expires_at: i64::from_be_bytes(part(bytes, 24)),
            last_used_at: i64::from_be_bytes(part(bytes, 32)),
        }
    }
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    since.as_millis() as i64
}
