//! What the keys do, in the view that one is in: only what works there is told.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::app::View;
use super::filter::Subject;
use super::look::Look;
use super::text::wrap;
use crate::output::width;

const ALL: &[View] = &View::ALL;
const LISTS: &[View] = &[View::Pools, View::Sessions, View::Log];
const ROWS: &[View] = &[View::Sessions, View::Log];
const POOLS: &[View] = &[View::Pools];
const SESSIONS: &[View] = &[View::Sessions];
const SESSION: &[View] = &[View::Session];
const LOG: &[View] = &[View::Log];

/// Where it works, the keys, and what they do.
const KEYS: &[(&[View], &str, &str)] = &[
    (ALL, "1 2 3 4  Tab", "pools, sessions, one session, retirements"),
    (POOLS, "Enter", "the sessions of the pool"),
    (ROWS, "Enter", "everything of the session"),
    (LISTS, "Esc", "take the filter away, or go back"),
    (SESSION, "Esc", "go back to the list"),
    (ALL, "Up Down  j k", "one line; PgUp PgDn one screen; Home End, g G to the ends"),
    (SESSION, "Left Right  h l", "the session before it in the list, the next one"),
    (LISTS, "s  S", "sort by the next column; the other way round"),
    (SESSION, "r", "show secrets, or mask them again"),
    (&[View::Sessions, View::Session, View::Log], "y", "the whole id, alone on its line, to be copied"),
    (ALL, "q  Ctrl-C", "quit; until then no crawler can open the store"),
    (LISTS, "", ""),
    (LISTS, "/", "filter as you type: Enter keeps it, Esc takes it back"),
    (POOLS, "  shop", "that text in the name; pool:shop is the same"),
    (POOLS, "  !shop", "not in the name"),
    (POOLS, "  \"a b\"", "quotes around what has blanks or colons in it"),
    (ROWS, "  shop", "that text in the id or in the pool's name"),
    (ROWS, "  pool:shop", "in the pool's name; id:0a1 in the id"),
    (SESSIONS, "  state:live", "also ready, resting, retired; expired: too old, not retired yet"),
    (ROWS, "  reason:blocked", "also exhausted, expired, retired"),
    (ROWS, "  uses>10", "also < <= >= and uses:10; so errors>2, score>=1.5"),
    (SESSIONS, "  expires<30m", "live, and expires between now and then: s m h d w"),
    (SESSIONS, "  age>2d", "created longer ago than that"),
    (LOG, "  age>2d", "was older than that when it was retired: s m h d w"),
    (SESSIONS, "  used<1h", "used within that time; retired<2h retired within it"),
    (LOG, "  retired<2h", "retired within that time"),
    (ROWS, "  !reason:expired", "what is not so; several terms must all hold"),
    (ROWS, "  \"host:8080\"", "quotes around what has blanks or colons in it"),
    (ALL, "", ""),
    (ALL, "", "Times are told as of when this was started."),
];

/// What there is room for while a filter is typed: examples for rows of that kind.
pub(super) fn examples(subject: Subject) -> &'static [&'static str] {
    match subject {
        Subject::Pools => &["shop", "!shop"],
        Subject::Sessions => &["state:live", "uses>10", "expires<30m", "!pool:shop"],
        Subject::Log => &["reason:blocked", "retired<2h", "!pool:shop"],
    }
}

/// How wide the keys are where what they do stands beside them.
const BESIDE: usize = 20;
/// From so many columns on there is room for that.
const WIDE: usize = 60;
/// How far it is indented where it stands below them.
const BELOW: usize = 4;

/// The lines of the help, of so many columns at most.
pub(super) fn lines(view: View, columns: usize) -> Vec<Line<'static>> {
    let told = KEYS.iter().filter(|(views, ..)| views.contains(&view));
    told.flat_map(
        |(_, keys, what)| {
            if columns < WIDE { below(keys, what, columns) } else { beside(keys, what, columns) }
        },
    )
    .collect()
}

fn beside(keys: &'static str, what: &'static str, columns: usize) -> Vec<Line<'static>> {
    // What belongs to no key has the whole width.
    let indent = if keys.is_empty() { 0 } else { BESIDE };
    let pieces = wrap(what, columns.saturating_sub(indent));
    let heads = std::iter::once(keys).chain(std::iter::repeat(""));
    heads
        .zip(pieces)
        .map(|(keys, piece)| {
            Line::from(vec![Span::styled(format!("{keys:indent$}"), Look::strong()), Span::raw(piece)])
        })
        .collect()
}

fn below(keys: &'static str, what: &'static str, columns: usize) -> Vec<Line<'static>> {
    let margin = keys.len() - keys.trim_start().len();
    let indent = if keys.is_empty() { 0 } else { BELOW + margin };
    // What is short stands behind its keys.
    if !keys.is_empty() && width(keys) + 2 + width(what) <= columns {
        return vec![Line::from(vec![Span::styled(keys, Look::strong()), Span::raw("  "), Span::raw(what)])];
    }
    let head = (!keys.is_empty()).then(|| Line::styled(keys, Look::strong()));
    let text = wrap(what, columns.saturating_sub(indent)).into_iter();
    let text =
        text.map(|piece| Line::from(vec![Span::raw(" ".repeat(indent)), Span::styled(piece, Style::new())]));
    head.into_iter().chain(text).collect()
}
