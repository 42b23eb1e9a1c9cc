//! The state files of Crawlee: samples that it wrote, and what it might have written.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use session_pool::exchange::crawlee::{self, CrawleeOptions, Dialect, RENAMED_FROM};
use session_pool::exchange::{Fate, ImportFormat, ImportOptions, Input, Note, import_into};
use session_pool::{
    Cookie, Fingerprint, Fingerprints, MemoryStore, Payload, PoolName, PoolNumber, ReadStore, Reason,
    SameSite, SessionOptions, SessionRecord, Timestamp, inspect,
};

use crate::support::{Place, SECOND, assert_sound, id, named};

const JS_3: &str = include_str!("../../fixtures/crawlee/crawlee-js-3.18.1.json");
const JS_4: &str = include_str!("../../fixtures/crawlee/crawlee-js-4.json");
const PYTHON: &str = include_str!("../../fixtures/crawlee/crawlee-python-1.11.0.json");

/// Behind all samples.
pub(super) fn now() -> Timestamp {
    serde_json::from_str("\"2026-11-25T00:00:00Z\"").unwrap()
}

pub(super) fn options() -> ImportOptions {
    ImportOptions::new().now(now())
}

pub(super) fn import_with(state: &str, options: &ImportOptions) -> Result<(MemoryStore, Vec<Note>), String> {
    let store = MemoryStore::new();
    let mut notes = Vec::new();
    let input = Input::from_bytes(state.as_bytes().to_vec());
    let imported =
        import_into(&store, &PoolName::default(), input, options, &mut |note| notes.push(note.clone()));
    match imported {
        Ok(_) => {
            assert_sound(&store);
            Ok((store, notes))
        }
        Err(error) => {
            assert!(inspect::pools(&store).unwrap().is_empty(), "nothing is written");
            Err(error.to_string())
        }
    }
}

fn import(state: &Value) -> (MemoryStore, Vec<Note>) {
    import_with(&state.to_string(), &options()).unwrap()
}

pub(super) fn export(store: &dyn ReadStore, dialect: Dialect) -> (Value, Vec<Note>) {
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let options = CrawleeOptions::new(dialect).now(now());
    crawlee::write(store, &mut out, &options, &mut |note| notes.push(note.clone())).unwrap();
    (serde_json::from_slice(&out).unwrap(), notes)
}

fn session(store: &MemoryStore, name: &str) -> (SessionRecord, Payload) {
    let (pool, id) = (PoolNumber(0), id(name));
    (store.record(pool, &id).unwrap().unwrap(), store.payload(pool, &id).unwrap().unwrap())
}

pub(super) fn said(notes: &[Note]) -> Vec<String> {
    notes.iter().map(ToString::to_string).collect()
}

/// Where two states differ: the session, the cookie, and the field.
type Difference = (Option<String>, Option<String>, String);

fn compare(one: &Value, other: &Value, at: &Difference, found: &mut Vec<Difference>) {
    let (session, cookie, path) = at;
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let none = &Value::Null;
                let (a, b) = (one.get(key).unwrap_or(none), other.get(key).unwrap_or(none));
                compare(a, b, &(session.clone(), cookie.clone(), path), found);
            }
        }
        (Value::Array(one), Value::Array(other)) if path == "sessions" || path.ends_with("cookies") => {
            let key = |value: &Value| {
                let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
                if path == "sessions" {
                    text("id")
                } else {
                    format!("{}{} of {}{}", text("key"), text("name"), text("domain"), text("path"))
                }
            };
            let by_key = |values: &[Value]| -> BTreeMap<String, Value> {
                values.iter().map(|value| (key(value), value.clone())).collect()
            };
            let (one, other) = (by_key(one), by_key(other));
            for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
                let at = if path == "sessions" {
                    (Some(key.clone()), None, String::new())
                } else {
                    (session.clone(), Some(key.clone()), String::new())
                };
                match (one.get(key), other.get(key)) {
                    (Some(one), Some(other)) => compare(one, other, &at, found),
                    _ => found.push((at.0, at.1, "the cookie".to_owned())),
                }
            }
        }
        _ if one == other => {}
        _ => found.push(at.clone()),
    }
}

