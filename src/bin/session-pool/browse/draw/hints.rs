//! Which keys there are in a view.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::app::{App, List, View};
use super::super::look::Look;
use crate::output::width;

/// A key, and what it does; or no key, and an example.
pub(super) type Hint = (&'static str, &'static str);

/// What stands between two of them.
const GAP: usize = 2;

/// How wide it is.
fn taken((keys, what): &Hint) -> usize {
    width(keys) + usize::from(!keys.is_empty()) + width(what)
}

/// As many of them as there is room for, and of each all; `last` are there in any case.
pub(super) fn line(hints: &[Hint], last: &[Hint], columns: usize) -> Line<'static> {
    let mut room = columns.saturating_sub(last.iter().map(|hint| taken(hint) + GAP).sum::<usize>());
    let fitting = hints.iter().take_while(|hint| {
        let fits = taken(hint) <= room;
        room = room.saturating_sub(taken(hint) + GAP);
        fits
    });
    let mut spans = Vec::new();
    for (keys, what) in fitting.chain(last) {
        if !spans.is_empty() {
            spans.push(Span::raw(" ".repeat(GAP)));
        }
        if !keys.is_empty() {
            spans.push(Span::styled(format!("{keys} "), Look::strong()));
        }
        spans.push(Span::styled(*what, Look::quiet()));
    }
    Line::from(spans)
}

/// The keys of the view; those that matter most come first.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let up_down = app.setting.look.up_down();
    // What Esc does first.
    let escape = if app.list().is_some_and(List::has_text) { "no filter" } else { "back" };
    let hints: &[Hint] = match app.view {
        View::Pools if app.pools.has_text() => {
            &[("Enter", "sessions"), ("/", "filter"), ("Esc", escape), ("s S", "sort"), (up_down, "move")]
        }
        View::Pools => &[
            ("Enter", "sessions"),
            ("/", "filter"),
            ("2", "all sessions"),
            ("s S", "sort"),
            (up_down, "move"),
        ],
        View::Sessions | View::Log => &[
            ("Enter", "open"),
            ("/", "filter"),
            ("Esc", escape),
            ("s S", "sort"),
            ("y", "id"),
            (up_down, "move"),
        ],
        View::Session => {
            &[("Esc", "back"), ("r", "secrets"), ("y", "id"), (up_down, "scroll"), ("Left Right", "others")]
        }
    };
    frame.render_widget(line(hints, &[("?", "help"), ("q", "quit")], area.width.into()), area);
}
