//! What stands in one field of one row.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};
use serde::{Serialize, Serializer};
use serde_json::Value;
use session_pool::Timestamp;

use super::time::relative;
use crate::context::Context;

/// What a table shows where there is nothing.
pub(super) const NOTHING: &str = "-";

/// A value, as a table, JSON and CSV show it each in their way.
#[derive(Debug, Clone)]
pub(crate) enum Cell<'a> {
    /// Nothing: `-` in a table, `null`, an empty cell.
    Empty,
    Text(Cow<'a, str>),
    Count(u64),
    /// A number with a fraction; scores have three digits at most.
    Number(f64),
    /// A time; a table shows the date.
    At(Timestamp),
    /// A time; a table shows how far away it is.
    Away(Timestamp),
    /// A time that matters while it lies ahead: a table shows how far away it is, and nothing where it is past.
    Ahead(Timestamp),
    /// When a day begins: a table shows its date.
    Day(Timestamp),
    /// What nests: the same in JSON, its text in a table and in CSV.
    Nested(Value),
}

impl<'a> Cell<'a> {
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// What `cell` makes of a value, where there is one.
    pub(crate) fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Empty, cell)
    }

    /// As a table shows it, before it is escaped.
    pub(super) fn for_people(&self, context: &Context) -> Cow<'_, str> {
        match self {
            Self::Empty => NOTHING.into(),
            Self::Text(text) if text.is_empty() => "\"\"".into(),
            Self::Text(text) => text.as_ref().into(),
            Self::At(time) => context.zone.format(*time).into(),
            Self::Ahead(time) if *time <= context.now => NOTHING.into(),
            Self::Away(time) | Self::Ahead(time) => relative(*time, context.now).into(),
            Self::Day(time) => context.zone.date(*time).into(),
            Self::Number(number) => number.to_string().into(),
            Self::Count(_) | Self::Nested(_) => self.for_csv(),
        }
    }

    /// As CSV has it: raw.
    pub(super) fn for_csv(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => "".into(),
            Self::Text(text) => text.as_ref().into(),
            Self::Count(count) => count.to_string().into(),
            // As JSON has it, which what nests is too.
            Self::Number(number) => serde_json::Value::from(*number).to_string().into(),
            Self::At(time) | Self::Away(time) | Self::Ahead(time) | Self::Day(time) => {
                time.to_string().into()
            }
            Self::Nested(value) => value.to_string().into(),
        }
    }
}

/// As JSON has it.
impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::At(time) | Self::Away(time) | Self::Ahead(time) | Self::Day(time) => {
                time.serialize(serializer)
            }
            Self::Nested(value) => value.serialize(serializer),
        }
    }
}

/// Where the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    /// For numbers.
    Right,
}

/// How much is lost where a column is left off, since the terminal is too narrow for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Worth {
    /// It means nothing for the rows that are asked for.
    Nothing,
    Little,
    Usual,
    /// It is what the rows are asked by, or told apart by.
    Most,
}

/// Where a text is cut that is too wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    End,
    /// Its beginning and its end tell most.
    Middle,
}

/// One field of rows of a kind: the one place that says what it is called and where it comes from.
pub(crate) struct Column<T: ?Sized> {
    /// Its name in JSON, JSON Lines and CSV, and for `--columns`; in a table it is the head, in capitals, unless that has a
    /// shorter one.
    pub(crate) field: &'static str,
    head: Option<&'static str>,
    pub(crate) cell: for<'row> fn(&'row T) -> Cell<'row>,
    pub(crate) align: Align,
    /// How it looks on a terminal with colours.
    pub(crate) style: Option<fn(&T) -> Style>,
    /// How narrow it may become where the terminal is narrow, and where what does not fit is cut. Default: not at all.
    pub(super) shrinks_to: Option<(usize, Cut)>,
    /// How wide it is at least where rows are written before all are known: what may still come is no wider.
    pub(super) widest: usize,
    pub(super) worth: Worth,
}

impl<T: ?Sized> Column<T> {
    pub(crate) const fn new(field: &'static str, cell: for<'row> fn(&'row T) -> Cell<'row>) -> Self {
        Self {
            field,
            head: None,
            cell,
            align: Align::Left,
            style: None,
            shrinks_to: None,
            widest: 0,
            worth: Worth::Usual,
        }
    }

    /// A column of numbers.
    pub(crate) const fn right(mut self) -> Self {
        self.align = Align::Right;
        self
    }

    /// What stands above it in a table.
    pub(crate) const fn headed(mut self, head: &'static str) -> Self {
        self.head = Some(head);
        self
    }

    pub(crate) const fn styled(mut self, style: fn(&T) -> Style) -> Self {
        self.style = Some(style);
        self
    }

    pub(crate) const fn shrinking_to(mut self, columns: usize) -> Self {
        self.shrinks_to = Some((columns, Cut::End));
        self
    }

    /// A column of ids: it is left off last, and where it is narrow, they keep their beginnings and their ends.
    pub(crate) const fn of_ids(self) -> Self {
        /// Six characters, `…`, six characters.
        const LEAST: usize = 13;
        let mut column = self.worth(Worth::Most);
        column.shrinks_to = Some((LEAST, Cut::Middle));
        column
    }

    /// What stands in it is no wider than this, as far as that is known.
    pub(crate) const fn no_wider_than(mut self, columns: usize) -> Self {
        self.widest = columns;
        self
    }

    pub(crate) const fn worth(mut self, worth: Worth) -> Self {
        self.worth = worth;
        self
    }

    pub(super) fn head(&self) -> String {
        self.head.unwrap_or(self.field).replace('_', " ").to_uppercase()
    }
}

/// The few styles that there are; each means one thing.
pub(crate) mod style {
    use super::{AnsiColor, Style};

    /// As it should be.
    pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
    /// Worth a look.
    pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
    /// Bad.
    pub(crate) const BAD: Style = AnsiColor::Red.on_default();
    /// What matters less.
    pub(crate) const FAINT: Style = Style::new().dimmed();
    /// Heads.
    pub(crate) const HEAD: Style = Style::new().bold();
    /// As the terminal has it.
    pub(crate) const PLAIN: Style = Style::new();
}
