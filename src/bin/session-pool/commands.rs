//! Each command: a call of the library, and what of its answer is shown.

use std::error::Error;
use std::io::{self, Write};
use std::ops::ControlFlow;

use serde::Serialize;
use serde_json::{Value, json};
use session_pool::inspect::{self, Filter};
use session_pool::{
    LogEntry, PoolName, ReadStore, Reason, Sequence, SessionRecord, SessionState, State, Timestamp,
};

use crate::arguments::{Arguments, Command, Format, ReasonArgument, StateArgument};
use crate::exit_code::NotFound;
use crate::output::{Rows, escape};
use crate::safety;

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> Result {
    let (format, keys) = (arguments.format, &arguments.keys);
    match &arguments.command {
        Command::Stats { store } => stats(&safety::open(store, keys)?, format, out),
        Command::List { store, pool, state, reason, limit } => {
            let mut filter = Filter::default();
            filter.pool.clone_from(pool);
            filter.live = state.map(|state| state == StateArgument::Live);
            filter.reason = reason.map(Reason::from);
            list(&safety::open(store, keys)?, &filter, limit.unwrap_or(usize::MAX), format, out)
        }
        Command::Show { store, id, pool, reveal } => {
            let store = safety::open(store, keys)?;
            let found = inspect::find(&store, pool.as_ref(), id)?;
            if found.is_empty() {
                return Err(NotFound(format!("there is no session {id}")).into());
            }
            let mut states = Vec::new();
            for (pool, record) in found {
                let payload = store.payload(pool.number, id)?;
                if payload.is_none() {
                    note("its cookies, user data, proxy and fingerprint are missing in the store");
                }
                let payload = payload.unwrap_or_default();
                states.push((pool.name, SessionState::new(*id, &record, payload)));
            }
            show(states, *reveal, format, out)
        }
        Command::Retirements { store, pool, reason, after, limit } => {
            let reason: Option<ReasonArgument> = *reason;
            let wanted = Wanted {
                pool: pool.as_ref(),
                reason: reason.map(Reason::from),
                after: Sequence(*after),
                limit: limit.unwrap_or(usize::MAX),
            };
            retirements(&safety::open(store, keys)?, &wanted, format, out)
        }
        Command::Check { path } => safety::check(path, keys, format, out),
        Command::Backup { store, file } => safety::backup(store, file, keys, out),
        Command::Restore { file, store, damaged, new_keys } => {
            safety::restore_archive(file, store, *damaged, keys, new_keys, format, out)
        }
        Command::Repair { store, into, archive, new_keys } => {
            safety::repair_store(store, into.as_deref(), archive, keys, new_keys, format, out)
        }
    }
}

fn stats(store: &dyn ReadStore, format: Format, out: &mut impl Write) -> Result {
    let columns = [
        ("POOL", 20),
        ("LIVE", 8),
        ("RESTING", 8),
        ("EXPIRED", 8),
        ("RETIRED: BLOCKED", 8),
        ("EXHAUSTED", 8),
        ("EXPIRED", 8),
        ("BY CALLER", 8),
        ("USES", 8),
        ("ERRORS", 8),
        ("UNREADABLE", 8),
        ("NEXT EXPIRY", 24),
    ];
    let mut rows = Rows::new(out, format, &columns)?;
    for pool in inspect::stats(store, chrono::DateTime::from(std::time::SystemTime::now()))? {
        let retired = |reason| pool.retired.get(&reason).copied().unwrap_or_default().to_string();
        let cells = [
            pool.pool.to_string(),
            pool.live.to_string(),
            pool.resting.to_string(),
            pool.expired.to_string(),
            retired(Reason::Blocked),
            retired(Reason::Exhausted),
            retired(Reason::Expired),
            retired(Reason::Retired),
            pool.uses.to_string(),
            pool.errors.to_string(),
            pool.unreadable.to_string(),
            time(pool.next_expiry),
        ];
        rows.row(&pool, &cells)?;
    }
    Ok(rows.end()?)
}

/// A session as `list` shows it.
#[derive(Serialize)]
struct Listed<'a> {
    pool: &'a PoolName,
    id: String,
    state: &'static str,
    reason: Option<Reason>,
    usage_count: u32,
    error_count: u32,
    error_score: f64,
    created_at: Timestamp,
    expires_at: Timestamp,
    last_used_at: Option<Timestamp>,
    resting_until: Option<Timestamp>,
    retired_at: Option<Timestamp>,
}

impl<'a> Listed<'a> {
    fn new(pool: &'a PoolName, id: String, record: &SessionRecord) -> Self {
        let state = record.state();
        Self {
            pool,
            id,
            state: if state == State::Live { "live" } else { "retired" },
            reason: record.retired.map(|retired| retired.reason),
            usage_count: record.usage_count,
            error_count: record.error_count,
            error_score: record.error_score.to_f64(),
            created_at: record.created_at,
            expires_at: record.expires_at,
            last_used_at: record.last_used_at,
            resting_until: record.resting_until,
            retired_at: record.retired.map(|retired| retired.at),
        }
    }
}

