//! Session options as JSON.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::session::{Cookie, Fingerprint, SessionOptions};

/// The fields of a session, in the order of the documentation.
const FIELDS: [&str; 15] = [
    "id",
    "cookies",
    "user_data",
    "proxy",
    "fingerprint",
    "max_age",
    "max_usage_count",
    "max_error_score",
    "error_score_decrement",
    "max_concurrent_uses",
    "created_at",
    "expires_at",
    "usage_count",
    "error_count",
    "error_score",
];

/// The fields of a cookie.
const COOKIE_FIELDS: [&str; 12] = [
    "name",
    "value",
    "domain",
    "path",
    "host_only",
    "secure",
    "http_only",
    "same_site",
    "partition_key",
    "expires_at",
    "created_at",
    "last_accessed_at",
];

/// The fields of a fingerprint.
const FINGERPRINT_FIELDS: [&str; 2] = ["headers", "attributes"];

/// Something that is not as session options must be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, session {number}{}: {rule}", field.as_ref().map(|field| format!(", {field}")).unwrap_or_default())]
#[non_exhaustive]
pub struct InvalidJson {
    /// The line in which the session begins, or in which the text is no JSON. From 1 on.
    pub line: usize,
    /// Which of the sessions in the text. From 1 on.
    pub number: usize,
    /// The field, `cookies[2].expires_at` for instance; `None` where it is no object or no JSON at all.
    pub field: Option<String>,
    /// What is wrong with it, or the rule that it breaks.
    pub rule: String,
}

/// Reads the options of sessions from JSON: objects one after the other, each on a line of its own for instance, or an array
/// of them.
///
/// Their fields are those of [`SessionOptions`], all of them optional: `id` (text), `cookies` (array of objects with the
/// fields of [`Cookie`]; `name`, `value` and `domain` must be there), `user_data` (object), `proxy` (a URL), `fingerprint`
/// (object with `headers`, an array of pairs, and `attributes`), `max_age` (seconds), `max_usage_count`, `max_error_score`,
/// `error_score_decrement`, `max_concurrent_uses`, `created_at` and `expires_at` (RFC 3339), `usage_count`, `error_count`,
/// `error_score`. `null` stands for the default. Other fields are an error, so that nothing is lost by a slip.
///
/// ```
/// let text = r#"{"id": "user_42", "proxy": "http://u:p@proxy.example:8000", "max_usage_count": 150,
///     "cookies": [{"name": "sid", "value": "s3cret", "domain": "shop.example", "secure": true}]}"#;
/// let options = session_pool::maintenance::session_options(text)?;
/// assert_eq!((options.len(), options[0].max_usage_count), (1, 150));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`InvalidJson`], the first there is. Rules that hold between fields are those of [`AddPlan::new`](super::AddPlan::new).
pub fn session_options(text: &str) -> Result<Vec<SessionOptions>, InvalidJson> {
    // Some editors put it before everything else.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut sessions = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let begin = values.byte_offset();
        let Some(value) = values.next() else { return Ok(sessions) };
        // Before a value stand blanks, which are not of it.
        let blanks = text.get(begin..).map_or(0, |rest| rest.len() - rest.trim_start().len());
        let line = line_at(text, begin + blanks);
        let number = sessions.len() + 1;
        let value = value.map_err(|error| InvalidJson {
            line: error.line().max(1),
            number,
            field: None,
            rule: format!("it is no JSON: {error}"),
        })?;
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let number = sessions.len() + 1;
            let wrong = |(field, rule)| InvalidJson { line, number, field, rule };
            sessions.push(read(value).map_err(wrong)?);
        }
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// What is wrong: the field, and the rule.
type Wrong = (Option<String>, String);

