//! A table whose rows are written as they come.

use std::io::{self, Write};

use anstyle::Style;

use super::cell::{Align, Column, style};
use super::escape::{shorten, width};
use crate::context::{Context, note};

/// How many rows are looked at before the first is written, to tell how wide the columns must be. What is wider
/// later pushes its own line only.
const SAMPLE: usize = 100;
/// What stands between two columns.
const GAP: usize = 2;

type Cells = Vec<(String, Option<Style>)>;

/// A table, as wide as its cells ask, and no wider than the terminal.
pub(super) struct Table<'a> {
    out: &'a mut dyn Write,
    terminal: Option<usize>,
    has_colours: bool,
    heads: Vec<Head>,
    /// Rows that wait until the widths are known; `None` once they are.
    waiting: Option<Vec<Cells>>,
}

struct Head {
    field: &'static str,
    text: String,
    align: Align,
    shrinks_to: Option<usize>,
    width: usize,
    /// Whether it is left off since the terminal is too narrow.
    is_hidden: bool,
}

impl<'a> Table<'a> {
    pub(super) fn new<T>(columns: &[Column<T>], context: &Context, out: &'a mut dyn Write) -> Self {
        let head = |column: &Column<T>| {
            let text = column.head();
            let (width, shrinks_to) = (width(&text), column.shrinks_to.map(|to| to.max(width(&text))));
            Head { field: column.field, text, align: column.align, shrinks_to, width, is_hidden: false }
        };
        Self {
            out,
            terminal: context.width,
            has_colours: context.has_colours,
            heads: columns.iter().map(head).collect(),
            waiting: Some(Vec::new()),
        }
    }

    pub(super) fn row(&mut self, cells: impl Iterator<Item = (String, Option<Style>)>) -> io::Result<()> {
        let cells: Cells = cells.collect();
        match &mut self.waiting {
            Some(waiting) => {
                waiting.push(cells);
                if waiting.len() >= SAMPLE { self.begin() } else { Ok(()) }
            }
            None => self.line(&cells),
        }
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.begin()?;
        let hidden: Vec<&str> =
            self.heads.iter().filter(|head| head.is_hidden).map(|head| head.field).collect();
        if !hidden.is_empty() {
            note(&format!("the terminal is too narrow for: {}", hidden.join(", ")));
        }
        Ok(())
    }

    /// Shows what there is: others may be long in coming.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.begin()?;
        self.out.flush()
    }

    /// Writes what has waited, now that something must be known of the widths.
    fn begin(&mut self) -> io::Result<()> {
        let Some(waiting) = self.waiting.take() else { return Ok(()) };
        for cells in &waiting {
            for (head, (text, _)) in self.heads.iter_mut().zip(cells) {
                head.width = head.width.max(width(text));
            }
        }
        if let Some(terminal) = self.terminal {
            fit(&mut self.heads, terminal);
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
        let shown = self.heads.iter().zip(cells).filter(|(head, _)| !head.is_hidden);
        for (head, (text, style)) in shown {
            let text = match (self.terminal, head.shrinks_to) {
                (Some(_), Some(_)) => shorten(text, head.width),
                _ => text.clone(),
            };
            let padding = head.width.saturating_sub(width(&text));
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

/// Makes the columns fit: first those become narrower that may, the widest first; then the last are left off.
fn fit(heads: &mut [Head], terminal: usize) {
    let total = |heads: &[Head]| {
        let shown = heads.iter().filter(|head| !head.is_hidden);
        shown.map(|head| head.width + GAP).sum::<usize>().saturating_sub(GAP)
    };
    while total(heads) > terminal {
        let excess = total(heads) - terminal;
        let room = |head: &Head| head.shrinks_to.map_or(0, |to| head.width.saturating_sub(to));
        let widest =
            heads.iter_mut().filter(|head| !head.is_hidden && room(head) > 0).max_by_key(|head| room(head));
        if let Some(head) = widest {
            head.width -= room(head).min(excess);
            continue;
        }
        // One is always shown: a terminal that is narrower breaks its lines.
        let shown = heads.iter().filter(|head| !head.is_hidden).count();
        let last = heads.iter_mut().rev().find(|head| !head.is_hidden);
        match last {
            Some(head) if shown > 1 => head.is_hidden = true,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(widths: &[(usize, Option<usize>)]) -> Vec<Head> {
        let head = |(width, shrinks_to): &(usize, Option<usize>)| Head {
            field: "field",
            text: String::new(),
            align: Align::Left,
            shrinks_to: *shrinks_to,
            width: *width,
            is_hidden: false,
        };
        widths.iter().map(head).collect()
    }

    fn fitted(widths: &[(usize, Option<usize>)], terminal: usize) -> Vec<usize> {
        let mut heads = heads(widths);
        fit(&mut heads, terminal);
        heads.iter().filter(|head| !head.is_hidden).map(|head| head.width).collect()
    }

    #[test]
    fn columns_become_narrower_before_any_is_left_off() {
        assert_eq!(fitted(&[(20, Some(8)), (10, None), (10, None)], 44), [20, 10, 10]);
        assert_eq!(fitted(&[(20, Some(8)), (10, None), (10, None)], 40), [16, 10, 10]);
        assert_eq!(fitted(&[(20, Some(8)), (10, None), (10, None)], 31), [8, 10]);
        assert_eq!(fitted(&[(20, Some(8)), (30, Some(8))], 30), [20, 8]);
        assert_eq!(fitted(&[(20, None), (10, None)], 5), [20], "one is always shown");
        assert_eq!(fitted(&[], 5), [0; 0]);
    }
}
