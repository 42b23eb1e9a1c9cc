//! Times as people read them. Programs get RFC 3339 in UTC.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{Local, SecondsFormat};
use session_pool::Timestamp;

/// Where the clock on the wall hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    Local,
    Utc,
}

impl Zone {
    /// `2026-03-01 13:00:00+01:00`, or `2026-03-01 12:00:00Z`.
    pub(crate) fn format(self, time: Timestamp) -> String {
        if time == Timestamp::MAX {
            return "never".to_owned();
        }
        let time = time.to_datetime();
        let text = match self {
            Self::Utc => time.to_rfc3339_opts(SecondsFormat::Secs, true),
            Self::Local => time.with_timezone(&Local).to_rfc3339_opts(SecondsFormat::Secs, false),
        };
        text.replacen('T', " ", 1)
    }

    /// `2026-03-01`.
    pub(crate) fn date(self, time: Timestamp) -> String {
        let text = self.format(time);
        text.split(' ').next().unwrap_or_default().to_owned()
    }
}

/// How wide is what [`relative`] answers, within a thousand years: `2 min 59 s ago`.
pub(crate) const AWAY: usize = 14;

/// How far away a time is: `in 12 min`, `3 h ago`, `now`.
pub(crate) fn relative(time: Timestamp, now: Timestamp) -> String {
    if time == Timestamp::MAX {
        return "never".to_owned();
    }
    let (ahead, behind) = (time.since(now), now.since(time));
    match (ahead.as_secs(), behind.as_secs()) {
        (0, 0) => "now".to_owned(),
        (0, _) => format!("{} ago", span(behind)),
        _ => format!("in {}", span(ahead)),
    }
}

/// A span of time in its largest unit, and the next one where that says much: `42 s`, `1 h 20 min`, `12 d`.
pub(crate) fn span(span: Duration) -> String {
    const UNITS: [(u64, &str); 5] = [(365 * 86_400, "y"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let seconds = span.as_secs();
    let Some(at) = UNITS.iter().position(|(length, _)| seconds >= *length) else { return "0 s".to_owned() };
    let (length, unit) = UNITS[at];
    let count = seconds / length;
    let mut text = format!("{count} {unit}");
    if count < 3
        && let Some((smaller, unit)) = UNITS.get(at + 1)
    {
        let rest = seconds % length / smaller;
        if rest > 0 {
            let _ = write!(text, " {rest} {unit}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

    #[test]
    fn a_time_is_told_by_how_far_away_it_is() {
        let seconds = Duration::from_secs;
        for (away, text) in [
            (0, "now"),
            (1, "1 s"),
            (59, "59 s"),
            (80, "1 min 20 s"),
            (720, "12 min"),
            (4_800, "1 h 20 min"),
            (7_200, "2 h"),
            (10 * 3_600 + 5, "10 h"),
            (86_400 * 2 + 3_600, "2 d 1 h"),
            (86_400 * 200, "200 d"),
            (86_400 * 400, "1 y 35 d"),
        ] {
            let (later, earlier) =
                (relative(NOW.plus(seconds(away)), NOW), relative(NOW.minus(seconds(away)), NOW));
            if away == 0 {
                assert_eq!((later.as_str(), earlier.as_str()), (text, text));
            } else {
                assert_eq!((later, earlier), (format!("in {text}"), format!("{text} ago")));
            }
        }
        for away in (0..10_000).chain((1..1000).map(|years| years * 366 * 86_400 - 1)) {
            let (later, earlier) = (NOW.plus(seconds(away)), NOW.minus(seconds(away)));
            assert!(relative(later, NOW).len() <= AWAY && relative(earlier, NOW).len() <= AWAY, "{away}");
        }
        assert_eq!(relative(Timestamp::MAX, NOW), "never");
        assert!(relative(Timestamp::MIN, NOW).ends_with(" y ago"));
    }

    #[test]
    fn a_time_says_which_zone_it_is_in() {
        assert_eq!(Zone::Utc.format(NOW), "2026-03-01 12:00:00Z");
        let local = Zone::Local.format(NOW);
        assert!(local.starts_with("2026-03-0") && local.len() == 25, "{local}");
        for edge in [Timestamp::MIN, Timestamp::from_millis(Timestamp::MAX.as_millis() - 1)] {
            assert!(!Zone::Local.format(edge).is_empty());
        }
    }
}
