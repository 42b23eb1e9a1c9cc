//! Which rows of a list are wanted: terms that must all hold.
//!
//! A word is looked for in ids and names of pools. `field:value` and `field>value` ask for one field, `!` before a term turns
//! it round, and quotes hold together what has blanks or colons in it.

mod parse;

use session_pool::{LogEntry, Reason, SessionId, SessionRecord, Timestamp};

use super::data::{Data, LogRow, PoolIndex, PoolRow, SessionRow, Standing};

/// What a list is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Pools,
    Sessions,
    Log,
}

/// Which rows are wanted. The default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    terms: Vec<Term>,
}

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilterError {
    /// The bytes of the text that it is about; at least one character, or the end of the text.
    pub(super) at: std::ops::Range<usize>,
    pub(super) message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    negated: bool,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    /// In an id or a pool's name; in lower case.
    Text(String),
    Pool(String),
    Id(String),
    State(StateWord),
    Reason(Reason),
    Number(NumberField, Comparison, i64),
    /// How far away a time is, in milliseconds.
    Span(SpanField, Comparison, i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StateWord {
    Live,
    Ready,
    Resting,
    Expired,
    Retired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberField {
    Uses,
    Errors,
    /// In thousandths.
    Score,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SpanField {
    /// Since it was created.
    Age,
    /// Until a live one expires that has not yet.
    Expires,
    /// Since its last use.
    Used,
    /// Since it was retired.
    Retired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    Equal,
    AtLeast,
    Greater,
}

impl Comparison {
    fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::AtLeast => left >= right,
            Self::Greater => left > right,
        }
    }
}

impl Filter {
    /// Reads a filter for rows of that kind: the terms that are right, and what is wrong with the first that is not. So the
    /// others hold while one is being typed. A blank text asks for all rows.
    pub(super) fn parse(text: &str, subject: Subject) -> (Self, Option<FilterError>) {
        let (terms, error) = parse::terms(text, subject);
        (Self { terms }, error)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The filter for those data: what is asked of pools is answered once.
    pub(super) fn on<'a>(&'a self, data: &Data, now: Timestamp) -> Prepared<'a> {
        let pools = |test: &Test| match test {
            Test::Text(text) | Test::Pool(text) => {
                data.pools.iter().map(|pool| has_name(pool, text)).collect::<Vec<_>>()
            }
            Test::Id(_) | Test::State(_) | Test::Reason(_) | Test::Number(..) | Test::Span(..) => Vec::new(),
        };
        Prepared { terms: self.terms.iter().map(|term| (term, pools(&term.test))).collect(), now }
    }

    pub(super) fn has_pool(&self, pool: &PoolRow) -> bool {
        self.terms.iter().all(|term| {
            let holds = match &term.test {
                Test::Text(text) | Test::Pool(text) => has_name(pool, text),
                Test::Id(_) | Test::State(_) | Test::Reason(_) | Test::Number(..) | Test::Span(..) => false,
            };
            holds != term.negated
        })
    }
}

fn has_name(pool: &PoolRow, text: &str) -> bool {
    pool.entry.name.as_str().to_lowercase().contains(text)
}

/// A filter, with what its terms say of each pool.
pub(super) struct Prepared<'a> {
    terms: Vec<(&'a Term, Vec<bool>)>,
    now: Timestamp,
}

impl Prepared<'_> {
    pub(super) fn has_session(&self, row: &SessionRow) -> bool {
        let SessionRow { pool, id, record } = row;
        self.all(*pool, id, |test| match test {
            Test::State(word) => is_in_state(record, *word, self.now),
            Test::Reason(reason) => record.retired.is_some_and(|retired| retired.reason == *reason),
            Test::Number(field, comparison, number) => {
                let value = match field {
                    NumberField::Uses => record.usage_count,
                    NumberField::Errors => record.error_count,
                    NumberField::Score => record.error_score.thousandths(),
                };
                comparison.holds(i64::from(value), *number)
            }
            Test::Span(field, comparison, span) => {
                let value = match field {
                    SpanField::Age => Some(between(record.created_at, self.now)),
                    // Of those that still have it before them; for the others there is `state:expired`.
                    SpanField::Expires => (record.retired.is_none() && !record.is_expired(self.now))
                        .then(|| between(self.now, record.expires_at)),
                    SpanField::Used => record.last_used_at.map(|at| between(at, self.now)),
                    SpanField::Retired => record.retired.map(|retired| between(retired.at, self.now)),
                };
                value.is_some_and(|value| comparison.holds(value, *span))
            }
            Test::Text(_) | Test::Pool(_) | Test::Id(_) => false,
        })
    }

    pub(super) fn has_log(&self, row: &LogRow) -> bool {
        let LogRow { pool, sequence: _, entry } = row;
        let LogEntry { id, reason, retired_at, created_at, usage_count, error_count, error_score } = entry;
        self.all(*pool, id, |test| match test {
            Test::Reason(wanted) => reason == wanted,
            Test::Number(field, comparison, number) => {
                let value = match field {
                    NumberField::Uses => *usage_count,
                    NumberField::Errors => *error_count,
                    NumberField::Score => error_score.thousandths(),
                };
                comparison.holds(i64::from(value), *number)
            }
            Test::Span(SpanField::Age, comparison, span) => {
                // How old it grew.
                comparison.holds(between(*created_at, *retired_at), *span)
            }
            Test::Span(SpanField::Retired, comparison, span) => {
                comparison.holds(between(*retired_at, self.now), *span)
            }
            // Those that no filter for the log has, and those that are answered already.
            Test::Span(SpanField::Expires | SpanField::Used, ..)
            | Test::State(_)
            | Test::Text(_)
            | Test::Pool(_)
            | Test::Id(_) => false,
        })
    }

    fn all(&self, pool: PoolIndex, id: &SessionId, other: impl Fn(&Test) -> bool) -> bool {
        self.terms.iter().all(|(term, pools)| {
            let in_pool = || usize::try_from(pool).is_ok_and(|pool| pools.get(pool) == Some(&true));
            let holds = match &term.test {
                Test::Text(text) => in_pool() || contains(id.as_str(), text),
                Test::Pool(_) => in_pool(),
                Test::Id(text) => contains(id.as_str(), text),
                test => other(test),
            };
            holds != term.negated
        })
    }
}

