//! `completions`: for a shell.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Result, has_no_format};
use crate::arguments::{Arguments, no_format};
use crate::context::Context;

/// Prints what a shell needs to complete the commands and options of this tool.
///
/// Example: session-pool completions bash > ~/.local/share/bash-completion/completions/session-pool
#[derive(Args)]
#[command(arg = no_format())]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        has_no_format("completions", context)?;
        let mut command = Arguments::command();
        let name = command.get_name().to_owned();
        // It takes a failing writer for a reason to panic.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, &name, &mut script);
        if self.shell == Shell::Bash {
            script = with_one_spelling(&String::from_utf8(script)?, &name).into_bytes();
        }
        Ok(out.write_all(&script)?)
    }
}

/// Of a name with a hyphen, the script for bash has two spellings, and so completes no option of any command:
/// <https://github.com/clap-rs/clap/issues/6421>.
fn with_one_spelling(script: &str, name: &str) -> String {
    script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"))
}
