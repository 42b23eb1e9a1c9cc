//! What sites do about crawlers: log-ins, limits and bans. Each goes by a cookie.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::answer::Answer;
use super::seen::SeenRequest;

/// Gives the cookie, with another value each time: 1, 2, 3.
pub(crate) fn log_in(cookie: &'static str) -> impl Fn(&SeenRequest) -> Answer + Send + Sync + 'static {
    let count = AtomicU64::new(0);
    move |_| {
        let value = count.fetch_add(1, Ordering::Relaxed) + 1;
        Answer::ok(value.to_string()).set_cookie(format!("{cookie}={value}; Path=/"))
    }
}

/// Shows the value to those who have the cookie, and 401 to others.
pub(crate) fn demand_cookie(cookie: &'static str) -> impl Fn(&SeenRequest) -> Answer + Send + Sync + 'static {
    move |seen| match seen.cookie(cookie) {
        Some(value) => Answer::ok(value),
        None => Answer::status(401),
    }
}

/// Answers so many requests for each value of the cookie, and all that follow with 429 and `Retry-After`. Requests without
/// the cookie are one more visitor.
pub(crate) fn rate_limit(
    cookie: &'static str,
    allowed: u32,
    retry_after: impl Display + Send + Sync + 'static,
) -> impl Fn(&SeenRequest) -> Answer + Send + Sync + 'static {
    let counts: Mutex<HashMap<Option<String>, u32>> = Mutex::default();
    move |seen| {
        let mut counts = counts.lock();
        let count = counts.entry(seen.cookie(cookie).map(str::to_owned)).or_default();
        *count += 1;
        if *count <= allowed {
            Answer::ok(format!("{count} of {allowed}"))
        } else {
            Answer::status(429).header("retry-after", retry_after.to_string())
        }
    }
}

/// A time as `Retry-After` and `Date` have it.
pub(crate) fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The values of a cookie that are shut out.
#[derive(Clone, Default)]
pub(crate) struct Bans(Arc<Mutex<HashSet<String>>>);

impl Bans {
    pub(crate) fn ban(&self, value: impl Into<String>) {
        self.0.lock().insert(value.into());
    }

    /// 403 for those who are banned, 200 for others.
    pub(crate) fn page(
        &self,
        cookie: &'static str,
    ) -> impl Fn(&SeenRequest) -> Answer + Send + Sync + 'static {
        let bans = self.clone();
        move |seen| match seen.cookie(cookie) {
            Some(value) if bans.0.lock().contains(value) => Answer::status(403),
            _ => Answer::ok("welcome"),
        }
    }
}
