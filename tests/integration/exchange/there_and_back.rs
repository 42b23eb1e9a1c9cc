//! Sessions of every kind, taken to Crawlee and back: what differs then was told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use session_pool::exchange::Note;
use session_pool::exchange::crawlee::Dialect;
use session_pool::{
    Cookie, Fingerprint, Growth, ManualClock, ReadStore, SameSite, SessionOptions, SessionPool, Timestamp,
};

use super::crawlee::{export, import_with, now, options, said};
use super::jsonl_of;
use crate::support::{Place, SECOND, named};

/// What no terminal, shell, page or parser takes well.
const HOSTILE: &str = "\u{0}\u{1b}[2J\u{202e}\"\\'</script>\u{feff}\u{2028} $(rm) \u{1f980}\r\n,;=%00";

fn cookies() -> Vec<Cookie> {
    let time = |millis| Some(Timestamp::from_millis(millis));
    let full = Cookie {
        path: "/a b/\u{fc}".to_owned(),
        host_only: true,
        secure: true,
        http_only: true,
        same_site: Some(SameSite::Strict),
        partition_key: Some("https://top.example".to_owned()),
        expires_at: time(2_000_000_000_123),
        created_at: time(1_500_000_000_456),
        last_accessed_at: time(1_700_000_000_789),
        ..Cookie::new("full", "value", "shop.example")
    };
    let gone = Cookie { expires_at: time(1_000_000_000_000), ..Cookie::new("gone", "", "shop.example") };
    let lax = Cookie { same_site: Some(SameSite::Lax), ..Cookie::new("lax", "1", "shop.example") };
    let none =
        Cookie { same_site: Some(SameSite::None), secure: true, ..Cookie::new("none", "2", "b.example") };
    vec![
        full,
        gone,
        lax,
        none,
        Cookie::new("", HOSTILE, "shop.example"),
        Cookie::new(HOSTILE, "", "shop.example"),
    ]
}

fn rich(id: &str) -> SessionOptions {
    let user_data = json!({
        HOSTILE: HOSTILE, "most": u64::MAX, "least": i64::MIN, "odd": 9_007_199_254_740_993_i64,
        "floats": [0.1, -0.0, 5e-324, f64::MAX, 1e21], "nested": { "null": null, "list": [[], {}, true] },
    });
    let attributes = json!({ "browser": "firefox", "screen": { "w": 1920 }, "os": HOSTILE });
    let fingerprint = Fingerprint {
        headers: vec![("user-agent".to_owned(), HOSTILE.to_owned())],
        attributes: attributes.as_object().unwrap().clone(),
    };
    SessionOptions {
        cookies: cookies(),
        user_data: user_data.as_object().unwrap().clone().into(),
        proxy: Some("http://user:p%40ss@proxy.example:8000".parse().unwrap()),
        fingerprint: Some(fingerprint),
        max_age: SECOND * 3600,
        max_concurrent_uses: Some(3),
        ..named(id)
    }
}

fn of_every_kind(pool: &SessionPool, clock: &ManualClock) {
    for id in ["fresh", "resting", "bad", "given.up", "old~1", "used_up"] {
        let max_usage_count = if id == "used_up" { 2 } else { 50 };
        let max_age = if id == "old~1" { SECOND * 60 } else { SECOND * 36_000 };
        let session = pool.add(SessionOptions { max_usage_count, max_age, ..rich(id) }).unwrap();
        clock.advance(SECOND);
        let _ = session.reclaim().unwrap();
        match id {
            "resting" => session.rest_for(SECOND * 7200).unwrap(),
            "bad" => (0..3).for_each(|_| {
                let _ = session.fail().unwrap();
            }),
            "given.up" => {
                let _ = session.retire().unwrap();
            }
            "used_up" => {
                let _ = session.reclaim().unwrap();
            }
            _ => {}
        }
    }
    pool.add(SessionOptions { max_age: SECOND * 1800, ..rich("aged") }).unwrap();
    pool.add(named("plain")).unwrap();
    clock.advance(SECOND * 120);
    pool.sweep().unwrap();
}

/// Each session of a store, by its id, as it is exported.
fn sessions(store: &dyn ReadStore) -> BTreeMap<String, Value> {
    let text = String::from_utf8(jsonl_of(store)).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let sessions = lines.filter(|line| line["kind"] == "session");
    sessions.map(|session| (session["id"].as_str().unwrap().to_owned(), session)).collect()
}

/// The fields in which two objects differ.
fn differing(one: &Value, other: &Value) -> BTreeSet<String> {
    let (one, other) = (one.as_object().unwrap(), other.as_object().unwrap());
    let keys = one.keys().chain(other.keys());
    keys.filter(|key| one.get(*key) != other.get(*key)).cloned().collect()
}

fn is_told(notes: &[Note], session: &str, cookie: Option<&str>, field: &str) -> bool {
    notes.iter().any(|note| {
        let is_field = match field {
            "retired" => note.field.starts_with("why"),
            field => note.field.split('.').next() == Some(field),
        };
        note.session.as_deref() == Some(session) && note.cookie.as_deref() == cookie && is_field
    })
}

#[test]
fn sessions_of_every_kind_come_back_from_crawlee_but_for_what_was_told() {
    let place = Place::memory();
    let clock = ManualClock::new(now().to_datetime() - SECOND * 3000);
    let pool = place.open(|builder| builder.clock(clock.clone()).growth(Growth::Manual));
    of_every_kind(&pool, &clock);
    drop(pool);
    place.look(|store| {
        let before = sessions(store);
        assert_eq!(before.len(), 8);
        for dialect in Dialect::ALL {
            let (state, mut notes) = export(store, dialect);
            let (back, more) = import_with(&state.to_string(), &options()).unwrap();
            notes.extend(more);
            let after = sessions(&back);
            assert!(before.keys().eq(after.keys()), "{dialect}");
            for (id, one) in &before {
                let other = &after[id];
                let mut fields = differing(one, other);
                fields.remove("pool");
                if fields.remove("cookies") {
                    let (one, other) =
                        (one["cookies"].as_array().unwrap(), other["cookies"].as_array().unwrap());
                    assert_eq!(one.len(), other.len(), "{dialect}: {id}");
                    for (one, other) in one.iter().zip(other) {
                        let text = |field: &str| one[field].as_str().unwrap().to_owned();
                        let label = format!("{} of {}{}", text("name"), text("domain"), text("path"));
                        for field in differing(one, other) {
                            let is_told = is_told(&notes, id, Some(&label), &field);
                            assert!(is_told, "{dialect}: {id}: {label:?}: {field}: {:#?}", said(&notes));
                        }
                    }
                }
                for field in fields {
                    assert!(
                        is_told(&notes, id, None, &field),
                        "{dialect}: {id}: {field}: {:#?}",
                        said(&notes)
                    );
                }
                assert_eq!(one["user_data"], other["user_data"], "{dialect}: {id}");
            }
            // What JavaScript will make of two of the numbers is told, though the file has them as they are.
            let rounded = is_told(&notes, "fresh", None, "user_data");
            assert_eq!(rounded, dialect != Dialect::Python);
            assert_eq!(after["plain"]["retired"], Value::Null);
            assert_eq!(after["used_up"]["retired"]["reason"], "exhausted");
        }
    });
}
