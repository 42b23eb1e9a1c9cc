//! The lines of figures, and what the verdict is about.

use std::path::Path;
use std::time::Instant;

use session_pool::{BoxError, PoolStats, RetiredCounts};

use crate::disk;
use crate::pools::Pools;
use crate::probe::{self, Waits};

/// What stands above the lines.
pub(crate) fn heading() -> String {
    let group = |what: &str, width: usize| format!(" {what:->width$}");
    format!(
        "{:25}{}{}{}{}\n{}",
        "",
        group(" retired since the last line", 35),
        group(" MiB", 17),
        group(" ms: median / 99 % / longest", 47),
        " - events",
        row(
            "time",
            "live",
            "uses/s",
            ["blocked", "used up", "expired", "banned"],
            ["memory", "disk"],
            ["flush", "retire to event"],
            "missed"
        )
    )
}

fn row(
    time: &str,
    live: &str,
    uses: &str,
    retired: [&str; 4],
    taken: [&str; 2],
    waits: [&str; 2],
    missed: &str,
) -> String {
    let [blocked, exhausted, expired, banned] = retired;
    let ([memory, disk], [commits, events]) = (taken, waits);
    format!(
        "{time:>8} {live:>8} {uses:>7} {blocked:>8} {exhausted:>8} {expired:>8} {banned:>8} {memory:>8} {disk:>8} {commits:>23} {events:>23} {missed:>8}"
    )
}

/// What there is at a moment.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// Bytes in memory; `None` where the system does not tell.
    pub(crate) memory: Option<u64>,
    /// Bytes on disk, checkpoints included.
    pub(crate) disk: u64,
}

pub(crate) struct Figures<'a> {
    pools: &'a Pools,
    waits: &'a Waits,
    directory: &'a Path,
    pub(crate) samples: Vec<Sample>,
    began: Instant,
    last_line: (Instant, Totals),
}

/// Sums of all pools.
#[derive(Default, Clone, Copy)]
struct Totals {
    live: usize,
    outcomes: u64,
    retired: RetiredCounts,
    missed_events: u64,
}

impl<'a> Figures<'a> {
    pub(crate) fn new(pools: &'a Pools, waits: &'a Waits, directory: &'a Path) -> Self {
        let now = Instant::now();
        Self { pools, waits, directory, samples: Vec::new(), began: now, last_line: (now, Totals::default()) }
    }

    /// Looks at memory and disk.
    pub(crate) fn sample(&mut self) -> Result<(), BoxError> {
        let sample = Sample { memory: disk::resident(), disk: disk::size(self.directory)? };
        self.samples.push(sample);
        Ok(())
    }

    /// The line of what has happened since the last one.
    pub(crate) fn line(&mut self) -> String {
        let (now, totals) = (Instant::now(), Totals::of(self.pools));
        let (then, before) = std::mem::replace(&mut self.last_line, (now, totals));
        let outcomes = (totals.outcomes - before.outcomes) as f64 / (now - then).as_secs_f64();
        let (retired, before) = (totals.retired, before.retired);
        let sample = self.samples.last();
        let memory = sample.and_then(|sample| sample.memory).map_or("-".to_owned(), mebibytes);
        let disk = sample.map_or("-".to_owned(), |sample| mebibytes(sample.disk));
        let [blocked, exhausted, expired, banned] = [
            retired.blocked - before.blocked,
            retired.exhausted - before.exhausted,
            retired.expired - before.expired,
            retired.retired - before.retired,
        ]
        .map(|count| count.to_string());
        row(
            &format!("{} s", self.began.elapsed().as_secs()),
            &totals.live.to_string(),
            &format!("{outcomes:.0}"),
            [&blocked, &exhausted, &expired, &banned],
            [&memory, &disk],
            [&probe::take(&self.waits.commits), &probe::take(&self.waits.events)],
            &totals.missed_events.to_string(),
        )
    }
}

impl Totals {
    fn of(pools: &Pools) -> Self {
        pools.all().iter().fold(Self::default(), |totals, pool| {
            let PoolStats { live, reclaimed, failed, rested, released, retired, missed_events, .. } =
                pool.stats();
            let mut sums = totals;
            sums.live += live;
            sums.outcomes += reclaimed + failed + rested + released + retired.retired;
            sums.retired.blocked += retired.blocked;
            sums.retired.exhausted += retired.exhausted;
            sums.retired.expired += retired.expired;
            sums.retired.retired += retired.retired;
            sums.missed_events += missed_events;
            sums
        })
    }
}

pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}
