//! What is not shown unless it is asked for.

use serde_json::{Value, json};
use session_pool::SessionState;

/// What stands where a secret is.
pub(crate) const MASK: &str = "***";

/// Everything of a session as JSON; with `reveal` its secrets too: cookies' values, user data, the proxy's password, headers
/// that are secrets by their names.
pub(crate) fn state(state: &SessionState, reveal: bool) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(state)?;
    if reveal {
        return Ok(value);
    }
    for cookie in value["cookies"].as_array_mut().into_iter().flatten() {
        cookie["value"] = json!(MASK);
    }
    for (_, value) in value["user_data"].as_object_mut().into_iter().flatten() {
        *value = json!(MASK);
    }
    if let Some(proxy) = &state.proxy {
        value["proxy"] = json!(proxy.to_string());
    }
    for header in value["fingerprint"]["headers"].as_array_mut().into_iter().flatten() {
        if header[0].as_str().is_some_and(is_secret_header) {
            header[1] = json!(MASK);
        }
    }
    Ok(value)
}

/// Whether a header of that name carries a secret: headers are how a browser looks as a rule, but a crawler may put its
/// tokens there.
pub(crate) fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "cookie" || ["auth", "token", "secret", "key", "session"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::is_secret_header;

    #[test]
    fn headers_that_carry_secrets_are_told_by_their_names() {
        for name in
            ["Cookie", "Authorization", "X-Api-Key", "X-CSRF-Token", "x-session-id", "Proxy-Authorization"]
        {
            assert!(is_secret_header(name), "{name}");
        }
        for name in ["User-Agent", "Accept-Language", "sec-ch-ua", "Upgrade-Insecure-Requests"] {
            assert!(!is_secret_header(name), "{name}");
        }
    }
}
