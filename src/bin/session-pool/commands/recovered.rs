//! What `restore` and `repair` say of what they made.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use session_pool::recovery::{Lost, REPORT, RecoveryReport};
use session_pool::{PoolName, SessionId};

use super::Result;
use crate::consent::{counted, log_entries};
use crate::context::Context;
use crate::errors::Unsound;
use crate::output::{Format, document, escape, grouped};

/// How many of one kind are named for people.
const NAMED: usize = 3;

pub(super) fn tell(report: &RecoveryReport, context: &Context, out: &mut dyn Write) -> Result {
    if context.format == Format::Table {
        for_people(report, context, out)?;
    } else {
        document(report, context, out)?;
    }
    if report.lost.iter().any(is_known) { Err(Unsound(report.path.clone()).into()) } else { Ok(()) }
}

/// Of these nobody knows whether anything was there.
fn is_known(lost: &Lost) -> bool {
    !matches!(lost, Lost::LogEnd { .. } | Lost::Newest { .. })
}

fn for_people(report: &RecoveryReport, context: &Context, out: &mut dyn Write) -> Result {
    let path = |path: &Path| escape(&path.display().to_string());
    let mut is_all = true;
    for source in &report.sources {
        let written =
            source.created_at.map(|time| format!(", of {}", context.zone.format(time))).unwrap_or_default();
        let taken = if source.sessions_taken < source.sessions {
            format!(" ({} of them taken)", source.sessions_taken)
        } else {
            String::new()
        };
        writeln!(
            out,
            "from {}{written}: {}{taken}, {}",
            path(&source.path),
            counted(source.sessions, "session"),
            log_entries(source.log_entries)
        )?;
        let (named, more) = some(&source.damage);
        for damage in named {
            writeln!(out, "  damaged: {}", escape(damage))?;
        }
        if more > 0 {
            is_all = false;
            writeln!(out, "  damaged: {more} more places")?;
        }
    }
    for (archive, why) in &report.passed_over {
        writeln!(out, "passed over {}: {}", path(archive), escape(why))?;
    }
    for line in lost(&report.lost) {
        is_all &= line.is_all;
        let how = if line.is_known { "lost" } else { "perhaps lost" };
        writeln!(out, "{how}: {}", escape(&line.text))?;
    }
    if !is_all {
        writeln!(out, "all of it is named in {}", path(&report.path.join(REPORT)))?;
    }
    writeln!(
        out,
        "{}: {}, {} live and {} retired sessions, {}",
        path(&report.path),
        counted(report.pools, "pool"),
        grouped(report.live),
        grouped(report.retired),
        log_entries(report.log_entries)
    )?;
    Ok(())
}

/// The first of many, and how many more there are. One more would take no less room than to name it.
fn some<T>(all: &[T]) -> (&[T], usize) {
    let named = if all.len() > NAMED + 1 { NAMED } else { all.len() };
    (&all[..named], all.len() - named)
}

/// What is lost, in a few words.
struct Line {
    text: String,
    is_known: bool,
    /// Whether it names all that it stands for.
    is_all: bool,
}

/// Something that many sessions of a pool can have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Gone,
    LeftOut,
    WithoutPayload,
    WithoutRecord,
    OnlyLogged,
}

impl Fate {
    fn of(lost: &Lost) -> Option<(Self, &PoolName, SessionId)> {
        match lost {
            Lost::Session { pool, id } => Some((Self::Gone, pool, *id)),
            Lost::LiveSession { pool, id } => Some((Self::LeftOut, pool, *id)),
            Lost::Payload { pool, id } => Some((Self::WithoutPayload, pool, *id)),
            Lost::Record { pool, id } => Some((Self::WithoutRecord, pool, *id)),
            _ => None,
        }
    }

    fn of_many(&self, count: usize) -> String {
        let (sessions, have, are) =
            if count == 1 { ("session", "has", "is") } else { ("sessions", "have", "are") };
        match self {
            Self::Gone => format!("{count} {sessions} cannot be read"),
            Self::LeftOut => {
                format!("{count} live {sessions} {are} left out, as cookies, proxy and user data are lost")
            }
            Self::WithoutPayload => {
                format!("{count} retired {sessions} {have} lost cookies, proxy and user data")
            }
            Self::WithoutRecord => {
                format!("{count} retired {sessions} {have} lost limits, expiry and last use")
            }
            Self::OnlyLogged => format!("of {count} retired {sessions} only what the log says is left"),
        }
    }
}

/// What is lost, line by line: what happened to many at once is one.
fn lost(all: &[Lost]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut fates: BTreeMap<(&PoolName, SessionId), Fate> = BTreeMap::new();
    let mut ends = Vec::new();
    for lost in all {
        if let Some((fate, pool, id)) = Fate::of(lost) {
            let is_two = fates.contains_key(&(pool, id));
            fates.insert((pool, id), if is_two { Fate::OnlyLogged } else { fate });
        } else if matches!(lost, Lost::LogEnd { .. }) {
            ends.push(lost);
        } else {
            lines.push(Line { text: lost.to_string(), is_known: is_known(lost), is_all: true });
        }
    }
    let mut sessions: BTreeMap<(&PoolName, Fate), Vec<SessionId>> = BTreeMap::new();
    for ((pool, id), fate) in fates {
        sessions.entry((pool, fate)).or_default().push(id);
    }
    for ((pool, fate), ids) in sessions {
        let (named, more) = some(&ids);
        let named: Vec<_> = named.iter().map(SessionId::as_str).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let text = format!("pool {pool}: {}: {}{more}", fate.of_many(ids.len()), named.join(", "));
        lines.push(Line { text, is_known: true, is_all: more.is_empty() });
    }
    match ends[..] {
        [] => {}
        [end] => lines.push(Line { text: end.to_string(), is_known: false, is_all: true }),
        [..] => lines.push(Line {
            text: format!(
                "whatever the retirement logs of {} pools had at their ends, if anything; they go on well behind it",
                ends.len()
            ),
            is_known: false,
            is_all: false,
        }),
    }
    lines.sort_by_key(|line| !line.is_known);
    lines
}
