//! A session as a row: its fields, and the orders that they give.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use anstyle::Style;
use clap::builder::PossibleValuesParser;
use session_pool::{Limits, Payload, PoolName, Reason, SessionId, SessionRecord, Timestamp};

use crate::choices::widest_reason;
use crate::output::{AWAY, Cell, Column, style};

/// A session as it is listed.
pub(crate) struct Listed {
    pub(crate) pool: PoolName,
    pub(crate) id: SessionId,
    pub(crate) record: SessionRecord,
    /// Where it is asked for.
    pub(crate) payload: Option<Payload>,
    pub(crate) now: Timestamp,
}

impl Listed {
    fn reason(&self) -> Option<Reason> {
        self.record.retired.map(|retired| retired.reason)
    }
}

/// Where a session stands, in one word.
pub(crate) fn state(record: &SessionRecord, now: Timestamp) -> &'static str {
    match record.retired {
        Some(_) => "retired",
        None if record.is_expired(now) => "expired",
        None if record.is_usable(now) && record.is_resting(now) => "resting",
        None => "live",
    }
}

/// How the state looks.
pub(crate) fn state_style(state: &str) -> Style {
    match state {
        "live" => style::GOOD,
        "retired" => style::FAINT,
        _ => style::WARN,
    }
}

fn score_style(session: &Listed) -> Style {
    let record = &session.record;
    let (score, most) = (record.error_score.thousandths(), record.limits.max_error_score.thousandths());
    if score >= most {
        style::BAD
    } else if u64::from(score) * 2 >= u64::from(most) {
        style::WARN
    } else {
        style::PLAIN
    }
}

/// Every field, in the order in which they are shown. The first [`USUAL`] are shown where nobody says which.
fn all() -> Vec<Column<Listed>> {
    let count = |field, cell| Column::new(field, cell).right();
    let away = |field, cell| Column::new(field, cell).no_wider_than(AWAY);
    vec![
        Column::new("pool", |s: &Listed| Cell::text(s.pool.as_str())).shrinking_to(8),
        Column::new("id", |s: &Listed| Cell::text(s.id.as_str())).of_ids(),
        Column::new("state", |s: &Listed| Cell::text(state(&s.record, s.now)))
            .no_wider_than("retired".len())
            .styled(|s| state_style(state(&s.record, s.now))),
        Column::new("reason", |s: &Listed| Cell::maybe(s.reason(), |reason| Cell::text(reason.as_str())))
            .no_wider_than(widest_reason()),
        count("usage_count", |s: &Listed| Cell::Count(s.record.usage_count.into())).headed("uses"),
        count("error_count", |s: &Listed| Cell::Count(s.record.error_count.into())).headed("errors"),
        count("error_score", |s: &Listed| Cell::Number(s.record.error_score.to_f64()))
            .headed("score")
            .styled(score_style),
        away("expires_at", |s: &Listed| Cell::Away(s.record.expires_at)).headed("expires"),
        away("last_used_at", |s: &Listed| Cell::maybe(s.record.last_used_at, Cell::Away)).headed("last used"),
        away("created_at", |s: &Listed| Cell::Away(s.record.created_at)).headed("created"),
        away("resting_until", |s: &Listed| Cell::maybe(s.record.resting_until, Cell::Ahead))
            .headed("rests until"),
        away("retired_at", |s: &Listed| Cell::maybe(s.record.retired, |retired| Cell::Away(retired.at)))
            .headed("retired"),
        count("max_usage_count", |s: &Listed| Cell::Count(s.record.limits.max_usage_count.into()))
            .headed("max uses"),
        count("max_error_score", |s: &Listed| Cell::Number(s.record.limits.max_error_score.to_f64()))
            .headed("max score"),
        count("max_concurrent_uses", |s: &Listed| {
            let most = s.record.limits.max_concurrent_uses;
            Cell::maybe((most != Limits::UNLIMITED).then_some(most), |most| Cell::Count(most.into()))
        })
        .headed("at a time"),
        Column::new("proxy", |s: &Listed| {
            let proxy = s.payload.as_ref().and_then(|payload| payload.proxy.as_ref());
            Cell::maybe(proxy, |proxy| Cell::text(proxy.to_string()))
        })
        .shrinking_to(16),
        count("cookies", |s: &Listed| {
            Cell::maybe(s.payload.as_ref(), |payload| Cell::Count(payload.cookies.len() as u64))
        }),
    ]
}

