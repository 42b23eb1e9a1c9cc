//! What Crawlee keeps of a proxy beside its URL, which is the same once more.

use serde_json::{Map, Value};

use crate::session::Proxy;

/// The names and values of the parts: `username`, `password`, `hostname` and `port`, as `new URL(url)` has them, and the
/// credentials decoded.
pub(super) fn parts(proxy: &Proxy) -> [(&'static str, String); 4] {
    let (scheme, credentials, host) = proxy.parts();
    let (user, password) =
        credentials.unwrap_or_default().split_once(':').unwrap_or((credentials.unwrap_or_default(), ""));
    let (hostname, port) = match host.rsplit_once(':') {
        // A colon within brackets is one of an IPv6 address.
        Some((hostname, port)) if !port.ends_with(']') => (hostname, port),
        _ => (host, ""),
    };
    let is_default = matches!((scheme, port), ("http", "80") | ("https", "443"));
    [
        ("username", decoded(user)),
        ("password", decoded(password)),
        ("hostname", hostname.to_ascii_lowercase()),
        ("port", if is_default { String::new() } else { port.to_owned() }),
    ]
}

/// A `proxyInfo`.
pub(super) fn of(proxy: &Proxy) -> Value {
    let mut info = Map::new();
    info.insert("url".to_owned(), proxy.url().into());
    info.extend(parts(proxy).map(|(name, value)| (name.to_owned(), value.into())));
    Value::Object(info)
}

/// Text whose `%XX` are the bytes they stand for; as it is where these are no UTF-8.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let byte = match behind {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_proxy_are_those_that_javascript_sees() {
        let parts = |url: &str| parts(&url.parse().unwrap()).map(|(_, value)| value);
        assert_eq!(parts("http://auto:p%40w@Proxy.example:8000"), ["auto", "p@w", "proxy.example", "8000"]);
        assert_eq!(parts("http://h:80/"), ["", "", "h", ""]);
        assert_eq!(parts("https://u@[::1]:8443"), ["u", "", "[::1]", "8443"]);
        assert_eq!(parts("socks5://u:p:q@[::1]"), ["u", "p:q", "[::1]", ""]);
        assert_eq!(parts("http://%zz:%ff%4@h"), ["%zz", "%ff%4", "h", ""]);
    }
}