#[test]
fn samples_come_back_as_they_were_but_for_what_is_reported() {
    for (sample, dialect, differences) in
        [(JS_3, Dialect::Js3, 5), (JS_4, Dialect::Js4, 0), (PYTHON, Dialect::Python, 6)]
    {
        let before: Value = serde_json::from_str(sample).unwrap();
        let (store, mut notes) = import(&before);
        let (after, more) = export(&store, dialect);
        notes.extend(more);
        let mut found = Vec::new();
        compare(&before, &after, &(None, None, String::new()), &mut found);
        assert_eq!(found.len(), differences, "{dialect}: {found:#?}");
        for (session, cookie, field) in found {
            // An age becomes an expiry: the note about it is about both.
            let is_told = notes.iter().any(|note| {
                let is_field = note.field == field || field == "expires" && note.field == "maxAge";
                note.session == session && note.cookie == cookie && is_field
            });
            assert!(is_told, "{dialect}: {session:?} {cookie:?} {field}: {:#?}", said(&notes));
        }
    }
}

#[test]
fn the_sample_of_js_3_means_here_what_it_meant_there() {
    let (store, notes) = import_with(JS_3, &options()).unwrap();
    let (record, payload) = session(&store, "session_L8OGz4CQeI");
    assert_eq!((record.usage_count, record.error_score.to_f64(), record.retired), (4, 0.5, None));
    assert_eq!(record.expires_at.to_string(), "2036-11-19T21:14:33.995Z");
    let names: Vec<&str> = payload.cookies.iter().map(|cookie| cookie.name.as_str()).collect();
    assert_eq!(names, ["sid", "pref", "exp"]);
    let [sid, pref, exp] = payload.cookies.as_slice() else { panic!() };
    assert!(sid.host_only && sid.secure && sid.http_only && sid.expires_at.is_none());
    assert_eq!((pref.same_site, pref.host_only), (Some(SameSite::Lax), false));
    assert_eq!(pref.expires_at.unwrap().to_string(), "2027-11-22T21:14:34.000Z");
    assert_eq!(exp.expires_at.unwrap().to_string(), "2038-01-01T00:00:00.000Z");
    assert_eq!(payload.user_data.as_map()["headers"]["n"], json!([1, 2.5, null, true]));
    // Three bad marks, of which the last retired it: 3 + 3. And one that its caller retired: 0 + 3.
    let reason = |name: &str| session(&store, name).0.retired.unwrap().reason;
    assert_eq!(reason("session_nTPlwJxvTX"), Reason::Blocked);
    assert_eq!(reason("session_58zEvKgsCm"), Reason::Retired);
    let said = said(&notes);
    for note in [
        "session session_L8OGz4CQeI: cookie gone of shop.example.com/cart: the cookie is left out: it is deleted: its \
         maxAge is 0",
        "session session_L8OGz4CQeI: cookie pref of example.com/cart: maxAge was 31536000, and is an expiry at \
         2027-11-22T21:14:34.000Z",
        "session session_nTPlwJxvTX: why it was retired is not told: taken to be blocked",
    ] {
        assert!(said.iter().any(|said| said == note), "{note}: {said:#?}");
    }
}

#[test]
fn the_samples_of_js_4_and_python_mean_here_what_they_meant_there() {
    let (store, _) = import_with(JS_4, &options()).unwrap();
    let (record, payload) = session(&store, "session_v4Live0001");
    assert!(record.retired.is_none());
    assert_eq!(payload.proxy.unwrap().url(), "http://auto:pw@proxy.example.com:8000");
    assert_eq!(payload.fingerprint.unwrap().attributes["browser"], "chrome");
    assert_eq!(session(&store, "session_v4Gone0001").0.retired.unwrap().reason, Reason::Retired);

    let (store, notes) = import_with(PYTHON, &options()).unwrap();
    let (record, payload) = session(&store, "ihsZubI4CV");
    assert_eq!(record.created_at.to_string(), "2026-11-22T21:14:34.719Z");
    assert_eq!(record.expires_at.to_string(), "2036-11-19T21:14:34.719Z");
    let [first, second] = payload.cookies.as_slice() else { panic!() };
    assert_eq!((first.same_site, first.http_only), (Some(SameSite::Lax), true));
    assert_eq!(first.expires_at.unwrap().to_string(), "2038-01-01T00:00:00.000Z");
    assert_eq!((second.expires_at, second.host_only), (None, false));
    assert_eq!(session(&store, "RKiZLa9RAb").0.retired.unwrap().reason, Reason::Blocked);
    assert!(said(&notes).contains(&"maxPoolSize is left out: 5".to_owned()));
}

