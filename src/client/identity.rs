//! Who a session is on the wire: the connections, the proxy and the headers that are its own.

use reqwest::header::{ACCEPT_ENCODING, ACCEPT_LANGUAGE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};
use url::{Position, Url};

use super::error::ClientError;
use super::transport::Transport;
use crate::session::{Fingerprint, Invalid, Proxy};

/// Who a session is on the wire, but for its cookies.
pub(super) struct Identity {
    pub(super) http: reqwest::Client,
    pub(super) has_proxy: bool,
    /// What every request carries, in plain HTTP and in TLS.
    plain: HeaderMap,
    secure: HeaderMap,
}

impl Identity {
    /// # Errors
    ///
    /// [`ClientError::Invalid`]: the fingerprint has a header that HTTP does not take. [`ClientError::Connect`].
    pub(super) fn new(
        transport: &Transport,
        proxy: Option<&Proxy>,
        fingerprint: Option<&Fingerprint>,
    ) -> Result<Self, ClientError> {
        let http = transport.connect(proxy)?;
        let (plain, secure) = match fingerprint {
            Some(fingerprint) => (headers(fingerprint, false)?, headers(fingerprint, true)?),
            None => Default::default(),
        };
        Ok(Self { http, has_proxy: proxy.is_some(), plain, secure })
    }

    /// The headers of a request to `url`, in their order: the identity's, with the request's own value where it has one;
    /// the request's others; the cookies.
    pub(super) fn headers(&self, url: &Url, own: &HeaderMap, cookies: Option<HeaderValue>) -> HeaderMap {
        let is_secure = url.scheme() == "https";
        let its = if is_secure { &self.secure } else { &self.plain };
        let mut headers = HeaderMap::with_capacity(its.len() + own.len() + 2);
        // hyper would write it last, where browsers write it first.
        if !is_secure && let Some(host) = own.get(HOST).cloned().or_else(|| host(url)) {
            headers.append(HOST, host);
        }
        for (name, value) in its {
            if !own.contains_key(name) {
                headers.append(name, value.clone());
            }
            for value in own.get_all(name) {
                headers.append(name, value.clone());
            }
        }
        for (name, value) in own.iter().filter(|(name, _)| !its.contains_key(*name)) {
            if is_secure || *name != HOST {
                headers.append(name, value.clone());
            }
        }
        if let Some(cookies) = cookies {
            headers.append(COOKIE, cookies);
        }
        headers
    }
}

/// The value of the header `host`: the host, and the port where it is not the scheme's own.
fn host(url: &Url) -> Option<HeaderValue> {
    let authority = &url[Position::BeforeHost..Position::AfterPort];
    if authority.is_empty() { None } else { HeaderValue::from_str(authority).ok() }
}

/// What a fingerprint says, and the encodings that its browser asks for, which are those that can be read.
fn headers(fingerprint: &Fingerprint, is_secure: bool) -> Result<HeaderMap, Invalid> {
    let mut headers = HeaderMap::with_capacity(fingerprint.headers.len() + 1);
    let names_encodings =
        fingerprint.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept-encoding"));
    for (name, value) in &fingerprint.headers {
        let invalid = |what| Invalid::new("fingerprint", format_args!("the header {name:?}"), what);
        let its_name = HeaderName::try_from(name)
            .map_err(|_| invalid("must have a name that is a token (RFC 9110, 5.6.2)"))?;
        let value = HeaderValue::try_from(value)
            .map_err(|_| invalid("must have a value without control characters (RFC 9110, 5.5)"))?;
        if its_name == ACCEPT_LANGUAGE && !names_encodings {
            headers.append(ACCEPT_ENCODING, encodings(fingerprint, is_secure));
        }
        headers.append(its_name, value);
    }
    if !names_encodings && !headers.contains_key(ACCEPT_ENCODING) && !headers.is_empty() {
        headers.append(ACCEPT_ENCODING, encodings(fingerprint, is_secure));
    }
    Ok(headers)
}

/// Browsers ask for the newer encodings in TLS only, and Safari not for the newest.
fn encodings(fingerprint: &Fingerprint, is_secure: bool) -> HeaderValue {
    let is_safari = fingerprint.attributes.get("browser").is_some_and(|browser| browser == "safari");
    HeaderValue::from_static(match (is_secure, is_safari) {
        (false, _) => "gzip, deflate",
        (true, true) => "gzip, deflate, br",
        (true, false) => "gzip, deflate, br, zstd",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(headers: &[(&str, &str)]) -> Fingerprint {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Fingerprint { headers: headers.collect(), ..Fingerprint::default() }
    }

    fn identity(headers: &[(&str, &str)]) -> Identity {
        let transport = Transport::new().unwrap();
        Identity::new(&transport, None, Some(&fingerprint(headers))).unwrap()
    }

    fn lines(headers: &HeaderMap) -> Vec<String> {
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn headers_keep_the_order_of_the_fingerprint_and_the_requests_values_stand() {
        let identity =
            identity(&[("user-agent", "x"), ("accept", "y"), ("accept-language", "en"), ("dnt", "1")]);
        let own = [("accept", "own"), ("x-token", "t"), ("host", "else.test")];
        let own: HeaderMap = own
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let cookies = Some(HeaderValue::from_static("a=1"));
        let none = HeaderMap::new();
        let headers = |url: &str, own| lines(&identity.headers(&url.parse().unwrap(), own, cookies.clone()));
        assert_eq!(
            headers("http://shop.test:8080/", &none),
            [
                "host: shop.test:8080",
                "user-agent: x",
                "accept: y",
                "accept-encoding: gzip, deflate",
                "accept-language: en",
                "dnt: 1",
                "cookie: a=1",
            ]
        );
        assert_eq!(
            headers("http://shop.test/", &own),
            [
                "host: else.test",
                "user-agent: x",
                "accept: own",
                "accept-encoding: gzip, deflate",
                "accept-language: en",
                "dnt: 1",
                "x-token: t",
                "cookie: a=1",
            ]
        );
        let secure = headers("https://shop.test/", &own);
        assert_eq!(secure[0], "user-agent: x");
        assert_eq!(secure[2], "accept-encoding: gzip, deflate, br, zstd");
        assert_eq!(&secure[5..], ["x-token: t", "host: else.test", "cookie: a=1"]);
    }

    #[test]
    fn encodings_that_a_fingerprint_names_stand() {
        let identity = identity(&[("Accept-Encoding", "br"), ("accept-language", "en")]);
        let headers = identity.headers(&"https://shop.test/".parse().unwrap(), &HeaderMap::new(), None);
        assert_eq!(lines(&headers), ["accept-encoding: br", "accept-language: en"]);
    }

    #[test]
    fn a_header_that_http_does_not_take_is_named() {
        for (name, value) in [("bad name", "x"), ("x", "a\nb"), ("", "x")] {
            let error = headers(&fingerprint(&[(name, value)]), true).unwrap_err();
            assert_eq!(error.field, "fingerprint");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
