//! What a response sets.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;

use cookie_store::{CookieError, RawCookie};
use url::Url;

use super::{CookieRule, MAX_ATTRIBUTE_LENGTH, MAX_LENGTH, MAX_PER_DOMAIN, RejectedCookie, expiry};
use crate::session::{
    Cookie, Invalid, MAX_COOKIES, MAX_PAYLOAD_LENGTH, Payload, SameSite, Timestamp, cookie_length,
};

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
    let text = without_long_attributes(&text);
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

/// What a header says but for attributes whose values are too long, as if those were not there.
fn without_long_attributes(header: &str) -> Cow<'_, str> {
    let is_long = |attribute: &str| {
        let value = attribute.split_once('=').map_or("", |(_, value)| value);
        value.trim().len() > MAX_ATTRIBUTE_LENGTH
    };
    // Nearly all of them.
    if header.len() <= MAX_ATTRIBUTE_LENGTH || !header.split(';').skip(1).any(is_long) {
        return Cow::Borrowed(header);
    }
    let mut parts = header.split(';');
    let pair = parts.next().unwrap_or_default();
    Cow::Owned(std::iter::once(pair).chain(parts.filter(|part| !is_long(part))).collect::<Vec<_>>().join(";"))
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

/// Makes room where there are too many, or they take too much of a payload: what has expired goes first, then what was set
/// longest ago (5.3, at the end). Answers how many bytes the payload takes.
///
/// # Errors
///
/// As [`Payload::check`], where that is not for its cookies.
pub(crate) fn fit(payload: &mut Payload, now: Timestamp) -> Result<usize, Invalid> {
    limit_number(&mut payload.cookies, now);
    let length = payload.length()?;
    if length <= MAX_PAYLOAD_LENGTH {
        return Ok(length);
    }
    payload.cookies.retain(|cookie| !cookie.is_expired(now.to_datetime()));
    let mut length = payload.length()?;
    let mut stays = vec![true; payload.cookies.len()];
    for at in newest_first(&payload.cookies).into_iter().rev() {
        if length <= MAX_PAYLOAD_LENGTH {
            break;
        }
        length -= cookie_length(&payload.cookies[at]);
        stays[at] = false;
    }
    keep(&mut payload.cookies, stays);
    payload.check()
}

fn limit_number(cookies: &mut Vec<Cookie>, now: Timestamp) {
    let mut of_domain = HashMap::<&str, usize>::new();
    for cookie in &*cookies {
        *of_domain.entry(&cookie.domain).or_default() += 1;
    }
    if cookies.len() <= MAX_COOKIES && of_domain.values().all(|count| *count <= MAX_PER_DOMAIN) {
        return;
    }
    cookies.retain(|cookie| !cookie.is_expired(now.to_datetime()));
    let mut stays = vec![false; cookies.len()];
    let (mut staying, mut of_domain) = (0, HashMap::<&str, usize>::new());
    for at in newest_first(cookies) {
        let count = of_domain.entry(&cookies[at].domain).or_default();
        stays[at] = *count < MAX_PER_DOMAIN && staying < MAX_COOKIES;
        *count += usize::from(stays[at]);
        staying += usize::from(stays[at]);
    }
    keep(cookies, stays);
}

/// Where they are, those first that were set last.
fn newest_first(cookies: &[Cookie]) -> Vec<usize> {
    let mut newest_first: Vec<usize> = (0..cookies.len()).collect();
    newest_first.sort_by_key(|at| Reverse((cookies[*at].created_at, *at)));
    newest_first
}

fn keep(cookies: &mut Vec<Cookie>, stays: Vec<bool>) {
    let mut stays = stays.into_iter();
    cookies.retain(|_| stays.next().unwrap_or(true));
}