#[test]
fn what_is_absent_is_what_that_version_takes_it_to_be() {
    let js = json!({ "sessions": [{ "id": "a", "createdAt": "2026-11-22T00:00:00.000Z", "cookieJar": { "cookies": [
        { "key": "a", "domain": "a.example" }, { "domain": "b.example", "expires": "Infinity", "hostOnly": null },
    ] } }] });
    let python = json!({ "sessionCount": 1, "sessions": [{ "id": "a", "createdAt": "2026-11-22T00:00:00Z", "cookies": [
            { "name": "a", "value": "", "domain": ".A.example" }, { "name": "b", "value": "1", "domain": "b.example", "expires": -1 },
        ] }] });
    for state in [js, python] {
        let (store, notes) = import(&state);
        let (record, payload) = session(&store, "a");
        assert_eq!((record.usage_count, record.limits.max_usage_count), (0, 50));
        let limits = record.limits;
        assert_eq!((limits.max_error_score.to_f64(), limits.error_score_decrement.to_f64()), (3.0, 0.5));
        assert_eq!(record.expires_at.to_string(), "2026-11-22T00:50:00.000Z");
        assert!(payload.user_data.as_map().is_empty());
        for cookie in &payload.cookies {
            let Cookie { path, host_only, secure, http_only, same_site, expires_at, .. } = cookie;
            assert_eq!((path.as_str(), *host_only, *secure, *http_only), ("/", false, false, false));
            assert_eq!((*same_site, *expires_at), (None, None));
        }
        assert_eq!(payload.cookies[0].domain, "a.example");
        assert!(said(&notes).iter().any(|note| note.contains("3000 s, up to 2026-11-22T00:50:00.000Z")));
        assert!(said(&notes).iter().any(|note| note.contains("path is not told: taken to be /")));
    }
}

fn js_session(change: impl FnOnce(&mut Value)) -> Value {
    let mut session = json!({
        "id": "a", "cookieJar": { "cookies": [] }, "userData": {}, "maxErrorScore": 3, "errorScoreDecrement": 0.5,
        "expiresAt": "2036-11-19T21:14:33.995Z", "createdAt": "2026-11-22T21:14:33.995Z",
        "usageCount": 4, "maxUsageCount": 50, "errorScore": 0.5,
    });
    change(&mut session);
    json!({ "usableSessionsCount": 1, "retiredSessionsCount": 0, "sessions": [session] })
}

#[test]
fn numbers_and_times_that_cannot_be_kept_are_the_nearest_ones_and_noted() {
    let (store, notes) = import(&js_session(|session| {
        session["errorScore"] = json!(-0.2);
        session["errorScoreDecrement"] = json!(0.123_456);
        session["maxUsageCount"] = Value::Null;
        session["maxErrorScore"] = Value::Null;
        session["expiresAt"] = json!("+275760-09-13T00:00:00.000Z");
        session["createdAt"] = json!("2030-01-01T00:00:00.000Z");
    }));
    let (record, _) = session(&store, "a");
    assert_eq!(record.error_score.to_f64(), 0.0);
    assert_eq!(record.limits.error_score_decrement.to_f64(), 0.123);
    assert_eq!(record.limits.max_usage_count, u32::MAX);
    assert_eq!(record.limits.max_error_score.to_f64(), 1e6);
    assert_eq!((record.expires_at, record.created_at), (Timestamp::MAX, now()));
    assert_eq!(
        said(&notes),
        [
            "session a: maxErrorScore was null, which stands for Infinity, and is 1000000",
            "session a: errorScoreDecrement was 0.123456, and is 0.123",
            "session a: errorScore was -0.2, and is 0",
            "session a: maxUsageCount was null, which stands for Infinity, and is 4294967295",
            "session a: expiresAt was \"+275760-09-13T00:00:00.000Z\", and is 9999-12-31T23:59:59.999Z",
            "session a: created_at was 2030-01-01T00:00:00.000Z, and is 2026-11-25T00:00:00.000Z, since it lies \
             ahead of the clock",
        ]
    );
}

