//! Which part of the screen is for what.

use ratatui::layout::{Rect, Size};

use super::app::View;

/// The smallest screen that anything is shown on.
pub(super) const SMALLEST: Size = Size { width: 40, height: 8 };

/// Which part of the screen is for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Areas {
    /// The views, and what is browsed.
    pub(super) title: Rect,
    /// What is seen of how much.
    pub(super) summary: Rect,
    /// The chart over a list, or nothing.
    pub(super) chart: Rect,
    /// The heads of a list, or nothing.
    pub(super) head: Rect,
    /// The rows.
    pub(super) rows: Rect,
    /// What is below a list, or nothing.
    pub(super) panel: Rect,
    /// The filter, or what there is to say.
    pub(super) line: Rect,
    /// The keys, or what is wrong with the filter.
    pub(super) keys: Rect,
}

/// How many lines a chart has besides those of each reason: one above them, one below.
pub(super) const CHART_AXIS: u16 = 2;
/// How many lines the panel has below the list of pools.
const PANEL: u16 = 9;

/// The areas of a view on a screen of that size; `None` where it is too small.
pub(super) fn areas(size: Size, view: View) -> Option<Areas> {
    if size.width < SMALLEST.width || size.height < SMALLEST.height {
        return None;
    }
    let mut top = 0;
    let mut take = |lines: u16| {
        let area = Rect::new(0, top, size.width, lines);
        top += lines;
        area
    };
    let (title, summary) = (take(1), take(1));
    let body = size.height - 4;
    let chart = take(if view == View::Log { chart_lines(body) } else { 0 });
    let head = take(u16::from(view != View::Session));
    let panel = if view == View::Pools && body >= PANEL + 6 { PANEL } else { 0 };
    let rows = take(body - chart.height - head.height - panel);
    let (panel, line, keys) = (take(panel), take(1), take(1));
    Some(Areas { title, summary, chart, head, rows, panel, line, keys })
}

/// How many lines the chart has, of so many in all.
fn chart_lines(body: u16) -> u16 {
    let each = match body {
        0..14 => return 0,
        14..20 => 1,
        20..36 => 2,
        _ => 3,
    };
    4 * each + CHART_AXIS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_screen_is_for_one_thing() {
        for view in View::ALL {
            for height in SMALLEST.height..80 {
                let areas = areas(Size::new(80, height), view).unwrap();
                let Areas { title, summary, chart, head, rows, panel, line, keys } = areas;
                let mut next = 0;
                for area in [title, summary, chart, head, rows, panel, line, keys] {
                    assert_eq!((area.y, area.width), (next, 80), "{view:?} {height}");
                    next = area.bottom();
                }
                assert_eq!(next, height);
                assert!(rows.height >= 3, "{view:?} {height}: {rows:?}");
            }
            assert_eq!(areas(Size::new(39, 24), view), None);
            assert_eq!(areas(Size::new(80, 7), view), None);
        }
    }
}
