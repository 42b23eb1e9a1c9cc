//! What can be asked for.

use std::path::PathBuf;

use crate::keys::{Keys, NewKeys};
use clap::{Parser, Subcommand, ValueEnum};
use session_pool::{PoolName, Reason, SessionId};

/// Looks into a session store offline: what is in it, and why its sessions were retired; backs it up and repairs it.
///
/// The store must not be open in a crawler. Cookies' values, user data and proxy passwords are masked, unless --reveal is
/// given.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// What to show.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Table, global = true)]
    pub(crate) format: Format,
    /// Keys.
    #[command(flatten)]
    pub(crate) keys: Keys,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 the disk, the engine or a damaged store failed; 2 wrong arguments; 3 no store that can be read; \
4 the store is in use; 5 no such session; 6 not everything is sound, or something is lost: the output says what.

Example: session-pool stats sessions";

/// How to show it.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading.
    Table,
    /// For programs: an array, or an object for `show`.
    Json,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Counts the sessions of each pool, by state and reason.
    ///
    /// Example: session-pool stats sessions
    Stats {
        /// The store's directory.
        store: PathBuf,
    },
    /// Lists sessions.
    ///
    /// Example: session-pool list sessions --state retired --reason blocked
    List {
        /// The store's directory.
        store: PathBuf,
        /// Those of this pool only.
        #[arg(long)]
        pool: Option<PoolName>,
        /// Those in this state only.
        #[arg(long, value_enum)]
        state: Option<StateArgument>,
        /// Those retired for this reason only.
        #[arg(long, value_enum)]
        reason: Option<ReasonArgument>,
        /// This many at most.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Shows everything of one session.
    ///
    /// Example: session-pool show sessions 01a205549d4f7057a9bb985239832f51
    Show {
        /// The store's directory.
        store: PathBuf,
        /// The session's id.
        id: SessionId,
        /// In this pool only.
        #[arg(long)]
        pool: Option<PoolName>,
        /// Show secrets: cookies' values, user data, the proxy's password.
        #[arg(long)]
        reveal: bool,
    },
    /// Shows the retirement log, oldest first.
    ///
    /// Example: session-pool retirements sessions --reason expired
    Retirements {
        /// The store's directory.
        store: PathBuf,
        /// Of this pool only.
        #[arg(long)]
        pool: Option<PoolName>,
        /// For this reason only.
        #[arg(long, value_enum)]
        reason: Option<ReasonArgument>,
        /// Behind this sequence number only.
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// This many of each pool at most.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Verifies that everything in a store and its checkpoints, or in an archive, can be read and agrees.
    ///
    /// Example: session-pool check sessions
    Check {
        /// The store's directory, or an archive.
        path: PathBuf,
    },
    /// Writes everything in a store as an archive.
    ///
    /// A crawler can do so itself while it runs; and it does, every 15 minutes, into its `checkpoints`.
    ///
    /// Example: session-pool backup sessions sessions.archive
    Backup {
        /// The store's directory.
        store: PathBuf,
        /// The archive to write; it must not be there yet.
        file: PathBuf,
    },
    /// Makes a new store of an archive.
    ///
    /// Example: session-pool restore sessions.archive sessions
    Restore {
        /// The archive.
        file: PathBuf,
        /// The new store's directory; it must not be there yet, or be empty.
        store: PathBuf,
        /// Restore what can be read of an archive that is damaged or cut short.
        #[arg(long)]
        damaged: bool,
        /// Keys.
        #[command(flatten)]
        new_keys: NewKeys,
    },
    /// Makes a new store of what can be read of a damaged one and its checkpoints. The damaged one is not touched.
    ///
    /// Example: session-pool repair sessions && mv sessions sessions.damaged && mv sessions.repaired sessions
    Repair {
        /// The damaged store's directory.
        store: PathBuf,
        /// The new store's directory. Default: the damaged one's name with `.repaired` behind it.
        #[arg(long)]
        into: Option<PathBuf>,
        /// Another archive to take from, besides the checkpoints in the store. Can be given several times.
        #[arg(long)]
        archive: Vec<PathBuf>,
        /// Keys.
        #[command(flatten)]
        new_keys: NewKeys,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateArgument {
    Live,
    Retired,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReasonArgument {
    Blocked,
    Exhausted,
    Expired,
    Retired,
}

impl From<ReasonArgument> for Reason {
    fn from(reason: ReasonArgument) -> Self {
        match reason {
            ReasonArgument::Blocked => Self::Blocked,
            ReasonArgument::Exhausted => Self::Exhausted,
            ReasonArgument::Expired => Self::Expired,
            ReasonArgument::Retired => Self::Retired,
        }
    }
}