/// What Python writes of integers of any length, and a person of decimals.
#[test]
fn a_number_that_no_value_holds_is_carried_as_a_text_and_told_of_its_session() {
    let state = r#"{ "sessionCount": 2, "sessions": [
        { "id": "a", "createdAt": "2026-11-22T00:00:00Z", "maxAge": "P1Y", "userData": {
            "order": { "ids": [7, 123456789012345678901234567890], "low": -9223372036854775809 },
            "rate": 0.1234567890123456789, "edge": [18446744073709551615, -9223372036854775808, 0.1, 1e300] } },
        { "id": "b", "createdAt": "2026-11-22T00:00:00Z", "maxAge": "P1Y", "userData": { "quoted": "{ 123456789012345678901 }" } }
    ] }"#;
    let (store, notes) = import_with(state, &options()).unwrap();
    let (_, payload) = session(&store, "a");
    assert_eq!(
        Value::Object(payload.user_data.as_map().clone()),
        json!({
            "order": { "ids": [7, "123456789012345678901234567890"], "low": "-9223372036854775809" },
            "rate": "0.1234567890123456789", "edge": [u64::MAX, i64::MIN, 0.1, 1e300],
        })
    );
    let text = |digits, field| {
        format!(
            "session a: userData.{field} was a number of {digits} digits, and is a text of the same: no number here holds it"
        )
    };
    assert_eq!(said(&notes), [text(30, "order.ids[1]"), text(19, "order.low"), text(20, "rate")]);
    // And back, as the texts that they are.
    let (after, _) = export(&store, Dialect::Python);
    assert_eq!(after["sessions"][0]["userData"]["order"]["ids"][1], "123456789012345678901234567890");

    let state = r#"{ "sessionCount": 1, "sessions": [{ "id": "c", "createdAt": "2026-11-22T00:00:00Z", "maxAge": "P1Y",
        "userData": { "n": 1e400 } }] }"#;
    let (store, notes) = import_with(state, &options()).unwrap();
    assert_eq!(session(&store, "c").1.user_data.as_map()["n"], "1e400", "beyond any float is no other");
    assert_eq!(said(&notes).len(), 1);
}

#[test]
fn an_integer_that_javascript_will_round_is_told() {
    let store = MemoryStore::new();
    let state = r#"{ "sessionCount": 1, "sessions": [{ "id": "a", "createdAt": "2026-11-22T00:00:00Z", "maxAge": "P1Y",
        "userData": { "safe": 9007199254740992, "snow": [9007199254740993], "most": 18446744073709551615 } }] }"#;
    let input = Input::from_bytes(state.as_bytes().to_vec());
    import_into(&store, &PoolName::default(), input, &options(), &mut |_| {}).unwrap();
    for dialect in [Dialect::Js3, Dialect::Js4, Dialect::Python] {
        let (after, notes) = export(&store, dialect);
        assert_eq!(after["sessions"][0]["userData"]["most"], u64::MAX);
        let rounded: Vec<String> =
            said(&notes).into_iter().filter(|note| note.contains("user_data")).collect();
        let expected: &[&str] = &[
            "session a: user_data.most was an integer of 20 digits, and is the same in the file, which JavaScript rounds",
            "session a: user_data.snow[0] was an integer of 16 digits, and is the same in the file, which JavaScript rounds",
        ];
        assert_eq!(rounded, if dialect == Dialect::Python { &[] } else { expected });
    }
}

