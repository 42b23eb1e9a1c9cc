//! What can be asked of sessions and of the log, and what is said of questions that make no sense.

use serde_json::{Value, json as object};
use session_pool::{Growth, Retention, SessionOptions, SystemClock};

use super::{code, json, text, tool};
use crate::support::{Place, SECOND, id, named};

/// Sessions as old as they say, used as often, going out through proxies.
fn store() -> (Place, String) {
    let place = Place::disk();
    let store = place.open_store();
    let pool = |name: &str| {
        let builder = session_pool::SessionPool::builder().name(name).growth(Growth::Manual);
        builder.clock(SystemClock).open_in(&store).unwrap()
    };
    let (shop, bank) = (pool("shop"), pool("bank"));
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let ago = |hours: i64| Some(now - chrono::Duration::hours(hours));
    let with = |name: &str, hours: i64, level: u32| SessionOptions {
        created_at: ago(hours),
        expires_at: Some(now + chrono::Duration::hours(hours) + chrono::Duration::minutes(30)),
        error_score: f64::from(level) / 2.0,
        usage_count: level,
        proxy: Some(format!("http://user:topsecret@p{level}.example:8000").parse().unwrap()),
        ..named(name).user_data("account", object!({ "level": level, "name": name }))
    };
    for (name, hours, level) in [("user_1", 1, 1), ("user_2", 2, 2), ("user_3", 3, 3), ("guest", 4, 4)] {
        shop.add(with(name, hours, level)).unwrap();
    }
    shop.get(&id("guest")).unwrap().rest_for(SECOND * 1000).unwrap();
    bank.add(with("user_1", 5, 5)).unwrap();
    let _ = bank.add(with("gone", 6, 0)).unwrap().retire().unwrap();
    bank.flush().unwrap();
    // The clock goes on by a few milliseconds at a time.
    std::thread::sleep(std::time::Duration::from_millis(20));
    let _ = shop.add(with("burnt", 7, 5)).unwrap().fail().unwrap();
    drop((shop, bank, store));
    let path = place.path().to_str().unwrap().to_owned();
    (place, path)
}

