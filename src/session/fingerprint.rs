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
