//! Where a redirect leads, and what of the request goes there.

use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE,
    COOKIE, HOST, HeaderMap, HeaderName, LOCATION, PROXY_AUTHORIZATION, REFERER, TRANSFER_ENCODING,
};
use reqwest::{Method, Request, StatusCode};
use url::Url;

/// Where a response leads.
#[derive(Debug)]
pub(super) struct Follow {
    /// The next request, without its body.
    pub(super) request: Request,
    /// Whether the body goes along.
    pub(super) with_body: bool,
}

/// What a response leads to, as in browsers (<https://fetch.spec.whatwg.org/#http-redirect-fetch>). One without a place
/// where it could lead is the answer.
pub(super) fn follow(request: &Request, status: StatusCode, headers: &HeaderMap) -> Option<Follow> {
    let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let from = request.url();
    let url = resolve(from, headers.get(LOCATION).filter(|_| is_redirect)?.as_bytes())?;
    let mut next = Request::new(request.method().clone(), url);
    *next.headers_mut() = request.headers().clone();
    let becomes_get = match status.as_u16() {
        301 | 302 => request.method() == Method::POST,
        303 => request.method() != Method::GET && request.method() != Method::HEAD,
        _ => false,
    };
    if becomes_get {
        *next.method_mut() = Method::GET;
        remove(next.headers_mut(), &OF_A_BODY);
    }
    if next.url().origin() != from.origin() {
        // What was meant for one host is told to no other.
        remove(next.headers_mut(), &OF_ONE_HOST);
    }
    if from.scheme() == "https" && next.url().scheme() == "http" {
        remove(next.headers_mut(), &[REFERER]);
    }
    Some(Follow { request: next, with_body: !becomes_get })
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

    fn request(method: Method, url: &str) -> Request {
        let headers = ["authorization", "host", "content-type", "x-own", "referer"];
        let headers = headers.map(|name| (HeaderName::from_static(name), HeaderValue::from_static("value")));
        let mut request = Request::new(method, url.parse().unwrap());
        request.headers_mut().extend(headers);
        request
    }

    fn led(request: &Request, status: u16, location: &[u8]) -> Option<(Request, bool)> {
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_bytes(location).unwrap())]);
        let follow = follow(request, StatusCode::from_u16(status).unwrap(), &headers)?;
        Some((follow.request, follow.with_body))
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
            let request = request(method.parse().unwrap(), "https://shop.test/a");
            let (next, body) = led(&request, status, b"/b").unwrap();
            assert_eq!((next.method().as_str(), body), (becomes, with_body), "{status} {method}");
            assert_eq!(next.headers().contains_key("content-type"), with_body, "{status} {method}");
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
            let (next, _) = led(&request(Method::GET, "https://shop.test/a"), 302, to.as_bytes()).unwrap();
            assert_eq!(next.headers().contains_key("authorization"), stays, "{to}");
            assert_eq!(next.headers().contains_key("host"), stays, "{to}");
            assert_eq!(next.headers().contains_key("referer"), referer, "{to}");
            assert!(next.headers().contains_key("x-own"));
        }
    }

    #[test]
    fn a_place_is_resolved_and_what_is_none_is_the_answer() {
        let request = request(Method::GET, "https://shop.test/a/b?c#part");
        for (to, expected) in [
            ("d", "https://shop.test/a/d#part"),
            ("?e", "https://shop.test/a/b?e#part"),
            ("../x#y", "https://shop.test/x#y"),
            ("http://other.test", "http://other.test/#part"),
        ] {
            assert_eq!(led(&request, 302, to.as_bytes()).unwrap().0.url().as_str(), expected);
        }
        for to in [&b"ftp://shop.test/"[..], b"javascript:alert(1)", b"https://", b"\xff\xfe", b"data:,x"] {
            assert!(led(&request, 302, to).is_none(), "{to:?}");
        }
        assert!(led(&request, 300, b"/b").is_none());
        assert!(led(&request, 304, b"/b").is_none());
        assert!(follow(&request, StatusCode::FOUND, &HeaderMap::new()).is_none());
    }
}
