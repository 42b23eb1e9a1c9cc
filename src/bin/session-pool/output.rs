//! Writers: a table for people, JSON for programs.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use crate::arguments::Format;

/// Rows of one shape, written as they come: as a table whose columns are as wide as their heads or the cells before ask,
/// or as a JSON array.
pub(crate) struct Rows<'a, W: Write> {
    out: &'a mut W,
    format: Format,
    widths: Vec<usize>,
    written: usize,
}

impl<'a, W: Write> Rows<'a, W> {
    /// `columns`: the heads, each with the width that its cells usually need.
    pub(crate) fn new(out: &'a mut W, format: Format, columns: &[(&str, usize)]) -> io::Result<Self> {
        let widths: Vec<usize> = columns.iter().map(|(head, width)| head.len().max(*width)).collect();
        let mut rows = Self { out, format, widths, written: 0 };
        match format {
            Format::Table => {
                rows.line(&columns.iter().map(|(head, _)| (*head).to_owned()).collect::<Vec<_>>())?;
            }
            Format::Json => write!(rows.out, "[")?,
        }
        Ok(rows)
    }

    pub(crate) fn row(&mut self, value: &impl Serialize, cells: &[String]) -> io::Result<()> {
        match self.format {
            Format::Table => self.line(cells)?,
            Format::Json => {
                let separator = if self.written == 0 { "\n" } else { ",\n" };
                write!(self.out, "{separator}{}", serde_json::to_string(value)?)?;
            }
        }
        self.written += 1;
        Ok(())
    }

    fn line(&mut self, cells: &[String]) -> io::Result<()> {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(&mut self.widths) {
            let cell = escape(cell);
            *width = (*width).max(cell.chars().count());
            let _ = write!(line, "{cell:width$}  ");
        }
        writeln!(self.out, "{}", line.trim_end())
    }

    pub(crate) fn end(self) -> io::Result<()> {
        match self.format {
            Format::Table => Ok(()),
            Format::Json if self.written == 0 => writeln!(self.out, "]"),
            Format::Json => writeln!(self.out, "\n]"),
        }
    }
}

/// Text that does nothing to a terminal: control and bidirectional characters become escapes.
pub(crate) fn escape(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
    };
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_a_site_sent_does_nothing_to_a_terminal() {
        assert_eq!(escape("a\x1b[31mb\r\n\u{202e}c ü"), "a\\u{1b}[31mb\\r\\n\\u{202e}c ü");
    }
}
