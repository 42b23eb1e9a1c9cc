//! The session that is looked at.

use ratatui::text::Line;

use super::super::details::{Details, Target};
use super::super::filter::Subject;
use super::super::page::{self, PageOptions};
use super::cursor::{Cursor, Step};

/// The session that is looked at.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) target: Target,
    /// The list that it was chosen in.
    pub(crate) from: Subject,
    /// `None` until it is read.
    details: Option<Box<Details>>,
    pub(crate) revealed: bool,
    /// The page, as wide as the screen.
    pub(crate) lines: Vec<Line<'static>>,
    /// Which part of it is seen.
    pub(crate) cursor: Cursor,
}

impl Opened {
    pub(super) fn new(target: Target, from: Subject) -> Self {
        Self { target, from, details: None, revealed: false, lines: Vec::new(), cursor: Cursor::default() }
    }

    pub(crate) fn is_read(&self) -> bool {
        self.details.is_some()
    }

    /// Takes what was read, if it is of this session.
    pub(super) fn take(&mut self, details: Box<Details>) {
        if details.target == self.target {
            self.details = Some(details);
        }
    }

    /// Makes the page anew: it is read, or the screen or what is shown has changed.
    pub(super) fn lay_out(&mut self, options: PageOptions<'_>, height: usize) {
        let options = PageOptions { revealed: self.revealed, ..options };
        self.lines = self.details.as_deref().map(|details| page::lines(details, options)).unwrap_or_default();
        let top = self.cursor.top.min(self.lines.len().saturating_sub(height));
        self.cursor = Cursor { at: top, top };
    }

    pub(super) fn scroll(&mut self, step: Step, height: usize) {
        self.cursor.scroll(step, self.lines.len(), height);
    }
}
