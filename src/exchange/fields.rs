//! Taking a JSON object apart, field by field, with errors that name the field, its value and the rule.

use std::str::FromStr;

use chrono::{DateTime, Timelike, Utc};
use serde_json::{Map, Value};

use super::exact::may_be_beyond;
use crate::session::{ErrorScore, Invalid, Timestamp};

/// A value that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Which field, with all that it is in.
    pub(crate) field: String,
    /// The value, shortened, or what stands for it where it may be a secret.
    pub(crate) value: String,
    pub(crate) rule: String,
}

impl Wrong {
    pub(crate) fn new(field: impl Into<String>, value: &Value, rule: impl Into<String>) -> Self {
        Self { field: field.into(), value: shown(value), rule: rule.into() }
    }

    fn missing(field: String) -> Self {
        Self { field, value: "missing".to_owned(), rule: "must be there".to_owned() }
    }
}

/// A value as an error or a note repeats it.
pub(crate) fn shown(value: &Value) -> String {
    const SHOWN: usize = 60;
    match value {
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
        // What stands for a number that is further from 0 than that is not repeated as if it were it.
        number if may_be_beyond(number) => {
            format!("{}1e308 or beyond", if number.as_f64() < Some(0.0) { "-" } else { "" })
        }
        other => {
            let mut text = other.to_string();
            if let Some((end, _)) = text.char_indices().nth(SHOWN) {
                text.truncate(end);
                text.push('…');
            }
            text
        }
    }
}

/// The same where a secret may stand, although nobody knows of one there: texts are not repeated.
pub(crate) fn shown_unless_text(value: &Value) -> String {
    if value.is_string() { veiled(value) } else { shown(value) }
}

/// The same of a value that may be a secret: texts and numbers are not repeated.
pub(crate) fn veiled(value: &Value) -> String {
    match value {
        Value::String(_) => "a text".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        other => shown(other),
    }
}

/// What is left of an object, and where it stands.
#[derive(Debug)]
pub(crate) struct Fields {
    /// What stands before a field's name: empty, or `cookies[2].`.
    within: String,
    map: Map<String, Value>,
    /// Whether its values are secrets, which no error repeats.
    is_secret: bool,
}

type Answer<T> = Result<T, Wrong>;

impl Fields {
    /// What stands for the name of a field where the whole is no object.
    pub(crate) const WHOLE: &str = "the line";

    /// The fields of the object `value`, which is called `name`; an empty one where it is the whole line.
    pub(crate) fn of(name: &str, value: Value) -> Answer<Self> {
        match value {
            Value::Object(map) => {
                let within = if name.is_empty() { String::new() } else { format!("{name}.") };
                Ok(Self { within, map, is_secret: false })
            }
            other => {
                let field = if name.is_empty() { Self::WHOLE } else { name }.to_owned();
                Err(Wrong { field, value: veiled(&other), rule: "must be an object".to_owned() })
            }
        }
    }

    /// The same, and no error shows a text in it.
    pub(crate) fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// The whole name of a field.
    pub(crate) fn name(&self, field: &str) -> String {
        format!("{}{field}", self.within)
    }

    pub(crate) fn wrong(&self, field: &str, value: &Value, rule: &str) -> Wrong {
        let name = self.name(field);
        if self.is_secret {
            return Wrong { field: name, value: veiled(value), rule: rule.to_owned() };
        }
        Wrong::new(name, value, rule)
    }

    /// The error of a value of another type than it must have, which may be a secret of any kind.
    fn wrong_type(&self, field: &str, value: &Value, rule: &str) -> Wrong {
        Wrong { field: self.name(field), value: veiled(value), rule: rule.to_owned() }
    }

    /// A value that may be missing; null is as good as missing.
    pub(crate) fn take(&mut self, field: &str) -> Option<Value> {
        self.map.remove(field).filter(|value| !value.is_null())
    }

