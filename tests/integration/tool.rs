//! The command-line tool, as a real process.

mod codes;
mod damaged_archives;
mod formats;
#[cfg(unix)]
mod paths;
#[cfg(unix)]
mod people;
mod questions;
#[cfg(unix)]
mod room;
#[cfg(feature = "encryption")]
mod two_keys;
mod untouched;

use std::process::{Command, Output, Stdio};

use serde_json::Value;
use session_pool::{Cookie, Fingerprint, Growth, SessionOptions, SessionPool};

use crate::support::{Place, engine, named};

pub(crate) fn tool(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_session-pool")).args(arguments).env_remove("COLUMNS").output().unwrap()
}

pub(crate) fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_str(&text(output)).unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// A store with two pools, some sessions, and some that are retired.
fn store() -> (Place, String) {
    let place = Place::disk();
    let sessions = place.open_store();
    let open =
        |name: &str| SessionPool::builder().name(name).growth(Growth::Manual).open_in(&sessions).unwrap();
    let (a, b) = (open("shop.example"), open("evil\u{202e}"));
    let secret = SessionOptions {
        proxy: Some("http://auto:topsecret@proxy.example:1".parse().unwrap()),
        fingerprint: Some(Fingerprint {
            headers: vec![("X-Api-Key".to_owned(), "topsecret".to_owned())],
            ..Fingerprint::default()
        }),
        ..named("alive").user_data("token", "topsecret").cookie(Cookie::new(
            "sid",
            "topsecret",
            "shop.example",
        ))
    };
    let _ = a.add(secret).unwrap().reclaim().unwrap();
    a.add(named("resting")).unwrap().rest_for(std::time::Duration::from_secs(1000)).unwrap();
    let _ = a.add(named("burnt")).unwrap().retire().unwrap();
    a.flush().unwrap();
    let blocked = a.add(SessionOptions { max_error_score: 1.0, ..named("blocked") }).unwrap();
    let _ = blocked.fail().unwrap();
    b.add(named("alive")).unwrap().set_user_data("name", "\u{1b}[2J\u{202e}evil").unwrap();
    drop((blocked, a, b, sessions));
    let path = place.path().to_str().unwrap().to_owned();
    (place, path)
}

#[test]
fn stats_counts_each_pool_by_state_and_reason_and_all_together() {
    let (_place, path) = store();
    let stats = json(&tool(&["stats", &path, "--format", "json"]));
    let shop = &stats["pools"][1];
    assert_eq!(shop["pool"], "shop.example");
    assert_eq!((&shop["live"], &shop["ready"], &shop["resting"]), (&2.into(), &1.into(), &1.into()));
    assert_eq!((&shop["retired"]["retired"], &shop["retired"]["blocked"]), (&1.into(), &1.into()));
    assert_eq!(shop["uses"], 3);
    assert_eq!((&stats["total"]["live"], &stats["total"]["uses"]), (&3.into(), &3.into()));

    let later = json(&tool(&["stats", &path, "--format", "json", "--at", "in 1h", "--since", "in 1h"]));
    assert_eq!((&later["total"]["ready"], &later["total"]["unusable"]["expired"]), (&0.into(), &3.into()));
    assert_eq!(later["total"]["retirements"]["by_reason"]["blocked"]["count"], 0);
    let of_one = json(&tool(&["stats", &path, "--format", "json", "--pool", "shop.example"]));
    assert_eq!((&of_one["pools"][0], &of_one["pools"][1]), (shop, &Value::Null));
    let lines = text(&tool(&["stats", &path, "--format", "jsonl"]));
    let line: Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    assert_eq!((&line["pool"], &line["retired_blocked"]), (&"shop.example".into(), &1.into()));
    let csv = text(&tool(&["stats", &path, "--format", "csv"]));
    assert!(csv.starts_with("pool,live,ready,resting,unusable,retired_blocked,"), "{csv}");
    assert!(csv.lines().nth(2).unwrap().starts_with("shop.example,2,1,1,0,1,0,0,1,2,3,"), "{csv}");
}

