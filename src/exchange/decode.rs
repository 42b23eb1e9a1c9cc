//! A line of JSON as an item.

use std::collections::HashMap;

use serde_json::Value;

use super::fields::{
    Fields, Wrong, at_least_one, boolean, positive_score, score, time, whole_u32, whole_u64,
};
use crate::archive::ArchivedSession;
use crate::session::{
    Cookie, Fingerprint, Limits, Payload, Reason, Retired, SameSite, SessionRecord, UserData,
};
use crate::store::{LogEntry, PoolEntry, PoolName, PoolNumber, Sequence};

type Answer<T> = Result<T, Wrong>;

/// What the last line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct End {
    pub(super) pools: u64,
    pub(super) retirements: u64,
    pub(super) sessions: u64,
    pub(super) unreadable: u64,
}

pub(super) fn end(mut fields: Fields) -> Answer<End> {
    let end = End {
        pools: fields.required("pools", whole_u64)?,
        retirements: fields.required("retirements", whole_u64)?,
        sessions: fields.required("sessions", whole_u64)?,
        unreadable: fields.required("unreadable", whole_u64)?,
    };
    fields.finish()?;
    Ok(end)
}

pub(super) fn pool(mut fields: Fields) -> Answer<PoolEntry> {
    let name = fields.parsed::<PoolName>("pool")?;
    let number = PoolNumber(fields.required("number", whole_u32)?);
    let last_sequence = fields.required("last_sequence", sequence)?;
    let purged_through = fields.required("purged_through", sequence)?;
    if purged_through > last_sequence {
        let rule = "must be at most last_sequence";
        return Err(fields.wrong("purged_through", &purged_through.0.into(), rule));
    }
    let trimmed_through = fields.required("trimmed_through", sequence)?;
    if trimmed_through > purged_through {
        let rule = "must be at most purged_through";
        return Err(fields.wrong("trimmed_through", &trimmed_through.0.into(), rule));
    }
    let lost_log = fields.optional("lost_log", lost_log)?.unwrap_or_default();
    if let Some((_, last)) = lost_log.last().filter(|(_, last)| *last > last_sequence) {
        return Err(fields.wrong("lost_log", &last.0.into(), "must end at last_sequence at most"));
    }
    fields.finish()?;
    Ok(PoolEntry { number, name, last_sequence, purged_through, trimmed_through, lost_log })
}

/// A place in a log. Behind it there is room for others: no two retirements may get the same.
fn sequence(value: &Value) -> Result<Sequence, &'static str> {
    let sequence = value.as_u64().map(Sequence).filter(|sequence| *sequence <= Sequence::MAX_BROUGHT);
    sequence.ok_or("must be a whole number from 0 to 9223372036854775807")
}

fn lost_log(value: &Value) -> Result<Vec<(Sequence, Sequence)>, &'static str> {
    const RULE: &str = "must be pairs of the first and the last of the entries that are lost, in order";
    let range = |value: &Value| match value.as_array()?.as_slice() {
        [first, last] => Some((sequence(first).ok()?, sequence(last).ok()?)),
        _ => None,
    };
    let ranges: Option<Vec<_>> = value.as_array().ok_or(RULE)?.iter().map(range).collect();
    let ranges = ranges.ok_or(RULE)?;
    let in_order = ranges.iter().all(|(first, last)| first <= last)
        && ranges.windows(2).all(|pair| pair[0].1 < pair[1].0);
    if in_order { Ok(ranges) } else { Err(RULE) }
}

/// A retirement; its pool was taken out already.
pub(super) fn retirement(mut fields: Fields) -> Answer<(Sequence, LogEntry)> {
    let at = fields.required("sequence", sequence)?;
    let entry = LogEntry {
        id: fields.parsed("id")?,
        reason: fields.required("reason", reason)?,
        retired_at: fields.required("retired_at", time)?,
        created_at: fields.required("created_at", time)?,
        usage_count: fields.required("usage_count", whole_u32)?,
        error_count: fields.required("error_count", whole_u32)?,
        error_score: fields.required("error_score", score)?,
    };
    fields.finish()?;
    Ok((at, entry))
}

fn reason(value: &Value) -> Result<Reason, &'static str> {
    let name = value.as_str();
    Reason::ALL
        .into_iter()
        .find(|reason| name == Some(reason.as_str()))
        .ok_or("must be blocked, exhausted, expired or retired")
}

/// A session; its pool was taken out already.
pub(super) fn session(pool: PoolNumber, mut fields: Fields) -> Answer<ArchivedSession> {
    let id = fields.parsed("id")?;
    let record = SessionRecord {
        created_at: fields.required("created_at", time)?,
        expires_at: fields.required("expires_at", time)?,
        last_used_at: fields.optional("last_used_at", time)?,
        resting_until: fields.optional("resting_until", time)?,
        usage_count: fields.required("usage_count", whole_u32)?,
        error_count: fields.required("error_count", whole_u32)?,
        error_score: fields.required("error_score", score)?,
        limits: Limits {
            max_usage_count: fields.required("max_usage_count", at_least_one)?,
            max_concurrent_uses: fields
                .optional("max_concurrent_uses", at_least_one)?
                .unwrap_or(Limits::UNLIMITED),
            max_error_score: fields.required("max_error_score", positive_score)?,
            error_score_decrement: fields.required("error_score_decrement", score)?,
        },
        retired: fields.take("retired").map(retired).transpose()?,
    };
    let payload = payload(&mut fields)?;
    fields.finish()?;
    Ok(ArchivedSession { pool, id, record, payload })
}

