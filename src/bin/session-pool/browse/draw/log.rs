//! The retirements: over time, and one a row.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use session_pool::{Reason, Timestamp};

use super::super::app::App;
use super::super::chart::Chart;
use super::super::data::{Data, LogRow, place};
use super::super::layout::{Areas, CHART_AXIS};
use super::super::look::Look;
use super::super::query::{Key, at};
use super::super::text::{NEAR, count, cut_middle, largest_unit, near, score, short_count};
use super::grid::{self, Column, GAP, cell};
use super::sessions::ID;
use super::{put, rows};
use crate::output::{Zone, width};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ago,
    Time,
    Reason,
    Id,
    Pool,
    Uses,
    Errors,
    Score,
    Lived,
}

fn columns(width: usize, with_pool: bool) -> Vec<Column<Kind>> {
    let mut columns = vec![Column::left(Kind::Ago, "RETIRED", NEAR), Column::left(Kind::Reason, "REASON", 9)];
    let mut behind = Vec::new();
    if width >= 56 {
        behind.push(Column::right(Kind::Uses, "USES", 6));
    }
    if width >= 72 {
        behind.push(Column::right(Kind::Errors, "ERRORS", 6));
        behind.push(Column::right(Kind::Score, "SCORE", 5));
    }
    let pool = if with_pool { 14 } else { 0 };
    let room = |columns: &[Column<Kind>], behind: &[Column<Kind>]| {
        width.saturating_sub(grid::taken(columns) + grid::taken(behind) + 2 * GAP)
    };
    if room(&columns, &behind) >= ID + pool + GAP + 25 {
        columns.insert(1, Column::left(Kind::Time, "TIME", 25));
    }
    if room(&columns, &behind) >= ID + pool + GAP + 8 {
        behind.push(Column::right(Kind::Lived, "LIVED", 8));
    }
    let left = room(&columns, &behind);
    let pool = if with_pool && left >= 26 { left.saturating_sub(ID + GAP).clamp(11, 40) } else { 0 };
    let id = left.saturating_sub(if pool > 0 { pool + GAP } else { 0 });
    columns.push(Column::left(Kind::Id, "ID", id.min(session_pool::SessionId::MAX_LENGTH)));
    if pool > 0 {
        columns.push(Column::left(Kind::Pool, "POOL", pool));
    }
    columns.extend(behind);
    columns
}

pub(super) fn draw(frame: &mut Frame<'_>, areas: &Areas, app: &App, data: &Data) {
    let (look, list) = (app.setting.look, &app.log);
    if areas.chart.height > 0
        && let Some(chart) = &app.chart
    {
        draw_chart(frame, areas.chart, chart, look, app.setting.zone);
    }
    let with_pool = app.pool.is_none() && data.pools.len() > 1;
    let columns = columns(areas.head.width.into(), with_pool);
    let is_sorted = |kind| match kind {
        Kind::Ago => list.order.by == Key::Retired,
        Kind::Reason => list.order.by == Key::Reason,
        Kind::Uses => list.order.by == Key::Uses,
        Kind::Errors => list.order.by == Key::Errors,
        Kind::Score => list.order.by == Key::Score,
        Kind::Pool => list.order.by == Key::Store,
        Kind::Time | Kind::Id | Kind::Lived => false,
    };
    frame.render_widget(grid::head(&columns, look, list.order.descending, is_sorted), areas.head);
    rows(frame, areas.rows, list, "no session was retired yet", |index| match at(&data.log, index) {
        Some(entry) => row(entry, &columns, app, data),
        None => Line::default(),
    });
}

fn row(row: &LogRow, columns: &[Column<Kind>], app: &App, data: &Data) -> Line<'static> {
    let (look, now, zone) = (app.setting.look, app.setting.now, app.setting.zone);
    let entry = &row.entry;
    grid::line(columns, look, |column| match column.kind {
        Kind::Ago => cell(near(entry.retired_at, now), Style::new()),
        Kind::Time => cell(zone.format(entry.retired_at), Style::new()),
        Kind::Reason => cell(entry.reason.as_str(), look.reason(Some(entry.reason))),
        Kind::Id => cell(cut_middle(entry.id.as_str(), column.width, look.ellipsis()), Style::new()),
        Kind::Pool => cell(cut_middle(data.pool_name(row.pool), column.width, look.ellipsis()), Style::new()),
        Kind::Uses => cell(short_count(entry.usage_count), Style::new()),
        Kind::Errors => cell(short_count(entry.error_count), Style::new()),
        Kind::Score => cell(score(entry.error_score), Style::new()),
        Kind::Lived => cell(largest_unit(entry.retired_at.since(entry.created_at)), Style::new()),
    })
}

