//! `completions`: for a shell.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Result;
use crate::arguments::Arguments;

/// Prints what a shell needs to complete the commands and options of this tool.
///
/// Example: session-pool completions bash > ~/.local/share/bash-completion/completions/session-pool
#[derive(Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result {
        let mut command = Arguments::command();
        let name = command.get_name().to_owned();
        // It takes a failing writer for a reason to panic.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        Ok(out.write_all(&script)?)
    }
}
