//! A table whose rows are written as they come.

use std::io::{self, Write};

use anstyle::Style;

use super::cell::{Align, Column, Cut, NOTHING, style};
use super::cut::{shorten, shorten_middle};
use super::escape::width;
use super::fit::{Content, Fit, GAP, fit};
use crate::context::{Context, note};

/// How many rows are looked at before the first is written, to tell how wide the columns must be. What is wider
/// later pushes its own line only.
const SAMPLE: usize = 1000;

type Cells = Vec<(String, Option<Style>)>;

/// A table, as wide as its cells ask, and no wider than the terminal.
pub(super) struct Table<'a> {
    out: &'a mut dyn Write,
    terminal: Option<usize>,
    has_colours: bool,
    /// Whether heads are written where there are no rows.
    has_bare_heads: bool,
    /// What can be done where columns are left off.
    cure: &'static str,
    heads: Vec<Head>,
    /// Rows that wait until the widths are known; `None` once they are.
    waiting: Option<Vec<Cells>>,
}

struct Head {
    field: &'static str,
    text: String,
    align: Align,
    cut: Option<Cut>,
    /// See [`Column::no_wider_than`].
    widest: usize,
    /// What every row has in it, where all are known.
    same: Option<String>,
    fit: Fit,
}

impl Head {
    fn new<T>(column: &Column<T>) -> Self {
        let text = column.head();
        let width = width(&text);
        let (least, cut) = match column.shrinks_to {
            Some((least, cut)) => (least.max(width), Some(cut)),
            None => (usize::MAX, None),
        };
        Self {
            field: column.field,
            text,
            align: column.align,
            cut,
            widest: column.widest,
            same: None,
            fit: Fit { width, least, worth: column.worth, content: Content::Differs, is_hidden: false },
        }
    }

    /// Whether ids are cut in it.
    fn cuts_ids(&self) -> bool {
        self.cut == Some(Cut::Middle) && !self.fit.is_hidden && self.fit.width < self.widest
    }
}

impl<'a> Table<'a> {
    pub(super) fn new<T>(
        columns: &[Column<T>],
        cure: &'static str,
        context: &Context,
        out: &'a mut dyn Write,
    ) -> Self {
        Self {
            out,
            terminal: context.width,
            has_colours: context.has_colours,
            has_bare_heads: !context.is_terminal,
            cure,
            heads: columns.iter().map(Head::new).collect(),
            waiting: Some(Vec::new()),
        }
    }

    pub(super) fn row(&mut self, cells: impl Iterator<Item = (String, Option<Style>)>) -> io::Result<()> {
        let cells: Cells = cells.collect();
        match &mut self.waiting {
            Some(waiting) => {
                waiting.push(cells);
                if waiting.len() >= SAMPLE { self.begin(false) } else { Ok(()) }
            }
            None => self.line(&cells),
        }
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.begin(true)?;
        // What is said of the table stands below it.
        self.out.flush()?;
        let hidden = self.heads.iter().filter(|head| head.fit.is_hidden);
        let mut hidden: Vec<String> = hidden
            .map(|head| match head.same.as_deref() {
                Some(NOTHING) => format!("{} (empty)", head.field),
                Some(same) => format!("{} (all {same})", head.field),
                None => head.field.to_owned(),
            })
            .collect();
        if self.heads.iter().any(Head::cuts_ids) {
            hidden.push("whole ids".to_owned());
        }
        if !hidden.is_empty() {
            note(&format!("no room for {}: {}", hidden.join(", "), self.cure));
        }
        Ok(())
    }

    /// Shows what there is: others may be long in coming.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.begin(false)?;
        self.out.flush()
    }

    /// Writes what has waited, now that something must be known of the widths. `is_all`: no more rows will come.
    fn begin(&mut self, is_all: bool) -> io::Result<()> {
        let Some(waiting) = self.waiting.take() else { return Ok(()) };
        if waiting.is_empty() && is_all && !self.has_bare_heads {
            return Ok(());
        }
        for (at, head) in self.heads.iter_mut().enumerate() {
            let cells = || waiting.iter().filter_map(|cells| cells.get(at)).map(|(text, _)| text);
            let seen = cells().map(|text| width(text)).max().unwrap_or_default();
            head.widest = if is_all { seen } else { head.widest.max(seen) };
            head.fit.width = head.fit.width.max(head.widest);
            head.fit.least = head.fit.least.min(head.fit.width);
            let first = cells().next();
            let is_same = is_all && waiting.len() > 1 && cells().all(|cell| Some(cell) == first);
            head.same = first.filter(|_| is_same).cloned();
            head.fit.content = match head.same.as_deref() {
                Some(NOTHING) => Content::Nothing,
                Some(_) => Content::Same,
                None => Content::Differs,
            };
        }
        if let Some(terminal) = self.terminal {
            let mut columns: Vec<&mut Fit> = self.heads.iter_mut().map(|head| &mut head.fit).collect();
            fit(&mut columns, terminal);
        }
        let heads: Cells = self.heads.iter().map(|head| (head.text.clone(), Some(style::HEAD))).collect();
        self.line(&heads)?;
        for cells in &waiting {
            self.line(cells)?;
        }
        Ok(())
    }

    fn line(&mut self, cells: &Cells) -> io::Result<()> {
        let mut line = String::new();
        // Blanks are written before what follows them, so that no line ends in blanks.
        let mut blanks = 0;
        let shown = self.heads.iter().zip(cells).filter(|(head, _)| !head.fit.is_hidden);
        for (head, (text, style)) in shown {
            let columns = head.fit.width;
            let text = match head.cut.filter(|_| self.terminal.is_some()) {
                Some(Cut::End) => shorten(text, columns),
                Some(Cut::Middle) => shorten_middle(text, columns),
                None => text.clone(),
            };
            let padding = columns.saturating_sub(width(&text));
            let (before, after) = match head.align {
                Align::Left => (0, padding),
                Align::Right => (padding, 0),
            };
            line.extend(std::iter::repeat_n(' ', blanks + before));
            match style.filter(|style| self.has_colours && *style != Style::new()) {
                Some(style) => {
                    line.extend([style.render().to_string(), text, style.render_reset().to_string()]);
                }
                None => line.push_str(&text),
            }
            blanks = after + GAP;
        }
        writeln!(self.out, "{line}")
    }
}
