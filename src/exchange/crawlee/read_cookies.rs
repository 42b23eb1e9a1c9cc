//! Cookies of Crawlee: tough-cookie's jars (JS), lists (Python).

use std::time::Duration;

use serde_json::{Map, Value};

use super::super::fields::{Fields, Wrong, shown, shown_unless_text, veiled};
use super::super::note::Notes;
use super::notation::parse_time;
use super::write_cookies::JAR;
use crate::session::{Cookie, MAX_COOKIES, SameSite, Timestamp};

type Answer<T> = Result<T, Wrong>;

/// The cookies of a session of Crawlee JS. One that cannot be kept is noted, and does not keep the others from being kept.
pub(super) fn js_cookies(fields: &mut Fields, now: Timestamp, notes: &mut Notes) -> Answer<Vec<Cookie>> {
    let Some(jar) = fields.take("cookieJar") else { return Ok(Vec::new()) };
    let mut jar = Fields::of("cookieJar", jar)?;
    let cookies = jar.optional_array("cookies")?.unwrap_or_default();
    let kept = keep(&cookies_field(&jar), cookies, notes, |cookie, notes| js_cookie(cookie, now, notes))?;
    // How strict the jar is: what is as always is written as always.
    for (name, always) in JAR {
        if let Some(value) = jar.take(name).filter(|value| value != always) {
            notes.dropped(jar.name(name), shown_unless_text(&value));
        }
    }
    for (name, value) in jar.rest() {
        notes.dropped(name, shown_unless_text(&value));
    }
    Ok(kept)
}

/// The cookies of a session of Crawlee Python.
pub(super) fn python_cookies(fields: &mut Fields, notes: &mut Notes) -> Answer<Vec<Cookie>> {
    let cookies = fields.optional_array("cookies")?.unwrap_or_default();
    keep(&cookies_field(fields), cookies, notes, python_cookie)
}

fn cookies_field(fields: &Fields) -> String {
    fields.name("cookies")
}

/// Reads each, and lets the later of two that are the same one stand.
fn keep(
    field: &str,
    cookies: Vec<Value>,
    notes: &mut Notes,
    read: impl Fn(&mut CookieFields, &mut Notes) -> Result<Cookie, String>,
) -> Answer<Vec<Cookie>> {
    if cookies.len() > MAX_COOKIES {
        let rule = format!("must be at most {MAX_COOKIES}");
        return Err(Wrong { field: field.to_owned(), value: format!("an array of {}", cookies.len()), rule });
    }
    let mut kept: Vec<Cookie> = Vec::with_capacity(cookies.len());
    for (at, value) in cookies.into_iter().enumerate() {
        let Value::Object(map) = value else {
            notes.at_cookie(Some(format!("number {at}")));
            notes.dropped("the cookie", "it is no object");
            continue;
        };
        let mut cookie = CookieFields(map);
        notes.at_cookie(Some(cookie.label(at)));
        match read(&mut cookie, notes) {
            Ok(cookie) => match kept.iter_mut().find(|old| old.is_same_cookie(&cookie)) {
                Some(old) => {
                    notes.dropped("the cookie", "another one of this name, domain and path comes behind it");
                    *old = cookie;
                }
                None => kept.push(cookie),
            },
            Err(why) => notes.dropped("the cookie", why),
        }
        for (name, value) in cookie.0.into_iter().filter(|(_, value)| !value.is_null()) {
            // Whoever writes a cookie's value under another name does not want to see it here.
            notes.dropped(name, veiled(&value));
        }
    }
    notes.at_cookie(None);
    Ok(kept)
}

/// What is left of a cookie. What has another type than it should have is as good as absent, and noted.
struct CookieFields(Map<String, Value>);

impl CookieFields {
    /// How notes call it.
    fn label(&self, at: usize) -> String {
        let text = |field: &str| self.0.get(field).and_then(Value::as_str);
        match text("key").or_else(|| text("name")) {
            Some(name) => {
                let (domain, path) = (text("domain").unwrap_or_default(), text("path").unwrap_or_default());
                format!("{name} of {domain}{path}")
            }
            None => format!("number {at}"),
        }
    }

    fn text(&mut self, field: &str) -> Option<String> {
        match self.0.remove(field) {
            Some(Value::String(text)) => Some(text),
            Some(other) => {
                self.0.insert(field.to_owned(), other);
                None
            }
            None => None,
        }
    }

    fn boolean(&mut self, field: &str) -> bool {
        match self.0.get(field).and_then(Value::as_bool) {
            Some(value) => {
                self.0.remove(field);
                value
            }
            None => false,
        }
    }

