//! How a session looks to a site.

use serde::{Deserialize, Serialize};

/// How a session looks to a site: the headers that every request of it carries, in their order, and what else a
/// caller wants to know of the browser it plays.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Header names and values, in the order in which they are sent.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Anything else: browser, platform, screen, TLS profile, …
    #[serde(default)]
    pub attributes: serde_json::Map<String, serde_json::Value>,
}

/// Whether a header or an attribute of that name carries a secret: they are how a browser looks as a rule, but a crawler may
/// put its tokens there.
pub(crate) fn is_secret_name(name: &str) -> bool {
    const WORDS: [&str; 6] = ["auth", "cookie", "token", "secret", "key", "session"];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::is_secret_name;

    #[test]
    fn what_carries_a_secret_is_told_by_its_name() {
        for name in
            ["Cookie", "Authorization", "X-Api-Key", "X-CSRF-Token", "x-session-id", "Proxy-Authorization"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["User-Agent", "Accept-Language", "sec-ch-ua", "Upgrade-Insecure-Requests"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
