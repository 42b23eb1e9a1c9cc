//! When a cookie expires, by its `Max-Age` and `Expires` (RFC 6265, 5.2.1, 5.2.2 and 5.3, item 3).

use std::time::Duration;

use super::date;
use crate::session::Timestamp;

/// The expiry that the text of a `Set-Cookie` header gives: the last valid `Max-Age`, else the last valid `Expires`. `None`
/// for a session cookie.
pub(super) fn of(header: &str, now: Timestamp) -> Option<Timestamp> {
    let (mut max_age, mut expires) = (None, None);
    for attribute in header.split(';').skip(1) {
        let Some((name, value)) = attribute.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("max-age") {
            max_age = max_age_of(value, now).or(max_age);
        } else if name.eq_ignore_ascii_case("expires") {
            expires = date::parse(value).map(Timestamp::from).or(expires);
        }
    }
    max_age.or(expires)
}

fn max_age_of(value: &str, now: Timestamp) -> Option<Timestamp> {
    let (is_negative, digits) = match value.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More seconds than a number holds are for ever.
    let seconds = digits.parse().unwrap_or(u64::MAX);
    Some(if is_negative || seconds == 0 { Timestamp::MIN } else { now.plus(Duration::from_secs(seconds)) })
}
