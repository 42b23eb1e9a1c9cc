//! A pool of ours as a state of Crawlee.

use std::collections::HashSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Number, Value, json};

use super::super::note::{Note, Notes};
use super::super::writer::into_file;
use super::super::{ExchangeError, the_pool};
use super::read::BLOCKED_STATUS_CODES;
use super::write_cookies::{js_jar, python_cookies};
use super::{Dialect, RENAMED_FROM, duration, proxy_info};
use crate::session::{
    ErrorScore, Fingerprint, Limits, Payload, Proxy, Retired, SessionId, SessionRecord, Timestamp,
};
use crate::store::{PoolName, PoolNumber, ReadStore, StoreError};

/// How much a state holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct CrawleeSummary {
    /// Sessions that Crawlee may use.
    pub usable: u64,
    /// Sessions that are retired, blocked, used up or expired. Crawlee forgets them when it loads the state.
    pub retired: u64,
    /// Sessions of the pool that could not be read, and so are not in it.
    pub unreadable: u64,
}

/// Writes the sessions of a pool as a state of Crawlee: of the pool that is named, or of the only one there is. It takes
/// memory for a session. `note` is handed what could not be carried over; `now` is the time that tells who has expired.
///
/// # Errors
///
/// [`ExchangeError::Io`] where `out` fails, [`ExchangeError::Store`] where the store cannot be read,
/// [`ExchangeError::WhichPool`], [`ExchangeError::NoSuchPool`].
pub fn write(
    store: &dyn ReadStore,
    pool: Option<&PoolName>,
    dialect: Dialect,
    now: DateTime<Utc>,
    mut out: impl Write,
    note: &mut dyn FnMut(&Note),
) -> Result<CrawleeSummary, ExchangeError> {
    let (pool, now) = (the_pool(store, pool)?.number, Timestamp::from(now));
    let mut writer =
        Writer { store, pool, dialect, now, names: HashSet::new(), summary: count(store, pool, now)? };
    let io = ExchangeError::io("write");
    let written = writer.state(&mut out, note);
    match written {
        Ok(()) => Ok(writer.summary),
        Err(Failure::Io(error)) => Err(io(error)),
        Err(Failure::Store(error)) => Err(error.into()),
    }
}

/// The same into a new file, which only its owner may read, and which is there as a whole or not at all.
///
/// # Errors
///
/// Those of [`write()`]; [`ExchangeError::Io`] also where the file is there already.
pub fn write_file(
    store: &dyn ReadStore,
    pool: Option<&PoolName>,
    dialect: Dialect,
    now: DateTime<Utc>,
    path: impl AsRef<Path>,
    note: &mut dyn FnMut(&Note),
) -> Result<CrawleeSummary, ExchangeError> {
    into_file(path.as_ref(), |out| write(store, pool, dialect, now, std::io::BufWriter::new(out), note))
}

/// How many sessions Crawlee will take for usable. What cannot be read is not in it.
fn count(store: &dyn ReadStore, pool: PoolNumber, now: Timestamp) -> Result<CrawleeSummary, StoreError> {
    let mut summary = CrawleeSummary::default();
    store.visit_sessions(pool, None, &mut |item| {
        match item {
            Ok((_, record)) if record.is_usable(now) => summary.usable += 1,
            Ok(_) => summary.retired += 1,
            Err(_) => summary.unreadable += 1,
        }
        ControlFlow::Continue(())
    })?;
    Ok(summary)
}

enum Failure {
    Io(std::io::Error),
    Store(StoreError),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

struct Writer<'a> {
    store: &'a dyn ReadStore,
    pool: PoolNumber,
    dialect: Dialect,
    now: Timestamp,
    /// Ids that sessions got back.
    names: HashSet<String>,
    summary: CrawleeSummary,
}