#[test]
fn stats_is_drawn_in_80_columns_in_characters_that_the_locale_has_and_without_colours_in_a_pipe() {
    let (_place, path) = store();
    let drawn = |arguments: &[&str], locale: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_session-pool"));
        text(&command.args(["stats", &path]).args(arguments).env("LC_ALL", locale).output().unwrap())
    };
    let blocks = drawn(&[], "C.UTF-8");
    assert!(blocks.contains('▇') && !blocks.contains('\u{1b}') && !blocks.contains('\u{202e}'), "{blocks}");
    assert!(blocks.lines().all(|line| line.chars().count() <= 80), "{blocks}");
    assert!(blocks.contains("ready 2") && blocks.contains("evil\\u{202e}"), "{blocks}");
    for ascii in [drawn(&[], "C"), drawn(&["--ascii"], "C.UTF-8")] {
        assert!(ascii.is_ascii() && ascii.contains('#'), "{ascii}");
    }
    assert!(drawn(&["--color", "always"], "C.UTF-8").contains("\u{1b}[32m"));
}

#[test]
fn list_filters_by_pool_state_and_reason() {
    let (_place, path) = store();
    let ids = |arguments: &[&str]| -> Vec<String> {
        let all = [&["list", &path, "--format", "json"], arguments].concat();
        let list = json(&tool(&all));
        list.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&[]).len(), 5);
    assert_eq!(ids(&["--pool", "shop.example", "--state", "live"]), ["alive", "resting"]);
    assert_eq!(ids(&["--state", "retired"]), ["blocked", "burnt"]);
    assert_eq!(ids(&["--reason", "retired"]), ["burnt"]);
    assert_eq!(ids(&["--limit", "2"]).len(), 2);
    assert_eq!(ids(&["--limit", "0"]), Vec::<String>::new());
    assert!(text(&tool(&["list", &path])).contains("retired  blocked"));
}

#[test]
fn show_masks_secrets_unless_told_to_reveal_them() {
    let (_place, path) = store();
    for format in ["json", "table"] {
        let show = |more: &[&str]| {
            let all =
                [&["show", &path, "alive", "--pool", "shop.example", "--format", format], more].concat();
            text(&tool(&all))
        };
        let masked = show(&[]);
        assert!(
            !masked.contains("topsecret") && masked.contains("***") && masked.contains("sid"),
            "{masked}"
        );
        assert_eq!(show(&["--reveal"]).matches("topsecret").count(), 4);
    }
    let both = json(&tool(&["show", &path, "alive", "--format", "json"]));
    assert_eq!(both.as_array().unwrap().len(), 2, "one in each pool");
}

#[test]
fn what_comes_from_a_site_is_escaped_on_a_terminal() {
    let (_place, path) = store();
    let shown = text(&tool(&["show", &path, "alive", "--reveal"]));
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown:?}");
}

#[test]
fn retirements_shows_the_log() {
    let (_place, path) = store();
    let log = json(&tool(&["retirements", &path, "--format", "json"]));
    assert_eq!(
        (&log[0]["id"], &log[0]["reason"], &log[0]["sequence"]),
        (&"burnt".into(), &"retired".into(), &1.into())
    );
    assert_eq!(log[1]["id"], "blocked");
    let after = json(&tool(&["retirements", &path, "--format", "json", "--after", "1"]));
    assert_eq!(after.as_array().unwrap().len(), 1);
    let none = json(&tool(&["retirements", &path, "--format", "json", "--reason", "expired"]));
    assert_eq!(none, Value::Array(Vec::new()));
    let newest = text(&tool(&["retirements", &path, "--limit", "1"]));
    assert!(newest.contains("blocked ") && !newest.contains("burnt"), "{newest}");
}

#[test]
fn exit_codes_tell_what_was_wrong_and_nothing_is_created() {
    let (place, path) = store();
    let missing = place.path().join("missing");
    let output = tool(&["stats", missing.to_str().unwrap()]);
    assert_eq!(code(&output), 3);
    assert!(!missing.exists());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.starts_with("session-pool: there is no session store") && message.lines().count() == 1,
        "{message}"
    );
    assert_eq!(code(&tool(&["stats", &format!("{path}/STORE")])), 3);
    assert_eq!(code(&tool(&["stats", &format!("{path}/engine")])), 3);
    assert_eq!(code(&tool(&["show", &path, "nobody"])), 5);
    assert_eq!(code(&tool(&["show", &path, "no body"])), 2);
    assert_eq!(code(&tool(&["list", &path, "--state", "undead"])), 2);
    assert_eq!(code(&tool(&["frobnicate"])), 2);
    let pool = place.open(|b| b);
    let output = tool(&["stats", &path]);
    assert_eq!(code(&output), 4);
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("process {}", std::process::id())));
    drop(pool);
    let mut file = std::fs::read(place.path().join("STORE")).unwrap();
    file.truncate(5);
    std::fs::write(place.path().join("STORE"), file).unwrap();
    assert_eq!(code(&tool(&["stats", &path])), 1);
}

