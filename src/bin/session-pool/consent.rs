//! Asking before something is changed.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;

use crate::commands::Result;
use crate::errors::Wrong;
use crate::output::escape;

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
        for line in about_to {
            writeln!(terminal, "{}", escape(&line))?;
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
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `1 log entry`, `2 log entries`.
pub(crate) fn log_entries(count: u64) -> String {
    format!("{count} log entr{}", if count == 1 { "y" } else { "ies" })
}
