//! Cookies on their way between a session and its sites (feature `cookies`): what a response sets and what a request
//! carries, after [RFC 6265](https://www.rfc-editor.org/rfc/rfc6265).
//!
//! The cookies of a session are its own: [`Session::store_response`](crate::Session::store_response) takes what a response
//! sets, [`Session::cookie_header`](crate::Session::cookie_header) answers what a request is to carry. Both are for clients
//! that have no cookies of their own, or have them switched off; redirects are followed hop by hop, each response stored
//! under the URL that it came from.
//!
//! What is as in browsers, beyond the RFC: a domain that is a public suffix is refused (unless it is the host itself),
//! names that begin with `__Secure-` and `__Host-` mean what they say, a cookie's name and value have 4096 bytes at most
//! together, an attribute with a value of more than 1024 is as none, and `http://localhost` and loopback addresses count as secure. Every request counts as a top-level navigation:
//! `SameSite` is kept and never keeps a cookie back, and a partitioned cookie goes to the site that it is partitioned by.
//!
//! Session cookies, those without an expiry, are kept as long as their session, across restarts: a crawler's session is
//! the browser session.

mod date;
mod expiry;
mod request;
mod response;

use std::fmt;

pub(crate) use request::header;
pub(crate) use response::{fit, read};

/// A cookie that a response would have set, and that was left out; the others were stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedCookie {
    /// Its name; empty where it has none.
    pub name: String,
    /// What it breaks.
    pub rule: CookieRule,
}

/// A rule that a cookie can break.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookieRule {
    /// It has no `=`, or nothing before it (RFC 6265, 5.2).
    NameAndValue,
    /// It has bytes that are no UTF-8, or control characters.
    Text,
    /// Its name and value have more than 4096 bytes together (6.1).
    Length,
    /// Its domain is not that of the host that sets it, nor one above (5.3, item 6).
    Domain {
        /// What it says.
        domain: String,
    },
    /// Its domain is one under which anybody can register, like `co.uk` (5.3, item 5).
    PublicSuffix {
        /// What it says.
        domain: String,
    },
    /// Its name begins with `__Secure-` or `__Host-`, and it is not secure, was not set by a secure host or, the latter, is
    /// not for that host and `/` alone
    /// ([draft-ietf-httpbis-rfc6265bis](https://www.ietf.org/archive/id/draft-ietf-httpbis-rfc6265bis-22.html), 5.4).
    Prefix,
    /// The URL that it came from is none of a host that speaks HTTP.
    Url,
}

impl fmt::Display for RejectedCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cookie {:?}: ", self.name)?;
        match &self.rule {
            CookieRule::NameAndValue => f.write_str("it has no name and value"),
            CookieRule::Text => f.write_str("it has control characters, or is no UTF-8"),
            CookieRule::Length => f.write_str("its name and value have more than 4096 bytes"),
            CookieRule::Domain { domain } => write!(f, "its domain {domain:?} is not its host's"),
            CookieRule::PublicSuffix { domain } => write!(f, "its domain {domain:?} is a public suffix"),
            CookieRule::Prefix => f.write_str("it is not what its name promises"),
            CookieRule::Url => f.write_str("its URL is none of a host that speaks HTTP"),
        }
    }
}

/// The most bytes that a cookie's name and value may have together.
const MAX_LENGTH: usize = 4096;
/// The most bytes that the value of an attribute may have
/// ([draft-ietf-httpbis-rfc6265bis](https://www.ietf.org/archive/id/draft-ietf-httpbis-rfc6265bis-22.html), 5.6).
const MAX_ATTRIBUTE_LENGTH: usize = 1024;
/// The most cookies that one domain may have, as in browsers.
const MAX_PER_DOMAIN: usize = 180;