fn read(value: Value) -> Result<SessionOptions, Wrong> {
    let mut fields = object(value, None, &FIELDS)?;
    let defaults = SessionOptions::default();
    let max_age: Option<f64> = take(&mut fields, "max_age")?;
    let max_age = match max_age.map(Duration::try_from_secs_f64) {
        None => defaults.max_age,
        Some(Ok(max_age)) => max_age,
        Some(Err(_)) => {
            return Err((
                Some("max_age".to_owned()),
                "must be a number of seconds, 0.001 at least".to_owned(),
            ));
        }
    };
    Ok(SessionOptions {
        id: take(&mut fields, "id")?,
        cookies: cookies(&mut fields)?,
        user_data: take(&mut fields, "user_data")?.unwrap_or(defaults.user_data),
        proxy: take(&mut fields, "proxy")?,
        fingerprint: fingerprint(&mut fields)?,
        max_age,
        max_error_score: take(&mut fields, "max_error_score")?.unwrap_or(defaults.max_error_score),
        error_score_decrement: take(&mut fields, "error_score_decrement")?
            .unwrap_or(defaults.error_score_decrement),
        max_usage_count: take(&mut fields, "max_usage_count")?.unwrap_or(defaults.max_usage_count),
        max_concurrent_uses: take(&mut fields, "max_concurrent_uses")?,
        created_at: take::<DateTime<Utc>>(&mut fields, "created_at")?,
        expires_at: take::<DateTime<Utc>>(&mut fields, "expires_at")?,
        usage_count: take(&mut fields, "usage_count")?.unwrap_or(defaults.usage_count),
        error_count: take(&mut fields, "error_count")?.unwrap_or(defaults.error_count),
        error_score: take(&mut fields, "error_score")?.unwrap_or(defaults.error_score),
    })
}

fn cookies(fields: &mut Map<String, Value>) -> Result<Vec<Cookie>, Wrong> {
    let values: Vec<Value> = take(fields, "cookies")?.unwrap_or_default();
    let mut cookies = Vec::with_capacity(values.len());
    for (at, value) in values.into_iter().enumerate() {
        let place = format!("cookies[{at}]");
        let mut fields = object(value, Some(&place), &COOKIE_FIELDS)?;
        for field in COOKIE_FIELDS {
            // The fields that have one by default are not written as null.
            if fields.get(field).is_some_and(Value::is_null) {
                fields.remove(field);
            }
        }
        let cookie = Cookie::deserialize(Value::Object(fields));
        cookies.push(cookie.map_err(|error| (Some(place), error.to_string()))?);
    }
    Ok(cookies)
}

fn fingerprint(fields: &mut Map<String, Value>) -> Result<Option<Fingerprint>, Wrong> {
    let place = "fingerprint";
    let Some(value) = take::<Value>(fields, place)? else { return Ok(None) };
    let fields = object(value, Some(place), &FINGERPRINT_FIELDS)?;
    let fingerprint = Fingerprint::deserialize(Value::Object(fields));
    fingerprint.map(Some).map_err(|error| (Some(place.to_owned()), error.to_string()))
}

/// The object that a value is, which has no fields but those.
fn object(value: Value, place: Option<&str>, known: &[&str]) -> Result<Map<String, Value>, Wrong> {
    let Value::Object(fields) = value else {
        return Err((place.map(str::to_owned), "must be an object".to_owned()));
    };
    match fields.keys().find(|field| !known.contains(&field.as_str())) {
        None => Ok(fields),
        Some(unknown) => {
            let field = place.map_or_else(|| unknown.clone(), |place| format!("{place}.{unknown}"));
            Err((Some(field), format!("there is no such field; there are {}", known.join(", "))))
        }
    }
}

/// Takes a field, if it is there and not null.
fn take<T: DeserializeOwned>(fields: &mut Map<String, Value>, name: &str) -> Result<Option<T>, Wrong> {
    let value = fields.remove(name).unwrap_or_default();
    Option::<T>::deserialize(value).map_err(|error| (Some(name.to_owned()), error.to_string()))
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "they are written as they are")]
mod tests {
    use super::*;

