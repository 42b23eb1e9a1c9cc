//! `add`: sessions, by hand.

mod cookie;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use session_pool::maintenance::{AddOptions, AddPlan, MaintenanceError, session_options};
use session_pool::serde_json::Value;
use session_pool::{Cookie, PoolName, Proxy, SessionId, SessionOptions, Timestamp};

use super::Result;
use crate::consent::{Consent, counted, first_of};
use crate::context::{Context, note};
use crate::errors::{BadFile, Wrong, plain};
use crate::moment::{self, Moment};
use crate::output::{Cell, Column, Rows};
use crate::progress::Progress;
use crate::source::{open_store, quoted, read_store};

/// Adds sessions, by the rules that hold in a crawler.
///
/// One from the options below, or any number from JSON (--file): objects one after the other, or an array of them, with the
/// fields `id`, `cookies` (each with `name`, `value`, `domain`, and where they are wanted `path`, `host_only`, `secure`,
/// `http_only`, `same_site`, `partition_key`, `expires_at`), `user_data`, `proxy`, `fingerprint` (`headers`, `attributes`), `max_age`
/// (seconds), `max_usage_count`, `max_error_score`, `error_score_decrement`, `max_concurrent_uses`, `created_at`, `expires_at`,
/// `usage_count`, `error_count`, `error_score`; all of them optional. Where anything breaks a rule, none is added.
///
/// What is on a command line, others on this machine can see: better give secrets by --file, or --file - for stdin.
///
/// Example: session-pool add sessions --pool shop.example --id alice --cookie 'sid=s3cret; Domain=shop.example; Secure'
#[derive(Args)]
pub(crate) struct Add {
    /// The store's directory. No crawler may have it open.
    store: PathBuf,
    /// To this pool. Default: the one that the store has.
    #[arg(long, allow_hyphen_values = true)]
    pool: Option<PoolName>,
    /// Create the pool where it is not there yet.
    #[arg(long)]
    create_pool: bool,
    /// The file with the sessions as JSON; `-` for stdin, which needs --yes.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    one: One,
    /// Tell what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
}

/// One session.
#[derive(Args)]
#[group(id = "one", multiple = true, conflicts_with = "file")]
struct One {
    /// Its id: 1 to 50 letters, digits, `.`, `_`, `~`. Default: a new one.
    #[arg(long)]
    id: Option<SessionId>,
    /// A cookie as in a header Set-Cookie, with its domain: `sid=s3cret; Domain=shop.example; Path=/; Secure`. Can be given
    /// several times.
    #[arg(long, value_name = "COOKIE", value_parser = cookie::parse)]
    cookie: Vec<Cookie>,
    /// The proxy that all its requests leave through: `http://user:password@proxy.example:8000`.
    #[arg(long, value_name = "URL")]
    proxy: Option<Proxy>,
    /// Something to keep with it, as JSON: `'plan="trial"'`, `age=7`. Can be given several times.
    #[arg(long, value_name = "KEY=JSON", value_parser = key_and_json)]
    user_data: Vec<(String, Value)>,
    /// How long it may live: `50min`, `7d`. Default: 50 minutes.
    #[arg(long, value_name = "AGE", value_parser = moment::span, allow_hyphen_values = true)]
    max_age: Option<Duration>,
    /// When it expires, instead: `2026-03-01T12:00:00Z`, `2026-03-01`, `in 2h`.
    #[arg(long, value_name = "TIME", conflicts_with = "max_age", allow_hyphen_values = true)]
    expires_at: Option<Moment>,
    /// How often it may be used. Default: 50.
    #[arg(long, value_name = "NUMBER")]
    max_usage_count: Option<u32>,
    /// The error score at which it is blocked. Default: 3.
    #[arg(long, value_name = "SCORE")]
    max_error_score: Option<f64>,
    /// How much a good use takes off its error score. Default: 0.5.
    #[arg(long, value_name = "SCORE")]
    error_score_decrement: Option<f64>,
    /// How often it may be used at the same time. Default: no limit.
    #[arg(long, value_name = "NUMBER")]
    max_concurrent_uses: Option<u32>,
}

impl One {
    fn options(self, context: &Context) -> SessionOptions {
        let Self {
            id,
            cookie,
            proxy,
            user_data,
            max_age,
            expires_at,
            max_usage_count,
            max_error_score,
            error_score_decrement,
            max_concurrent_uses,
        } = self;
        let defaults = SessionOptions::default();
        let options = SessionOptions {
            id,
            cookies: cookie,
            proxy,
            max_age: max_age.unwrap_or(defaults.max_age),
            expires_at: expires_at.map(|moment| moment.ahead(context).to_datetime()),
            max_usage_count: max_usage_count.unwrap_or(defaults.max_usage_count),
            max_error_score: max_error_score.unwrap_or(defaults.max_error_score),
            error_score_decrement: error_score_decrement.unwrap_or(defaults.error_score_decrement),
            max_concurrent_uses,
            ..defaults
        };
        user_data.into_iter().fold(options, |options, (key, value)| options.user_data(key, value))
    }
}

