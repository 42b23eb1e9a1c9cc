//! Session options as JSON.
//!
//! It is read as an export is: each key once, and no error repeats what may be a secret.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::exchange::decode::{fingerprint, same_site};
use crate::exchange::exact::{LOST, first_beyond, first_lost};
use crate::exchange::fields::{Fields, Wrong, boolean, whole_u32};
use crate::exchange::strict::Strict;
use crate::session::{Cookie, SessionOptions, Timestamp, UserData};

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

/// Something that is not as session options must be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, session {number}{}: {rule}", field.as_ref().map(|field| format!(", {field}")).unwrap_or_default())]
#[non_exhaustive]
pub struct InvalidJson {
    /// The line in which the session begins, also in an array, or in which the text is no JSON. From 1 on.
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
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Strict>();
    let mut lines = Lines { text, line: 1, counted: 0 };
    loop {
        let begin = values.byte_offset();
        let Some(value) = values.next() else { return Ok(sessions) };
        let rest = text.get(begin..).unwrap_or_default();
        // Before a value stand blanks, which are not of it.
        let line = lines.at(begin + rest.len() - rest.trim_start().len());
        // Which session something is in that stands behind so many bytes of the value.
        let number =
            |bytes: usize| sessions.len() + elements(rest.get(..bytes).unwrap_or(rest)).count().max(1);
        let Strict(value) = value.map_err(|error| {
            if let Some(offset) = first_beyond(rest, &error) {
                return InvalidJson {
                    line: lines.at(begin + offset),
                    number: number(offset),
                    field: None,
                    rule: LOST.to_owned(),
                };
            }
            let rule = if error.is_data() { error.to_string() } else { format!("it is no JSON: {error}") };
            let line = error.line().max(1);
            let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
            let bytes = (before + error.column()).saturating_sub(begin);
            InvalidJson { line, number: number(bytes), field: None, rule }
        })?;
        let taken = text.get(begin..values.byte_offset()).unwrap_or_default();
        if let Some(offset) = first_lost(taken) {
            let (line, rule) = (lines.at(begin + offset), LOST.to_owned());
            return Err(InvalidJson { line, number: number(offset), field: None, rule });
        }
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        let mut begins = elements(taken);
        for value in values {
            let line = begins.next().map_or(line, |offset| lines.at(begin + offset));
            let number = sessions.len() + 1;
            sessions.push(read(value).map_err(|Wrong { field, value, rule }| InvalidJson {
                line,
                number,
                field: (field != Fields::WHOLE).then_some(field),
                rule: if value.is_empty() { rule } else { format!("it is {value}: {rule}") },
            })?);
        }
    }
}

/// Where the elements of an array begin; none of what is something else. What is behind the text may be missing.
fn elements(text: &str) -> impl Iterator<Item = usize> {
    let is_array = text.trim_start().starts_with('[');
    let (mut depth, mut in_text, mut is_escaped, mut is_due) = (0_usize, false, false, true);
    let bytes = text.bytes().enumerate().take_while(move |_| is_array);
    bytes.filter(|(_, byte)| !byte.is_ascii_whitespace()).filter_map(move |(at, byte)| {
        if in_text {
            (in_text, is_escaped) = (is_escaped || byte != b'"', !is_escaped && byte == b'\\');
            return None;
        }
        let begins = depth == 1 && is_due && byte != b']';
        is_due = (is_due && !begins) || (depth == 1 && byte == b',');
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        begins.then_some(at)
    })
}

/// Which line is where in a text, asked for from its beginning to its end: what was counted is not counted again.
struct Lines<'t> {
    text: &'t str,
    line: usize,
    counted: usize,
}

impl Lines<'_> {
    fn at(&mut self, offset: usize) -> usize {
        self.line += self.text.get(self.counted..offset).map_or(0, |more| more.matches('\n').count());
        self.counted = self.counted.max(offset);
        self.line
    }
}

fn read(value: Value) -> Result<SessionOptions, Wrong> {
    let mut fields = Fields::of("", value)?;
    let defaults = SessionOptions::default();
    let options = SessionOptions {
        id: fields.optional_parsed("id")?,
        cookies: cookies(&mut fields)?,
        user_data: fields.optional_object("user_data")?.map_or(defaults.user_data, UserData::from),
        proxy: fields.optional_parsed("proxy")?,
        fingerprint: fields.take("fingerprint").map(fingerprint).transpose()?,
        max_age: fields.optional("max_age", seconds)?.unwrap_or(defaults.max_age),
        max_error_score: fields.optional("max_error_score", number)?.unwrap_or(defaults.max_error_score),
        error_score_decrement: fields
            .optional("error_score_decrement", number)?
            .unwrap_or(defaults.error_score_decrement),
        max_usage_count: fields.optional("max_usage_count", whole_u32)?.unwrap_or(defaults.max_usage_count),
        max_concurrent_uses: fields.optional("max_concurrent_uses", whole_u32)?,
        created_at: fields.optional("created_at", time)?,
        expires_at: fields.optional("expires_at", time)?,
        usage_count: fields.optional("usage_count", whole_u32)?.unwrap_or(defaults.usage_count),
        error_count: fields.optional("error_count", whole_u32)?.unwrap_or(defaults.error_count),
        error_score: fields.optional("error_score", number)?.unwrap_or(defaults.error_score),
    };
    finish(fields, &FIELDS)?;
    Ok(options)
}

fn cookies(fields: &mut Fields) -> Result<Vec<Cookie>, Wrong> {
    let values = fields.optional_array("cookies")?.unwrap_or_default();
    values.into_iter().enumerate().map(|(at, value)| cookie(at, value)).collect()
}

