//! Finding and sorting the rows of a list. It is done beside the screen, and given up when it is no longer asked for.

use session_pool::{SessionRecord, Timestamp};

use super::chart::Chart;
use super::data::{Counts, Data, LogRow, PoolIndex, SessionRow, Standing};
use super::filter::{Filter, Subject};

/// What a list is to show.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) subject: Subject,
    /// Tells it apart from those before it about the same subject.
    pub(super) generation: u64,
    /// Of this pool only.
    pub(super) pool: Option<PoolIndex>,
    pub(super) filter: Filter,
    pub(super) order: Order,
    /// The row that is to stay chosen, if it is found again.
    pub(super) keep: Option<u32>,
    /// How many columns there are for a chart; none is made of anything but the log.
    pub(super) columns: usize,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) subject: Subject,
    pub(super) generation: u64,
    /// Where the rows stand in [`Data`], in the order in which they are shown.
    pub(super) rows: Vec<u32>,
    /// Where the row that was to be kept is among them.
    pub(super) kept: Option<usize>,
    pub(super) chart: Option<Chart>,
}

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) by: Key,
    pub(super) descending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// By pool, then by id or sequence: the order of the store.
    Store,
    Id,
    /// Live ones before retired ones, those by reason.
    State,
    Reason,
    Uses,
    Errors,
    Score,
    /// When it expires, or was retired.
    Ends,
    Created,
    Used,
    Retired,
    Live,
    RetiredCount,
    ErrorRate,
}

impl Key {
    /// The keys that rows of a kind can be sorted by, in the order in which they are gone through.
    pub(super) fn of(subject: Subject) -> &'static [Self] {
        match subject {
            Subject::Pools => &[Self::Store, Self::Live, Self::RetiredCount, Self::ErrorRate, Self::Ends],
            Subject::Sessions => &[
                Self::Store,
                Self::State,
                Self::Uses,
                Self::Errors,
                Self::Score,
                Self::Ends,
                Self::Created,
                Self::Used,
                Self::Id,
            ],
            Subject::Log => &[
                Self::Retired,
                Self::Reason,
                Self::Uses,
                Self::Errors,
                Self::Score,
                Self::Created,
                Self::Store,
            ],
        }
    }

    /// The key with what one wants first of it.
    pub(super) fn natural(self) -> Order {
        let descending = match self {
            Self::Store | Self::Id | Self::State | Self::Reason | Self::Ends => false,
            Self::Uses
            | Self::Errors
            | Self::Score
            | Self::Created
            | Self::Used
            | Self::Retired
            | Self::Live
            | Self::RetiredCount
            | Self::ErrorRate => true,
        };
        Order { by: self, descending }
    }

    /// What the next key is for rows of that kind.
    pub(super) fn next(self, subject: Subject) -> Self {
        let keys = Self::of(subject);
        let at = keys.iter().position(|key| *key == self).map_or(0, |at| at + 1);
        keys.get(at).or(keys.first()).copied().unwrap_or(Self::Store)
    }

    /// How it is called.
    pub(super) fn word(self, subject: Subject) -> &'static str {
        match self {
            Self::Store => match subject {
                Subject::Pools => "name",
                Subject::Sessions => "pool, id",
                Subject::Log => "pool, sequence",
            },
            Self::Id => "id",
            Self::State => "state",
            Self::Reason => "reason",
            Self::Uses => "uses",
            Self::Errors | Self::ErrorRate => "errors",
            Self::Score => "score",
            Self::Ends => match subject {
                Subject::Pools => "next expiry",
                Subject::Sessions | Subject::Log => "end",
            },
            Self::Created => "created",
            Self::Used => "last use",
            Self::Retired | Self::RetiredCount => "retired",
            Self::Live => "live",
        }
    }
}

/// Between two looks whether it is still asked for.
const SLICE: usize = 16_384;

