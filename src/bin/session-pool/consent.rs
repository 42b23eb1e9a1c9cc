//! Asking before something is changed.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;

use crate::commands::Result;
use crate::context::width_of;
use crate::errors::Wrong;
use crate::output::{escape, grouped, wrap};

/// How much further to the right a line goes on.
const INDENT: usize = 2;

/// How whoever runs the command agrees to what it changes.
#[derive(Args)]
pub(crate) struct Consent {
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

/// Whoever was asked said no. Nothing was changed.
#[derive(Debug)]
pub(crate) struct Declined;

impl std::fmt::Display for Declined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nothing was changed")
    }
}

impl std::error::Error for Declined {}

impl Consent {
    /// Whether anybody can agree at all: told before any work is done, or anything is read from stdin.
    ///
    /// # Errors
    ///
    /// [`Wrong`] where there is neither a terminal nor `--yes`.
    pub(crate) fn can_be_had(&self) -> Result {
        if self.yes || (io::stdin().is_terminal() && io::stderr().is_terminal()) {
            Ok(())
        } else {
            let rule = "it changes something, and there is no terminal to ask on: --yes is needed";
            Err(Wrong(rule.to_owned()).into())
        }
    }

    /// Shows what is about to be changed, line by line, and asks. Nothing is looked up or shown where the answer is known.
    ///
    /// # Errors
    ///
    /// Those of [`Consent::can_be_had`]; [`Declined`]; those of `about_to`.
    pub(crate) fn ask(&self, about_to: impl FnOnce() -> Result<Vec<String>>) -> Result {
        self.can_be_had()?;
        if self.yes {
            return Ok(());
        }
        let about_to = about_to()?;
        let mut terminal = io::stderr().lock();
        let columns = width_of(|| terminal_size::terminal_size_of(io::stderr())).unwrap_or(usize::MAX);
        for line in about_to.iter().flat_map(|line| broken(&escape(line), columns)) {
            writeln!(terminal, "{line}")?;
        }
        write!(terminal, "Go on? [y/N] ")?;
        terminal.flush()?;
        drop(terminal);
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            Ok(())
        } else {
            Err(Declined.into())
        }
    }
}

/// The first of some lines, and how many more there are.
pub(crate) fn first_of(lines: impl ExactSizeIterator<Item = String>, most: usize) -> Vec<String> {
    let more = lines.len().saturating_sub(most);
    let mut first: Vec<String> = lines.take(most).collect();
    if more > 0 {
        first.push(format!("    and {more} more"));
    }
    first
}

/// `1 session`, `2 sessions`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A line of what is asked in lines that there is room for, those that it goes on in further to the right.
fn broken(line: &str, columns: usize) -> Vec<String> {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    // In the last column, some terminals begin a new line.
    let room = columns.saturating_sub(indent + INDENT + 1);
    let lines = wrap(text, room).into_iter().enumerate();
    lines
        .map(|(at, text)| {
            let indent = indent + if at > 0 { INDENT } else { 0 };
            format!("{:indent$}{}", "", text.trim_end())
        })
        .collect()
}

/// `1 log entry`, `2 log entries`.
pub(crate) fn log_entries(count: u64) -> String {
    format!("{} log entr{}", grouped(count), if count == 1 { "y" } else { "ies" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_broken_between_words_and_goes_on_further_to_the_right() {
        assert_eq!(broken("one two", 80), ["one two"]);
        assert_eq!(broken("    one two three", 18), ["    one two", "      three"]);
        assert_eq!(broken("", 18), [""]);
    }

    #[test]
    fn thousands_are_told_apart_in_what_is_counted() {
        assert_eq!(counted(1, "use"), "1 use");
        assert_eq!(counted(12_345, "session"), "12,345 sessions");
    }
}
