//! The sessions, one a row.

use ratatui::Frame;
use ratatui::style::Style;
use ratatui::text::Line;

use session_pool::Reason;

use super::super::app::App;
use super::super::data::{Data, SessionRow, Standing};
use super::super::layout::Areas;
use super::super::query::{Key, at};
use super::super::text::{NEAR, cut_middle, near, short_count};
use super::grid::{self, Column, GAP, cell};
use super::rows;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Id,
    Pool,
    State,
    Reason,
    Uses,
    Errors,
    Score,
    Ends,
    LastUse,
    Created,
}

/// How wide an id is that the pool made.
pub(super) const ID: usize = 32;

/// The columns that there is room for; with the pool where there are several, whose widest name is so wide.
fn columns(width: usize, pool: Option<usize>) -> Vec<Column<Kind>> {
    let mut columns = vec![Column::left(Kind::State, "STATE", 7), Column::left(Kind::Reason, "REASON", 9)];
    if width >= 56 {
        columns.push(Column::right(Kind::Uses, "USES", 6));
    }
    if width >= 100 {
        columns.push(Column::right(Kind::Errors, "ERRORS", 6));
    }
    if width >= 72 {
        columns.push(Column::right(Kind::Score, "SCORE", 5));
    }
    columns.push(Column::left(Kind::Ends, "ENDS", NEAR));
    let wanted = pool.map_or(0, |pool| pool + GAP);
    for (kind, head) in [(Kind::LastUse, "LAST USE"), (Kind::Created, "CREATED")] {
        if grid::taken(&columns) + 2 * GAP + NEAR + ID + wanted <= width {
            columns.push(Column::left(kind, head, NEAR));
        }
    }
    let left = width.saturating_sub(grid::taken(&columns) + GAP);
    // Where it is narrow, an id needs a little more than a name; where it is very narrow, there is no room for both.
    let pool = pool
        .filter(|_| left >= 20)
        .map_or(0, |pool| pool.min((left - GAP) * 5 / 11).max(left.saturating_sub(ID + GAP).min(pool)));
    let id = left.saturating_sub(if pool > 0 { pool + GAP } else { 0 });
    if pool > 0 {
        columns.insert(0, Column::left(Kind::Pool, "POOL", pool));
    }
    columns.insert(0, Column::left(Kind::Id, "ID", id.min(session_pool::SessionId::MAX_LENGTH)));
    columns
}

pub(super) fn draw(frame: &mut Frame<'_>, areas: &Areas, app: &App, data: &Data) {
    let (look, list) = (app.setting.look, &app.sessions);
    let with_pool = app.pool.is_none() && data.pools.len() > 1;
    let columns = columns(areas.head.width.into(), with_pool.then(|| data.widest_name.max(4)));
    let is_sorted = |kind| match kind {
        Kind::Id => list.order.by == Key::Id || (list.order.by == Key::Store && !with_pool),
        Kind::Pool => list.order.by == Key::Store,
        Kind::State => list.order.by == Key::State,
        Kind::Uses => list.order.by == Key::Uses,
        Kind::Errors => list.order.by == Key::Errors,
        Kind::Score => list.order.by == Key::Score,
        Kind::Ends => list.order.by == Key::Ends,
        Kind::LastUse => list.order.by == Key::Used,
        Kind::Created => list.order.by == Key::Created,
        Kind::Reason => false,
    };
    frame.render_widget(grid::head(&columns, look, list.order.descending, is_sorted), areas.head);
    let nothing = match app.pool {
        Some(_) => "the pool has no sessions: Esc goes back to all pools",
        None => "no sessions yet: a crawler makes them as it needs them",
    };
    rows(frame, areas.rows, list, nothing, |index| match at(&data.sessions, index) {
        Some(session) => row(session, &columns, app, data),
        None => Line::default(),
    });
}

fn row(session: &SessionRow, columns: &[Column<Kind>], app: &App, data: &Data) -> Line<'static> {
    let (look, now) = (app.setting.look, app.setting.now);
    let SessionRow { pool, id, record } = session;
    let standing = Standing::of(record, now);
    let (reason, style) = (standing.reason(), look.standing(standing));
    grid::line(columns, look, |column| match column.kind {
        Kind::Id => cell(cut_middle(id.as_str(), column.width, look.ellipsis()), Style::new()),
        Kind::Pool => cell(cut_middle(data.pool_name(*pool), column.width, look.ellipsis()), Style::new()),
        Kind::State => cell(standing.word(), style),
        Kind::Reason => cell(reason.map(Reason::as_str).unwrap_or_default(), style),
        Kind::Uses => cell(short_count(record.usage_count), Style::new()),
        Kind::Errors => cell(short_count(record.error_count), Style::new()),
        Kind::Score => cell(super::super::text::score(record.error_score), Style::new()),
        Kind::Ends => {
            let ends = record.retired.map_or(record.expires_at, |retired| retired.at);
            cell(near(ends, now), Style::new())
        }
        Kind::LastUse => {
            cell(record.last_used_at.map(|time| near(time, now)).unwrap_or_default(), Style::new())
        }
        Kind::Created => cell(near(record.created_at, now), Style::new()),
    })
}
