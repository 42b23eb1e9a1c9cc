//! A session of ours as one of Crawlee.

use std::collections::HashSet;

use serde_json::{Map, Number, Value, json};

use super::super::exact;
use super::super::fields::{shown, veiled};
use super::super::note::Notes;
use super::read::BLOCKED_STATUS_CODES;
use super::write_cookies::{js_jar, python_cookies};
use super::{Dialect, RENAMED_FROM, duration, proxy_info};
use crate::session::{
    ErrorScore, Fingerprint, Limits, Payload, Proxy, Retired, SessionId, SessionRecord, Timestamp,
    is_secret_name,
};

/// Makes sessions for a state of Crawlee.
pub(super) struct SessionWriter {
    dialect: Dialect,
    now: Timestamp,
    /// Ids that sessions got back.
    names: HashSet<String>,
}

impl SessionWriter {
    pub(super) fn new(dialect: Dialect, now: Timestamp) -> Self {
        Self { dialect, now, names: HashSet::new() }
    }

    pub(super) fn value(
        &mut self,
        id: SessionId,
        record: &SessionRecord,
        payload: Payload,
        notes: &mut Notes,
    ) -> Value {
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
        let user_data = Value::Object(user_data);
        if self.dialect != Dialect::Python {
            exact::note_rounded(&user_data, "user_data", notes);
        }
        let mut session = Map::new();
        session.insert("id".to_owned(), name.into());
        session.insert("userData".to_owned(), user_data);
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
            notes.dropped("why and when it was retired", format_args!("{reason} at {at}"));
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
    if is_js && thousandths.is_multiple_of(1000) {
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
            _ => {
                let value = if is_secret_name(name) { veiled(value) } else { shown(value) };
                notes.dropped(format!("fingerprint.{name}"), value);
            }
        }
    }
    (!hints.is_empty()).then_some(Value::Object(hints))
}
