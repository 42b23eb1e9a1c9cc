//! What stands between the records of the crate and those of the newest schema version.

use super::codec::{decode, encode_into};
use super::keys::{state_code, state_of_code};
use super::migrations::current as stored;
use crate::session::{
    Cookie, ErrorScore, Fingerprint, Invalid, Limits, Payload, Proxy, Reason, Retired, SameSite,
    SessionRecord, State, Timestamp, UserData,
};
use crate::store::{LogEntry, PoolEntry, PoolNumber, Sequence};

pub(crate) fn encode_record(record: &SessionRecord, out: &mut Vec<u8>) -> Result<(), String> {
    // Exhaustive, so that a new field cannot be forgotten here.
    let SessionRecord {
        created_at,
        expires_at,
        last_used_at,
        resting_until,
        usage_count,
        error_count,
        error_score,
        limits: Limits { max_usage_count, max_concurrent_uses, max_error_score, error_score_decrement },
        retired,
    } = *record;
    let stored = stored::Record {
        created_at: created_at.as_millis(),
        expires_at: expires_at.as_millis(),
        last_used_at: last_used_at.map(Timestamp::as_millis),
        resting_until: resting_until.map(Timestamp::as_millis),
        usage_count,
        error_count,
        error_score: error_score.thousandths(),
        max_usage_count,
        max_concurrent_uses,
        max_error_score: max_error_score.thousandths(),
        error_score_decrement: error_score_decrement.thousandths(),
        retired: retired.map(|Retired { reason, at }| stored::Retired {
            state: state_code(State::Retired(reason)),
            at: at.as_millis(),
        }),
    };
    encode_into(&stored, out)
}

pub(crate) fn decode_record(bytes: &[u8]) -> Result<SessionRecord, String> {
    let stored::Record {
        created_at,
        expires_at,
        last_used_at,
        resting_until,
        usage_count,
        error_count,
        error_score,
        max_usage_count,
        max_concurrent_uses,
        max_error_score,
        error_score_decrement,
        retired,
    } = decode(bytes)?;
    let retired = match retired {
        None => None,
        Some(stored::Retired { state, at }) => {
            Some(Retired { reason: read_reason(state)?, at: Timestamp::from_millis(at) })
        }
    };
    Ok(SessionRecord {
        created_at: Timestamp::from_millis(created_at),
        expires_at: Timestamp::from_millis(expires_at),
        last_used_at: last_used_at.map(Timestamp::from_millis),
        resting_until: resting_until.map(Timestamp::from_millis),
        usage_count,
        error_count,
        error_score: ErrorScore::from_thousandths(error_score),
        limits: Limits {
            max_usage_count,
            max_concurrent_uses,
            max_error_score: ErrorScore::from_thousandths(max_error_score),
            error_score_decrement: ErrorScore::from_thousandths(error_score_decrement),
        },
        retired,
    })
}

fn read_reason(code: u8) -> Result<Reason, String> {
    match state_of_code(code) {
        Some(State::Retired(reason)) => Ok(reason),
        Some(State::Live) | None => Err(format!("{code} is no reason of a retirement")),
    }
}

pub(crate) fn encode_log_entry(entry: &LogEntry, out: &mut Vec<u8>) -> Result<(), String> {
    let LogEntry { id, reason, retired_at, created_at, usage_count, error_count, error_score } = *entry;
    let stored = stored::LogEntry {
        id: id.as_str().to_owned(),
        state: state_code(State::Retired(reason)),
        retired_at: retired_at.as_millis(),
        created_at: created_at.as_millis(),
        usage_count,
        error_count,
        error_score: error_score.thousandths(),
    };
    encode_into(&stored, out)
}

pub(crate) fn decode_log_entry(bytes: &[u8]) -> Result<LogEntry, String> {
    let stored::LogEntry { id, state, retired_at, created_at, usage_count, error_count, error_score } =
        decode(bytes)?;
    Ok(LogEntry {
        id: id.parse().map_err(|error: Invalid| error.to_string())?,
        reason: read_reason(state)?,
        retired_at: Timestamp::from_millis(retired_at),
        created_at: Timestamp::from_millis(created_at),
        usage_count,
        error_count,
        error_score: ErrorScore::from_thousandths(error_score),
    })
}

