//! Where a redirect leads, and what of the request goes there.

use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE,
    COOKIE, HOST, HeaderMap, HeaderName, LOCATION, PROXY_AUTHORIZATION, REFERER, TRANSFER_ENCODING,
};
use reqwest::{Method, StatusCode};
use url::Url;

/// What a request is, but for its body.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    /// The request's own headers.
    pub(super) headers: HeaderMap,
}

/// Where a response leads.
#[derive(Debug)]
pub(super) struct Follow {
    pub(super) hop: Hop,
    /// Whether the body goes along.
    pub(super) with_body: bool,
}

/// What a response leads to, as in browsers (<https://fetch.spec.whatwg.org/#http-redirect-fetch>). One without a place
/// where it could lead is the answer.
pub(super) fn follow(hop: &Hop, status: StatusCode, headers: &HeaderMap) -> Option<Follow> {
    let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let url = resolve(&hop.url, headers.get(LOCATION).filter(|_| is_redirect)?.as_bytes())?;
    let mut next = Hop { url, ..hop.clone() };
    let becomes_get = match status.as_u16() {
        301 | 302 => hop.method == Method::POST,
        303 => hop.method != Method::GET && hop.method != Method::HEAD,
        _ => false,
    };
    if becomes_get {
        next.method = Method::GET;
        remove(&mut next.headers, &OF_A_BODY);
    }
    if next.url.origin() != hop.url.origin() {
        // What was meant for one host is told to no other.
        remove(&mut next.headers, &OF_ONE_HOST);
    }
    if hop.url.scheme() == "https" && next.url.scheme() == "http" {
        remove(&mut next.headers, &[REFERER]);
    }
    Some(Follow { hop: next, with_body: !becomes_get })
}

const OF_A_BODY: [HeaderName; 6] =
    [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, TRANSFER_ENCODING];
const OF_ONE_HOST: [HeaderName; 4] = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, HOST];

/// Removes headers; the others stay in their order, which [`HeaderMap::remove`] does not promise.
fn remove(headers: &mut HeaderMap, names: &[HeaderName]) {
    if names.iter().any(|name| headers.contains_key(name)) {
        let mut others = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers.iter().filter(|(name, _)| !names.contains(name)) {
            others.append(name, value.clone());
        }
        *headers = others;
    }
}

/// The URL that `to` names from `base`; `None` where it is none that can be fetched.
fn resolve(base: &Url, to: &[u8]) -> Option<Url> {
    let to = std::str::from_utf8(to).ok()?.trim();
    let mut url = base.join(to).ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return None;
    }
    if url.fragment().is_none() {
        url.set_fragment(base.fragment());
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn hop(method: Method, url: &str) -> Hop {
        let headers = ["authorization", "host", "content-type", "x-own", "referer"];
        let headers = headers.map(|name| (HeaderName::from_static(name), HeaderValue::from_static("value")));
        Hop { method, url: url.parse().unwrap(), headers: headers.into_iter().collect() }
    }

    fn led(hop: &Hop, status: u16, location: &[u8]) -> Option<(Hop, bool)> {
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_bytes(location).unwrap())]);
        let follow = follow(hop, StatusCode::from_u16(status).unwrap(), &headers)?;
        Some((follow.hop, follow.with_body))
    }

    #[test]
    fn methods_and_bodies_go_along_as_in_browsers() {
        for (status, method, becomes, with_body) in [
            (301, "GET", "GET", true),
            (301, "POST", "GET", false),
            (302, "POST", "GET", false),
            (302, "PUT", "PUT", true),
            (302, "HEAD", "HEAD", true),
            (303, "PUT", "GET", false),
            (303, "HEAD", "HEAD", true),
            (307, "POST", "POST", true),
            (308, "POST", "POST", true),
            (308, "GET", "GET", true),
        ] {
            let hop = hop(method.parse().unwrap(), "https://shop.test/a");
            let (next, body) = led(&hop, status, b"/b").unwrap();
            assert_eq!((next.method.as_str(), body), (becomes, with_body), "{status} {method}");
            assert_eq!(next.headers.contains_key("content-type"), with_body, "{status} {method}");
        }
    }

    #[test]
    fn what_was_meant_for_one_host_is_told_to_no_other() {
        for (to, stays, referer) in [
            ("/b", true, true),
            ("https://shop.test:443/b", true, true),
            ("https://www.shop.test/b", false, true),
            ("https://shop.test:8443/b", false, true),
            ("http://shop.test/b", false, false),
            ("//other.test/", false, true),
        ] {
            let (next, _) = led(&hop(Method::GET, "https://shop.test/a"), 302, to.as_bytes()).unwrap();
            assert_eq!(next.headers.contains_key("authorization"), stays, "{to}");
            assert_eq!(next.headers.contains_key("host"), stays, "{to}");
            assert_eq!(next.headers.contains_key("referer"), referer, "{to}");
            assert!(next.headers.contains_key("x-own"));
        }
    }

    #[test]
    fn a_place_is_resolved_and_what_is_none_is_the_answer() {
        let hop = hop(Method::GET, "https://shop.test/a/b?c#part");
        for (to, expected) in [
            ("d", "https://shop.test/a/d#part"),
            ("?e", "https://shop.test/a/b?e#part"),
            ("../x#y", "https://shop.test/x#y"),
            ("http://other.test", "http://other.test/#part"),
        ] {
            assert_eq!(led(&hop, 302, to.as_bytes()).unwrap().0.url.as_str(), expected);
        }
        for to in [&b"ftp://shop.test/"[..], b"javascript:alert(1)", b"https://", b"\xff\xfe", b"data:,x"] {
            assert!(led(&hop, 302, to).is_none(), "{to:?}");
        }
        assert!(led(&hop, 300, b"/b").is_none());
        assert!(led(&hop, 304, b"/b").is_none());
        assert!(follow(&hop, StatusCode::FOUND, &HeaderMap::new()).is_none());
    }
}
