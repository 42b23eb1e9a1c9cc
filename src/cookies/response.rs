//! What a response sets.

use std::cmp::Reverse;
use std::collections::HashMap;

use cookie_store::{CookieError, RawCookie};
use url::Url;

use super::{CookieRule, MAX_LENGTH, MAX_PER_DOMAIN, RejectedCookie, expiry};
use crate::session::{Cookie, MAX_COOKIES, SameSite, Timestamp};

/// Reads one `Set-Cookie` header of a response from `url`.
pub(crate) fn read(header: &[u8], url: &Url, now: Timestamp) -> Result<Cookie, RejectedCookie> {
    let text = String::from_utf8_lossy(header);
    let pair = text.split(';').next().unwrap_or_default();
    let name = pair.split_once('=').map_or("", |(name, _)| name.trim());
    let rejected = |rule| RejectedCookie { name: name.to_owned(), rule };
    // A tabulator is white space.
    let is_text =
        std::str::from_utf8(header).is_ok() && !text.contains(|c: char| c.is_control() && c != '\t');
    if !is_text {
        return Err(rejected(CookieRule::Text));
    }
    let raw = RawCookie::parse(&*text).map_err(|_| rejected(CookieRule::NameAndValue))?;
    if raw.name().len() + raw.value().len() > MAX_LENGTH {
        return Err(rejected(CookieRule::Length));
    }
    let said = raw.domain().unwrap_or_default().to_owned();
    let domain = || said.clone();
    let parsed = cookie_store::Cookie::try_from_raw_cookie(&raw, url).map_err(|error| {
        rejected(match error {
            CookieError::NonHttpScheme | CookieError::NonRelativeScheme => CookieRule::Url,
            _ => CookieRule::Domain { domain: domain() },
        })
    })?;
    let host = url.host_str().ok_or_else(|| rejected(CookieRule::Url))?;
    let mut host_only = matches!(parsed.domain, cookie_store::CookieDomain::HostOnly(_));
    let its_domain = String::from(&parsed.domain);
    if !host_only && is_public_suffix(&its_domain) {
        if its_domain != host {
            return Err(rejected(CookieRule::PublicSuffix { domain: domain() }));
        }
        host_only = true;
    }
    let secure = raw.secure().unwrap_or_default();
    let path = String::from(&parsed.path);
    let keeps_promise = match prefix(raw.name()) {
        Prefix::None => true,
        Prefix::Secure => secure && is_secure(url),
        Prefix::Host => {
            secure && is_secure(url) && host_only && raw.domain().is_none() && raw.path() == Some("/")
        }
    };
    if !keeps_promise {
        return Err(rejected(CookieRule::Prefix));
    }
    Ok(Cookie {
        name: raw.name().to_owned(),
        value: raw.value().to_owned(),
        partition_key: raw.partitioned().unwrap_or_default().then(|| site(host).to_owned()),
        domain: its_domain,
        path,
        host_only,
        secure,
        http_only: raw.http_only().unwrap_or_default(),
        same_site: raw.same_site().map(same_site),
        expires_at: expiry::of(&text, now),
        created_at: Some(now),
        last_accessed_at: None,
    })
}

fn same_site(same_site: cookie::SameSite) -> SameSite {
    match same_site {
        cookie::SameSite::Strict => SameSite::Strict,
        cookie::SameSite::Lax => SameSite::Lax,
        cookie::SameSite::None => SameSite::None,
    }
}

enum Prefix {
    None,
    Secure,
    Host,
}

fn prefix(name: &str) -> Prefix {
    let begins_with =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    match () {
        () if begins_with("__secure-") => Prefix::Secure,
        () if begins_with("__host-") => Prefix::Host,
        () => Prefix::None,
    }
}

/// Whether what is sent to and from it can be read by nobody else.
pub(super) fn is_secure(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(url::Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

/// Whether anybody can register a domain right below it. Only what the list names counts: of `internal`, say, it knows
/// nothing.
fn is_public_suffix(domain: &str) -> bool {
    psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.is_known() && suffix == domain.as_bytes())
}

/// The domain that somebody has registered, of a host below it; the host where there is none.
pub(super) fn site(host: &str) -> &str {
    psl::domain_str(host).unwrap_or(host)
}

/// Makes room where there are too many: what has expired goes first, then what was set longest ago (5.3, at the end).
pub(crate) fn evict(cookies: &mut Vec<Cookie>, now: Timestamp) {
    let mut of_domain = HashMap::<&str, usize>::new();
    for cookie in &*cookies {
        *of_domain.entry(&cookie.domain).or_default() += 1;
    }
    if cookies.len() <= MAX_COOKIES && of_domain.values().all(|count| *count <= MAX_PER_DOMAIN) {
        return;
    }
    cookies.retain(|cookie| !cookie.is_expired(now.to_datetime()));
    let mut newest_first: Vec<usize> = (0..cookies.len()).collect();
    newest_first.sort_by_key(|at| Reverse((cookies[*at].created_at, *at)));
    let mut stays = vec![false; cookies.len()];
    let (mut staying, mut of_domain) = (0, HashMap::<&str, usize>::new());
    for at in newest_first {
        let count = of_domain.entry(&cookies[at].domain).or_default();
        stays[at] = *count < MAX_PER_DOMAIN && staying < MAX_COOKIES;
        *count += usize::from(stays[at]);
        staying += usize::from(stays[at]);
    }
    let mut stays = stays.into_iter();
    cookies.retain(|_| stays.next().unwrap_or(true));
}
