//! `browse`: the terminal interface.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use session_pool::inspect::Opened;

use super::{Result, has_no_format};
use crate::arguments::no_format;
use crate::browse;
use crate::context::Context;
use crate::errors::Wrong;
use crate::output::relative;
use crate::source::Source;

/// Shows a store in the terminal: pools, sessions, retirements over time; to look around in, filter and sort.
///
/// Keys: arrows and Enter go in, Esc goes back, / filters, s sorts, ? shows all of them, q quits. Secrets are masked until r is
/// pressed. It needs 40 columns and 8 lines; no mouse, it works over ssh, and without colours.
///
/// Example: session-pool browse sessions
#[derive(Args)]
#[command(arg = no_format())]
pub(crate) struct Browse {
    #[command(flatten)]
    source: Source,
}

impl Browse {
    pub(crate) fn run(self, context: &Context, _out: &mut dyn Write) -> Result {
        let Self { source } = self;
        has_no_format("browse", context)?;
        let is_dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
        if !io::stdout().is_terminal() || is_dumb {
            let why = if is_dumb { "TERM is dumb" } else { "stdout is none" };
            let text = format!("browse needs a terminal, and {why}: list, show and retirements do not");
            return Err(Wrong(text).into());
        }
        let store = source.open(context)?;
        let path = source.path.display();
        let title = match &store {
            Opened::Archive(archive) => {
                format!("{path}, {}", relative(archive.header().created_at, context.now))
            }
            _ => path.to_string(),
        };
        browse::run(&*store, &title, context)
    }
}
