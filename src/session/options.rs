//! What a session is made from.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Cookie, ErrorScore, Fingerprint, Invalid, Limits, Payload, Proxy, SessionId, SessionRecord, Timestamp,
    UserData,
};

/// What a session is made from. Start from a pool's own: `..pool.session_options()`, or from the defaults.
///
/// ```
/// use session_pool::SessionOptions;
///
/// let options = SessionOptions { max_usage_count: 150, ..Default::default() }.user_data("plan", "trial");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SessionOptions {
    /// Its name. Default: a new version 7 UUID.
    pub id: Option<SessionId>,
    /// The cookies it starts with. Default: none.
    pub cookies: Vec<Cookie>,
    /// What the caller keeps with it. Default: nothing.
    pub user_data: UserData,
    /// The proxy that all its requests leave through. Default: none.
    pub proxy: Option<Proxy>,
    /// How it looks to the site. Default: none.
    pub fingerprint: Option<Fingerprint>,
    /// How long it may live, at least 1 ms. Default: 3000 s.
    pub max_age: Duration,
    /// The error score at which it is blocked, from 0.001 to 1,000,000. Default: 3.
    pub max_error_score: f64,
    /// How much a good use takes off its error score, from 0 to 1,000,000. Default: 0.5.
    pub error_score_decrement: f64,
    /// How often it may be used, at least 1. Default: 50.
    pub max_usage_count: u32,
    /// How often it may be used at the same time, at least 1; `None` for no limit. Default: no limit.
    pub max_concurrent_uses: Option<u32>,
    /// When it was created, by the pool's clock. A time to come counts as now. Default: now.
    pub created_at: Option<DateTime<Utc>>,
    /// When it expires, by the pool's clock. Default: `created_at` + `max_age`.
    pub expires_at: Option<DateTime<Utc>>,
    /// How often it was used before, below `max_usage_count`. Default: 0.
    pub usage_count: u32,
    /// How many of those uses were bad, at most `usage_count`. Default: 0.
    pub error_count: u32,
    /// The error score it starts with, below `max_error_score`. Default: 0.
    pub error_score: f64,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            id: None,
            cookies: Vec::new(),
            user_data: UserData::default(),
            proxy: None,
            fingerprint: None,
            max_age: Duration::from_secs(3000),
            max_error_score: 3.0,
            error_score_decrement: 0.5,
            max_usage_count: 50,
            max_concurrent_uses: None,
            created_at: None,
            expires_at: None,
            usage_count: 0,
            error_count: 0,
            error_score: 0.0,
        }
    }
}

/// A session that is about to come into being: the two parts it is stored as.
#[derive(Debug, Clone)]
pub(crate) struct NewSession {
    pub(crate) id: SessionId,
    pub(crate) record: SessionRecord,
    pub(crate) payload: Payload,
    /// How many bytes the payload takes, roughly.
    pub(crate) payload_length: usize,
}

impl NewSession {
    /// Gives it what it has not got yet.
    ///
    /// # Errors
    ///
    /// [`Invalid`], naming `fingerprint` or `payload`, where a limit is exceeded.
    pub(crate) fn complete(
        &mut self,
        proxy: Option<Proxy>,
        fingerprint: Option<Fingerprint>,
    ) -> Result<(), Invalid> {
        let payload = &mut self.payload;
        payload.proxy = payload.proxy.take().or(proxy);
        payload.fingerprint = payload.fingerprint.take().or(fingerprint);
        self.payload_length = payload.check()?;
        Ok(())
    }
}

impl SessionOptions {
    /// The same with `key` of the user data set to `value`.
    #[must_use]
    pub fn user_data(mut self, key: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.user_data.as_map_mut().insert(key.into(), value.into());
        self
    }