#[test]
fn a_session_that_crawlee_would_not_use_is_retired_here_for_the_reason_that_its_numbers_tell() {
    let reason =
        |change: fn(&mut Value)| session(&import(&js_session(change)).0, "a").0.retired.map(|r| r.reason);
    assert_eq!(reason(|_| {}), None);
    assert_eq!(reason(|s| s["errorScore"] = json!(6.5)), Some(Reason::Blocked));
    assert_eq!(reason(|s| s["errorScore"] = json!(3)), Some(Reason::Retired));
    assert_eq!(reason(|s| s["usageCount"] = json!(50)), Some(Reason::Exhausted));
    // Crawlee JS counts one more use for retiring it.
    assert_eq!(
        reason(|s| {
            s["usageCount"] = json!(51);
            s["errorScore"] = json!(3.5);
        }),
        Some(Reason::Exhausted)
    );
    assert_eq!(
        reason(|s| {
            s["usageCount"] = json!(50);
            s["errorScore"] = json!(3.5);
        }),
        Some(Reason::Retired)
    );
    assert_eq!(reason(|s| s["retired"] = json!(true)), Some(Reason::Retired));
    assert_eq!(
        reason(|s| s["expiresAt"] = json!("2026-11-23T00:00:00.000Z")),
        None,
        "the pool finds out itself"
    );
}

#[test]
fn nothing_that_a_session_has_beside_is_dropped_in_silence() {
    let (store, notes) = import(&js_session(|session| {
        session["maxAgeSecs"] = json!(5);
        session["authToken"] = json!("topsecret");
        session["cookieJar"]["token"] = json!("topsecret");
        session["cookies"] = json!([]);
        session["cookieJar"]["enableLooseMode"] = json!(true);
        session["cookieJar"]["version"] = json!("tough-cookie@4.1.3");
        session["cookieJar"]["new"] = json!({});
        session["fingerprint"] = json!({ "browser": "opera" });
        session["proxyInfo"] = json!({
            "url": "http://u:topsecret@h:1", "username": "v", "password": "topsecret2", "port": 1, "ignoreTlsErrors": true,
            "sessionId": "topsecret",
        });
        session["cookieJar"]["cookies"] = json!([
            { "key": "a", "value": "topsecret", "domain": "h.example", "path": "/", "extensions": ["Partitioned"],
              "sameSite": "odd", "secure": 1, "token": "topsecret", "lastAccessed": "Infinity", "maxAge": "Infinity" },
            { "key": "b", "value": "2", "path": "/" },
            "topsecret",
            { "key": "c", "value": 3, "domain": "h.example", "path": "/", "maxAge": "-Infinity" },
            { "key": "a", "value": "later", "domain": "h.example", "path": "/" },
            { "key": "d", "value": "4", "domain": "h.example", "path": "/", "maxAge": 10 },
            { "key": "e", "value": "5", "domain": "h.example", "path": "/", "maxAge": 10,
              "creation": "2026-11-01T00:00:00.000Z", "lastAccessed": "2026-11-02T00:00:00.000Z" },
        ]);
    }));
    let (_, payload) = session(&store, "a");
    let kept: Vec<_> = payload.cookies.iter().map(|cookie| (&*cookie.name, &*cookie.value)).collect();
    assert_eq!(
        kept,
        [("a", "later"), ("d", "4"), ("e", "5")],
        "peer 18: one bad cookie does not lose the rest"
    );
    assert_eq!(payload.cookies[1].expires_at, Some(now().plus(SECOND * 10)));
    assert_eq!(payload.cookies[2].expires_at.unwrap().to_string(), "2026-11-02T00:00:10.000Z");
    let said = said(&notes);
    assert!(!said.iter().any(|note| note.contains("topsecret")), "{said:#?}");
    for note in [
        "maxAgeSecs is left out: 5",
        "cookies is left out: an array of 0",
        "cookieJar.enableLooseMode is left out: true",
        "cookieJar.version is left out: a text",
        "cookieJar.new is left out: an object",
        "proxyInfo.username is left out: not what is in its URL",
        "proxyInfo.password is left out: not what is in its URL",
        "proxyInfo.ignoreTlsErrors is left out: true",
        "proxyInfo.sessionId is left out: a text",
        "cookie a of h.example/: extensions is left out: an array of 1",
        "cookie a of h.example/: sameSite is left out: a text",
        "cookie a of h.example/: secure is left out: a number",
        "cookie a of h.example/: token is left out: a text",
        "cookie a of h.example/: maxAge was Infinity, and is without an expiry",
        "cookie a of h.example/: the cookie is left out: another one of this name, domain and path comes behind it",
        "cookie b of /: the cookie is left out: it has no domain, so it is never sent",
        "cookie number 2: the cookie is left out: it is no object",
        "cookie c of h.example/: the cookie is left out: it is deleted: its maxAge is \"-Infinity\"",
    ] {
        let note = format!("session a: {note}");
        assert!(said.contains(&note), "{note}: {said:#?}");
    }
}

