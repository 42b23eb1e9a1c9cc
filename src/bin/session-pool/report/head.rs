//! What the page says in words, before its charts and tables.

use std::fmt::Write as _;

use session_pool::inspect::{Figures, Overview};

use super::words::{minute, name_of, plural, rate};
use crate::output::{grouped, share};

/// How things are, in two sentences.
pub(super) fn lead(overview: &Overview) -> String {
    let Overview { total, pools, .. } = overview;
    let mut lead = format!(
        "In {}, {}",
        plural(pools.len() as u64, "pool", "pools"),
        plural(total.ready, "session is ready", "sessions are ready"),
    );
    // Writing to text does not fail.
    if total.resting > 0 {
        let _ = write!(lead, ", {}", plural(total.resting, "rests", "rest"));
    }
    if total.unusable.sum() > 0 {
        let _ = write!(lead, ", {} cannot be used any more", grouped(total.unusable.sum()));
    }
    lead + ". " + &log(total)
}

fn log(total: &Figures) -> String {
    let told = total.retirements.count();
    let most = total.retirements.by_reason.iter().max_by_key(|(_, of)| of.count);
    let (Some(first), Some((reason, of))) = (total.retirements.first_at, most) else {
        return "The log tells of no retirements.".to_owned();
    };
    format!(
        "The log tells of {} since {}: most of them {} ({}).",
        plural(told, "retirement", "retirements"),
        minute(first),
        name_of(reason).to_lowercase(),
        rate(share(of.count, told)),
    )
}

/// What went wrong while the store was read: an item of a list, or nothing.
pub(super) fn notes(overview: &Overview) -> String {
    let Overview { total, unreadable_pools, .. } = overview;
    let parts: Vec<String> = [
        (*unreadable_pools, "pool", "pools"),
        (total.unreadable_sessions, "session", "sessions"),
        (total.retirements.unreadable, "log entry", "log entries"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| plural(count, one, many))
    .collect();
    if parts.is_empty() {
        return String::new();
    }
    let all = unreadable_pools + total.unreadable_sessions + total.retirements.unreadable;
    let (is, them) = if all == 1 { ("is", "it") } else { ("are", "them") };
    format!(
        "<li>{} cannot be read, and {is} not in the figures: session-pool check names {them}.</li>",
        parts.join(", ")
    )
}
