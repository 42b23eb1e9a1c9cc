//! `export`, `import` and `diff`, as real processes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use session_pool::{Cookie, Fingerprint, Growth, SessionOptions, SessionPool};

use super::open;
use crate::support::{Place, assert_sound, content, named, worked_store};

pub(super) fn tool(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_session-pool")).args(arguments).output().unwrap()
}

fn with_stdin(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_session-pool"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that has seen enough does not read the rest.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

pub(super) fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(super) fn json(output: &Output) -> Value {
    serde_json::from_str(&text(output)).unwrap()
}

pub(super) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The one line of an error, and the exit code.
pub(super) fn refusal(output: &Output) -> (String, i32) {
    let says = stderr(output);
    assert_eq!(says.lines().count(), 1, "{says}");
    assert_eq!(output.stdout, b"", "{output:?}");
    (says, output.status.code().unwrap())
}

/// A store with a pool, and names beside it.
pub(super) struct World {
    pub(super) place: Place,
}

impl World {
    pub(super) fn new() -> Self {
        let place = Place::disk();
        let pool = place.open(|builder| builder.name("shop.example").growth(Growth::Manual));
        let secret = SessionOptions {
            proxy: Some("http://auto:topsecret@proxy.example:1".parse().unwrap()),
            ..named("alive").user_data("token", "topsecret\u{1b}[2J\u{202e}")
        };
        let attributes = json!({ "browser": "chrome", "device": { "apiToken": "topsecret" } });
        let fingerprint =
            Fingerprint { attributes: attributes.as_object().unwrap().clone(), ..Fingerprint::default() };
        let secret = SessionOptions { fingerprint: Some(fingerprint), ..secret };
        let secret = secret.cookie(Cookie::new("sid", "topsecret", "shop.example"));
        let _ = pool.add(secret).unwrap().reclaim().unwrap();
        let _ = pool.add(named("burnt")).unwrap().retire().unwrap();
        drop(pool);
        Self { place }
    }

    pub(super) fn store(&self) -> String {
        self.place.path().to_str().unwrap().to_owned()
    }

    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.place.path().with_file_name(name)
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.beside(name).to_str().unwrap().to_owned()
    }

    pub(super) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.beside(name), text).unwrap();
        self.path(name)
    }
}

fn content_of(path: &Path) -> Vec<String> {
    let store = open(path);
    assert_sound(&store);
    content(&store)
}