#[test]
fn a_session_that_breaks_a_rule_is_refused_by_name_field_value_and_rule() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 14] = [
        (
            |s| s["id"] = json!("user-42"),
            "sessions[0] (user-42): id is \"user-42\": must be 1 to 50 characters",
        ),
        (|s| s["id"] = json!(7), "sessions[0]: id is a number: must be a text"),
        (|s| s["id"] = Value::Null, "sessions[0]: id is missing: must be there"),
        (|s| s["usageCount"] = json!(1.5), "sessions[0] (a): usageCount is 1.5: must be a whole number"),
        (|s| s["usageCount"] = Value::Null, "usageCount is null: must be a whole number"),
        (|s| s["maxUsageCount"] = json!(0), "maxUsageCount is 0: must be at least 1"),
        (|s| s["maxErrorScore"] = json!(0), "maxErrorScore is 0: must be at least 0.001"),
        (|s| s["errorScoreDecrement"] = json!(-1), "errorScoreDecrement is -1: must be 0 or more"),
        (|s| s["errorScore"] = json!("high"), "errorScore is \"high\": must be a number"),
        (|s| s["expiresAt"] = json!("tomorrow"), "expiresAt is \"tomorrow\": must be a time"),
        (|s| s["userData"] = json!("topsecret"), "userData is a text: must be an object"),
        (|s| s["cookieJar"] = json!([]), "cookieJar is an array of 0: must be an object"),
        (|s| s["proxyInfo"] = json!({ "url": "topsecret" }), "proxyInfo.url is ***: must be scheme://"),
        (
            |s| s["userData"] = json!({ "k": "x".repeat(2 << 20) }),
            "user_data is 2097160 bytes of JSON: must be",
        ),
    ];
    for (change, says) in cases {
        let error = import_with(&js_session(change).to_string(), &options()).unwrap_err();
        assert!(error.contains(says) && !error.contains("topsecret"), "{says}: {error}");
    }
    let python = |change: fn(&mut Value)| {
        let mut state: Value = serde_json::from_str(PYTHON).unwrap();
        change(&mut state["sessions"][1]);
        import_with(&state.to_string(), &options()).unwrap_err()
    };
    assert!(
        python(|s| s["maxAge"] = json!("soon"))
            .contains("sessions[1] (RKiZLa9RAb): maxAge is \"soon\": must be")
    );
    let error = python(|s| s["id"] = json!("ihsZubI4CV"));
    assert_eq!(error, "sessions[1]: the session ihsZubI4CV was there already: sessions[0]");
    let error = import_with("{\"sessions\":[1],\"sessionCount\":1}", &options()).unwrap_err();
    assert!(error.contains("sessions[0]: the line is 1") || error.contains("must be an object"), "{error}");
}

#[test]
fn what_is_no_state_of_a_known_crawlee_is_refused() {
    for (state, says) in [
        ("", "it is empty"),
        ("null", "no state of a session pool of Crawlee"),
        ("{}", "it has no list `sessions`"),
        ("{\"sessions\":[{\"id\":\"a\"}],\"schemaVersion\":9}", "it has nothing that tells"),
        ("{\"sessions\":[", "line 1, column 13: this is no JSON: EOF"),
        ("{\n\"sessions\":[{\"id\": \u{7}", "line 2, column"),
        ("\u{1}", "this is no JSON"),
        ("\u{89}SPA", "this is no JSON"),
    ] {
        let error = import_with(state, &options()).unwrap_err();
        assert!(error.contains(says), "{state}: {error}");
    }
    let archive = b"\x89SPA\r\n\x1a\n".to_vec();
    let error = Input::from_bytes(archive).format().unwrap_err();
    assert!(error.to_string().contains("it is an archive, of which restoring makes a store"), "{error}");
    // Told which it is, it is believed.
    let options = options().format(ImportFormat::Crawlee(Dialect::Js3));
    let (store, _) =
        import_with("{\"sessions\":[{\"id\":\"a\",\"createdAt\":\"2026-11-25T00:00:00Z\"}]}", &options)
            .unwrap();
    assert_eq!(session(&store, "a").0.limits.max_usage_count, 50);
}

