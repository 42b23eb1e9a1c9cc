//! The commands that keep a store safe: check, backup, restore, repair.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use session_pool::archive::{self, ArchiveReader};
use session_pool::inspect;
use session_pool::recovery::{RecoveryOptions, RecoveryReport, repair, restore};
use session_pool::{Checkpoints, SledStore, SledStoreOptions, StoreReport};

use crate::arguments::Format;
use crate::commands::{Result, note};
use crate::exit_code::Unsound;
use crate::keys::{Keys, NewKeys};

/// What a check found.
#[derive(Serialize, Default)]
struct Checked {
    pools: usize,
    sessions: usize,
    log_entries: usize,
    /// Whether whoever had the store open last closed it.
    was_closed: Option<bool>,
    /// Checkpoints that are whole.
    checkpoints: usize,
    findings: Vec<String>,
}

/// Verifies a store with its checkpoints, or an archive.
pub(crate) fn check(path: &Path, keys: &Keys, format: Format, out: &mut impl Write) -> Result {
    let mut checked = Checked::default();
    if path.is_file() {
        check_archive(path, keys, &mut checked)?;
    } else {
        let store = open(path, keys)?;
        let report = inspect::check(&store)?;
        (checked.pools, checked.sessions) = (report.pools, report.sessions);
        checked.log_entries = report.log_entries;
        checked.was_closed = Some(store.open_report().was_closed);
        checked.findings.extend(report.findings.iter().map(ToString::to_string));
        drop(store);
        for checkpoint in checkpoints(path) {
            let mut found = Checked::default();
            match check_archive(&checkpoint, keys, &mut found) {
                Ok(()) if found.findings.is_empty() => checked.checkpoints += 1,
                Ok(()) => checked.findings.append(&mut found.findings),
                Err(error) => checked.findings.push(format!("{}: {error}", checkpoint.display())),
            }
        }
    }
    match format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&checked)?)?,
        Format::Table => {
            for finding in &checked.findings {
                writeln!(out, "{}", crate::output::escape(finding))?;
            }
            let Checked { pools, sessions, log_entries, checkpoints, findings, was_closed: _ } = &checked;
            writeln!(
                out,
                "{pools} pools, {sessions} sessions, {log_entries} log entries, {checkpoints} whole checkpoints: {}",
                if findings.is_empty() { "sound".to_owned() } else { format!("{} findings", findings.len()) }
            )?;
        }
    }
    if checked.findings.is_empty() { Ok(()) } else { Err(Unsound(path.to_owned()).into()) }
}

fn check_archive(path: &Path, keys: &Keys, checked: &mut Checked) -> Result {
    let mut reader = ArchiveReader::open(path, &keys.archive()?)?;
    for item in &mut reader {
        match item {
            Ok(archive::ArchiveItem::Pool(_)) => checked.pools += 1,
            Ok(archive::ArchiveItem::Session(_)) => checked.sessions += 1,
            Ok(archive::ArchiveItem::LogEntry { .. }) => checked.log_entries += 1,
            Err(error) => checked.findings.push(format!("{}: {error}", path.display())),
        }
    }
    if let Some(summary) = reader.summary().filter(|summary| summary.unreadable > 0) {
        let missing = summary.unreadable;
        let finding = format!("{}: {missing} items could not be read when it was written", path.display());
        checked.findings.push(finding);
    }
    Ok(())
}

fn checkpoints(store: &Path) -> Vec<PathBuf> {
    let directory = std::fs::read_dir(store.join(Checkpoints::DIRECTORY));
    let mut files: Vec<PathBuf> = directory
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "archive"));
    files.sort();
    files
}

/// Opens a store, and says on stderr what had to be done for that.
pub(crate) fn open(path: &Path, keys: &Keys) -> Result<SledStore> {
    let store = keys.store(SledStoreOptions::new().create(false))?.open(path)?;
    let StoreReport { healed, made_private, not_private, migrated_from, .. } = store.open_report();
    for healed in healed {
        let file = healed.file.display();
        match &healed.set_aside {
            Some(place) => note(&format!("{file}: {}; it is kept as {}", healed.why, place.display())),
            None => note(&format!("{file}: {}; it was made anew", healed.why)),
        }
    }
    for path in made_private {
        note(&format!("{}: others could read it, and no longer can", path.display()));
    }
    for path in not_private {
        note(&format!("{}: others can read it, and its mode could not be changed", path.display()));
    }
    if let Some(version) = migrated_from {
        note(&format!("the store was migrated from schema version {version}"));
    }
    Ok(store)
}

pub(crate) fn backup(store: &Path, file: &Path, keys: &Keys, out: &mut impl Write) -> Result {
    let store = open(store, keys)?;
    let sessions = session_pool::SessionStore::builder().checkpoints(None).with_store(store)?;
    // What the archive is encrypted with is what the store is.
    let summary = sessions.backup_to_with(file, &keys.archive()?)?;
    writeln!(
        out,
        "{}: {} pools, {} sessions, {} log entries",
        file.display(),
        summary.pools,
        summary.sessions,
        summary.log_entries
    )?;
    if summary.unreadable > 0 {
        note(&format!("{} items could not be read, and are not in it", summary.unreadable));
    }
    Ok(())
}

pub(crate) fn restore_archive(
    file: &Path,
    store: &Path,
    allow_damaged: bool,
    keys: &Keys,
    new_keys: &NewKeys,
    format: Format,
    out: &mut impl Write,
) -> Result {
    let options = keys.recovery(new_keys)?.allow_damaged(allow_damaged);
    tell(&restore(file, store, options)?, format, out)
}

pub(crate) fn repair_store(
    store: &Path,
    into: Option<&Path>,
    archives: &[PathBuf],
    keys: &Keys,
    new_keys: &NewKeys,
    format: Format,
    out: &mut impl Write,
) -> Result {
    // Whatever way it is named: with a slash behind it, as `.`, by a link.
    let place = store.canonicalize().unwrap_or_else(|_| store.to_owned());
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".repaired");
    let into = into.map_or_else(|| place.with_file_name(name), Path::to_owned);
    let options = archives.iter().fold(keys.recovery(new_keys)?, RecoveryOptions::archive);
    tell(&repair(store, into, options)?, format, out)
}

fn tell(report: &RecoveryReport, format: Format, out: &mut impl Write) -> Result {
    match format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(report)?)?,
        Format::Table => {
            for source in &report.sources {
                let written = source.created_at.map(|time| format!(", of {time}")).unwrap_or_default();
                writeln!(
                    out,
                    "from {}{written}: {} of {} sessions, {} log entries",
                    source.path.display(),
                    source.sessions_taken,
                    source.sessions,
                    source.log_entries
                )?;
                for damage in &source.damage {
                    writeln!(out, "  damaged: {}", crate::output::escape(damage))?;
                }
            }
            for (path, why) in &report.passed_over {
                writeln!(out, "passed over {}: {}", path.display(), crate::output::escape(why))?;
            }
            for lost in &report.lost {
                writeln!(out, "lost: {}", crate::output::escape(&lost.to_string()))?;
            }
            writeln!(
                out,
                "{}: {} pools, {} live and {} retired sessions, {} log entries",
                report.path.display(),
                report.pools,
                report.live,
                report.retired,
                report.log_entries
            )?;
        }
    }
    if report.lost.is_empty() { Ok(()) } else { Err(Unsound(report.path.clone()).into()) }
}
