//! Cookies as Crawlee has them.

use serde_json::{Map, Value, json};

use super::super::note::Notes;
use crate::session::{Cookie, SameSite};

/// What a jar says of itself, as a new one of tough-cookie 6 does.
pub(super) const JAR: [(&str, &Jar); 7] = [
    ("version", &Jar::Text("tough-cookie@6.1.0")),
    ("storeType", &Jar::Text("MemoryCookieStore")),
    ("rejectPublicSuffixes", &Jar::Is(true)),
    ("enableLooseMode", &Jar::Is(false)),
    ("allowSpecialUseDomain", &Jar::Is(true)),
    ("enforceSecureOriginOnStorage", &Jar::Is(true)),
    ("prefixSecurity", &Jar::Text("silent")),
];

/// A value of [`JAR`].
pub(super) enum Jar {
    Text(&'static str),
    Is(bool),
}

impl PartialEq<&Jar> for &Value {
    fn eq(&self, other: &&Jar) -> bool {
        match other {
            Jar::Text(text) => self.as_str() == Some(text),
            Jar::Is(is) => self.as_bool() == Some(*is),
        }
    }
}

impl From<&Jar> for Value {
    fn from(value: &Jar) -> Self {
        match value {
            Jar::Text(text) => Self::from(*text),
            Jar::Is(is) => Self::from(*is),
        }
    }
}

/// How notes call a cookie.
fn label(cookie: &Cookie) -> String {
    format!("{} of {}{}", cookie.name, cookie.domain, cookie.path)
}

/// A jar of Crawlee JS.
pub(super) fn js_jar(cookies: &[Cookie], notes: &mut Notes) -> Value {
    let mut jar: Map<String, Value> =
        JAR.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let cookies = cookies.iter().map(|cookie| js_cookie(cookie, notes)).collect();
    jar.insert("cookies".to_owned(), Value::Array(cookies));
    notes.at_cookie(None);
    Value::Object(jar)
}

fn js_cookie(cookie: &Cookie, notes: &mut Notes) -> Value {
    notes.at_cookie(Some(label(cookie)));
    // Exhaustive, so that a new field cannot be forgotten here.
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
    } = cookie;
    if let Some(key) = partition_key {
        notes.dropped("partition_key", key);
    }
    let same_site = same_site.map(|same_site| match same_site {
        SameSite::Strict => "strict",
        SameSite::Lax => "lax",
        SameSite::None => "none",
    });
    // What is as always is left out, as tough-cookie does.
    let fields = [
        ("key", (!name.is_empty()).then(|| json!(name))),
        ("value", (!value.is_empty()).then(|| json!(value))),
        ("expires", expires_at.map(|time| json!(time))),
        ("domain", Some(json!(domain))),
        ("path", Some(json!(path))),
        ("secure", secure.then(|| json!(true))),
        ("httpOnly", http_only.then(|| json!(true))),
        ("hostOnly", Some(json!(host_only))),
        ("creation", created_at.map(|time| json!(time))),
        ("lastAccessed", last_accessed_at.map(|time| json!(time))),
        ("sameSite", same_site.map(|same_site| json!(same_site))),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// A list of cookies of Crawlee Python.
pub(super) fn python_cookies(cookies: &[Cookie], notes: &mut Notes) -> Value {
    let cookies = cookies.iter().map(|cookie| python_cookie(cookie, notes)).collect();
    notes.at_cookie(None);
    Value::Array(cookies)
}

fn python_cookie(cookie: &Cookie, notes: &mut Notes) -> Value {
    notes.at_cookie(Some(label(cookie)));
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
    } = cookie;
    if *host_only {
        notes.dropped("host_only", "true: there, it is sent to subdomains too");
    }
    if let Some(key) = partition_key {
        notes.dropped("partition_key", key);
    }
    for (field, time) in [("created_at", created_at), ("last_accessed_at", last_accessed_at)] {
        if let Some(time) = time {
            notes.dropped(field, time);
        }
    }
    let expires = expires_at.map(|time| {
        let seconds = time.as_millis().div_euclid(1000);
        if time.as_millis().rem_euclid(1000) != 0 {
            notes.changed("expires_at", time, format_args!("{seconds} in whole seconds"));
        }
        seconds
    });
    let same_site = same_site.map(|same_site| match same_site {
        SameSite::Strict => "Strict",
        SameSite::Lax => "Lax",
        SameSite::None => "None",
    });
    let fields = [
        ("name", Some(json!(name))),
        ("value", Some(json!(value))),
        ("domain", Some(json!(domain))),
        ("path", Some(json!(path))),
        ("secure", Some(json!(secure))),
        ("http_only", Some(json!(http_only))),
        ("expires", expires.map(|seconds| json!(seconds))),
        ("same_site", same_site.map(|same_site| json!(same_site))),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