fn is_in_state(record: &SessionRecord, word: StateWord, now: Timestamp) -> bool {
    match (word, Standing::of(record, now)) {
        // As elsewhere, those that rest or are too old are live until they are retired.
        (StateWord::Live, standing) => standing.reason().is_none(),
        (StateWord::Ready, standing) => standing == Standing::Live && record.is_usable(now),
        (StateWord::Resting, standing) => standing == Standing::Resting,
        (StateWord::Expired, standing) => standing == Standing::Expired,
        (StateWord::Retired, standing) => standing.reason().is_some(),
    }
}

/// Milliseconds from one time to another.
fn between(from: Timestamp, to: Timestamp) -> i64 {
    to.as_millis().saturating_sub(from.as_millis())
}

/// Whether an id has that in it, which is in lower case; the id in whatever case.
fn contains(id: &str, text: &str) -> bool {
    let (id, text) = (id.as_bytes(), text.as_bytes());
    let Some((first, rest)) = text.split_first() else { return true };
    let Some(last) = id.len().checked_sub(text.len()) else { return false };
    // Nearly all places are ruled out by their first byte.
    let upper = first.to_ascii_uppercase();
    let starts = id[..=last].iter().enumerate().filter(|(_, byte)| *byte == first || **byte == upper);
    starts.into_iter().any(|(at, _)| id[at + 1..at + text.len()].eq_ignore_ascii_case(rest))
}