    /// A value as it is; null is one too.
    pub(crate) fn take_or_null(&mut self, field: &str) -> Option<Value> {
        self.map.remove(field)
    }

    /// A value read by `read`; `None` where it is missing or null.
    pub(crate) fn optional<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&Value) -> Result<T, &'static str>,
    ) -> Answer<Option<T>> {
        let Some(value) = self.take(field) else { return Ok(None) };
        read(&value).map(Some).map_err(|rule| self.wrong(field, &value, rule))
    }

    /// A value read by `read`, which has to be there.
    pub(crate) fn required<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&Value) -> Result<T, &'static str>,
    ) -> Answer<T> {
        self.optional(field, read)?.ok_or_else(|| Wrong::missing(self.name(field)))
    }

    /// A text that is moved out of it.
    pub(crate) fn optional_text(&mut self, field: &str) -> Answer<Option<String>> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_type(field, &other, "must be a text")),
        }
    }

    pub(crate) fn text(&mut self, field: &str) -> Answer<String> {
        self.optional_text(field)?.ok_or_else(|| Wrong::missing(self.name(field)))
    }

    /// A text that means something: an id, a name, a proxy. The error is that of its own rule.
    pub(crate) fn optional_parsed<T: FromStr<Err = Invalid>>(&mut self, field: &str) -> Answer<Option<T>> {
        let Some(text) = self.optional_text(field)? else { return Ok(None) };
        text.parse().map(Some).map_err(|Invalid { field: _, value, rule }| Wrong {
            field: self.name(field),
            value,
            rule: rule.to_owned(),
        })
    }

    pub(crate) fn parsed<T: FromStr<Err = Invalid>>(&mut self, field: &str) -> Answer<T> {
        self.optional_parsed(field)?.ok_or_else(|| Wrong::missing(self.name(field)))
    }

    pub(crate) fn optional_array(&mut self, field: &str) -> Answer<Option<Vec<Value>>> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(self.wrong_type(field, &other, "must be an array")),
        }
    }

    pub(crate) fn optional_object(&mut self, field: &str) -> Answer<Option<Map<String, Value>>> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(other) => Err(self.wrong_type(field, &other, "must be an object")),
        }
    }

    /// The fields that nobody has asked for: their whole names, and their values.
    pub(crate) fn rest(self) -> impl Iterator<Item = (String, Value)> {
        let Self { within, map, is_secret: _ } = self;
        map.into_iter().map(move |(name, value)| (format!("{within}{name}"), value))
    }

    /// Refuses fields that nobody has asked for: what is not understood would be lost.
    pub(crate) fn finish(self) -> Answer<()> {
        match self.rest().next() {
            None => Ok(()),
            Some((field, value)) => {
                let rule = "must not be there: this version knows no such field".to_owned();
                Err(Wrong { field, value: veiled(&value), rule })
            }
        }
    }
}

pub(crate) fn boolean(value: &Value) -> Result<bool, &'static str> {
    value.as_bool().ok_or("must be true or false")
}

pub(crate) fn whole_u32(value: &Value) -> Result<u32, &'static str> {
    value
        .as_u64()
        .and_then(|number| u32::try_from(number).ok())
        .ok_or("must be a whole number from 0 to 4294967295")
}

/// A limit: of none of something nothing would ever be used.
pub(crate) fn at_least_one(value: &Value) -> Result<u32, &'static str> {
    whole_u32(value).ok().filter(|number| *number > 0).ok_or("must be a whole number from 1 to 4294967295")
}

pub(crate) fn whole_u64(value: &Value) -> Result<u64, &'static str> {
    value.as_u64().ok_or("must be a whole number from 0 to 18446744073709551615")
}

