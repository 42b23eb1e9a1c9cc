//! `show`: everything of one session.

use std::io::{self, Write};

use clap::Args;
use serde_json::{Value, json};
use session_pool::{PoolName, SessionId, SessionState, inspect};

use super::Result;
use crate::context::{Context, note};
use crate::exit_code::NotFound;
use crate::output::{Format, document, escape};
use crate::secrets;
use crate::source::Source;

/// Shows everything of one session.
///
/// Example: session-pool show sessions 01a205549d4f7057a9bb985239832f51
#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    source: Source,
    /// The session's id.
    id: SessionId,
    /// In this pool only.
    #[arg(long)]
    pool: Option<PoolName>,
    /// Show secrets: cookies' values, user data, the proxy's password.
    #[arg(long)]
    reveal: bool,
}

impl Show {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { source, id, pool, reveal } = self;
        let store = source.open(context)?;
        let found = inspect::find(&*store, pool.as_ref(), &id)?;
        if found.is_empty() {
            return Err(NotFound(format!("there is no session {id}")).into());
        }
        let mut shown = Vec::new();
        for (pool, record) in found {
            let payload = store.payload(pool.number, &id)?;
            if payload.is_none() {
                note("its cookies, user data, proxy and fingerprint are missing in the store");
            }
            let state = SessionState::new(id, &record, payload.unwrap_or_default());
            let mut value = secrets::state(&state, reveal)?;
            if let Value::Object(fields) = &mut value {
                fields.insert("pool".to_owned(), json!(pool.name));
            }
            shown.push(value);
        }
        if context.format != Format::Table {
            let value = if shown.len() == 1 { shown.remove(0) } else { Value::Array(shown) };
            return Ok(document(&value, context.format, out)?);
        }
        for value in &shown {
            for (field, value) in value.as_object().into_iter().flatten() {
                table_field(field, value, out)?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

fn table_field(field: &str, value: &Value, out: &mut dyn Write) -> io::Result<()> {
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
