//! What the tool tells of what it carries over, as real processes.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use session_pool::{Growth, ManualClock, SessionOptions};

use super::tool::{World, json, refusal, stderr, text, tool};
use crate::support::{Place, named};

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
    let stats = json(&tool(&["stats", &world.store(), "--format", "json"]));
    assert_eq!(stats["pools"].as_array().unwrap().len(), 1);
}

#[cfg(unix)]
#[test]
fn a_report_of_what_was_not_done_is_not_left_in_the_way() {
    let world = World::new();
    let (file, report) = (world.write("state.json", &state().to_string()), world.path("report"));
    let import = ["import", &file, &world.store(), "--into-pool", "new", "--report", &report];
    let (screen, code) = crate::operator::asking::on_a_terminal(&import, "n");
    // It can be looked at before the answer is given.
    assert!(screen.find("report: 7 notes").unwrap() < screen.find("[y/N]").unwrap(), "{screen}");
    assert!(code == 1 && !world.beside("report").exists(), "{screen}");
    let output = tool(&[&import[..], &["--dry-run"]].concat());
    assert!(output.status.success() && fs::read_to_string(&report).unwrap().lines().count() == 7);
    fs::remove_file(&report).unwrap();
    // What reads the store is there still when it is written.
    let (screen, code) = crate::operator::asking::on_a_terminal(&import, "y");
    assert!(code == 0 && fs::read_to_string(&report).unwrap().lines().count() == 7, "{screen}");
}

/// A store whose pool has these sessions: their ids, and their user data.
fn store_of(sessions: impl IntoIterator<Item = (String, Value)>) -> Place {
    let place = Place::disk();
    let pool = place.open(|builder| builder.name("crawl").growth(Growth::Manual));
    for (id, data) in sessions {
        let user_data = data.as_object().unwrap().clone().into();
        pool.add(SessionOptions { user_data, ..named(&id) }).unwrap();
    }
    drop(pool);
    place
}

/// What an export for Crawlee JS says but for secrets, and what its report has.
fn exported(place: &Place) -> (Vec<String>, Vec<Value>) {
    let beside = |name: &str| place.path().with_file_name(name).to_str().unwrap().to_owned();
    let (store, state, report) = (beside("sessions"), beside("state"), beside("report"));
    let output = tool(&["export", &store, &state, "--to", "crawlee-js", "--report", &report]);
    text(&output);
    let said =
        stderr(&output).lines().filter(|line| !line.ends_with("in clear")).map(str::to_owned).collect();
    let report = fs::read_to_string(&report).unwrap();
    (said, report.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn what_is_lost_in_each_item_of_a_list_is_one_line_and_the_report_has_each() {
    let ids = |count: u64| json!({ "ids": (0..count).map(|at| 1_234_567_890_123_456_789 + at * 512).collect::<Vec<_>>() });
    let place = store_of([("a".to_owned(), ids(500)), ("b".to_owned(), ids(3))]);
    let (said, notes) = exported(&place);
    let rounded = "an integer of 19 digits, and is the same in the file, which JavaScript rounds";
    let of_all = format!(
        "session-pool: 503 values of 2 sessions, user_data.ids[0] in session a for one: user_data.ids[..] was {rounded}"
    );
    assert!(said.contains(&of_all) && said.len() < 10, "{said:#?}");
    let fields: Vec<&str> = notes.iter().filter_map(|note| note["field"].as_str()).collect();
    assert!(
        fields.contains(&"user_data.ids[499]") && fields.contains(&"user_data.ids[0]"),
        "each has its place"
    );
    assert_eq!(fields.iter().filter(|field| field.starts_with("user_data.ids[")).count(), 503);
}

#[test]
fn no_more_kinds_are_told_than_anybody_reads() {
    let place = store_of((0..300).map(|at| {
        let data = json!({ format!("order{at}"): 1_234_567_890_123_456_789_u64 });
        (format!("s{at}"), data)
    }));
    let (said, notes) = exported(&place);
    assert!(said.len() < 60, "{} lines", said.len());
    let others = said.iter().find_map(|line| line.strip_prefix("session-pool: and ")).unwrap();
    assert!(others.ends_with(" notes of other kinds"), "{others}");
    let all = format!("report: {} notes", notes.len());
    assert!(said.last().unwrap().ends_with(&all) && notes.len() >= 300, "{said:#?}");
}

#[test]
fn a_number_that_no_program_holds_comes_in_as_a_text() {
    let world = World::new();
    let digits = "7".repeat(321);
    let state = format!(
        r#"{{ "usableSessionsCount": 1, "shoe": 1e400, "sessions": [{{ "id": "a", "createdAt": "2026-03-01T00:00:00.000Z",
            "expiresAt": "2096-03-01T00:00:00.000Z", "hat": 3e999, "maxUsageCount": 2e308, "cookieJar": {{ "cookies": [] }},
            "userData": {{ "many": {digits}, "far": [1.5, -1E+400], "near": 1e308 }} }}] }}"#
    );
    let (file, new) = (world.write("state.json", &state), world.path("new"));
    let output = tool(&["import", &file, &new]);
    text(&output);
    let said = stderr(&output);
    for told in [
        "session a: userData.many was a number of 321 digits, and is a text of the same: no number here holds it\n",
        "session a: userData.far[1] was a number with an exponent, and is a text of the same: no number here holds it\n",
        "session a: maxUsageCount was 1e308 or beyond, and is 4294967295\n",
        "session a: hat is left out: 1e308 or beyond\n",
        "session-pool: shoe is left out: 1e308 or beyond\n",
    ] {
        assert!(said.contains(told), "{told}{said}");
    }
    let shown = json(&tool(&["show", &new, "a", "--reveal", "--format", "json"]));
    assert_eq!(shown["user_data"], json!({ "many": digits, "far": [1.5, "-1E+400"], "near": 1e308 }));
    // Where it is no JSON, it is refused where it stands.
    let file = world.write("state.json", &state.replace("-1E+400], ", "-1E+400]], "));
    let (says, code) = refusal(&tool(&["import", &file, &world.path("other")]));
    let column = state.lines().last().unwrap().find("-1E+400], ").unwrap() + "-1E+400]]".len();
    assert!(says.contains(&format!("line 3, column {column}: this is no JSON")) && code == 3, "{says}");
}

#[test]
fn a_number_that_no_program_holds_is_refused_elsewhere_by_the_rule_that_it_breaks() {
    let world = World::new();
    let good = text(&tool(&["export", &world.store()]));
    let bad = good.replacen("\"user_data\":{", "\"user_data\":{\"n\":1e400,", 1);
    let line = 1 + bad.lines().position(|line| line.contains("1e400")).unwrap();
    let column = 1 + bad.lines().find_map(|line| line.find("1e400")).unwrap();
    let file = world.write("bad.jsonl", &bad);
    let (says, code) = refusal(&tool(&["import", &file, &world.path("new")]));
    let rule =
        "a number is larger or has more digits than can be kept; user data can hold it as a text, in quotes";
    assert!(says.contains(&format!("line {line}, column {column}: {rule}")) && code == 3, "{says}");
    let file = world.write("bad.json", "{\"id\":\"x\"}\n\n{\"user_data\":{\"n\":[0,\n-1e400]}}");
    let (says, code) = refusal(&tool(&["add", &world.store(), "--file", &file, "--yes"]));
    assert!(says.contains("line 4") && says.contains(rule) && code == 3, "{says}");
}
