//! An item as a line of JSON.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::archive::{ArchiveItem, ArchivedSession};
use crate::session::{
    Cookie, Fingerprint, Limits, Payload, Reason, Retired, SameSite, SessionId, SessionRecord, Timestamp,
};
use crate::store::{LogEntry, PoolEntry, PoolName, Sequence};

/// One line. Frozen: what changes in it needs a new [`VERSION`](super::VERSION).
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Header(HeaderLine),
    Pool(PoolLine<'a>),
    Retirement(RetirementLine<'a>),
    Session(Box<SessionLine<'a>>),
    End(EndLine),
}

#[derive(Serialize)]
pub(super) struct HeaderLine {
    pub(super) format: &'static str,
    pub(super) version: u64,
    pub(super) written_at: Timestamp,
    pub(super) masked: bool,
}

#[derive(Serialize)]
pub(super) struct EndLine {
    pub(super) pools: u64,
    pub(super) retirements: u64,
    pub(super) sessions: u64,
    pub(super) unreadable: u64,
}

#[derive(Serialize)]
pub(super) struct PoolLine<'a> {
    pool: &'a PoolName,
    number: u32,
    last_sequence: Sequence,
    purged_through: Sequence,
    trimmed_through: Sequence,
    lost_log: &'a [(Sequence, Sequence)],
}

#[derive(Serialize)]
pub(super) struct RetirementLine<'a> {
    pool: &'a PoolName,
    sequence: Sequence,
    id: SessionId,
    reason: Reason,
    retired_at: Timestamp,
    created_at: Timestamp,
    usage_count: u32,
    error_count: u32,
    error_score: f64,
}

#[derive(Serialize)]
pub(super) struct SessionLine<'a> {
    pool: &'a PoolName,
    id: SessionId,
    created_at: Timestamp,
    expires_at: Timestamp,
    last_used_at: Option<Timestamp>,
    resting_until: Option<Timestamp>,
    usage_count: u32,
    max_usage_count: u32,
    max_concurrent_uses: Option<u32>,
    error_count: u32,
    error_score: f64,
    max_error_score: f64,
    error_score_decrement: f64,
    retired: Option<Retired>,
    cookies: Option<Vec<CookieLine<'a>>>,
    user_data: Option<&'a Map<String, Value>>,
    proxy: Option<&'a str>,
    fingerprint: Option<FingerprintLine<'a>>,
}

#[derive(Serialize)]
struct CookieLine<'a> {
    name: &'a str,
    value: &'a str,
    domain: &'a str,
    path: &'a str,
    host_only: bool,
    secure: bool,
    http_only: bool,
    same_site: Option<SameSite>,
    partition_key: Option<&'a str>,
    expires_at: Option<Timestamp>,
    created_at: Option<Timestamp>,
    last_accessed_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct FingerprintLine<'a> {
    headers: &'a [(String, String)],
    attributes: &'a Map<String, Value>,
}

impl<'a> Line<'a> {
    /// The line of an item that belongs to `pool`.
    pub(super) fn of(pool: &'a PoolName, item: &'a ArchiveItem) -> Self {
        match item {
            ArchiveItem::Pool(entry) => Self::Pool(pool_line(entry)),
            ArchiveItem::LogEntry { pool: _, sequence, entry } => {
                Self::Retirement(retirement_line(pool, *sequence, entry))
            }
            ArchiveItem::Session(session) => Self::Session(Box::new(session_line(pool, session))),
        }
    }
}

// Exhaustive all of them, so that a new field cannot be forgotten here.

fn pool_line(entry: &PoolEntry) -> PoolLine<'_> {
    let PoolEntry { number, name, last_sequence, purged_through, trimmed_through, lost_log } = entry;
    PoolLine {
        pool: name,
        number: number.0,
        last_sequence: *last_sequence,
        purged_through: *purged_through,
        trimmed_through: *trimmed_through,
        lost_log,
    }
}

fn retirement_line<'a>(pool: &'a PoolName, sequence: Sequence, entry: &LogEntry) -> RetirementLine<'a> {
    let LogEntry { id, reason, retired_at, created_at, usage_count, error_count, error_score } = *entry;
    RetirementLine {
        pool,
        sequence,
        id,
        reason,
        retired_at,
        created_at,
        usage_count,
        error_count,
        error_score: error_score.to_f64(),
    }
}

fn session_line<'a>(pool: &'a PoolName, session: &'a ArchivedSession) -> SessionLine<'a> {
    let ArchivedSession { pool: _, id, record, payload } = session;
    let SessionRecord {
        created_at,
        expires_at,
        last_used_at,
        resting_until,
        usage_count,
        error_count,
        error_score,
        limits: Limits { max_usage_count, max_concurrent_uses, max_error_score, error_score_decrement },
        retired,
    } = *record;
    let (cookies, user_data, proxy, fingerprint) = match payload {
        None => (None, None, None, None),
        Some(Payload { cookies, user_data, proxy, fingerprint }) => {
            (Some(cookies), Some(user_data.as_map()), proxy.as_ref(), fingerprint.as_ref())
        }
    };
    SessionLine {
        pool,
        id: *id,
        created_at,
        expires_at,
        last_used_at,
        resting_until,
        usage_count,
        max_usage_count,
        max_concurrent_uses: (max_concurrent_uses != Limits::UNLIMITED).then_some(max_concurrent_uses),
        error_count,
        error_score: error_score.to_f64(),
        max_error_score: max_error_score.to_f64(),
        error_score_decrement: error_score_decrement.to_f64(),
        retired,
        cookies: cookies.map(|cookies| cookies.iter().map(cookie_line).collect()),
        user_data,
        proxy: proxy.map(crate::session::Proxy::url),
        fingerprint: fingerprint
            .map(|Fingerprint { headers, attributes }| FingerprintLine { headers, attributes }),
    }
}

fn cookie_line(cookie: &Cookie) -> CookieLine<'_> {
    let Cookie {
        name,
        value,
        domain,
        path,
        host_only,
        secure,
        http_only,
        same_site,
        partition_key,
        expires_at,
        created_at,
        last_accessed_at,
    } = cookie;
    CookieLine {
        name,
        value,
        domain,
        path,
        host_only: *host_only,
        secure: *secure,
        http_only: *http_only,
        same_site: *same_site,
        partition_key: partition_key.as_deref(),
        expires_at: *expires_at,
        created_at: *created_at,
        last_accessed_at: *last_accessed_at,
    }
}
