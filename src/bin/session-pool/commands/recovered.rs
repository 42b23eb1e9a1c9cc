//! What `restore` and `repair` say of what they made.

use std::io::Write;

use session_pool::recovery::{Lost, RecoveryReport};

use super::Result;
use crate::context::Context;
use crate::errors::Unsound;
use crate::output::{Format, document, escape};

pub(super) fn tell(report: &RecoveryReport, context: &Context, out: &mut dyn Write) -> Result {
    if context.format == Format::Table {
        for_people(report, out)?;
    } else {
        document(report, context, out)?;
    }
    if report.lost.iter().any(is_known) { Err(Unsound(report.path.clone()).into()) } else { Ok(()) }
}

/// Of the end of a log nobody knows whether anything was there.
fn is_known(lost: &Lost) -> bool {
    !matches!(lost, Lost::LogEnd { .. })
}

fn for_people(report: &RecoveryReport, out: &mut dyn Write) -> Result {
    let path = |path: &std::path::Path| escape(&path.display().to_string());
    for source in &report.sources {
        let written = source.created_at.map(|time| format!(", of {time}")).unwrap_or_default();
        writeln!(
            out,
            "from {}{written}: {} of {} sessions, {} log entries",
            path(&source.path),
            source.sessions_taken,
            source.sessions,
            source.log_entries
        )?;
        for damage in &source.damage {
            writeln!(out, "  damaged: {}", escape(damage))?;
        }
    }
    for (archive, why) in &report.passed_over {
        writeln!(out, "passed over {}: {}", path(archive), escape(why))?;
    }
    for lost in &report.lost {
        let how = if is_known(lost) { "lost" } else { "perhaps lost" };
        writeln!(out, "{how}: {}", escape(&lost.to_string()))?;
    }
    writeln!(
        out,
        "{}: {} pools, {} live and {} retired sessions, {} log entries",
        path(&report.path),
        report.pools,
        report.live,
        report.retired,
        report.log_entries
    )?;
    Ok(())
}