fn retired(value: Value) -> Answer<Retired> {
    let mut fields = Fields::of("retired", value)?;
    let retired = Retired { reason: fields.required("reason", reason)?, at: fields.required("at", time)? };
    fields.finish()?;
    Ok(retired)
}

/// `None` where neither cookies nor user data are there: the store could not read them.
fn payload(fields: &mut Fields) -> Answer<Option<Payload>> {
    let (cookies, user_data) = (fields.optional_array("cookies")?, fields.optional_object("user_data")?);
    let proxy = fields.optional_parsed("proxy")?;
    let fingerprint = fields.take("fingerprint").map(fingerprint).transpose()?;
    if cookies.is_none() && user_data.is_none() && proxy.is_none() && fingerprint.is_none() {
        return Ok(None);
    }
    let missing = |field: &str| Wrong {
        field: field.to_owned(),
        value: "missing".to_owned(),
        rule: "must be there where anything of the payload is".to_owned(),
    };
    Ok(Some(Payload {
        cookies: all_cookies(cookies.ok_or_else(|| missing("cookies"))?)?,
        user_data: UserData::from(user_data.ok_or_else(|| missing("user_data"))?),
        proxy,
        fingerprint,
    }))
}

/// The cookies of a session, each of them once: of two, none would ever replace both.
fn all_cookies(values: Vec<Value>) -> Answer<Vec<Cookie>> {
    let cookies: Vec<Cookie> =
        values.into_iter().enumerate().map(|(at, value)| cookie(at, value)).collect::<Answer<_>>()?;
    let mut seen = HashMap::with_capacity(cookies.len());
    for (at, cookie) in cookies.iter().enumerate() {
        let Cookie { name, domain, path, partition_key, .. } = cookie;
        if let Some(first) = seen.insert((name, domain, path, partition_key), at) {
            return Err(Wrong {
                field: format!("cookies[{at}]"),
                value: format!("the same cookie as cookies[{first}]"),
                rule: "each name, domain, path and partition_key must be there once".to_owned(),
            });
        }
    }
    Ok(cookies)
}

fn domain(value: &Value) -> Result<String, &'static str> {
    const RULE: &str = "must be a text without a leading dot, in lower case";
    let domain = value.as_str().ok_or(RULE)?;
    let is_normal = !domain.starts_with('.') && !domain.bytes().any(|byte| byte.is_ascii_uppercase());
    if is_normal { Ok(domain.to_owned()) } else { Err(RULE) }
}

fn cookie(at: usize, value: Value) -> Answer<Cookie> {
    let mut fields = Fields::of(&format!("cookies[{at}]"), value)?.secret();
    let cookie = Cookie {
        name: fields.text("name")?,
        value: fields.text("value")?,
        domain: fields.required("domain", domain)?,
        path: fields.text("path")?,
        host_only: fields.required("host_only", boolean)?,
        secure: fields.required("secure", boolean)?,
        http_only: fields.required("http_only", boolean)?,
        same_site: fields.optional("same_site", same_site)?,
        partition_key: fields.optional_text("partition_key")?,
        expires_at: fields.optional("expires_at", time)?,
        created_at: fields.optional("created_at", time)?,
        last_accessed_at: fields.optional("last_accessed_at", time)?,
    };
    fields.finish()?;
    Ok(cookie)
}

pub(crate) fn same_site(value: &Value) -> Result<SameSite, &'static str> {
    match value.as_str() {
        Some("strict") => Ok(SameSite::Strict),
        Some("lax") => Ok(SameSite::Lax),
        Some("none") => Ok(SameSite::None),
        _ => Err("must be strict, lax, none, or null where the site did not say"),
    }
}

pub(crate) fn fingerprint(value: Value) -> Answer<Fingerprint> {
    let mut fields = Fields::of("fingerprint", value)?.secret();
    let headers = fields.optional("headers", headers)?.unwrap_or_default();
    let attributes = fields.optional_object("attributes")?.unwrap_or_default();
    fields.finish()?;
    Ok(Fingerprint { headers, attributes })
}

fn headers(value: &Value) -> Result<Vec<(String, String)>, &'static str> {
    let header = |value: &Value| match value.as_array()?.as_slice() {
        [name, value] => Some((name.as_str()?.to_owned(), value.as_str()?.to_owned())),
        _ => None,
    };
    let headers = value.as_array().and_then(|headers| headers.iter().map(header).collect());
    headers.ok_or("must be pairs of a name and a value")
}
