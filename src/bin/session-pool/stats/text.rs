//! Lines of styled text, and what stands beside what.

use std::fmt::Write as _;

use anstyle::Style;

pub(super) use crate::output::grouped;
use crate::output::{style, width};

/// A line of text, each part in its style.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    parts: Vec<(String, Style)>,
    width: usize,
}

impl Line {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The line with more text behind it.
    #[must_use]
    pub(super) fn then(mut self, text: impl Into<String>, style: Style) -> Self {
        let text = text.into();
        self.width += width(&text);
        self.parts.push((text, style));
        self
    }

    #[must_use]
    pub(super) fn plain(self, text: impl Into<String>) -> Self {
        self.then(text, style::PLAIN)
    }

    #[must_use]
    pub(super) fn faint(self, text: impl Into<String>) -> Self {
        self.then(text, style::FAINT)
    }

    /// The line with blanks behind it, so many columns wide at least.
    #[must_use]
    pub(super) fn to(self, columns: usize) -> Self {
        let blanks = columns.saturating_sub(self.width);
        self.plain(" ".repeat(blanks))
    }

    /// The line with another one behind it.
    #[must_use]
    pub(super) fn join(mut self, other: Self) -> Self {
        self.width += other.width;
        self.parts.extend(other.parts);
        self
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// As it is written, with a line break. No blanks are left at its end.
    pub(super) fn render(&self, has_colours: bool) -> String {
        let mut rendered = String::new();
        // Blanks wait until something comes behind them.
        let mut blanks = 0;
        for (text, style) in &self.parts {
            let shown = text.trim_end_matches(' ');
            if !shown.is_empty() {
                rendered.extend(std::iter::repeat_n(' ', blanks));
                blanks = 0;
                // Writing to text does not fail.
                let _ = if has_colours && *style != style::PLAIN {
                    write!(rendered, "{style}{shown}{style:#}")
                } else {
                    write!(rendered, "{shown}")
                };
            }
            blanks += text.len() - shown.len();
        }
        rendered.push('\n');
        rendered
    }
}

/// Items one after the other, in as many lines as they need. A single one that is wider than that stands out.
pub(super) fn flow(items: impl IntoIterator<Item = Line>, columns: usize, gap: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(last) if last.width + gap + item.width <= columns => {
                let line = std::mem::take(last);
                *last = line.plain(" ".repeat(gap)).join(item);
            }
            _ => lines.push(item),
        }
    }
    lines
}

/// Blocks of lines side by side, each so many columns wide.
pub(super) fn beside(blocks: &[Vec<Line>], columns: usize, gap: usize) -> Vec<Line> {
    let rows = blocks.iter().map(Vec::len).max().unwrap_or_default();
    let row = |at: usize| {
        blocks.iter().enumerate().fold(Line::new(), |line, (place, block)| {
            let line = line.to(place * (columns + gap));
            line.join(block.get(at).cloned().unwrap_or_default())
        })
    };
    (0..rows).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_in_no_blanks_and_has_colours_only_where_it_may() {
        let line = Line::new().plain("a").to(4).then("b ", style::BAD).plain("  ");
        assert_eq!(line.width(), 8);
        assert_eq!(line.render(false), "a   b\n");
        assert_eq!(line.render(true), "a   \u{1b}[31mb\u{1b}[0m\n");
    }

    #[test]
    fn items_flow_into_the_columns_there_are() {
        let items = ["one", "two", "three"].map(|text| Line::new().plain(text));
        let shown: String = flow(items, 9, 2).iter().map(|line| line.render(false)).collect();
        assert_eq!(shown, "one  two\nthree\n");
    }

    #[test]
    fn blocks_stand_side_by_side() {
        let block = |lines: &[&str]| lines.iter().map(|text| Line::new().plain(*text)).collect::<Vec<_>>();
        let lines = beside(&[block(&["a", "b"]), block(&["c"])], 4, 1);
        let shown: String = lines.iter().map(|line| line.render(false)).collect();
        assert_eq!(shown, "a    c\nb\n");
    }
}
