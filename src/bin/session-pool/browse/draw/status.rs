//! The lines around the rows: where one is, what is seen, and which keys there are.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::app::{App, List, View};
use super::super::data::Data;
use super::super::filter::{FilterError, Subject};
use super::super::look::Look;
use super::super::text::{count, cut, cut_middle};
use super::put;
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
    let look = app.setting.look;
    let dot = format!(" {} ", look.dot());
    let whose = app.pool.map_or("all pools", |pool| data.pool_name(pool));
    let (text, place) = match app.list() {
        Some(list) => {
            let what = match list.subject {
                Subject::Pools => "pools",
                Subject::Sessions => "sessions",
                Subject::Log => "retirements",
            };
            let all = list.of_all(data, app.pool.filter(|_| list.subject != Subject::Pools));
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
                parts.push(cut_middle(whose, 40, look.ellipsis()));
            }
            let order = look.order(list.order.descending);
            parts.push(format!("by {}{order}", list.order.by.word(list.subject)));
            (parts.join(&dot), where_in(list))
        }
        None => match &app.opened {
            Some(opened) => {
                let secrets = if opened.revealed { "secrets are shown" } else { "secrets are masked" };
                let (seen, all) = (opened.cursor.top + 1, opened.lines.len());
                (secrets.to_owned(), format!("line {seen} of {all}"))
            }
            None => (String::new(), String::new()),
        },
    };
    let room = usize::from(area.width).saturating_sub(width(&place) + 2);
    put(frame, area, &cut(&text, room, look.ellipsis()), Style::new());
    right(frame, area, &place);
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

fn right(frame: &mut Frame<'_>, area: Rect, text: &str) {
    let taken = u16::try_from(width(text)).unwrap_or(area.width).min(area.width);
    put(frame, Rect { x: area.right() - taken, width: taken, ..area }, text, Style::new());
}

/// The filter, or what there is to say.
pub(super) fn line(frame: &mut Frame<'_>, area: Rect, app: &App, data: &Data) {
    if let Some(list) = app.list().filter(|list| list.is_edited() || !list.line.text().is_empty()) {
        filter(frame, area, list, app.setting.look);
        return;
    }
    if let Some(message) = app.message {
        put(frame, area, message, Look::strong());
    } else if data.unreadable > 0 {
        let text = format!(
            "{} unreadable items are left out: session-pool check names them",
            count(data.unreadable)
        );
        put(frame, area, &cut(&text, area.width.into(), app.setting.look.ellipsis()), app.setting.look.bad());
    }
}

/// What stands before the filter.
const PROMPT: &str = "/ ";

/// How many columns of the filter are left of the screen, so that the place where one types is in sight.
fn scrolled(list: &List, columns: u16) -> usize {
    let room = usize::from(columns).saturating_sub(PROMPT.len() + 1);
    if list.is_edited() { width(list.line.before()).saturating_sub(room) } else { 0 }
}

fn filter(frame: &mut Frame<'_>, area: Rect, list: &List, look: Look) {
    let text = list.line.text();
    let spans = match &list.error {
        // Where something is missing at the end, there is nothing to mark but the place.
        Some(FilterError { at, .. }) if !at.is_empty() => vec![
            Span::raw(&text[..at.start]),
            Span::styled(&text[at.clone()], look.bad().patch(Look::chosen())),
            Span::raw(&text[at.end..]),
        ],
        _ => vec![Span::raw(text)],
    };
    put(frame, area, PROMPT, Look::strong());
    let prompt = u16::try_from(PROMPT.len()).unwrap_or(0);
    let place = Rect { x: area.x + prompt, width: area.width.saturating_sub(prompt), ..area };
    let scrolled = scrolled(list, area.width);
    let scroll = (0, u16::try_from(scrolled).unwrap_or(u16::MAX));
    frame.render_widget(ratatui::widgets::Paragraph::new(Line::from(spans)).scroll(scroll), place);
    if list.is_edited() {
        let column = u16::try_from(width(list.line.before()).saturating_sub(scrolled)).unwrap_or(0);
        frame.set_cursor_position(Position::new(place.x + column.min(place.width.saturating_sub(1)), area.y));
    }
}

/// The keys, or what is wrong with the filter, below the place.
pub(super) fn keys(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let look = app.setting.look;
    if let Some((list, error)) = app.list().and_then(|list| Some((list, list.error.as_ref()?))) {
        let start = width(&list.line.text()[..error.at.start]).saturating_sub(scrolled(list, area.width));
        let (room, caret) = (usize::from(area.width), PROMPT.len() + start);
        let (behind, before) = (room.saturating_sub(caret + 2), caret.saturating_sub(1));
        let text = if width(&error.message) <= behind || behind >= before {
            format!("{:caret$}^ {}", "", cut(&error.message, behind, look.ellipsis()))
        } else {
            format!("{:>before$} ^", cut(&error.message, before, look.ellipsis()))
        };
        put(frame, area, &text, look.bad());
        return;
    }
    let up_down = look.up_down();
    let text = match (app.view, app.list().is_some_and(List::is_edited)) {
        (_, true) => format!(
            "Enter keep  Esc take back  {up_down} move  words, state:live uses>10 pool:shop !reason:expired"
        ),
        (View::Pools, _) => {
            format!("{up_down} move  Enter its sessions  / filter  s sort  2 all sessions  ? help  q quit")
        }
        (View::Sessions | View::Log, _) => {
            format!("{up_down} move  Enter open  / filter  s S sort  y id  Esc back  ? help  q quit")
        }
        (View::Session, _) => {
            format!("{up_down} scroll  r secrets  y id  Left Right others  Esc back  ? help  q quit")
        }
    };
    put(frame, area, &cut(&text, area.width.into(), look.ellipsis()), Style::new());
}
