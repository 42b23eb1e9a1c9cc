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
use super::super::text::{NEAR, count, cut, cut_middle, largest_unit, near, score, short_count};
use super::grid::{self, Column, GAP, cell};
use super::sessions::ID;
use super::{put, rows};
use crate::output::{Zone, span, width};

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

/// How wide a time is without its year and its zone.
const TIME: usize = 14;

/// The columns that there is room for; with the pool where there are several, whose widest name is so wide.
fn columns(width: usize, pool: Option<usize>) -> Vec<Column<Kind>> {
    let mut columns = vec![Column::left(Kind::Ago, "RETIRED", NEAR), Column::left(Kind::Reason, "REASON", 9)];
    let mut behind = Vec::new();
    if width >= 56 {
        behind.push(Column::right(Kind::Uses, "USES", 6));
    }
    if width >= 72 {
        behind.push(Column::right(Kind::Errors, "ERRORS", 6));
        behind.push(Column::right(Kind::Score, "SCORE", 5));
    }
    let wanted = pool.map_or(0, |pool| pool + GAP);
    let room = |columns: &[Column<Kind>], behind: &[Column<Kind>]| {
        width.saturating_sub(grid::taken(columns) + grid::taken(behind) + 2 * GAP)
    };
    if room(&columns, &behind) >= ID + wanted + GAP + TIME {
        columns.insert(1, Column::left(Kind::Time, "TIME", TIME));
    }
    if room(&columns, &behind) >= ID + wanted + GAP + 8 {
        behind.push(Column::right(Kind::Lived, "LIVED", 8));
    }
    let left = room(&columns, &behind);
    // Where it is narrow, an id needs a little more than a name; where it is very narrow, there is no room for both.
    let pool = pool
        .filter(|_| left >= 20)
        .map_or(0, |pool| pool.min((left - GAP) * 5 / 11).max(left.saturating_sub(ID + GAP).min(pool)));
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
    let columns = columns(areas.head.width.into(), with_pool.then(|| data.widest_name.max(4)));
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
    let nothing = match app.pool {
        Some(_) => "no session of the pool was retired yet: Esc goes back to all pools",
        None => "no session was retired yet",
    };
    rows(frame, areas.rows, list, nothing, |index| match at(&data.log, index) {
        Some(entry) => row(entry, &columns, app, data),
        None => Line::default(),
    });
}

fn row(row: &LogRow, columns: &[Column<Kind>], app: &App, data: &Data) -> Line<'static> {
    let (look, now, zone) = (app.setting.look, app.setting.now, app.setting.zone);
    let entry = &row.entry;
    grid::line(columns, look, |column| match column.kind {
        Kind::Ago => cell(near(entry.retired_at, now), Style::new()),
        Kind::Time => {
            let text = zone.format(entry.retired_at);
            cell(text.get(5..5 + TIME).unwrap_or(&text), Style::new())
        }
        Kind::Reason => cell(entry.reason.as_str(), look.reason(Some(entry.reason))),
        Kind::Id => cell(cut_middle(entry.id.as_str(), column.width, look.ellipsis()), Style::new()),
        Kind::Pool => cell(cut_middle(data.pool_name(row.pool), column.width, look.ellipsis()), Style::new()),
        Kind::Uses => cell(short_count(entry.usage_count), Style::new()),
        Kind::Errors => cell(short_count(entry.error_count), Style::new()),
        Kind::Score => cell(score(entry.error_score), Style::new()),
        Kind::Lived => cell(largest_unit(entry.retired_at.since(entry.created_at)), Style::new()),
    })
}

/// How wide the names of reasons are before the chart, and the two numbers behind it.
const NAMES: usize = 10;
const TOTAL: usize = 10;
const HIGHEST: usize = 9;

/// How many columns a chart has on a screen of that width.
pub(crate) fn chart_columns(width: u16) -> usize {
    usize::from(width).saturating_sub(NAMES + TOTAL + HIGHEST).max(1)
}

fn draw_chart(frame: &mut Frame<'_>, area: Rect, chart: &Chart, look: Look, zone: Zone) {
    let columns = chart_columns(area.width);
    let each = (area.height - CHART_AXIS) / 4;
    let stretches = chart.stretches.len();
    // Few stretches are drawn wider.
    let wide = columns.checked_div(stretches).unwrap_or(1).max(1);
    for (reason, top) in Reason::ALL.into_iter().zip((area.y + 1..).step_by(each.into())) {
        let highest = chart.highest(reason);
        for line in 0..each {
            let is_lowest = line + 1 == each;
            let bars: String = chart
                .stretches
                .iter()
                .map(|stretch| {
                    step(stretch[place(reason)], highest, each - line - 1, each, look).repeat(wide)
                })
                .collect();
            let bars = format!("{bars}{:1$}", "", columns.saturating_sub(width(&bars)));
            let (name, numbers) = if is_lowest {
                let numbers =
                    format!("{:>TOTAL$}{:>HIGHEST$}", count(chart.total(reason)), count(highest.into()));
                (reason.as_str(), numbers)
            } else {
                ("", String::new())
            };
            let spans = vec![
                Span::raw(format!("{name:NAMES$}")),
                Span::styled(bars, look.reason(Some(reason))),
                Span::raw(numbers),
            ];
            frame.render_widget(Line::from(spans), Rect { y: top + line, height: 1, ..area });
        }
    }
    let caption = cut(&caption(chart, wide), NAMES + columns, look.ellipsis());
    let head = format!("{caption:0$}{1:>TOTAL$}{2:>HIGHEST$}", NAMES + columns, "TOTAL", "HIGHEST");
    put(frame, Rect { height: 1, ..area }, &head, Look::quiet());
    let axis = axis(chart, stretches * wide, zone);
    put(
        frame,
        Rect { y: area.bottom() - 1, height: 1, ..area },
        &format!("{:NAMES$}{axis}", ""),
        Look::quiet(),
    );
}

/// What of a bar is on a line, so many lines above the lowest. What is there at all is seen.
fn step(number: u32, highest: u32, line: u16, lines: u16, look: Look) -> &'static str {
    let steps = look.steps();
    let all = usize::from(lines) * steps.len();
    let filled = super::bars::length(number.into(), highest.into(), all);
    match filled.saturating_sub(usize::from(line) * steps.len()) {
        0 => " ",
        part => steps[part.min(steps.len()) - 1],
    }
}

/// When the chart begins, and when its last stretch does.
fn axis(chart: &Chart, columns: usize, zone: Zone) -> String {
    let last = chart.stretches.len().saturating_sub(1);
    let (first, last) = (label(chart, 0, zone), label(chart, last, zone));
    match columns.checked_sub(width(&first) + width(&last)) {
        Some(room) if room > 0 => format!("{first}{}{last}", " ".repeat(room)),
        _ if chart.stretches.is_empty() => String::new(),
        _ => first,
    }
}

/// How much time a bar is. Each reason has a scale of its own: a rare one is seen beside a frequent one.
fn caption(chart: &Chart, wide: usize) -> String {
    if chart.stretches.is_empty() {
        return String::new();
    }
    let time = span(std::time::Duration::from_millis(chart.length.unsigned_abs()));
    format!("each {} is {time}", if wide == 1 { "column" } else { "bar" })
}

/// When a stretch begins: the day, or the minute, as far as it tells something.
fn label(chart: &Chart, stretch: usize, zone: Zone) -> String {
    let time: Timestamp = chart.time(stretch);
    let text = zone.format(time);
    let part = if chart.length >= 86_400_000 { text.get(..10) } else { text.get(5..16) };
    part.map_or(text.clone(), str::to_owned)
}
