//! The large, cold part of a session.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fingerprint::is_secret_name;
use super::user_data::{map_length, to_bounded_json};
use super::{Cookie, Fingerprint, Invalid, Proxy, Timestamp, UserData};

/// The most cookies one session may have, as in browsers.
pub const MAX_COOKIES: usize = 3000;
/// The most bytes the cookies, user data, proxy and fingerprint of one session may have together: 4 MiB. Each cookie and
/// each header counts 256 bytes besides its texts.
pub const MAX_PAYLOAD_LENGTH: usize = 4 << 20;

/// The large, cold part of a session: who it is to the site. Written only when it changes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Payload {
    /// Its cookies, session cookies included.
    pub cookies: Vec<Cookie>,
    /// What the caller keeps with it.
    pub user_data: UserData,
    /// The proxy that all its requests leave through, bound at creation.
    pub proxy: Option<Proxy>,
    /// How it looks to the site, bound at creation.
    pub fingerprint: Option<Fingerprint>,
}

impl Payload {
    /// Sets a cookie: it replaces the same cookie, and deletes it where it is expired at `now`
    /// ([RFC 6265, 5.3](https://www.rfc-editor.org/rfc/rfc6265#section-5.3)).
    pub fn set_cookie(&mut self, mut cookie: Cookie, now: Timestamp) {
        cookie.normalize_domain();
        let expired = cookie.is_expired(now.to_datetime());
        match self.cookies.iter().position(|old| old.is_same_cookie(&cookie)) {
            Some(at) if expired => drop(self.cookies.remove(at)),
            Some(at) => {
                // The same cookie keeps its age: RFC 6265, 5.3, item 11.3.
                let created_at = self.cookies[at].created_at.or(cookie.created_at);
                self.cookies[at] = Cookie { created_at, ..cookie };
            }
            None if expired => {}
            None => self.cookies.push(cookie),
        }
    }

    /// The same without its secrets: `***` for the values of cookies and of user data, for the proxy's password or key, and
    /// for headers and attributes of the fingerprint that are secrets by their names, attributes within others too: names
    /// with `auth`, `cookie`, `token`, `secret`, `key` or `session` in them.
    #[must_use]
    pub fn masked(&self) -> Self {
        let Self { cookies, user_data, proxy, fingerprint } = self;
        let keys = user_data.as_map().keys();
        let headers = |headers: &[(String, String)]| {
            let masked = headers.iter().map(|(name, value)| {
                (name.clone(), if is_secret_name(name) { MASK.to_owned() } else { value.clone() })
            });
            masked.collect()
        };
        Self {
            cookies: cookies
                .iter()
                .map(|cookie| Cookie { value: MASK.to_owned(), ..cookie.clone() })
                .collect(),
            user_data: keys.map(|key| (key.clone(), MASK.into())).collect::<Map<_, _>>().into(),
            proxy: proxy.as_ref().and_then(|proxy| proxy.to_string().parse().ok()),
            fingerprint: fingerprint.as_ref().map(|Fingerprint { headers: all, attributes }| Fingerprint {
                headers: headers(all),
                attributes: masked_by_name(attributes),
            }),
        }
    }

    /// How many bytes it takes in memory, roughly.
    pub(crate) fn length_in_memory(&self) -> usize {
        let Self { cookies, user_data, proxy, fingerprint } = self;
        let mut length =
            size_of::<Self>() + user_data.length_in_memory() + proxy.as_ref().map_or(0, |p| p.url().len());
        for cookie in cookies {
            length += size_of::<Cookie>() + cookie.name.len() + cookie.value.len();
            length += cookie.domain.len() + cookie.path.len();
        }
        if let Some(Fingerprint { headers, attributes }) = fingerprint {
            let header = size_of::<(String, String)>();
            length += headers.iter().map(|(name, value)| header + name.len() + value.len()).sum::<usize>();
            length += map_length(attributes);
        }
        length
    }

    /// How many bytes it takes, roughly, if it may be stored.
    ///
    /// # Errors
    ///
    /// [`Invalid`], naming `cookies`, `user_data`, `fingerprint` or `payload`, where a limit is exceeded.
    pub(crate) fn check(&self) -> Result<usize, Invalid> {
        if self.cookies.len() > MAX_COOKIES {
            return Err(Invalid::new("cookies", self.cookies.len(), "must be at most 3000"));
        }
        let length = self.length()?;
        if length > MAX_PAYLOAD_LENGTH {
            let value = format!("{length} bytes");
            return Err(Invalid::new("payload", value, "must be at most 4194304 bytes in all"));
        }
        Ok(length)
    }

    /// How many bytes it takes, roughly.
    ///
    /// # Errors
    ///
    /// [`Invalid`], naming `user_data` or `fingerprint`, where a limit of its own is exceeded.
    pub(crate) fn length(&self) -> Result<usize, Invalid> {
        let mut length = self.user_data.to_text()?.len() + self.proxy.as_ref().map_or(0, |p| p.url().len());
        length += self.cookies.iter().map(cookie_length).sum::<usize>();
        if let Some(fingerprint) = &self.fingerprint {
            length += to_bounded_json("fingerprint", &fingerprint.attributes)?.len();
            length += fingerprint
                .headers
                .iter()
                .map(|(name, value)| EACH + name.len() + value.len())
                .sum::<usize>();
        }
        Ok(length)
    }
}