#[test]
fn an_id_that_does_not_fit_is_replaced_where_asked_for_and_given_back() {
    let state = js_session(|session| session["id"] = json!("user-42"));
    let (store, notes) = import_with(&state.to_string(), &options().rename_ids(true)).unwrap();
    let (_, payload) = session(&store, "user_42_7d06b873");
    assert_eq!(payload.user_data.as_map()[RENAMED_FROM], "user-42");
    assert_eq!(
        said(&notes),
        ["session user-42: id was \"user-42\", and is user_42_7d06b873; the old one is in its user data"]
    );
    let (after, notes) = export(&store, Dialect::Js3);
    assert_eq!(after["sessions"][0]["id"], "user-42");
    assert_eq!(after["sessions"][0]["userData"], json!({}));
    assert!(notes.is_empty(), "{notes:?}");
    let taken = js_session(|session| {
        session["id"] = json!("user-42");
        session["userData"] = json!({ RENAMED_FROM: "mine" });
    });
    let error = import_with(&taken.to_string(), &options().rename_ids(true)).unwrap_err();
    assert!(error.contains("userData.crawlee_id is there: must not be there"), "{error}");
}

/// What a session of ours has and Crawlee has no place for.
#[test]
fn what_crawlee_has_no_place_for_is_reported_by_session_and_field() {
    let place = Place::memory();
    let clock = session_pool::ManualClock::new(now().to_datetime());
    let pool = place.open(|builder| builder.clock(clock.clone()));
    let fingerprint = Fingerprint {
        headers: vec![("user-agent".into(), "x".into())],
        attributes: serde_json::from_value(json!({ "browser": "chrome", "mobile": true, "os": "9" }))
            .unwrap(),
    };
    let cookie = Cookie {
        host_only: true,
        partition_key: Some("https://top.example".into()),
        expires_at: Some(Timestamp::from_millis(2_000_000_000_500)),
        created_at: Some(Timestamp::from_millis(0)),
        ..Cookie::new("sid", "topsecret", "h.example")
    };
    let rich = SessionOptions {
        max_concurrent_uses: Some(2),
        proxy: Some("http://u:topsecret@h:1".parse().unwrap()),
        fingerprint: Some(fingerprint),
        ..named("rich")
    };
    let rich = pool.add(rich.cookie(cookie)).unwrap();
    let _ = rich.fail().unwrap();
    rich.rest_for(SECOND * 60).unwrap();
    let _ = pool
        .add(SessionOptions { expires_at: Some((now().plus(SECOND)).to_datetime()), ..named("old") })
        .unwrap();
    clock.advance(SECOND * 2);
    pool.sweep().unwrap();
    drop((rich, pool));
    let always = [
        "session rich: last_used_at is left out: 2026-11-25T00:00:00.000Z",
        "session rich: resting_until is left out: 2026-11-25T00:01:00.000Z",
        "session rich: error_count is left out: 1",
        "session rich: max_concurrent_uses is left out: 2",
        "session rich: cookie sid of h.example/: partition_key is left out: https://top.example",
        "session old: why and when it was retired is left out: expired at 2026-11-25T00:00:02.000Z",
    ];
    let js_3 = [
        "session rich: proxy is left out: http://u:***@h:1",
        "session rich: fingerprint is left out: 1 headers, 3 attributes",
    ];
    let js_4 = [
        "session rich: fingerprint.headers is left out: 1 headers",
        "session rich: fingerprint.os is left out: \"9\"",
    ];
    let python = [
        "session rich: cookie sid of h.example/: host_only is left out: true: there, it is sent to subdomains too",
        "session rich: cookie sid of h.example/: created_at is left out: 1970-01-01T00:00:00.000Z",
        "session rich: cookie sid of h.example/: expires_at was 2033-05-18T03:33:20.500Z, and is 2000000000 in whole \
         seconds",
    ];
    place.look(|store| {
        for (dialect, more) in
            [(Dialect::Js3, &js_3[..]), (Dialect::Js4, &js_4), (Dialect::Python, &[js_3.as_slice(), &python].concat())]
        {
            let (state, notes) = export(store, dialect);
            // To the one who reads it, the session that expired has not: by the time of the export it has a second to go.
            let old = "session old: error_score was 0, and is 3";
            let needs_score = dialect != Dialect::Js4;
            let mut expected: Vec<&str> = always.iter().chain(more).copied().collect();
            if needs_score {
                expected.push(old);
            }
            let (mut expected, mut said) = (expected, said(&notes));
            expected.sort_unstable();
            said.sort_unstable();
            assert_eq!(said, expected, "{dialect}");
            let old = state["sessions"].as_array().unwrap().iter().find(|s| s["id"] == "old").unwrap();
            assert_eq!(old["errorScore"].as_f64(), Some(if needs_score { 3.0 } else { 0.0 }), "{dialect}");
            let text = state.to_string();
            assert_eq!(text.matches("topsecret").count(), if dialect == Dialect::Js4 { 3 } else { 1 });
            let counts = match dialect {
                Dialect::Python => (&state["usableSessionCount"], &state["retiredSessionCount"]),
                _ => (&state["usableSessionsCount"], &state["retiredSessionsCount"]),
            };
            assert_eq!(counts, (&json!(1), &json!(1)), "{dialect}");
        }
        let (state, _) = export(store, Dialect::Js4);
        let rich = state["sessions"].as_array().unwrap().iter().find(|s| s["id"] == "rich").unwrap();
        assert_eq!(rich["fingerprint"], json!({ "browser": "chrome", "device": "mobile" }));
        assert_eq!(
            rich["proxyInfo"],
            json!({ "url": "http://u:topsecret@h:1", "username": "u", "password": "topsecret", "hostname": "h", "port": "1" })
        );
    });
}

