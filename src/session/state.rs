//! Everything there is to know of a session, in one value.

use serde::{Deserialize, Serialize};

use super::{
    Cookie, ErrorScore, Fingerprint, Limits, Payload, Proxy, Retired, SessionId, SessionRecord, Timestamp,
    UserData,
};

/// Everything there is to know of a session, as one value to look at, log or hand on. Times are RFC 3339 in UTC.
///
/// It holds secrets: cookies, user data and the proxy's password are in clear in what serde writes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionState {
    /// Its name.
    pub id: SessionId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When a use of it last ended.
    pub last_used_at: Option<Timestamp>,
    /// Before when it is not to be handed out.
    pub resting_until: Option<Timestamp>,
    /// How many uses of it have ended.
    pub usage_count: u32,
    /// How often it may be used.
    pub max_usage_count: u32,
    /// How often it may be used at the same time; `None` for no limit.
    pub max_concurrent_uses: Option<u32>,
    /// How many uses were bad.
    pub error_count: u32,
    /// How badly it is treated of late.
    pub error_score: ErrorScore,
    /// The error score at which it is blocked.
    pub max_error_score: ErrorScore,
    /// How much a good use takes off the error score.
    pub error_score_decrement: ErrorScore,
    /// When and why it was retired; `None` while it is live.
    pub retired: Option<Retired>,
    /// Its cookies.
    pub cookies: Vec<Cookie>,
    /// What the caller keeps with it.
    pub user_data: UserData,
    /// The proxy that all its requests leave through.
    pub proxy: Option<Proxy>,
    /// How it looks to the site.
    pub fingerprint: Option<Fingerprint>,
}

impl SessionState {
    /// The state of the session `id`, put together from its two parts.
    pub fn new(id: SessionId, record: &SessionRecord, payload: Payload) -> Self {
        // Exhaustive, so that a new field cannot be forgotten here.
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
        let Payload { cookies, user_data, proxy, fingerprint } = payload;
        Self {
            id,
            created_at,
            expires_at,
            last_used_at,
            resting_until,
            usage_count,
            max_usage_count,
            max_concurrent_uses: (max_concurrent_uses != Limits::UNLIMITED).then_some(max_concurrent_uses),
            error_count,
            error_score,
            max_error_score,
            error_score_decrement,
            retired,
            cookies,
            user_data,
            proxy,
            fingerprint,
        }
    }
}