/// What a cookie or a header takes besides its texts, at most.
const EACH: usize = 256;

/// How many bytes of a payload a cookie takes, roughly.
pub(crate) fn cookie_length(cookie: &Cookie) -> usize {
    let texts = cookie.name.len() + cookie.value.len() + cookie.domain.len() + cookie.path.len();
    EACH + texts + cookie.partition_key.as_ref().map_or(0, String::len)
}

/// What stands for a secret.
const MASK: &str = "***";

/// Attributes with those masked that are secrets by their names.
fn masked_by_name(attributes: &Map<String, Value>) -> Map<String, Value> {
    fn masked(value: &Value) -> Value {
        match value {
            Value::Object(attributes) => masked_by_name(attributes).into(),
            Value::Array(values) => values.iter().map(masked).collect(),
            other => other.clone(),
        }
    }
    let attributes = attributes
        .iter()
        .map(|(name, value)| (name.clone(), if is_secret_name(name) { MASK.into() } else { masked(value) }));
    attributes.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn names(payload: &Payload) -> Vec<(&str, &str)> {
        payload.cookies.iter().map(|c| (c.name.as_str(), c.value.as_str())).collect()
    }

    #[test]
    fn peer_19_a_past_dated_cookie_deletes_the_older_one() {
        let mut payload = Payload::default();
        payload.set_cookie(Cookie::new("a", "1", ".Example.com"), NOW);
        payload.set_cookie(Cookie::new("b", "2", "example.com"), NOW);
        payload.set_cookie(Cookie { domain: ".EXAMPLE.com".into(), ..Cookie::new("a", "3", "") }, NOW);
        assert_eq!(names(&payload), [("a", "3"), ("b", "2")]);
        payload.set_cookie(
            Cookie::new("a", "", "example.com")
                .with_expires_at(NOW.minus(Duration::from_secs(1)).to_datetime()),
            NOW,
        );
        assert_eq!(names(&payload), [("b", "2")]);
    }

    #[test]
    fn peer_18_an_expiry_at_the_epoch_is_an_expiry_and_none_is_a_session_cookie() {
        let mut payload = Payload::default();
        payload.set_cookie(Cookie::new("a", "1", "example.com"), NOW);
        assert!(!payload.cookies[0].is_expired(Timestamp::MAX.to_datetime()));
        payload.set_cookie(
            Cookie::new("a", "1", "example.com").with_expires_at(chrono::DateTime::UNIX_EPOCH),
            NOW,
        );
        assert!(payload.cookies.is_empty());
    }

    #[test]
    fn a_cookie_replaces_the_same_cookie_only() {
        let mut payload = Payload::default();
        payload.set_cookie(Cookie::new("a", "1", "example.com"), NOW);
        payload.set_cookie(Cookie { path: "/x".into(), ..Cookie::new("a", "2", "example.com") }, NOW);
        payload.set_cookie(Cookie::new("a", "3", "www.example.com"), NOW);
        payload.set_cookie(Cookie::new("a", "4", "example.com"), NOW);
        assert_eq!(names(&payload), [("a", "4"), ("a", "2"), ("a", "3")]);
    }

    #[test]
    fn what_is_masked_of_a_fingerprint_is_told_by_its_name_wherever_it_stands() {
        let attributes = serde_json::json!({
            "browser": "chrome", "screen": [1920, 1080], "apiToken": { "a": 1 },
            "tls": { "ja3": "771,4865", "sessionTicket": "98765432" }, "devices": [{ "key": "98765432", "id": 7 }],
        });
        let headers = vec![("User-Agent".into(), "x".into()), ("Authorization".into(), "98765432".into())];
        let fingerprint = Fingerprint { headers, attributes: attributes.as_object().unwrap().clone() };
        let payload = Payload { fingerprint: Some(fingerprint), ..Payload::default() };
        let masked = payload.masked().fingerprint.unwrap();
        assert_eq!(masked.headers[0].1, "x");
        assert_eq!(masked.headers[1].1, "***");
        let expected = serde_json::json!({
            "browser": "chrome", "screen": [1920, 1080], "apiToken": "***",
            "tls": { "ja3": "771,4865", "sessionTicket": "***" }, "devices": [{ "key": "***", "id": 7 }],
        });
        assert_eq!(Value::Object(masked.attributes), expected);
    }

    #[test]
    fn a_payload_over_a_limit_is_refused() {
        let cookie = Cookie::new("a", "1", "example.com");
        let payload = Payload { cookies: vec![cookie; MAX_COOKIES + 1], ..Payload::default() };
        assert_eq!(payload.check().unwrap_err().field, "cookies");
        let headers = vec![(String::new(), String::new()); 600_000];
        let fingerprint = Some(Fingerprint { headers, ..Fingerprint::default() });
        let payload = Payload { fingerprint, ..Payload::default() };
        assert_eq!(payload.check().unwrap_err().field, "payload");
        let cookie = Cookie::new("a", "x".repeat(MAX_PAYLOAD_LENGTH), "example.com");
        let payload = Payload { cookies: vec![cookie], ..Payload::default() };
        assert_eq!(payload.check().unwrap_err().field, "payload");
    }
}
