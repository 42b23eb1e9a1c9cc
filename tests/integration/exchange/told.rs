//! What the tool tells of what it carries over, as real processes.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use session_pool::{Growth, ManualClock, SessionOptions};

use super::tool::{World, json, stderr, text, tool};
use crate::support::named;

const HOUR: Duration = Duration::from_secs(3600);

/// Of each standing one: fresh, past its age, retired for its age, used up, blocked, retired by its caller.
fn of_every_standing(world: &World) {
    let clock = ManualClock::new((SystemTime::now() - 48 * HOUR).into());
    let pool = world.place.open(|builder| builder.name("crawl").growth(Growth::Manual).clock(clock.clone()));
    let aged = |id: &str, hours: u32| SessionOptions { max_age: hours * HOUR, ..named(id) };
    pool.add(SessionOptions { max_usage_count: 7, ..aged("fresh", 1000) }).unwrap();
    pool.add(aged("old", 30)).unwrap();
    pool.add(aged("gone", 1)).unwrap();
    let _ = pool.add(SessionOptions { max_usage_count: 1, ..aged("used", 1000) }).unwrap().reclaim().unwrap();
    let _ = pool.add(SessionOptions { max_error_score: 1.0, ..aged("bad", 1000) }).unwrap().fail().unwrap();
    let _ = pool.add(aged("burnt", 1000)).unwrap().retire().unwrap();
    let _ = pool.add(aged("left", 3)).unwrap().retire().unwrap();
    clock.advance(2 * HOUR);
    pool.flush().unwrap();
    let _ = pool.get(&"gone".parse().unwrap()).unwrap().reclaim().unwrap();
    drop(pool);
}

#[test]
fn an_export_for_crawlee_and_its_import_count_alike() {
    let world = World::new();
    of_every_standing(&world);
    for (to, counts) in [
        ("crawlee-js", "7 sessions: 1 usable, 2 expired, 4 retired"),
        ("crawlee-js-4", "7 sessions: 1 usable, 1 expired, 5 retired"),
        ("crawlee-python", "7 sessions: 1 usable, 2 expired, 4 retired"),
    ] {
        let state = world.path(to);
        let export = ["export", &world.store(), &state, "--to", to, "--pool", "crawl"];
        let said = text(&tool(&export));
        assert!(said.contains(counts), "{said}");
        let import = ["import", &state, &world.path("new"), "--dry-run"];
        let said = text(&tool(&import));
        assert!(said.contains(&format!("1 new pool, {counts};")), "{said}");
        fs::remove_file(&state).unwrap();
        let out = json(&tool(&[&export[..], &["--format", "json"]].concat()));
        let back = json(&tool(&[&import[..], &["--format", "json"]].concat()));
        for counted in ["usable", "expired", "retired"] {
            assert_eq!(out[counted], back[counted], "{to}: {counted}");
        }
        // Crawlee knows two kinds.
        let state: Value = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
        let retired = if to == "crawlee-python" { "retiredSessionCount" } else { "retiredSessionsCount" };
        assert_eq!(state[retired], 6, "{to}");
    }
}

/// A state in which three sessions lose the same, and one of them something of its own.
fn state() -> Value {
    let session = |id: &str, cookies: Value| {
        json!({ "id": id, "createdAt": "2026-03-01T00:00:00.000Z", "expiresAt": "2096-03-01T00:00:00.000Z", "hat": id,
            "cookieJar": { "cookies": cookies } })
    };
    let cookie = |name: &str| json!({ "key": name, "value": "topsecret", "domain": "a.example", "path": "/", "odd": 1 });
    json!({ "usableSessionsCount": 3, "shoe": 44, "sessions": [
        session("a", json!([cookie("one"), cookie("two")])),
        session("b", json!([cookie("one")])),
        session("c", json!([])),
    ] })
}

#[test]
fn what_is_lost_in_the_same_way_is_one_line_and_the_report_has_each() {
    let world = World::new();
    let (file, report) = (world.write("state.json", &state().to_string()), world.path("report"));
    let output = tool(&["import", &file, &world.path("new")]);
    assert_eq!(text(&output).lines().count(), 1);
    assert_eq!(
        stderr(&output),
        "session-pool: 3 cookies of 2 sessions, one of a.example/ in session a for one: odd is left out: a number\n\
         session-pool: 3 sessions, a for one: hat is left out: a text\n\
         session-pool: shoe is left out: 44\n\
         session-pool: --report FILE has each of them\n"
    );
    let output = tool(&["import", &file, &world.path("other"), "--report", &report]);
    assert!(stderr(&output).ends_with("report: 7 notes\n"), "{output:?}");
    let notes = fs::read_to_string(&report).unwrap();
    let notes: Vec<Value> = notes.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let hats: Vec<&Value> = notes.iter().filter(|note| note["field"] == "hat").collect();
    assert_eq!(hats.iter().map(|note| &note["session"]).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(
        notes.iter().filter(|note| note["field"] == "odd" && note["cookie"] != Value::Null).count(),
        3
    );
}

#[cfg(unix)]
#[test]
fn what_will_be_lost_is_told_before_it_asks() {
    let world = World::new();
    let (file, report) = (world.write("state.json", &state().to_string()), world.path("report"));
    let import = ["import", &file, &world.store(), "--into-pool", "new", "--report", &report];
    let (screen, code) = crate::operator::asking::on_a_terminal(&import, "n");
    let place = |text: &str| screen.find(text).unwrap_or_else(|| panic!("{text}: {screen}"));
    assert!(place("hat is left out") < place("come 3 sessions"), "{screen}");
    assert!(place("shoe is left out") < place("[y/N]"), "{screen}");
    assert_eq!((code, screen.matches("hat").count()), (1, 1), "{screen}");
    // It is what the answer was given by.
    assert_eq!(fs::read_to_string(&report).unwrap().lines().count(), 7);
    let stats = json(&tool(&["stats", &world.store(), "--format", "json"]));
    assert_eq!(stats["pools"].as_array().unwrap().len(), 1);
}
