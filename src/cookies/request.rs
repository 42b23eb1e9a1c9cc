//! What a request carries.

use std::fmt::Write as _;

use cookie_store::{CookieDomain, CookiePath};
use url::Url;

use super::response::{is_secure, site};
use crate::session::{Cookie, Timestamp};

/// The value of the `Cookie` header of a request to `url`; `None` where it has none. Longer paths come first, then those
/// that were set earlier (RFC 6265, 5.4).
pub(crate) fn header(cookies: &[Cookie], url: &Url, now: Timestamp) -> Option<String> {
    let mut sent: Vec<&Cookie> = cookies.iter().filter(|cookie| is_sent(cookie, url, now)).collect();
    sent.sort_by(|a, b| b.path.len().cmp(&a.path.len()).then(a.created_at.cmp(&b.created_at)));
    let (first, rest) = sent.split_first()?;
    let mut header = pair(first);
    for cookie in rest {
        let _ = write!(header, "; {}", pair(cookie));
    }
    Some(header)
}

fn pair(cookie: &Cookie) -> String {
    // A cookie that somebody brought may have no name.
    if cookie.name.is_empty() { cookie.value.clone() } else { format!("{}={}", cookie.name, cookie.value) }
}

fn is_sent(cookie: &Cookie, url: &Url, now: Timestamp) -> bool {
    let domain = cookie.domain.clone();
    let domain = if cookie.host_only { CookieDomain::HostOnly(domain) } else { CookieDomain::Suffix(domain) };
    let of_partition = || match &cookie.partition_key {
        None => true,
        Some(key) => {
            // Browsers keep it with its scheme, `https://shop.example`.
            let key = key.split_once("://").map_or(&**key, |(_, host)| host);
            url.host_str().is_some_and(|host| site(host) == site(key))
        }
    };
    url.scheme().starts_with("http")
        && domain.matches(url)
        && CookiePath::parse(&cookie.path).is_some_and(|path| path.matches(url))
        && (!cookie.secure || is_secure(url))
        && !cookie.is_expired(now.to_datetime())
        && of_partition()
        // What would be a header of its own was never set by a site.
        && !cookie.name.chars().chain(cookie.value.chars()).any(|c| c.is_control() && c != '\t')
}