    /// The same with one more cookie.
    #[must_use]
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// The limits that a session made from these options has.
    ///
    /// # Errors
    ///
    /// [`Invalid`] naming the first option that breaks its rule.
    pub(crate) fn limits(&self) -> Result<Limits, Invalid> {
        let max_error_score = ErrorScore::from_f64("max_error_score", self.max_error_score)?;
        if max_error_score == ErrorScore::default() {
            return Err(Invalid::new("max_error_score", self.max_error_score, "must be at least 0.001"));
        }
        if self.max_usage_count == 0 {
            return Err(Invalid::new("max_usage_count", 0, "must be at least 1"));
        }
        if self.max_concurrent_uses == Some(0) {
            return Err(Invalid::new("max_concurrent_uses", 0, "must be at least 1, or None for no limit"));
        }
        Ok(Limits {
            max_usage_count: self.max_usage_count,
            max_concurrent_uses: self.max_concurrent_uses.unwrap_or(Limits::UNLIMITED),
            max_error_score,
            error_score_decrement: ErrorScore::from_f64("error_score_decrement", self.error_score_decrement)?,
        })
    }

    /// Whether these options can serve as a pool's template: everything but that they are for one session only.
    ///
    /// # Errors
    ///
    /// [`Invalid`] naming the first option that breaks its rule; `id` may not be given.
    pub(crate) fn check_template(&self) -> Result<(), Invalid> {
        if let Some(id) = self.id {
            return Err(Invalid::new("id", id, "must not be given for every session of a pool"));
        }
        if let Some(time) = self.created_at {
            return Err(Invalid::new("created_at", time, "must not be given for every session of a pool"));
        }
        self.clone().build(Timestamp::MIN).map(drop)
    }

    /// The session that these options describe, created at `now`.
    ///
    /// # Errors
    ///
    /// [`Invalid`] naming the first option that breaks its rule, or that would make the session unusable from the
    /// start.
    pub(crate) fn build(self, now: Timestamp) -> Result<NewSession, Invalid> {
        let limits = self.limits()?;
        // Exhaustive, so that a new option cannot be forgotten here.
        let Self {
            id,
            cookies,
            user_data,
            proxy,
            fingerprint,
            max_age,
            max_error_score: _,
            error_score_decrement: _,
            max_usage_count,
            max_concurrent_uses: _,
            created_at,
            expires_at,
            usage_count,
            error_count,
            error_score,
        } = self;
        if max_age < Duration::from_millis(1) {
            return Err(Invalid::new("max_age", format_args!("{max_age:?}"), "must be at least 1 ms"));
        }
        // A pool goes by the newest time that it finds in its store (T-3): that may not lie ahead by a mistake.
        let created_at = created_at.map_or(now, |time| Timestamp::from(time).min(now));
        let given_expiry = expires_at.map(Timestamp::from);
        let expires_at = given_expiry.unwrap_or_else(|| created_at.plus(max_age));
        if expires_at <= now || expires_at <= created_at {
            let field = if given_expiry.is_some() { "expires_at" } else { "created_at" };
            let value = if given_expiry.is_some() { expires_at } else { created_at };
            return Err(Invalid::new(
                field,
                value,
                "must leave the session some life: it has already expired",
            ));
        }
        if usage_count >= max_usage_count {
            return Err(Invalid::new("usage_count", usage_count, "must be below max_usage_count"));
        }
        if error_count > usage_count {
            return Err(Invalid::new("error_count", error_count, "must be at most usage_count"));
        }
        let error_score = ErrorScore::from_f64("error_score", error_score)?;
        if error_score >= limits.max_error_score {
            return Err(Invalid::new("error_score", error_score, "must be below max_error_score"));
        }
        let record = SessionRecord {
            created_at,
            expires_at,
            last_used_at: None,
            resting_until: None,
            usage_count,
            error_count,
            error_score,
            limits,
            retired: None,
        };
        let mut payload = Payload { cookies: Vec::new(), user_data, proxy, fingerprint };
        for cookie in cookies {
            payload.set_cookie(cookie, now);
        }
        let payload_length = payload.check()?;
        Ok(NewSession { id: id.unwrap_or_else(SessionId::generate), record, payload, payload_length })
    }

