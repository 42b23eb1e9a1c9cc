//! What came back for a request, and what it may say about the session that made it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};

/// What a reply says about the session that it was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is treated well: [`Settlement::Reclaim`](super::Settlement::Reclaim).
    Ok,
    /// It is burnt: [`Settlement::Retire`](super::Settlement::Retire).
    Blocked,
    /// It is too fast: [`Settlement::Rest`](super::Settlement::Rest), unless the pool is told otherwise (R-11).
    RateLimited {
        /// How long the site asks it to wait; `None` where it does not say.
        retry_after: Option<Duration>,
    },
    /// Something went wrong, and the session may be why: [`Settlement::Fail`](super::Settlement::Fail).
    Failed,
    /// Something went wrong, or not, and it says nothing about the session:
    /// [`Settlement::Release`](super::Settlement::Release).
    Neutral,
}

/// Why there was no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// It took too long.
    TimedOut,
    /// Nobody would be connected to.
    Connect,
    /// The connection broke, or what came over it was no HTTP.
    Broken,
    /// The proxy refused, or could not be reached.
    Proxy,
    /// The other side's certificate was not accepted, or TLS failed otherwise.
    Tls,
    /// The host's name does not exist, or cannot be looked up.
    NameLookup,
    /// The request itself was wrong, and was never sent.
    InvalidRequest,
    /// Whoever made it no longer wants it.
    Cancelled,
    /// It was redirected too often.
    Redirects,
    /// The response is longer than whoever made it wants.
    TooLong,
    /// Anything else.
    Other,
}

/// From the name of a header, in any case, to its value.
type Headers<'a> = dyn Fn(&str) -> Option<&'a str> + Sync + 'a;

/// What came back for a request: a response, or a failure. It borrows from the client's own, and can be held across an
/// `await` in a task that moves between threads.
///
/// ```
/// use session_pool::{Failure, Reply, StatusRules, Verdict};
///
/// let rules = StatusRules::default();
/// let headers = |name: &str| name.eq_ignore_ascii_case("retry-after").then_some("120");
/// let reply = Reply::response("shop.example", 429).with_headers(&headers);
/// let minutes = std::time::Duration::from_secs(120);
/// assert_eq!(rules.verdict(&reply), Verdict::RateLimited { retry_after: Some(minutes) });
///
/// let reply = Reply::failure("shop.example", Failure::TimedOut);
/// assert_eq!(rules.verdict(&reply), Verdict::Failed);
/// ```
#[derive(Clone, Copy)]
pub struct Reply<'a> {
    host: &'a str,
    status: Option<u16>,
    headers: Option<&'a Headers<'a>>,
    body: Option<&'a [u8]>,
    failure: Option<Failure>,
    error: Option<&'a (dyn Error + Send + Sync + 'static)>,
    received_at: Option<DateTime<Utc>>,
}

impl<'a> Reply<'a> {
    fn new(host: &'a str) -> Self {
        Self { host, status: None, headers: None, body: None, failure: None, error: None, received_at: None }
    }

    /// A response of `host`, a name or an address without a port.
    pub fn response(host: &'a str, status: u16) -> Self {
        Self { status: Some(status), ..Self::new(host) }
    }

    /// That there was no response of `host`, a name or an address without a port.
    pub fn failure(host: &'a str, failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::new(host) }
    }

    /// With its headers: a function from a name, in any case, to the value.
    #[must_use]
    pub fn with_headers(self, headers: &'a (dyn Fn(&str) -> Option<&'a str> + Sync)) -> Self {
        Self { headers: Some(headers), ..self }
    }

    /// With its body, or the beginning of it.
    #[must_use]
    pub fn with_body(self, body: &'a [u8]) -> Self {
        Self { body: Some(body), ..self }
    }

    /// With the client's own error.
    #[must_use]
    pub fn with_error(self, error: &'a (dyn Error + Send + Sync + 'static)) -> Self {
        Self { error: Some(error), ..self }
    }

    /// With the time at which it came, which a `Retry-After` with a date is held against. A pool gives its clock's where
    /// there is none.
    #[must_use]
    pub fn with_received_at(self, time: DateTime<Utc>) -> Self {
        Self { received_at: Some(time), ..self }
    }

    /// The same, where there is no time yet.
    pub(crate) fn received_at_or(self, time: impl FnOnce() -> DateTime<Utc>) -> Self {
        Self { received_at: Some(self.received_at.unwrap_or_else(time)), ..self }
    }

    /// The host that was asked, a name or an address without a port.
    pub fn host(&self) -> &'a str {
        self.host
    }

    /// The status of the response; `None` of a failure.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// The value of a header of the response, whose name may be in any case; `None` where it has none, or where the
    /// headers were not given.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.and_then(|headers| headers(name))
    }

    /// The body of the response, or the beginning of it; `None` where it was not given.
    pub fn body(&self) -> Option<&'a [u8]> {
        self.body
    }

    /// Why there is no response; `None` where there is one.
    pub fn why_failed(&self) -> Option<Failure> {
        self.failure
    }

    /// The client's own error; `None` where it was not given.
    pub fn error(&self) -> Option<&'a (dyn Error + Send + Sync + 'static)> {
        self.error
    }

    /// How long the site asks to wait, by its `Retry-After` header: seconds, or a date, which is held against the
    /// response's own `Date` header where there is one, so that neither side's clock need be right
    /// ([RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)). `None` where it does not say, or
    /// where nobody can read it.
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.header("retry-after")?.trim();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            // More seconds than a number holds are for ever.
            return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
        }
        let until = http_date(value)?;
        let now = self.header("date").and_then(|date| http_date(date.trim())).or(self.received_at)?;
        // A date that has passed asks for nothing more.
        Some((until - now).to_std().unwrap_or_default())
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("host", &self.host)
            .field("status", &self.status)
            .field("failure", &self.failure)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// A date in one of the three forms of HTTP ([RFC 9110, 5.6.7](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7)).
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    const FORMS: [&str; 3] =
        ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(|date| date.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry_after(value: &str, date: Option<&str>, now: Option<&str>) -> Option<Duration> {
        let headers = |name: &str| match name {
            "retry-after" => Some(value),
            "date" => date,
            _ => None,
        };
        let reply = Reply { headers: Some(&headers), ..Reply::response("shop.example", 429) };
        now.map_or(reply, |now| reply.with_received_at(now.parse().unwrap())).retry_after()
    }

    #[test]
    fn r11_retry_after_is_seconds_or_a_date_in_any_form() {
        let seconds = |value| Some(Duration::from_secs(value));
        let now = Some("1994-11-06T08:49:30Z");
        for (value, expected) in [
            ("120", seconds(120)),
            (" 0 ", seconds(0)),
            ("99999999999999999999999", seconds(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", seconds(7)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", seconds(7)),
            ("Sun Nov  6 08:49:37 1994", seconds(7)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", seconds(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 06 Nov 1994", None),
        ] {
            assert_eq!(retry_after(value, None, now), expected, "{value:?}");
        }
    }

    #[test]
    fn r11_a_date_is_held_against_the_date_of_the_response_where_it_has_one() {
        let (until, date) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:00 GMT");
        let seconds = |value| Some(Duration::from_secs(value));
        assert_eq!(retry_after(until, Some(date), Some("2026-01-01T00:00:00Z")), seconds(37));
        assert_eq!(retry_after(until, Some(date), None), seconds(37));
        assert_eq!(retry_after(until, Some("nonsense"), Some("1994-11-06T08:49:30Z")), seconds(7));
        assert_eq!(retry_after(until, None, None), None, "nobody knows what time it is");
    }
}
