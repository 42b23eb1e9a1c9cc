//! The pools: how many of their sessions live, and why the others do not.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::data::{Counts, Data, PoolRow};
use super::super::layout::Areas;
use super::super::look::Look;
use super::super::query::{Key, at};
use super::super::text::{NEAR, count, cut_middle, near, share};
use super::grid::{self, Column, GAP, cell};
use super::{bars, put, rows};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pool,
    Live,
    Resting,
    Expired,
    Retired,
    Bar,
    Errors,
    NextExpiry,
}

fn columns(width: usize) -> Vec<Column<Kind>> {
    let mut columns = vec![Column::right(Kind::Live, "LIVE", 9)];
    if width >= 100 {
        columns.push(Column::right(Kind::Resting, "RESTING", 9));
        columns.push(Column::right(Kind::Expired, "EXPIRED", 9));
    }
    columns.push(Column::right(Kind::Retired, "RETIRED", 9));
    let mut behind = Vec::new();
    if width >= 60 {
        behind.push(Column::right(Kind::Errors, "ERRORS", 7));
    }
    if width >= 72 {
        behind.push(Column::left(Kind::NextExpiry, "NEXT EXPIRY", NEAR + 1));
    }
    // What is left is shared by names and bars.
    let left = width.saturating_sub(grid::taken(&columns) + grid::taken(&behind) + 2 * GAP);
    let bar = if left >= 24 { (left * 2 / 5).min(40) } else { 0 };
    let name = left.saturating_sub(if bar > 0 { bar + GAP } else { 0 });
    columns.insert(0, Column::left(Kind::Pool, "POOL", name.max(4)));
    if bar > 0 {
        columns.push(Column::left(Kind::Bar, "SHARES", bar));
    }
    columns.extend(behind);
    columns
}

pub(super) fn draw(frame: &mut Frame<'_>, areas: &Areas, app: &App, data: &Data) {
    let (look, list) = (app.setting.look, &app.pools);
    let columns = columns(areas.head.width.into());
    let is_sorted = |kind| match kind {
        Kind::Pool => list.order.by == Key::Store,
        Kind::Live => list.order.by == Key::Live,
        Kind::Retired => list.order.by == Key::RetiredCount,
        Kind::Errors => list.order.by == Key::ErrorRate,
        Kind::NextExpiry => list.order.by == Key::Ends,
        Kind::Resting | Kind::Expired | Kind::Bar => false,
    };
    frame.render_widget(grid::head(&columns, look, list.order.descending, is_sorted), areas.head);
    rows(frame, areas.rows, list, "the store has no pools: a crawler makes one when it opens it", |index| {
        match at(&data.pools, index) {
            Some(pool) => row(pool, &columns, app),
            None => Line::default(),
        }
    });
    if areas.panel.height > 0
        && let Some(pool) = list.chosen().and_then(|index| at(&data.pools, index))
    {
        panel(frame, areas.panel, app, pool);
    }
}

fn row(pool: &PoolRow, columns: &[Column<Kind>], app: &App) -> Line<'static> {
    let (look, now) = (app.setting.look, app.setting.now);
    let counts = &pool.counts;
    grid::line(columns, look, |column| match column.kind {
        Kind::Pool => cell(cut_middle(&pool.shown, column.width, look.ellipsis()), Style::new()),
        Kind::Live => cell(count(counts.live), Style::new()),
        Kind::Resting => cell(count(counts.resting), Style::new()),
        Kind::Expired => cell(count(counts.expired), Style::new()),
        Kind::Retired => cell(count(counts.all_retired()), Style::new()),
        Kind::Bar => bars::composition(counts, column.width, look),
        Kind::Errors => cell(bad(counts), Style::new()),
        Kind::NextExpiry => {
            cell(counts.next_expiry.map(|time| near(time, now)).unwrap_or_default(), Style::new())
        }
    })
}

/// How many of the uses were bad; nothing where there were none.
fn bad(counts: &Counts) -> String {
    if counts.uses == 0 { String::new() } else { share(counts.errors, counts.uses) }
}

/// What is in the chosen pool.
fn panel(frame: &mut Frame<'_>, area: Rect, app: &App, pool: &PoolRow) {
    let (look, now, counts) = (app.setting.look, app.setting.now, &pool.counts);
    let width = usize::from(area.width);
    let name = cut_middle(&pool.shown, width.saturating_sub(6), look.ellipsis());
    let mut title = format!("{0}{0} {name} ", look.rule());
    title += &look.rule().repeat(width.saturating_sub(crate::output::width(&title)));
    let line = |number: u16| Rect { y: area.y + number, height: 1, ..area };
    put(frame, line(0), &title, Look::quiet());
    for ((reason, number), at) in bars::parts(counts).zip(1..) {
        let word = reason.map_or("live", session_pool::Reason::as_str);
        let head = format!("{word:9} {:>11} {:>6}  ", count(number), share(number, counts.sessions()));
        let room = width.saturating_sub(head.len());
        let bar = look.bar(reason).repeat(bars::length(number, counts.sessions(), room));
        // What is not there is not in the way.
        let style = if number == 0 { Look::quiet() } else { Style::new() };
        let spans = vec![Span::styled(head, style), Span::styled(bar, look.reason(reason))];
        frame.render_widget(Line::from(spans), line(at));
    }
    let dot = format!(" {} ", look.dot());
    let mut ahead =
        vec![format!("{} resting", count(counts.resting)), format!("{} expired", count(counts.expired))];
    ahead.extend(counts.next_expiry.map(|time| format!("the next expires {}", near(time, now))));
    put(frame, line(6), &ahead.join(&dot), Style::new());
    let past = [
        match counts.uses {
            0 => "never used".to_owned(),
            uses => format!("{} uses, {} bad", count(uses), bad(counts)),
        },
        format!("{} retirements ever", count(pool.entry.retired_ever())),
    ];
    put(frame, line(7), &past.join(&dot), Style::new());
    if counts.unreadable > 0 {
        let text = format!(
            "{} of its items cannot be read: session-pool check names them",
            count(counts.unreadable)
        );
        put(frame, line(8), &text, look.bad());
    } else if let Some((first, last)) = pool.entry.lost_log.first() {
        let text = format!("a repair could not bring back retirements {first} to {last} of its log");
        put(frame, line(8), &text, Look::strong());
    }
}
