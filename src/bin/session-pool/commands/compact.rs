//! `compact`: a store, rewritten into a smaller one.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use session_pool::maintenance::{
    CompactProgress, CompactReport, CompactStep, OldStore, compact, compact_in_place, size_on_disk,
    was_interrupted,
};
use session_pool::{SledStoreOptions, StoreError, inspect};

use super::Result;
use crate::consent::{Consent, counted, log_entries as entries};
use crate::context::Context;
use crate::output::{Format, document, escape};
use crate::progress::Progress;
use crate::source::read_store;

/// Rewrites a store into a smaller one that holds the same.
///
/// The old store is verified, everything is copied, the new one is verified too, and both are compared: only then is it there.
/// With --replace, and where it is smaller by a tenth at least, it takes the place of the old one, which is kept as `NAME.before-compact`; a crawler's checkpoints stay in
/// their place. That survives a crash at any instant: at the store's path is a whole store, the old one or the new one, and a
/// directory beside it that has a file `COMPACTED` in it is left over, and may be deleted; the next run does so. (Where the file
/// system cannot exchange two directories in one step, nothing may be there after a crash: run it again, before any crawler.)
///
/// Example: session-pool compact sessions --replace
#[derive(Args)]
pub(crate) struct Compact {
    /// The store's directory. No crawler may have it open.
    store: PathBuf,
    /// The new store's directory; it must not be there yet, or be empty. Default: the old one's name with `.compacted` behind
    /// it.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Put the new store into the place of the old one.
    #[arg(long, conflicts_with = "into")]
    replace: bool,
    /// Delete the old store, with everything in its directory, once the new one is in its place.
    #[arg(long, requires = "replace")]
    delete_old: bool,
    #[command(flatten)]
    consent: Consent,
}

/// How many bytes of the new store are kept in memory. That the old one is open beside it takes some too.
const CACHE: u64 = 16 << 20;

impl Compact {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { store, into, replace, delete_old, consent } = self;
        if !store.exists() && !was_interrupted(&store).unwrap_or_default() {
            return Err(StoreError::NotFound { path: store }.into());
        }
        consent.can_be_had()?;
        let options = context.keys.store(SledStoreOptions::new().cache_capacity(CACHE))?;
        // Whatever way it is named: with a slash behind it, as `.`, by a link.
        let place = store.canonicalize().unwrap_or_else(|_| store.clone());
        let beside = |suffix: &str| {
            let mut name = place.file_name().unwrap_or_default().to_owned();
            name.push(suffix);
            place.with_file_name(name)
        };
        let mut bars = Bars::default();
        let progress = &mut |progress| bars.tell(progress);
        let report = if replace {
            let old = if delete_old { OldStore::Delete } else { OldStore::Keep };
            consent.ask(|| {
                let fate = match old {
                    OldStore::Keep => format!("is kept as {}", beside(".before-compact").display()),
                    OldStore::Delete => "is deleted, with everything in its directory".to_owned(),
                };
                if was_interrupted(&store)? {
                    let what = "a compaction was ended between two renames; it is finished";
                    return Ok(vec![format!("{}: {what}, and the old one {fate}.", store.display())]);
                }
                let what = "It is rewritten, and replaced where it gets smaller by a tenth at least";
                Ok(vec![holds(&store, context)?, format!("{what}; the old one {fate}.")])
            })?;
            compact_in_place(&store, options, old, progress)?
        } else {
            let into = into.unwrap_or_else(|| beside(".compacted"));
            consent.ask(|| {
                Ok(vec![holds(&store, context)?, format!("It is rewritten into {}.", into.display())])
            })?;
            compact(&store, into, options, progress)?
        };
        drop(bars);
        if context.format == Format::Table {
            for_people(&report, out)
        } else {
            Ok(document(&report, context, out)?)
        }
    }
}

/// What a store holds, for people.
fn holds(store: &Path, context: &Context) -> Result<String> {
    let reader = read_store(store, context)?;
    let inspect::Overview { pools, total, .. } =
        inspect::overview(&reader, &inspect::Scope::default(), context.now.to_datetime())?;
    let (count, size) = (counted(pools.len() as u64, "pool"), bytes(size_on_disk(store)?));
    let (live, retired) = (total.live, total.retired.sum());
    Ok(format!("{}: {size}, {count}, {live} live and {retired} retired sessions.", store.display()))
}

/// A bar for each step.
#[derive(Default)]
struct Bars {
    bar: Option<(CompactStep, Progress)>,
}

impl Bars {
    fn tell(&mut self, progress: CompactProgress) {
        let CompactProgress { step, sessions, total, .. } = progress;
        if !self.bar.as_ref().is_some_and(|(shown, _)| *shown == step) {
            let what = match step {
                CompactStep::Check => "verifying the old store",
                CompactStep::Copy => "copying",
                _ => "verifying the new store",
            };
            self.bar = Some((step, Progress::new(what)));
        }
        if let Some((_, bar)) = &mut self.bar {
            bar.set(sessions, total);
        }
    }
}

fn for_people(report: &CompactReport, out: &mut dyn Write) -> Result {
    let path = |path: &Path| escape(&path.display().to_string());
    let (before, after) = (bytes(report.bytes_before), bytes(report.bytes_after));
    match &report.compacted {
        Some(compacted) => writeln!(out, "{}: {after}, before {before}", path(compacted))?,
        None => {
            writeln!(out, "{}: left as it is: it has {before}, and would have {after}", path(&report.store))?;
        }
    }
    let CompactReport { live, retired, log_entries, .. } = report;
    let pools = counted(report.pools, "pool");
    writeln!(out, "{pools}, {live} live and {retired} retired sessions, {}", entries(*log_entries))?;
    if let (Some(old), Some(compacted)) = (&report.old, &report.compacted)
        && *compacted == report.store
    {
        writeln!(out, "the old one: {}", path(old))?;
    }
    Ok(())
}

/// `1.4 MiB`.
fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let (mut tenths, mut unit) = (bytes.saturating_mul(10) / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_in_the_unit_that_fits() {
        for (count, text) in [
            (0, "0.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1023.9 KiB"),
            (1024 * 1024, "1.0 MiB"),
            (230 << 20, "230.0 MiB"),
            (u64::MAX, "1677721.5 TiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
