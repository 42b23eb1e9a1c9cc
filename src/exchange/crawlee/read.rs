//! A session of Crawlee as one of ours.

use std::time::Duration;

use serde_json::{Map, Value};

use super::super::exact;
use super::super::fields::{Fields, Wrong, boolean, shown, shown_unless_text, veiled};
use super::super::note::{Note, Notes};
use super::super::{Brought, ExchangeError, Place};
use super::read_cookies::{js_cookies, python_cookies};
use super::{Dialect, RENAMED_FROM, Raw, duration, notation, proxy_info};
use crate::session::{
    ErrorScore, Fingerprint, Invalid, Limits, Payload, Proxy, Reason, Retired, SessionId, SessionRecord,
    Timestamp, UserData,
};

/// The status codes that Crawlee Python has where nothing else is said.
pub(super) const BLOCKED_STATUS_CODES: [u64; 3] = [401, 403, 429];

/// How a state is read.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Reading {
    pub(in super::super) dialect: Dialect,
    /// When it is read: a time to come counts as now.
    pub(in super::super) now: Timestamp,
    /// Whether a session whose id does not fit gets another one.
    pub(in super::super) rename_ids: bool,
}

type Answer<T> = Result<T, Wrong>;

/// Reads the session that has that place in the list.
///
/// # Errors
///
/// [`ExchangeError::Field`], naming the session and the field.
pub(in super::super) fn read_session(
    reading: &Reading,
    index: u64,
    raw: Raw,
) -> Result<(Brought, Vec<Note>), ExchangeError> {
    let Raw { mut value, texts } = raw;
    let mut at = Place::Session(index, None);
    let name = value.get("id").and_then(Value::as_str).map(str::to_owned);
    if let Some(name) = &name {
        at = Place::Session(index, Some(name.clone()));
    }
    let mut notes = Notes::of(name.unwrap_or_default());
    // What is kept as it is; of all other numbers, those who read them tell.
    for field in ["userData", "fingerprint"] {
        if let Some((value, texts)) =
            value.get_mut(field).zip(texts.as_ref().and_then(|texts| texts.get(field)))
        {
            exact::carry(value, texts, field, &mut notes);
        }
    }
    let field = |wrong| ExchangeError::field(at.clone(), wrong);
    let mut fields = Fields::of("", value).map_err(field)?;
    let brought = session(reading, &mut fields, &mut notes).map_err(field)?;
    brought.payload.check().map_err(|invalid| ExchangeError::invalid(at.clone(), invalid))?;
    for (name, value) in fields.rest() {
        notes.dropped(name, shown_unless_text(&value));
    }
    Ok((brought, notes.into_notes()))
}

/// What of the rest of a state is not carried over. What it counts is counted anew where it is written.
pub(in super::super) fn read_file_fields(dialect: Dialect, rest: Map<String, Value>) -> Vec<Note> {
    let counted: &[&str] = match dialect {
        Dialect::Js3 | Dialect::Js4 => &["usableSessionsCount", "retiredSessionsCount"],
        Dialect::Python => &["sessionCount", "usableSessionCount", "retiredSessionCount"],
    };
    let mut notes = Notes::default();
    for (name, value) in rest.into_iter().filter(|(name, _)| !counted.contains(&name.as_str())) {
        notes.dropped(name, shown_unless_text(&value));
    }
    notes.into_notes()
}

