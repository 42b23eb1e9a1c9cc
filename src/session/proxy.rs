//! The proxy a session goes out through.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// The URL of a proxy, with credentials if it needs any: `scheme://[user[:password]@]host[:port]`.
///
/// Schemes: `http`, `https`, `socks4`, `socks4a`, `socks5`, `socks5h`. Neither `Debug` nor `Display` shows the
/// password, nor the user where there is no password: vendors take a key as the user then. [`Proxy::url`] does.
///
/// ```
/// let proxy: session_pool::Proxy = "http://auto:secret@proxy.example:8000".parse()?;
/// assert_eq!(proxy.to_string(), "http://auto:***@proxy.example:8000");
/// let proxy: session_pool::Proxy = "http://a-key:@proxy.example:8000".parse()?;
/// assert_eq!(proxy.to_string(), "http://***@proxy.example:8000");
/// # Ok::<(), session_pool::Invalid>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Proxy(String);

impl Proxy {
    const SCHEMES: [&'static str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    const RULE: &'static str = "must be scheme://[user[:password]@]host[:port], the scheme one of http, https, \
                                socks4, socks4a, socks5, socks5h";

    /// The whole URL, password included.
    pub fn url(&self) -> &str {
        &self.0
    }

    /// `scheme`, `user[:password]` and `host[:port]`.
    pub(crate) fn parts(&self) -> (&str, Option<&str>, &str) {
        // Nothing gets in that has no parts.
        parts(&self.0).unwrap_or_default()
    }

    /// Where it is, without its credentials: `scheme://host[:port]`, the host in lower case.
    ///
    /// ```
    /// let proxy: session_pool::Proxy = "http://auto:secret@Proxy.example:8000/".parse()?;
    /// assert_eq!(proxy.endpoint(), "http://proxy.example:8000");
    /// # Ok::<(), session_pool::Invalid>(())
    /// ```
    pub fn endpoint(&self) -> String {
        let (scheme, _, host) = self.parts();
        format!("{scheme}://{}", host.to_ascii_lowercase())
    }
}

/// `scheme`, `user[:password]` and `host[:port]` of a URL, as far as it has them.
fn parts(url: &str) -> Option<(&str, Option<&str>, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(match authority.rsplit_once('@') {
        Some((credentials, host)) => (scheme, Some(credentials), host),
        None => (scheme, None, authority),
    })
}

fn masked(url: &str) -> String {
    match parts(url) {
        Some((scheme, Some(credentials), host)) => {
            match credentials.split_once(':') {
                Some((user, password)) if !password.is_empty() => format!("{scheme}://{user}:***@{host}"),
                // The user is the key then.
                _ => format!("{scheme}://***@{host}"),
            }
        }
        Some((scheme, None, host)) => format!("{scheme}://{host}"),
        None => "***".to_owned(),
    }
}

/// What an error shows of something that is no proxy: nobody knows where its password stands.
fn shown(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, _)) if Proxy::SCHEMES.contains(&scheme) => format!("{scheme}://***"),
        _ => "***".to_owned(),
    }
}

fn is_host_and_port(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(v6) => match v6.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, port)) => match port.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None => return false,
            },
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    !host.is_empty() && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

impl FromStr for Proxy {
    type Err = Invalid;

    fn from_str(url: &str) -> Result<Self, Invalid> {
        Self::try_from(url.to_owned())
    }
}

impl TryFrom<&str> for Proxy {
    type Error = Invalid;

    fn try_from(url: &str) -> Result<Self, Invalid> {
        Self::try_from(url.to_owned())
    }
}

impl TryFrom<String> for Proxy {
    type Error = Invalid;

    fn try_from(url: String) -> Result<Self, Invalid> {
        let fits = !url.contains(|c: char| c.is_whitespace() || c.is_control())
            && parts(&url)
                .is_some_and(|(scheme, _, host)| Self::SCHEMES.contains(&scheme) && is_host_and_port(host));
        if fits { Ok(Self(url)) } else { Err(Invalid::new("proxy", shown(&url), Self::RULE)) }
    }
}

impl From<Proxy> for String {
    fn from(proxy: Proxy) -> Self {
        proxy.0
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&masked(&self.0))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_is_none_is_refused_and_its_password_is_not_repeated() {
        for bad in [
            "",
            "proxy:8000",
            "ftp://h:1",
            "http://",
            "http://:80",
            "http://u:topsecret@",
            "http://h:0",
            "http://h:99999",
            "http://h:u:topsecret",
            "http://a b",
            "http://[::1",
            "http://[::1]x",
        ] {
            let error = bad.parse::<Proxy>().unwrap_err();
            assert_eq!(error.field, "proxy");
            assert!(!error.to_string().contains("topsecret"), "{error}");
        }
        for good in ["http://h", "socks5h://u:p@h:1080", "https://[::1]:8080", "http://u:p:q@h:1/"] {
            assert_eq!(good.parse::<Proxy>().unwrap().url(), good);
        }
        assert_eq!(format!("{:?}", "http://u:p@h:1".parse::<Proxy>().unwrap()), "Proxy(http://u:***@h:1)");
    }

    #[test]
    fn a_user_without_a_password_is_a_key_and_is_not_shown() {
        for key in ["http://key@h:1", "http://key:@h:1", "http://key@h:1/path"] {
            let proxy: Proxy = key.parse().unwrap();
            assert_eq!((proxy.to_string().as_str(), proxy.url()), ("http://***@h:1", key));
        }
    }
}