    #[test]
    fn every_option_can_be_given_and_those_that_are_not_have_their_defaults() {
        let text = r#"
            {"id": "a", "cookies": [{"name": "sid", "value": "1", "domain": "x.example", "expires_at": null}],
             "user_data": {"k": [1, {"l": null}]}, "proxy": "http://u:p@h:1",
             "fingerprint": {"headers": [["User-Agent", "x"]], "attributes": {"w": 1}}, "max_age": 1.5,
             "max_usage_count": 7, "max_error_score": 2.5, "error_score_decrement": 0, "max_concurrent_uses": 1,
             "created_at": "2026-03-01T12:00:00Z", "expires_at": "2026-03-02T12:00:00+01:00", "usage_count": 3,
             "error_count": 2, "error_score": 0.25}
            {} [{"id": "b"}, {"id": null}]"#;
        let options = session_options(text).unwrap();
        assert_eq!(options.len(), 4);
        let expected = SessionOptions {
            id: Some("a".parse().unwrap()),
            cookies: vec![Cookie::new("sid", "1", "x.example")],
            proxy: Some("http://u:p@h:1".parse().unwrap()),
            fingerprint: Some(Fingerprint {
                headers: vec![("User-Agent".to_owned(), "x".to_owned())],
                attributes: serde_json::from_str(r#"{"w": 1}"#).unwrap(),
            }),
            max_age: Duration::from_millis(1500),
            max_usage_count: 7,
            max_error_score: 2.5,
            error_score_decrement: 0.0,
            max_concurrent_uses: Some(1),
            created_at: Some("2026-03-01T12:00:00Z".parse().unwrap()),
            expires_at: Some("2026-03-02T11:00:00Z".parse().unwrap()),
            usage_count: 3,
            error_count: 2,
            error_score: 0.25,
            ..SessionOptions::default()
        };
        let expected = expected.user_data("k", serde_json::json!([1, {"l": null}]));
        assert_eq!(options[0], expected);
        assert_eq!(options[1], SessionOptions::default());
        assert_eq!(options[2].id, Some("b".parse().unwrap()));
        assert_eq!(options[3], SessionOptions::default());
        assert!(session_options(" \n").unwrap().is_empty());
        assert_eq!(session_options("\u{feff}{}").unwrap().len(), 1);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_its_field() {
        for (text, line, number, field) in [
            ("{}\n{\"idd\": 1}", 2, 2, Some("idd")),
            ("{}\n\n[{},\n{\"id\": \"a b\"}]", 3, 3, Some("id")),
            ("{\"id\": \"a\"", 1, 1, None),
            ("{}\n{\n\"id\": x}", 3, 2, None),
            ("5", 1, 1, None),
            ("[5]", 1, 1, None),
            (r#"{"max_usage_count": -1}"#, 1, 1, Some("max_usage_count")),
            (r#"{"max_age": -1}"#, 1, 1, Some("max_age")),
            (r#"{"max_age": 1e300}"#, 1, 1, Some("max_age")),
            (r#"{"proxy": "ftp://x"}"#, 1, 1, Some("proxy")),
            (r#"{"user_data": []}"#, 1, 1, Some("user_data")),
            (r#"{"cookies": {}}"#, 1, 1, Some("cookies")),
            (r#"{"cookies": [{"name": "a", "value": "b", "domain": "c"}, 1]}"#, 1, 1, Some("cookies[1]")),
            (r#"{"cookies": [{"name": "a"}]}"#, 1, 1, Some("cookies[0]")),
            (r#"{"cookies": [{"name": "a", "expires": 1}]}"#, 1, 1, Some("cookies[0].expires")),
            (r#"{"fingerprint": {"header": []}}"#, 1, 1, Some("fingerprint.header")),
            (r#"{"fingerprint": {"headers": ["a"]}}"#, 1, 1, Some("fingerprint")),
            (r#"{"created_at": "yesterday"}"#, 1, 1, Some("created_at")),
        ] {
            let error = session_options(text).unwrap_err();
            assert_eq!((error.line, error.number, error.field.as_deref()), (line, number, field), "{error}");
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }
}