fn session(reading: &Reading, fields: &mut Fields, notes: &mut Notes) -> Answer<Brought> {
    let Reading { dialect, now, rename_ids } = *reading;
    let name = fields.text("id")?;
    let (id, renamed) = match name.parse::<SessionId>() {
        Ok(id) => (id, false),
        Err(_) if rename_ids => {
            let id =
                derived_id(&name).map_err(|_| fields.wrong("id", &name.clone().into(), "has no new id"))?;
            notes.changed(
                "id",
                format_args!("{name:?}"),
                format_args!("{id}; the old one is in its user data"),
            );
            (id, true)
        }
        Err(Invalid { rule, value, .. }) => {
            return Err(Wrong { field: "id".to_owned(), value, rule: rule.to_owned() });
        }
    };
    let mut user_data = fields.optional_object("userData")?.unwrap_or_default();
    if renamed && user_data.insert(RENAMED_FROM.to_owned(), Value::String(name)).is_some() {
        let field = format!("userData.{RENAMED_FROM}");
        let rule = "must not be there where the session gets a new id: the old one is kept there".to_owned();
        return Err(Wrong { field, value: "there".to_owned(), rule });
    }
    let cookies = match dialect {
        Dialect::Js3 | Dialect::Js4 => js_cookies(fields, now, notes)?,
        Dialect::Python => python_cookies(fields, notes)?,
    };
    let (proxy, fingerprint) = match dialect {
        Dialect::Js4 => (proxy(fields, notes)?, fingerprint(fields)?),
        Dialect::Js3 | Dialect::Python => (None, None),
    };
    let record = record(dialect, now, fields, notes)?;
    let payload = Payload { cookies, user_data: UserData::from(user_data), proxy, fingerprint };
    Ok(Brought { id, record, payload })
}

/// An id that fits, made of one that does not: the same one each time.
fn derived_id(name: &str) -> Result<SessionId, Invalid> {
    let checksum = format!("_{:08x}", crc32fast::hash(name.as_bytes()));
    let fitting = name.chars().map(|c| if c.is_ascii_alphanumeric() || ".~".contains(c) { c } else { '_' });
    let beginning: String = fitting.take(SessionId::MAX_LENGTH - checksum.len()).collect();
    (beginning + &checksum).parse()
}

fn record(dialect: Dialect, now: Timestamp, fields: &mut Fields, notes: &mut Notes) -> Answer<SessionRecord> {
    let is_js = dialect != Dialect::Python;
    let defaults = (ErrorScore::from_thousandths(3000), ErrorScore::from_thousandths(500));
    let max_error_score = notation::score(fields, "maxErrorScore", defaults.0, false, true, notes)?;
    if max_error_score == ErrorScore::default() {
        return Err(fields.wrong("maxErrorScore", &0.into(), "must be at least 0.001"));
    }
    let error_score_decrement =
        notation::score(fields, "errorScoreDecrement", defaults.1, false, false, notes)?;
    let error_score = notation::score(fields, "errorScore", ErrorScore::default(), true, false, notes)?;
    let max_usage_count = notation::count(fields, "maxUsageCount", 50, true, notes)?;
    if max_usage_count == 0 {
        return Err(fields.wrong("maxUsageCount", &0.into(), "must be at least 1"));
    }
    let usage_count = notation::count(fields, "usageCount", 0, false, notes)?;
    let created_at = created_at(now, fields, notes)?;
    let expires_at = match dialect {
        Dialect::Js3 | Dialect::Js4 => notation::time(fields, "expiresAt", notes)?,
        Dialect::Python => max_age(fields, notes)?.map(|age| after(created_at, age)),
    };
    let expires_at = expires_at.unwrap_or_else(|| {
        let expires_at = created_at.plus(Duration::from_secs(3000));
        let field = if is_js { "expiresAt" } else { "maxAge" };
        notes.assumed(field, format_args!("3000 s, up to {expires_at}"));
        expires_at
    });
    if dialect == Dialect::Python {
        blocked_status_codes(fields, notes);
    }
    let was_retired = dialect == Dialect::Js4 && fields.optional("retired", boolean)?.unwrap_or_default();
    let uses_for_retiring = u32::from(is_js && error_score >= max_error_score);
    let is_used_up = usage_count.saturating_sub(uses_for_retiring) >= max_usage_count;
    let reason = if error_score >= max_error_score.plus(max_error_score) {
        Some(Reason::Blocked)
    } else if is_used_up {
        Some(Reason::Exhausted)
    } else if was_retired || error_score >= max_error_score {
        Some(Reason::Retired)
    } else {
        None
    };
    if let Some(reason) = reason {
        notes.assumed("why it was retired", reason);
        notes.assumed("when it was retired", now);
    }
    Ok(SessionRecord {
        created_at,
        expires_at,
        last_used_at: None,
        resting_until: None,
        usage_count,
        error_count: 0,
        error_score,
        limits: Limits {
            max_usage_count,
            max_concurrent_uses: Limits::UNLIMITED,
            max_error_score,
            error_score_decrement,
        },
        retired: reason.map(|reason| Retired { reason, at: now }),
    })
}

