//! An overview on a terminal.
//!
//! All pools together come first, then a line for each, then what happened over time, and how the live sessions are.

mod axis;
mod bars;
mod panels;
mod pools;
mod text;
mod totals;

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use session_pool::inspect::Overview;
use session_pool::{Reason, Timestamp};

use crate::context::Context;
use crate::output::{Zone, escape, relative, shorten, style};
use bars::Glyphs;
use text::{Line, flow};

/// How wide it is where there is no terminal, and no wider than this where there is one.
const WIDTH: usize = 80;
const MAX_WIDTH: usize = 160;
/// Narrower than this, lines are broken by the terminal.
const MIN_WIDTH: usize = 40;
/// Narrower than this, less is said of retirements, and what goes on below a count is less indented.
const NARROW: usize = 48;

/// The label and the count that stand before a bar, with their blanks.
const LABEL: usize = 10;
const COUNT: usize = 10;

/// The reasons, what went wrong before what ends by itself: how each is called, as everywhere, and how it looks.
const REASONS: [(Reason, &str, Style); 4] = [
    (Reason::Blocked, "blocked", style::BAD),
    (Reason::Retired, "retired", AnsiColor::Magenta.on_default()),
    (Reason::Exhausted, "exhausted", AnsiColor::Cyan.on_default()),
    (Reason::Expired, "expired", style::WARN),
];

const READY: Style = style::GOOD;
const RESTING: Style = AnsiColor::Blue.on_default();
const UNUSABLE: Style = style::FAINT;

/// An overview on a terminal.
pub(crate) struct Screen<'a> {
    /// What is looked into.
    title: &'a str,
    /// When it was written, if it is an archive.
    archived_at: Option<Timestamp>,
    overview: &'a Overview,
    zone: Zone,
    width: usize,
    has_colours: bool,
    glyphs: Glyphs,
}

impl<'a> Screen<'a> {
    /// `is_ascii`: no block characters, whatever the locale says.
    pub(crate) fn new(
        title: &'a str,
        archived_at: Option<Timestamp>,
        overview: &'a Overview,
        is_ascii: bool,
        context: &Context,
    ) -> Self {
        let width = context.width.unwrap_or(WIDTH).clamp(MIN_WIDTH, MAX_WIDTH);
        Self {
            title,
            archived_at,
            overview,
            zone: context.zone,
            width,
            has_colours: context.has_colours,
            glyphs: Glyphs::new(is_ascii),
        }
    }

    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for line in self.lines() {
            out.write_all(line.render(self.has_colours).as_bytes())?;
        }
        Ok(())
    }

    fn lines(&self) -> Vec<Line> {
        let Overview { at, retired_since, total, pools, .. } = self.overview;
        let pools_text = match pools.as_slice() {
            [] => "no pools".to_owned(),
            [pool] => format!("pool {}", escape(pool.pool.as_str())),
            pools => format!("{} pools", text::grouped(pools.len() as u64)),
        };
        let title = Line::new().then(shorten(&escape(self.title), self.width), style::HEAD);
        let room = self.width.saturating_sub(2);
        let archived = self.archived_at.map(|written| format!(", as archived {}", relative(written, *at)));
        let about = format!("{pools_text}, at {}{}", self.zone.format(*at), archived.unwrap_or_default());
        let about = Line::new().faint(shorten(&about, room));
        let since = retired_since.map(|since| format!("retired since {}", self.zone.format(since)));
        let since = since.map(|since| Line::new().faint(shorten(&since, self.width)));
        let mut lines = flow([title, about].into_iter().chain(since), self.width, 2);
        lines.push(Line::new());
        lines.extend(self.totals(total));
        if pools.len() > 1 {
            lines.push(Line::new());
            lines.extend(self.pools());
        }
        lines.extend(self.over_time(total));
        lines.extend(self.ends(total));
        lines.extend(self.panels(total));
        lines
    }

    /// Where that begins which goes on below a count.
    fn indent(&self) -> usize {
        if self.width < NARROW { LABEL } else { LABEL + COUNT }
    }

    /// A head with a blank line before it, and with more behind it where there is room.
    fn section(&self, head: &str, more: &str) -> [Line; 2] {
        let line = Line::new().then(head, style::HEAD);
        let whole = line.clone().faint(format!("  {more}"));
        [Line::new(), if whole.width() <= self.width { whole } else { line }]
    }
}

/// A label and a count, right before a bar.
fn counted(label: &str, count: u64, style: Style) -> Line {
    let count = text::grouped(count);
    let line = Line::new().then(label, style).to(LABEL);
    let blanks = (COUNT - 1).saturating_sub(count.len());
    line.plain(" ".repeat(blanks)).plain(count).plain(" ")
}

#[cfg(test)]
mod tests;
