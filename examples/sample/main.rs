//! Makes a store in which a lot has happened, to try the tool on.
//!
//! ```text
//! cargo run --release --example sample -- /tmp/sample
//! cargo run --release --features cli --bin session-pool -- stats /tmp/sample
//! ```
//!
//! Eight sites were crawled for four days, up to now: by day more than by night. One of them banned whoever came for a few
//! hours of a night, one limits rates, one has accounts that last, one was given up yesterday. One proxy is worse than the
//! others.

mod history;
mod sites;

use std::fs;
use std::process::ExitCode;
use std::time::SystemTime;

use session_pool::{BoxError, SessionStore};

fn main() -> Result<ExitCode, BoxError> {
    let mut arguments = std::env::args().skip(1);
    let Some(path) = arguments.next() else {
        eprintln!(
            "Usage: sample DIRECTORY [COPIES]: the directory is to be new; of each site so many, one if not given"
        );
        return Ok(ExitCode::from(2));
    };
    let copies: usize = arguments.next().map_or(Ok(1), |copies| copies.parse())?;
    // To open a store changes its files: one that is there is not opened.
    if fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(format!("there is something in {path} already: the directory is to be new").into());
    }
    let store = SessionStore::builder().checkpoints(None).open(&path)?;
    history::write(&store, &sites::sites(copies), sites::FOUR_DAYS, SystemTime::now().into())?;
    Ok(ExitCode::SUCCESS)
}
