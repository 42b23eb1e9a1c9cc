//! What a request carries.

use url::{Host, Url};

use super::response::{is_secure, site};
use crate::session::{Cookie, Timestamp};

/// The value of the `Cookie` header of a request to `url`; `None` where it has none. Longer paths come first, then those
/// that were set earlier (RFC 6265, 5.4).
pub(crate) fn header(cookies: &[Cookie], url: &Url, now: impl FnOnce() -> Timestamp) -> Option<String> {
    // Nobody asks for the time where no cookie has an end.
    let now = if cookies.iter().any(|cookie| cookie.expires_at.is_some()) { now() } else { Timestamp::MIN };
    let mut sent: Vec<&Cookie> = cookies.iter().filter(|cookie| is_sent(cookie, url, now)).collect();
    sent.sort_by(|a, b| b.path.len().cmp(&a.path.len()).then(a.created_at.cmp(&b.created_at)));
    let length = sent.iter().map(|cookie| cookie.name.len() + cookie.value.len() + "=; ".len()).sum();
    let mut header = String::with_capacity(length);
    for cookie in &sent {
        if !header.is_empty() {
            header.push_str("; ");
        }
        // A cookie that somebody brought may have no name.
        if !cookie.name.is_empty() {
            header.push_str(&cookie.name);
            header.push('=');
        }
        header.push_str(&cookie.value);
    }
    (!sent.is_empty()).then_some(header)
}

fn is_sent(cookie: &Cookie, url: &Url, now: Timestamp) -> bool {
    let of_partition = || match &cookie.partition_key {
        None => true,
        Some(key) => {
            // Browsers keep it with its scheme, `https://shop.example`.
            let key = key.split_once("://").map_or(&**key, |(_, host)| host);
            url.host_str().is_some_and(|host| site(host) == site(key))
        }
    };
    url.scheme().starts_with("http")
        && domain_matches(cookie, url)
        && path_matches(&cookie.path, url.path())
        && (!cookie.secure || is_secure(url))
        && cookie.expires_at.is_none_or(|at| at > now)
        && of_partition()
        // What would be a header of its own was never set by a site.
        && !has_control(&cookie.name)
        && !has_control(&cookie.value)
}

fn has_control(text: &str) -> bool {
    if text.is_ascii() {
        return text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t');
    }
    text.chars().any(|c| c.is_control() && c != '\t')
}

/// RFC 6265, 5.1.3. Written here, and not left to the library that reads cookies, since it is done for each cookie of each
/// request, and nothing need be copied.
fn domain_matches(cookie: &Cookie, url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(host)) => {
            let above = || host.strip_suffix(&*cookie.domain).is_some_and(|below| below.ends_with('.'));
            host == cookie.domain || (!cookie.host_only && above())
        }
        // An address has nothing below it.
        Some(_) => url.host_str() == Some(&*cookie.domain),
        None => false,
    }
}

/// RFC 6265, 5.1.4.
fn path_matches(path: &str, requested: &str) -> bool {
    path.starts_with('/')
        && requested
            .strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || path.ends_with('/') || rest.starts_with('/'))
}
