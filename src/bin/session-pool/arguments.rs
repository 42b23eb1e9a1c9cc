//! What every command takes, and which commands there are.

use std::sync::LazyLock;

use clap::{Arg, Args, Parser, ValueEnum, value_parser};

use crate::commands::Command;
use crate::keys::Keys;
use crate::output::Format;

/// The version of the tool, and that of the stores that it writes.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!("{} (schema version {})", env!("CARGO_PKG_VERSION"), session_pool::schema_version())
});

/// Looks into a session store offline: what is in it, and why its sessions were retired; backs it up and repairs it.
///
/// Cookies' values, user data, proxy passwords, and what of a fingerprint is secret by its name (`auth`, `cookie`, `token`,
/// `secret`, `key` or `session` in it) are masked, unless --reveal is given; but `export` writes them in clear, unless --mask
/// is given.
#[derive(Parser)]
#[command(version = VERSION.as_str(), after_help = crate::exit_code::HELP, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// What can be given to every command.
#[derive(Args)]
pub(crate) struct Global {
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Table, global = true)]
    pub(crate) format: Format,
    /// When to use colours; `auto`: on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, default_value_t = When::Auto, value_name = "WHEN", global = true)]
    pub(crate) color: When,
    /// Show times in UTC, and take dates without a zone as UTC; local time otherwise. JSON and CSV are in UTC always.
    #[arg(long, global = true)]
    pub(crate) utc: bool,
    #[command(flatten)]
    pub(crate) keys: Keys,
}

/// `--format` of a command for which it means nothing: it is refused, and so it is not offered.
pub(crate) fn no_format() -> Arg {
    Arg::new("format").long("format").value_parser(value_parser!(Format)).default_value("table").hide(true)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}
