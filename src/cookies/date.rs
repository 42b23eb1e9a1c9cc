//! The dates of cookies, which sites write in many ways (RFC 6265, 5.1.1).

use chrono::{DateTime, NaiveDate, Utc};

/// Reads a date as browsers do; `None` where it is none.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = time_of(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = digits(token, 1, 2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = digits(token, 2, 4)
        {
            year = Some(found);
        }
    }
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    let (hour, minute, second) = time?;
    if year < 1601 {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month?, day?)?;
    Some(date.and_hms_opt(hour, minute, second)?.and_utc())
}

fn is_delimiter(c: char) -> bool {
    matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// The number that a token begins with, if that has as many digits as it should.
fn digits(token: &str, least: usize, most: usize) -> Option<u32> {
    let length = token.bytes().take_while(u8::is_ascii_digit).count();
    if (least..=most).contains(&length) { token[..length].parse().ok() } else { None }
}

fn time_of(token: &str) -> Option<(u32, u32, u32)> {
    let mut parts = token.splitn(3, ':');
    let mut exact = || parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let (hour, minute) = (digits(exact()?, 1, 2)?, digits(exact()?, 1, 2)?);
    Some((hour, minute, digits(parts.next()?, 1, 2)?))
}

fn month_of(token: &str) -> Option<u32> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = token.get(..3)?.to_ascii_lowercase();
    (1..).zip(MONTHS).find(|(_, month)| *month == start).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_sites_write_them() {
        let expected = Some("2021-06-09T10:18:14Z".parse().unwrap());
        for text in [
            "Wed, 09 Jun 2021 10:18:14 GMT",
            "Wednesday, 09-Jun-21 10:18:14 GMT",
            "Wed Jun  9 10:18:14 2021",
            "Wed, 09-Jun-2021 10:18:14 GMT",
            "09 Jun 2021 10:18:14",
            "9 june 2021 10:18:14 +0200",
            "10:18:14 2021 Jun 9",
            "Thu, 9 Jun 2021 10:18:14 UTC",
            "2021 10:18:14x Jun 9th",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        for (text, year) in [("70", 1970), ("99", 1999), ("69", 2069), ("00", 2000), ("1601", 1601)] {
            let date = parse(&format!("1 Jan {text} 00:00:00"));
            assert_eq!(date.map(|date| chrono::Datelike::year(&date)), Some(year), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "0",
            "-1",
            "tomorrow",
            "Wed, 09 Jun 2021",
            "10:18:14",
            "Wed, 32 Jun 2021 10:18:14 GMT",
            "Wed, 31 Jun 2021 10:18:14 GMT",
            "Wed, 09 Jun 1600 10:18:14 GMT",
            "Wed, 09 Jun 2021 24:18:14 GMT",
            "Wed, 09 Jun 2021 10:60:14 GMT",
            "Wed, 09 Jun 2021 10:18:60 GMT",
            "Wed, 09 Jun 20211 10:18:14 GMT",
            "Wed, 09 Jux 2021 10:18:14 GMT",
            "Wed, 09 Jün 2021 10:18:14 GMT",
            "Wed, 09 Jun 2021 10:18 GMT",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