const USUAL: usize = 12;

/// Whether a field is in the payload.
pub(crate) fn needs_payload(field: &str) -> bool {
    matches!(field, "proxy" | "cookies")
}

/// What `--columns` takes.
pub(crate) fn fields() -> PossibleValuesParser {
    PossibleValuesParser::new(all().into_iter().map(|column| column.field))
}

/// The columns of those fields; the usual ones where none is given.
pub(crate) fn columns(fields: &[String]) -> Vec<Column<Listed>> {
    if fields.is_empty() {
        return all().into_iter().take(USUAL).collect();
    }
    fields.iter().filter_map(|field| all().into_iter().find(|column| column.field == field)).collect()
}

/// What sessions are compared by.
#[derive(Clone, Copy)]
pub(crate) struct Compared<'a> {
    pub(crate) pool: &'a PoolName,
    pub(crate) id: &'a SessionId,
    pub(crate) record: &'a SessionRecord,
    pub(crate) now: Timestamp,
}

/// An order of sessions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sort {
    pub(crate) field: &'static str,
    by: By,
    is_descending: bool,
}

type By = for<'a> fn(Compared<'a>) -> Key<'a>;

#[derive(PartialEq, PartialOrd)]
enum Key<'a> {
    Number(i64),
    Text(&'a str),
    Nothing,
}

const FIELDS: [(&str, By); 12] = [
    ("pool", |s| Key::Text(s.pool.as_str())),
    ("id", |s| Key::Text(s.id.as_str())),
    ("state", |s| Key::Text(state(s.record, s.now))),
    ("reason", |s| s.record.retired.map_or(Key::Nothing, |retired| Key::Text(retired.reason.as_str()))),
    ("usage_count", |s| Key::Number(s.record.usage_count.into())),
    ("error_count", |s| Key::Number(s.record.error_count.into())),
    ("error_score", |s| Key::Number(s.record.error_score.thousandths().into())),
    ("expires_at", |s| Key::Number(s.record.expires_at.as_millis())),
    ("last_used_at", |s| time(s.record.last_used_at)),
    ("created_at", |s| Key::Number(s.record.created_at.as_millis())),
    ("resting_until", |s| time(s.record.resting_until)),
    ("retired_at", |s| time(s.record.retired.map(|retired| retired.at))),
];

fn time(time: Option<Timestamp>) -> Key<'static> {
    time.map_or(Key::Nothing, |time| Key::Number(time.as_millis()))
}

impl Sort {
    /// Those that are equal come in the order of their pools and ids, those without a value last.
    pub(crate) fn compare(&self, a: Compared<'_>, b: Compared<'_>) -> Ordering {
        let (of_a, of_b) = ((self.by)(a), (self.by)(b));
        let order = match (&of_a, &of_b) {
            (Key::Nothing, Key::Nothing) => Ordering::Equal,
            (Key::Nothing, _) => Ordering::Greater,
            (_, Key::Nothing) => Ordering::Less,
            _ => {
                let order = of_a.partial_cmp(&of_b).unwrap_or(Ordering::Equal);
                if self.is_descending { order.reverse() } else { order }
            }
        };
        order.then_with(|| (a.pool, a.id).cmp(&(b.pool, b.id)))
    }
}

/// It is no order.
#[derive(Debug)]
pub(crate) struct NoSort(String);

impl fmt::Display for NoSort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoSort {}

impl FromStr for Sort {
    type Err = NoSort;

    fn from_str(text: &str) -> Result<Self, NoSort> {
        let (field, order) = text.split_once(':').unwrap_or((text, "asc"));
        let is_descending = match order {
            "asc" => false,
            "desc" => true,
            _ => {
                let at = field.chars().count() + 2;
                return Err(NoSort(format!("character {at}: behind the colon comes asc or desc")));
            }
        };
        match FIELDS.iter().find(|(name, _)| *name == field) {
            Some((field, by)) => Ok(Self { field, by: *by, is_descending }),
            None => {
                let names = FIELDS.map(|(name, _)| name).join(", ");
                Err(NoSort(format!("character 1: {field:?} is none of the fields to sort by: {names}")))
            }
        }
    }
}
