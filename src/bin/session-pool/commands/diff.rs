//! `diff`: what is different between two stores or archives.

use std::error::Error;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use anstyle::Style;
use clap::Args;
use serde_json::Value;
use session_pool::inspect::{self, DiffOptions, DiffSummary, Difference, FieldChange, Opened, diff};
use session_pool::{PoolEntry, PoolName, SessionId, SessionRecord, Timestamp};

use super::{Result, note_unreadable};
use crate::choices::count;
use crate::consent::counted;
use crate::context::Context;
use crate::cure::{is_in_clear, is_wrong_key};
use crate::errors::{BadFile, NotFound};
use crate::keys::{Keys, OtherKey};
use crate::output::{Cell, Column, Format, Rows, Worth, document, grouped, style, wrap};
use crate::progress::Progress;
use crate::source::Source;

/// Tells what is different in a store or archive, compared with another one: pools and sessions that appeared, went or
/// changed, and retirements that are new.
///
/// A changed field is a row. The rows of a pool are its own, those of its sessions by id, those of its log.
///
/// Example: session-pool diff yesterday.archive sessions
#[derive(Args)]
pub(crate) struct Diff {
    /// The store or archive to compare with.
    #[arg(value_name = "A")]
    from: PathBuf,
    /// The store or archive whose differences are shown.
    #[arg(value_name = "B")]
    to: PathBuf,
    /// Of this pool only.
    #[arg(long, allow_hyphen_values = true)]
    pool: Option<PoolName>,
    /// Show the counts only.
    #[arg(long)]
    summary: bool,
    /// This many rows at most.
    #[arg(
        long,
        conflicts_with = "summary",
        value_parser = count::<usize>,
        allow_negative_numbers = true
    )]
    limit: Option<usize>,
    /// Show secrets: cookies' values, user data, the proxy's password or key, headers and attributes that are secrets by
    /// their names.
    #[arg(long)]
    reveal: bool,
    /// Look into the newest whole checkpoint of each store, which a crawler may have open meanwhile. An archive is taken
    /// as it is.
    #[arg(long)]
    checkpoint: bool,
    #[command(flatten)]
    other_key: OtherKey,
}

/// A difference, or one field of it.
struct Row {
    change: &'static str,
    what: &'static str,
    pool: PoolName,
    id: Option<SessionId>,
    sequence: Option<u64>,
    field: Option<String>,
    from: Value,
    to: Value,
}

fn columns() -> Vec<Column<Row>> {
    /// The date of a time, and `…`.
    const VALUE: usize = 11;
    vec![
        Column::new("change", |row: &Row| Cell::text(row.change))
            .no_wider_than("appeared".len())
            .styled(colour)
            .worth(Worth::Little),
        Column::new("what", |row: &Row| Cell::text(row.what))
            .no_wider_than("retirement".len())
            .worth(Worth::Little),
        Column::new("pool", |row: &Row| Cell::text(row.pool.as_str())).shrinking_to(8).worth(Worth::Little),
        Column::new("id", |row: &Row| Cell::maybe(row.id.as_ref(), |id| Cell::text(id.as_str()))).of_ids(),
        Column::new("sequence", |row: &Row| Cell::maybe(row.sequence, Cell::Count))
            .right()
            .worth(Worth::Little),
        Column::new("field", |row: &Row| Cell::maybe(row.field.as_deref(), Cell::text))
            .shrinking_to(12)
            .worth(Worth::Most),
        Column::new("from", |row: &Row| value(&row.from)).shrinking_to(VALUE),
        Column::new("to", |row: &Row| value(&row.to)).shrinking_to(VALUE).worth(Worth::Most),
    ]
}

fn colour(row: &Row) -> Style {
    match row.change {
        "appeared" => style::GOOD,
        "went" => style::BAD,
        _ => style::WARN,
    }
}

