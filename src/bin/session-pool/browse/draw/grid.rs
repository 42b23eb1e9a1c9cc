//! Cells under their heads.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::look::Look;
use crate::output::width;

/// What stands between two columns.
pub(super) const GAP: usize = 2;

/// A column of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column<K> {
    pub(super) kind: K,
    pub(super) head: &'static str,
    pub(super) width: usize,
    /// Whether its cells stand at its right side, as numbers do.
    pub(super) is_right: bool,
}

impl<K> Column<K> {
    pub(super) const fn left(kind: K, head: &'static str, width: usize) -> Self {
        Self { kind, head, width, is_right: false }
    }

    pub(super) const fn right(kind: K, head: &'static str, width: usize) -> Self {
        Self { kind, head, width, is_right: true }
    }
}

/// How many columns of the screen those take.
pub(super) fn taken<K>(columns: &[Column<K>]) -> usize {
    columns.iter().map(|column| column.width + GAP).sum::<usize>().saturating_sub(GAP)
}

/// A line of cells, each with its style. What does not fit its column is cut off at the end.
pub(super) fn line<K>(
    columns: &[Column<K>],
    look: Look,
    cell: impl Fn(&Column<K>) -> Vec<Span<'static>>,
) -> Line<'static> {
    let mut spans = Vec::with_capacity(columns.len() * 3);
    for (at, column) in columns.iter().enumerate() {
        let mut content = cell(column);
        if let [only] = content.as_mut_slice() {
            let short = super::super::text::cut(&only.content, column.width, look.ellipsis());
            *only = Span::styled(short, only.style);
        }
        let used: usize = content.iter().map(|span| width(&span.content)).sum();
        let gap = if at + 1 == columns.len() { 0 } else { GAP };
        let padding = column.width.saturating_sub(used);
        let (before, behind) = if column.is_right { (padding, gap) } else { (0, padding + gap) };
        if before > 0 {
            spans.push(Span::raw(" ".repeat(before)));
        }
        spans.extend(content);
        if behind > 0 {
            spans.push(Span::raw(" ".repeat(behind)));
        }
    }
    Line::from(spans)
}

/// The heads; the column that the list is sorted by has a mark.
pub(super) fn head<K: Copy>(
    columns: &[Column<K>],
    look: Look,
    descending: bool,
    is_sorted: impl Fn(K) -> bool,
) -> Line<'static> {
    line(columns, look, |column| {
        let text = if is_sorted(column.kind) && column.head.len() < column.width {
            format!("{}{}", column.head, look.order(descending))
        } else {
            column.head.to_owned()
        };
        vec![Span::styled(text, Look::strong())]
    })
}

/// One cell of one style.
pub(super) fn cell(text: impl Into<String>, style: Style) -> Vec<Span<'static>> {
    vec![Span::styled(text.into(), style)]
}
