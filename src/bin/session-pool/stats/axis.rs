//! The marks below a line over time.

use chrono::{DateTime, Local, Utc};
use session_pool::Timestamp;

use crate::output::Zone;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// How far apart marks can be, in seconds.
const APART: [i64; 17] = [
    60,
    300,
    900,
    1800,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    364 * DAY,
    3640 * DAY,
];

/// How wide a mark is with a blank, mostly: `22 Nov`.
const ROOM: i64 = 7;

/// A line of marks: each begins in the column in which its time does. `seconds`: how long a column is.
pub(super) fn axis(from: Timestamp, seconds: u64, columns: usize, zone: Zone) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX).max(1);
    let apart = APART.into_iter().find(|apart| apart / seconds >= ROOM);
    // Where not even ten years are enough, something that is.
    let apart = apart.unwrap_or_else(|| seconds.saturating_mul(ROOM));
    let mut line = String::new();
    let mut end = 0;
    let mut before = None;
    for column in 0..columns {
        let ahead = seconds.saturating_mul(i64::try_from(column).unwrap_or(i64::MAX)).saturating_mul(1000);
        let wall = wall_seconds(Timestamp::from_millis(from.as_millis().saturating_add(ahead)), zone);
        let period = wall.div_euclid(apart);
        // The first column begins a period only by accident.
        let begins = before.map_or(wall.rem_euclid(apart) == 0, |before| before != period);
        before = Some(period);
        if !begins || (column > 0 && column < end + 1) {
            continue;
        }
        let label = label(period * apart, apart);
        if column + label.len() > columns {
            break;
        }
        line.extend(std::iter::repeat_n(' ', column - end));
        line.push_str(&label);
        end = column + label.len();
    }
    line
}

/// The time that a clock on the wall shows, as if it were UTC, in seconds.
fn wall_seconds(time: Timestamp, zone: Zone) -> i64 {
    let time = time.to_datetime();
    match zone {
        Zone::Utc => time.timestamp(),
        Zone::Local => time.with_timezone(&Local).naive_local().and_utc().timestamp(),
    }
}

fn label(wall: i64, apart: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp(wall, 0).unwrap_or(DateTime::UNIX_EPOCH);
    let format = match apart {
        apart if apart >= 364 * DAY => "%Y",
        apart if apart >= 91 * DAY => "%b %Y",
        apart if apart >= DAY || wall.rem_euclid(DAY) == 0 => "%-d %b",
        _ => "%H:%M",
    };
    time.format(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(from: &str, seconds: u64, columns: usize) -> String {
        let from: DateTime<Utc> = from.parse().unwrap();
        axis(from.into(), seconds, columns, Zone::Utc)
    }

    #[test]
    fn marks_stand_where_their_times_begin() {
        assert_eq!(of("2026-03-01T00:00:00Z", 3 * 3600, 24), "1 Mar   2 Mar   3 Mar");
        assert_eq!(of("2026-03-01T22:00:00Z", 60, 32), "22:00          22:15");
        assert_eq!(of("2026-03-01T23:50:00Z", 60, 32), "          2 Mar          00:15");
    }

    #[test]
    fn a_mark_that_does_not_fit_is_left_off() {
        assert_eq!(of("2026-03-01T12:00:00Z", 3600, 14), "12:00");
        assert_eq!(of("2026-03-01T12:00:00Z", 3600, 4), "");
        assert_eq!(of("2026-03-01T12:00:00Z", 3600, 0), "");
    }

    #[test]
    fn the_ends_of_time_have_marks_or_none_and_do_no_harm() {
        for from in [Timestamp::MIN, Timestamp::MAX] {
            for seconds in [1, 86_400, 10_400 * 7 * 86_400, u64::MAX] {
                for zone in [Zone::Utc, Zone::Local] {
                    assert!(axis(from, seconds, 60, zone).len() <= 60);
                }
            }
        }
    }
}