impl Writer<'_> {
    fn state(&mut self, out: &mut dyn Write, note: &mut dyn FnMut(&Note)) -> Result<(), Failure> {
        write!(out, "{{\n  \"sessions\": [")?;
        let mut is_first = true;
        let (store, pool) = (self.store, self.pool);
        let mut failure = None;
        let visited = store.visit_sessions(pool, None, &mut |item| {
            let Ok((id, record)) = item else { return ControlFlow::Continue(()) };
            match self.session(id, &record, &mut is_first, out, note) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        visited.map_err(Failure::Store)?;
        let CrawleeSummary { usable, retired, unreadable: _ } = self.summary;
        let counts = match self.dialect {
            Dialect::Js3 | Dialect::Js4 => {
                json!({ "usableSessionsCount": usable, "retiredSessionsCount": retired })
            }
            Dialect::Python => json!({
                // The pool's own size, which is the larger one of what it has by default and what there is.
                "maxPoolSize": (usable + retired).max(1000),
                "sessionCount": usable + retired,
                "usableSessionCount": usable,
                "retiredSessionCount": retired,
            }),
        };
        write!(out, "{}]", if is_first { "" } else { "\n  " })?;
        for (name, value) in counts.as_object().into_iter().flatten() {
            write!(out, ",\n  \"{name}\": {value}")?;
        }
        writeln!(out, "\n}}")?;
        out.flush()?;
        Ok(())
    }

    fn session(
        &mut self,
        id: SessionId,
        record: &SessionRecord,
        is_first: &mut bool,
        out: &mut dyn Write,
        note: &mut dyn FnMut(&Note),
    ) -> Result<(), Failure> {
        let payload = match self.store.payload(self.pool, &id) {
            Ok(Some(payload)) => payload,
            // Without its cookies and its proxy it would go out as somebody else.
            Ok(None) | Err(StoreError::Unreadable(_)) => {
                let is_usable = record.is_usable(self.now);
                let counted = if is_usable { &mut self.summary.usable } else { &mut self.summary.retired };
                *counted = counted.saturating_sub(1);
                self.summary.unreadable += 1;
                return Ok(());
            }
            Err(error) => return Err(Failure::Store(error)),
        };
        let mut notes = Notes::of(id.as_str());
        let session = self.value(id, record, payload, &mut notes);
        notes.into_notes().iter().for_each(note);
        let separator = if std::mem::take(is_first) { "" } else { "," };
        write!(out, "{separator}\n    ")?;
        serde_json::to_writer(out, &session).map_err(|error| Failure::Io(error.into()))
    }

    fn value(&mut self, id: SessionId, record: &SessionRecord, payload: Payload, notes: &mut Notes) -> Value {
        // Exhaustive, so that a new field cannot be forgotten here.
        let Payload { cookies, user_data, proxy, fingerprint } = payload;
        let mut user_data = user_data.as_map().clone();
        let mut name = id.to_string();
        if let Some(former) = user_data.get(RENAMED_FROM).and_then(Value::as_str)
            && former.parse::<SessionId>().is_err()
            && self.names.insert(former.to_owned())
        {
            former.clone_into(&mut name);
            user_data.remove(RENAMED_FROM);
        }
        let mut session = Map::new();
        session.insert("id".to_owned(), name.into());
        session.insert("userData".to_owned(), user_data.into());
        self.record(record, &mut session, notes);
        match self.dialect {
            Dialect::Js3 => {
                session.insert("cookieJar".to_owned(), js_jar(&cookies, notes));
                note_identity(proxy.as_ref(), fingerprint.as_ref(), notes);
            }
            Dialect::Js4 => {
                session.insert("cookieJar".to_owned(), js_jar(&cookies, notes));
                session.extend(proxy.as_ref().map(|proxy| ("proxyInfo".to_owned(), proxy_info::of(proxy))));
                let hints = fingerprint.as_ref().and_then(|fingerprint| hints(fingerprint, notes));
                session.extend(hints.map(|hints| ("fingerprint".to_owned(), hints)));
            }
            Dialect::Python => {
                session.insert("cookies".to_owned(), python_cookies(&cookies, notes));
                session.insert("blockedStatusCodes".to_owned(), json!(BLOCKED_STATUS_CODES));
                note_identity(proxy.as_ref(), fingerprint.as_ref(), notes);
            }
        }
        Value::Object(session)
    }

    fn record(&self, record: &SessionRecord, session: &mut Map<String, Value>, notes: &mut Notes) {
        let SessionRecord {
            created_at,
            expires_at,
            last_used_at,
            resting_until,
            usage_count,
            error_count,
            mut error_score,
            limits: Limits { max_usage_count, max_concurrent_uses, max_error_score, error_score_decrement },
            retired,
        } = *record;
        if let Some(time) = last_used_at {
            notes.dropped("last_used_at", time);
        }
        if let Some(time) = resting_until.filter(|time| *time > self.now) {
            notes.dropped("resting_until", time);
        }
        if error_count > 0 {
            notes.dropped("error_count", error_count);
        }
        if max_concurrent_uses != Limits::UNLIMITED {
            notes.dropped("max_concurrent_uses", max_concurrent_uses);
        }
        if let Some(Retired { reason, at }) = retired {
            notes.dropped("retired", format_args!("{reason} at {at}"));
            // Where nothing else tells that it is retired, the score has to.
            let shows = self.dialect == Dialect::Js4 || record.unusable_because(self.now).is_some();
            if !shows {
                let raised = error_score.max(max_error_score);
                notes.changed("error_score", error_score, raised);
                error_score = raised;
            }
        }
        let is_js = self.dialect != Dialect::Python;
        let score = |score: ErrorScore| Value::Number(score_number(score, is_js));
        session.extend([
            ("errorScore".to_owned(), score(error_score)),
            ("maxErrorScore".to_owned(), score(max_error_score)),
            ("errorScoreDecrement".to_owned(), score(error_score_decrement)),
            ("usageCount".to_owned(), usage_count.into()),
            ("maxUsageCount".to_owned(), max_usage_count.into()),
        ]);
        if is_js {
            session.insert("createdAt".to_owned(), json!(created_at));
            session.insert("expiresAt".to_owned(), json!(expires_at));
            if self.dialect == Dialect::Js4 {
                session.insert("retired".to_owned(), retired.is_some().into());
            }
        } else {
            let from = python_time(created_at, notes);
            session.insert("createdAt".to_owned(), from.1.into());
            let age = expires_at.as_millis().saturating_sub(from.0.as_millis());
            session.insert("maxAge".to_owned(), duration::format(age).into());
        }
    }
}

/// A score as a number of JavaScript, which has no `.0`, or of Python, which has.
fn score_number(score: ErrorScore, is_js: bool) -> Number {
    let thousandths = score.thousandths();
    if is_js && thousandths % 1000 == 0 {
        return (thousandths / 1000).into();
    }
    Number::from_f64(score.to_f64()).unwrap_or_else(|| (thousandths / 1000).into())
}

/// A time as Python has it, whose first year is the year 1: in microseconds, or in seconds where these are whole.
fn python_time(time: Timestamp, notes: &mut Notes) -> (Timestamp, String) {
    const FIRST: Timestamp = Timestamp::from_millis(-62_135_596_800_000);
    let kept = time.max(FIRST);
    if kept != time {
        notes.changed("created_at", time, kept);
    }
    let digits = if kept.as_millis() % 1000 == 0 {
        chrono::SecondsFormat::Secs
    } else {
        chrono::SecondsFormat::Micros
    };
    (kept, kept.to_datetime().to_rfc3339_opts(digits, true))
}

/// What a dialect without proxies and fingerprints leaves out.
fn note_identity(proxy: Option<&Proxy>, fingerprint: Option<&Fingerprint>, notes: &mut Notes) {
    if let Some(proxy) = proxy {
        notes.dropped("proxy", proxy);
    }
    if let Some(Fingerprint { headers, attributes }) = fingerprint {
        let value = format_args!("{} headers, {} attributes", headers.len(), attributes.len());
        notes.dropped("fingerprint", value);
    }
}

/// A fingerprint as Crawlee JS 4 has it: hints, of which it makes the headers itself.
fn hints(fingerprint: &Fingerprint, notes: &mut Notes) -> Option<Value> {
    const KNOWN: [(&str, &[&str]); 3] = [
        ("browser", &["chrome", "firefox", "safari", "edge"]),
        ("platform", &["windows", "macos", "linux", "android", "ios"]),
        ("device", &["desktop", "mobile"]),
    ];
    let Fingerprint { headers, attributes } = fingerprint;
    if !headers.is_empty() {
        notes.dropped("fingerprint.headers", format_args!("{} headers", headers.len()));
    }
    let mut hints = Map::new();
    for (name, value) in attributes {
        let known = KNOWN.iter().find(|(known, _)| known == name);
        let hint = known.and_then(|(_, values)| values.iter().find(|known| value.as_str() == Some(*known)));
        match (hint, name.as_str(), value) {
            (Some(hint), ..) => drop(hints.insert(name.clone(), json!(hint))),
            // As the built-in fingerprints say it.
            (None, "mobile", Value::Bool(mobile)) => {
                let device = if *mobile { "mobile" } else { "desktop" };
                hints.entry("device").or_insert_with(|| device.into());
            }
            _ => notes.dropped(format!("fingerprint.{name}"), super::super::fields::shown(value)),
        }
    }
    (!hints.is_empty()).then_some(Value::Object(hints))
}
