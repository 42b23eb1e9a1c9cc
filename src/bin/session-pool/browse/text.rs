//! Texts as a screen of cells shows them.

use std::time::Duration;

use session_pool::{ErrorScore, Timestamp};

use crate::output::{self, escape};
pub(super) use crate::output::{cut, cut_middle, grouped as count, wrap};

/// The most columns that [`near`] takes.
pub(super) const NEAR: usize = 10;

/// Text that came from a site, from a user or from a file, as it may be shown: see [`escape`].
pub(super) fn clean(text: &str) -> String {
    escape(text)
}

/// A number in 6 columns at most: `12,345`, `123k`, `1,234M`.
pub(super) fn short_count(number: u32) -> String {
    match number {
        0..100_000 => count(number.into()),
        100_000..10_000_000 => format!("{}k", count(u64::from(number) / 1_000)),
        _ => format!("{}M", count(u64::from(number) / 1_000_000)),
    }
}

/// A score in 5 columns at most.
pub(super) fn score(score: ErrorScore) -> String {
    match score.thousandths() {
        // `2.333` has them already.
        0..100_000 => {
            let mut text = score.to_string();
            text.truncate(5);
            text
        }
        100_000..100_000_000 => (score.thousandths() / 1_000).to_string(),
        thousandths => format!("{}k", thousandths / 1_000_000),
    }
}

/// How many of how many, in percent, in 6 columns at most: `3.2%`, `0%`, `<0.1%`, `100%`.
pub(super) fn share(part: u64, whole: u64) -> String {
    output::percent(output::share(part, whole)).replace(' ', "")
}

/// How far away a time is, in its largest unit alone: `in 12 min`, `3 h ago`; [`NEAR`] columns at most.
pub(super) fn near(time: Timestamp, now: Timestamp) -> String {
    if time == Timestamp::MAX {
        return "never".to_owned();
    }
    let (ahead, behind) = (time.since(now), now.since(time));
    match (ahead.as_secs(), behind.as_secs()) {
        (0, 0) => "now".to_owned(),
        (0, _) => format!("{} ago", largest_unit(behind)),
        _ => format!("in {}", largest_unit(ahead)),
    }
}

/// A span of time in its largest unit: `59 min`, `2 d`.
pub(super) fn largest_unit(span: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(365 * 86_400, "y"), (86_400, "d"), (3_600, "h"), (60, "min")];
    let seconds = span.as_secs();
    match UNITS.into_iter().find(|(length, _)| seconds >= *length) {
        Some((length, unit)) => format!("{} {unit}", seconds / length),
        None => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_short_and_readable() {
        assert_eq!(
            (share(0, 0), share(1, 3), share(1, 10_000)),
            ("0%".into(), "33.3%".into(), "<0.1%".into())
        );
        for number in [0, 99_999, 100_000, 9_999_999, 10_000_000, u32::MAX] {
            assert!(short_count(number).len() <= 6, "{}", short_count(number));
            assert!(
                score(ErrorScore::from_thousandths(number)).len() <= 5,
                "{}",
                score(ErrorScore::from_thousandths(number))
            );
        }
        assert_eq!(
            (score(ErrorScore::ONE), score(ErrorScore::from_thousandths(99_999))),
            ("1".into(), "99.99".into())
        );
        assert_eq!(share(u64::MAX, u64::MAX), "100%");
        let now = Timestamp::from_millis(1_772_366_400_000);
        let minutes = |count: u64| Duration::from_secs(60 * count);
        assert_eq!(near(now.plus(minutes(12)), now), "in 12 min");
        assert_eq!(near(now.minus(minutes(59)), now), "59 min ago");
        assert_eq!(near(now.minus(minutes(60 * 24 * 364)), now), "364 d ago");
        assert_eq!((near(now, now), near(Timestamp::MAX, now)), ("now".into(), "never".into()));
        assert!(near(Timestamp::MIN, now).len() <= NEAR);
        assert!(near(Timestamp::from_millis(Timestamp::MAX.as_millis() - 1), now).len() <= NEAR);
    }
}
