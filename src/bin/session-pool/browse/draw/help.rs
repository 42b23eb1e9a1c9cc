//! What lies over a view: the keys, or an id.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::app::{App, HELP};
use super::super::data::Data;
use super::super::details::Target;
use super::super::look::Look;
use super::super::text::cut_middle;
use super::{cleared, put};

/// How wide the keys are in the help.
const KEYS: usize = 18;

pub(super) fn draw(frame: &mut Frame<'_>, app: &App, top: usize) {
    let area = frame.area();
    cleared(frame, area);
    let line = |y: u16| Rect { y: area.y + y, height: 1, ..area };
    put(frame, line(0), "Keys", Look::strong());
    let height = area.height.saturating_sub(2);
    for ((keys, what), y) in HELP.iter().skip(top).take(height.into()).zip(1..) {
        let spans = vec![Span::styled(format!("{keys:KEYS$}"), Look::strong()), Span::raw(*what)];
        frame.render_widget(Line::from(spans), line(y));
    }
    let more = HELP.len() > top + usize::from(height);
    let text = if more || top > 0 {
        format!("{} scroll  any other key goes back", app.setting.look.up_down())
    } else {
        "any key goes back".to_owned()
    };
    put(frame, line(area.height.saturating_sub(1)), &text, Style::new());
}

/// An id alone on its lines, with nothing that would be copied with it.
pub(super) fn draw_id(frame: &mut Frame<'_>, app: &App, data: &Data, target: Target) {
    let area = frame.area();
    let height = 7.min(area.height);
    let place = Rect { y: area.y + (area.height - height) / 2, height, ..area };
    cleared(frame, place);
    let line = |y: u16| Rect { y: place.y + y, height: 1, ..place };
    let (look, width) = (app.setting.look, usize::from(area.width));
    put(frame, line(0), &look.rule().repeat(width), Style::new());
    let pool = cut_middle(data.pool_name(target.pool), width.saturating_sub(12), look.ellipsis());
    put(frame, line(1), &format!("session of {pool}"), Style::new());
    for (piece, y) in super::super::text::wrap(target.id.as_str(), width).into_iter().zip(2..) {
        put(frame, line(y), piece, Look::strong());
    }
    put(frame, line(5), "any key goes back", Style::new());
    put(frame, line(6), &look.rule().repeat(width), Style::new());
}
