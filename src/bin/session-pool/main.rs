//! The command-line tool: what is in a store, offline. Arguments, a call of the library, a writer.

#![allow(clippy::doc_markdown, reason = "clap shows the documentation of arguments as it is")]

mod arguments;
#[cfg(feature = "browse")]
mod browse;
mod choices;
mod commands;
mod consent;
mod context;
mod counting;
mod cure;
mod errors;
mod exit_code;
mod filters;
mod given_id;
mod keys;
mod listed;
mod moment;
mod notes;
mod output;
mod progress;
mod report;
mod shown;
mod source;
mod stats;
mod target;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments::Arguments { command, global } = arguments::Arguments::parse();
    let context = context::Context::new(global);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let done = commands::run(command, &context, &mut out);
    // What was found is shown whatever came after it.
    let flushed = out.flush();
    let done = done.and_then(|()| Ok(flushed?));
    match done {
        Ok(()) => exit_code::SUCCESS.into(),
        // Whoever reads has read enough.
        Err(error) if exit_code::is_closed_pipe(&*error) => exit_code::SUCCESS.into(),
        Err(error) => {
            context::note(&(errors::told(&*error) + &cure::of(&*error, &context.keys)));
            exit_code::of(&*error).into()
        }
    }
}