fn cookie(at: usize, value: Value) -> Result<Cookie, Wrong> {
    let mut fields = Fields::of(&format!("cookies[{at}]"), value)?.secret();
    let time = |value: &Value| time(value).map(Timestamp::from);
    let mut cookie = Cookie::new(fields.text("name")?, fields.text("value")?, fields.text("domain")?);
    if let Some(path) = fields.optional_text("path")? {
        cookie.path = path;
    }
    cookie.host_only = fields.optional("host_only", boolean)?.unwrap_or_default();
    cookie.secure = fields.optional("secure", boolean)?.unwrap_or_default();
    cookie.http_only = fields.optional("http_only", boolean)?.unwrap_or_default();
    cookie.same_site = fields.optional("same_site", same_site)?;
    cookie.partition_key = fields.optional_text("partition_key")?;
    cookie.expires_at = fields.optional("expires_at", time)?;
    cookie.created_at = fields.optional("created_at", time)?;
    cookie.last_accessed_at = fields.optional("last_accessed_at", time)?;
    finish(fields, &COOKIE_FIELDS)?;
    Ok(cookie)
}

/// Refuses fields that there are not, and says which there are.
fn finish(fields: Fields, known: &[&str]) -> Result<(), Wrong> {
    fields.finish().map_err(|Wrong { field, .. }| {
        let rule = format!("there is no such field; there are {}", known.join(", "));
        Wrong { field, value: String::new(), rule }
    })
}

fn number(value: &Value) -> Result<f64, &'static str> {
    value.as_f64().ok_or("must be a number")
}

fn seconds(value: &Value) -> Result<Duration, &'static str> {
    let seconds = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or("must be a number of seconds, 0.001 at least")
}

fn time(value: &Value) -> Result<DateTime<Utc>, &'static str> {
    let time = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    time.map(Into::into).ok_or("must be a time as 2026-03-01T12:00:00Z")
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "they are written as they are")]
mod tests {
    use super::*;
    use crate::session::Fingerprint;

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
            ("{}\n\n[{},\n{\"id\": \"a b\"}]", 4, 3, Some("id")),
            ("[\n{},\n{\"user_data\": {\"k\": \"[,{\\\",\"}},\n\n{\n\"idd\": 1}]\n", 5, 3, Some("idd")),
            ("{}\n[\n{\"user_data\": {\"k\": [1, [2], {}]}},\n{\"id\":", 4, 3, None),
            ("[\n{},\n{\"id\": x},\n{}]", 3, 2, None),
            ("[\n{},\n{},\n{\"proxy\": \"http://a:1\", \"proxy\": \"http://b:1\"}]", 4, 3, None),
            ("[{},\n{\"user_data\": {\"k\":\n12345678901234567890123}}]", 3, 2, None),
            ("[{},\n5]", 2, 2, None),
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
            (r#"{"cookies": [{"name": "a"}]}"#, 1, 1, Some("cookies[0].value")),
            (
                r#"{"cookies": [{"name": "a", "value": "b", "domain": "c", "expires": 1}]}"#,
                1,
                1,
                Some("cookies[0].expires"),
            ),
            (r#"{"fingerprint": {"header": []}}"#, 1, 1, Some("fingerprint.header")),
            (r#"{"fingerprint": {"headers": ["a"]}}"#, 1, 1, Some("fingerprint.headers")),
            (r#"{"created_at": "yesterday"}"#, 1, 1, Some("created_at")),
            ("{}\n{\"proxy\": \"http://a:1\", \"proxy\": \"http://b:1\"}", 2, 2, None),
            ("{}\n{\"user_data\": {\"k\":\n12345678901234567890123}}", 3, 2, None),
        ] {
            let error = session_options(text).unwrap_err();
            assert_eq!((error.line, error.number, error.field.as_deref()), (line, number, field), "{error}");
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn no_error_repeats_a_secret() {
        for text in [
            r#"{"user_data": "98765432"}"#,
            r#"{"user_data": 98765432}"#,
            r#"{"proxy": "http://u:98765432@"}"#,
            r#"{"proxy": 98765432}"#,
            r#"{"cookies": "98765432"}"#,
            r#"{"cookies": ["98765432"]}"#,
            r#"{"cookies": [{"name": "a", "value": 98765432, "domain": "c"}]}"#,
            r#"{"cookies": [{"name": "a", "value": "b", "domain": "c", "secure": "98765432"}]}"#,
            r#"{"cookies": [{"name": "a", "value": "b", "domain": "c", "vlaue": "98765432"}]}"#,
            r#"{"fingerprint": "98765432"}"#,
            r#"{"fingerprint": {"headers": "98765432"}}"#,
            r#"{"fingerprint": {"headers": ["98765432"]}}"#,
            r#"{"fingerprint": {"headers": [["Authorization", 98765432]]}}"#,
            r#"{"fingerprint": {"attributes": "98765432"}}"#,
            r#"{"token": "98765432"}"#,
            r#""98765432""#,
        ] {
            let error = session_options(text).unwrap_err();
            assert!(!error.to_string().contains("98765432"), "{text}: {error}");
        }
    }

    #[test]
    fn many_sessions_take_time_for_each_and_not_for_each_before_it() {
        let text = "{\"user_data\":{\"k\":\"v\"}}\n".repeat(60_000);
        let begun = std::time::Instant::now();
        assert_eq!(session_options(&text).unwrap().len(), 60_000);
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}