#[test]
fn unreadable_items_are_passed_over_and_counted() {
    let (place, path) = store();
    {
        let engine = engine(&place);
        let tree = engine.open_tree("sessions").unwrap();
        let key =
            tree.iter().keys().find_map(|key| key.ok().filter(|key| key.ends_with(b"resting"))).unwrap();
        tree.insert(key, b"\x01\xff").unwrap();
    }
    let output = tool(&["list", &path, "--format", "json"]);
    assert_eq!(json(&output).as_array().unwrap().len(), 4);
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 unreadable"));
    let stats = json(&tool(&["stats", &path, "--format", "json"]));
    assert_eq!(stats["pools"][1]["unreadable_sessions"], 1);
    assert_eq!(stats["total"]["unreadable_sessions"], 1);
    let report = tool(&["report", &path, "--html", "-"]);
    assert!(String::from_utf8_lossy(&report.stderr).contains("1 unreadable"), "{:?}", report.stderr);
    let archive = place.path().with_file_name("a.archive");
    let backup = tool(&["backup", &path, archive.to_str().unwrap()]);
    assert_eq!(code(&backup), 6, "something is missing in it");
    assert!(archive.exists() && String::from_utf8_lossy(&backup.stdout).contains("4 sessions"));
}

#[test]
fn a_closed_pipe_is_quiet() {
    let place = Place::disk();
    let pool = place.open(|b| b.max_pool_size(5000).growth(Growth::Manual));
    for n in 0..3000 {
        pool.add(named(&format!("s{n}"))).unwrap();
    }
    drop(pool);
    let path = place.path();
    let mut child = Command::new(env!("CARGO_BIN_EXE_session-pool"))
        .args(["list", path.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Reads nothing, like a `head` that is gone.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), output.stderr.len()), (0, 0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn help_shows_an_example_of_each_command_and_the_exit_codes() {
    for command in ["stats", "list", "show", "retirements"] {
        assert!(text(&tool(&[command, "--help"])).contains("Example: session-pool"), "{command}");
    }
    assert!(text(&tool(&["--help"])).contains("Exit codes"));
    assert!(text(&tool(&["--version"])).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn check_says_whether_a_store_its_checkpoints_and_an_archive_are_sound() {
    let (place, path) = store();
    let checkpoint = place.open_store().checkpoint().unwrap().unwrap();
    let report = json(&tool(&["check", &path, "--format", "json"]));
    assert_eq!((&report["sessions"], &report["checkpoints"]), (&5.into(), &1.into()));
    assert_eq!((&report["was_closed"], &report["findings"]), (&true.into(), &Value::Array(Vec::new())));
    assert!(text(&tool(&["check", &path])).ends_with("sound\n"));
    assert!(text(&tool(&["check", &path])).contains(", 1 whole checkpoint: "));
    // An archive has no checkpoints.
    let said = text(&tool(&["check", checkpoint.to_str().unwrap()]));
    assert!(said.contains("5 sessions, ") && said.ends_with("log entries: sound\n"), "{said}");

    let mut bytes = std::fs::read(&checkpoint).unwrap();
    bytes.truncate(300);
    std::fs::write(&checkpoint, bytes).unwrap();
    for path in [path.as_str(), checkpoint.to_str().unwrap()] {
        let output = tool(&["check", path]);
        assert_eq!(code(&output), 6);
        assert!(String::from_utf8_lossy(&output.stdout).contains("cut short"), "{output:?}");
    }
    std::fs::remove_file(&checkpoint).unwrap();
    engine(&place).open_tree("by_state").unwrap().insert([&[0; 5][..], b"ghost"].concat(), &[]).unwrap();
    let output = tool(&["check", &path]);
    assert_eq!(code(&output), 6);
    assert!(String::from_utf8_lossy(&output.stdout).contains("ghost"), "{output:?}");
}

#[test]
fn a_store_is_backed_up_restored_and_repaired() {
    let (place, path) = store();
    let beside = |name: &str| place.path().with_file_name(name).to_str().unwrap().to_owned();
    let (archive, restored, repaired) =
        (beside("a.archive"), beside("restored"), beside("sessions.repaired"));
    let listed = |path: &str| text(&tool(&["list", path]));
    let before = listed(&path);
    assert!(text(&tool(&["backup", &path, &archive])).contains("5 sessions"));
    assert_eq!(code(&tool(&["backup", &path, &archive])), 2, "it is there already");
    assert!(text(&tool(&["restore", &archive, &restored])).contains("3 live and 2 retired sessions"));
    assert_eq!(listed(&restored), before);
    assert_eq!(code(&tool(&["restore", &archive, &restored])), 2, "it is there already");

    let database = place.path().join("engine/db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[100..2_000].fill(0);
    std::fs::write(&database, bytes).unwrap();
    let output = tool(&["stats", &path]);
    assert_eq!(code(&output), 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("repair"), "it says what to do: {output:?}");
    let output = tool(&["check", &path, "--format", "json"]);
    assert_eq!(code(&output), 6);
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&checked["findings"][0]["kind"], &checked["checkpoints"]), (&"damaged".into(), &0.into()));
    let output = tool(&["repair", &path, "--archive", &archive, "--format", "json"]);
    let report = json(&output);
    assert_eq!((&report["live"], &report["retired"]), (&3.into(), &2.into()));
    // Whether more was told than is left of the log, or changed since, nobody knows any more.
    let lost = report["lost"].as_array().unwrap();
    let is_doubt = |lost: &Value| lost.get("LogEnd").is_some() || lost.get("Newest").is_some();
    assert!(lost.iter().all(is_doubt), "{lost:?}");
    assert_eq!(report["sources"].as_array().unwrap().len(), 2);
    assert_eq!(listed(&repaired), before);
}

/// The log stands before the sessions in an archive: what is cut off it leaves many of whom only the log tells.
#[test]
fn what_is_lost_is_summed_up_and_the_new_store_remembers_all_of_it() {
    let place = Place::disk();
    let pool = place.open(|b| b);
    let leases: Vec<_> = (0..40).map(|_| pool.acquire().unwrap()).collect();
    for lease in leases {
        let _ = lease.retire().unwrap();
    }
    let beside = |name: &str| place.path().with_file_name(name).to_str().unwrap().to_owned();
    let (archive, restored, compacted) = (beside("a.archive"), beside("restored"), beside("compacted"));
    pool.session_store().backup_to(&archive).unwrap();
    drop(pool);
    let whole = std::fs::read(&archive).unwrap();
    std::fs::write(&archive, &whole[..whole.len() * 2 / 3]).unwrap();
    let output = tool(&["restore", &archive, &restored, "--damaged"]);
    assert_eq!(code(&output), 6, "not all is there");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<_> = told.lines().collect();
    let [from, damaged, unread, logged, all, made] = lines[..] else { panic!("{told}") };
    assert!(from.starts_with("from ") && from.ends_with(" sessions, 40 log entries"), "{from}");
    assert!(damaged.contains("cut short"), "{damaged}");
    assert!(unread.starts_with("lost: whatever") && unread.contains("live sessions too"), "{unread}");
    assert!(logged.starts_with("lost: pool default: of ") && logged.ends_with(" more"), "{logged}");
    assert!(all.contains("RECOVERY.json"), "{all}");
    assert!(made.ends_with("1 pool, 0 live and 40 retired sessions, 40 log entries"), "{made}");

    let report = std::path::Path::new(&restored).join("RECOVERY.json");
    let named: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    let number: usize = logged.split(' ').nth(4).unwrap().parse().unwrap();
    assert_eq!(named["lost"].as_array().unwrap().len(), 1 + 2 * number, "each by its id");
    // What is made of it remembers it, too.
    text(&tool(&["compact", &restored, "--into", &compacted, "--yes"]));
    for store in [&restored, &compacted] {
        assert!(text(&tool(&["check", store])).contains("RECOVERY.json tells what was lost"));
    }
}

#[test]
fn what_cannot_be_restored_is_one_line_and_leaves_nothing() {
    let (place, path) = store();
    let beside = |name: &str| place.path().with_file_name(name).to_str().unwrap().to_owned();
    let (archive, restored) = (beside("a.archive"), beside("restored"));
    std::fs::write(&archive, b"[]").unwrap();
    for arguments in [&["restore", &archive, &restored][..], &["repair", &path, "--archive", &archive]] {
        let output = tool(arguments);
        assert!(String::from_utf8_lossy(&output.stderr).contains(&archive), "it names the file: {output:?}");
    }
    for arguments in [
        &["restore", &archive, &restored][..],
        &["restore", &beside("missing"), &restored],
        &["repair", &beside("missing")],
        &["repair", &path, "--archive", &archive],
        &["check", &archive],
        &["backup", &beside("missing"), &beside("b.archive")],
    ] {
        let output = tool(arguments);
        assert_eq!(code(&output), 3, "{arguments:?}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1, "{output:?}");
        assert!(
            !std::path::Path::new(&restored).exists() && !place.path().with_file_name("b.archive").exists()
        );
    }
}
