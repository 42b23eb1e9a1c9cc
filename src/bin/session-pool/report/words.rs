//! Numbers, times and reasons, as the script of the page writes them too.

use session_pool::{Reason, Timestamp};

use crate::output::{Zone, grouped, percent};

/// The reasons in the order of the page: what went wrong, before what ends by itself.
pub(super) const REASONS: [Reason; 4] =
    [Reason::Blocked, Reason::Retired, Reason::Exhausted, Reason::Expired];

pub(super) fn name_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Blocked => "Blocked",
        Reason::Exhausted => "Exhausted",
        Reason::Expired => "Expired",
        Reason::Retired => "Retired",
    }
}

/// `1,204 pools`.
pub(super) fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// `7.8%`.
pub(super) fn rate(share: f64) -> String {
    percent(share).replace(' ', "")
}

/// `2026-11-25 20:15`, in UTC.
pub(super) fn minute(time: Timestamp) -> String {
    let text = Zone::Utc.format(time);
    text.get(..16).map_or(text.clone(), str::to_owned)
}
