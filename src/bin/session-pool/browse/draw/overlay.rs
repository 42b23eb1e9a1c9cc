//! What lies over a view: the keys, or an id.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::super::app::App;
use super::super::data::Data;
use super::super::details::Target;
use super::super::help;
use super::super::look::Look;
use super::super::text::{cut_middle, wrap};
use super::{cleared, put, status};

/// What the keys do, from that line on.
pub(super) fn help(frame: &mut Frame<'_>, app: &App, top: usize) {
    let area = frame.area();
    cleared(frame, area);
    let line = |y: u16| Rect { y: area.y + y, height: 1, ..area };
    let lines = help::lines(app.view, area.width.into());
    let height = area.height.saturating_sub(2);
    // A screen that has grown shows more.
    let top = top.min(lines.len().saturating_sub(height.into()));
    let place = status::seen(top, lines.len(), height.into());
    let is_whole = place.is_empty();
    put(frame, line(0), &format!("Keys: {}", app.view.word()), Look::strong());
    status::right(frame, line(0), &place);
    for (text, y) in lines.into_iter().skip(top).take(height.into()).zip(1..) {
        frame.render_widget(text, line(y));
    }
    let text = if is_whole {
        "any key goes back".to_owned()
    } else {
        format!("{} scroll  any other key goes back", app.setting.look.up_down())
    };
    put(frame, line(area.height.saturating_sub(1)), &text, Look::quiet());
}

/// An id alone on its lines, with nothing that would be copied with it.
pub(super) fn id(frame: &mut Frame<'_>, app: &App, data: &Data, target: Target) {
    let area = frame.area();
    let height = 7.min(area.height);
    let place = Rect { y: area.y + (area.height - height) / 2, height, ..area };
    cleared(frame, place);
    let line = |y: u16| Rect { y: place.y + y, height: 1, ..place };
    let (look, width) = (app.setting.look, usize::from(area.width));
    put(frame, line(0), &look.rule().repeat(width), Look::quiet());
    let pool = cut_middle(data.pool_name(target.pool), width.saturating_sub(12), look.ellipsis());
    put(frame, line(1), &format!("session of {pool}"), Look::quiet());
    for (piece, y) in wrap(target.id.as_str(), width).into_iter().zip(2..) {
        put(frame, line(y), piece, Look::strong());
    }
    put(frame, line(5), "any key goes back", Look::quiet());
    put(frame, line(6), &look.rule().repeat(width), Look::quiet());
}