/// Whether a time of the store's own is in that field. What is in user data is the crawler's, whatever it looks like.
fn is_time(field: &str) -> bool {
    matches!(field, "created_at" | "expires_at" | "last_used_at" | "resting_until" | "retired.at")
        || field.starts_with("cookies[") && field.ends_with("].expires_at")
}

fn value(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Empty,
        Value::String(text) => Cell::text(text.as_str()),
        other => Cell::Nested(other.clone()),
    }
}

impl Row {
    fn new(change: &'static str, what: &'static str, pool: &PoolEntry) -> Self {
        let (pool, none) = (pool.name.clone(), Value::Null);
        Self { change, what, pool, id: None, sequence: None, field: None, from: none.clone(), to: none }
    }

    /// The rows of a difference, with times as `time` tells them.
    fn of(difference: Difference<'_>, time: &dyn Fn(Timestamp) -> String) -> Vec<Self> {
        match difference {
            Difference::PoolAppeared { pool } => vec![Self::new("appeared", "pool", pool)],
            Difference::PoolWent { pool } => vec![Self::new("went", "pool", pool)],
            Difference::PoolChanged { pool, fields } => {
                let row = |field| Self::new("changed", "pool", pool).field(field, time);
                fields.into_iter().map(row).collect()
            }
            Difference::SessionAppeared { pool, id, record } => {
                let to = state(&record).into();
                vec![Self { id: Some(id), to, ..Self::new("appeared", "session", pool) }]
            }
            Difference::SessionWent { pool, id, record } => {
                let from = state(&record).into();
                vec![Self { id: Some(id), from, ..Self::new("went", "session", pool) }]
            }
            Difference::SessionChanged { pool, id, fields, .. } => {
                let row =
                    |field| Self { id: Some(id), ..Self::new("changed", "session", pool).field(field, time) };
                fields.into_iter().map(row).collect()
            }
            Difference::Retired { pool, sequence, entry } => {
                let to = format!("{} at {}", entry.reason, time(entry.retired_at)).into();
                let row = Self::new("appeared", "retirement", pool);
                vec![Self { id: Some(entry.id), sequence: Some(sequence.0), to, ..row }]
            }
            // None that this version knows.
            _ => Vec::new(),
        }
    }

    fn field(self, change: FieldChange, time: &dyn Fn(Timestamp) -> String) -> Self {
        let FieldChange { field, from, to, .. } = change;
        let told = |value: Value| match serde_json::from_value(value.clone()) {
            Ok(at) if is_time(&field) => time(at).into(),
            _ => value,
        };
        let (from, to) = (told(from), told(to));
        Self { field: Some(field), from, to, ..self }
    }
}

fn state(record: &SessionRecord) -> String {
    record.retired.map_or_else(|| "live".to_owned(), |retired| format!("retired: {}", retired.reason))
}

