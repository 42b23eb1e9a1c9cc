//! What a caller keeps with a session: JSON, with typed access.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Invalid;

/// The most bytes the user data of one session may have as JSON text: 1 MiB.
pub const MAX_USER_DATA_LENGTH: usize = 1 << 20;
/// How deep arrays and objects may be nested in user data.
pub const MAX_USER_DATA_DEPTH: usize = 64;

/// A JSON object that belongs to a session: tokens, an account's name, whatever the crawler wants to find again.
///
/// ```
/// let mut data = session_pool::UserData::default();
/// data.set("visits", 3)?;
/// assert_eq!(data.get::<u32>("visits")?, Some(3));
/// assert_eq!(data.get::<u32>("no such key")?, None);
/// assert!(data.get::<String>("visits").is_err(), "it is a number");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserData(Map<String, Value>);

impl UserData {
    /// The value of `key` as a `T`; `None` where there is no such key.
    ///
    /// # Errors
    ///
    /// The value is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, serde_json::Error> {
        self.0.get(key).map(T::deserialize).transpose()
    }

    /// Sets `key` to `value`.
    ///
    /// # Errors
    ///
    /// `value` cannot be written as JSON (a map whose keys are not text, for instance).
    pub fn set<T: Serialize>(&mut self, key: impl Into<String>, value: T) -> Result<(), serde_json::Error> {
        self.0.insert(key.into(), serde_json::to_value(value)?);
        Ok(())
    }

    /// The JSON object itself.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The JSON object itself, to change.
    pub fn as_map_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }

    /// How many bytes it takes in memory, roughly.
    pub(super) fn length_in_memory(&self) -> usize {
        map_length(&self.0)
    }

    /// The JSON text, checked against the limits.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where it is nested deeper than [`MAX_USER_DATA_DEPTH`] or longer than [`MAX_USER_DATA_LENGTH`].
    pub(crate) fn to_text(&self) -> Result<String, Invalid> {
        to_bounded_json("user_data", &self.0)
    }
}

/// `map` as JSON text within the limits, or the error for `field`.
pub(super) fn to_bounded_json(field: &'static str, map: &Map<String, Value>) -> Result<String, Invalid> {
    if !map.values().all(|value| is_shallow(value, MAX_USER_DATA_DEPTH - 1)) {
        return Err(Invalid::new(field, "nested deeper than that", "must be nested at most 64 deep"));
    }
    let text =
        serde_json::to_string(map).map_err(|error| Invalid::new(field, error, "must be writable as JSON"))?;
    if text.len() > MAX_USER_DATA_LENGTH {
        let length = format_args!("{} bytes of JSON", text.len()).to_string();
        return Err(Invalid::new(field, length, "must be at most 1048576 bytes of JSON"));
    }
    Ok(text)
}

fn is_shallow(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(values) => levels > 0 && values.iter().all(|value| is_shallow(value, levels - 1)),
        Value::Object(map) => levels > 0 && map.values().all(|value| is_shallow(value, levels - 1)),
        _ => true,
    }
}

impl From<Map<String, Value>> for UserData {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

impl std::fmt::Debug for UserData {
    /// The keys only: the values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.0.keys().map(|key| (key, "***"))).finish()
    }
}

/// How many bytes an object takes in memory, roughly.
pub(super) fn map_length(map: &Map<String, Value>) -> usize {
    let each = size_of::<(String, Value)>();
    map.iter().map(|(key, value)| each + key.len() + value_length(value)).sum()
}

fn value_length(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(|value| size_of::<Value>() + value_length(value)).sum(),
        Value::Object(map) => map_length(map),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_data_too_large_or_too_deep_is_refused_with_the_limit() {
        let mut data = UserData::default();
        data.set("k", "x".repeat(MAX_USER_DATA_LENGTH)).unwrap();
        let error = data.to_text().unwrap_err();
        assert!(error.to_string().contains(&MAX_USER_DATA_LENGTH.to_string()), "{error}");

        let mut value = Value::Null;
        for _ in 0..MAX_USER_DATA_DEPTH - 1 {
            value = Value::Array(vec![value]);
        }
        let mut data = UserData::default();
        data.set("k", &value).unwrap();
        let text = data.to_text().unwrap();
        assert_eq!(serde_json::from_str::<UserData>(&text).unwrap(), data, "the deepest allowed reads back");
        data.set("k", Value::Array(vec![value])).unwrap();
        let error = data.to_text().unwrap_err();
        assert!(error.to_string().contains(&MAX_USER_DATA_DEPTH.to_string()), "{error}");
    }

    #[test]
    fn debug_shows_no_value() {
        let mut data = UserData::default();
        data.set("token", "s3cret").unwrap();
        assert_eq!(format!("{data:?}"), r#"{"token": "***"}"#);
    }
}