/// The ids that a list has, in its order.
fn ids(path: &str, arguments: &[&str]) -> Vec<String> {
    let list = json(&tool(&[&["list", path, "--format", "json"], arguments].concat()));
    list.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn show_takes_what_a_narrow_table_leaves_of_an_id() {
    let (_place, path) = store();
    let shown = |part: &str| json(&tool(&["show", &path, part, "--format", "json"]))["id"].clone();
    for part in ["gu…t", "gu*", "*uest", "guest"] {
        assert_eq!(shown(part), "guest", "{part}");
    }
    let one_of_two = ["show", &path, "user…", "--pool", "bank", "--format", "json"];
    assert_eq!(json(&tool(&one_of_two))["id"], "user_1");
    for (part, exit, told) in [
        ("us…r_9", 5, "there is no session whose id is like us…r_9"),
        ("u…", 2, "several ids are like u…: user_1, user_2, user_3"),
        ("*", 2, "and others"),
    ] {
        let output = tool(&["show", &path, part]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(code(&output) == exit && said.contains(told), "{part}: {output:?}");
    }
}

#[test]
fn list_asks_by_everything_that_is_known_of_a_session() {
    let (_place, path) = store();
    let found = |arguments: &[&str]| {
        let mut found = ids(&path, arguments);
        found.sort();
        found.join(" ")
    };
    for (arguments, expected) in [
        (&["--pool", "shop"][..], "burnt guest user_1 user_2 user_3"),
        (&["--state", "resting"], "guest"),
        (&["--state", "expired"], ""),
        (&["--state", "live", "--pool", "bank"], "user_1"),
        (&["--reason", "retired"], "gone"),
        (&["--expires-before", "2h", "--state", "live"], "user_1"),
        (&["--expires-before", "in 3h", "--state", "live"], "user_1 user_2"),
        (&["--expires-after", "4h"], "guest user_1"),
        (&["--expires-before", "2h"], "user_1"),
        (&["--expires-after", "4h", "--state", "retired"], "burnt gone"),
        (&["--expires-after", "4h", "--reason", "retired"], "gone"),
        (&["--created-before", "150m", "--pool", "shop"], "burnt guest user_3"),
        (&["--created-after", "150m ago"], "user_1 user_2"),
        (&["--created-after", "9999-01-01"], ""),
        (&["--created-after", "1970-01-01T00:00:00Z", "--pool", "bank"], "gone user_1"),
        (&["--retired-since", "1h"], "burnt gone"),
        (&["--min-error-score", "1.5", "--state", "live"], "guest user_1 user_3"),
        (&["--max-error-score", "1", "--state", "live"], "user_1 user_2"),
        (&["--min-usage", "3", "--state", "live"], "guest user_1 user_3"),
        (&["--id-glob", "user_?", "--pool", "shop"], "user_1 user_2 user_3"),
        (&["--id-glob", "*n*"], "burnt gone"),
        (&["--user-data", "account.level=3"], "user_3"),
        (&["--user-data", "/account/name=guest"], "guest"),
        (&["--user-data", "account.level", "--user-data", "account.name=gone"], "gone"),
        (&["--user-data", "account.nothing"], ""),
        (&["--proxy", "*//p2.example:*"], "user_2"),
        (&["--proxy", "*topsecret*"], ""),
        (&["--proxy", "*p?.example*", "--min-error-score", "2", "--pool", "bank"], "gone user_1"),
    ] {
        assert_eq!(found(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn what_expires_within_a_time_lies_ahead_and_has_not_expired() {
    let place = Place::disk();
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let pool = place.open(|b| b.growth(Growth::Manual).clock(SystemClock));
    let ahead = |name: &str, ahead: chrono::Duration| SessionOptions {
        created_at: Some(now - chrono::Duration::hours(1)),
        expires_at: Some(now + ahead),
        ..named(name)
    };
    pool.add(ahead("gone_by", chrono::Duration::seconds(2))).unwrap();
    pool.add(ahead("soon", chrono::Duration::minutes(20))).unwrap();
    pool.add(ahead("later", chrono::Duration::hours(2))).unwrap();
    let _ = pool.add(ahead("retired", chrono::Duration::minutes(20))).unwrap().retire().unwrap();
    // Before the sweeper comes by.
    drop(pool);
    std::thread::sleep(2 * SECOND);
    let path = place.path().to_str().unwrap().to_owned();
    for (arguments, expected) in [
        (&["--expires-before", "30min"][..], "soon"),
        (&["--expires-before", "in 30min", "--state", "live"], "soon"),
        (&["--expires-before", "30min", "--state", "expired"], "gone_by"),
        (&["--expires-before", "30min", "--expires-after", "1h ago"], "gone_by soon"),
        (&["--expires-before", "now"], "gone_by"),
        (&["--expires-after", "now"], "later soon"),
        (&["--expires-after", "now", "--expires-before", "3h"], "later soon"),
        (&["--expires-before", "30min", "--state", "retired"], "retired"),
        (&["--expires-before", "30min", "--retired-since", "1h"], "retired"),
        (&["--created-after", "now"], ""),
    ] {
        assert_eq!(ids(&path, &[&["--sort", "id"], arguments].concat()).join(" "), expected, "{arguments:?}");
    }
}

#[test]
fn list_sorts_by_any_field_those_without_a_value_last() {
    let (_place, path) = store();
    let sorted = |by: &str, more: &[&str]| ids(&path, &[&["--sort", by], more].concat()).join(" ");
    assert_eq!(sorted("id", &["--pool", "shop"]), "burnt guest user_1 user_2 user_3");
    assert_eq!(sorted("id:desc", &["--pool", "shop"]), "user_3 user_2 user_1 guest burnt");
    assert_eq!(sorted("created_at", &[]), "burnt gone user_1 guest user_3 user_2 user_1");
    assert_eq!(sorted("error_score:desc", &["--limit", "2"]), "burnt gone", "retiring raises it");
    assert_eq!(sorted("usage_count:asc", &["--limit", "1"]), "gone");
    assert_eq!(sorted("retired_at:desc", &[]), "burnt gone user_1 guest user_1 user_2 user_3");
    assert_eq!(sorted("resting_until", &["--limit", "1"]), "guest");
    assert_eq!(sorted("pool", &["--limit", "3", "--state", "live"]), "user_1 guest user_1");
}

#[test]
fn list_shows_the_columns_that_are_asked_for_in_their_order() {
    let (_place, path) = store();
    let list = tool(&["list", &path, "--columns", "proxy,id,cookies", "--pool", "shop", "--format", "csv"]);
    let list = text(&list);
    assert_eq!(list.lines().next(), Some("proxy,id,cookies"));
    assert!(
        list.contains("http://user:***@p1.example:8000,user_1,0") && !list.contains("topsecret"),
        "{list}"
    );
}

#[test]
fn list_answers_at_once_where_nobody_asks_for_an_order() {
    let (_place, path) = store();
    for limit in ["1", "3"] {
        assert_eq!(ids(&path, &["--limit", limit]).len().to_string(), limit);
    }
}

#[test]
fn a_question_that_makes_no_sense_is_pointed_at_and_nothing_is_shown() {
    let (_place, path) = store();
    for (arguments, pointed_at) in [
        (&["--expires-before", "2 sheep"][..], "character 3: \"sheep\""),
        (&["--created-after", "2026-13-01"], "\"2026-13-01\" is no date"),
        (&["--created-after", "yesterday"], "a time is a date"),
        (&["--user-data", "a..b"], "character 3: a key"),
        (&["--user-data", "/a~x"], "character 4: behind ~"),
        (&["--min-error-score", "-1"], "from 0 to 1000000"),
        (&["--min-error-score=-1"], "from 0 to 1000000"),
        (&["--min-error-score", "much"], "must be a number"),
        (&["--min-usage", "1.5"], "--min-usage"),
        (&["--sort", "size"], "character 1: \"size\""),
        (&["--sort", "id:down"], "character 4: behind the colon"),
        (&["--columns", "id,sise"], "sise"),
        (&["--state", "undead"], "undead"),
        (&["--pool", ""], "1 to 200 bytes"),
        (&["--limit", "few"], "must be a whole number, 0 or more"),
        (&["--limit", "-1"], "must be a whole number, 0 or more"),
        (&["--limit", "99999999999999999999999"], "is too large"),
        (&["--min-usage", "-1"], "must be a whole number, 0 or more"),
    ] {
        let output = tool(&[&["list", &path], arguments].concat());
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!((code(&output), output.stdout.len()), (2, 0), "{arguments:?}");
        assert!(message.contains(pointed_at), "{arguments:?}: {message}");
    }
}

#[test]
fn show_has_everything_of_a_session_and_what_the_log_says_of_it() {
    let (_place, path) = store();
    let burnt = json(&tool(&["show", &path, "burnt", "--format", "json"]));
    assert_eq!((&burnt["state"], &burnt["unusable_because"]), (&"retired".into(), &"retired".into()));
    assert_eq!(burnt["log"][0]["reason"], "blocked");
    assert_eq!(burnt["log"][0]["sequence"], 1);
    let guest = json(&tool(&["show", &path, "guest", "--format", "json"]));
    assert_eq!((&guest["state"], &guest["unusable_because"]), (&"resting".into(), &"resting".into()));
    assert_eq!((&guest["pool"], &guest["log"]), (&"shop".into(), &Value::Array(Vec::new())));
    let user = json(&tool(&["show", &path, "user_2", "--format", "json"]));
    assert_eq!((&user["state"], &user["unusable_because"]), (&"live".into(), &Value::Null));

    let shown = text(&tool(&["show", &path, "burnt", "--utc"]));
    for part in [
        "session         burnt",
        "pool            shop",
        "state           retired: blocked, 20",
        "because         bad uses: its error score reached 3.5, of 3 at most",
        "uses            6 of 50",
        "retirement log  entry 1: blocked, 20",
        "proxy           http://user:***@p5.example:8000",
        "account: ***",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let revealed = text(&tool(&["show", &path, "burnt", "--reveal"]));
    assert!(revealed.contains("topsecret") && revealed.contains("\"level\":5"), "{revealed}");
    // In both pools, unless one is asked for.
    assert_eq!(text(&tool(&["show", &path, "user_1"])).matches("session         user_1").count(), 2);
    let output = tool(&["show", &path, "guest", "--pool", "bank"]);
    assert_eq!(code(&output), 5);
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "session-pool: there is no session guest in the pool bank\n"
    );
}

#[test]
fn show_tells_of_a_forgotten_session_what_the_log_still_says() {
    let place = Place::disk();
    let nothing_retired = Retention { max_age: SECOND, max_count: 0 };
    let pool = place.open(|b| b.growth(Growth::Manual).retired_retention(nothing_retired));
    let _ = pool.add(named("gone")).unwrap().retire().unwrap();
    pool.forget().unwrap();
    drop(pool);
    let path = place.path().to_str().unwrap().to_owned();
    assert_eq!(ids(&path, &[]), [""; 0]);
    let shown = json(&tool(&["show", &path, "gone", "--format", "json"]));
    assert_eq!((&shown["state"], &shown["log"][0]["reason"]), (&"forgotten".into(), &"retired".into()));
    assert!(text(&tool(&["show", &path, "gone"])).contains("forgotten since it was retired"));
}

#[test]
fn retirements_are_asked_by_time_and_reason_and_counted() {
    let (_place, path) = store();
    let log = |arguments: &[&str]| {
        let log = json(&tool(&[&["retirements", &path, "--format", "json"], arguments].concat()));
        log.as_array().unwrap().clone()
    };
    let ids = |arguments: &[&str]| {
        let ids: Vec<String> = log(arguments).iter().map(|row| row["id"].as_str().unwrap().into()).collect();
        ids.join(" ")
    };
    assert_eq!(ids(&[]), "gone burnt", "the newest last, whatever the pool");
    assert_eq!(ids(&["--limit", "1"]), "burnt");
    assert_eq!(ids(&["--reason", "retired"]), "gone");
    assert_eq!(ids(&["--since", "2h"]), "gone burnt");
    assert_eq!(ids(&["--until", "2h"]), "");
    assert_eq!(ids(&["--since", "in 1h"]), "");
    assert_eq!(ids(&["--pool", "shop"]), "burnt");
    assert_eq!(ids(&["--after", "1"]), "");
    let by = |by: &str| log(&["--by", by]);
    assert_eq!(
        by("reason"),
        [object!({ "reason": "blocked", "count": 1 }), object!({ "reason": "retired", "count": 1 })]
    );
    assert_eq!(by("pool")[0]["pool"], "bank");
    let days = by("day");
    assert_eq!(days.iter().map(|day| day["count"].as_u64().unwrap()).sum::<u64>(), 2);
    for hour in log(&["--by", "hour", "--utc"]) {
        assert!(hour["hour"].as_str().unwrap().ends_with(":00:00.000Z"), "{hour}");
        assert_eq!(hour["exhausted"], 0);
    }
}

#[test]
fn of_reasons_and_pools_those_with_the_most_are_kept() {
    let place = Place::disk();
    let store = place.open_store();
    for (name, blocked) in [("a", 3), ("b", 1)] {
        let pool = session_pool::SessionPool::builder().name(name).growth(Growth::Manual);
        let pool = pool.open_in(&store).unwrap();
        for n in 0..blocked {
            let options = SessionOptions { max_error_score: 1.0, ..named(&format!("blocked{n}")) };
            let _ = pool.add(options).unwrap().fail().unwrap();
        }
        let _ = pool.add(named("retired")).unwrap().retire().unwrap();
    }
    drop(store);
    let path = place.path().to_str().unwrap().to_owned();
    let most =
        |by: &str| json(&tool(&["retirements", &path, "--by", by, "--limit", "1", "--format", "json"]));
    assert_eq!((&most("pool")[0]["pool"], &most("pool")[1]), (&"a".into(), &Value::Null));
    assert_eq!(most("reason"), object!([{ "reason": "blocked", "count": 4 }]));
}

/// A session of each kind that is live: ready, resting, expired, used up, and those that rest and are more than that.
fn of_each_kind() -> (Place, String) {
    let place = Place::disk();
    let pool = place.open(|b| b.name("shop").growth(Growth::Manual).clock(SystemClock));
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let soon = Some(now + chrono::Duration::milliseconds(1500));
    pool.add(named("ready")).unwrap();
    pool.add(named("rests")).unwrap().rest_for(SECOND * 1000).unwrap();
    pool.add(named("rested")).unwrap().rest_for(SECOND / 100).unwrap();
    pool.add(SessionOptions { expires_at: soon, ..named("old") }).unwrap();
    pool.add(SessionOptions { expires_at: soon, ..named("old.rests") })
        .unwrap()
        .rest_for(SECOND * 1000)
        .unwrap();
    let _ = pool.add(named("gone")).unwrap().retire().unwrap();
    drop(pool);
    std::thread::sleep(SECOND * 8 / 5);
    let path = place.path().to_str().unwrap().to_owned();
    (place, path)
}

#[test]
fn those_that_rest_and_those_that_are_ready_are_the_same_wherever_they_are_told() {
    let (_place, path) = of_each_kind();
    let of = |state: &str| ids(&path, &["--state", state, "--sort", "id"]);
    assert_eq!(of("resting"), ["rests"]);
    assert_eq!(of("ready"), ["ready", "rested"]);
    assert_eq!(of("expired"), ["old", "old.rests"]);
    assert_eq!(of("live"), ["old", "old.rests", "ready", "rested", "rests"]);
    let stats = json(&tool(&["stats", &path, "--format", "json"]))["total"].clone();
    assert_eq!((&stats["resting"], &stats["ready"]), (&1.into(), &2.into()));
    for (id, state) in
        [("rests", "resting"), ("rested", "live"), ("old.rests", "expired"), ("old", "expired")]
    {
        let shown = json(&tool(&["show", &path, id, "--format", "json"]));
        assert_eq!(shown["state"], state, "{id}");
        let listed = json(&tool(&["list", &path, "--id-glob", id, "--format", "json"]));
        assert_eq!(listed[0]["state"], state, "{id}");
        assert_eq!(shown["unusable_because"] == "resting", state == "resting", "{id}: {shown}");
    }
    // What will expire is asked of those that are ready, too.
    assert_eq!(
        ids(&path, &["--state", "ready", "--expires-before", "1000h", "--sort", "id"]),
        ["ready", "rested"]
    );
    let help = text(&tool(&["list", "--help"]));
    let help: Vec<&str> = help.split_whitespace().collect();
    let help = help.join(" ");
    assert!(help.contains("ready: Live, and to be handed out now"), "{help}");
    assert!(help.contains("STATE is the narrowest"), "{help}");
}

#[test]
fn what_begins_with_a_hyphen_is_a_value_where_one_is_due() {
    let (_place, path) = store();
    for (arguments, exit, told) in [
        (&["list", &path, "--expires-before", "-5m"][..], 2, "character 1: a number is expected"),
        (&["list", &path, "--created-after", "-5m"], 2, "character 1: a number is expected"),
        (&["retirements", &path, "--since", "-2h"], 2, "character 1: a number is expected"),
        (&["stats", &path, "--at", "-2h"], 2, "character 1: a number is expected"),
        (&["purge", &path, "--older-than", "-2h"], 2, "character 1: a number is expected"),
        (&["list", &path, "--pool", "-dash"], 5, "there is no pool -dash"),
        (&["stats", &path, "--pool", "-dash"], 5, "there is no pool -dash"),
        (&["show", &path, "guest", "--pool", "-dash"], 5, "there is no pool -dash"),
    ] {
        let output = tool(arguments);
        let error = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(code(&output), exit, "{arguments:?}: {error}");
        assert!(error.contains(told) && !error.contains("tip:"), "{arguments:?}: {error}");
    }
    assert_eq!(ids(&path, &["--id-glob", "-*"]), [""; 0]);
}