fn created_at(now: Timestamp, fields: &mut Fields, notes: &mut Notes) -> Answer<Timestamp> {
    match notation::time(fields, "createdAt", notes)? {
        Some(time) => Ok(time),
        None => {
            notes.assumed("createdAt", now);
            Ok(now)
        }
    }
}

/// The life of a session of Crawlee Python, in milliseconds.
fn max_age(fields: &mut Fields, notes: &mut Notes) -> Answer<Option<i64>> {
    let Some(value) = fields.take("maxAge") else { return Ok(None) };
    let micros = match &value {
        Value::String(text) => duration::parse(text),
        #[expect(clippy::cast_possible_truncation, reason = "what is too large is the largest")]
        Value::Number(seconds) => seconds.as_f64().map(|seconds| (seconds * 1e6) as i64),
        _ => None,
    };
    let rule = "must be a duration as PT50M, or seconds";
    let micros = micros.ok_or_else(|| fields.wrong("maxAge", &value, rule))?;
    if micros % 1000 != 0 {
        notes.changed("maxAge", shown(&value), duration::format(micros / 1000));
    }
    Ok(Some(micros / 1000))
}

fn after(time: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(time.as_millis().saturating_add(millis))
}

fn blocked_status_codes(fields: &mut Fields, notes: &mut Notes) {
    let Some(value) = fields.take("blockedStatusCodes") else { return };
    let codes = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let are_default = codes.len() == BLOCKED_STATUS_CODES.len()
        && BLOCKED_STATUS_CODES.iter().all(|code| codes.iter().any(|value| value.as_u64() == Some(*code)));
    if !are_default {
        notes
            .dropped("blockedStatusCodes", if value.is_array() { value.to_string() } else { veiled(&value) });
    }
}

fn proxy(fields: &mut Fields, notes: &mut Notes) -> Answer<Option<Proxy>> {
    let Some(value) = fields.take("proxyInfo") else { return Ok(None) };
    let mut info = Fields::of("proxyInfo", value)?.secret();
    let proxy: Proxy = info.parsed("url")?;
    // The rest repeats what is in the URL, and may say more.
    for (name, ours) in proxy_info::parts(&proxy) {
        match info.take(name) {
            Some(theirs)
                if theirs != *ours && theirs.as_u64().map(|port| port.to_string()) != Some(ours.clone()) =>
            {
                notes.dropped(info.name(name), "not what is in its URL");
            }
            _ => {}
        }
    }
    for (name, value) in info.rest().filter(|(_, value)| !value.is_null()) {
        notes.dropped(name, veiled(&value));
    }
    Ok(Some(proxy))
}

fn fingerprint(fields: &mut Fields) -> Answer<Option<Fingerprint>> {
    let attributes = fields.optional_object("fingerprint")?;
    Ok(attributes.map(|attributes| Fingerprint { headers: Vec::new(), attributes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_does_not_fit_always_becomes_the_same_one_that_does() {
        for name in ["", "user-42", "user 42", "a/b/c", "ü", &"x".repeat(5000), &"ü".repeat(60)] {
            let id = derived_id(name).unwrap();
            assert_eq!(derived_id(name).unwrap(), id);
        }
        assert_eq!(derived_id("user-42").unwrap().as_str(), "user_42_7d06b873");
        assert_ne!(derived_id("user-42"), derived_id("user 42"));
    }
}