/// How wide the names of reasons are before the chart, and the numbers behind it.
const NAMES: usize = 10;
const NUMBERS: usize = 11;

/// How many columns a chart has on a screen of that width.
pub(crate) fn chart_columns(width: u16) -> usize {
    usize::from(width).saturating_sub(NAMES + NUMBERS).max(1)
}

fn draw_chart(frame: &mut Frame<'_>, area: Rect, chart: &Chart, look: Look, zone: Zone) {
    let columns = chart_columns(area.width);
    let each = (area.height - CHART_AXIS) / 4;
    let stretches = chart.stretches.len();
    // Few stretches are drawn wider.
    let wide = columns.checked_div(stretches).unwrap_or(1).max(1);
    for (reason, top) in Reason::ALL.into_iter().zip((area.y..).step_by(each.into())) {
        let (name, total) = (reason.as_str(), chart.total(reason));
        for line in 0..each {
            let is_lowest = line + 1 == each;
            let bars: String = chart
                .stretches
                .iter()
                .map(|stretch| step(stretch[place(reason)], chart, each - line - 1, each, look))
                .fold(String::new(), |bars, step| bars + &step.repeat(wide));
            let bars = format!("{bars}{:1$}", "", columns.saturating_sub(width(&bars)));
            let spans = vec![
                Span::raw(format!("{:NAMES$}", if is_lowest { name } else { "" })),
                Span::styled(bars, look.reason(Some(reason))),
                Span::raw(if is_lowest { format!("{:>NUMBERS$}", count(total)) } else { String::new() }),
            ];
            frame.render_widget(Line::from(spans), Rect { y: top + line, height: 1, ..area });
        }
    }
    let below = Rect { y: area.bottom() - CHART_AXIS, height: 1, ..area };
    put(frame, below, &format!("{:NAMES$}{}", "", axis(chart, stretches * wide, zone, look)), Style::new());
}

/// What of a bar is on a line, so many lines above the lowest. What is there at all is seen.
fn step(number: u32, chart: &Chart, line: u16, lines: u16, look: Look) -> &'static str {
    let steps = look.steps();
    let all = usize::from(lines) * steps.len();
    let filled = super::bars::length(number.into(), chart.highest().into(), all);
    match filled.saturating_sub(usize::from(line) * steps.len()) {
        0 => " ",
        part => steps[part.min(steps.len()) - 1],
    }
}

/// When the chart begins and ends, and how long a column is.
fn axis(chart: &Chart, columns: usize, zone: Zone, look: Look) -> String {
    if chart.stretches.is_empty() {
        return String::new();
    }
    let (first, last) = (label(chart, 0, zone), label(chart, chart.stretches.len() - 1, zone));
    let span = largest_unit(std::time::Duration::from_millis(chart.length.unsigned_abs()));
    let caption = format!("each {span}, at most {}", count(chart.highest().into()));
    let room = columns.max(width(&first) + width(&last) + 2).saturating_sub(width(&first) + width(&last));
    if chart.stretches.len() == 1 {
        return format!("{first}  {caption}");
    }
    let middle = if room >= width(&caption) + 4 { format!("{caption:^room$}") } else { " ".repeat(room) };
    let _ = look;
    format!("{first}{middle}{last}")
}

/// When a stretch begins: the day, or the minute, as far as it tells something.
fn label(chart: &Chart, stretch: usize, zone: Zone) -> String {
    let time: Timestamp = chart.time(stretch);
    let text = zone.format(time);
    let part = if chart.length >= 86_400_000 { text.get(..10) } else { text.get(5..16) };
    part.map_or(text.clone(), str::to_owned)
}
