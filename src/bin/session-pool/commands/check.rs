//! `check`: is everything as it should be?

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use session_pool::archive::{self, ArchiveReader};
use session_pool::{Checkpoints, inspect};

use super::Result;
use crate::context::Context;
use crate::exit_code::Unsound;
use crate::output::{Format, document, escape};
use crate::source::open_store;

/// Verifies that everything in a store and its checkpoints, or in an archive, can be read and agrees.
///
/// Example: session-pool check sessions
#[derive(Args)]
pub(crate) struct Check {
    /// The store's directory, or an archive.
    path: PathBuf,
}

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

impl Check {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { path } = self;
        let mut checked = Checked::default();
        if path.is_file() {
            check_archive(&path, context, &mut checked)?;
        } else {
            let store = open_store(&path, context)?;
            let report = inspect::check(&store)?;
            (checked.pools, checked.sessions) = (report.pools, report.sessions);
            checked.log_entries = report.log_entries;
            checked.was_closed = Some(store.open_report().was_closed);
            checked.findings.extend(report.findings.iter().map(ToString::to_string));
            drop(store);
            for checkpoint in checkpoints(&path) {
                let mut found = Checked::default();
                match check_archive(&checkpoint, context, &mut found) {
                    Ok(()) if found.findings.is_empty() => checked.checkpoints += 1,
                    Ok(()) => checked.findings.append(&mut found.findings),
                    Err(error) => checked.findings.push(format!("{}: {error}", checkpoint.display())),
                }
            }
        }
        tell(&checked, context, out)?;
        if checked.findings.is_empty() { Ok(()) } else { Err(Unsound(path).into()) }
    }
}

fn tell(checked: &Checked, context: &Context, out: &mut dyn Write) -> Result {
    if context.format != Format::Table {
        return Ok(document(checked, context.format, out)?);
    }
    for finding in &checked.findings {
        writeln!(out, "{}", escape(finding))?;
    }
    let Checked { pools, sessions, log_entries, checkpoints, findings, was_closed: _ } = checked;
    writeln!(
        out,
        "{pools} pools, {sessions} sessions, {log_entries} log entries, {checkpoints} whole checkpoints: {}",
        if findings.is_empty() { "sound".to_owned() } else { format!("{} findings", findings.len()) }
    )?;
    Ok(())
}

fn check_archive(path: &Path, context: &Context, checked: &mut Checked) -> Result {
    let mut reader = ArchiveReader::open(path, &context.keys.archive()?)?;
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