/// A score that was written exactly: a number of thousandths.
pub(crate) fn score(value: &Value) -> Result<ErrorScore, &'static str> {
    const RULE: &str = "must be a number from 0 to 4294967.295 with three decimals at most";
    let number = value.as_f64().ok_or(RULE)?;
    let thousandths = (number * 1000.0).round();
    if !(0.0..=f64::from(u32::MAX)).contains(&thousandths) {
        return Err(RULE);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range, just checked")]
    let score = ErrorScore::from_thousandths(thousandths as u32);
    // The number nearest to a decimal of three places is the one that dividing gives.
    #[expect(clippy::float_cmp, reason = "exact or not is the question")]
    if score.to_f64() == number { Ok(score) } else { Err(RULE) }
}

/// A score that is a limit.
pub(crate) fn positive_score(value: &Value) -> Result<ErrorScore, &'static str> {
    const RULE: &str = "must be a number from 0.001 to 4294967.295 with three decimals at most";
    score(value).ok().filter(|score| *score > ErrorScore::default()).ok_or(RULE)
}

/// A time that was written exactly: in milliseconds.
pub(crate) fn time(value: &Value) -> Result<Timestamp, &'static str> {
    const RULE: &str = "must be a time as 2026-03-01T12:00:00.000Z, of the years 0 to 9999, in milliseconds";
    let text = value.as_str().ok_or(RULE)?;
    let time: DateTime<Utc> = DateTime::parse_from_rfc3339(text).map_err(|_| RULE)?.into();
    let is_exact = time.nanosecond().is_multiple_of(1_000_000) && time.nanosecond() < 1_000_000_000;
    let kept = Timestamp::from(time);
    if is_exact && kept.to_datetime() == time { Ok(kept) } else { Err(RULE) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_names_the_field_with_all_that_it_is_in() {
        let mut fields = Fields::of("cookies[2]", json!({ "secure": "yes", "value": 7 })).unwrap();
        let wrong = fields.required("secure", boolean).unwrap_err();
        assert_eq!((wrong.field.as_str(), wrong.value.as_str()), ("cookies[2].secure", "\"yes\""));
        let wrong = fields.text("domain").unwrap_err();
        assert_eq!((wrong.field.as_str(), wrong.value.as_str()), ("cookies[2].domain", "missing"));
        let wrong = fields.finish().unwrap_err();
        assert_eq!(wrong.field, "cookies[2].value");
    }

    #[test]
    fn a_score_is_taken_exactly_or_not_at_all() {
        for thousandths in (0..=u32::MAX).step_by(65_537).chain([1, 100, 300, u32::MAX]) {
            let text = ErrorScore::from_thousandths(thousandths).to_f64().to_string();
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(score(&value).unwrap().thousandths(), thousandths, "{text}");
        }
        for bad in [json!(0.0001), json!(-0.001), json!("1"), json!(4_294_967.296), json!(1e300)] {
            score(&bad).unwrap_err();
        }
        assert_eq!(score(&json!(3)).unwrap(), score(&json!(3.0)).unwrap());
    }

    #[test]
    fn a_time_is_taken_exactly_or_not_at_all() {
        for good in [Timestamp::MIN, Timestamp::from_millis(1_700_000_000_123), Timestamp::MAX] {
            assert_eq!(time(&json!(good)).unwrap(), good);
        }
        assert_eq!(time(&json!("2026-03-01T13:00:00+01:00")), time(&json!("2026-03-01T12:00:00Z")));
        for bad in ["2026-03-01T12:00:00.0001Z", "2026-03-01T12:00:00", "2026-02-30T12:00:00Z", "", "now"] {
            time(&json!(bad)).unwrap_err();
        }
        time(&json!(1_700_000_000)).unwrap_err();
    }

    #[test]
    fn no_error_repeats_a_secret() {
        let mut fields = Fields::of("", json!({ "secure": "topsecret", "x": "topsecret" })).unwrap().secret();
        assert!(!format!("{:?}", fields.required("secure", boolean).unwrap_err()).contains("topsecret"));
        assert!(!format!("{:?}", fields.finish().unwrap_err()).contains("topsecret"));
    }
}