/// Finds and sorts; `None` where it is no longer asked for.
pub(super) fn run(
    data: &Data,
    query: &Query,
    now: Timestamp,
    is_wanted: &dyn Fn() -> bool,
) -> Option<Answer> {
    let Query { subject, generation, pool, filter, order, keep, columns } = query;
    let prepared = filter.on(data, now);
    let is_in = |index: PoolIndex| pool.is_none_or(|pool| pool == index);
    let rows = match subject {
        Subject::Pools => {
            let found = select(&data.pools, is_wanted, |row| filter.has_pool(row))?;
            sorted(found, &data.pools, *order, |row| pool_key(order.by, &row.counts))
        }
        Subject::Sessions => {
            let is_found = |row: &SessionRow| is_in(row.pool) && prepared.has_session(row);
            let found = select(&data.sessions, is_wanted, is_found)?;
            if order.by == Key::Id {
                sorted_by_id(found, &data.sessions, order.descending)
            } else {
                sorted(found, &data.sessions, *order, |row| session_key(order.by, &row.record, now))
            }
        }
        Subject::Log => {
            let found = select(&data.log, is_wanted, |row| is_in(row.pool) && prepared.has_log(row))?;
            sorted(found, &data.log, *order, |row| log_key(order.by, row))
        }
    };
    if !is_wanted() {
        return None;
    }
    let kept = keep.and_then(|keep| rows.iter().position(|row| *row == keep));
    let chart = (*subject == Subject::Log).then(|| {
        let entries = rows.iter().filter_map(|row| at(&data.log, *row));
        Chart::of(entries.map(|row| (row.entry.retired_at, row.entry.reason)), *columns)
    });
    Some(Answer { subject: *subject, generation: *generation, rows, kept, chart })
}

/// The row of that number.
pub(super) fn at<T>(rows: &[T], index: u32) -> Option<&T> {
    rows.get(usize::try_from(index).ok()?)
}

/// The numbers of the rows that are wanted.
fn select<T>(rows: &[T], is_wanted: &dyn Fn() -> bool, is_found: impl Fn(&T) -> bool) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    for (slice, start) in rows.chunks(SLICE).zip((0_u32..).step_by(SLICE)) {
        if !is_wanted() {
            return None;
        }
        found.extend((start..).zip(slice).filter(|(_, row)| is_found(row)).map(|(index, _)| index));
    }
    Some(found)
}

/// Sorts by a number of each row; equal ones stay in the order of the store.
fn sorted<T>(found: Vec<u32>, rows: &[T], order: Order, key: impl Fn(&T) -> i64) -> Vec<u32> {
    if order.by == Key::Store {
        let mut found = found;
        if order.descending {
            found.reverse();
        }
        return found;
    }
    let turn = |key: i64| if order.descending { !key } else { key };
    let mut keyed: Vec<(i64, u32)> =
        found.into_iter().map(|index| (at(rows, index).map_or(0, |row| turn(key(row))), index)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, index)| index).collect()
}

fn sorted_by_id(mut found: Vec<u32>, rows: &[SessionRow], descending: bool) -> Vec<u32> {
    found.sort_by(|a, b| {
        let (a, b) = (at(rows, *a).map(|row| &row.id), at(rows, *b).map(|row| &row.id));
        if descending { b.cmp(&a) } else { a.cmp(&b) }
    });
    found
}

fn pool_key(key: Key, counts: &Counts) -> i64 {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    match key {
        Key::Live => number(counts.live),
        Key::RetiredCount => number(counts.all_retired()),
        Key::ErrorRate => number(counts.errors.saturating_mul(1_000_000) / counts.uses.max(1)),
        Key::Ends => counts.next_expiry.map_or(i64::MAX, Timestamp::as_millis),
        // Those of other lists, and the order that needs no key.
        Key::Store
        | Key::Id
        | Key::State
        | Key::Reason
        | Key::Uses
        | Key::Errors
        | Key::Score
        | Key::Created
        | Key::Used
        | Key::Retired => 0,
    }
}

fn session_key(key: Key, record: &SessionRecord, now: Timestamp) -> i64 {
    match key {
        Key::State | Key::Reason => match Standing::of(record, now) {
            Standing::Live => 0,
            Standing::Resting => 1,
            Standing::Expired => 2,
            Standing::Retired(reason) => 3 + reason as i64,
        },
        Key::Uses => record.usage_count.into(),
        Key::Errors => record.error_count.into(),
        Key::Score => record.error_score.thousandths().into(),
        Key::Ends => record.retired.map_or(record.expires_at, |retired| retired.at).as_millis(),
        Key::Created => record.created_at.as_millis(),
        // Those that were never used come last, or first.
        Key::Used => record.last_used_at.map_or(i64::MIN, Timestamp::as_millis),
        Key::Retired => record.retired.map_or(i64::MIN, |retired| retired.at.as_millis()),
        Key::Store | Key::Id | Key::Live | Key::RetiredCount | Key::ErrorRate => 0,
    }
}

fn log_key(key: Key, row: &LogRow) -> i64 {
    let entry = &row.entry;
    match key {
        Key::Retired | Key::Ends => entry.retired_at.as_millis(),
        Key::Reason | Key::State => entry.reason as i64,
        Key::Uses => entry.usage_count.into(),
        Key::Errors => entry.error_count.into(),
        Key::Score => entry.error_score.thousandths().into(),
        Key::Created => entry.created_at.as_millis(),
        Key::Store | Key::Id | Key::Used | Key::Live | Key::RetiredCount | Key::ErrorRate => 0,
    }
}