fn key_and_json(text: &str) -> std::result::Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=JSON")?;
    let parsed: Value = serde_json::from_str(value).map_err(|error| {
        if value.trim_start().starts_with(['{', '[', '"']) {
            return format!("what follows the first `=` must be JSON: {error}");
        }
        // Were it a text where it is no JSON, 12345 would be a number and 01234 a text.
        let text = format!("{key}={}", Value::from(value));
        format!("what follows the first `=` must be JSON, texts in quotes: --user-data {}", quoted(&text))
    })?;
    // With all that holds for a file of sessions: each key once, no number that would become another one.
    let session = format!("{{\"user_data\":{{{}:{value}}}}}", Value::from(key));
    session_options(&session).map_err(|error| error.rule)?;
    Ok((key.to_owned(), parsed))
}

/// What becomes of a session.
struct Row {
    pool: PoolName,
    id: SessionId,
    outcome: &'static str,
    expires_at: Timestamp,
    max_usage_count: u32,
    cookies: usize,
    user_data: usize,
    proxy: Option<String>,
}

fn columns() -> Vec<Column<Row>> {
    vec![
        Column::new("pool", |row: &Row| Cell::text(row.pool.as_str())).shrinking_to(12),
        Column::new("id", |row: &Row| Cell::text(row.id.as_str())),
        Column::new("outcome", |row: &Row| Cell::text(row.outcome)),
        Column::new("expires_at", |row: &Row| Cell::Away(row.expires_at)),
        Column::new("max_usage_count", |row: &Row| Cell::Count(row.max_usage_count.into())).right(),
        Column::new("cookies", |row: &Row| Cell::Count(row.cookies as u64)).right(),
        Column::new("user_data", |row: &Row| Cell::Count(row.user_data as u64)).right(),
        Column::new("proxy", |row: &Row| Cell::maybe(row.proxy.as_deref(), Cell::text)).shrinking_to(12),
    ]
}

impl Add {
    pub(crate) fn run(self, context: &Context, out: &mut dyn Write) -> Result {
        let Self { store, pool, create_pool, file, one, dry_run, consent } = self;
        // What is read from stdin can be read once, and no answer from it.
        if !dry_run && file.as_deref().is_some_and(|file| file == Path::new("-")) {
            consent.can_be_had()?;
        }
        let sessions = match &file {
            Some(file) => read(file)?,
            None => vec![one.options(context)],
        };
        let given: usize = sessions.iter().map(|options| options.cookies.len()).sum();
        let options = AddOptions { pool, create_pool, sessions };
        let plan = AddPlan::new(&read_store(&store, context)?, options, context.now.to_datetime());
        let plan = plan.map_err(|error| located(error, file.as_ref()))?;
        let outcome = if dry_run { "would be added" } else { "added" };
        let mut added = Vec::with_capacity(plan.sessions().len());
        for (id, record, payload) in plan.sessions() {
            added.push(Row {
                pool: plan.pool().clone(),
                id,
                outcome,
                expires_at: record.expires_at,
                max_usage_count: record.limits.max_usage_count,
                cookies: payload.cookies.len(),
                user_data: payload.user_data.as_map().len(),
                // Without its password.
                proxy: payload.proxy.as_ref().map(ToString::to_string),
            });
        }
        let left_out = given - added.iter().map(|row| row.cookies).sum::<usize>();
        if left_out > 0 {
            let cookies = counted(left_out as u64, "cookie");
            note(&format!("{cookies} left out: expired, or given again with another value"));
        }
        if !dry_run && !added.is_empty() {
            consent.ask(|| Ok(summary(&plan, &added, context)))?;
            let store = open_store(&store, context)?;
            let (bar, total) = (Progress::new("adding"), added.len() as u64);
            plan.apply(&store, &mut |done| bar.set(done, total))?;
        }
        let mut rows = Rows::new(columns(), context, out)?;
        for row in &added {
            rows.row(row)?;
        }
        rows.end()?;
        if added.is_empty() {
            note("there is nothing to do: no session is given");
        }
        Ok(())
    }
}

/// The sessions in a file.
fn read(file: &PathBuf) -> Result<Vec<SessionOptions>> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let bad = |why: String| BadFile(format!("{}: {why}", file.display()));
    let text = text.map_err(|error| bad(plain(&error)))?;
    Ok(session_options(&text).map_err(|error| bad(error.to_string()))?)
}

/// Says in which file the session is that breaks a rule.
fn located(error: MaintenanceError, file: Option<&PathBuf>) -> Box<dyn std::error::Error> {
    match (error, file) {
        (MaintenanceError::Invalid { number, source }, Some(file)) => {
            BadFile(format!("{}: session {number}: {source}", file.display())).into()
        }
        (MaintenanceError::Invalid { source, .. }, None) => Wrong(source.to_string()).into(),
        (error, _) => error.into(),
    }
}

/// What is about to be done, for people.
fn summary(plan: &AddPlan, added: &[Row], context: &Context) -> Vec<String> {
    let new = if plan.is_new_pool() { ", which is created" } else { "" };
    let sessions = counted(added.len() as u64, "session");
    let mut lines = vec![format!("{sessions}, to be added to the pool {}{new}:", plan.pool())];
    let line = |row: &Row| {
        let expires = crate::output::relative(row.expires_at, context.now);
        let proxy = row.proxy.as_ref().map(|proxy| format!(", by {proxy}")).unwrap_or_default();
        format!("    {}: {}, expires {expires}{proxy}", row.id, counted(row.cookies as u64, "cookie"))
    };
    lines.extend(first_of(added.iter().map(line), 20));
    lines
}
