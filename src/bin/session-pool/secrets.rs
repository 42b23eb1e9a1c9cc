//! What is not shown unless it is asked for.

use serde_json::{Value, json};
use session_pool::SessionState;

/// What stands where a secret is.
pub(crate) const MASK: &str = "***";

/// Everything of a session as JSON; with `reveal` its secrets too: cookies' values, user data, the proxy's credentials.
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
    Ok(value)
}