pub(crate) fn encode_pool(entry: &PoolEntry, out: &mut Vec<u8>) -> Result<(), String> {
    let PoolEntry { number: _, name, last_sequence, purged_through, trimmed_through, lost_log } = entry;
    let stored = stored::Pool {
        name: name.as_str().to_owned(),
        last_sequence: last_sequence.0,
        purged_through: purged_through.0,
        trimmed_through: trimmed_through.0,
        lost_log: lost_log.iter().map(|(first, last)| (first.0, last.0)).collect(),
    };
    encode_into(&stored, out)
}

pub(crate) fn decode_pool(number: PoolNumber, bytes: &[u8]) -> Result<PoolEntry, String> {
    let stored::Pool { name, last_sequence, purged_through, trimmed_through, lost_log } = decode(bytes)?;
    if !(trimmed_through <= purged_through && purged_through <= last_sequence) {
        return Err("its log counters are out of order".to_owned());
    }
    Ok(PoolEntry {
        number,
        name: name.parse().map_err(|error: Invalid| error.to_string())?,
        last_sequence: Sequence(last_sequence),
        purged_through: Sequence(purged_through),
        trimmed_through: Sequence(trimmed_through),
        lost_log: lost_log.into_iter().map(|(first, last)| (Sequence(first), Sequence(last))).collect(),
    })
}

pub(crate) fn encode_payload(payload: &Payload, out: &mut Vec<u8>) -> Result<(), String> {
    let Payload { cookies, user_data, proxy, fingerprint } = payload;
    let fingerprint = match fingerprint {
        None => None,
        Some(Fingerprint { headers, attributes }) => Some(stored::Fingerprint {
            headers: headers.clone(),
            attributes: serde_json::to_string(attributes).map_err(|error| error.to_string())?,
        }),
    };
    let stored = stored::Payload {
        cookies: cookies.iter().map(stored_cookie).collect(),
        user_data: user_data.to_text().map_err(|error| error.to_string())?,
        proxy: proxy.as_ref().map(|proxy| proxy.url().to_owned()),
        fingerprint,
    };
    encode_into(&stored, out)
}

pub(crate) fn decode_payload(bytes: &[u8]) -> Result<Payload, String> {
    let stored::Payload { cookies, user_data, proxy, fingerprint } = decode(bytes)?;
    let fingerprint = match fingerprint {
        None => None,
        Some(stored::Fingerprint { headers, attributes }) => {
            Some(Fingerprint { headers, attributes: json_object("fingerprint", &attributes)? })
        }
    };
    Ok(Payload {
        cookies: cookies.into_iter().map(read_cookie).collect::<Result<_, _>>()?,
        user_data: UserData::from(json_object("user data", &user_data)?),
        proxy: proxy.map(|url| url.parse::<Proxy>().map_err(|error| error.to_string())).transpose()?,
        fingerprint,
    })
}

fn json_object(part: &str, text: &str) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("its {part} is no JSON object: {error}"))
}

fn stored_cookie(cookie: &Cookie) -> stored::Cookie {
    let Cookie {
        name,
        value,
        domain,
        path,
        host_only,
        secure,
        http_only,
        same_site,
        partition_key,
        expires_at,
        created_at,
        last_accessed_at,
    } = cookie.clone();
    stored::Cookie {
        name,
        value,
        domain,
        path,
        host_only,
        secure,
        http_only,
        same_site: match same_site {
            None => 0,
            Some(SameSite::Strict) => 1,
            Some(SameSite::Lax) => 2,
            Some(SameSite::None) => 3,
        },
        partition_key,
        expires_at: expires_at.map(Timestamp::as_millis),
        created_at: created_at.map(Timestamp::as_millis),
        last_accessed_at: last_accessed_at.map(Timestamp::as_millis),
    }
}

fn read_cookie(cookie: stored::Cookie) -> Result<Cookie, String> {
    let stored::Cookie {
        name,
        value,
        domain,
        path,
        host_only,
        secure,
        http_only,
        same_site,
        partition_key,
        expires_at,
        created_at,
        last_accessed_at,
    } = cookie;
    Ok(Cookie {
        name,
        value,
        domain,
        path,
        host_only,
        secure,
        http_only,
        same_site: match same_site {
            0 => None,
            1 => Some(SameSite::Strict),
            2 => Some(SameSite::Lax),
            3 => Some(SameSite::None),
            code => return Err(format!("a cookie has the same-site mode {code}, which there is not")),
        },
        partition_key,
        expires_at: expires_at.map(Timestamp::from_millis),
        created_at: created_at.map(Timestamp::from_millis),
        last_accessed_at: last_accessed_at.map(Timestamp::from_millis),
    })
}
