//! One of the lists: what is asked of it, and what was found.

use super::super::data::{Data, PoolIndex};
use super::super::filter::{Filter, FilterError, Subject};
use super::super::query::{Answer, Key, Order, Query};
use super::cursor::{Cursor, Step};
use super::line_edit::{Edit, LineEdit};

/// One of the lists: what is asked of it, and what was found.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) subject: Subject,
    pub(crate) line: LineEdit,
    /// The filter before it was edited; `None` while it is not.
    before: Option<String>,
    /// What of it is right; that is in force.
    filter: Filter,
    /// What is wrong with the filter; only while it is typed.
    pub(crate) error: Option<FilterError>,
    pub(crate) order: Order,
    /// What was found last, as places in [`Data`].
    pub(crate) rows: Vec<u32>,
    pub(crate) cursor: Cursor,
    /// The row that one has gone to: it is chosen again, where a filter brings it back.
    anchor: Option<u32>,
    /// Of the last question.
    generation: u64,
    /// Of the last answer.
    answered: u64,
}

impl List {
    pub(super) fn new(subject: Subject) -> Self {
        let order = match subject {
            Subject::Pools | Subject::Sessions => Key::Store.natural(),
            Subject::Log => Key::Retired.natural(),
        };
        Self {
            subject,
            line: LineEdit::default(),
            before: None,
            filter: Filter::default(),
            error: None,
            order,
            rows: Vec::new(),
            cursor: Cursor::default(),
            anchor: None,
            generation: 0,
            answered: 0,
        }
    }

    /// Whether the filter is being typed.
    pub(crate) fn is_edited(&self) -> bool {
        self.before.is_some()
    }

    /// Whether there is a filter, also one of blanks alone.
    pub(crate) fn has_text(&self) -> bool {
        !self.line.text().is_empty()
    }

    /// Whether the answer to the last question is still to come.
    pub(crate) fn is_waiting(&self) -> bool {
        self.answered != self.generation
    }

    pub(crate) fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }

    /// The row that is chosen, as a place in [`Data`].
    pub(crate) fn chosen(&self) -> Option<u32> {
        self.rows.get(self.cursor.at).copied()
    }

    /// Asks anew, with the filter and the order that there are. With `stay`, the row that one has gone to is chosen, if it
    /// is found; else the first one is.
    pub(super) fn ask(&mut self, pool: Option<PoolIndex>, columns: usize, stay: bool) -> Query {
        self.generation += 1;
        self.anchor = self.anchor.filter(|_| stay);
        Query {
            subject: self.subject,
            generation: self.generation,
            pool,
            filter: self.filter.clone(),
            order: self.order,
            keep: self.anchor,
            columns,
        }
    }

    /// Takes an answer; false where something else has been asked since.
    pub(super) fn take(&mut self, answer: &mut Answer, height: usize) -> bool {
        if answer.generation != self.generation {
            return false;
        }
        self.answered = answer.generation;
        self.rows = std::mem::take(&mut answer.rows);
        // The chosen row keeps its line on the screen, if it is found again.
        let line = self.cursor.at - self.cursor.top.min(self.cursor.at);
        self.cursor = match answer.kept {
            Some(at) => Cursor { at, top: at.saturating_sub(line) },
            None => Cursor::default(),
        };
        self.cursor.fit(self.rows.len(), height);
        true
    }

    pub(super) fn step(&mut self, step: Step, height: usize) {
        self.cursor.step(step, self.rows.len(), height);
        self.anchor = self.chosen();
    }

    pub(super) fn begin_edit(&mut self) {
        self.before = Some(self.line.text().to_owned());
    }

    /// Ends typing, and keeps the filter; false where it is wrong. Then one types on, where it is.
    pub(super) fn keep_edit(&mut self) -> bool {
        if let Some(error) = &self.error {
            self.line.go_to(error.at.end);
            return false;
        }
        self.before = None;
        true
    }

    /// Ends typing: the filter becomes what it was. True where the list is to be asked anew.
    pub(super) fn give_up_edit(&mut self) -> bool {
        self.before.take().is_some_and(|before| self.set_filter(before))
    }

    pub(super) fn set_filter(&mut self, text: String) -> bool {
        self.line.set(text);
        self.read_filter()
    }

    pub(super) fn edit(&mut self, edit: Edit) -> bool {
        self.line.edit(edit);
        self.read_filter()
    }

    fn read_filter(&mut self) -> bool {
        let (filter, error) = Filter::parse(self.line.text(), self.subject);
        let is_new = filter != self.filter;
        (self.filter, self.error) = (filter, error);
        is_new
    }

    pub(super) fn sort_by_next(&mut self) {
        self.order = self.order.by.next(self.subject).natural();
    }

    pub(super) fn turn_round(&mut self) {
        self.order.descending = !self.order.descending;
    }

    /// How many rows there are without a filter.
    pub(crate) fn of_all(&self, data: &Data, pool: Option<PoolIndex>) -> u64 {
        let counts = data.counts(pool);
        match self.subject {
            Subject::Pools => u64::try_from(data.pools.len()).unwrap_or(u64::MAX),
            Subject::Sessions => counts.sessions(),
            Subject::Log => counts.logged,
        }
    }
}
