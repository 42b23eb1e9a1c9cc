//! Whether all is as it should be after the run.

use std::fmt;
use std::time::Duration;

use session_pool::{BoxError, SledStoreOptions, inspect};

use crate::figures::{Sample, mebibytes};
use crate::listener::Account;
use crate::options::Options;
use crate::pools::Pools;

/// How much more there may be in the last third of the run than in the middle one: a share of that, and so many bytes.
/// The engine's log grows and shrinks by whole segments, and a checkpoint takes memory while it is written.
const MEMORY: (f64, u64) = (0.10, 8 << 20);
const DISK: (f64, u64) = (0.15, 16 << 20);
/// It takes a while until the engine's cache is full, and until what it rewrites of its log is as much as what it writes.
const WARM_UP: Duration = Duration::from_secs(60);
/// How many bytes more there may be where the first third of the run did not last as long as that.
const COLD: u64 = 64 << 20;

#[derive(Default)]
pub(crate) struct Verdict {
    /// What was found.
    told: Vec<String>,
    /// What is not as it should be.
    wrong: Vec<String>,
}

/// Compares, closes the store, and checks it.
pub(crate) fn reach(
    pools: Pools,
    samples: &[Sample],
    account: &Account,
    options: &Options,
) -> Result<Verdict, BoxError> {
    let mut verdict = Verdict::default();
    let cold = if options.duration / 3 < WARM_UP { COLD } else { 0 };
    let more = |(share, bytes)| (share, bytes + cold);
    let memory: Option<Vec<u64>> = samples.iter().map(|sample| sample.memory).collect();
    match memory {
        Some(memory) => verdict.compare("memory", &memory, more(MEMORY)),
        None => verdict.told.push("memory: this system does not tell".to_owned()),
    }
    let disk: Vec<u64> = samples.iter().map(|sample| sample.disk).collect();
    verdict.compare("disk", &disk, more(DISK));
    verdict.listener(account, pools.news.stats().retired.total());
    verdict.checkpoints(&pools);

    let live: usize = pools.all().iter().map(|pool| pool.stats().live).sum();
    drop(pools);
    let store = SledStoreOptions::new().create(false).open(options.state.join("store"))?;
    let report = inspect::check(&store)?;
    verdict.told.push(format!(
        "store: {} sessions and {} entries of the log checked",
        report.sessions, report.log_entries
    ));
    verdict.wrong.extend(report.findings.iter().map(|finding| format!("store: {finding}")));
    let overview =
        inspect::overview(&store, &inspect::Scope::default(), std::time::SystemTime::now().into())?;
    let stored = overview.total.live;
    if stored != live as u64 {
        verdict.wrong.push(format!("store: {live} sessions were live when it was closed, and {stored} are"));
    }
    Ok(verdict)
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }

    fn compare(&mut self, what: &str, samples: &[u64], (share, bytes): (f64, u64)) {
        let third = samples.len() / 3;
        let (middle, last) = (median(&samples[third..2 * third]), median(&samples[2 * third..]));
        let (Some(middle), Some(last)) = (middle, last) else {
            self.wrong.push(format!("{what}: the run was too short to tell"));
            return;
        };
        let line =
            format!("{what}: {} MiB in the middle third, {} in the last", mebibytes(middle), mebibytes(last));
        let is_level = last as f64 <= middle as f64 * (1.0 + share) + bytes as f64;
        if is_level { &mut self.told } else { &mut self.wrong }.push(line);
    }

    /// Each retirement is told once or counted as missed, in order.
    fn listener(&mut self, account: &Account, retired: u64) {
        let Account { heard, gaps, missed, read, out_of_turn } = *account;
        self.told.push(format!(
            "slow listener: of {retired} retirements {heard} were heard, {missed} missed, {read} of those read in the log"
        ));
        if heard + missed != retired || gaps != missed || out_of_turn > 0 {
            self.wrong.push(format!("slow listener: {gaps} were left out, and {out_of_turn} out of turn"));
        }
    }

    fn checkpoints(&mut self, pools: &Pools) {
        let status = pools.store.checkpoint_status().unwrap_or_default();
        self.told.push(format!("checkpoints: {} written", status.written));
        if status.failed > 0 || status.written == 0 {
            let why = status.last_error.unwrap_or_default();
            self.wrong.push(format!("checkpoints: {} failed {why}", status.failed));
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.told {
            writeln!(f, "{line}")?;
        }
        for line in &self.wrong {
            writeln!(f, "WRONG: {line}")?;
        }
        f.write_str(if self.is_good() { "all is well" } else { "not all is well" })
    }
}

fn median(samples: &[u64]) -> Option<u64> {
    let mut samples = samples.to_vec();
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied()
}
