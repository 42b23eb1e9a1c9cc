//! The screen, drawn from the state and from nothing else.

mod bars;
mod editor;
mod grid;
mod hints;
mod log;
mod overlay;
mod pools;
mod session;
mod sessions;
mod status;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Clear, Paragraph};

pub(super) use self::log::chart_columns;
use super::app::{App, List, Overlay, View};
use super::layout::{self, SMALLEST};
use super::look::Look;
use super::text::{count, cut_middle, wrap};

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
    match app.list().filter(|list| list.is_edited()) {
        Some(list) => editor::draw(frame, &areas, list, app),
        None => {
            status::line(frame, &areas, app, data);
            hints::draw(frame, areas.keys, app);
        }
    }
    match app.overlay {
        Some(Overlay::Help(top)) => overlay::help(frame, app, top),
        Some(Overlay::Id(target)) => overlay::id(frame, app, data, target),
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
        Line::raw(cut_middle(&app.setting.title, area.width.into(), app.setting.look.ellipsis())),
        Line::default(),
        Line::styled(format!("reading: {} sessions", count(progress.sessions)), Look::strong()),
        Line::raw(format!("{} retirements", count(progress.log))),
        Line::default(),
        Line::styled("q gives up", Look::quiet()),
    ]);
    let lines = u16::try_from(text.lines.len()).unwrap_or(area.height).min(area.height);
    let top = area.y + (area.height - lines) / 2;
    let paragraph = Paragraph::new(text).alignment(Alignment::Center);
    frame.render_widget(paragraph, Rect { y: top, height: lines, ..area });
}

/// The rows of a list that are in sight, the chosen one marked; or, where there are none, why.
fn rows<'a>(frame: &mut Frame<'_>, area: Rect, list: &List, nothing: &str, row: impl Fn(u32) -> Line<'a>) {
    if list.rows.is_empty() {
        let text = match (list.is_waiting(), list.is_filtered(), list.is_edited()) {
            // It is said above.
            (true, ..) => return,
            (false, true, true) => "nothing fits: Esc takes the filter back",
            (false, true, false) => "nothing fits: Esc takes the filter away",
            (false, false, _) => nothing,
        };
        let lines: Vec<Line<'_>> = wrap(text, area.width.into()).into_iter().map(Line::raw).collect();
        let top = area.height.min(3) / 2;
        let place = Rect { y: area.y + top, height: area.height - top, ..area };
        frame.render_widget(Paragraph::new(lines).alignment(Alignment::Center), place);
        return;
    }
    let seen = list.rows.iter().enumerate().skip(list.cursor.top).take(area.height.into());
    for ((at, index), y) in seen.zip(area.y..) {
        let place = Rect { y, height: 1, ..area };
        if at == list.cursor.at {
            frame.render_widget(Paragraph::new(chosen(row(*index))).style(Look::chosen()), place);
        } else {
            frame.render_widget(row(*index), place);
        }
    }
}

/// A row without colours, but for bars: reversed, some could not be read.
fn chosen(mut row: Line<'_>) -> Line<'_> {
    for span in &mut row.spans {
        if !span.style.sub_modifier.contains(Modifier::REVERSED) {
            span.style = Style::new();
        }
    }
    row
}

/// An empty place over what was drawn before.
fn cleared(frame: &mut Frame<'_>, area: Rect) {
    frame.render_widget(Clear, area);
}

/// A line on its own.
fn put(frame: &mut Frame<'_>, area: Rect, text: &str, style: Style) {
    frame.render_widget(Line::styled(text.to_owned(), style), area);
}