    fn same_site(&mut self, field: &str) -> Option<SameSite> {
        let value = self.0.get(field)?.as_str()?.to_ascii_lowercase();
        let same_site = match value.as_str() {
            "strict" => SameSite::Strict,
            "lax" => SameSite::Lax,
            "none" => SameSite::None,
            _ => return None,
        };
        self.0.remove(field);
        Some(same_site)
    }

    /// A time, or none where it is `Infinity`.
    fn time(&mut self, field: &str, notes: &mut Notes) -> Option<Timestamp> {
        let value = self.0.remove(field)?;
        if let Some((time, is_exact)) = parse_time(&value) {
            if !is_exact {
                notes.changed(field, shown(&value), time);
            }
            return Some(time);
        }
        if value != "Infinity" {
            self.0.insert(field.to_owned(), value);
        }
        None
    }

    /// The domain without a leading dot, in lower case.
    fn domain(&mut self, notes: &mut Notes) -> Result<String, String> {
        let domain = self.text("domain").filter(|domain| !domain.trim_start_matches('.').is_empty());
        let domain = domain.ok_or("it has no domain, so it is never sent")?;
        let bare = domain.trim_start_matches('.').to_ascii_lowercase();
        if bare != domain {
            notes.changed("domain", &domain, &bare);
        }
        Ok(bare)
    }

    fn path(&mut self, notes: &mut Notes) -> String {
        self.text("path").unwrap_or_else(|| {
            notes.assumed("path", "/");
            "/".to_owned()
        })
    }
}

fn js_cookie(fields: &mut CookieFields, now: Timestamp, notes: &mut Notes) -> Result<Cookie, String> {
    let mut cookie = Cookie::new(
        fields.text("key").unwrap_or_default(),
        fields.text("value").unwrap_or_default(),
        fields.domain(notes)?,
    );
    cookie.path = fields.path(notes);
    cookie.secure = fields.boolean("secure");
    cookie.http_only = fields.boolean("httpOnly");
    cookie.host_only = fields.boolean("hostOnly");
    cookie.same_site = fields.same_site("sameSite");
    cookie.created_at = fields.time("creation", notes);
    cookie.last_accessed_at = fields.time("lastAccessed", notes);
    cookie.expires_at = fields.time("expires", notes);
    match fields.0.remove("maxAge") {
        None | Some(Value::Null) => {}
        Some(age) => {
            let seconds = match &age {
                Value::Number(seconds) => seconds.as_f64(),
                Value::String(text) if text == "Infinity" => Some(f64::INFINITY),
                Value::String(text) if text == "-Infinity" => Some(f64::NEG_INFINITY),
                _ => None,
            };
            match seconds {
                Some(seconds) if seconds <= 0.0 => {
                    return Err(format!("it is deleted: its maxAge is {}", shown(&age)));
                }
                Some(seconds) if seconds.is_infinite() => {
                    cookie.expires_at = None;
                    notes.changed("maxAge", "Infinity", "without an expiry");
                }
                Some(seconds) => {
                    // tough-cookie counts it from the last use.
                    let from = cookie.last_accessed_at.unwrap_or(now);
                    let age = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
                    let expires_at = from.plus(age);
                    cookie.expires_at = Some(expires_at);
                    notes.changed("maxAge", seconds, format_args!("an expiry at {expires_at}"));
                }
                None => drop(fields.0.insert("maxAge".to_owned(), age)),
            }
        }
    }
    Ok(cookie)
}

fn python_cookie(fields: &mut CookieFields, notes: &mut Notes) -> Result<Cookie, String> {
    let mut cookie = Cookie::new(
        fields.text("name").ok_or("it has no name")?,
        fields.text("value").ok_or("it has no value")?,
        fields.domain(notes)?,
    );
    cookie.path = fields.path(notes);
    cookie.secure = fields.boolean("secure");
    cookie.http_only = fields.boolean("http_only");
    cookie.same_site = fields.same_site("same_site");
    match fields.0.get("expires").and_then(Value::as_f64) {
        // As browsers write it for a session cookie.
        Some(-1.0) => {
            fields.0.remove("expires");
            notes.changed("expires", -1, "without an expiry");
        }
        Some(seconds) => {
            fields.0.remove("expires");
            #[expect(clippy::cast_possible_truncation, reason = "what is too large is the largest")]
            let expires_at = Timestamp::from_millis((seconds * 1000.0) as i64);
            cookie.expires_at = Some(expires_at);
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of the years 0 to 9999 are exact")]
            let kept = expires_at.as_millis() as f64;
            #[expect(clippy::float_cmp, reason = "exact or not is the question")]
            if kept != seconds * 1000.0 {
                notes.changed("expires", seconds, expires_at);
            }
        }
        None => {}
    }
    Ok(cookie)
}
