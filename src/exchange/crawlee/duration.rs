//! ISO 8601 durations as Crawlee Python writes and reads them: a year is 365 days, a month 30.

use std::fmt::Write;

/// What a unit is in microseconds, largest first. `M` is a month before the `T`, and a minute behind it.
const DAY: i128 = 86_400_000_000;
const BEFORE_T: [(char, i128); 4] = [('Y', 365 * DAY), ('M', 30 * DAY), ('W', 7 * DAY), ('D', DAY)];
const BEHIND_T: [(char, i128); 3] = [('H', 3_600_000_000), ('M', 60_000_000), ('S', 1_000_000)];

/// The microseconds of `P1Y2M3W4DT5H6M7.5S`, with a sign before it or none; `None` where it is no duration, or one of more
/// than some million years.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text.strip_prefix('P')?;
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    if date.is_empty() && time.is_none_or(str::is_empty) {
        return None;
    }
    let micros = sum(date, &BEFORE_T)?.checked_add(sum(time.unwrap_or_default(), &BEHIND_T)?)?;
    i64::try_from(if is_negative { -micros } else { micros }).ok()
}

fn sum(mut text: &str, units: &[(char, i128)]) -> Option<i128> {
    let mut sum = 0_i128;
    while !text.is_empty() {
        let end = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, rest) = text.split_at(end);
        let (_, unit) = units.iter().find(|(name, _)| rest.starts_with(*name))?;
        sum = sum.checked_add(product(number, *unit)?)?;
        text = &rest[1..];
    }
    Some(sum)
}

/// A decimal number times `unit`, rounded down.
fn product(number: &str, unit: i128) -> Option<i128> {
    const PLACES: usize = 12;
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || whole.len() > 12 {
        return None;
    }
    let fraction = &fraction[..fraction.len().min(PLACES)];
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction: i128 = fraction.parse().ok()?;
    whole.parse::<i128>().ok()?.checked_mul(unit)?.checked_add(fraction * unit / scale)
}

/// So many milliseconds, in the form that Crawlee Python gives it.
pub(super) fn format(millis: i64) -> String {
    let sign = if millis < 0 { "-" } else { "" };
    let total = millis.unsigned_abs();
    let (days, rest) = (total / 86_400_000, total % 86_400_000);
    let (years, days) = (days / 365, days % 365);
    let (hours, minutes) = (rest / 3_600_000, rest / 60_000 % 60);
    let (seconds, millis) = (rest / 1_000 % 60, rest % 1_000);
    let part = |number: u64, unit: char| if number == 0 { String::new() } else { format!("{number}{unit}") };
    let date = part(years, 'Y') + &part(days, 'D');
    let mut time = part(hours, 'H') + &part(minutes, 'M');
    if millis > 0 {
        let fraction = format!("{millis:03}");
        let _ = write!(time, "{seconds}.{}S", fraction.trim_end_matches('0'));
    } else if seconds > 0 || (date.is_empty() && time.is_empty()) {
        let _ = write!(time, "{seconds}S");
    }
    let time = if time.is_empty() { time } else { format!("T{time}") };
    format!("{sign}P{date}{time}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What pydantic 2 reads and writes, as Crawlee Python 1.11.0 does.
    #[test]
    fn durations_are_those_of_crawlee_python() {
        let second = 1_000_000;
        for (text, micros) in [
            ("PT50M", 3000 * second),
            ("P10Y", 3650 * 86_400 * second),
            ("P1Y1D", 366 * 86_400 * second),
            ("P1DT2H3M4.5S", 93_784_500_000),
            ("PT0S", 0),
            ("PT0.001S", 1_000),
            ("-PT1S", -second),
            ("-PT23H59M55S", -86_395 * second),
            ("P364DT23H", (364 * 86_400 + 82_800) * second),
            ("P7978Y30DT0.013S", 2_912_000 * 86_400 * second + 13_000),
            ("-P1DT1H1M1.25S", -90_061_250_000),
        ] {
            assert_eq!(parse(text), Some(micros), "{text}");
            assert_eq!(format(micros / 1000), text);
        }
        for (text, micros) in [
            ("P1W", 7 * 86_400 * second),
            ("P1M", 30 * 86_400 * second),
            ("P1Y2M3DT4H5M6.789S", 428 * 86_400 * second + 14_706_789_000),
            ("+PT5S", 5 * second),
            ("P1.5D", 129_600 * second),
            ("PT1M1H", 3660 * second),
            ("P1DT", 86_400 * second),
            ("PT0.0000015S", 1),
        ] {
            assert_eq!(parse(text), Some(micros), "{text}");
        }
        for bad in
            ["", "P", "PT", "3000", "p1d", "P1", "PT1D", "P1H", "PT.5S", "PT1.S", "P-1D", "PTS", "P1éD"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse("P999999999999Y"), None);
        assert_eq!(parse("P99999999999999999999999999999999999999999999D"), None);
    }

    #[test]
    fn what_is_written_reads_back() {
        for millis in [1, -1, 59_999, 86_400_000, 365 * 86_400_000, 315_569_519_999_999, -315_569_519_999_999]
        {
            assert_eq!(parse(&format(millis)), Some(millis * 1000), "{millis}");
        }
    }
}
