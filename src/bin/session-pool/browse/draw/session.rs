//! Everything of one session.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::super::app::App;
use super::super::layout::Areas;
use super::super::look::Look;
use super::put;

pub(super) fn draw(frame: &mut Frame<'_>, areas: &Areas, app: &App) {
    let Some(opened) = &app.opened else { return };
    if !opened.is_read() {
        put(frame, areas.rows, "reading", Look::quiet());
        return;
    }
    let seen = opened.lines.iter().skip(opened.cursor.top).take(areas.rows.height.into());
    for (line, y) in seen.zip(areas.rows.y..) {
        frame.render_widget(line, Rect { y, height: 1, ..areas.rows });
    }
}
