//! `show`: everything of one session.

use std::io::Write;

use clap::Args;
use serde_json::{Value, json};
use session_pool::inspect::Opened;
use session_pool::{LogEntry, PoolEntry, PoolName, Sequence, SessionId, SessionState, StoreError, inspect};

use super::{Result, has_pool};
use crate::context::{Context, note};
use crate::errors::NotFound;
use crate::given_id::GivenId;
use crate::output::{Format, documents};
use crate::shown::{self, Shown};
use crate::source::Source;

/// Shows everything of one session: how it stands, what the retirement log says of it, its cookies, user data, proxy and
/// fingerprint.
///
/// Of a session that has been forgotten since it was retired, it shows what the log still says.
///
/// Example: session-pool show sessions 01a205549d4f7057a9bb985239832f51
#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    source: Source,
    /// The session's id. Where no other is like that, what a narrow table shows of it will do, or a `*` in the place of what is
    /// left out: `01a215b2*94446b09`.
    id: GivenId,
    /// In this pool only.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pool: Option<PoolName>,
    /// Show secrets: cookies' values, user data, the proxy's password or key, headers and attributes that are secrets by
    /// their names.
    #[arg(long)]
    reveal: bool,
}

impl Show {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { source, id, pool, reveal } = self;
        let store = source.open(context)?;
        has_pool(&*store, pool.as_ref())?;
        let id = id.resolve(&*store, pool.as_ref())?;
        let found = find(&store, pool.as_ref(), id, reveal)?;
        if found.is_empty() {
            let place = pool.map(|pool| format!(" in the pool {pool}")).unwrap_or_default();
            return Err(NotFound(format!("there is no session {id}{place}")).into());
        }
        if context.format == Format::Table {
            for (at, session) in found.iter().enumerate() {
                if at > 0 {
                    writeln!(out)?;
                }
                shown::write(session, context, out)?;
            }
            return Ok(());
        }
        let mut values = Vec::new();
        for session in &found {
            values.push(value(session, context)?);
        }
        Ok(documents(&values, context, out)?)
    }
}

/// The sessions of that id, or those that only the log knows; with their secrets, if they are revealed.
fn find(store: &Opened, pool: Option<&PoolName>, id: SessionId, reveal: bool) -> Result<Vec<Shown>> {
    let mut found = Vec::new();
    for (pool, record) in inspect::find(&**store, pool, &id)? {
        let payload = match store.payload(pool.number, &id) {
            Ok(Some(payload)) => Some(if reveal { payload } else { payload.masked() }),
            Ok(None) => {
                note("its cookies, user data, proxy and fingerprint are missing in the store");
                None
            }
            Err(StoreError::Unreadable(item)) => {
                note(&format!("its cookies, user data, proxy and fingerprint cannot be read: {}", item.rule));
                None
            }
            Err(error) => return Err(error.into()),
        };
        let log = if record.retired.is_some() { inspect::history(&**store, &pool, &id)? } else { Vec::new() };
        let state = SessionState::new(id, &record, payload.unwrap_or_default());
        found.push(Shown { pool: pool.name, id, session: Some((record, Box::new(state))), log });
    }
    if found.is_empty() {
        let pools = inspect::pools(&**store)?;
        for entry in pools.iter().filter(|entry| pool.is_none_or(|name| *name == entry.name)) {
            found.extend(forgotten(store, entry, id)?);
        }
    }
    Ok(found)
}

fn forgotten(store: &Opened, pool: &PoolEntry, id: SessionId) -> Result<Option<Shown>> {
    let log = inspect::history(&**store, pool, &id)?;
    Ok((!log.is_empty()).then(|| Shown { pool: pool.name.clone(), id, session: None, log }))
}

/// Everything, for programs.
fn value(session: &Shown, context: &Context) -> Result<Value> {
    let Shown { pool, id, session: found, log } = session;
    let mut value = match found {
        Some((_, state)) => serde_json::to_value(state)?,
        None => json!({ "id": id }),
    };
    let entry = |(sequence, entry): &(Sequence, LogEntry)| -> serde_json::Result<Value> {
        let mut value = serde_json::to_value(entry)?;
        value["sequence"] = json!(sequence);
        Ok(value)
    };
    value["pool"] = json!(pool);
    value["state"] = json!(session.state(context.now));
    value["unusable_because"] = json!(session.unusable_because(context.now));
    value["log"] = Value::Array(log.iter().map(entry).collect::<serde_json::Result<_>>()?);
    Ok(value)
}
