//! What the soak can be told.

use std::path::PathBuf;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Lets pools work, and tells whether they stay as large and as fast as they were.

  --minutes N    for how long, from 0.1 (default 30)
  --every N      seconds from one line of figures to the next, from 1 (default 60)
  --rate N       outcomes a second, from 1000 to 10000000; less where the machine does not make it (default 20000)
  --threads N    how many threads use sessions, from 1 to 64 (default 4)
  --state DIR    a new directory for the store, which is kept (default: a temporary one, which is not)
  --help         this text";

pub(crate) struct Options {
    pub(crate) duration: Duration,
    pub(crate) every: Duration,
    /// Outcomes a second, of all threads together.
    pub(crate) rate: u32,
    pub(crate) threads: u32,
    pub(crate) state: PathBuf,
    pub(crate) keeps_state: bool,
}

impl Options {
    /// `None` where help is asked for.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            duration: Duration::from_secs(30 * 60),
            every: Duration::from_secs(60),
            rate: 20_000,
            threads: 4,
            state: std::env::temp_dir().join(format!("session-pool-soak-{}", std::process::id())),
            keeps_state: false,
        };
        while let Some(argument) = arguments.next() {
            if argument == "--help" {
                return Ok(None);
            }
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a value; see --help"))?;
            let number = |from: f64, to: f64| match value.parse::<f64>() {
                Ok(number) if (from..=to).contains(&number) => Ok(number),
                _ => Err(format!("{argument} is {value}: must be a number from {from} to {to}")),
            };
            let whole = |from: u32, to: u32| match value.parse::<u32>() {
                Ok(number) if (from..=to).contains(&number) => Ok(number),
                _ => Err(format!("{argument} is {value}: must be a whole number from {from} to {to}")),
            };
            match argument.as_str() {
                "--minutes" => options.duration = Duration::from_secs_f64(number(0.1, 1e6)? * 60.0),
                "--every" => options.every = Duration::from_secs_f64(number(1.0, 1e6)?),
                "--rate" => options.rate = whole(1000, 10_000_000)?,
                "--threads" => options.threads = whole(1, 64)?,
                "--state" => (options.state, options.keeps_state) = (PathBuf::from(value), true),
                _ => return Err(format!("there is no option {argument}; see --help")),
            }
        }
        Ok(Some(options))
    }

    /// How long things last that are to be over many times before the middle of the run: a share of it, of a minute at most.
    pub(crate) fn share(&self, parts: u32) -> Duration {
        (self.duration / parts).clamp(Duration::from_secs(1), Duration::from_secs(60))
    }
}