#[test]
fn a_store_goes_through_a_file_and_through_a_pipe_and_is_the_same() {
    let place = Place::disk();
    worked_store(&place, 41);
    let world = World { place };
    let file = world.path("a.jsonl");
    let output = tool(&["export", &world.store(), &file]);
    assert!(text(&output).contains("2 pools, "), "{output:?}");
    assert!(stderr(&output).contains("in it in clear"), "{output:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(text(&tool(&["import", &file, &world.path("b")])).contains("2 new pools"));
    let piped = text(&tool(&["export", &world.store()]));
    let output = with_stdin(&["import", "-", &world.path("c"), "--format", "json"], piped.as_bytes());
    assert_eq!(json(&output)["pools"], 2);
    let before = content_of(&world.place.path());
    assert_eq!(content_of(&world.beside("b")), before);
    assert_eq!(content_of(&world.beside("c")), before);
    let output = tool(&["diff", &world.store(), &world.path("b")]);
    assert!(text(&output).contains("no difference"), "{output:?}");

    let output = tool(&["export", &world.store(), &file]);
    let (says, code) = refusal(&output);
    assert!(
        says.contains(&file)
            && says.contains("there is something already, and it is left as it is")
            && code == 2,
        "{says}"
    );
    let output = tool(&["import", &file, &world.path("b")]);
    let (says, code) = refusal(&output);
    assert!(says.contains("a new store needs a path of its own; with --into-pool") && code == 2, "{says}");
}

#[test]
fn a_masked_export_shows_no_secret_and_is_refused() {
    let world = World::new();
    let output = tool(&["export", &world.store(), "-", "--mask"]);
    let masked = text(&output);
    assert!(!masked.contains("topsecret") && masked.contains("\"masked\":true"), "{masked}");
    assert!(masked.contains(r#""attributes":{"browser":"chrome","device":{"apiToken":"***"}}"#), "{masked}");
    for format in ["table", "json"] {
        let shown = text(&tool(&["show", &world.store(), "alive", "--format", format]));
        assert!(!shown.contains("topsecret") && shown.contains("chrome"), "{shown}");
    }
    assert_eq!(stderr(&output), "");
    let file = world.write("masked.jsonl", &masked);
    for more in [&[][..], &["--into-pool", "x"]] {
        let (says, code) = refusal(&tool(&[&["import", &file, &world.path("new")], more].concat()));
        assert!(says.contains("masked.jsonl: its secrets are masked") && code == 3, "{says}");
        assert!(!world.beside("new").exists());
    }
    let (says, code) = refusal(&tool(&["export", &world.store(), "-", "--mask", "--to", "crawlee-js"]));
    assert!(says.contains("--mask is for JSON Lines only") && code == 2);
}

#[test]
fn a_state_of_crawlee_comes_in_goes_out_and_tells_what_it_could_not_carry_over() {
    let world = World::new();
    let fixture = |name: &str| format!("{}/tests/fixtures/crawlee/{name}", env!("CARGO_MANIFEST_DIR"));
    for (name, to, sessions) in [
        ("crawlee-js-3.18.1.json", "crawlee-js", 6),
        ("crawlee-js-4.json", "crawlee-js-4", 2),
        ("crawlee-python-1.11.0.json", "crawlee-python", 5),
    ] {
        let (store, state) = (world.path(to), world.path(&format!("{to}.json")));
        let report = world.path(&format!("{to}.report"));
        let output = tool(&["import", &fixture(name), &store, "--report", &report, "--format", "json"]);
        let imported = json(&output);
        assert_eq!(imported["live"].as_u64().unwrap() + imported["retired"].as_u64().unwrap(), sessions);
        let notes = fs::read_to_string(&report).unwrap();
        assert_eq!(imported["notes"].as_u64().unwrap(), notes.lines().count() as u64);
        for line in notes.lines() {
            let note: Value = serde_json::from_str(line).unwrap();
            assert!(["dropped", "changed", "assumed"].contains(&note["fate"].as_str().unwrap()), "{line}");
        }
        assert!(stderr(&output).contains("taken to be "), "{output:?}");
        let stats = json(&tool(&["stats", &store, "--format", "json"]));
        assert_eq!(stats["pools"][0]["pool"], "default");
        let output = tool(&["export", &store, &state, "--to", to]);
        assert!(text(&output).contains(" usable, "), "{output:?}");
        let state: Value = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
        assert_eq!(state["sessions"].as_array().unwrap().len() as u64, sessions);
        // Into a store that is there, and there already.
        let again = &["import", &fixture(name), &world.store(), "--into-pool", to, "--yes"];
        assert!(text(&tool(again)).contains("1 new pool,"));
        let (says, code) = refusal(&tool(again));
        assert!(says.contains("already: --skip-existing passes over them") && code == 2, "{says}");
        let output = tool(&[again, &["--skip-existing", "--from", to][..]].concat());
        assert!(text(&output).contains(&format!("{sessions} were there already")), "{output:?}");
    }
    assert_sound(&open(&world.place.path()));
    let (says, code) = refusal(&tool(&["export", &world.store(), "-", "--to", "crawlee-js"]));
    assert!(says.contains("name one of them") && code == 2, "{says}");
    let (says, code) = refusal(&tool(&["export", &world.store(), "-", "--pool", "nowhere"]));
    assert!(
        says.contains(": there is no pool nowhere: it has the pools crawlee-js, ") && code == 5,
        "{says}"
    );
    // Of secrets only what it has place for.
    for (to, secrets) in [
        ("jsonl", "cookies, user data and proxy passwords are"),
        ("crawlee-js-4", "cookies, user data and proxy passwords are"),
        ("crawlee-js", "cookies and user data are"),
        ("crawlee-python", "cookies and user data are"),
    ] {
        let output = tool(&["export", &world.store(), "-", "--to", to, "--pool", "shop.example"]);
        assert!(stderr(&output).contains(&format!(": {secrets} in it in clear")), "{output:?}");
    }
    let output = tool(&["export", &world.store(), "-", "--to", "crawlee-js", "--pool", "shop.example"]);
    assert_eq!(json(&output)["sessions"].as_array().unwrap().len(), 2);
    assert!(stderr(&output).contains("session alive: proxy is left out: http://auto:***@proxy.example:1"));
}

#[test]
fn ids_that_do_not_fit_are_refused_with_a_hint_and_renamed_where_asked_for() {
    let world = World::new();
    let state = json!({ "usableSessionsCount": 1, "sessions": [
        { "id": "user-42", "createdAt": "2026-03-01T00:00:00.000Z", "expiresAt": "2096-03-01T00:00:00.000Z" },
    ] });
    let file = world.write("state.json", &state.to_string());
    let (says, code) = refusal(&tool(&["import", &file, &world.path("new")]));
    assert!(says.contains("state.json: sessions[0] (user-42): id is \"user-42\": must be 1 to 50"), "{says}");
    assert!(says.contains("; --rename-ids gives it another one") && code == 3, "{says}");
    let output = tool(&["import", &file, &world.path("new"), "--rename-ids", "--into-pool", "shop"]);
    assert!(text(&output).contains("1 new pool, 1 session: 1 usable"), "{output:?}");
    let shown =
        json(&tool(&["show", &world.path("new"), "user_42_7d06b873", "--reveal", "--format", "json"]));
    assert_eq!(shown["user_data"]["crawlee_id"], "user-42");
}

#[test]
fn a_dry_run_writes_nothing() {
    let world = World::new();
    let file = world.path("a.jsonl");
    assert!(tool(&["export", &world.store(), &file]).status.success());
    for more in [&[][..], &["--into-pool", "x"]] {
        let output = tool(&[&["import", &file, &world.path("new"), "--dry-run"], more].concat());
        assert!(
            text(&output)
                .contains("would be imported: 1 new pool, 2 sessions: 1 usable, 0 expired, 1 retired"),
            "{output:?}"
        );
        assert!(!world.beside("new").exists());
    }
    let before = content_of(&world.place.path());
    let output = tool(&["import", &file, &world.store(), "--dry-run", "--into-pool", "other"]);
    assert!(text(&output).contains("1 new pool, 2 sessions: 1 usable, 0 expired, 1 retired"), "{output:?}");
    let (says, code) =
        refusal(&tool(&["import", &file, &world.store(), "--dry-run", "--into-pool", "shop.example"]));
    assert!(says.contains("has the sessions alive, burnt already") && code == 2, "{says}");
    let (says, code) =
        refusal(&tool(&["import", &file, &world.path("new"), "--into-pool", "x", "--from-pool", "y"]));
    assert!(
        says.contains("a.jsonl: there is no pool y: it has the pool shop.example") && code == 5,
        "{says}"
    );
    // Where an import would be refused, so is its rehearsal.
    let state = format!("{}/tests/fixtures/crawlee/crawlee-js-4.json", env!("CARGO_MANIFEST_DIR"));
    for (file, target) in [(&file, world.store()), (&state, world.store()), (&file, file.clone())] {
        for more in [&[][..], &["--dry-run"]] {
            let (says, code) = refusal(&tool(&[&["import", file, &target], more].concat()));
            assert!(says.contains("there is something at") && code == 2, "{more:?}: {says}");
        }
    }
    assert_eq!(content_of(&world.place.path()), before);
}

#[test]
fn an_option_that_would_do_nothing_is_refused() {
    let world = World::new();
    let file = world.path("a.jsonl");
    assert!(tool(&["export", &world.store(), &file]).status.success());
    let state = format!("{}/tests/fixtures/crawlee/crawlee-js-4.json", env!("CARGO_MANIFEST_DIR"));
    for (file, option) in [(&file, "--rename-ids"), (&state, "--edited")] {
        let (says, code) = refusal(&tool(&["import", file, &world.path("new"), option]));
        assert!(says.contains(&format!("{option} is for ")) && code == 2, "{says}");
    }
}

/// Lines that were picked out with a text tool.
#[test]
fn sessions_that_were_picked_out_of_an_export_come_into_a_pool() {
    let world = World::new();
    let all = text(&tool(&["export", &world.store()]));
    let picked: Vec<&str> = all.lines().filter(|line| !line.contains("\"id\":\"alive\"")).collect();
    let file = world.write("picked.jsonl", &picked.join("\n"));
    let (says, code) = refusal(&tool(&["import", &file, &world.path("new"), "--into-pool", "x"]));
    assert!(
        says.contains("lines are missing, or were added; where it was edited: --edited") && code == 3,
        "{says}"
    );
    let output = tool(&["import", &file, &world.path("new"), "--into-pool", "x", "--edited"]);
    assert!(text(&output).contains("1 session: 0 usable, 0 expired, 1 retired; 1 log entry"), "{output:?}");
    assert_sound(&open(&world.beside("new")));
    let picked: Vec<&str> = all.lines().filter(|line| !line.contains("\"retirement\"")).collect();
    let file = world.write("picked.jsonl", &picked.join("\n"));
    let (says, code) = refusal(&tool(&["import", &file, &world.path("newer"), "--edited"]));
    assert!(says.contains("line 2: the pool shop.example lacks its retirements 1 to 1"), "{says}");
    assert!(
        says.contains("sessions that were picked out come into a pool with --into-pool NAME") && code == 3
    );
}

#[test]
fn bad_input_is_one_line_that_names_the_place_and_nothing_is_written() {
    let world = World::new();
    let good = text(&tool(&["export", &world.store()]));
    let cut = &good[..good.len() - 40];
    let hostile = good.replace("\"alive\"", "\"a\\u001b[2J\\u202e\\n\"");
    let cases = [
        ("empty", "", "it is empty"),
        ("cut", cut, "line 6, column"),
        (
            "type",
            &good.replacen("\"usage_count\":1", "\"usage_count\":\"1\"", 1),
            "usage_count is \"1\": must be a whole",
        ),
        (
            "version",
            &good.replacen("\"version\":1", "\"version\":7", 1),
            "the export has version 7, and this version",
        ),
        ("twice", &good.replacen("\"burnt\",\"created_at\"", "\"alive\",\"created_at\"", 1), "line "),
        ("huge", &good.replacen("topsecret", &"x".repeat(33 << 20), 1), "is longer than 33554432 bytes"),
        ("hostile", &hostile, "id is \"a\\u{1b}[2J\\u{202e}\\n\": must be 1 to 50"),
        (
            "state",
            "{\"sessions\":[{}],\"version\":9}",
            "it has nothing that tells Crawlee JS and Crawlee Python apart",
        ),
        ("archive", "\u{89}PNG", "this is no JSON"),
    ];
    for (name, text, says) in cases {
        let file = world.write(name, text);
        let (error, code) = refusal(&tool(&["import", &file, &world.path("new")]));
        assert!(error.contains(says) && error.contains(name), "{name}: {error}");
        assert!(!error.contains('\u{1b}') && !error.contains('\u{202e}'), "{error:?}");
        assert_eq!(code, 3, "{name}: {error}");
        assert!(!world.beside("new").exists(), "{name}");
    }
    let file = world.beside("utf8");
    fs::write(&file, [good.as_bytes(), &[0xFF, b'\n']].concat()).unwrap();
    let (error, code) = refusal(&tool(&["import", file.to_str().unwrap(), &world.path("new")]));
    assert!(error.contains("line 7") && code == 3, "{error}");

    let (error, code) = refusal(&tool(&["import", &world.path("missing"), &world.path("new")]));
    assert!(error.contains("missing: No such file") && code == 3, "{error}");
    let (error, code) = refusal(&tool(&["import", &world.store(), &world.path("new")]));
    assert!(error.contains("Is a directory") && code == 3, "{error}");
    let (error, code) = refusal(&with_stdin(&["import", "-", &world.path("new")], b"hello"));
    assert!(error.contains("stdin: line 1, column 1: this is no JSON") && code == 3, "{error}");
    let archive = world.path("a.archive");
    assert!(tool(&["backup", &world.store(), &archive]).status.success());
    let (error, code) = refusal(&tool(&["import", &archive, &world.path("new")]));
    assert!(error.contains("it is an archive, of which restoring makes a store") && code == 3, "{error}");
    assert!(!world.beside("new").exists());
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let world = World::new();
    let unwritable = world.path("missing/a.jsonl");
    for to in ["jsonl", "crawlee-python"] {
        let output = tool(&["export", &world.store(), &unwritable, "--to", to]);
        let (says, code) = refusal(&output);
        assert!(says.contains("missing/a.jsonl: there is no directory /") && code == 1, "{says}");
    }
    let state = format!("{}/tests/fixtures/crawlee/crawlee-js-4.json", env!("CARGO_MANIFEST_DIR"));
    let report = world.write("report", "mine");
    let (says, code) = refusal(&tool(&["import", &state, &world.path("new"), "--report", &report]));
    assert!(says.contains("cannot create the report") && code == 2, "{says}");
    assert_eq!(fs::read_to_string(&report).unwrap(), "mine");
    let report = world.path("new report");
    let (says, code) = refusal(&tool(&["import", &state, &world.store(), "--report", &report]));
    assert!(says.contains("--into-pool") && code == 2 && !world.beside("new report").exists(), "{says}");
    assert!(!world.beside("new").exists());
    let file = world.write("file", "mine");
    let (says, code) = refusal(&tool(&["import", &state, &file]));
    assert!(says.contains("there is something at") && code == 2, "{says}");
    // A store that somebody has open.
    let _open = world.place.open(|builder| builder);
    let (says, code) = refusal(&tool(&["import", &state, &world.store(), "--into-pool", "x"]));
    assert!(says.contains("in use") && code == 4, "{says}");
    #[cfg(target_os = "linux")]
    {
        let full = fs::File::create("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_session-pool"))
            .args(["import", &state, &world.path("new")])
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}

#[test]
fn a_closed_pipe_is_quiet() {
    let place = Place::disk();
    let pool = place.open(|builder| builder.max_pool_size(3000).growth(Growth::Manual));
    for n in 0..3000 {
        pool.add(named(&format!("s{n}"))).unwrap();
    }
    drop(pool);
    let (store, empty) = (place.path(), place.path().with_file_name("empty"));
    drop(SessionPool::open(&empty).unwrap());
    for arguments in [
        &["export", store.to_str().unwrap()][..],
        &["export", store.to_str().unwrap(), "-", "--to", "crawlee-python"],
        &["diff", empty.to_str().unwrap(), store.to_str().unwrap()],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_session-pool"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Reads nothing, like a `head` that is gone.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn diff_shows_rows_and_counts_in_every_format() {
    let world = World::new();
    let other = World::new();
    let pool = other.place.open(|builder| builder.name("shop.example").growth(Growth::Manual));
    pool.add(named("fresh")).unwrap();
    pool.get(&"alive".parse().unwrap()).unwrap().set_user_data("token", "topsecret2").unwrap();
    drop(pool);
    let diff = |more: &[&str]| tool(&[&["diff", &world.store(), &other.store()], more].concat());
    let rows = json(&diff(&["--format", "json"]));
    let find = |id: &str, field: Value| {
        let row = |row: &&Value| row["id"] == id && row["field"] == field;
        rows.as_array().unwrap().iter().find(row).unwrap_or_else(|| panic!("{id} {field}: {rows}")).clone()
    };
    let fresh = find("fresh", Value::Null);
    assert_eq!(
        (&fresh["change"], &fresh["what"], &fresh["to"]),
        (&json!("appeared"), &json!("session"), &json!("live"))
    );
    let token = find("alive", json!("user_data.token"));
    assert_eq!(
        (&token["change"], &token["from"], &token["to"]),
        (&json!("changed"), &json!("***"), &json!("***"))
    );
    let revealed = text(&diff(&["--reveal", "--format", "jsonl"]));
    assert!(revealed.contains("topsecret2"));
    assert_eq!(revealed.lines().count(), rows.as_array().unwrap().len());
    let csv = text(&diff(&["--format", "csv"]));
    assert!(csv.starts_with("change,what,pool,id,sequence,field,from,to\n"), "{csv}");
    let table = text(&diff(&[]));
    assert!(table.contains("sessions:    1 appeared, 0 went, ") && !table.contains("topsecret"), "{table}");
    let counts = json(&diff(&["--summary", "--format", "json"]));
    assert_eq!((&counts["sessions_appeared"], &counts["sessions_went"]), (&json!(1), &json!(0)));
    assert_eq!(text(&diff(&["--limit", "1", "--format", "jsonl"])).lines().count(), 1);
    let (says, code) = refusal(&diff(&["--pool", "nowhere"]));
    assert!(says.contains("neither of them has a pool nowhere") && code == 5, "{says}");
    let (says, code) = refusal(&tool(&["diff", &world.store(), &world.path("missing")]));
    assert!(says.contains("there is no session store") && code == 3, "{says}");
}

/// Every file of a directory: its name, bytes and time.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut all = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::metadata(&path).unwrap();
            if metadata.is_dir() {
                directories.push(path);
            } else {
                all.push((path.clone(), fs::read(&path).unwrap(), metadata.modified().unwrap()));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn a_store_that_is_looked_into_is_not_changed_and_one_that_is_held_offers_its_checkpoint() {
    let world = World::new();
    let checkpoint = world.place.open_store().checkpoint().unwrap().unwrap();
    let checkpoint = checkpoint.to_str().unwrap();
    let store = world.store();
    let before = files(&world.place.path());
    let from_store = text(&tool(&["export", &store]));
    text(&tool(&["export", &store, "-", "--to", "crawlee-js-4"]));
    assert!(text(&tool(&["diff", checkpoint, &store])).contains("no difference"));
    let empty = world.write("state.json", "{\"sessions\":[],\"usableSessionsCount\":0}");
    text(&tool(&["import", &empty, &store, "--into-pool", "x", "--dry-run"]));
    assert_eq!(files(&world.place.path()), before);

    let rest = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(rest(&text(&tool(&["export", checkpoint]))), rest(&from_store), "of an archive, the same");
    let held = world.place.open(|builder| builder);
    for arguments in [&["export", &store][..], &["diff", &store, checkpoint]] {
        let (says, code) = refusal(&tool(arguments));
        assert!(says.contains(&format!("session-pool {} --checkpoint", arguments.join(" "))), "{says}");
        assert_eq!(code, 4);
        let output = tool(&[arguments, &["--checkpoint"]].concat());
        assert!(output.status.success() && stderr(&output).contains("this is the checkpoint"), "{output:?}");
    }
    let (says, code) = refusal(&tool(&["import", &empty, &store, "--into-pool", "x", "--dry-run"]));
    assert!(says.contains("in use") && !says.contains("--checkpoint") && code == 4, "{says}");
    drop(held);
}

#[test]
fn help_shows_an_example_of_each() {
    for command in ["export", "import", "diff"] {
        assert!(text(&tool(&[command, "--help"])).contains("Example: session-pool"), "{command}");
    }
}