fn list(
    store: &dyn ReadStore,
    filter: &Filter,
    limit: usize,
    format: Format,
    out: &mut impl Write,
) -> Result {
    let columns = [
        ("POOL", 20),
        ("ID", 32),
        ("STATE", 18),
        ("USES", 6),
        ("ERRORS", 6),
        ("SCORE", 6),
        ("CREATED", 24),
        ("EXPIRES", 24),
    ];
    let mut rows = Rows::new(out, format, &columns)?;
    let (mut listed, mut unreadable, mut written) = (0, 0, Ok(()));
    if limit > 0 {
        inspect::for_each(store, filter, &mut |item| {
            let Ok(found) = item else {
                unreadable += 1;
                return ControlFlow::Continue(());
            };
            let session = Listed::new(&found.pool.name, found.id.to_string(), &found.record);
            let state = session.reason.map_or("live".to_owned(), |reason| format!("retired: {reason}"));
            let cells = [
                session.pool.to_string(),
                session.id.clone(),
                state,
                session.usage_count.to_string(),
                session.error_count.to_string(),
                session.error_score.to_string(),
                session.created_at.to_string(),
                session.expires_at.to_string(),
            ];
            written = rows.row(&session, &cells);
            listed += 1;
            if written.is_ok() && listed < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
    }
    written?;
    rows.end()?;
    note_unreadable(unreadable);
    Ok(())
}

/// Says on stderr what was passed over.
fn note_unreadable(unreadable: usize) {
    if unreadable > 0 {
        note(&format!("{unreadable} unreadable items were passed over"));
    }
}

pub(crate) fn note(text: &str) {
    // Where stderr is closed, there is nobody to tell.
    let _ = writeln!(io::stderr(), "session-pool: {text}");
}

fn show(states: Vec<(PoolName, SessionState)>, reveal: bool, format: Format, out: &mut impl Write) -> Result {
    let mut shown = Vec::new();
    for (pool, state) in states {
        let proxy = state.proxy.as_ref().map(ToString::to_string);
        let mut value = serde_json::to_value(&state)?;
        if !reveal {
            mask(&mut value, proxy);
        }
        if let Value::Object(fields) = &mut value {
            fields.insert("pool".to_owned(), json!(pool));
        }
        shown.push(value);
    }
    match format {
        Format::Json => {
            let value = if shown.len() == 1 { shown.remove(0) } else { Value::Array(shown) };
            writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
        }
        Format::Table => {
            for value in &shown {
                for (field, value) in value.as_object().into_iter().flatten() {
                    table_field(field, value, out)?;
                }
                writeln!(out)?;
            }
        }
    }
    Ok(())
}

fn table_field(field: &str, value: &Value, out: &mut impl Write) -> io::Result<()> {
    let plain = |value: &Value| match value {
        Value::String(text) => escape(text),
        Value::Null => "-".to_owned(),
        other => escape(&other.to_string()),
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            writeln!(out, "{field}:")?;
            for item in items {
                writeln!(out, "    {}", plain(item))?;
            }
            Ok(())
        }
        Value::Object(items) if !items.is_empty() => {
            writeln!(out, "{field}:")?;
            for (key, item) in items {
                writeln!(out, "    {}: {}", escape(key), plain(item))?;
            }
            Ok(())
        }
        Value::Array(_) | Value::Object(_) => writeln!(out, "{field:24}none"),
        other => writeln!(out, "{field:24}{}", plain(other)),
    }
}

/// Puts stars where secrets are.
fn mask(state: &mut Value, proxy: Option<String>) {
    const MASK: &str = "***";
    for cookie in state["cookies"].as_array_mut().into_iter().flatten() {
        cookie["value"] = json!(MASK);
    }
    for (_, value) in state["user_data"].as_object_mut().into_iter().flatten() {
        *value = json!(MASK);
    }
    if let Some(proxy) = proxy {
        state["proxy"] = json!(proxy);
    }
}

/// Which retirements are asked for.
struct Wanted<'a> {
    pool: Option<&'a PoolName>,
    reason: Option<Reason>,
    after: Sequence,
    limit: usize,
}

/// A retirement as `retirements` shows it.
#[derive(Serialize)]
struct Logged<'a> {
    pool: &'a PoolName,
    sequence: Sequence,
    #[serde(flatten)]
    entry: LogEntry,
}

fn retirements(store: &dyn ReadStore, wanted: &Wanted<'_>, format: Format, out: &mut impl Write) -> Result {
    let columns = [
        ("POOL", 20),
        ("SEQUENCE", 8),
        ("RETIRED", 24),
        ("REASON", 9),
        ("ID", 32),
        ("USES", 6),
        ("ERRORS", 6),
        ("SCORE", 6),
    ];
    let mut rows = Rows::new(out, format, &columns)?;
    let (mut unreadable, mut written) = (0, Ok(()));
    for summary in inspect::pools(store)? {
        if wanted.limit == 0 || wanted.pool.is_some_and(|name| *name != summary.name) {
            continue;
        }
        let mut shown = 0;
        store.visit_log(summary.number, wanted.after, &mut |item| {
            let Ok((sequence, entry)) = item else {
                unreadable += 1;
                return ControlFlow::Continue(());
            };
            if wanted.reason.is_some_and(|reason| reason != entry.reason) {
                return ControlFlow::Continue(());
            }
            let cells = [
                summary.name.to_string(),
                sequence.to_string(),
                entry.retired_at.to_string(),
                entry.reason.to_string(),
                entry.id.to_string(),
                entry.usage_count.to_string(),
                entry.error_count.to_string(),
                entry.error_score.to_string(),
            ];
            written = rows.row(&Logged { pool: &summary.name, sequence, entry }, &cells);
            shown += 1;
            if written.is_ok() && shown < wanted.limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        std::mem::replace(&mut written, Ok(()))?;
    }
    rows.end()?;
    note_unreadable(unreadable);
    Ok(())
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.to_string())
}
