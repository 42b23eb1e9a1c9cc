//! How the live sessions are: four distributions, side by side as far as there is room.

use anstyle::Style;
use session_pool::inspect::{Figures, Spans, Tenths};

use super::bars::bar;
use super::text::{Line, beside, grouped};
use super::{READY, Screen};
use crate::output::{span, style};

/// What stands between two panels.
const GAP: usize = 3;
const LABEL: usize = 9;
/// Narrower than this, a panel says nothing.
const LEAST: usize = 27;

/// A label, how many, and how the bar looks.
type Row = (String, u64, Style);

impl Screen<'_> {
    pub(super) fn panels(&self, total: &Figures) -> Vec<Line> {
        let mut lines: Vec<Line> = self.section("LIVE SESSIONS", "").into();
        if total.live == 0 {
            lines.push(Line::new().plain("There are none."));
            return lines;
        }
        let ages = spans(total.ages, "over 7 d", style::PLAIN);
        let mut expiries = spans(total.expiries.ahead, "later", READY);
        expiries.push(("never".to_owned(), total.expiries.never, READY));
        let panels = [
            (
                "USES, OF THE MOST",
                tenths(total.usage.tenths, total.usage.unused, "new", "used up", style::PLAIN),
            ),
            (
                "ERROR SCORE, OF MAX",
                tenths(total.error_scores.tenths, total.error_scores.zero, "0", "blocked", style::BAD),
            ),
            ("AGE, UP TO", ages),
            ("EXPIRE WITHIN", expiries),
        ];
        let in_a_row = [4, 2].into_iter().find(|count| self.panel_width(*count) >= LEAST).unwrap_or(1);
        let columns = self.panel_width(in_a_row);
        for (at, row) in panels.chunks(in_a_row).enumerate() {
            if at > 0 {
                lines.push(Line::new());
            }
            let blocks: Vec<Vec<Line>> =
                row.iter().map(|(head, rows)| self.panel(head, rows, columns)).collect();
            lines.extend(beside(&blocks, columns, GAP));
        }
        lines
    }

    fn panel_width(&self, count: usize) -> usize {
        (self.width + GAP) / count - GAP
    }

    fn panel(&self, head: &str, rows: &[Row], columns: usize) -> Vec<Line> {
        let most = rows.iter().map(|(_, count, _)| *count).max().unwrap_or_default();
        let widest = grouped(most).len();
        let room = columns.saturating_sub(LABEL + widest + 1);
        let line = |(label, count, style): &Row| {
            let number = grouped(*count);
            let line = Line::new().faint(label).to(LABEL + widest - number.len());
            let line = if *count == 0 { line.faint(number) } else { line.plain(number) };
            line.plain(" ").then(bar(*count, most, room, self.glyphs), *style)
        };
        std::iter::once(Line::new().then(head, style::HEAD)).chain(rows.iter().map(line)).collect()
    }
}

/// Those at nothing, which are among the first tenth too, have a row of their own.
fn tenths(tenths: Tenths, none: u64, first: &str, last: &str, style: Style) -> Vec<Row> {
    let counts = tenths.0;
    let label = |at: usize| match at {
        0 => "< 10 %".to_owned(),
        10 => last.to_owned(),
        at => format!("{}-{} %", at * 10, at * 10 + 10),
    };
    let count = |at: usize, count: u64| if at == 0 { count.saturating_sub(none) } else { count };
    let rows = counts.into_iter().enumerate().map(|(at, tenth)| (label(at), count(at, tenth), style));
    std::iter::once((first.to_owned(), none, READY)).chain(rows).collect()
}

fn spans(spans: Spans, last: &str, style: Style) -> Vec<Row> {
    let labels = Spans::LIMITS.into_iter().map(|limit| match limit.as_secs() {
        86_400 => "1 d".to_owned(),
        _ => span(limit),
    });
    labels.chain([last.to_owned()]).zip(spans.counts()).map(|(label, count)| (label, count, style)).collect()
}
