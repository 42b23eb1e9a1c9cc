//! A cookie as it is kept.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Timestamp;

/// One cookie, with everything a browser or another cookie jar knows of it.
///
/// Two cookies are the same cookie where name, domain, path and partition agree
/// ([RFC 6265, 5.3](https://www.rfc-editor.org/rfc/rfc6265#section-5.3), item 11).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cookie {
    /// The name; may be empty.
    pub name: String,
    /// The value. A secret: `Debug` does not show it.
    pub value: String,
    /// The domain, without a leading dot.
    pub domain: String,
    /// The path; default `/`.
    #[serde(default = "root")]
    pub path: String,
    /// Whether it is sent to that very host only, and not to its subdomains.
    #[serde(default)]
    pub host_only: bool,
    /// Whether it is sent over secure connections only.
    #[serde(default)]
    pub secure: bool,
    /// Whether it is hidden from scripts.
    #[serde(default)]
    pub http_only: bool,
    /// When it is sent on cross-site requests; `None` where the site did not say.
    #[serde(default)]
    pub same_site: Option<SameSite>,
    /// The top-level site it is partitioned by (CHIPS); `None` for an ordinary cookie.
    #[serde(default)]
    pub partition_key: Option<String>,
    /// When it expires; `None` for a session cookie, which is kept as long as its session.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// When it was first set; `None` where not known.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// When it was last sent; `None` where not known.
    #[serde(default)]
    pub last_accessed_at: Option<Timestamp>,
}

fn root() -> String {
    "/".to_owned()
}

/// When a cookie is sent on cross-site requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameSite {
    /// Never.
    Strict,
    /// On top-level navigation.
    Lax,
    /// Always.
    None,
}

impl Cookie {
    /// A session cookie for `domain` and its subdomains, path `/`. A leading dot of the domain is dropped.
    pub fn new(name: impl Into<String>, value: impl Into<String>, domain: impl AsRef<str>) -> Self {
        let mut cookie = Self {
            name: name.into(),
            value: value.into(),
            domain: domain.as_ref().to_owned(),
            path: root(),
            host_only: false,
            secure: false,
            http_only: false,
            same_site: None,
            partition_key: None,
            expires_at: None,
            created_at: None,
            last_accessed_at: None,
        };
        cookie.normalize_domain();
        cookie
    }

    /// Drops leading dots of the domain, which mean nothing, and makes it lower case.
    pub(super) fn normalize_domain(&mut self) {
        if self.domain.starts_with('.') {
            self.domain = self.domain.trim_start_matches('.').to_owned();
        }
        self.domain.make_ascii_lowercase();
    }

    /// The same cookie, expiring at `time`.
    #[must_use]
    pub fn with_expires_at(mut self, time: DateTime<Utc>) -> Self {
        self.expires_at = Some(time.into());
        self
    }

    /// Whether it has expired at `now`. A session cookie never has.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|at| at <= Timestamp::from(now))
    }

    /// Whether setting one replaces the other.
    pub fn is_same_cookie(&self, other: &Self) -> bool {
        self.name == other.name
            && self.domain == other.domain
            && self.path == other.path
            && self.partition_key == other.partition_key
    }
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cookie")
            .field("name", &self.name)
            .field("value", &"***")
            .field("domain", &self.domain)
            .field("path", &self.path)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