#[test]
fn built_in_fingerprints_become_hints_that_crawlee_knows() {
    let place = Place::memory();
    let pool = place.open(|builder| builder.fingerprints(Fingerprints::built_in()).max_pool_size(40));
    for _ in 0..40 {
        let _ = pool.acquire().unwrap().release();
    }
    drop(pool);
    place.look(|store| {
        let (state, notes) = export(store, Dialect::Js4);
        for session in state["sessions"].as_array().unwrap() {
            let hints = session["fingerprint"].as_object().unwrap();
            assert_eq!(hints.keys().collect::<Vec<_>>(), ["browser", "device", "platform"]);
        }
        let version =
            |note: &Note| note.field == "fingerprint.version" && matches!(note.fate, Fate::Dropped { .. });
        assert!(notes.iter().any(version));
    });
}

#[test]
fn a_pool_has_to_be_named_where_there_are_several() {
    let place = Place::memory();
    let sessions = place.open_store();
    for name in ["a", "b"] {
        session_pool::SessionPool::builder().name(name).open_in(&sessions).unwrap().add(named(name)).unwrap();
    }
    drop(sessions);
    place.look(|store| {
        let write = |pool: Option<&str>| {
            let options = CrawleeOptions::new(Dialect::Python).now(now());
            let options = match pool {
                Some(name) => options.pool(name.parse().unwrap()),
                None => options,
            };
            let mut out = Vec::new();
            let written = crawlee::write(store, &mut out, &options, &mut |_| {});
            written.map(|_| String::from_utf8(out).unwrap()).map_err(|error| error.to_string())
        };
        assert_eq!(write(None).unwrap_err(), "the store has the pools a, b: name one of them");
        assert_eq!(write(Some("c")).unwrap_err(), "there is no pool c: it has the pools a, b");
        let state: Value = serde_json::from_str(&write(Some("b")).unwrap()).unwrap();
        assert_eq!(state["sessions"][0]["id"], "b");
        assert_eq!(state["maxPoolSize"], 1000);
    });
}
