//! `check`: is everything as it should be?

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use clap::Args;
use serde::Serialize;
use session_pool::PoolNumber;
use session_pool::archive::{ArchiveItem, ArchiveReader};
use session_pool::inspect::{self, Opened};
use session_pool::recovery::REPORT;

use super::Result;
use crate::consent::{counted, log_entries as entries};
use crate::context::{Context, note};
use crate::cure::{is_damage, repairing, restoring};
use crate::errors::{Unsound, told};
use crate::output::{Cell, Column, Format, Rows, document, escape, style};
use crate::progress::Progress;
use crate::source::{At, Source, open, open_checkpoint};

/// Verifies that everything in a store and its checkpoints, or in an archive, can be read and agrees: records, payloads,
/// indexes and the retirement log.
///
/// What is wrong is one line each; of a store that is damaged, that it is, and which of its checkpoints are whole. JSON tells what was gone through besides; JSON Lines and CSV have the findings alone.
///
/// Example: session-pool check sessions
#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    source: Source,
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
    /// The file that tells what a repair or a restore could not bring back; nothing where there is none.
    recovery: Option<String>,
    findings: Vec<Found>,
    /// Whether the store cannot be read, so that nothing in it was counted.
    #[serde(skip)]
    is_damaged: bool,
}

/// Something that is not as it should be.
#[derive(Serialize)]
struct Found {
    /// What it is, in a word for programs.
    kind: &'static str,
    pool: Option<String>,
    id: Option<String>,
    /// The file that it is in, where it is not the store itself.
    file: Option<String>,
    message: String,
}

fn columns() -> Vec<Column<Found>> {
    vec![
        Column::new("kind", |found: &Found| Cell::text(found.kind)),
        Column::new("pool", |found: &Found| Cell::maybe(found.pool.as_deref(), Cell::text)),
        Column::new("id", |found: &Found| Cell::maybe(found.id.as_deref(), Cell::text)),
        Column::new("file", |found: &Found| Cell::maybe(found.file.as_deref(), Cell::text)),
        Column::new("message", |found: &Found| Cell::text(found.message.as_str())),
    ]
}

impl Check {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { source: Source { path, checkpoint } } = self;
        let (mut checked, mut cure) = (Checked::default(), None);
        if checkpoint {
            let (file, opened) = open_checkpoint(&path, context)?;
            check_archive(&file, context, &mut checked)?;
            check_content(&opened, &mut checked)?;
        } else if path.is_file() {
            let is_damaged = check_archive(&path, context, &mut checked)?;
            cure = is_damaged.then(|| restoring(&path, &context.keys));
            // What is only damaged in part is looked into as far as it is there.
            if checked.findings.is_empty() {
                check_content(&open(&path, context)?, &mut checked)?;
            }
        } else {
            match open(&path, context) {
                Ok(store) => {
                    if let Opened::Store(store) = &store {
                        checked.was_closed = Some(store.was_closed());
                    }
                    check_content(&store, &mut checked)?;
                }
                // Its checkpoints are what is asked for next.
                Err(error) if is_damage(&*error) => {
                    checked.is_damaged = true;
                    let (kind, message) = ("damaged", told(&*error));
                    checked.findings.push(Found { kind, pool: None, id: None, file: None, message });
                }
                Err(error) => return Err(error),
            }
            let report = path.join(REPORT);
            checked.recovery = report.is_file().then(|| report.display().to_string());
            cure = (!checked.findings.is_empty())
                .then(|| repairing(&path, &context.keys))
                .map(|command| format!("repairing makes a new store of what can be read: {command}"));
            for checkpoint in inspect::checkpoints(&path)? {
                let mut found = Checked::default();
                match check_archive(&checkpoint, context, &mut found) {
                    Ok(_) if found.findings.is_empty() => checked.checkpoints += 1,
                    Ok(_) => checked.findings.append(&mut found.findings),
                    Err(error) => checked.findings.push(in_file(&checkpoint, &error.to_string())),
                }
            }
        }
        tell(&checked, context, out)?;
        if let Some(cure) = cure {
            out.flush()?;
            note(&cure);
        }
        if checked.findings.is_empty() { Ok(()) } else { Err(Unsound(path).into()) }
    }
}

