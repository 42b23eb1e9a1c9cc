//! Points in time as people give them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use session_pool::Timestamp;

use crate::context::Context;
use crate::output::Zone;

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Times: now, 2026-03-01, \"2026-03-01 12:30\", 2026-03-01T12:30:00Z, or how far away: 2h, 3d, \"1h 30m\", \"2h ago\", \"in 2h\".";

/// A point in time as somebody gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// With its zone.
    At(DateTime<Utc>),
    /// Without one.
    OnTheWall(NaiveDateTime),
    /// So far away, in the direction that is usual there.
    Away(Duration),
    Ago(Duration),
    Ahead(Duration),
    Now,
}

impl Moment {
    /// What it is now, where a span alone is meant to lie ahead.
    pub(crate) fn ahead(self, context: &Context) -> Timestamp {
        self.resolve(context, Timestamp::plus)
    }

    /// What it is now, where a span alone is meant to lie behind.
    pub(crate) fn ago(self, context: &Context) -> Timestamp {
        self.resolve(context, Timestamp::minus)
    }

    fn resolve(self, context: &Context, usual: impl Fn(Timestamp, Duration) -> Timestamp) -> Timestamp {
        let now = context.now;
        match self {
            Self::At(time) => time.into(),
            Self::OnTheWall(time) => match context.zone {
                Zone::Utc => time.and_utc().into(),
                // An hour that is there twice is the first; one that is left out does not matter much.
                Zone::Local => match Local.from_local_datetime(&time).earliest() {
                    Some(time) => time.with_timezone(&Utc).into(),
                    None => time.and_utc().into(),
                },
            },
            Self::Now => now,
            Self::Away(span) => usual(now, span),
            Self::Ago(span) => now.minus(span),
            Self::Ahead(span) => now.plus(span),
        }
    }
}

/// It is no point in time.
#[derive(Debug)]
pub(crate) struct NoMoment(String);

impl fmt::Display for NoMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(why) = self;
        write!(
            f,
            "{why}; a time is a date (2026-03-01), with or without a time, now, or how far away (2h, 2h ago)"
        )
    }
}

impl std::error::Error for NoMoment {}

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let trimmed = text.trim();
        if trimmed.contains('-') && trimmed.starts_with(|c: char| c.is_ascii_digit()) {
            return read_date(trimmed);
        }
        if trimmed == "now" {
            return Ok(Self::Now);
        }
        let (span, moment): (&str, fn(Duration) -> Self) =
            match (trimmed.strip_suffix(" ago"), trimmed.strip_prefix("in ")) {
                (Some(span), _) => (span, Self::Ago),
                (None, Some(span)) => (span, Self::Ahead),
                (None, None) => (trimmed, Self::Away),
            };
        // Where the span begins in what was given.
        let before = text.find(span).unwrap_or_default();
        read_span(span, |at| text.get(..before + at).map_or(1, |before| before.chars().count() + 1))
            .map(moment)
    }
}

/// A span of time that is an argument: an age, a life.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let character = |at| text.get(..at).map_or(1, |before: &str| before.chars().count() + 1);
    read_span(text, character)
        .map_err(|NoMoment(why)| format!("{why}; a span of time is 2h, 3d, or \"1h 30m\""))
}

/// Reads a span of time; `character` answers which character of what was given is at a byte of it.
pub(crate) fn read_span(text: &str, character: impl Fn(usize) -> usize) -> Result<Duration, NoMoment> {
    use humantime::DurationError as Error;
    humantime::parse_duration(text).map_err(|error| {
        NoMoment(match error {
            Error::InvalidCharacter(at) => format!("character {}: that is in no span of time", character(at)),
            Error::NumberExpected(at) => format!("character {}: a number is expected", character(at)),
            Error::UnknownUnit { start, unit, .. } => format!(
                "character {}: {unit:?} is no unit; units are s, min, h, d, weeks, months, years",
                character(start)
            ),
            Error::NumberOverflow => "the number is too large".to_owned(),
            Error::Empty => "it is empty".to_owned(),
        })
    })
}

fn read_date(text: &str) -> Result<Moment, NoMoment> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Moment::At(time.with_timezone(&Utc)));
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(Moment::OnTheWall(date.and_time(NaiveTime::MIN)));
    }
    let formats = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    let mut times = formats.iter().map(|format| NaiveDateTime::parse_from_str(text, format));
    match times.find_map(Result::ok) {
        Some(time) => Ok(Moment::OnTheWall(time)),
        None => Err(NoMoment(format!("{text:?} is no date that there is"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_given_absolutely_or_by_how_far_away_it_is() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let on_the_wall = |text: &str| Moment::OnTheWall(text.parse().unwrap());
        for (text, expected) in [
            ("now", Moment::Now),
            ("2h", Moment::Away(minutes(120))),
            ("1h 30m", Moment::Away(minutes(90))),
            ("2h ago", Moment::Ago(minutes(120))),
            ("in 3days", Moment::Ahead(minutes(3 * 1440))),
            ("2026-03-01T12:30:00Z", Moment::At("2026-03-01T12:30:00Z".parse().unwrap())),
            ("2026-03-01 12:30:00+01:00", Moment::At("2026-03-01T11:30:00Z".parse().unwrap())),
            ("2026-03-01", on_the_wall("2026-03-01T00:00:00")),
            ("2026-03-01 12:30", on_the_wall("2026-03-01T12:30:00")),
        ] {
            assert_eq!(text.parse::<Moment>().unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let starts = |text: &str, with: &str| {
            let error = text.parse::<Moment>().unwrap_err().to_string();
            assert!(error.starts_with(with), "{text}: {error}");
        };
        starts("2 sheep", "character 3: \"sheep\" is no unit");
        starts("in 2 sheep", "character 6: ");
        starts("1h x", "character 4: a number");
        starts("1h;", "character 3: that is in no span");
    }

    #[test]
    fn what_is_no_time_is_told_why() {
        for text in ["", "h", "2 sheep", "2026-13-01", "2026-03-01T25:00:00Z", "-2h", "ago", "tomorrow"] {
            let error = text.parse::<Moment>().unwrap_err().to_string();
            assert!(error.ends_with("(2h, 2h ago)") && error.len() > 60, "{text}: {error}");
        }
    }
}
