//! Which fields of two versions differ.

use serde::Serialize;
use serde_json::{Value, json};

use crate::session::{Cookie, Fingerprint, Limits, Payload, SessionRecord};
use crate::store::PoolEntry;

/// A field that is not the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FieldChange {
    /// Its name: that of [`SessionState`](crate::SessionState) or [`PoolEntry`], and what of it: `user_data.token`,
    /// `cookies[sid of shop.example/].expires_at`.
    pub field: String,
    /// What it was; null where it was not there.
    pub from: Value,
    /// What it is; null where it is not there.
    pub to: Value,
}

/// Gathers what differs.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) changes: Vec<FieldChange>,
}

impl Changes {
    /// Notes a field if it differs.
    fn compare<T: PartialEq + Serialize>(&mut self, field: &str, from: &T, to: &T) {
        if from != to {
            self.note(field, json!(from), json!(to));
        }
    }

    fn note(&mut self, field: impl Into<String>, from: Value, to: Value) {
        self.changes.push(FieldChange { field: field.into(), from, to });
    }
}

// Exhaustive, so that a new field cannot be forgotten here.

pub(super) fn compare_pools(from: &PoolEntry, to: &PoolEntry, changes: &mut Changes) {
    // The number says nothing: it is that of the store.
    let PoolEntry { number: _, name: _, last_sequence, purged_through, trimmed_through, lost_log } = from;
    changes.compare("last_sequence", last_sequence, &to.last_sequence);
    changes.compare("purged_through", purged_through, &to.purged_through);
    changes.compare("trimmed_through", trimmed_through, &to.trimmed_through);
    changes.compare("lost_log", lost_log, &to.lost_log);
}

pub(super) fn compare_records(from: &SessionRecord, to: &SessionRecord, changes: &mut Changes) {
    let SessionRecord {
        created_at,
        expires_at,
        last_used_at,
        resting_until,
        usage_count,
        error_count,
        error_score,
        limits,
        retired,
    } = from;
    let Limits { max_usage_count, max_concurrent_uses, max_error_score, error_score_decrement } = limits;
    changes.compare("created_at", created_at, &to.created_at);
    changes.compare("expires_at", expires_at, &to.expires_at);
    changes.compare("last_used_at", last_used_at, &to.last_used_at);
    changes.compare("resting_until", resting_until, &to.resting_until);
    changes.compare("usage_count", usage_count, &to.usage_count);
    changes.compare("max_usage_count", max_usage_count, &to.limits.max_usage_count);
    let unlimited = |uses: u32| (uses != Limits::UNLIMITED).then_some(uses);
    let uses = (unlimited(*max_concurrent_uses), unlimited(to.limits.max_concurrent_uses));
    changes.compare("max_concurrent_uses", &uses.0, &uses.1);
    changes.compare("error_count", error_count, &to.error_count);
    changes.compare("error_score", error_score, &to.error_score);
    changes.compare("max_error_score", max_error_score, &to.limits.max_error_score);
    changes.compare("error_score_decrement", error_score_decrement, &to.limits.error_score_decrement);
    if *retired != to.retired {
        let (from, to) = (*retired, to.retired);
        changes.compare("retired.reason", &from.map(|r| r.reason), &to.map(|r| r.reason));
        changes.compare("retired.at", &from.map(|r| r.at), &to.map(|r| r.at));
    }
}

/// Two payloads; where nothing is revealed, the values that are noted are masked. That they differ is seen all the same.
pub(super) fn compare_payloads(
    from: Option<&Payload>,
    to: Option<&Payload>,
    reveal: bool,
    changes: &mut Changes,
) {
    if from == to {
        return;
    }
    let (Some(from), Some(to)) = (from, to) else {
        let there = |payload: Option<&Payload>| if payload.is_some() { json!("there") } else { Value::Null };
        changes.note("payload", there(from), there(to));
        return;
    };
    let shown = |payload: &Payload| if reveal { payload.clone() } else { payload.masked() };
    let (shown_from, shown_to) = (shown(from), shown(to));
    compare_cookies((&from.cookies, &shown_from.cookies), (&to.cookies, &shown_to.cookies), changes);
    let (old, new) = (from.user_data.as_map(), to.user_data.as_map());
    for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
        if old.get(key) != new.get(key) {
            let shown = |payload: &Payload| payload.user_data.as_map().get(key).cloned().unwrap_or_default();
            changes.note(format!("user_data.{key}"), shown(&shown_from), shown(&shown_to));
        }
    }
    if from.proxy != to.proxy {
        let url = |payload: &Payload| json!(payload.proxy.as_ref().map(crate::session::Proxy::url));
        changes.note("proxy", url(&shown_from), url(&shown_to));
    }
    match (&from.fingerprint, &to.fingerprint) {
        (Some(old), Some(new)) => {
            let Fingerprint { headers, attributes } = old;
            if *headers != new.headers {
                let headers = |payload: &Payload| json!(payload.fingerprint.as_ref().map(|f| &f.headers));
                changes.note("fingerprint.headers", headers(&shown_from), headers(&shown_to));
            }
            if *attributes != new.attributes {
                let attributes =
                    |payload: &Payload| json!(payload.fingerprint.as_ref().map(|f| &f.attributes));
                changes.note("fingerprint.attributes", attributes(&shown_from), attributes(&shown_to));
            }
        }
        (None, None) => {}
        _ => changes.note("fingerprint", json!(shown_from.fingerprint), json!(shown_to.fingerprint)),
    }
    if changes.changes.is_empty() {
        // Nothing but the order of the cookies.
        changes.note("cookies", json!("in this order"), json!("in another order"));
    }
}