impl Diff {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { from, to, pool, summary, limit, reveal, checkpoint, other_key } = self;
        let (from, to) = open_both(from, to, checkpoint, &other_key, context)?;
        if let Some(name) = &pool {
            let has = |store: &Opened| -> Result<bool> {
                Ok(inspect::pools(&**store)?.iter().any(|entry| entry.name == *name))
            };
            if !has(&from)? && !has(&to)? {
                return Err(NotFound(format!("neither of them has a pool {name}")).into());
            }
        }
        let progress = Progress::new("comparing");
        let mut options = DiffOptions::new().reveal(reveal).on_progress(move |done| progress.set(done, 0));
        if let Some(name) = pool {
            options = options.pool(name);
        }
        if summary {
            let counts = diff(&*from, &*to, &options, &mut |_| ControlFlow::Continue(()))?;
            drop(options);
            match context.format {
                Format::Table => tell(&counts, context, out)?,
                _ => document(&counts, context, out)?,
            }
            note_unreadable(counts.unreadable);
            return Ok(());
        }
        // People look at the clock on the wall.
        let time = |time: Timestamp| match context.format {
            Format::Table => context.zone.format(time),
            _ => time.to_string(),
        };
        let limit = limit.map_or(u64::MAX, |limit| limit as u64);
        let mut rows = Rows::new(columns(), context, out)?;
        let (mut shown, mut has_more, mut written) = (0, false, Ok(()));
        let counts = diff(&*from, &*to, &options, &mut |difference| {
            for row in Row::of(difference, &time) {
                if shown >= limit {
                    has_more = true;
                    return ControlFlow::Break(());
                }
                written = rows.row(&row);
                shown += 1;
                if written.is_err() {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        drop(options);
        written?;
        let is_table = context.format == Format::Table;
        if is_table && shown == 0 {
            // No heads above nothing.
            drop(rows);
        } else {
            rows.end()?;
        }
        if has_more {
            context.hint(&format!("{} shown, by --limit: there are more", counted(shown, "row")));
        } else if is_table {
            if shown > 0 {
                writeln!(out)?;
            }
            tell(&counts, context, out)?;
        }
        note_unreadable(counts.unreadable);
        Ok(())
    }
}

/// Opens both, each with its key; one in clear needs none.
fn open_both(
    from: PathBuf,
    to: PathBuf,
    checkpoint: bool,
    other_key: &OtherKey,
    context: &Context,
) -> Result<(Opened, Opened)> {
    let (from, first) = open(from, checkpoint, context)?;
    let to = open(to, checkpoint, &context.with_keys(other_key.or(&context.keys)));
    let (to, second) = to.map_err(|error| {
        if is_wrong_key(&*error) {
            BadFile(format!("{error}{}", other_key.wrong(&context.keys))).into()
        } else {
            error
        }
    })?;
    match (first, second) {
        // There is nothing that it is the key of.
        (Some(error), Some(_)) => Err(error),
        _ => Ok((from, to)),
    }
}

/// Opens one of them; with the error where it is in clear, and a key was given.
fn open(path: PathBuf, checkpoint: bool, context: &Context) -> Result<(Opened, Option<Box<dyn Error>>)> {
    let source = Source { checkpoint: checkpoint && !path.is_file(), path };
    match source.open(context) {
        Ok(opened) => Ok((opened, None)),
        Err(error) if is_in_clear(&*error) => {
            Ok((source.open(&context.with_keys(Keys::default()))?, Some(error)))
        }
        Err(error) => Err(error),
    }
}

/// How wide is what stands before the counts.
const NAMES: usize = 13;

fn tell(counts: &DiffSummary, context: &Context, out: &mut dyn Write) -> Result {
    let DiffSummary {
        pools_appeared,
        pools_went,
        pools_changed,
        sessions_appeared,
        sessions_went,
        sessions_changed,
        sessions_same,
        retirements_appeared,
        retirements_went,
        ..
    } = *counts;
    if counts.is_same() {
        let verb = if sessions_same == 1 { "is" } else { "are" };
        writeln!(out, "no difference: {} {verb} the same", counted(sessions_same, "session"))?;
        return Ok(());
    }
    let [pools_appeared, pools_went, pools_changed] =
        [pools_appeared, pools_went, pools_changed].map(grouped);
    let [appeared, went, changed] = [sessions_appeared, sessions_went, sessions_changed].map(grouped);
    let [same, new, forgotten] = [sessions_same, retirements_appeared, retirements_went].map(grouped);
    for (of, text) in [
        ("pools:", format!("{pools_appeared} appeared, {pools_went} went, {pools_changed} changed")),
        ("sessions:", format!("{appeared} appeared, {went} went, {changed} changed, {same} stayed the same")),
        ("retirements:", format!("{new} new, {forgotten} forgotten")),
    ] {
        let room = context.width.map_or(usize::MAX, |width| width.saturating_sub(NAMES));
        let mut of = of;
        for line in wrap(&text, room) {
            writeln!(out, "{of:NAMES$}{line}")?;
            of = "";
        }
    }
    Ok(())
}
