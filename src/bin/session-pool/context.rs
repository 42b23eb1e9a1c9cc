//! What every command needs to know besides its arguments.

use std::io::{self, IsTerminal, Write};
use std::time::SystemTime;

use anstyle::Style;
use session_pool::Timestamp;
use terminal_size::{Height, Width, terminal_size_of};

use crate::arguments::{Global, When};
use crate::keys::Keys;
use crate::output::{Format, Zone};

/// What every command needs to know besides its arguments.
pub(crate) struct Context {
    pub(crate) format: Format,
    pub(crate) keys: Keys,
    /// Whether what goes to stdout may have colours.
    pub(crate) has_colours: bool,
    /// Whether stdout is a terminal.
    pub(crate) is_terminal: bool,
    /// How many columns there are: as many as COLUMNS says, or the terminal has that stdout is; `None` where neither says.
    pub(crate) width: Option<usize>,
    /// Which times people are shown.
    pub(crate) zone: Zone,
    /// When the command was started.
    pub(crate) now: Timestamp,
}

impl Context {
    pub(crate) fn new(global: Global) -> Self {
        let Global { format, color, utc, keys } = global;
        let stdout = io::stdout();
        let has_colours = match color {
            When::Always => true,
            When::Never => false,
            // Asks the terminal, and NO_COLOR, CLICOLOR, CLICOLOR_FORCE.
            When::Auto => anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never,
        };
        let is_terminal = stdout.is_terminal();
        Self {
            format,
            keys,
            has_colours,
            is_terminal,
            width: width_of(|| terminal_size_of(&stdout)),
            zone: if utc { Zone::Utc } else { Zone::Local },
            now: chrono::DateTime::from(SystemTime::now()).into(),
        }
    }

    /// The same with other keys.
    pub(crate) fn with_keys(&self, keys: Keys) -> Self {
        Self { keys, ..*self }
    }

    /// Whether people look at a table on a terminal.
    pub(crate) fn takes_hints(&self) -> bool {
        self.format == Format::Table && self.is_terminal && io::stderr().is_terminal()
    }

    /// Says something about a table on stderr, where people look at it.
    pub(crate) fn hint(&self, text: &str) {
        if self.takes_hints() {
            note(text);
        }
    }

    /// The text in a style, where colours are shown.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if self.has_colours && style != Style::new() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// How many columns there are: as many as COLUMNS says, or the terminal has; `None` where neither says.
pub(crate) fn width_of(terminal: impl FnOnce() -> Option<(Width, Height)>) -> Option<usize> {
    let of_terminal = || terminal().map(|(width, _)| usize::from(width.0));
    said_width(std::env::var("COLUMNS").ok().as_deref()).or_else(of_terminal)
}

/// What COLUMNS says, where it says anything: as in other tools, it holds in a pipe too.
fn said_width(columns: Option<&str>) -> Option<usize> {
    columns?.trim().parse().ok().filter(|columns| *columns > 0)
}

/// Says something on stderr, where nobody takes it for output.
pub(crate) fn note(text: &str) {
    // Where stderr is closed, there is nobody to tell.
    let _ = writeln!(io::stderr(), "session-pool: {}", crate::output::escape(text));
}
