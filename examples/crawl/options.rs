//! What the crawl can be told.

use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Crawls a hostile site on loopback to its last page; killed and started again, it goes on where it was.

  --site DIR     serve the HTML files below this directory instead of pages made up
  --pages N      how many pages to make up (default 400)
  --state DIR    where sessions and progress are kept (default crawl-state)
  --workers N    how many tasks fetch (default 8)
  --sessions N   how many sessions there are at most (default 12)
  --trace FILE   append the id of the session of each request to this file
  --help         this text";

pub(crate) struct Options {
    pub(crate) site: Option<PathBuf>,
    pub(crate) pages: usize,
    pub(crate) state: PathBuf,
    pub(crate) workers: usize,
    pub(crate) sessions: usize,
    pub(crate) trace: Option<PathBuf>,
}

impl Options {
    /// `None` where help is asked for.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            site: None,
            pages: 400,
            state: PathBuf::from("crawl-state"),
            workers: 8,
            sessions: 12,
            trace: None,
        };
        while let Some(argument) = arguments.next() {
            if argument == "--help" {
                return Ok(None);
            }
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a value; see --help"))?;
            let number = || match value.parse::<usize>() {
                Ok(number @ 1..=1_000_000) => Ok(number),
                _ => Err(format!("{argument} is {value}: must be a number from 1 to 1000000")),
            };
            match argument.as_str() {
                "--site" => options.site = Some(PathBuf::from(value)),
                "--pages" => options.pages = number()?,
                "--state" => options.state = PathBuf::from(value),
                "--workers" => options.workers = number()?.min(256),
                "--sessions" => options.sessions = number()?,
                "--trace" => options.trace = Some(PathBuf::from(value)),
                _ => return Err(format!("there is no option {argument}; see --help")),
            }
        }
        Ok(Some(options))
    }
}
