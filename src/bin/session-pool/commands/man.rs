//! `man`: the manual.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_mangen::Man as Page;

use super::{Result, has_no_format};
use crate::arguments::{Arguments, no_format};
use crate::context::Context;
use crate::errors::{Wrong, plain};
use crate::target::is_file_or_nothing;

/// Prints a page of the manual, or writes all of them.
///
/// Example: session-pool man | man -l -
#[derive(Args)]
#[command(arg = no_format())]
pub(crate) struct Man {
    /// The command that the page is about. Default: the tool as a whole.
    #[arg(conflicts_with = "dir")]
    command: Option<String>,
    /// Write all pages into this directory, instead: `session-pool.1`, `session-pool-list.1` and so on. Pages that are
    /// there are replaced; what is no file is left, and none is written.
    #[arg(long)]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        has_no_format("man", context)?;
        let Self { command, dir } = self;
        let mut pages = pages();
        if let Some(dir) = dir {
            let cannot = |operation, path: &Path, error: std::io::Error| {
                format!("cannot {operation} {}: {}", path.display(), plain(&error))
            };
            fs::create_dir_all(&dir).map_err(|error| cannot("create the directory", &dir, error))?;
            let file = |name: &str| dir.join(format!("{name}.1"));
            // Before any is written.
            pages.iter().try_for_each(|(name, _)| is_file_or_nothing(&file(name)))?;
            for (name, page) in pages {
                let file = file(&name);
                fs::write(&file, page?).map_err(|error| cannot("write", &file, error))?;
            }
            return Ok(());
        }
        let wanted = command.as_ref().map_or(ROOT.to_owned(), |command| format!("{ROOT}-{command}"));
        match pages.iter().position(|(name, _)| *name == wanted) {
            Some(at) => Ok(out.write_all(&pages.swap_remove(at).1?)?),
            None => Err(Wrong(format!(
                "there is no command {:?}: --help lists them",
                command.unwrap_or_default()
            ))
            .into()),
        }
    }
}

const ROOT: &str = "session-pool";

/// The pages, by name: that of the tool, and one for each command.
fn pages() -> Vec<(String, std::io::Result<Vec<u8>>)> {
    let mut root = Arguments::command();
    root.build();
    let mut pages = vec![(ROOT.to_owned(), render(root.clone()))];
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        pages.push((format!("{ROOT}-{}", command.get_name()), render(command.clone())));
    }
    pages
}

fn render(command: clap::Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Page::new(command).render(&mut page)?;
    Ok(page)
}