    /// The same in a pool whose time is ahead of its clock. The times in the options, and `now`, are the clock's.
    ///
    /// # Errors
    ///
    /// As [`SessionOptions::build`].
    pub(crate) fn build_ahead(self, now: Timestamp, ahead: Duration) -> Result<NewSession, Invalid> {
        let mut new = self.build(now)?;
        new.record.created_at = new.record.created_at.plus(ahead);
        new.record.expires_at = new.record.expires_at.plus(ahead);
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn the_defaults_are_those_of_the_documentation() {
        let new = SessionOptions::default().build(NOW).unwrap();
        assert_eq!(new.record.expires_at, NOW.plus(Duration::from_secs(3000)));
        assert_eq!(
            new.record.limits,
            Limits {
                max_usage_count: 50,
                max_concurrent_uses: Limits::UNLIMITED,
                max_error_score: ErrorScore::from_thousandths(3000),
                error_score_decrement: ErrorScore::from_thousandths(500),
            }
        );
        assert_eq!(new.id.as_str().len(), 32);
    }

    #[test]
    fn r2_expires_at_is_created_at_plus_max_age_unless_given() {
        let created_at = Some(NOW.minus(Duration::from_secs(1000)).to_datetime());
        let new = SessionOptions { created_at, ..SessionOptions::default() }.build(NOW).unwrap();
        assert_eq!(new.record.expires_at, NOW.plus(Duration::from_secs(2000)));
        let expires_at = Some(NOW.plus(Duration::from_secs(5)).to_datetime());
        let new = SessionOptions { created_at, expires_at, ..SessionOptions::default() }.build(NOW).unwrap();
        assert_eq!(new.record.expires_at, NOW.plus(Duration::from_secs(5)));
    }

    #[test]
    fn r7_an_option_out_of_range_is_refused_by_name() {
        type Change = fn(&mut SessionOptions);
        let cases: [(&str, Change); 17] = [
            ("max_usage_count", |o| o.max_usage_count = 0),
            ("max_concurrent_uses", |o| o.max_concurrent_uses = Some(0)),
            ("max_age", |o| o.max_age = Duration::ZERO),
            ("max_error_score", |o| o.max_error_score = 0.0),
            ("max_error_score", |o| o.max_error_score = 0.0004),
            ("max_error_score", |o| o.max_error_score = -1.0),
            ("max_error_score", |o| o.max_error_score = f64::NAN),
            ("max_error_score", |o| o.max_error_score = f64::INFINITY),
            ("error_score_decrement", |o| o.error_score_decrement = -0.5),
            ("error_score_decrement", |o| o.error_score_decrement = f64::NAN),
            ("usage_count", |o| o.usage_count = 50),
            ("error_count", |o| o.error_count = 1),
            ("error_score", |o| o.error_score = 3.0),
            ("error_score", |o| o.error_score = f64::NEG_INFINITY),
            ("created_at", |o| o.created_at = Some(NOW.minus(Duration::from_secs(3000)).to_datetime())),
            ("expires_at", |o| o.expires_at = Some(NOW.to_datetime())),
            ("cookies", |o| {
                o.cookies = (0..3001).map(|n| Cookie::new(n.to_string(), "", "a.example")).collect();
            }),
        ];
        for (field, change) in cases {
            let mut options = SessionOptions::default();
            change(&mut options);
            let error = options.build(NOW).unwrap_err();
            assert_eq!(error.field, field, "{error}");
        }
        // The edges of what is allowed.
        SessionOptions { error_score_decrement: 0.0, ..Default::default() }.build(NOW).unwrap();
        SessionOptions { error_score_decrement: 1e6, max_error_score: 0.001, ..Default::default() }
            .build(NOW)
            .unwrap();
        SessionOptions { max_age: Duration::MAX, max_usage_count: u32::MAX, ..Default::default() }
            .build(NOW)
            .unwrap();
    }
}
