//! A cookie as it is written on a command line.

use session_pool::chrono::{DateTime, TimeDelta, Utc};
use session_pool::{Cookie, SameSite};

/// Reads a cookie as in a header Set-Cookie. Its domain must be given, since no request tells it; and what is not known is an
/// error here, so that nothing is lost by a slip.
pub(super) fn parse(text: &str) -> Result<Cookie, String> {
    let mut parts = text.split(';').map(str::trim);
    let (name, value) =
        parts.next().and_then(|pair| pair.split_once('=')).ok_or("must begin with NAME=VALUE")?;
    let mut cookie = Cookie::new(name.trim(), value.trim(), "");
    if cookie.name.is_empty() {
        return Err("must begin with NAME=VALUE".to_owned());
    }
    let (mut max_age, mut expires) = (None, None);
    for part in parts.filter(|part| !part.is_empty()) {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        let (attribute, value) = (attribute.trim(), value.trim());
        match attribute.to_ascii_lowercase().as_str() {
            "domain" => cookie.domain = Cookie::new("", "", value).domain,
            "path" => value.clone_into(&mut cookie.path),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "hostonly" => cookie.host_only = true,
            "samesite" => cookie.same_site = Some(same_site(value)?),
            "max-age" => max_age = Some(after(value)?),
            "expires" => expires = Some(date(value)?),
            _ => {
                return Err(format!(
                    "there is no attribute {attribute:?}; there are Domain, Path, Secure, HttpOnly, HostOnly, SameSite, \
                     Max-Age, Expires"
                ));
            }
        }
    }
    cookie.expires_at = max_age.or(expires).map(Into::into);
    if cookie.domain.is_empty() {
        return Err("must have a domain: `; Domain=shop.example`".to_owned());
    }
    Ok(cookie)
}

fn same_site(value: &str) -> Result<SameSite, String> {
    match value.to_ascii_lowercase().as_str() {
        "strict" => Ok(SameSite::Strict),
        "lax" => Ok(SameSite::Lax),
        "none" => Ok(SameSite::None),
        _ => Err(format!("SameSite is {value:?}: must be Strict, Lax or None")),
    }
}

fn after(seconds: &str) -> Result<DateTime<Utc>, String> {
    let time = seconds.parse().ok().and_then(TimeDelta::try_seconds);
    let time =
        time.and_then(|age| DateTime::<Utc>::from(std::time::SystemTime::now()).checked_add_signed(age));
    time.ok_or_else(|| format!("Max-Age is {seconds:?}: must be a number of seconds"))
}

fn date(text: &str) -> Result<DateTime<Utc>, String> {
    let date = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text));
    date.map(|date| date.with_timezone(&Utc))
        .map_err(|_| format!("Expires is {text:?}: must be a date, `2026-03-01T12:00:00Z` for instance"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_as_a_site_would_set_it() {
        let cookie = parse(
            "sid=a=b; Domain=.Shop.example; path=/x; Secure; HttpOnly; SameSite=lax; \
             Expires=Sun, 01 Mar 2026 12:00:00 GMT;",
        )
        .unwrap();
        assert_eq!((cookie.name.as_str(), cookie.value.as_str()), ("sid", "a=b"));
        assert_eq!((cookie.domain.as_str(), cookie.path.as_str()), ("shop.example", "/x"));
        assert!(cookie.secure && cookie.http_only && !cookie.host_only);
        assert_eq!(cookie.same_site, Some(SameSite::Lax));
        assert_eq!(cookie.expires_at.unwrap().to_string(), "2026-03-01T12:00:00.000Z");
        let session = parse("a=; domain=x.example; hostonly").unwrap();
        assert!(session.expires_at.is_none() && session.host_only && session.path == "/");
        for text in [
            "a=1; domain=x; max-age=60; expires=2001-01-01T00:00:00Z",
            "a=1; domain=x; expires=2001-01-01T00:00:00Z; max-age=60",
        ] {
            assert!(!parse(text).unwrap().is_expired(std::time::SystemTime::now().into()), "{text}");
        }
    }

    #[test]
    fn what_is_no_cookie_is_refused_with_the_rule() {
        for (text, rule) in [
            ("sid", "NAME=VALUE"),
            ("=x; domain=a", "NAME=VALUE"),
            ("sid=x", "domain"),
            ("sid=x; domain=a; secured", "secured"),
            ("sid=x; domain=a; samesite=maybe", "Strict"),
            ("sid=x; domain=a; max-age=soon", "seconds"),
            ("sid=x; domain=a; max-age=99999999999999999", "seconds"),
            ("sid=x; domain=a; expires=tomorrow", "date"),
        ] {
            assert!(parse(text).unwrap_err().contains(rule), "{text}");
        }
    }
}