/// Cookies, each beside itself as it may be shown.
type Shown<'a> = (&'a [Cookie], &'a [Cookie]);

fn compare_cookies((from, shown_from): Shown<'_>, (to, shown_to): Shown<'_>, changes: &mut Changes) {
    use std::collections::HashMap;
    let key = |cookie: &Cookie| {
        (cookie.name.clone(), cookie.domain.clone(), cookie.path.clone(), cookie.partition_key.clone())
    };
    let places: HashMap<_, usize> = to.iter().enumerate().map(|(at, cookie)| (key(cookie), at)).collect();
    let mut seen = vec![false; to.len()];
    for (old, shown_old) in from.iter().zip(shown_from) {
        match places.get(&key(old)) {
            Some(at) => {
                seen[*at] = true;
                if *old != to[*at] {
                    compare_cookie((old, shown_old), (&to[*at], &shown_to[*at]), changes);
                }
            }
            None => changes.note(label(old), json!(shown_old), Value::Null),
        }
    }
    for ((new, shown_new), _) in to.iter().zip(shown_to).zip(seen).filter(|(_, seen)| !seen) {
        changes.note(label(new), Value::Null, json!(shown_new));
    }
}

fn label(cookie: &Cookie) -> String {
    let Cookie { name, domain, path, .. } = cookie;
    format!("cookies[{name} of {domain}{path}]")
}

fn compare_cookie(
    (from, shown_from): (&Cookie, &Cookie),
    (to, shown_to): (&Cookie, &Cookie),
    changes: &mut Changes,
) {
    let label = label(from);
    let Cookie {
        name: _,
        value,
        domain: _,
        path: _,
        host_only,
        secure,
        http_only,
        same_site,
        partition_key: _,
        expires_at,
        created_at,
        last_accessed_at,
    } = from;
    if *value != to.value {
        changes.note(format!("{label}.value"), json!(shown_from.value), json!(shown_to.value));
    }
    changes.compare(&format!("{label}.host_only"), host_only, &to.host_only);
    changes.compare(&format!("{label}.secure"), secure, &to.secure);
    changes.compare(&format!("{label}.http_only"), http_only, &to.http_only);
    changes.compare(&format!("{label}.same_site"), same_site, &to.same_site);
    changes.compare(&format!("{label}.expires_at"), expires_at, &to.expires_at);
    changes.compare(&format!("{label}.created_at"), created_at, &to.created_at);
    changes.compare(&format!("{label}.last_accessed_at"), last_accessed_at, &to.last_accessed_at);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_masked_of_a_fingerprint_is_seen_to_differ_and_not_shown() {
        let payload = |token: &str| {
            let attributes = json!({ "browser": "chrome", "apiToken": token }).as_object().cloned().unwrap();
            let fingerprint = Some(Fingerprint { attributes, ..Fingerprint::default() });
            Payload { fingerprint, ..Payload::default() }
        };
        let (from, to) = (payload("98765432"), payload("23456789"));
        for reveal in [false, true] {
            let mut changes = Changes::default();
            compare_payloads(Some(&from), Some(&to), reveal, &mut changes);
            let [change] = changes.changes.as_slice() else { panic!("{:?}", changes.changes) };
            assert_eq!(change.field, "fingerprint.attributes");
            assert_eq!(change.from["browser"], "chrome");
            let told = |value: &Value| value["apiToken"].as_str().map(str::to_owned);
            let expected = if reveal { ["98765432", "23456789"] } else { ["***"; 2] };
            assert_eq!([told(&change.from), told(&change.to)], expected.map(|text| Some(text.to_owned())));
        }
    }
}
