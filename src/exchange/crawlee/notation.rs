//! Numbers and times as Crawlee writes them, with a note where they cannot be kept as they are.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::fields::{Fields, Wrong, shown};
use super::super::note::Notes;
use crate::session::{ErrorScore, Timestamp};

type Answer<T> = Result<T, Wrong>;

/// A count; `default` where it is absent. `null` is no limit, where that can be: JSON makes that of `Infinity`.
pub(super) fn count(
    fields: &mut Fields,
    field: &str,
    default: u32,
    may_be_infinite: bool,
    notes: &mut Notes,
) -> Answer<u32> {
    const RULE: &str = "must be a whole number, 0 or more";
    let Some(value) = fields.take_or_null(field) else { return Ok(default) };
    if value.is_null() && may_be_infinite {
        notes.changed(field, "null, which stands for Infinity", u32::MAX);
        return Ok(u32::MAX);
    }
    let number = value.as_f64().filter(|number| *number >= 0.0 && number.fract() == 0.0);
    let number = number.ok_or_else(|| fields.wrong(field, &value, RULE))?;
    if number > f64::from(u32::MAX) {
        notes.changed(field, shown(&value), u32::MAX);
        return Ok(u32::MAX);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range, just checked")]
    Ok(number as u32)
}

/// A score; `default` where it is absent. One below 0 counts as 0 where that can be.
pub(super) fn score(
    fields: &mut Fields,
    field: &str,
    default: ErrorScore,
    may_be_negative: bool,
    may_be_infinite: bool,
    notes: &mut Notes,
) -> Answer<ErrorScore> {
    let Some(value) = fields.take_or_null(field) else { return Ok(default) };
    if value.is_null() && may_be_infinite {
        notes.changed(field, "null, which stands for Infinity", ErrorScore::MAX);
        return Ok(ErrorScore::MAX);
    }
    let number = value.as_f64().ok_or_else(|| fields.wrong(field, &value, "must be a number"))?;
    if number < 0.0 && !may_be_negative {
        return Err(fields.wrong(field, &value, "must be 0 or more"));
    }
    let kept = ErrorScore::from_f64("score", number.clamp(0.0, ErrorScore::MAX.to_f64()));
    let kept = kept.map_err(|_| fields.wrong(field, &value, "must be a number"))?;
    #[expect(clippy::float_cmp, reason = "exact or not is the question")]
    if kept.to_f64() != number {
        notes.changed(field, shown(&value), kept);
    }
    Ok(kept)
}

/// A time; `None` where it is absent. It is kept in milliseconds of the years 0 to 9999.
pub(super) fn time(fields: &mut Fields, field: &str, notes: &mut Notes) -> Answer<Option<Timestamp>> {
    let Some(value) = fields.take(field) else { return Ok(None) };
    match parse_time(&value) {
        Some((time, is_exact)) => {
            if !is_exact {
                notes.changed(field, shown(&value), time);
            }
            Ok(Some(time))
        }
        None => Err(fields.wrong(field, &value, "must be a time as 2026-03-01T12:00:00.000Z")),
    }
}

/// A time, and whether it is kept exactly.
pub(super) fn parse_time(value: &Value) -> Option<(Timestamp, bool)> {
    let text = value.as_str()?;
    // The years beyond four digits of JavaScript: `+275760-09-13T00:00:00.000Z`.
    for (sign, nearest) in [('+', Timestamp::MAX), ('-', Timestamp::MIN)] {
        if let Some(rest) = text.strip_prefix(sign) {
            let (year, rest) = rest.split_at_checked(6)?;
            let is_year = year.bytes().all(|byte| byte.is_ascii_digit());
            // Whether the rest is one of a date is asked of a year that is known to have all days.
            DateTime::parse_from_rfc3339(&format!("2000{rest}")).ok().filter(|_| is_year)?;
            return Some((nearest, false));
        }
    }
    let time: DateTime<Utc> = DateTime::parse_from_rfc3339(text).ok()?.into();
    let kept = Timestamp::from(time);
    Some((kept, kept.to_datetime() == time))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_beyond_what_is_kept_are_the_nearest_one() {
        assert_eq!(parse_time(&json!("+275760-09-13T00:00:00.000Z")), Some((Timestamp::MAX, false)));
        assert_eq!(parse_time(&json!("-271821-04-20T00:00:00.000Z")), Some((Timestamp::MIN, false)));
        let (time, is_exact) = parse_time(&json!("2026-11-22T21:14:34.719837Z")).unwrap();
        assert_eq!((time.to_string().as_str(), is_exact), ("2026-11-22T21:14:34.719Z", false));
        assert!(parse_time(&json!("2026-11-22T21:14:34.719Z")).unwrap().1);
        for bad in
            ["+275760-13-13T00:00:00.000Z", "+1", "-", "", "+é75760-09-13T00:00:00.000Z", "Invalid Date"]
        {
            assert_eq!(parse_time(&json!(bad)), None, "{bad}");
        }
        assert_eq!(parse_time(&json!(5)), None);
    }
}
