//! The filter, while it is typed: what is wrong with it is below it.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::app::{App, List};
use super::super::filter::FilterError;
use super::super::help;
use super::super::layout::Areas;
use super::super::look::Look;
use super::super::text::wrap;
use super::hints::{self, Hint};
use super::{cleared, put};
use crate::output::width;

/// What stands before the filter.
pub(super) const PROMPT: &str = "/ ";

/// Draws the filter, and below it the keys, or what is wrong: over the last rows, where that takes more lines than one.
pub(super) fn draw(frame: &mut Frame<'_>, areas: &Areas, list: &List, app: &App) {
    let (look, columns) = (app.setting.look, usize::from(areas.keys.width));
    let scrolled = scrolled(list, columns);
    let Some(error) = &list.error else {
        filter(frame, areas.line, list, scrolled, look);
        let up_down = look.up_down();
        let keys = [("Enter", "keep"), ("Esc", "take back"), (up_down, "move")];
        let examples = help::examples(list.subject).iter().map(|example| ("", *example));
        let hints: Vec<Hint> = keys.into_iter().chain(examples).collect();
        frame.render_widget(hints::line(&hints, &[], columns), areas.keys);
        return;
    };
    let said = match app.message {
        Some(message) => format!("{}: {message}", error.message),
        None => error.message.clone(),
    };
    let start = width(&list.line.text()[..error.at.start]).saturating_sub(scrolled);
    let lines = beside(&said, PROMPT.len() + start, columns)
        .map_or_else(|| wrap(&said, columns).into_iter().map(str::to_owned).collect(), |line| vec![line]);
    let more = u16::try_from(lines.len()).unwrap_or(1).min(areas.rows.height).saturating_sub(1);
    let top = areas.line.y - more;
    let whole = Rect { y: top, height: areas.keys.bottom() - top, ..areas.line };
    cleared(frame, whole);
    filter(frame, Rect { height: 1, ..whole }, list, scrolled, look);
    for (text, y) in lines.iter().zip(top + 1..whole.bottom()) {
        put(frame, Rect { y, height: 1, ..whole }, text, look.bad());
    }
}

/// What is wrong on one line, with a mark below its place, if it fits behind the mark or before it.
fn beside(said: &str, caret: usize, columns: usize) -> Option<String> {
    let (before, behind) = (caret.saturating_sub(1), columns.saturating_sub(caret + 2));
    if width(said) <= behind {
        Some(format!("{:caret$}^ {said}", ""))
    } else if width(said) <= before && caret < columns {
        Some(format!("{said:>before$} ^"))
    } else {
        None
    }
}

/// How many columns of the filter are left of the screen, so that the place where one types is in sight.
fn scrolled(list: &List, columns: usize) -> usize {
    let room = columns.saturating_sub(PROMPT.len() + 1);
    width(list.line.before()).saturating_sub(room)
}

fn filter(frame: &mut Frame<'_>, area: Rect, list: &List, scrolled: usize, look: Look) {
    put(frame, area, PROMPT, Look::strong());
    let prompt = u16::try_from(PROMPT.len()).unwrap_or(0);
    let place = Rect { x: area.x + prompt, width: area.width.saturating_sub(prompt), ..area };
    let scroll = (0, u16::try_from(scrolled).unwrap_or(u16::MAX));
    let line = marked(list.line.text(), list.error.as_ref(), look);
    frame.render_widget(Paragraph::new(line).scroll(scroll), place);
    let column = u16::try_from(width(list.line.before()).saturating_sub(scrolled)).unwrap_or(0);
    frame.set_cursor_position(Position::new(place.x + column.min(place.width.saturating_sub(1)), area.y));
}

/// The filter; what is wrong in it is marked, or where something is missing in it.
fn marked<'a>(text: &'a str, error: Option<&FilterError>, look: Look) -> Line<'a> {
    let Some(FilterError { at, .. }) = error else { return Line::raw(text) };
    let wrong = look.bad().patch(Look::chosen());
    let (part, rest) = match &text[at.clone()] {
        "" => (" ", text[at.end..].strip_prefix(' ').unwrap_or(&text[at.end..])),
        part => (part, &text[at.end..]),
    };
    Line::from(vec![Span::raw(&text[..at.start]), Span::styled(part, wrong), Span::raw(rest)])
}
