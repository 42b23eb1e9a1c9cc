//! The screen, drawn from the state and from nothing else.

mod bars;
mod grid;
mod help;
mod log;
mod pools;
mod session;
mod sessions;
mod status;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Clear, Paragraph};

pub(super) use self::log::chart_columns;
use super::app::{App, List, Overlay, View};
use super::layout::{self, SMALLEST};
use super::look::Look;
use super::text::count;

/// Draws the whole screen.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App) {
    let size = frame.area().as_size();
    let Some(areas) = layout::areas(size, app.view) else {
        too_small(frame);
        return;
    };
    let Some(data) = app.data.as_deref() else {
        reading(frame, app);
        return;
    };
    status::title(frame, areas.title, app);
    status::summary(frame, areas.summary, app, data);
    match app.view {
        View::Pools => pools::draw(frame, &areas, app, data),
        View::Sessions => sessions::draw(frame, &areas, app, data),
        View::Session => session::draw(frame, &areas, app),
        View::Log => log::draw(frame, &areas, app, data),
    }
    status::line(frame, areas.line, app, data);
    status::keys(frame, areas.keys, app);
    match app.overlay {
        Some(Overlay::Help(top)) => help::draw(frame, app, top),
        Some(Overlay::Id(target)) => help::draw_id(frame, app, data, target),
        None => {}
    }
}

fn too_small(frame: &mut Frame<'_>) {
    let area = frame.area();
    let text = Text::from(vec![
        Line::raw("too small"),
        Line::raw(format!("{}x{}", area.width, area.height)),
        Line::raw(format!("{}x{} needed", SMALLEST.width, SMALLEST.height)),
    ]);
    frame.render_widget(Paragraph::new(text), area);
}

fn reading(frame: &mut Frame<'_>, app: &App) {
    let area = frame.area();
    let progress = app.progress;
    let text = Text::from(vec![
        Line::raw(app.setting.title.as_str()),
        Line::default(),
        Line::styled(format!("reading: {} sessions", count(progress.sessions)), Look::strong()),
        Line::raw(format!("{} retirements", count(progress.log))),
        Line::default(),
        Line::raw("q gives up"),
    ]);
    let lines = u16::try_from(text.lines.len()).unwrap_or(area.height).min(area.height);
    let top = area.y + (area.height - lines) / 2;
    let paragraph = Paragraph::new(text).alignment(Alignment::Center);
    frame.render_widget(paragraph, Rect { y: top, height: lines, ..area });
}

/// The rows of a list that are in sight, the chosen one marked; or, where there are none, why.
fn rows<'a>(frame: &mut Frame<'_>, area: Rect, list: &List, nothing: &str, row: impl Fn(u32) -> Line<'a>) {
    if list.rows.is_empty() {
        let text = match (list.is_waiting(), list.is_filtered()) {
            // It is said above.
            (true, _) => return,
            (false, true) => "nothing fits the filter: Esc takes it away",
            (false, false) => nothing,
        };
        let line = Rect { y: area.y + area.height.min(3) / 2, height: 1, ..area };
        frame.render_widget(Paragraph::new(text).alignment(Alignment::Center), line);
        return;
    }
    let seen = list.rows.iter().enumerate().skip(list.cursor.top).take(area.height.into());
    for ((at, index), y) in seen.zip(area.y..) {
        let place = Rect { y, height: 1, ..area };
        if at == list.cursor.at {
            // Without colours: reversed, some could not be read.
            let text: String = row(*index).spans.iter().map(|span| span.content.as_ref()).collect();
            frame.render_widget(Paragraph::new(text).style(Look::chosen()), place);
        } else {
            frame.render_widget(row(*index), place);
        }
    }
}

/// An empty place over what was drawn before.
fn cleared(frame: &mut Frame<'_>, area: Rect) {
    frame.render_widget(Clear, area);
}

/// A line on its own.
fn put(frame: &mut Frame<'_>, area: Rect, text: &str, style: Style) {
    frame.render_widget(Line::styled(text.to_owned(), style), area);
}