/// Whether records, payloads, indexes and log agree.
fn check_content(store: &Opened, checked: &mut Checked) -> Result {
    let progress = Progress::new("checking sessions");
    let report = inspect::check_with(&**store, &mut |sessions| progress.set(sessions as u64, 0))?;
    drop(progress);
    let pools = inspect::pools(&**store)?;
    let names: HashMap<PoolNumber, &str> =
        pools.iter().map(|pool| (pool.number, pool.name.as_str())).collect();
    (checked.pools, checked.sessions, checked.log_entries) =
        (report.pools, report.sessions, report.log_entries);
    checked.findings.extend(report.findings.iter().map(|finding| Found {
        kind: finding.kind(),
        // One that the store does not know has a number only.
        pool: finding.pool().map(|pool| names.get(&pool).map_or(pool.to_string(), ToString::to_string)),
        id: finding.session().map(|id| id.to_string()),
        file: None,
        message: finding.to_string(),
    }));
    Ok(())
}

/// Whether every item of an archive can be read, payloads too; answers whether it is damaged.
fn check_archive(path: &Path, context: &Context, checked: &mut Checked) -> Result<bool> {
    let options = context.keys.archive()?;
    let reader = ArchiveReader::open(path, &options);
    let mut reader = reader.map_err(|error| At { path: path.to_owned(), error: error.into() })?;
    let progress = Progress::new("reading the archive");
    let mut is_damaged = false;
    for (read, item) in (0..).zip(&mut reader) {
        progress.set(read, 0);
        match item {
            Ok(ArchiveItem::Pool(_)) => checked.pools += 1,
            Ok(ArchiveItem::Session(_)) => checked.sessions += 1,
            Ok(ArchiveItem::LogEntry { .. }) => checked.log_entries += 1,
            Err(error) => {
                is_damaged = true;
                checked.findings.push(in_file(path, &error.to_string()));
            }
        }
    }
    if let Some(summary) = reader.summary().filter(|summary| summary.unreadable > 0) {
        let missing = format!("{} items could not be read when it was written", summary.unreadable);
        checked.findings.push(in_file(path, &missing));
    }
    Ok(is_damaged)
}

fn in_file(file: &Path, message: &str) -> Found {
    Found {
        kind: "archive",
        pool: None,
        id: None,
        file: Some(file.display().to_string()),
        message: format!("{}: {message}", file.display()),
    }
}

fn tell(checked: &Checked, context: &Context, out: &mut dyn Write) -> Result {
    match context.format {
        Format::Json => document(checked, context, out)?,
        Format::Jsonl | Format::Csv => {
            let mut rows = Rows::new(columns(), context, out)?;
            for finding in &checked.findings {
                rows.row(finding)?;
            }
            rows.end()?;
        }
        Format::Table => {
            for finding in &checked.findings {
                writeln!(out, "{}", escape(&finding.message))?;
            }
            let Checked {
                pools,
                sessions,
                log_entries,
                checkpoints,
                findings,
                was_closed,
                recovery,
                is_damaged,
            } = checked;
            let killed = if *was_closed == Some(false) { "; whoever had it open was killed" } else { "" };
            let verdict = match findings.len() {
                0 => context.paint(style::GOOD, "sound"),
                1 => context.paint(style::BAD, "1 finding"),
                more => context.paint(style::BAD, &format!("{more} findings")),
            };
            let (pools, sessions) = (counted(*pools as u64, "pool"), counted(*sessions as u64, "session"));
            let entries = entries(*log_entries as u64);
            let checkpoints = counted(*checkpoints as u64, "whole checkpoint");
            let looked_at = match was_closed {
                Some(_) => format!("{pools}, {sessions}, {entries}, {checkpoints}"),
                None if *is_damaged => checkpoints,
                // An archive has none.
                None => format!("{pools}, {sessions}, {entries}"),
            };
            writeln!(out, "{looked_at}{killed}: {verdict}")?;
            if let Some(report) = recovery {
                let report = escape(report);
                writeln!(out, "it was made of what could be read of others: {report} tells what was lost")?;
            }
        }
    }
    Ok(())
}
