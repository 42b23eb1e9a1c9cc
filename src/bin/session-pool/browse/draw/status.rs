//! The lines around the rows: where one is, what is seen, and which keys there are.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::app::{App, List, View};
use super::super::data::Data;
use super::super::filter::Subject;
use super::super::layout::{self, Areas};
use super::super::look::Look;
use super::super::text::{count, cut, cut_middle, wrap};
use super::editor::PROMPT;
use super::{cleared, put};
use crate::output::width;

/// The views, and what is browsed.
pub(super) fn title(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let is_narrow = area.width < 60;
    let mut spans = Vec::new();
    for (view, number) in View::ALL.into_iter().zip(1..) {
        let is_here = view == app.view;
        let text =
            if is_narrow && !is_here { format!(" {number} ") } else { format!(" {number} {} ", view.word()) };
        spans.push(Span::styled(
            text,
            if is_here { Look::chosen().patch(Look::strong()) } else { Style::new() },
        ));
    }
    let line = Line::from(spans);
    let used = line.width();
    frame.render_widget(line, area);
    let room = usize::from(area.width).saturating_sub(used + 2);
    let title = cut_middle(&app.setting.title, room, app.setting.look.ellipsis());
    right(frame, area, &title);
}

/// What is seen, of how much.
pub(super) fn summary(frame: &mut Frame<'_>, area: Rect, app: &App, data: &Data) {
    let (parts, place) = match (app.list(), &app.opened) {
        (Some(list), _) => (of_list(list, app, data), where_in(list)),
        (None, Some(opened)) => {
            let (are, does) =
                if opened.revealed { ("shown", "r masks them") } else { ("masked", "r shows them") };
            let height = layout::areas(app.size, View::Session).map_or(0, |areas| areas.rows.height.into());
            (
                vec![format!("secrets are {are}"), does.to_owned()],
                seen(opened.cursor.top, opened.lines.len(), height),
            )
        }
        (None, None) => return,
    };
    let room = usize::from(area.width).saturating_sub(width(&place) + 2);
    put(frame, area, &joined(&parts, room, app.setting.look), Style::new());
    right(frame, area, &place);
}

/// What a list has, whose it is, how it is sorted: what matters most comes first.
fn of_list(list: &List, app: &App, data: &Data) -> Vec<String> {
    let look = app.setting.look;
    let what = match list.subject {
        Subject::Pools => "pool",
        Subject::Sessions => "session",
        Subject::Log => "retirement",
    };
    let all = list.of_all(data, app.pool.filter(|_| list.subject != Subject::Pools));
    let what = if all == 1 { what.to_owned() } else { format!("{what}s") };
    let found = u64::try_from(list.rows.len()).unwrap_or(u64::MAX);
    let mut parts = vec![if list.is_filtered() {
        format!("{} of {} {what}", count(found), count(all))
    } else {
        format!("{} {what}", count(all))
    }];
    if list.subject == Subject::Pools {
        let counts = data.counts(None);
        parts.push(format!("{} live", count(counts.live)));
        parts.push(format!("{} retired", count(counts.all_retired())));
    } else {
        let whose = app.pool.map_or("all pools", |pool| data.pool_name(pool));
        let room = usize::from(app.size.width) * 2 / 5;
        parts.push(cut_middle(whose, room.min(40), look.ellipsis()));
    }
    parts.push(format!("by {}{}", list.order.by.word(list.subject), look.order(list.order.descending)));
    parts
}

/// As many of the parts as there is room for, and of each all; the first in any case.
fn joined(parts: &[String], room: usize, look: Look) -> String {
    let mut text = String::new();
    for part in parts {
        let longer = if text.is_empty() { part.clone() } else { format!("{text} {} {part}", look.dot()) };
        if width(&longer) > room {
            break;
        }
        text = longer;
    }
    if text.is_empty() {
        parts.first().map(|part| cut(part, room, look.ellipsis())).unwrap_or_default()
    } else {
        text
    }
}

fn where_in(list: &List) -> String {
    if list.is_waiting() {
        return "searching".to_owned();
    }
    let of = |number: usize| count(u64::try_from(number).unwrap_or(u64::MAX));
    if list.rows.is_empty() {
        String::new()
    } else {
        format!("{}/{}", of(list.cursor.at + 1), of(list.rows.len()))
    }
}

/// Which line of a text is the first that is seen; nothing where all of it is.
pub(super) fn seen(top: usize, lines: usize, height: usize) -> String {
    if lines <= height {
        String::new()
    } else {
        format!("lines {}-{}/{lines}", top + 1, (top + height).min(lines))
    }
}

/// A text at the right edge.
pub(super) fn right(frame: &mut Frame<'_>, area: Rect, text: &str) {
    let taken = u16::try_from(width(text)).unwrap_or(area.width).min(area.width);
    put(frame, Rect { x: area.right() - taken, width: taken, ..area }, text, Look::quiet());
}

/// What there is to say, or the filter that is in force.
pub(super) fn line(frame: &mut Frame<'_>, areas: &Areas, app: &App, data: &Data) {
    let (look, area, columns) = (app.setting.look, areas.line, usize::from(areas.line.width));
    let filter = app.list().map(|list| list.line.text()).unwrap_or_default();
    if let Some(message) = app.message {
        note(frame, areas, message);
    } else if !filter.is_empty() {
        let filter = cut(filter, columns.saturating_sub(PROMPT.len()), look.ellipsis());
        let spans = vec![Span::styled(PROMPT, Look::strong()), Span::raw(filter)];
        frame.render_widget(Line::from(spans), area);
    } else if data.unreadable > 0 {
        let one = data.unreadable == 1;
        let (items, are, them) = if one { ("item", "is", "it") } else { ("items", "are", "them") };
        let what = format!("{} unreadable {items} {are} left out", count(data.unreadable));
        let whole = format!("{what}: session-pool check names {them}");
        put(frame, area, if width(&whole) <= columns { &whole } else { &what }, look.bad());
    }
}

/// What there is to say until the next key: over the last rows, where it takes more lines than one.
fn note(frame: &mut Frame<'_>, areas: &Areas, text: &str) {
    let lines = wrap(text, areas.line.width.into());
    let more = u16::try_from(lines.len()).unwrap_or(1).min(areas.rows.height).saturating_sub(1);
    let place = Rect { y: areas.line.y - more, height: more + 1, ..areas.line };
    cleared(frame, place);
    for (text, y) in lines.into_iter().zip(place.y..place.bottom()) {
        put(frame, Rect { y, height: 1, ..place }, text, Look::strong());
    }
}
